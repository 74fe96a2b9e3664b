/** The meta API of registrations and subscriptions: every question, every event, and revocation. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { ask, refused, resultOf, Watcher, withoutCreated } from "./meta-calls.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, unknownId, until, type Wire } from "./wire.ts";

const invalid = "wamp.error.invalid_argument";
const tooLarge = "wamp.error.payload_size_exceeded";

/** What differs between the two kinds. */
interface Kind {
  readonly name: "registration" | "subscription";
  readonly row: string;
  readonly argument: string;
  readonly unknown: string;
  readonly list: string;
  readonly counts: readonly string[];
  readonly remove: string;
  readonly joined: string;
  readonly left: string;
  join(wire: Wire, uri: string, options?: object): Promise<number>;
  leave(wire: Wire, id: number): Promise<void>;
  /** How a match is told of one id, of none. */
  match(...ids: readonly number[]): unknown;
  /** What `get` says beyond id, created, uri and match. */
  readonly more: object;
}

const registrations: Kind = {
  name: "registration",
  row: "R-13",
  argument: "procedure",
  unknown: "wamp.error.no_such_registration",
  list: "wamp.registration.list_callees",
  counts: ["wamp.registration.count_callees"],
  remove: "wamp.registration.remove_callee",
  joined: "wamp.registration.on_register",
  left: "wamp.registration.on_unregister",
  join: (wire, uri, options = {}) => wire.register(uri, { invoke: "roundrobin", ...options }),
  leave: (wire, id) => wire.unregister(id),
  match: (...ids) => ids[0] ?? null,
  more: { invoke: "roundrobin" },
};

const subscriptions: Kind = {
  name: "subscription",
  row: "P-11",
  argument: "topic",
  unknown: "wamp.error.no_such_subscription",
  list: "wamp.subscription.list_subscribers",
  counts: ["wamp.subscription.count_subscribers", "wamp.subscription.count_suscribers"],
  remove: "wamp.subscription.remove_subscriber",
  joined: "wamp.subscription.on_subscribe",
  left: "wamp.subscription.on_unsubscribe",
  join: (wire, uri, options = {}) => wire.subscribe(uri, { ...options }),
  leave: (wire, id) => wire.unsubscribe(id),
  match: (...ids) => (ids.length === 0 ? null : ids),
  more: {},
};

export function metaPatternSuite(suite: Suite): void {
  for (const kind of [registrations, subscriptions]) {
    questions(suite, kind);
    refusals(suite, kind);
    events(suite, kind);
    revocations(suite, kind);
  }
  bests(suite);
  own(suite);
}

async function expectList(wire: Wire, kind: Kind, expected: Record<string, number[]>): Promise<void> {
  const lists = (await resultOf(wire, `wamp.${kind.name}.list`)) as Record<string, number[]>;
  const sets = Object.fromEntries(Object.entries(lists).map(([match, ids]) => [match, new Set(ids)]));
  const wanted = Object.entries({ exact: [], prefix: [], wildcard: [], ...expected });
  assert.deepEqual(sets, Object.fromEntries(wanted.map(([match, ids]) => [match, new Set(ids)])));
  for (const [match, ids] of wanted) assert.equal(lists[match]!.length, ids.length);
}

function questions(suite: Suite, kind: Kind): void {
  const api = (name: string): string => `wamp.${kind.name}.${name}`;
  suite.test(`[${kind.row}] ${kind.name}: list, lookup, get, and who belongs to it`, async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    await expectList(one, kind, {});
    const ids: Record<string, number> = {};
    for (const [match, uri] of [
      ["exact", "com.a.b"],
      ["prefix", "com.a.b"],
      ["wildcard", "com..b"],
    ] as const) {
      const id = await kind.join(one, uri, { match });
      ids[match] = id;
      assert.equal(await kind.join(two, uri, { match }), id);
      assert.equal(await resultOf(two, api("lookup"), [uri, { match }]), id);
      const details = await resultOf(two, api("get"), [id]);
      assert.deepEqual(withoutCreated(details), { id, uri, match, ...kind.more });
      assert.deepEqual(await resultOf(two, kind.list, [id]), [one.id, two.id]);
      for (const count of kind.counts) assert.equal(await resultOf(two, count, [id]), 2);
    }
    await expectList(two, kind, {
      exact: [ids["exact"]!],
      prefix: [ids["prefix"]!],
      wildcard: [ids["wildcard"]!],
    });
    for (const payload of [
      ["com.a.b"],
      ["com.a.b", {}],
      ["com.a.b", null],
      ["com.a.b", { invoke: "single" }],
    ])
      assert.equal(await resultOf(one, api("lookup"), payload), ids["exact"]);
    for (const payload of [
      ["com.a"],
      ["com.a.b", { match: "wildcard" }],
      ["com.a.b.c", { match: "prefix" }],
      [""],
    ])
      assert.equal(await resultOf(one, api("lookup"), payload), null);
    await kind.leave(one, ids["exact"]!);
    assert.deepEqual(await resultOf(one, kind.list, [ids["exact"]]), [two.id]);
    two.close();
    await until("it has left", () => world.router.stats().sessions === 1);
    await until("and its subscriptions", () => world.router.stats().patterns === 2);
    await expectList(one, kind, { prefix: [ids["prefix"]!], wildcard: [ids["wildcard"]!] });
    assert.equal(await resultOf(one, api("lookup"), ["com.a.b"]), null);
  });

  suite.test(`[${kind.row}] ${kind.name}: match tells what an exact URI would reach`, async (world) => {
    const wire = await world.join();
    const match = (uri: string): Promise<unknown> => resultOf(wire, api("match"), [uri]);
    assert.equal(await match("com.a.b"), null);
    const wide = await kind.join(wire, "com..b", { match: "wildcard" });
    assert.deepEqual(await match("com.a.b"), kind.match(wide));
    const prefix = await kind.join(wire, "com.a", { match: "prefix" });
    assert.deepEqual(await match("com.a.b"), kind.match(prefix, wide));
    const exact = await kind.join(wire, "com.a.b");
    assert.deepEqual(await match("com.a.b"), kind.match(exact, prefix, wide));
    assert.deepEqual(await match("com.x.b"), kind.match(wide));
    assert.deepEqual(await match("com.abc"), kind.match(prefix));
    for (const uri of ["org.a", "com..b", "com.a b", "", "wamp.session.count", "wamp.session.on_join"])
      assert.equal(await match(uri), null, uri);
  });

  suite.testWith(
    `[${kind.row}] ${kind.name}: other realms' are not there, and lists have a limit`,
    { realms: ["realm1", "realm2"], limits: { listed_max: 2 } },
    async (world) => {
      const [here, there] = [await world.join(), await world.join({ realm: "realm2" })];
      const id = await kind.join(here, "com.a");
      await kind.join(here, "com", { match: "prefix" });
      await expectList(there, kind, {});
      assert.equal(await resultOf(there, api("lookup"), ["com.a"]), null);
      assert.equal(await resultOf(there, api("match"), ["com.a"]), null);
      for (const procedure of [api("get"), kind.list, ...kind.counts])
        await refused(there, kind.unknown, /there is no/, procedure, [id]);
      assert.equal(((await resultOf(here, kind.list, [id])) as number[]).length, 1);
      for (const wire of await world.joinMany(2)) await kind.join(wire, "com.a");
      await refused(here, tooLarge, /2 entries/, kind.list, [id]);
      assert.equal(await resultOf(here, kind.counts[0]!, [id]), 3);
      await kind.join(here, "com.b");
      await refused(here, tooLarge, /2 entries/, api("list"));
    },
  );
}

function refusals(suite: Suite, kind: Kind): void {
  const api = (name: string): string => `wamp.${kind.name}.${name}`;
  suite.test(
    `[${kind.row}] ${kind.name}: wrong, missing and unknown arguments are refused`,
    async (world) => {
      const wire = await world.join();
      const gone = await kind.join(wire, "com.a");
      await kind.leave(wire, gone);
      const other = kind === registrations ? subscriptions : registrations;
      const ofOtherKind = await other.join(wire, "com.a");
      for (const procedure of [api("get"), kind.list, ...kind.counts]) {
        for (const id of [gone, ofOtherKind, unknownId, 0, -1, 1.5])
          await refused(wire, kind.unknown, /there is no/, procedure, [id]);
        await refused(wire, invalid, new RegExp(`argument 1 \\("${kind.name}"\\) is missing`), procedure);
        for (const id of ["1", null, true])
          await refused(wire, invalid, new RegExp(`argument 1 \\("${kind.name}"\\)`), procedure, [id]);
      }
      const about = new RegExp(`argument 1 \\("${kind.argument}"\\)`);
      for (const procedure of [api("lookup"), api("match")]) {
        await refused(wire, invalid, about, procedure);
        for (const uri of [7, null, ["com.a"]]) await refused(wire, invalid, about, procedure, [uri]);
      }
      for (const options of ["exact", 1, ["exact"], { match: "suffix" }, { match: 1 }])
        await refused(wire, invalid, /argument 2 \("options"\)/, api("lookup"), ["com.a", options]);
    },
  );
}

function events(suite: Suite, kind: Kind): void {
  const api = (name: string): string => `wamp.${kind.name}.${name}`;
  const topics = [api("on_create"), kind.joined, kind.left, api("on_delete")] as const;
  suite.test(`[${kind.row}] ${kind.name}: the four events, in order, with their arguments`, async (world) => {
    const watcher = await Watcher.of(await world.join(), ...topics);
    const [one, two] = [await world.join(), await world.join()];
    const id = await kind.join(one, "com.a", { match: "prefix" });
    const [topic, args, ...more] = await watcher.next();
    assert.deepEqual([topic, more], [topics[0], []]);
    const [session, details, ...rest] = args as unknown[];
    assert.deepEqual([session, rest], [one.id, []]);
    assert.deepEqual(withoutCreated(details), { id, uri: "com.a", match: "prefix", ...kind.more });
    assert.deepEqual(await resultOf(two, api("get"), [id]), details);
    await kind.join(two, "com.a", { match: "prefix" });
    await kind.leave(one, id);
    await watcher.expect([topics[1], [one.id, id]], [topics[1], [two.id, id]], [topics[2], [one.id, id]]);
    two.close();
    await watcher.expect([topics[2], [two.id, id]], [topics[3], [two.id, id]]);
    // Asking twice is one subscription, and being refused is none.
    if (kind === subscriptions) {
      const again = await one.subscribe("com.b");
      await one.subscribe("com.b");
      assert.equal((await watcher.next())[0], topics[0]);
      await watcher.expect([topics[1], [one.id, again]]);
    }
  });

  suite.test(
    `[${kind.row}] ${kind.name}: no event of the router's own topics, nor for a subscription to everything`,
    async (world) => {
      const watcher = await Watcher.of(await world.join(), ...topics);
      const [wire, deaf] = [await world.join(), await world.join()];
      await wire.unsubscribe(await wire.subscribe("wamp.session.on_join"));
      await watcher.expect();
      await deaf.subscribe("", { match: "prefix" });
      await deaf.subscribe("..", { match: "wildcard" });
      await wire.register("com.a");
      await deaf.expectQuiet();
    },
  );

  suite.test(`[${kind.row}] ${kind.name}: the events can be heard by pattern`, async (world) => {
    const watcher = await world.join();
    await watcher.subscribe(`wamp.${kind.name}.`, { match: "prefix" });
    const wire = await world.join();
    const id = await kind.join(wire, "com.a");
    await kind.leave(wire, id);
    for (const topic of topics) {
      const event = await watcher.event();
      assert.deepEqual(event.details, { topic });
      assert.equal((event.payload[0] as unknown[])[0], wire.id);
    }
    await watcher.expectQuiet();
  });
}

/** Roles that take part in revocation, or not. */
const rolesWith = (announced: boolean): Dict => ({
  caller: {},
  publisher: {},
  callee: { features: { registration_revocation: announced } },
  subscriber: { features: { subscription_revocation: announced } },
});

function revocations(suite: Suite, kind: Kind): void {
  const row = kind === registrations ? "R-10" : "P-09";
  const type = kind === registrations ? Message.unregistered : Message.unsubscribed;
  const boss = (world: World): Promise<Wire> => world.joinAs({ authid: "c", authrole: "chief" });
  suite.test(
    `[${row}] a ${kind.name} taken away: only who announced it is told, and all have lost it`,
    async (world) => {
      const chief = await boss(world);
      const watcher = await Watcher.of(await world.join(), kind.left, `wamp.${kind.name}.on_delete`);
      const told = await world.join({ roles: rolesWith(true) });
      const untold = await world.join({ roles: rolesWith(false) });
      const id = await kind.join(told, "com.a");
      await kind.join(untold, "com.a");
      assert.deepEqual(await ask(chief, kind.remove, [id, told.id], { reason: "moving" }), []);
      await told.expect([type, 0, { [kind.name]: id, reason: "moving" }]);
      await watcher.expect([kind.left, [told.id, id]]);
      assert.deepEqual(await resultOf(chief, kind.list, [id]), [untold.id]);
      assert.deepEqual(await ask(chief, kind.remove, [id, untold.id, "moving too"]), []);
      await watcher.expect([kind.left, [untold.id, id]], [`wamp.${kind.name}.on_delete`, [untold.id, id]]);
      await untold.expectQuiet();
      await chief.publish("com.a");
      const call = chief.call("com.a");
      await chief.expectError(Message.call, call, "wamp.error.no_such_procedure");
      const before = kind === registrations ? Message.unregister : Message.unsubscribe;
      for (const wire of [told, untold]) {
        const request = wire.request();
        wire.send([before, request, id]);
        await wire.expectError(before, request, kind.unknown);
      }
      // Without a reason there is none in it; and what was taken away may be asked for again.
      const second = await kind.join(told, "com.a");
      assert.notEqual(second, id);
      await ask(chief, kind.remove, [second, told.id]);
      await told.expect([type, 0, { [kind.name]: second }]);
    },
  );

  suite.test(`[${row}] taking a ${kind.name} away refuses wrong and unknown arguments`, async (world) => {
    const chief = await boss(world);
    const [wire, other] = [await world.join({ roles: rolesWith(true) }), await world.join()];
    const id = await kind.join(wire, "com.a");
    await refused(chief, kind.unknown, /there is no/, kind.remove, [unknownId, wire.id]);
    await refused(chief, kind.unknown, /session/, kind.remove, [id, other.id]);
    await refused(chief, "wamp.error.no_such_session", /no session/, kind.remove, [id, unknownId]);
    await refused(chief, invalid, /argument 1/, kind.remove);
    await refused(chief, invalid, /argument 1/, kind.remove, ["1", wire.id]);
    await refused(chief, invalid, /argument 2 \("session"\) is missing/, kind.remove, [id]);
    await refused(chief, invalid, /argument 2 \("session"\)/, kind.remove, [id, "1"]);
    await refused(chief, invalid, /"reason"/, kind.remove, [id, wire.id], { reason: 1 });
    await wire.expectQuiet();
    assert.deepEqual(await resultOf(chief, kind.list, [id]), [wire.id]);
  });
}

function bests(suite: Suite): void {
  suite.test("[R-13] every invocation policy is told by its name", async (world) => {
    const wire = await world.join();
    for (const invoke of ["single", "roundrobin", "random", "first", "last"]) {
      const id = await wire.register(`com.${invoke}`, { invoke });
      const details = withoutCreated(await resultOf(wire, "wamp.registration.get", [id]));
      assert.deepEqual(details, { id, uri: `com.${invoke}`, match: "exact", invoke });
    }
    const id = await wire.register("com.plain");
    assert.equal(withoutCreated(await resultOf(wire, "wamp.registration.get", [id]))["invoke"], "single");
  });

  suite.test("[R-10] a callee that loses its registration still answers what it was asked", async (world) => {
    const chief = await world.joinAs({ authid: "c", authrole: "chief" });
    const callee = await world.join({ roles: rolesWith(true) });
    const id = await callee.register("com.proc");
    const caller = await world.join();
    const call = caller.call("com.proc");
    const { request } = await callee.invocation();
    await ask(chief, "wamp.registration.remove_callee", [id, callee.id]);
    await callee.expect([Message.unregistered, 0, { registration: id }]);
    callee.yield(request, {}, ["done"]);
    await caller.expect([Message.result, call, {}, ["done"]]);
  });
}

function own(suite: Suite): void {
  suite.test("[P-11] subscriptions to the router's own topics are not shown", async (world) => {
    const wire = await world.join();
    const own = await wire.subscribe("wamp.session.on_join");
    const wide = await wire.subscribe("wamp.", { match: "prefix" });
    await expectList(wire, subscriptions, {});
    assert.equal(await resultOf(wire, "wamp.subscription.lookup", ["wamp.session.on_join"]), null);
    assert.equal(await resultOf(wire, "wamp.subscription.match", ["wamp.session.on_join"]), null);
    for (const id of [own, wide])
      await refused(wire, subscriptions.unknown, /there is no/, "wamp.subscription.get", [id]);
  });
}
