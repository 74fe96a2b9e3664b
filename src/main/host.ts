/** A running router: its listeners, its connections, and its end. */
import { fixedLimits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import { joinOver } from "../client/join.ts";
import type { ClientSession } from "../client/session.ts";
import { fillRandom } from "../host.ts";
import type { Accept, Listener, SharedPlace, TransportOptions } from "../ports.ts";
import { closeReasons } from "../protocol/errors.ts";
import type { Denial } from "../router/denials.ts";
import type { SessionCore } from "../session/core.ts";
import type { LoadReport } from "../session/load.ts";
import { LocalConnection } from "../session/local.ts";
import { LoadLevel } from "../session/overload.ts";
import { Session } from "../session/session.ts";
import { type HealthStatus, HealthService } from "../transport/http-health.ts";
import { httpTransports } from "../transport/http-options.ts";
import type { HttpTransports } from "../transport/http-transports.ts";
import { listenRawSocket } from "../transport/rawsocket.ts";
import { needsOf, selectWebSocketAdapter } from "../transport/select.ts";
import type { CoreParts } from "./core.ts";
import type { Secured } from "./security.ts";
import type { Thread } from "./thread.ts";
import type {
  ListenerOptions,
  LocalSessionOptions,
  Router,
  RouterOptions,
  RouterStats,
  WebSocketOptions,
} from "./options.ts";
import { totalsOf } from "./totals.ts";

/** A listener that serves RawSocket too, by its other name. */
const rawSocketOf = (listener: Listener): Listener => ({
  url: listener.url.replace(/^ws(s?:.*:\d+).*$/, "tcp$1"),
  port: listener.port,
  close: () => listener.close(),
});

/** All places to listen at, in the order of `Router.listeners`. */
function listenerOptions(options: RouterOptions): ListenerOptions[] {
  const { websocket, rawsocket, unixPath, transport, listeners = [] } = options;
  const places: ListenerOptions[] = [];
  if (websocket !== undefined) places.push({ kind: "websocket", ...websocket });
  if (rawsocket !== undefined) places.push({ kind: "rawsocket", ...rawsocket });
  if (unixPath !== undefined) places.push({ kind: "rawsocket", unixPath });
  const all = [...places, ...listeners];
  if (transport === undefined) return all;
  return all.map((place) => (place.kind === "websocket" ? { transport, ...place } : place));
}

/** The other threads of a router, as the one that started them sees them. */
export interface OtherWorkers {
  /** Of each that is up. */
  stats(): Promise<readonly RouterStats[]>;
  /** Ends what they serve there. */
  unlisten(url: string): Promise<void>;
  close(): Promise<void>;
}

/** A place that several threads serve, and where it is. Can be sent to them. */
export interface SharedListener {
  /** As in `Listener.url`: the same in every thread. */
  readonly url: string;
  readonly options: ListenerOptions;
  readonly where: SharedPlace;
}

export class RouterHost implements Router {
  readonly listeners: Listener[] = [];
  /** Those of this thread, each once. */
  readonly #opened: Listener[] = [];
  /** Where the other threads may listen too. */
  readonly shared: SharedListener[] = [];
  readonly #core: SessionCore;
  readonly #thread: Thread;
  readonly #directory: CoreParts["directory"];
  readonly #http: HttpTransports[] = [];
  readonly #secured: Secured | null;
  #others: OtherWorkers | null = null;
  readonly #forwarding: CoreParts["forwarding"];
  /** Connections that other routers have, for sessions that this one has. */
  #carried = 0;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(core: CoreParts, secured: Secured | null) {
    this.#secured = secured;
    this.#thread = core.thread;
    this.#directory = core.directory;
    const { connections } = core.thread;
    const onConnectionGone = (): void => {
      connections.leave();
      this.#tellIdle();
    };
    this.#core = { ...core, onConnectionGone };
    core.load.start();
    this.#forwarding = core.forwarding;
    if (this.#forwarding === null) return;
    // They count where their clients came to; but this router does not close before they are gone.
    const carriedCore = {
      ...core,
      onConnectionGone: () => {
        this.#carried--;
        this.#tellIdle();
      },
    };
    this.#forwarding.accept = (connection) => {
      if (this.#closing !== undefined) return null;
      this.#carried++;
      return new Session(carriedCore, connection);
    };
  }

  #tellIdle(): void {
    if (this.#thread.connections.own + this.#carried === 0) this.#idle?.();
  }

  get realms(): readonly string[] {
    return this.#core.realms.uris;
  }
  get metrics(): Readonly<Metrics> {
    return this.#core.metrics;
  }
  get connectionCount(): number {
    return this.#thread.connections.all;
  }
  /** It knows what the other workers know of each other; alone it knows all. */
  get isJoined(): boolean {
    return this.#directory?.isJoined ?? true;
  }
  get workerCount(): number {
    return this.#thread.links?.count ?? 1;
  }

  get security(): Secured["security"] | null {
    return this.#secured?.security ?? null;
  }
  get administrator(): Secured["administrator"] {
    return this.#secured?.administrator ?? null;
  }

  stats(): RouterStats {
    const { realms, subscriptions, registrations, patterns, calls, dealer, outbox, resumptions } = this.#core;
    const { pubsub, testaments, reflection, access, directory, intake } = this.#core;
    let sessions = 0;
    for (const realm of realms.all()) sessions += realm.sessionCount;
    return {
      connections: this.#thread.connections.own,
      sessions,
      detached: resumptions.detachedCount,
      subscriptions: subscriptions.count,
      registrations: registrations.count - (directory?.remoteCount ?? 0),
      patterns: patterns.count,
      pendingCalls: calls.count,
      queuedCalls: dealer.dispatch.queuedCount,
      reroutedCalls: dealer.dispatch.reroutedCount,
      limitedCallees: dealer.dispatch.callees.limitedCount,
      deadlines: calls.deadlineCount,
      testaments: testaments.count,
      definitions: reflection.count,
      heldBytes: outbox.heldBytes + calls.groups.heldBytes,
      socketBytes: outbox.socketBytes,
      backlogBytes: intake.bytes,
      ...pubsub.counts(),
      replayBytes: resumptions.totals.bytes,
      accessTables: access.tableCount,
      accessDecisions: access.decisionCount,
    };
  }

  async totals(): Promise<RouterStats> {
    const others = (await this.#others?.stats()) ?? [];
    return totalsOf(this.stats(), others);
  }

  /** Says who works beside this thread: they are counted, and closed, with it. */
  join(others: OtherWorkers): void {
    this.#others = others;
  }

  load(): LoadReport {
    return this.#core.load.report();
  }

  refreshAccess(realms: Iterable<string>): void {
    this.#core.accessRefresh.refresh(realms);
  }
  denial(id: string): Denial | undefined {
    return this.#core.guard.denials.get(id);
  }

  /** Wherever the options say. Rejects at the first place where it cannot; `close` undoes the others. */
  async listen(options: RouterOptions): Promise<void> {
    for (const place of listenerOptions(options)) {
      if (this.#thread.links === null) await this.#listenAt(place, {});
      else await this.#listenFirst(place);
    }
  }

  /** Where the other threads are to listen too; its listeners are closed in all of them. */
  async #listenFirst(options: ListenerOptions): Promise<void> {
    const before = this.listeners.length;
    const { url, place: where } = await this.#listenAt(options, { shared: "first" });
    if (where == null) {
      const problem = "this runtime cannot share this place: one worker serves it alone";
      return this.#core.log.warn("workers", problem, { url });
    }
    this.shared.push({ url, options, where });
    for (let index = before; index < this.listeners.length; index++) {
      const listener = this.listeners[index]!;
      const close = async (): Promise<void> => {
        await Promise.all([listener.close(), this.#others?.unlisten(url)]);
      };
      this.listeners[index] = { url: listener.url, port: listener.port, close };
    }
  }

  /** Ends what is served there; nothing where nothing is. */
  async unlisten(url: string): Promise<void> {
    await Promise.all(this.#opened.filter((one) => one.url === url).map((listener) => listener.close()));
  }

  /** Where another thread of this router listens. */
  async listenToo(listeners: readonly SharedListener[]): Promise<void> {
    for (const { options, where } of listeners) await this.#listenAt(options, { shared: where });
  }

  async #listenAt(place: ListenerOptions, shared: Pick<TransportOptions, "shared">): Promise<Listener> {
    const { limits, log } = this.#core;
    const common: TransportOptions = {
      frameBytes_max: limits.frameBytes_max,
      idle_ms: limits.idle_ms,
      handshake_ms: limits.handshake_ms,
      accept: this.accept,
      connections_max: limits.connections_max,
      log,
      ...shared,
    };
    if (place.kind === "websocket") return this.#listenWebSocket(common, place);
    const where = "unixPath" in place ? place : { host: "127.0.0.1", ...place };
    const listener = await listenRawSocket({ ...common, ...where });
    this.listeners.push(listener);
    this.#opened.push(listener);
    return listener;
  }

  async #listenWebSocket(common: TransportOptions, place: WebSocketOptions): Promise<Listener> {
    const { http = true, rawsocket = false, transport, ...given } = place;
    const { limits, scheduler, log } = this.#core;
    const { adapter, notice } = await selectWebSocketAdapter(transport, needsOf(place));
    if (notice !== undefined) log.warn("transport", notice);
    const where = { host: "127.0.0.1", path: "/ws", deflate: false, ...given, rawsocket };
    const parts = { accept: this.accept, limits, scheduler, fillRandom, log };
    const transports = httpTransports(http, { ...parts, ...this.#forwarding?.httpOptions });
    if (transports !== null) {
      this.#http.push(transports);
      this.#forwarding?.serve(transports);
    }
    const hasHealth = http === true || (http !== false && http.health !== false);
    const health = { status: () => this.#health, next: transports, log };
    const service = hasHealth ? new HealthService(health) : transports;
    const listener = await adapter.listen({
      ...common,
      ...where,
      ...(service === null ? {} : { http: service }),
    });
    this.listeners.push(listener);
    this.#opened.push(listener);
    if (rawsocket) this.listeners.push(rawSocketOf(listener));
    return listener;
  }

  get #health(): HealthStatus {
    if (this.#closing !== undefined) return "closing";
    return this.#core.load.level === LoadLevel.normal ? "ok" : "overloaded";
  }

  readonly accept: Accept = (connection) => {
    if (this.#closing !== undefined || this.#core.load.refuses(connection.info)) return null;
    if (!this.#thread.connections.enter(this.#core.limits.connections_max)) return null;
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
      roles: authrole === "trusted" ? [] : [authrole],
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

  fault(cause: unknown): void {
    const { log, targets } = this.#core;
    log.error("router", "an exception that nothing caught: the sessions of this thread end", { cause });
    for (const session of targets.all()) {
      try {
        session.goodbye(closeReasons.systemShutdown, "internal error");
      } catch (again) {
        log.error("router", "a session could not be told of its end", { cause: again });
        session.connection.terminate();
      }
    }
  }

  /** Ends everything at once and tells nobody: what this thread holds cannot be trusted any more. */
  async abandon(): Promise<void> {
    this.#closing ??= Promise.resolve();
    this.#core.load.stop();
    await Promise.all(this.#opened.map((listener) => listener.close()));
  }

  async #shutDown(): Promise<void> {
    const othersGone = this.#others?.close();
    const { targets, calls, limits, load, scheduler, pubsub } = this.#core;
    const allGone = new Promise<void>((resolve) => {
      this.#idle = resolve;
      // Sessions close themselves after `goodbye_ms`; this is for connections that do not even close.
      scheduler.after(limits.goodbye_ms + 500, resolve);
    });
    for (const session of targets.all())
      session.goodbye(closeReasons.systemShutdown, "the router is shutting down");
    if (this.#thread.connections.own + this.#carried > 0) await allGone;
    calls.stop();
    pubsub.stop();
    load.stop();
    await Promise.all(this.#http.map((service) => service.close()));
    await Promise.all(this.#opened.map((listener) => listener.close()));
    // They may need the store until they are gone.
    await othersGone;
    await this.#secured?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
