/** A running router: its listeners, its connections, and its end. */
import { fixedLimits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import { joinOver } from "../client/join.ts";
import type { ClientSession } from "../client/session.ts";
import { fillRandom } from "../host.ts";
import type { Accept, Listener, TransportOptions } from "../ports.ts";
import { closeReasons } from "../protocol/errors.ts";
import type { Denial } from "../router/denials.ts";
import type { SessionCore } from "../session/core.ts";
import { LocalConnection } from "../session/local.ts";
import { Session } from "../session/session.ts";
import { httpTransports } from "../transport/http-options.ts";
import type { HttpTransports } from "../transport/http-transports.ts";
import { listenRawSocket } from "../transport/rawsocket.ts";
import { needsOf, selectWebSocketAdapter } from "../transport/select.ts";
import type { CoreParts } from "./core.ts";
import type { Secured } from "./security.ts";
import type {
  ListenerOptions,
  LocalSessionOptions,
  Router,
  RouterOptions,
  RouterStats,
  WebSocketOptions,
} from "./options.ts";

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

export class RouterHost implements Router {
  readonly listeners: Listener[] = [];
  readonly #core: SessionCore;
  readonly #http: HttpTransports[] = [];
  readonly #secured: Secured | null;
  #connections = 0;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(core: CoreParts, secured: Secured | null) {
    this.#secured = secured;
    const onConnectionGone = (): void => {
      this.#connections--;
      if (this.#connections === 0) this.#idle?.();
    };
    this.#core = { ...core, onConnectionGone };
  }

  get realms(): readonly string[] {
    return this.#core.realms.uris;
  }
  get metrics(): Readonly<Metrics> {
    return this.#core.metrics;
  }
  get connectionCount(): number {
    return this.#connections;
  }

  get security(): Secured["security"] | null {
    return this.#secured?.security ?? null;
  }
  get administrator(): Secured["administrator"] {
    return this.#secured?.administrator ?? null;
  }

  stats(): RouterStats {
    const { realms, subscriptions, registrations, patterns, calls, dealer, outbox, resumptions } = this.#core;
    const { pubsub, testaments, reflection, access } = this.#core;
    let sessions = 0;
    for (const realm of realms.all()) sessions += realm.sessionCount;
    return {
      connections: this.#connections,
      sessions,
      detached: resumptions.detachedCount,
      subscriptions: subscriptions.count,
      registrations: registrations.count,
      patterns: patterns.count,
      pendingCalls: calls.count,
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
    const { limits, log } = this.#core;
    const common: TransportOptions = {
      frameBytes_max: limits.frameBytes_max,
      idle_ms: limits.idle_ms,
      handshake_ms: limits.handshake_ms,
      accept: this.accept,
      connections_max: limits.connections_max,
      log,
    };
    for (const place of listenerOptions(options)) {
      if (place.kind === "websocket") await this.#listenWebSocket(common, place);
      else if ("unixPath" in place) this.listeners.push(await listenRawSocket({ ...common, ...place }));
      else this.listeners.push(await listenRawSocket({ ...common, host: "127.0.0.1", ...place }));
    }
  }

  async #listenWebSocket(common: TransportOptions, place: WebSocketOptions): Promise<void> {
    const { http = true, rawsocket = false, transport, ...given } = place;
    const { limits, scheduler, log } = this.#core;
    const { adapter, notice } = await selectWebSocketAdapter(transport, needsOf(place));
    if (notice !== undefined) log.warn("transport", notice);
    const where = { host: "127.0.0.1", path: "/ws", deflate: false, ...given, rawsocket };
    const service = httpTransports(http, { accept: this.accept, limits, scheduler, fillRandom, log });
    if (service !== null) this.#http.push(service);
    const listener = await adapter.listen({
      ...common,
      ...where,
      ...(service === null ? {} : { http: service }),
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
    await Promise.all(this.#http.map((service) => service.close()));
    await Promise.all(this.listeners.map((listener) => listener.close()));
    await this.#secured?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
