/** The composition root: the only file of the library that knows everybody. Builds a router from options, starts and stops it. */
import { AnonymousAuthenticator } from "./auth/anonymous.ts";
import type { RealmHandle } from "./base/ids.ts";
import { fixedLimits, type Limits, limitsFrom } from "./base/limits.ts";
import { type Log, silentLog } from "./base/log.ts";
import { Metrics } from "./base/metrics.ts";
import { RandomIds } from "./base/random-ids.ts";
import { joinOver } from "./client/join.ts";
import type { ClientSession } from "./client/session.ts";
import { fillRandom, hostScheduler, loadWasm } from "./host.ts";
import type { Accept, AccessPolicy, Listener, TransportOptions } from "./ports.ts";
import { closeReasons } from "./protocol/errors.ts";
import { AccessRefresh } from "./router/access-refresh.ts";
import { setUpAccess } from "./router/access-setup.ts";
import { setUpBroker } from "./router/broker/broker-setup.ts";
import { Calls } from "./router/dealer/calls.ts";
import { Dealer } from "./router/dealer/dealer.ts";
import { PendingCalls } from "./router/dealer/pending.ts";
import type { Denial } from "./router/denials.ts";
import { Memberships } from "./router/memberships.ts";
import { buildMetaApi } from "./router/meta/meta-api.ts";
import { MetaEvents } from "./router/meta-events.ts";
import { PatternKind, Patterns } from "./router/patterns.ts";
import { RouterProcedures } from "./router/procedures.ts";
import { type GivenRealm, Realm } from "./router/realm.ts";
import { SessionIndex } from "./router/session-index.ts";
import { Targets } from "./router/targets.ts";
import type { SessionCore } from "./session/core.ts";
import { LocalConnection } from "./session/local.ts";
import { Outbox, type SlowConsumerPolicy } from "./session/outbox.ts";
import { Resumptions } from "./session/resumption.ts";
import { Session } from "./session/session.ts";
import { type HttpOptions, httpTransports } from "./transport/http-options.ts";
import type { HttpTransports } from "./transport/http-transports.ts";
import { listenRawSocket } from "./transport/rawsocket.ts";
import { selectWebSocketAdapter } from "./transport/select.ts";
import { Codec } from "./wasm/codec.ts";
import { Core } from "./wasm/core.ts";
import { PatternIndex } from "./wasm/index.ts";

export const version = "0.1.0";

export interface RouterOptions {
  /** Realms by URI or with their rules. Default: one realm, `realm1`. */
  readonly realms?: readonly (string | GivenRealm)[];
  /** Serve WebSocket here. Default host 127.0.0.1, path /ws, no compression; port 0 takes a free one. */
  readonly websocket?: {
    readonly host?: string;
    readonly port: number;
    readonly path?: string;
    readonly deflate?: boolean;
    /** WAMP over plain HTTP on the same port, for clients without WebSocket. Default: on, with no other origin than its own. */
    readonly http?: boolean | HttpOptions;
    /** Serve RawSocket on the same port. Takes the `ws` adapter, which is not for Bun: there, give `rawsocket` a port. */
    readonly rawsocket?: boolean;
  };
  /** Serve RawSocket over TCP here. Default host 127.0.0.1. */
  readonly rawsocket?: { readonly host?: string; readonly port: number };
  /** Serve RawSocket on this Unix socket path. */
  readonly unixPath?: string;
  /** Which WebSocket adapter to take; default: the best that loads. */
  readonly transport?: "uws" | "bun" | "ws";
  /** What happens to EVENTs for a session that does not read them. Default `drop-newest`. */
  readonly slowConsumer?: SlowConsumerPolicy;
  readonly limits?: Partial<Limits>;
  /** Who may do what. Default: everybody everything. */
  readonly access?: AccessPolicy;
  readonly log?: Log;
}

export interface LocalSessionOptions {
  readonly authid?: string;
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
  /** Bytes queued for sessions whose socket is full, and of answers that wait for the others of their call. */
  readonly heldBytes: number;
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
  /** What it listens on, in the order websocket, rawsocket (on the same port, then on its own), unix. */
  readonly listeners: readonly Listener[];
  readonly realms: readonly string[];
  readonly metrics: Readonly<Metrics>;
  /** Connected sessions and those still shaking hands. */
  readonly connectionCount: number;
  /** Counts of what the router holds now; all are 0 when nobody is connected. */
  stats(): RouterStats;
  /** `RouterOptions.access` answers otherwise than before about sessions of these realms: what they may not do any more ends. */
  refreshAccess(realms: Iterable<string>): void;
  /** What the client was told the id of when it was refused; undefined: none, or too long ago. */
  denial(id: string): Denial | undefined;
  /** Takes a connection of a transport of your own; null when the router is closing or has as many as it may. */
  accept: Accept;
  /** A session inside this process, trusted to be who it says. */
  session(realm: string, options?: LocalSessionOptions): Promise<ClientSession>;
  /** Says GOODBYE to every session, waits for their answers up to `goodbye_ms`, and stops listening. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

function buildCore(options: RouterOptions, wasm: Uint8Array): Omit<SessionCore, "onConnectionGone"> {
  const limits = limitsFrom(options.limits ?? {});
  const seed = new Uint32Array(8);
  fillRandom(seed);
  const kernels = new Core(wasm, {
    frameBytes_max: limits.frameBytes_max,
    matches_max: limits.matches_max,
    seed: seed.subarray(0, 4),
  });
  const codec = new Codec(kernels);
  const ids = new RandomIds(fillRandom);
  const metrics = new Metrics();
  const targets = new Targets<Session>();
  const scheduler = hostScheduler;
  const patterns = new Patterns(new PatternIndex(kernels), () => scheduler.wall_ms());
  const subscriptions = new Memberships(PatternKind.subscription, patterns, seed[4]!);
  const registrations = new Memberships(PatternKind.registration, patterns, seed[5]!);
  const policy = options.slowConsumer ?? "drop-newest";
  const outbox = new Outbox({ codec, scheduler, limits, metrics, policy });
  kernels.onGrow = () => outbox.onMemoryGrown();
  const afterTurn = (task: () => void): void => outbox.afterTurn(task);
  const events = new MetaEvents({ afterTurn, limits, metrics });
  const log = options.log ?? silentLog;
  const procedures = new RouterProcedures(codec, log);
  const shared = { codec, targets, patterns, frames: outbox, limits, metrics, events };
  const calls = new Calls({ ...shared, pending: new PendingCalls(seed[6]!), scheduler });
  const realms = buildRealms(options.realms ?? ["realm1"]);
  const tables = { subscriptions, registrations, sessions: new SessionIndex(targets, seed[7]!) };
  const access = setUpAccess({
    ...shared,
    ...tables,
    pending: calls.pending,
    policy: options.access ?? null,
    ids,
    scheduler,
    log,
  });
  const pubsub = setUpBroker({
    ...shared,
    guard: access.guard,
    memberships: subscriptions,
    ids,
    procedures,
    scheduler,
    afterTurn,
    realms: realms.values(),
    log,
  });
  const { broker } = pubsub;
  events.connect((event) => broker.publishEvent(event));
  const dealer = new Dealer({
    ...shared,
    memberships: registrations,
    calls,
    random: ids,
    procedures,
    afterTurn,
  });
  const meta = buildMetaApi({ ...shared, ...tables, broker, dealer, procedures, guard: access.guard });
  return {
    ...shared,
    ...tables,
    outbox,
    calls,
    broker,
    pubsub,
    dealer,
    ...meta,
    ...access,
    accessRefresh: new AccessRefresh({
      ...shared,
      ...tables,
      access: access.access,
      revocation: meta.revocation,
      log,
      afterTurn,
    }),
    observers: [pubsub.observer, ...meta.observers, access.access],
    resumptions: new Resumptions(ids),
    // There is one router process, and so nobody else that could own a session.
    forwardResume: () => false,
    realms,
    authenticator: new AnonymousAuthenticator(() => ids.next()),
    scheduler,
    ids,
    log,
    agent: `spanwire/${version}`,
  };
}

function buildRealms(given: NonNullable<RouterOptions["realms"]>): ReadonlyMap<string, Realm> {
  const realms = new Map<string, Realm>();
  for (const entry of given) {
    const options = typeof entry === "string" ? { uri: entry } : entry;
    realms.set(options.uri, new Realm((realms.size + 1) as RealmHandle, options));
  }
  return realms;
}

/** Starts a router. Rejects, with nothing left open, when it cannot listen where it was told to. */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const router = new RouterHost(buildCore(options, await loadWasm()));
  try {
    await router.listen(options);
  } catch (cause) {
    await router.close();
    throw cause;
  }
  return router;
}

/** A listener that serves RawSocket too, by its other name. */
const rawSocketOf = (listener: Listener): Listener => ({
  url: listener.url.replace(/^ws(:.*:\d+).*$/, "tcp$1"),
  port: listener.port,
  close: () => listener.close(),
});

class RouterHost implements Router {
  readonly listeners: Listener[] = [];
  readonly #core: SessionCore;
  #http: HttpTransports | null = null;
  #connections = 0;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(core: Omit<SessionCore, "onConnectionGone">) {
    const onConnectionGone = (): void => {
      this.#connections--;
      if (this.#connections === 0) this.#idle?.();
    };
    this.#core = { ...core, onConnectionGone };
  }

  get realms(): readonly string[] {
    return [...this.#core.realms.keys()];
  }
  get metrics(): Readonly<Metrics> {
    return this.#core.metrics;
  }
  get connectionCount(): number {
    return this.#connections;
  }

  stats(): RouterStats {
    const { realms, subscriptions, registrations, patterns, calls, dealer, outbox, resumptions } = this.#core;
    const { pubsub, testaments, reflection, access } = this.#core;
    let sessions = 0;
    for (const realm of realms.values()) sessions += realm.sessionCount;
    return {
      connections: this.#connections,
      sessions,
      detached: resumptions.detachedCount,
      subscriptions: subscriptions.count,
      registrations: registrations.count,
      patterns: patterns.count,
      pendingCalls: calls.pending.count,
      queuedCalls: dealer.dispatch.queuedCount,
      reroutedCalls: dealer.dispatch.reroutedCount,
      limitedCallees: dealer.dispatch.callees.limitedCount,
      deadlines: calls.deadlineCount,
      testaments: testaments.count,
      definitions: reflection.count,
      heldBytes: outbox.heldBytes + calls.groups.heldBytes,
      ...pubsub.counts(),
      replayBytes: resumptions.totals.bytes,
      accessTables: access.tableCount,
      accessDecisions: access.decisionCount,
    };
  }

  refreshAccess(realms: Iterable<string>): void {
    this.#core.accessRefresh.refresh(realms);
  }
  denial(id: string): Denial | undefined {
    return this.#core.guard.denials.get(id);
  }

  async listen(options: RouterOptions): Promise<void> {
    const { limits } = this.#core;
    const common: TransportOptions = {
      frameBytes_max: limits.frameBytes_max,
      idle_ms: limits.idle_ms,
      handshake_ms: limits.handshake_ms,
      accept: this.accept,
    };
    if (options.websocket !== undefined) await this.#listenWebSocket(common, options);
    if (options.rawsocket !== undefined) {
      this.listeners.push(await listenRawSocket({ ...common, host: "127.0.0.1", ...options.rawsocket }));
    }
    if (options.unixPath !== undefined) {
      this.listeners.push(await listenRawSocket({ ...common, unixPath: options.unixPath }));
    }
  }

  async #listenWebSocket(
    common: TransportOptions,
    { websocket, transport }: Pick<RouterOptions, "websocket" | "transport">,
  ): Promise<void> {
    const { http = true, rawsocket = false, ...given } = websocket!;
    const { limits, scheduler, log } = this.#core;
    const { adapter, notice } = await selectWebSocketAdapter(transport, { universalPort: rawsocket });
    if (notice !== undefined) log.warn("transport", notice);
    const where = { host: "127.0.0.1", path: "/ws", deflate: false, ...given, rawsocket };
    this.#http = httpTransports(http, { accept: this.accept, limits, scheduler, fillRandom, log });
    const listener = await adapter.listen({
      ...common,
      ...where,
      ...(this.#http === null ? {} : { http: this.#http }),
    });
    this.listeners.push(listener);
    if (rawsocket) this.listeners.push(rawSocketOf(listener));
  }

  readonly accept: Accept = (connection) => {
    if (this.#closing !== undefined || this.#connections >= this.#core.limits.connections_max) return null;
    this.#connections++;
    return new Session(this.#core, connection);
  };

  async session(realm: string, options: LocalSessionOptions = {}): Promise<ClientSession> {
    const authid = options.authid ?? `local-${this.#core.ids.next().toString(36)}`;
    const authrole = options.authrole ?? "trusted";
    if (Math.max(authid.length, authrole.length) > fixedLimits.authText_max)
      throw new RangeError(`authid and authrole may have ${fixedLimits.authText_max} characters`);
    const identity = {
      authid,
      authrole,
      authmethod: "trust",
      authprovider: "local",
    };
    const connection = new LocalConnection(identity, this.#core.limits.frameBytes_max);
    const events = this.accept(connection);
    if (events === null) throw new Error("the router is closing, or has as many connections as it may");
    return joinOver(connection.open(events), { realm });
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const { targets, calls, limits, scheduler, pubsub } = this.#core;
    const allGone = new Promise<void>((resolve) => {
      this.#idle = resolve;
      // Sessions close themselves after `goodbye_ms`; this is for connections that do not even close.
      scheduler.after(limits.goodbye_ms + 500, resolve);
    });
    for (const session of targets.all())
      session.goodbye(closeReasons.systemShutdown, "the router is shutting down");
    if (this.#connections > 0) await allGone;
    calls.stop();
    pubsub.stop();
    await this.#http?.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
