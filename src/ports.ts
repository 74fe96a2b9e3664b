/**
 * Every seam of the router: what the leaves (transport, auth, store, cluster …) see of it, and what it sees of them.
 * Types only. Each interface is small enough to implement in a test in ten lines.
 */
import type { Log } from "./base/log.ts";
import type { Match } from "./protocol/messages.ts";
import type { Serializer } from "./protocol/serializers.ts";
import type { HttpService } from "./ports/http.ts";

export type * from "./ports/http.ts";
export type { PeerEvents, PeerLinks } from "./ports/peer-links.ts";

/**
 * A frame on its way out. `bytes` may lie in memory that is used again after the current flush; the same object always stands for
 * the same content.
 */
export interface OutgoingFrame {
  readonly bytes: Uint8Array;
  /** For a transport that sends text only as a string: its place to keep the bytes' text, so that many receivers share it. */
  text?: string | undefined;
}

export interface TransportInfo {
  readonly kind: "websocket" | "rawsocket" | "longpoll" | "sse" | "local";
  /** Remote address as text, or the path of a Unix socket. */
  readonly peer: string;
  /** It speaks a batched subprotocol. */
  readonly batched?: true;
  /** The TLS connection beneath; absent: there is none, or this adapter cannot look at it. */
  readonly tls?: TlsPeer;
}

/** What an adapter knows of a TLS connection. */
export interface TlsPeer {
  /** The client's certificate, verified against the listener's authorities; absent: it showed none. */
  readonly certificate?: ClientCertificate;
  /** 32 bytes that both ends of this one connection know (RFC 9266, RFC 5929); null where this connection has none of that kind. */
  channelId(type: "tls-exporter" | "tls-unique"): Uint8Array | null;
}

export interface ClientCertificate {
  /** The subject's common name, "" where it has none. */
  readonly commonName: string;
  /** SHA-256 of the certificate, hex in lower case without colons. */
  readonly fingerprint: string;
  /** DNS names, addresses, URIs and e-mail addresses of its subjectAltName, as text without their kind. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly validTo_ms: number;
}

/**
 * One connection as its session sees it. All methods are called on the router's own thread, never after `onClose`.
 * After close() or terminate() nothing comes but `onClose`, and that not from inside the call; what is sent then goes nowhere.
 */
export interface Connection {
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  /** Largest frame that the peer accepts, in bytes; Infinity where the transport has no such limit. */
  readonly peerFrameBytes_max: number;
  /** Who it is, where the transport itself knows (in-process sessions); such a HELLO is not authenticated again. */
  readonly identity?: Identity;
  /**
   * Sends frames[from..count-1] in one corked write, in order, one message each. It has copied (or written) each frame's bytes
   * before it returns. Returns the index behind the last frame taken: less than `count` means that the socket is full and
   * `onDrain` follows; a frame is taken whole or not at all.
   */
  send(frames: readonly OutgoingFrame[], from: number, count: number): number;
  /** Bytes taken but not yet accepted by the operating system. */
  bufferedBytes(): number;
  /** Stops (true) or resumes (false) reading; absent where the transport cannot. */
  readonly pause?: (paused: boolean) => void;
  /** Sends what was taken, then closes with this WebSocket close code (RawSocket has none). `onClose` follows. */
  close(code: number, reason: string): void;
  /** Drops the connection at once. `onClose` follows. */
  terminate(): void;
}

/** The session's side of a connection. */
export interface ConnectionEvents {
  /** One whole frame. `bytes` is valid until the call returns. */
  onFrame(bytes: Uint8Array): void;
  /** What the peer sent breaks the transport's own framing; says how. The session answers as to a malformed frame. */
  onViolation(problem: string): void;
  /** The socket can take frames again. */
  onDrain(): void;
  /** The connection is gone, for whatever reason; called exactly once, and nothing after it. */
  onClose(): void;
}

/** Given to every transport: makes a session for each new connection. Returns null when no more are accepted. */
export type Accept = (connection: Connection) => ConnectionEvents | null;

/** What every listener is told; each transport adds where it listens. */
export interface TransportOptions {
  readonly frameBytes_max: number;
  /** Silence after which a connection is dropped; pings go out in time to keep a healthy one. */
  readonly idle_ms: number;
  /** Time for the transport's own handshake (RawSocket's four bytes, the HTTP upgrade). */
  readonly handshake_ms: number;
  readonly accept: Accept;
  /**
   * Networks in CIDR notation whose peers are proxies of ours: what they say of their own peer is believed. From anyone else it is
   * ignored. Absent: nobody's.
   */
  readonly trustedProxies?: readonly string[];
  /** Serve TLS; absent: plain TCP. */
  readonly tls?: TlsOptions;
  /** Connections that a TLS listener holds at one time, those shaking hands among them. Beyond: closed. Absent: no bound here. */
  readonly connections_max?: number;
  /** Where reloaded certificates, and those that could not be, are told of. */
  readonly log?: Log;
  /**
   * Several threads of this process serve this place. "first" takes it for all, where nobody else has it; the others are given what
   * its `Listener.place` says. Absent: one thread alone.
   */
  readonly shared?: "first" | SharedPlace;
}

/** Where the first of several threads listens, for the others. Can be sent between threads; holds as long as the first listens. */
export interface SharedPlace {
  /** 0: a Unix socket. */
  readonly port: number;
  /** The first one's listening socket, of which each other takes a copy; null: each listens on the port with a socket of its own. */
  readonly descriptor: number | null;
}

export interface CertificateFiles {
  /** PEM: the certificate and behind it the rest of its chain. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

/** TLS of one listener. All files are watched; new connections get what they hold now, open ones go on. */
export interface TlsOptions extends CertificateFiles {
  /** PEM: the authorities that sign client certificates. */
  readonly caFile?: string;
  /** Whether clients are asked for a certificate, and refused without one that `caFile` vouches for. Default none. */
  readonly clientCertificate?: "none" | "request" | "require";
  /** Default TLSv1.2. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Certificates by the server name that a client asks for (SNI); `*.example.com` stands for one label. Others get the default. */
  readonly servers?: Readonly<Record<string, CertificateFiles>>;
}

export interface WebSocketListenOptions extends TransportOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly path: string;
  readonly deflate: boolean;
  /** What is served beside WebSocket on the same port; absent: nothing, every other path is answered 404. */
  readonly http?: HttpService;
  /** Serve RawSocket on the same port too; only where the adapter's capability `universalPort` says so. */
  readonly rawsocket?: boolean;
}

/** Exactly one of `port` and `unixPath`. */
export interface RawSocketListenOptions extends TransportOptions {
  readonly host?: string;
  readonly port?: number;
  readonly unixPath?: string;
}

export interface Listener {
  /** What a client connects to: ws://…, tcp://… or unix:…; over TLS wss://… and tcps://… */
  readonly url: string;
  readonly port: number;
  /** Of a shared listener: where other threads may join it; null: this runtime cannot, and the first serves alone. */
  readonly place?: SharedPlace | null;
  /** Stops accepting at once and drops what is still open. */
  close(): Promise<void>;
}

/** What an adapter can and cannot do, as data; tests and the start message read it. */
export interface WebSocketAdapter {
  readonly name: "uws" | "bun" | "ws";
  readonly capabilities: {
    /** Its connections can stop reading. */
    readonly pause: boolean;
    /** It can serve RawSocket and HTTP on one port. */
    readonly universalPort: boolean;
    /** It can ask clients for certificates, and look at the TLS connection (`TransportInfo.tls`). */
    readonly clientCertificates: boolean;
    /** It can be told the lowest version of TLS. */
    readonly tlsVersions: boolean;
  };
  listen(options: WebSocketListenOptions): Promise<Listener>;
}

// ---- what the runtime gives

/** Runs a task once at the end of the current loop turn (after the I/O callbacks of this turn), and timers. */
export interface Scheduler {
  /** Runs `task` after the I/O callbacks of this turn. */
  endOfTurn(task: () => void): void;
  /** Runs `task` every `interval_ms`; the returned function stops it. Does not keep the process alive. */
  every(interval_ms: number, task: () => void): () => void;
  /** Runs `task` once after `delay_ms`; the returned function cancels it. */
  after(delay_ms: number, task: () => void): () => void;
  /** Monotonic milliseconds. */
  now_ms(): number;
  /** Milliseconds since 1970, for what is shown to people and clients. */
  wall_ms(): number;
}

/** Cryptographically strong random bytes; fills the whole array. */
export type FillRandom = (bytes: Uint32Array) => void;

// ---- authentication

type Dict = Readonly<Record<string, unknown>>;

/** What HELLO said, for an authenticator. */
export interface HelloRequest {
  readonly realm: string;
  /** In the client's order of preference; never empty. */
  readonly authmethods: readonly string[];
  readonly authid: string | undefined;
  /** The one role that the client wants to act in; undefined: all that it has. */
  readonly authrole: string | undefined;
  /** HELLO.Details.authextra, {} where there is none. */
  readonly authextra: Dict;
  readonly transport: TransportInfo;
  /** The id that the session will have if it is let in: WAMP-CRA signs it. */
  readonly session: number;
}

export interface Identity {
  readonly authid: string;
  /** As WELCOME shows it and receiver lists match it: the groups, joined by commas. */
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
  /** The local user whom grants may name: its name in lower case; absent: there is none (anonymous, in-process). */
  readonly user?: string;
  /** The groups that it acts in, without those that contain them. Absent: none. */
  readonly roles?: readonly string[];
  /** The id of the ticket that it has logged in with: the session ends when that is revoked. */
  readonly ticket?: string;
}

/** What an authenticator says next. */
export type AuthAnswer =
  /** WELCOME; `extra` is its Details.authextra. */
  | { readonly kind: "welcome"; readonly identity: Identity; readonly extra?: Dict }
  /** CHALLENGE; `proceed` takes what AUTHENTICATE says, once. */
  | {
      readonly kind: "challenge";
      readonly method: string;
      readonly extra: Dict;
      proceed(signature: string, extra: Dict): AuthAnswer | Promise<AuthAnswer>;
      /** The client has gone: nobody will answer it. */
      abandon?(): void;
    }
  /** ABORT. */
  | { readonly kind: "abort"; readonly error: string; readonly message: string };

/** Decides who a HELLO is, now or later. A promise that rejects is a fault of ours: the session is aborted and the cause logged. */
export interface Authenticator {
  begin(hello: HelloRequest): AuthAnswer | Promise<AuthAnswer>;
  /** Whether a session may go on over this transport: it is asked when one is resumed. Absent: over any. */
  mayResume?(identity: Identity, realm: string, transport: TransportInfo): boolean;
}

// ---- authorisation

/** One grant, for the router: on whatever `uri` matches. */
export interface AccessRule {
  /** A wildcard has empty components; never the spelling with `*`. */
  readonly uri: string;
  readonly match: Match;
  /** `Permission` bits. */
  readonly permissions: number;
  /** It takes these permissions away; only in a realm where the most specific rule decides. */
  readonly deny: boolean;
}

/** What decides about the sessions that share it. */
export interface AccessRules {
  /** The same for all who have the same rules: sessions share what is made of them under it. Unique within a realm. */
  readonly key: string;
  readonly rules: readonly AccessRule[];
  /** False: what any rule allows is allowed. True: of the rules that match, the most specific decides, and deny before allow. */
  readonly mostSpecific: boolean;
  /** A procedure that is asked about what no rule allows and none denies. Absent: that is refused. */
  readonly authorizer?: string;
  /** What is refused on these URIs, and on patterns that contain them, whatever the rules say. */
  readonly withheld?: readonly { readonly uri: string; readonly permissions: number }[];
}

/** Who may do what in which realm. */
export interface AccessPolicy {
  /** Null: no access control in this realm, everything is allowed. */
  rulesFor(realm: string, identity: Identity): AccessRules | null;
}

// ---- durable state

export interface StoreChange {
  readonly key: string;
  /** Null deletes. */
  readonly value: Uint8Array | null;
}

/** Durable key-value state. Keys are text of up to 1,024 bytes of UTF-8; in order they are ordered by these bytes. */
export interface Store {
  get(key: string): Uint8Array | undefined;
  /** All entries whose key starts with `prefix`, in order. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Applies all changes or none. Resolves when they survive the death of the process and of the machine; then `get` sees them. */
  commit(changes: readonly StoreChange[]): Promise<void>;
  /** Writes a consistent copy while the store is in use. Rejects where this store cannot (in memory), or `path` is taken. */
  backup(path: string): Promise<void>;
  close(): Promise<void>;
}

// ---- key derivation

/** Parameters of a password hash. */
export type KdfParameters =
  | { readonly kdf: "pbkdf2" /** SHA-256 */; readonly iterations: number }
  | { readonly kdf: "argon2id13"; readonly iterations: number /** KiB */; readonly memory: number };

/** Slow by intent; never on the router's own thread. */
export interface KeyDerivation {
  /** 32 bytes. Rejects with a WampError `wamp.error.unavailable` when too many derivations wait. */
  derive(password: string, salt: Uint8Array, parameters: KdfParameters): Promise<Uint8Array>;
  /** Derivations begun since the start: tests compare what known and unknown users cost by it. */
  readonly count: number;
  close(): Promise<void>;
}
