/** wamp.subscription.get_events: every argument, over exact and pattern subscriptions, what is kept and who may see it. */
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite, World } from "./router-suite.ts";
import { results } from "./router-suite-retained-procedures.ts";
import { type Dict, unknownId, until, type Wire } from "./wire.ts";

const getEvents = "wamp.subscription.get_events";

const options: RouterOptions = {
  realms: [
    {
      uri: "realm1",
      history: [
        { topic: "com.log.a", limit: 100 },
        { topic: "com.log", match: "prefix", limit: 10 },
        { topic: "com..b", match: "wildcard", limit: 100 },
      ],
    },
    "realm2",
  ],
};

export function historySuite(suite: Suite): void {
  stored(suite);
  chosen(suite);
  visible(suite);
  refused(suite);
  bounded(suite);
}

interface Stored {
  readonly timestamp: string;
  readonly subscription: number;
  readonly publication: number;
  readonly details: Dict;
  readonly args?: unknown[];
  readonly kwargs?: Dict;
}

const ask = async (wire: Wire, subscription: unknown, kwargs: Dict = {}): Promise<Stored[]> =>
  (await results(wire, getEvents, [subscription], kwargs)) as Stored[];

const publications = async (wire: Wire, subscription: number, kwargs: Dict = {}): Promise<number[]> =>
  (await ask(wire, subscription, kwargs)).map(({ publication }) => publication);

/** A session that knows the subscriptions' ids and hears nothing of them. */
async function historian(
  world: World,
): Promise<{ wire: Wire; exact: number; prefix: number; wildcard: number }> {
  const wire = await world.join();
  const known = {
    exact: await wire.subscribe("com.log.a"),
    prefix: await wire.subscribe("com.log", { match: "prefix" }),
    wildcard: await wire.subscribe("com..b", { match: "wildcard" }),
  };
  for (const id of Object.values(known)) await wire.unsubscribe(id);
  return { wire, ...known };
}

function stored(suite: Suite): void {
  suite.testWith(
    "[P-07] the events of a subscription are kept in their order, with ids, time, details and payload as published",
    options,
    async (world) => {
      const publisher = await world.join({
        roles: { publisher: { features: { payload_passthru_mode: true } } },
      });
      const started = Date.now();
      const ids = [
        await publisher.publish("com.log.a", {}, [1, "é"], { key: null }),
        await publisher.publish("com.log.b", { disclose_me: true }),
        await publisher.publish("com.log.a", { enc_algo: "x_own", enc_key: "k" }, ["opaque"]),
        await publisher.publish("com.other.b", {}, [], { only: true }),
      ];
      const { wire, exact, prefix, wildcard } = await historian(world);
      const events = await ask(wire, exact);
      const own = { enc_algo: "x_own", enc_key: "k" };
      const at = events.map(({ timestamp }) => timestamp);
      assert.deepEqual(events, [
        {
          timestamp: at[0],
          subscription: exact,
          publication: ids[0],
          details: {},
          args: [1, "é"],
          kwargs: { key: null },
        },
        { timestamp: at[1], subscription: exact, publication: ids[2], details: own, args: ["opaque"] },
      ]);
      for (const timestamp of at) {
        assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        const age_ms = Date.parse(timestamp) - started;
        assert.ok(age_ms >= -5 && age_ms < 60_000, `${age_ms} ms after the start`);
      }
      const { id, authid, authrole } = publisher;
      const named = { publisher: id, publisher_authid: authid, publisher_authrole: authrole };
      assert.deepEqual(
        (await ask(wire, prefix)).map(({ details }) => details),
        [{ topic: "com.log.a" }, { topic: "com.log.b", ...named }, { topic: "com.log.a", ...own }],
      );
      const found = await ask(wire, wildcard);
      assert.deepEqual(
        found.map(({ publication, args, kwargs }) => [publication, args, kwargs]),
        [
          [ids[1], undefined, undefined],
          [ids[3], [], { only: true }],
        ],
      );
    },
  );

  suite.testWith(
    "[P-07] events are kept while nobody is subscribed, under an id that stays, and only the last ones",
    options,
    async (world) => {
      const publisher = await world.join();
      const { wire, prefix, exact } = await historian(world);
      const ids: number[] = [];
      for (let i = 0; i < 15; i++) ids.push(await publisher.publish("com.log.x", {}, [i]));
      assert.deepEqual(await publications(wire, prefix), ids.slice(5));
      const other = await world.join();
      assert.equal(await other.subscribe("com.log", { match: "prefix" }), prefix);
      other.close();
      await until("it has gone", () => world.router.stats().connections === 2);
      assert.equal(await wire.subscribe("com.log", { match: "prefix" }), prefix);
      assert.deepEqual(await results(wire, getEvents, [exact]), []);
      assert.equal(world.router.metrics.history, 10);
    },
  );

  suite.testWith(
    "[P-07] subscribers hear events as ever, and who has published is not excluded from the past",
    options,
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      const subscription = await wire!.subscribe("com.log.a");
      await publisher!.subscribe("com.log.a");
      const publication = await publisher!.publish("com.log.a", {}, [1]);
      assert.deepEqual(await wire!.event(), { subscription, publication, details: {}, payload: [[1]] });
      assert.deepEqual(await publications(publisher!, subscription), [publication]);
    },
  );
}

function chosen(suite: Suite): void {
  suite.testWith(
    "[P-07] limit and reverse choose the first or the last events, and publication ids where to begin and end",
    options,
    async (world) => {
      const publisher = await world.join();
      const { wire, exact } = await historian(world);
      const ids: number[] = [];
      for (let i = 0; i < 10; i++) ids.push(await publisher.publish("com.log.a", {}, [i]));
      const back = [...ids].reverse();
      const cases: readonly [kwargs: Dict, expected: readonly number[]][] = [
        [{}, ids],
        [{ reverse: false, limit: null, topic: null, from_time: null, from_publication: null }, ids],
        [{ limit: 3 }, ids.slice(0, 3)],
        [{ limit: 100 }, ids],
        [{ reverse: true }, back],
        [{ reverse: true, limit: 4 }, back.slice(0, 4)],
        [{ from_publication: ids[6] }, ids.slice(6)],
        [{ after_publication: ids[6] }, ids.slice(7)],
        [{ before_publication: ids[3] }, ids.slice(0, 3)],
        [{ until_publication: ids[3] }, ids.slice(0, 4)],
        [{ after_publication: ids[9] }, []],
        [{ before_publication: ids[0] }, []],
        [{ from_publication: ids[2], until_publication: ids[5] }, ids.slice(2, 6)],
        [{ after_publication: ids[5], before_publication: ids[5] }, []],
        [{ after_publication: ids[1], limit: 2 }, ids.slice(2, 4)],
        [{ before_publication: ids[8], reverse: true, limit: 2 }, [ids[7]!, ids[6]!]],
        [{ from_publication: ids[2], after_publication: ids[4], until_publication: ids[7] }, ids.slice(5, 8)],
      ];
      for (const [kwargs, expected] of cases)
        assert.deepEqual(await publications(wire, exact, kwargs), expected, JSON.stringify(kwargs));
      const byPosition = (await results(wire, getEvents, [exact, 2])) as Stored[];
      assert.deepEqual(
        byPosition.map(({ publication }) => publication),
        ids.slice(0, 2),
      );
    },
  );

  suite.slowTest(
    "[P-07] times are compared as the argument's name says, in any zone and to the fraction",
    options,
    async (world) => {
      const publisher = await world.join();
      const { wire, exact } = await historian(world);
      for (let i = 0; i < 4; i++) {
        await publisher.publish("com.log.a", {}, [i]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const times = (await ask(wire, exact)).map(({ timestamp }) => timestamp);
      assert.equal(new Set(times).size, 4);
      const zoned = `${new Date(Date.parse(times[1]!) + 90 * 60_000).toISOString().slice(0, -1)}+01:30`;
      const cases: readonly [kwargs: Dict, expected: readonly number[]][] = [
        [{ from_time: times[1] }, [1, 2, 3]],
        [{ after_time: times[1] }, [2, 3]],
        [{ before_time: times[1] }, [0]],
        [{ until_time: times[1] }, [0, 1]],
        [{ from_time: zoned, until_time: times[2]!.toLowerCase().replace("t", " ") }, [1, 2]],
        [{ after_time: times[1]!.replace("Z", "999Z") }, [2, 3]],
        [{ until_time: times[1]!.replace("Z", "001Z") }, [0, 1]],
        [{ after_time: times[3] }, []],
        [{ from_time: "1970-01-01T00:00:00Z", before_time: "9999-12-31T23:59:59-23:59", limit: 1 }, [0]],
        [{ after_time: times[0], reverse: true, limit: 2 }, [3, 2]],
      ];
      for (const [kwargs, expected] of cases)
        assert.deepEqual(
          (await ask(wire, exact, kwargs)).map(({ args }) => args![0]),
          expected,
          JSON.stringify(kwargs),
        );
    },
  );

  suite.testWith(
    "[P-07] a topic chooses among the events of a pattern subscription",
    options,
    async (world) => {
      const publisher = await world.join();
      const { wire, prefix } = await historian(world);
      const a = await publisher.publish("com.log.a");
      const b = await publisher.publish("com.log.b");
      assert.deepEqual(await publications(wire, prefix, { topic: "com.log.b" }), [b]);
      assert.deepEqual(await publications(wire, prefix, { topic: "com.log" }), []);
      assert.deepEqual(await publications(wire, prefix, { topic: "com.log.a", until_publication: b }), [a]);
    },
  );
}

function visible(suite: Suite): void {
  suite.testWith(
    "[P-07 P-01] lists of authids and roles hold for whoever asks, and what names sessions is not kept",
    options,
    async (world) => {
      const publisher = await world.join();
      const alice = await world.joinAs({ authid: "alice", authrole: "staff" });
      const { wire, exact } = await historian(world);
      const forStaff = await publisher.publish("com.log.a", { eligible_authrole: ["staff"] });
      const notAlice = await publisher.publish("com.log.a", { exclude_authid: ["alice"] });
      await publisher.publish("com.log.a", { eligible: [wire.id, alice.id] });
      await publisher.publish("com.log.a", { exclude: [1] });
      await publisher.publish("com.log.a", { exclude: [] });
      const forAll = await publisher.publish("com.log.a", { exclude_authrole: [] });
      assert.deepEqual(await publications(alice, exact), [forStaff, forAll]);
      assert.deepEqual(await publications(wire, exact), [notAlice, forAll]);
      assert.deepEqual(await publications(wire, exact, { limit: 1 }), [notAlice]);
    },
  );

  suite.testWith(
    "[P-07] an event that the caller's serializer cannot say is left out",
    options,
    async (world) => {
      const publisher = await world.join({ serializer: Serializer.cbor });
      const { wire, exact } = await historian(world);
      await publisher.publish("com.log.a", {}, [Number.NaN]);
      const plain = await publisher.publish("com.log.a", {}, [{ bytes: new Uint8Array([1, 2]) }]);
      const events = await ask(wire, exact);
      assert.equal(events.length, wire.serializer === Serializer.json ? 1 : 2);
      assert.equal(events.at(-1)?.publication, plain);
      assert.deepEqual(events.at(-1)?.args, [{ bytes: new Uint8Array([1, 2]) }]);
    },
  );
}

function refused(suite: Suite): void {
  suite.testWith(
    "[P-07] no_such_subscription for what is none, is of another realm or keeps no events",
    options,
    async (world) => {
      const { wire, exact } = await historian(world);
      const stranger = await world.join({ realm: "realm2" });
      const other = await wire.subscribe("com.other");
      const error = "wamp.error.no_such_subscription";
      for (const [caller, id] of [
        [wire, unknownId],
        [wire, other],
        [wire, exact + 2 ** 28],
        [wire, 0],
        [wire, -1.5],
        [stranger, exact],
      ] as const)
        await caller.expectError(Message.call, caller.call(getEvents, {}, [id]), error);
    },
  );

  suite.testWith("[P-07] malformed arguments are refused with invalid_argument", options, async (world) => {
    const publisher = await world.join();
    const { wire, exact } = await historian(world);
    await publisher.publish("com.log.a");
    const error = "wamp.error.invalid_argument";
    for (const args of [[], [null], ["1"], [true], [[exact]], [exact, 0], [exact, "3"]])
      await wire.expectError(Message.call, wire.call(getEvents, {}, args), error);
    const malformed: Dict[] = [
      ...[0, -1, 1.5, "3", [3]].map((limit) => ({ limit })),
      ...[1, "yes", []].map((reverse) => ({ reverse })),
      ...[1, ["com.log.a"]].map((topic) => ({ topic })),
    ];
    for (const name of ["from_time", "after_time", "before_time", "until_time"])
      for (const value of [
        1_700_000_000,
        "",
        "yesterday",
        "2024-01-01",
        "2024-13-01T00:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:00:00+24:00",
        ` 2024-01-01T00:00:00Z`,
      ])
        malformed.push({ [name]: value });
    // The last one is an id, but of no event in the history.
    for (const name of ["from_publication", "after_publication", "before_publication", "until_publication"])
      for (const value of [0, 1.5, "1", [1], 12_345]) malformed.push({ [name]: value });
    for (const kwargs of malformed)
      await wire.expectError(Message.call, wire.call(getEvents, {}, [exact], kwargs), error);
  });
}

function bounded(suite: Suite): void {
  suite.testWith(
    "[P-07] an answer is bounded in events and bytes, and the caller asks on where it ended",
    { ...options, limits: { historyResult_max: 4, historyResultBytes_max: 2_000 } },
    async (world) => {
      const publisher = await world.join();
      const { wire, exact } = await historian(world);
      const ids: number[] = [];
      for (let i = 0; i < 6; i++) ids.push(await publisher.publish("com.log.a", {}, [i]));
      for (let i = 0; i < 3; i++) ids.push(await publisher.publish("com.log.a", {}, ["x".repeat(1_200)]));
      ids.push(await publisher.publish("com.log.a", {}, ["x".repeat(5_000)]));
      const pages: number[][] = [];
      for (let page = await publications(wire, exact); page.length > 0; ) {
        pages.push(page);
        page = await publications(wire, exact, { after_publication: page.at(-1) });
      }
      assert.deepEqual(pages.flat(), ids);
      assert.deepEqual(
        pages.map((page) => page.length),
        [4, 3, 1, 1, 1],
      );
    },
  );

  suite.testWith(
    "[P-07] an event too large for any answer is said to be so, and does not end the caller's session",
    { ...options, limits: { frameBytes_max: 1 << 16, outboxBytes_max: 1 << 17, inboxBytes_max: 1 << 17 } },
    async (world) => {
      const publisher = await world.join({ serializer: Serializer.msgpack });
      const wire = await world.join({ serializer: Serializer.json });
      const { exact } = await historian(world);
      // One byte each in MessagePack, five in JSON.
      const nulls = Array.from({ length: 20_000 }, () => null);
      const publication = await publisher.publish("com.log.a", {}, nulls);
      const request = wire.call(getEvents, {}, [exact]);
      const error = await wire.next();
      assert.deepEqual(error.slice(0, 5), [8, 48, request, {}, "wamp.error.payload_size_exceeded"]);
      assert.match(String(error[5]), new RegExp(String(publication)));
      await wire.expectQuiet();
    },
  );
}
