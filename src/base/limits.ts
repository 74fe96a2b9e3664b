/** Every bound of the router, and what a peer sees when it meets it. Units: `_max` counts things, `Bytes_max` bytes, `_ms` milliseconds. */
import { assert } from "./assert.ts";
import { limitRules } from "./limit-rules.ts";

export { fixedLimits } from "./fixed-limits.ts";

/** Bounds that an embedding program may set. */
export interface Limits {
  /**
   * Largest inbound frame; a power of two from 512 to 16 MiB. WebSocket: close 1009. RawSocket: connection ended. HTTP: 413. A whole
   * inbound batch may have as much, and the framing of one message: four bytes, one in JSON. Beyond: close 1009, HTTP 413.
   */
  readonly frameBytes_max: number;
  /**
   * Connections over all listeners. Beyond: HTTP 503, RawSocket error 4. A TLS listener on node:tls also counts those that shake hands.
   * Beyond: closed.
   */
  readonly connections_max: number;
  /** Time from connection to WELCOME. Beyond: connection closed. */
  readonly handshake_ms: number;
  /** Time to wait for the peer's GOODBYE after ours. Beyond: connection closed. */
  readonly goodbye_ms: number;
  /** Silence after which a connection is taken for dead; pings are sent at a third of it. */
  readonly idle_ms: number;
  /** Subscriptions of one session. Beyond: ERROR wamp.error.unavailable. */
  readonly subscriptionsPerSession_max: number;
  /** Registrations of one session. Beyond: ERROR wamp.error.unavailable. */
  readonly registrationsPerSession_max: number;
  /** Calls one caller may have in flight. Beyond: ERROR wamp.error.unavailable. */
  readonly callsPerSession_max: number;
  /**
   * Calls of one session that procedures of the router's own have not answered yet, because they wait for the store or for a hash, or take long.
   * Beyond: ERROR wamp.error.unavailable to each call of such a procedure.
   */
  readonly waitingCallsPerSession_max: number;
  /** Invocations one callee may have outstanding. Beyond: ERROR wamp.error.unavailable to the caller. */
  readonly invocationsPerSession_max: number;
  /** Callees that one CALL to all of them may reach, 65,535 at most. Beyond: ERROR wamp.error.unavailable. */
  readonly calleesPerCall_max: number;
  /** Bytes of one CALL times the callees it goes to. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly callBytesToAll_max: number;
  /** Bytes of the answers that one call gathers. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly gatherBytes_max: number;
  /** Bytes of the answers gathered for all calls together. Beyond: ERROR wamp.error.unavailable. */
  readonly gatherBytesTotal_max: number;
  /** Longest call timeout accepted; a larger one is lowered to it. */
  readonly callTimeout_ms: number;
  /**
   * Patterns one event may match. Beyond: ERROR wamp.error.unavailable, or silence if not acknowledged. The default is never met: there
   * are at most one exact pattern, a prefix for each length of a URI, and 1,024 wildcard patterns.
   */
  readonly matches_max: number;
  /**
   * Bytes queued for one session; four times as many while it waits for its turn with large frames. Beyond: EVENTs are dropped and
   * counted; a reply that does not fit ends the session.
   */
  readonly outboxBytes_max: number;
  /** Bytes queued for all sessions together, and in sockets as below. Beyond: EVENTs for blocked sessions are dropped and counted. */
  readonly egressBytes_max: number;
  /** Bytes that wait for another worker. Beyond: EVENTs for the subscribers there are dropped and counted; nothing else is. */
  readonly linkBytes_max: number;
  /** SUBSCRIBEs, REGISTERs and UNREGISTERs of one worker that wait for the others. Beyond: ERROR wamp.error.unavailable. */
  readonly directoryPending_max: number;
  /** Frames larger than this fan out over several loop turns. */
  readonly largeFrameBytes: number;
  /** Bytes of large frames handed to sockets in one loop turn, and of those that are taken in; one frame in any case. */
  readonly largeBytesPerTurn_max: number;
  /**
   * Bytes of large frames that sockets hold, over all of them. Beyond: those that follow wait in the outboxes, where the receivers of an
   * event share it. Connections that take nothing for `stalledSocket_ms` may hold as many again. Beyond: the first of them is ended.
   */
  readonly socketBytes_max: number;
  /** Frames of one session handled in one loop turn; the rest waits in the session's inbox. */
  readonly framesPerTurn_max: number;
  /**
   * Bytes waiting in one session's inbox. Beyond: ABORT wamp.error.unavailable, close. As many may wait before it, in the sends of
   * an HTTP transport. Beyond: HTTP 503.
   */
  readonly inboxBytes_max: number;
  /**
   * How late the event loop is by the router's own work, in several samples in a row, for it to count as overloaded; and the bytes that wait in all
   * inboxes for the same. Beyond: new connections are refused, HTTP 503, RawSocket error 4; if that is not enough, unacknowledged
   * PUBLISHes of the sessions that send most of them are dropped and counted. It ends below half of both.
   */
  readonly overloadDelay_ms: number;
  readonly overloadBacklogBytes: number;
  /** Calls that wait for a free callee of one registration with `concurrency`. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedCallsPerRegistration_max: number;
  /** Bytes of their frames. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedBytesPerRegistration_max: number;
  /** Calls that wait, and bytes of their frames, over all registrations. Beyond: ERROR wamp.error.unavailable. */
  readonly queuedCalls_max: number;
  readonly queuedBytes_max: number;
  /**
   * Bytes of the latest calls of registrations with several callees, kept to be rerouted; 0 keeps none. A call that so many bytes of
   * others have followed, or that is larger than a sixteenth of it, is not rerouted: the caller gets the callee's ERROR.
   */
  readonly rerouteBytes_max: number;
  /** Events of the router itself – meta events, testaments – in one loop turn. Beyond: dropped and counted. */
  readonly routerEvents_max: number;
  /** Entries of a list that the meta API answers with. Beyond: ERROR wamp.error.payload_size_exceeded. */
  readonly listed_max: number;
  /** Testaments of one session, of both scopes. Beyond: ERROR wamp.error.unavailable. */
  readonly testamentsPerSession_max: number;
  /** Bytes of one session's testaments together. Beyond: ERROR wamp.error.unavailable. */
  readonly testamentBytes_max: number;
  /** URIs that one session may describe for reflection. Beyond: ERROR wamp.error.unavailable. */
  readonly definitionsPerSession_max: number;
  /** Bytes of one session's descriptions together. Beyond: ERROR wamp.error.unavailable. */
  readonly definitionBytes_max: number;
  /** Retained events of one realm. Beyond: an event is not retained, counted and logged once; its PUBLISH succeeds. */
  readonly retained_max: number;
  /** Bytes of one realm's retained events: frames, 256 for each, 320 for each component of their topics. Beyond: as above. */
  readonly retainedBytes_max: number;
  /** Frame of one retained event. Beyond: as above. */
  readonly retainedEventBytes_max: number;
  /**
   * Retained events of one topic with receiver lists, beside the one that is for everybody. Beyond: the oldest of them goes.
   */
  readonly retainedPerTopic_max: number;
  /** Retained events sent for one SUBSCRIBE. Beyond: the others are not sent, counted. */
  readonly retainedReplay_max: number;
  /** Topics in one answer of spanwire.retained.list. Beyond: the answer has as many. */
  readonly retainedList_max: number;
  /** Events of one history, whatever its configuration says. Beyond: the oldest goes. */
  readonly history_max: number;
  /** Bytes of one history, frames and 256 for each event. Beyond: the oldest goes. */
  readonly historyBytes_max: number;
  /** Bytes of all histories together. Beyond: the oldest event of the history that grows goes. */
  readonly historiesBytes_max: number;
  /** Events in one answer of wamp.subscription.get_events. Beyond: the answer has as many; ask on by publication. */
  readonly historyResult_max: number;
  /** Bytes of one such answer. Beyond: the answer ends before the event that would exceed them. */
  readonly historyResultBytes_max: number;
  /** Time after which an EVENT of an acknowledged subscription is sent again, if EVENT_RECEIVED has not come. */
  readonly redelivery_ms: number;
  /** How often such an EVENT is sent. Beyond: it counts as undelivered. */
  readonly deliveries_max: number;
  /** EVENTs that one session has not acknowledged. Beyond: EVENTs of its acknowledged subscriptions are dropped and counted. */
  readonly unacknowledged_max: number;
  /** Bytes of them. Beyond: as above. */
  readonly unacknowledgedBytes_max: number;
  /** How long a long-poll waits for a message. Then: HTTP 204. Some clients give up after 12 seconds. */
  readonly poll_ms: number;
  /** Silence after which the client of an HTTP transport is taken for gone: no poll, no open stream, no send. Then: its session ends. */
  readonly httpIdle_ms: number;
  /** An event stream that has had nothing to say for so long gets a comment, for proxies that end silent connections. */
  readonly sseKeepAlive_ms: number;
  /** Messages and bytes that wait in an HTTP transport for its client to fetch them. Beyond, they wait in the session's outbox. */
  readonly httpQueueMessages_max: number;
  readonly httpQueueBytes_max: number;
  /** Sends of one HTTP transport that are under way at one time. Beyond: HTTP 503. */
  readonly httpSends_max: number;
  /** Bytes of HTTP bodies held while they arrive, over all requests of a listener. Beyond: HTTP 503. */
  readonly httpBodiesBytes_max: number;
  /** Questions to authorizers that are under way. Beyond: the request is refused, wamp.error.not_authorized. */
  readonly authorizerCalls_max: number;
  /** How long one may take. Beyond: as above. */
  readonly authorizer_ms: number;
  /** How long a resumable session waits for its client without a transport. Beyond: it ends, ABORT wamp.error.no_such_session. */
  readonly resumeGrace_ms: number;
  /** Sessions waiting so. Beyond: a session that loses its transport ends at once, as if it were not resumable. */
  readonly detachedSessions_max: number;
  /**
   * Messages and bytes kept for one resumable session, to be replayed. Beyond: the oldest are forgotten, and a resume that needs them
   * ends in ABORT wamp.error.no_such_session; where they were never sent the session ends at once.
   */
  readonly resumeLogFrames_max: number;
  readonly resumeLogBytes_max: number;
  /**
   * Decisions about access that are remembered for sessions with the same rules, and for all together. Beyond: the oldest are
   * forgotten, and made again when they are needed; no peer notices but by time.
   */
  readonly accessDecisions_max: number;
  readonly accessDecisionsTotal_max: number;
  /** Sessions, and their subscriptions and registrations, that are looked at in one turn when rights have changed; the rest follows. */
  readonly accessSweep_max: number;
  /** Refusals that administrators can look up. Beyond: the oldest are forgotten. */
  readonly denials_max: number;
  /** Bytes kept for all resumable sessions. Beyond: as above; from half of it on, each session in touch with its client keeps only its share. */
  readonly resumeBytes_max: number;
  /** Key derivations that run and wait, of several workers each its part. Beyond: the login is refused, ABORT wamp.error.unavailable. */
  readonly derivations_max: number;
  /** Key derivations that run at one time, beside each of the router's threads. Beyond: they wait. */
  readonly derivationsRunning_max: number;
  /** Logins under way, and those of them from one address or one /64 of IPv6. Beyond: ABORT wamp.error.unavailable. */
  readonly logins_max: number;
  readonly loginsPerSource_max: number;
  /** For how long a failed login counts. */
  readonly failedLogins_ms: number;
  /** Failed logins from one address, or one /64 of IPv6, in that time. Beyond: ABORT wamp.error.unavailable. */
  readonly failedLoginsPerSource_max: number;
  /** Those under one name in realms that share users, anybody's or not, but for where its owner was lately. Beyond: the same. */
  readonly failedLoginsPerAuthid_max: number;
  /** Addresses, and names, whose failed logins are counted. Beyond: the oldest count is forgotten, over several workers an old one. */
  readonly failedLogins_max: number;
  /** Calls of authenticators under way, and those of them in one realm. Beyond: ABORT wamp.error.unavailable. */
  readonly authenticatorCalls_max: number;
  readonly authenticatorCallsPerRealm_max: number;
  /** Time for the answer of an authenticator. Then the login fails, ABORT wamp.error.authentication_failed. */
  readonly authenticator_ms: number;
}

export const defaultLimits: Limits = Object.freeze({
  frameBytes_max: 1 << 20,
  connections_max: 200_000,
  handshake_ms: 10_000,
  goodbye_ms: 2_000,
  idle_ms: 60_000,
  subscriptionsPerSession_max: 100_000,
  registrationsPerSession_max: 10_000,
  callsPerSession_max: 16_384,
  waitingCallsPerSession_max: 256,
  invocationsPerSession_max: 65_536,
  calleesPerCall_max: 1_024,
  callBytesToAll_max: 16 << 20,
  gatherBytes_max: 1 << 20,
  gatherBytesTotal_max: 64 << 20,
  callTimeout_ms: 86_400_000,
  matches_max: 4_096,
  outboxBytes_max: 4 << 20,
  egressBytes_max: 256 << 20,
  linkBytes_max: 16 << 20,
  directoryPending_max: 1 << 18,
  largeFrameBytes: 64 << 10,
  largeBytesPerTurn_max: 4 << 20,
  socketBytes_max: 64 << 20,
  framesPerTurn_max: 2_048,
  inboxBytes_max: 8 << 20,
  overloadDelay_ms: 500,
  overloadBacklogBytes: 256 << 20,
  queuedCallsPerRegistration_max: 4_096,
  queuedBytesPerRegistration_max: 8 << 20,
  queuedCalls_max: 65_536,
  queuedBytes_max: 64 << 20,
  rerouteBytes_max: 4 << 20,
  routerEvents_max: 1 << 16,
  listed_max: 1 << 17,
  testamentsPerSession_max: 64,
  testamentBytes_max: 64 << 10,
  definitionsPerSession_max: 1_024,
  definitionBytes_max: 256 << 10,
  retained_max: 1_000_000,
  retainedBytes_max: 512 << 20,
  retainedEventBytes_max: 64 << 10,
  retainedPerTopic_max: 8,
  retainedReplay_max: 100_000,
  retainedList_max: 1_000,
  history_max: 100_000,
  historyBytes_max: 16 << 20,
  historiesBytes_max: 256 << 20,
  historyResult_max: 1_000,
  historyResultBytes_max: 256 << 10,
  redelivery_ms: 10_000,
  deliveries_max: 5,
  unacknowledged_max: 4_096,
  unacknowledgedBytes_max: 4 << 20,
  poll_ms: 10_000,
  httpIdle_ms: 60_000,
  sseKeepAlive_ms: 15_000,
  httpQueueMessages_max: 1_000,
  httpQueueBytes_max: 1 << 20,
  httpSends_max: 1_024,
  httpBodiesBytes_max: 64 << 20,
  authorizerCalls_max: 4_096,
  authorizer_ms: 5_000,
  resumeGrace_ms: 60_000,
  detachedSessions_max: 10_000,
  resumeLogFrames_max: 16_384,
  resumeLogBytes_max: 4 << 20,
  resumeBytes_max: 256 << 20,
  derivations_max: 1_024,
  derivationsRunning_max: 1,
  logins_max: 16_384,
  loginsPerSource_max: 4_096,
  failedLogins_ms: 60_000,
  failedLoginsPerSource_max: 100,
  failedLoginsPerAuthid_max: 20,
  failedLogins_max: 65_536,
  authenticatorCalls_max: 1_024,
  authenticatorCallsPerRealm_max: 256,
  authenticator_ms: 5_000,
  accessDecisions_max: 4_096,
  accessDecisionsTotal_max: 1 << 18,
  accessSweep_max: 2_048,
  denials_max: 4_096,
});

/** Fills in what is not given, from the defaults and from the size of frames. */
export function completeLimits(given: Partial<Limits>): Limits {
  const frameBytes_max = given.frameBytes_max ?? defaultLimits.frameBytes_max;
  return {
    ...defaultLimits,
    // One full frame must fit behind another, however large the frames are.
    outboxBytes_max: Math.max(defaultLimits.outboxBytes_max, 4 * frameBytes_max),
    inboxBytes_max: Math.max(defaultLimits.inboxBytes_max, 2 * frameBytes_max),
    linkBytes_max: Math.max(defaultLimits.linkBytes_max, 2 * frameBytes_max),
    // A call that may be made to one callee may be made to a few, and answered by the largest frame.
    callBytesToAll_max: Math.max(defaultLimits.callBytesToAll_max, 16 * frameBytes_max),
    gatherBytes_max: frameBytes_max,
    httpBodiesBytes_max: Math.max(defaultLimits.httpBodiesBytes_max, 4 * frameBytes_max),
    queuedBytesPerRegistration_max: Math.max(defaultLimits.queuedBytesPerRegistration_max, frameBytes_max),
    ...given,
  };
}

/** Completes a partial table from the defaults and checks the relations between its entries. */
export function limitsFrom(given: Partial<Limits>): Limits {
  const limits = completeLimits(given);
  for (const { holds, message } of limitRules) assert(holds(limits), message);
  return Object.freeze(limits);
}
