/** What a router is made of, as its user says it, and what it is for its user. Types only. */
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { ClientSession } from "../client/session.ts";
import type { Accept, AccessPolicy, Listener, Store, TlsOptions } from "../ports.ts";
import type { Denial } from "../router/denials.ts";
import type { GivenRealm } from "../router/realm.ts";
import type { Administrator } from "../security/bootstrap.ts";
import type { Security } from "../security/model.ts";
import type { PasswordOptions } from "../security/records.ts";
import type { LoadReport } from "../session/load.ts";
import type { SlowConsumerPolicy } from "../session/outbox.ts";
import type { HttpOptions } from "../transport/http-options.ts";
import type { AdapterName } from "../transport/select.ts";

/** What every place that is served over TCP may have. */
export interface ReachableOptions {
  /** Serve TLS instead: wss and https, or tcps. */
  readonly tls?: TlsOptions;
  /** Networks (CIDR) of proxies that are believed when they say whom they speak for. Default: none. */
  readonly trustedProxies?: readonly string[];
}

/** Where WebSocket is served. Clients can be asked for certificates on Node only, where the `ws` adapter serves then. */
export interface WebSocketOptions extends ReachableOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `/ws`. */
  readonly path?: string;
  /** Compression. Default: none. */
  readonly deflate?: boolean;
  /** WAMP over plain HTTP on the same port, for clients without WebSocket. Default: on, with no other origin than its own. */
  readonly http?: boolean | HttpOptions;
  /** Serve RawSocket on the same port. Takes the `ws` adapter, which is not for Bun: there, give RawSocket a port of its own. */
  readonly rawsocket?: boolean;
  /** Which adapter to take; default: that of the router. */
  readonly transport?: AdapterName;
}

/** Where RawSocket is served: over TCP, or on a Unix socket. */
export type RawSocketOptions =
  | ({
      /** Default 127.0.0.1. */
      readonly host?: string;
      /** 0 takes a free one. */
      readonly port: number;
    } & ReachableOptions)
  | { readonly unixPath: string };

export type ListenerOptions =
  | ({ readonly kind: "websocket" } & WebSocketOptions)
  | ({ readonly kind: "rawsocket" } & RawSocketOptions);

export interface RouterOptions {
  /** Realms by URI or with their rules. Default: one realm, `realm1`. */
  readonly realms?: readonly (string | GivenRealm)[];
  /** Serve WebSocket here. */
  readonly websocket?: WebSocketOptions;
  /** Serve RawSocket over TCP here. Default host 127.0.0.1. */
  readonly rawsocket?: { readonly host?: string; readonly port: number } & ReachableOptions;
  /** Serve RawSocket on this Unix socket path. */
  readonly unixPath?: string;
  /** More places to serve at, behind those. */
  readonly listeners?: readonly ListenerOptions[];
  /** Which WebSocket adapter to take; default: the best that loads. */
  readonly transport?: AdapterName;
  /** What happens to EVENTs for a session that does not read them. Default `drop-newest`. */
  readonly slowConsumer?: SlowConsumerPolicy;
  readonly limits?: Partial<Limits>;
  /**
   * Threads that serve the same places; `"auto"`: one for each core. Default 1: this one alone. With more, an exception in one ends
   * the sessions of that one and no others, and the process lives until the router is closed. Not with `access`, which can be asked in
   * one thread only.
   */
  readonly workers?: number | "auto";
  /** With workers: callees of the caller's own come before others, where the policy of a registration leaves the choice. Default: no. */
  readonly preferLocal?: boolean;
  /** Who may do what, in a router without `security`. Default: everybody everything. */
  readonly access?: AccessPolicy;
  /** Realms with users, grants and authentication, and the procedures to administer them. Absent: everybody is let into every realm. */
  readonly security?: RouterSecurityOptions;
  /** What survives: the state of `security`. Default: memory, which does not. The router closes it. */
  readonly store?: Store;
  readonly log?: Log;
}

export interface RouterSecurityOptions {
  /**
   * Realms in the shape of Bondy's `security_config.json`, applied at every start; what was changed at run time since stays. What earlier
   * starts gave under names that are not among these is taken back. Absent: nothing is applied, and nothing taken back.
   */
  readonly definitions?: readonly { readonly name: string; readonly realms: unknown }[];
  /** A definition without `uri`: a HELLO to an unknown realm creates one like it. Absent: it does not. */
  readonly automaticRealms?: Readonly<Record<string, unknown>>;
  /** The password of `admin` in the realm `com.leapsight.bondy`, where there is no administrator yet. Default: one is made. */
  readonly administrator?: {
    readonly password?: string;
    /** Told at once when one was made: a start that fails later, at a taken port, would take the password along. */
    readonly onMade?: (administrator: Administrator) => void;
  };
  /** How new passwords are kept in realms that do not say so themselves. Default: PBKDF2, 10,000 iterations, for their methods. */
  readonly password?: Partial<PasswordOptions>;
}

export interface LocalSessionOptions {
  readonly authid?: string;
  /** The one group that it acts in. Default `trusted`: it may do everything. */
  readonly authrole?: string;
}

/** What the router holds at one moment. */
export interface RouterStats {
  readonly connections: number;
  /** Sessions that have joined. */
  readonly sessions: number;
  /** Those among them that wait for their client without a transport. */
  readonly detached: number;
  /** Pairs of a session and what it is subscribed to, or has registered. */
  readonly subscriptions: number;
  readonly registrations: number;
  /** Different topics and procedures among them, by URI and match policy. */
  readonly patterns: number;
  /** Calls in flight, with those that wait for a callee. */
  readonly pendingCalls: number;
  readonly queuedCalls: number;
  /** Calls in flight that another callee was asked to take before. */
  readonly reroutedCalls: number;
  /** Callees with `concurrency`, and former ones whose invocations are outstanding. */
  readonly limitedCallees: number;
  /** Calls in flight that have a timeout. */
  readonly deadlines: number;
  /** Events that sessions have left for their end, and what they have told reflection. */
  readonly testaments: number;
  readonly definitions: number;
  /** Bytes queued for sessions whose socket is full, each frame once, and of answers that wait for the others of their call. */
  readonly heldBytes: number;
  /** Bytes of large frames that sockets hold. */
  readonly socketBytes: number;
  /** Bytes of messages that have arrived and wait in inboxes. */
  readonly backlogBytes: number;
  /** EVENTs that subscribers who acknowledge them have not acknowledged. */
  readonly unacknowledged: number;
  /** Replays of retained events that are not over. */
  readonly replays: number;
  /** Bytes kept for resumable sessions. */
  readonly replayBytes: number;
  /** Different sets of rules that sessions have, and decisions by them that are remembered. */
  readonly accessTables: number;
  readonly accessDecisions: number;
}

export interface Router {
  /** What it listens on, in the order websocket, rawsocket (on the same port, then on its own), unix, listeners. */
  readonly listeners: readonly Listener[];
  readonly realms: readonly string[];
  /** What this thread has counted. */
  readonly metrics: Readonly<Metrics>;
  /** Connected sessions and those still shaking hands, of all workers. */
  readonly connectionCount: number;
  /** Threads, this one among them. */
  readonly workerCount: number;
  /** Counts of what this thread holds now; all are 0 when nobody is connected. With one worker, that is all there is. */
  stats(): RouterStats;
  /** The same of all workers together. */
  totals(): Promise<RouterStats>;
  /**
   * For a program that goes on after an exception that nothing caught: ends the sessions of this thread, since one of them may have
   * been in the middle of something. Other workers do so themselves.
   */
  fault(cause: unknown): void;
  /** How busy this thread is, and what it has shed. */
  load(): LoadReport;
  /** `RouterOptions.access` answers otherwise than before about sessions of these realms: what they may not do any more ends. */
  refreshAccess(realms: Iterable<string>): void;
  /** What the client was told the id of when it was refused; undefined: none, or too long ago. */
  denial(id: string): Denial | undefined;
  /** The security model; null in a router without. */
  readonly security: Security | null;
  /** The administrator that was made at this start; null: there was one already, or there is no security. */
  readonly administrator: Administrator | null;
  /** Takes a connection of a transport of your own; null when the router is closing or has as many as it may. */
  accept: Accept;
  /** A session inside this process, trusted to be who it says. */
  session(realm: string, options?: LocalSessionOptions): Promise<ClientSession>;
  /** Says GOODBYE to every session, waits for their answers up to `goodbye_ms`, and stops listening. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
