/**
 * The directory under random requests, departures and deaths of routers, with messages between routers in random order: when all is
 * quiet, all routers have the same, and it is what the clients believe. Set SEED to repeat a run, and RUNS for more or fewer of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { silentLog } from "../../src/base/log.ts";
import { PatternKind, Trait } from "../../src/router/patterns.ts";
import { DirectoryClient } from "../support/directory-client.ts";
import { type Peer, PeerWorld } from "../support/peer-world.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const numRuns = Number(process.env["RUNS"] ?? 100);

const acts = [
  "join",
  "subscribe",
  "unsubscribe",
  "register",
  "unregister",
  "publish",
  "call",
  "leave",
  "step",
] as const;
const actArb = fc.record({
  does: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...acts) },
    { weight: 30, arbitrary: fc.constantFrom("subscribe" as const, "register" as const, "step" as const) },
    { weight: 3, arbitrary: fc.constantFrom("down" as const, "up" as const) },
  ),
  who: fc.nat(),
  what: fc.nat(),
  how: fc.nat(),
});
type Act = typeof actArb extends fc.Arbitrary<infer T> ? T : never;

/** Routers are made by the hundred. */
const small = { frameBytes_max: 4_096, matches_max: 64 };
const pick = <T>(from: readonly T[], n: number): T | undefined => from[n % Math.max(1, from.length)];
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

class Scenario {
  readonly world: PeerWorld;
  readonly up: boolean[];
  clients: DirectoryClient[] = [];
  answered = 0;

  constructor(world: PeerWorld) {
    this.world = world;
    this.up = world.peers.map(() => true);
  }

  async act({ does, who, what, how }: Act): Promise<void> {
    const { world, up } = this;
    const client = pick(this.clients, who);
    switch (does) {
      case "join": {
        const router = who % up.length;
        if (up[router]) this.clients.push(new DirectoryClient(world.peers[router]!.host, router));
        break;
      }
      case "subscribe": {
        const match = pick(["exact", "exact", "prefix"], how)!;
        const uri = `com.t${what % 3}`;
        const nkey = how % 5 === 0 ? { nkey: `k${what % 2}` } : {};
        client?.subscribe(`${match} ${uri}`, uri, { match, ...nkey });
        break;
      }
      case "unsubscribe": {
        const id = client === undefined ? undefined : pick([...client.subscriptions.keys()], what);
        if (id !== undefined) client!.unsubscribe(id);
        break;
      }
      case "register": {
        const invoke = pick(["single", "single", "roundrobin", "first"], how)!;
        const uri = `com.p${what % 3}`;
        client?.register(uri, uri, { invoke, force_reregister: how % 7 === 0, concurrency: 2 });
        break;
      }
      case "unregister": {
        const id = client === undefined ? undefined : pick([...client.registrations.keys()], what);
        if (id !== undefined) client!.unregister(id);
        break;
      }
      case "publish":
        client?.publish(`com.t${what % 3}`);
        break;
      case "call":
        client?.call(`com.p${what % 3}`);
        break;
      case "leave":
        this.#end((other) => other === client);
        break;
      case "down":
        // One at a time: what nobody has any more, nobody can know.
        if (up.includes(false)) break;
        up[who % up.length] = false;
        world.takeDown(who % up.length);
        this.#end(({ router }) => router === who % up.length);
        break;
      case "up":
        this.#bringUp();
        break;
      default:
        for (let steps = what % 12; steps > 0 && world.links.step(); steps--);
        if (how % 2 === 0) await turn();
    }
  }

  #bringUp(): void {
    const place = this.up.indexOf(false);
    if (place < 0) return;
    this.up[place] = true;
    this.world.bringUp(place);
  }

  #end(which: (client: DirectoryClient) => boolean): void {
    for (const client of this.clients.filter(which)) client.close();
    this.clients = this.clients.filter((client) => !client.isGone);
  }

  /** Until nothing happens any more: a call that waits for a busy callee takes several turns without a word between routers. */
  async settle(): Promise<void> {
    this.#bringUp();
    for (let quiet = 0; quiet < 24; quiet++) {
      await turn();
      while (this.world.links.step()) quiet = 0;
    }
  }

  async leaveAll(): Promise<void> {
    this.#end(() => true);
    await this.settle();
  }
}

/** What a router knows, as it should be at all of them; and whether its own tables agree with it. */
function viewOf({ core }: Peer, clients: readonly DirectoryClient[], self: number) {
  const { patterns, directory, subscriptions, registrations, targets, realms } = core;
  const { interests, registrations: shared } = directory!.tables;
  const order = <T extends { id: number }>(records: T[]): T[] => records.sort((a, b) => a.id - b.id);
  const kinds = [PatternKind.subscription, PatternKind.registration];
  for (const kind of kinds)
    for (const pattern of patterns.all(kind)) {
      const members: number[] = [];
      const table = kind === PatternKind.subscription ? subscriptions : registrations;
      for (let row = patterns.firstMember(pattern); row !== 0; row = table.nextOfPattern(row))
        members.push(targets.get(table.target(row)).id);
      assert.equal(patterns.byId(kind, patterns.id(pattern)), pattern, "a pattern is found by its id");
      assert.equal(patterns.has(pattern, Trait.remote), patterns.interest(pattern) !== 0);
      const id = patterns.id(pattern);
      if (kind === PatternKind.subscription) {
        const own = clients.filter(({ router, subscriptions: held }) => router === self && held.has(id));
        assert.deepEqual(members.toSorted(), own.map((client) => client.id).toSorted());
        assert.equal(patterns.isHeldHere(pattern), own.length > 0, "a router holds what it has members of");
      } else
        assert.deepEqual(
          members,
          shared.callees(pattern).map(({ facts }) => facts.id),
          "members are in the order of all",
        );
    }
  assert.equal(directory!.pendingCount, 0, "nothing waits");
  assert.ok(directory!.isJoined);
  assert.equal(realms.get("realm1")!.handle > 0, true);
  return {
    subscriptions: order(
      [...interests.records()].map((record) => ({ ...record, keys: record.keys.toSorted() })),
    ),
    registrations: order(
      [...shared.records()].map((record) => ({
        ...record,
        callees: record.callees.map(({ router, facts, turns, options }) => ({
          router,
          session: facts.id,
          turns,
          options: { ...options, forceReregister: false },
        })),
      })),
    ),
  };
}

function check({ world, clients }: Scenario): void {
  const views = world.peers.map((peer, self) => viewOf(peer, clients, self));
  for (const view of views) assert.deepEqual(view, views[0], "all routers have the same");
  const held = new Map<string, number>();
  for (const { id, registrations, waiting } of clients) {
    assert.equal(waiting, 0, "every request is answered");
    for (const [registration, { name, turns }] of registrations)
      held.set(`${registration} ${name} ${id}`, turns);
  }
  const known = new Map<string, number>();
  for (const { id, uri, callees } of views[0]!.registrations)
    for (const { session, turns } of callees) known.set(`${id} ${uri} ${session}`, turns);
  assert.deepEqual(
    [...known].toSorted(),
    [...held].toSorted(),
    "who believes to have registered, has, and nobody else",
  );
  assert.equal(new Set(views[0]!.registrations.map(({ uri }) => uri)).size, views[0]!.registrations.length);
}

test("routers agree on subscriptions and registrations, whoever comes, goes or dies when", async () => {
  console.log(`directory: SEED=${seed}`);
  const faults: unknown[] = [];
  const log = { ...silentLog, error: (...what: unknown[]) => void faults.push(what) };
  const runs = fc.asyncProperty(
    fc.constantFrom(2, 3),
    fc.boolean(),
    fc.nat(),
    fc.array(actArb, { maxLength: 80, size: "max" }),
    async (count, repeatedRegistration, start, script) => {
      let state = start | 1;
      const below = (n: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return Math.floor((state / 0x80000000) * n);
      };
      const router = { log, limits: small, realms: [{ uri: "realm1", repeatedRegistration }] };
      const scenario = new Scenario(await PeerWorld.start({ count, below, router }));
      for (let who = 0; who < 2 * count; who++) await scenario.act({ does: "join", who, what: 0, how: 0 });
      for (const act of script) await scenario.act(act);
      await scenario.settle();
      check(scenario);
      await scenario.leaveAll();
      check(scenario);
      for (const { core, host } of scenario.world.peers) {
        assert.equal(core.targets.all().length, 0, "nothing is left of sessions");
        assert.equal(core.directory!.tables.remotes.count, 0, "nor of callees of other routers");
        assert.equal(core.patterns.count, 0);
        assert.equal(host.stats().limitedCallees, 0);
        assert.equal(core.subscriptions.count + core.registrations.count, 0);
      }
      assert.deepEqual(faults.splice(0), []);
    },
  );
  await fc.assert(runs, { seed, numRuns, includeErrorInReport: true, interruptAfterTimeLimit: 60_000 });
});
