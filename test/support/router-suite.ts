/**
 * The router's public suite: the same tests over every transport and serializer, by raw messages. A leg says how to reach a
 * router; each test gets a router of its own, and ends with the proof that nothing of its sessions was left behind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import type { ClientTransport } from "../../src/client/transport.ts";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { LocalConnection } from "../../src/session/local.ts";
import { type JoinDetails, until, Wire } from "./wire.ts";

export interface Leg {
  /** Transport and serializer, for the names of the tests. */
  readonly name: string;
  readonly serializer: Serializer;
  /** Options that make a router listen for this leg. */
  readonly listen: RouterOptions;
  connect(router: Router, serializer: Serializer): Promise<ClientTransport>;
  /** The transport tells why it closed (WebSocket close codes). */
  readonly closeCodes: boolean;
  /** Its clients speak a batched subprotocol. */
  readonly batched?: boolean;
  /** Who the router says that a client of this leg is. */
  readonly identity: {
    readonly authrole: string;
    readonly authmethod: string;
    readonly authprovider: string;
  };
  /** The router hears of a lost transport only when it has been silent for long; a closed one is told. */
  readonly lossIsSilent?: true;
  /** Starts what the leg is a way to; absent: one router. */
  readonly start?: (options: RouterOptions) => Promise<Router>;
  /** Tests that do not hold over the leg, by their rule, and why. */
  readonly unfit?: Readonly<Record<string, string>>;
  /** Why no test of this leg can run, where that is so. */
  readonly skip?: string;
}

export const anonymous = { authrole: "anonymous", authmethod: "anonymous", authprovider: "static" } as const;

/** A router and its clients, for one test. */
export class World {
  readonly leg: Leg;
  readonly router: Router;
  readonly #wires: Wire[] = [];
  constructor(leg: Leg, router: Router) {
    this.leg = leg;
    this.router = router;
  }
  /** A connection on which nothing has been said. */
  async open(serializer: Serializer = this.leg.serializer): Promise<Wire> {
    return this.adopt(new Wire(await this.leg.connect(this.router, serializer)));
  }
  async join(options: JoinDetails & { readonly serializer?: Serializer } = {}): Promise<Wire> {
    return (await this.open(options.serializer)).join(options);
  }
  /** A joined session with an identity of the test's choosing: one inside the process, whatever the leg. */
  async joinAs(who: { readonly authid: string; readonly authrole: string }): Promise<Wire> {
    const connection = new LocalConnection({ ...who, authmethod: "trust", authprovider: "local" }, 1 << 24);
    const events = this.router.accept(connection);
    assert.ok(events !== null);
    return this.adopt(new Wire(connection.open(events))).join();
  }
  /** Several joined sessions. */
  joinMany(count: number, options: JoinDetails = {}): Promise<Wire[]> {
    return Promise.all(Array.from({ length: count }, () => this.join(options)));
  }
  /** The wire is closed with the others at the end of the test. */
  adopt(wire: Wire): Wire {
    this.#wires.push(wire);
    return wire;
  }
  /** Drops all connections and waits until the router has noticed. */
  async closeWires(): Promise<void> {
    for (const wire of this.#wires.splice(0)) wire.close();
    await until("all connections are gone", () => this.router.stats().connections === 0);
  }
}

/** Other serializers than this one. */
export const otherSerializers = (serializer: Serializer): Serializer[] =>
  Object.values(Serializer).filter((other) => other !== serializer);

export const nothingLeft = {
  connections: 0,
  sessions: 0,
  detached: 0,
  subscriptions: 0,
  registrations: 0,
  patterns: 0,
  pendingCalls: 0,
  queuedCalls: 0,
  reroutedCalls: 0,
  limitedCallees: 0,
  deadlines: 0,
  testaments: 0,
  definitions: 0,
  heldBytes: 0,
  socketBytes: 0,
  backlogBytes: 0,
  unacknowledged: 0,
  replays: 0,
  replayBytes: 0,
  accessTables: 0,
  accessDecisions: 0,
} as const;

/** Declares tests of one leg. */
export class Suite {
  readonly leg: Leg;
  constructor(leg: Leg) {
    this.leg = leg;
  }
  test(rule: string, body: (world: World) => Promise<void>): void {
    this.testWith(rule, {}, body);
  }
  get isForSlowTests(): boolean {
    return this.leg.serializer === Serializer.msgpack;
  }
  /** A test that waits for real time to pass; one serializer per transport is enough. */
  slowTest(rule: string, options: RouterOptions, body: (world: World) => Promise<void>): void {
    if (this.isForSlowTests) this.testWith(rule, options, body);
  }
  testWith(rule: string, options: RouterOptions, body: (world: World) => Promise<void>): void {
    const { leg } = this;
    const skip = leg.skip ?? leg.unfit?.[rule];
    test(`${leg.name}: ${rule}`, skip === undefined ? {} : { skip }, async () => {
      const faults: unknown[] = [];
      const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
      const router = await (leg.start ?? createRouter)({ ...leg.listen, log, ...options });
      const world = new World(leg, router);
      // The router's own timers keep no process alive, and connections in memory do not either.
      const alive = setInterval(() => {}, 1_000);
      try {
        await body(world);
        await world.closeWires();
        await until("ended subscriptions are forgotten", () => router.stats().subscriptions === 0);
        // Several routers have to hear of it first.
        if (leg.start !== undefined)
          await until("all routers have forgotten", () =>
            Object.values(router.stats()).every((count) => count === 0),
          ).catch(() => {});
        assert.deepEqual(router.stats(), nothingLeft, "something of the sessions was left behind");
        assert.deepEqual(faults, [], "the router noticed a fault of its own");
      } finally {
        await router.close();
        clearInterval(alive);
      }
    });
  }
}

export const legName = (transport: string, serializer: Serializer): string =>
  `${transport} ${serializerName(serializer)}`;
