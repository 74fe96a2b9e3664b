/** What callers of the client pass in and get back, in the client's own spelling, and its translation to WAMP's options. */
import type { PublicationId, RegistrationId, SubscriptionId } from "../base/ids.ts";

export type Args = readonly unknown[];
export type Kwargs = Readonly<Record<string, unknown>>;

export interface CallResult {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
}

export type MatchPolicy = "exact" | "prefix" | "wildcard";
export type InvokePolicy = "single" | "roundrobin" | "random" | "first" | "last";
export type CancelPolicy = "skip" | "kill" | "killnowait";

/** How `wss:` and `tcps:` URLs are connected to; the certificates and the key are PEM. Not in browsers, which have their own ways. */
export interface TlsOptions {
  /** The authorities that the router's certificate may come from; the runtime's own where absent. */
  readonly ca?: string | readonly string[];
  /** The client's own certificate with its chain, and its key: for the method `tls`. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the router's certificate must have, where it is not the URL's. */
  readonly servername?: string;
}

/** `trust`, `tls` and `anonymous` need no secret; whether they let the client in is up to the router. */
export type AuthMethodName =
  | "anonymous"
  | "trust"
  | "password"
  | "ticket"
  | "wampcra"
  | "wamp-scram"
  | "cryptosign"
  | "oauth2"
  | "tls";

/** Who the client is, and what proves it. */
export interface AuthOptions {
  /** The name of the user. `wamp-scram` needs one, and most routers want one for all methods but `anonymous`. */
  readonly authid?: string;
  /** The one role, of those that the user has, to act in; absent: all of them. */
  readonly authrole?: string;
  /**
   * What is offered, in the order of preference. Absent: `cryptosign` with a secretKey, `wamp-scram` and `wampcra` with a password,
   * `ticket` with a ticket, `oauth2` with a token, and `anonymous` with none of them. `password`, and `ticket` with the password, show
   * the router the password itself: they are offered only where they are named here, and belong on TLS.
   */
  readonly methods?: readonly AuthMethodName[];
  readonly password?: string;
  readonly ticket?: string;
  /** An OAuth2 access token (JWT). */
  readonly token?: string;
  /** `cryptosign`: the seed of the Ed25519 key, 32 bytes in hex. */
  readonly secretKey?: string;
  /** `cryptosign`: the router's public key, 32 bytes in hex. Where it is given the router must prove that it has the key. */
  readonly routerKey?: string;
  /**
   * `cryptosign`, and `wamp-scram` with `tls-exporter`: binds the login to this TLS connection, so that nobody in the middle can use it.
   * Fails where the connection has none: it takes Node and a `wss:` or `tcps:` URL.
   */
  readonly channelBinding?: "tls-exporter" | "tls-unique";
  /** Further members of HELLO.Details.authextra. */
  readonly extra?: Kwargs;
}

interface AnyOptions {
  /** Further WAMP options, sent as they are. */
  readonly extra?: Kwargs;
}

export interface CallOptions extends AnyOptions {
  /** The router answers `wamp.error.timeout` after this time. */
  readonly timeout_ms?: number;
  readonly discloseMe?: boolean;
  /** Asks for progressive results, and receives all but the last. */
  readonly onProgress?: (result: CallResult) => void;
  /** Cancels the call; it then ends with whatever the router answers, mostly `wamp.error.canceled`. */
  readonly signal?: AbortSignal;
  /** How `signal` cancels; `killnowait` where absent. */
  readonly cancelMode?: CancelPolicy;
}

export interface RegisterOptions extends AnyOptions {
  readonly match?: MatchPolicy;
  readonly invoke?: InvokePolicy;
  readonly discloseCaller?: boolean;
}

export interface SubscribeOptions extends AnyOptions {
  readonly match?: MatchPolicy;
}

export interface PublishOptions extends AnyOptions {
  /** Waits for the router, and gives the publication's id. */
  readonly acknowledge?: boolean;
  /** False: the publisher receives its own event if it is subscribed. */
  readonly excludeMe?: boolean;
  readonly discloseMe?: boolean;
  readonly exclude?: readonly number[];
  readonly excludeAuthid?: readonly string[];
  readonly excludeAuthrole?: readonly string[];
  readonly eligible?: readonly number[];
  readonly eligibleAuthid?: readonly string[];
  readonly eligibleAuthrole?: readonly string[];
}

export interface WampEvent {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
  readonly details: Record<string, unknown>;
  /** The topic that was published to, also for pattern-based subscriptions. */
  readonly topic: string;
  readonly publication: PublicationId;
  readonly subscription: SubscriptionId;
}

/** What it throws, or rejects with, becomes an unhandled rejection: a session has no place to report it to. */
export type EventHandler = (event: WampEvent) => unknown;

export interface Invocation {
  readonly args: unknown[];
  readonly kwargs: Record<string, unknown>;
  readonly details: Record<string, unknown>;
  /** The procedure that was called, also for pattern-based registrations. */
  readonly procedure: string;
  readonly registration: RegistrationId;
  /** Sends a progressive result. Returns false, and does nothing, where the caller has not asked for any. */
  progress(args?: Args, kwargs?: Kwargs): boolean;
  /** Aborted when the call is canceled, and when the session ends. */
  readonly signal: AbortSignal;
}

/** The whole result of a procedure; any other value that it returns is the one positional result. */
export class Result {
  readonly args: Args;
  readonly kwargs: Kwargs;
  constructor(args: Args = [], kwargs: Kwargs = {}) {
    this.args = args;
    this.kwargs = kwargs;
  }
}

/** Throws or rejects with a WampError to answer with its URI; anything else is `wamp.error.runtime_error`. */
export type Procedure = (invocation: Invocation) => unknown;

export interface Registration {
  readonly id: RegistrationId;
  readonly procedure: string;
  unregister(): Promise<void>;
}

export interface Subscription {
  readonly id: SubscriptionId;
  readonly topic: string;
  unsubscribe(): Promise<void>;
}

/** How a session ended: a close reason of GOODBYE, or an error URI of ABORT or of the lost connection. */
export interface SessionClose {
  readonly reason: string;
  readonly message?: string;
}

/** Args and Kwargs at the end of a message, left out where there is nothing to say. */
export function payload(args: Args | undefined, kwargs: Kwargs | undefined): unknown[] {
  if (kwargs !== undefined && Object.keys(kwargs).length > 0) return [args ?? [], kwargs];
  return args !== undefined && args.length > 0 ? [args] : [];
}

/** The encoders drop what is undefined. */
export const callOptions = (options: CallOptions): Kwargs => ({
  timeout: options.timeout_ms,
  disclose_me: options.discloseMe,
  receive_progress: options.onProgress === undefined ? undefined : true,
  ...options.extra,
});

export const registerOptions = (options: RegisterOptions): Kwargs => ({
  match: options.match,
  invoke: options.invoke,
  disclose_caller: options.discloseCaller,
  ...options.extra,
});

export const subscribeOptions = (options: SubscribeOptions): Kwargs => ({
  match: options.match,
  ...options.extra,
});

export const publishOptions = (options: PublishOptions): Kwargs => ({
  acknowledge: options.acknowledge,
  exclude_me: options.excludeMe,
  disclose_me: options.discloseMe,
  exclude: options.exclude,
  exclude_authid: options.excludeAuthid,
  exclude_authrole: options.excludeAuthrole,
  eligible: options.eligible,
  eligible_authid: options.eligibleAuthid,
  eligible_authrole: options.eligibleAuthrole,
  ...options.extra,
});
