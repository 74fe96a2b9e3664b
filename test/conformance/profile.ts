/**
 * The profile that Spanwire is measured against: every feature of the WAMP specification and of the routers in use, one row
 * each. Tests name the rows they prove; `evidence.ts` puts the two together.
 */
export interface Announcement {
  readonly key: string;
  /** The router's roles that may announce it. */
  readonly roles: readonly ("broker" | "dealer")[];
}

export interface Row {
  readonly id: string;
  readonly feature: string;
  /** What the specification says of it; "none" where it is no part of it. */
  readonly status: string;
  readonly announced?: Announcement;
  /** Why no router test will ever prove it here. */
  readonly outOfScope?: string;
  /** Built later, and with what. */
  readonly later?: string;
}

const row = (id: string, status: string, feature: string, more: Partial<Row> = {}): Row => ({
  id,
  feature,
  status,
  ...more,
});
const dealer = (key: string): Partial<Row> => ({ announced: { key, roles: ["dealer"] } });
const broker = (key: string): Partial<Row> => ({ announced: { key, roles: ["broker"] } });
const both = (key: string): Partial<Row> => ({ announced: { key, roles: ["broker", "dealer"] } });

const basic: readonly Row[] = [
  row("B-01", "stable", "HELLO is answered by WELCOME with roles and features"),
  row("B-02", "stable", "A session that cannot be opened is answered by ABORT with the reason"),
  row("B-03", "stable", "GOODBYE in both directions, echoed once"),
  row("B-04", "stable", "A new session on the same transport after GOODBYE"),
  row("B-05", "stable", "Messages out of place (second HELLO, any before it): ABORT protocol_violation"),
  row("B-06", "stable", "Request ids out of sequence: ABORT (strict realms)"),
  row("B-07", "stable", "Frames that cannot be read: ABORT protocol_violation"),
  row("B-08", "stable", "Loose URI rules"),
  row("B-09", "stable", "Strict URI rules, by configuration"),
  row("B-10", "stable", "Names under wamp. are refused to clients"),
  row("B-11", "stable", "Ids from 1 to 2^53, each in its scope"),
  row("B-12", "stable", "PUBLISH, SUBSCRIBE, UNSUBSCRIBE, acknowledgement"),
  row("B-13", "stable", "REGISTER, UNREGISTER, CALL, INVOCATION, YIELD, ERROR"),
  row("B-14", "stable", "Order of events, of calls, and of acknowledgements before what they allow"),
  row("B-15", "stable", "Binary values in JSON"),
];

const rpc: readonly Row[] = [
  row("R-01", "stable", "Progressive call results", dealer("progressive_call_results")),
  row("R-02", "alpha", "Progressive call invocations", dealer("progressive_call_invocations")),
  row("R-03", "alpha", "Call timeout, in the router or forwarded to the callee", dealer("call_timeout")),
  row("R-04", "alpha", "Call canceling: skip, kill, killnowait", dealer("call_canceling")),
  row("R-05", "stable", "Caller identification", dealer("caller_identification")),
  row("R-06", "alpha", "Call trust levels", dealer("call_trustlevels")),
  row("R-07", "stable", "Prefix and wildcard registrations", dealer("pattern_based_registration")),
  row("R-08", "beta", "Shared registrations and their policies", dealer("shared_registration")),
  row("R-09", "alpha", "Sharded registrations", dealer("sharded_registration")),
  row("R-10", "alpha", "Registrations revoked by the router", dealer("registration_revocation")),
  row("R-11", "sketch", "Calls rerouted when a callee is unavailable", dealer("call_reroute")),
  row("R-12", "sketch", "Procedures described to clients (reflection)", dealer("reflection")),
  row("R-13", "beta", "Registration meta API", dealer("registration_meta_api")),
  row("R-14", "stable", "A callee that leaves: its calls are canceled"),
  row("R-15", "alpha", "A caller that leaves: its callees are interrupted"),
  row("R-16", "none", "Concurrency of a callee, with a bounded queue of calls"),
  row("R-17", "none", "A registration taken over (force_reregister)"),
];

const pubsub: readonly Row[] = [
  row("P-01", "stable", "Receivers excluded and chosen by lists", broker("subscriber_blackwhite_listing")),
  row("P-02", "stable", "The publisher is excluded, or asks not to be", broker("publisher_exclusion")),
  row("P-03", "stable", "Publisher identification", broker("publisher_identification")),
  row("P-04", "alpha", "Publication trust levels", broker("publication_trustlevels")),
  row("P-05", "stable", "Prefix and wildcard subscriptions", broker("pattern_based_subscription")),
  row("P-06", "alpha", "Sharded subscriptions", broker("sharded_subscription")),
  row("P-07", "beta", "Event history", broker("event_history")),
  row("P-08", "beta", "Retained events", broker("event_retention")),
  row("P-09", "alpha", "Subscriptions revoked by the router", broker("subscription_revocation")),
  row("P-10", "alpha", "Testaments of sessions", both("testament_meta_api")),
  row("P-11", "beta", "Subscription meta API", broker("subscription_meta_api")),
  row("P-12", "sketch", "Topics described to clients (reflection)", broker("reflection")),
  row(
    "P-13",
    "provisional",
    "Delivery of events acknowledged by the subscriber",
    broker("acknowledge_event_received"),
  ),
];

const sessions: readonly Row[] = [
  row("S-01", "beta", "Session meta API: count, list, get", both("session_meta_api")),
  row("S-02", "beta", "Sessions killed by id, authid, authrole", both("session_meta_api")),
  row("S-03", "beta", "All sessions killed", both("session_meta_api")),
  row("S-04", "beta", "Events when sessions join and leave", both("session_meta_api")),
  row("S-05", "sketch", "Payload passthru mode", both("payload_passthru_mode")),
  row("S-06", "removed, still in the vectors", "Opaque payloads in their older form (enc_algo)"),
  row("S-07", "sketch", "Sessions resumed after a lost connection"),
  row("S-08", "to be written", "Links between routers", { later: "with clustering" }),
  row("S-09", "sketch", "Interface catalogs", {
    outOfScope: "the specification has no text that two implementations could agree on",
  }),
  row("S-10", "to be written", "End-to-end encryption", {
    outOfScope: "a matter of clients: the router carries what they encrypt (payload passthru) unread",
  }),
];

const authentication: readonly Row[] = [
  row("A-01", "stable", "Anonymous sessions"),
  row("A-02", "beta", "Tickets"),
  row("A-03", "stable", "Challenge-response with a secret, plain and salted"),
  row("A-04", "beta", "Ed25519 signatures (cryptosign)"),
  row("A-05", "beta", "Cryptosign bound to the TLS channel"),
  row("A-06", "beta", "Cryptosign in which the router proves itself too"),
  row("A-07", "text only", "SCRAM"),
  row("A-08", "none", "TLS client certificates"),
  row("A-09", "none", "Cookies", {
    outOfScope: "a cookie outlives the session it was made for, and kills do not end it",
  }),
  row("A-10", "to be written", "Authentication by a procedure"),
  row("A-11", "text only", "Permissions of roles, by URI and match"),
  row("A-12", "text only", "Authorization by a procedure"),
  row("A-13", "none", "OAuth 2, OpenID Connect, JWT"),
];

const transports: readonly Row[] = [
  row("T-01", "stable", "WebSocket"),
  row("T-02", "none (RFC 7692)", "Compression of WebSocket messages"),
  row("T-03", "sketch", "Batched WebSocket"),
  row("T-04", "stable", "RawSocket over TCP and Unix sockets"),
  row("T-05", "stable", "RawSocket PING and PONG"),
  row("T-06", "none", "WebSocket, RawSocket and HTTP on one port"),
  row("T-07", "beta", "HTTP long-poll"),
  row("T-08", "none", "Server-sent events"),
  row("T-09", "sketch", "Several sessions on one transport", {
    outOfScope: "the specification has a sketch only, and no client has it",
  }),
  row("T-10", "stable", "JSON"),
  row("T-11", "stable", "MessagePack"),
  row("T-12", "stable", "CBOR"),
  row("T-13", "stable", "UBJSON", { outOfScope: "every client that has it has MessagePack or CBOR too" }),
  row("T-14", "stable", "FlatBuffers", { outOfScope: "every client that has it has CBOR too" }),
  row("T-15", "none", "Payloads of static schemas passed through", {
    outOfScope: "a router that does not read payloads carries them as binary values already",
  }),
  row("T-16", "none", "MQTT clients", { later: "with the bridges" }),
  row("T-17", "none", "HTTP requests as publications and calls", { later: "with the bridges" }),
  row("T-18", "none", "Sessions inside the router's process"),
];

export const profile: readonly Row[] = [
  ...basic,
  ...rpc,
  ...pubsub,
  ...sessions,
  ...authentication,
  ...transports,
];
