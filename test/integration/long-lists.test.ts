/** Lists of the meta API with thousands of entries: whole in each serializer, and made over several turns, however many are asked for. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { refused, resultOf } from "../support/meta-calls.ts";
import { memoryLeg, peerLeg } from "../support/router-legs.ts";
import { Suite, type World } from "../support/router-suite.ts";
import type { Wire } from "../support/wire.ts";

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const count = 6_000;
const topic = (i: number): string => `com.topic${(i * 7_919) % count}`;

for (const serializer of Object.values(Serializer)) {
  const suite = new Suite(memoryLeg(serializer));
  suite.test("lists with thousands of entries are whole, and share the turns", async (world) => {
    const [holder, ...wires] = await world.joinMany(4);
    const ids: number[] = [];
    for (let i = 0; i < count; i++) holder!.send([Message.subscribe, holder!.request(), {}, topic(i)]);
    for (let i = 0; i < count; i++) ids.push((await holder!.next())[2] as number);
    const each = 8;
    for (const wire of wires)
      for (let i = 0; i < each; i++) {
        wire.call("wamp.subscription.list");
        wire.call("wamp.reflection.topic.list");
      }
    const all = wires.length * each * 2;
    let turns = 0;
    for (; wires.reduce((sum, wire) => sum + wire.arrivedCount, 0) < all; turns++) await turn();
    // Each walks as many patterns, and encodes as many entries of at least four steps.
    assert.ok(turns > (all * count * 5) / 8_192 / 2, `${turns} turns`);
    const topics = ids.map((_, i) => topic(i)).sort();
    for (const wire of wires)
      for (let i = 0; i < each * 2; i++) {
        const [type, , , [list]] = (await wire.next()) as [number, number, object, [unknown]];
        assert.equal(type, Message.result);
        if (Array.isArray(list))
          assert.deepEqual(
            list.filter((uri: string) => uri.startsWith("com.")),
            topics,
          );
        else assert.deepEqual(list, { exact: ids, prefix: [], wildcard: [] });
      }
    holder!.close();
  });

  suite.testWith(
    "a list longer than the limit is refused also when it takes several turns to find out",
    { limits: { listed_max: 5_000 } },
    async (world) => {
      const wire = await world.join();
      for (let i = 0; i < count; i++) wire.send([Message.subscribe, wire.request(), {}, topic(i)]);
      for (let i = 0; i < count; i++) await wire.next();
      const tooLarge = "wamp.error.payload_size_exceeded";
      await refused(wire, tooLarge, /5000 entries/, "wamp.subscription.list");
      await refused(wire, tooLarge, /5000 entries/, "wamp.reflection.topic.list");
      assert.equal(await resultOf(wire, "wamp.session.count"), 1);
    },
  );
}

/** Turns until so many messages have arrived, and the most that arrived in one of them. */
async function arrivals(wire: Wire, count: number): Promise<{ turns: number; worst: number }> {
  let [turns, worst] = [0, 0];
  for (let before = 0; before < count; turns++) {
    await turn();
    worst = Math.max(worst, wire.arrivedCount - before);
    before = wire.arrivedCount;
  }
  return { turns, worst };
}

function floods(suite: Suite): void {
  suite.test(
    "calls of the router's own procedures are answered a share per turn, in order",
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      const calls = Array.from({ length: 2_000 }, () => wire.call("wamp.session.count"));
      other.call("wamp.session.count");
      const { worst } = await arrivals(wire, calls.length);
      assert.ok(worst <= 500, `${worst} in one turn`);
      for (const call of calls) await wire.expect([Message.result, call, {}, [2]]);
      assert.equal((await other.next())[0], Message.result);
    },
  );

  suite.test("requests that are refused are answered a share per turn", async (world) => {
    const wire = await world.join();
    for (let i = 0; i < 2_000; i++) wire.call("com.nobody");
    const { worst } = await arrivals(wire, 2_000);
    assert.ok(worst <= 900, `${worst} in one turn`);
  });

  suite.testWith(
    "a call of them with more bytes than they take is refused",
    { limits: { testamentBytes_max: 300_000 } },
    async (world) => {
      const wire = await world.join();
      const roles = Array.from({ length: 1_000 }, (_, i) => `role ${i}`);
      assert.equal(await resultOf(wire, "wamp.session.count", [roles]), 0);
      const large = "x".repeat(304_096);
      await refused(wire, "wamp.error.payload_size_exceeded", /304096 bytes/, "wamp.session.count", [
        [large],
      ]);
      await refused(wire, "wamp.error.unavailable", /300000 bytes/, "wamp.session.add_testament", [
        "com.topic",
        ["x".repeat(300_000)],
        {},
      ]);
    },
  );
}

function receiverLists(suite: Suite): void {
  suite.test("lists of receivers have a bound, and to read them takes a share of the turn", async (world) => {
    const [publisher, subscriber] = [await world.join(), await world.join()];
    await subscriber.subscribe("com.topic");
    const publish = (exclude: readonly number[], options: object): void =>
      publisher.send([
        Message.publish,
        publisher.request(),
        { exclude, exclude_authid: ["x"], ...options },
        "com.topic",
      ]);
    const ids = Array.from({ length: 15_000 }, (_, i) => 2 ** 40 + i);
    publish(ids, { acknowledge: true });
    const refusal = await publisher.next();
    assert.deepEqual([refusal[0], refusal[4]], [Message.error, "wamp.error.payload_size_exceeded"]);
    publish(ids, {});
    for (let i = 0; i < 200; i++) publish(ids.slice(0, 2_000), { acknowledge: true });
    const { worst } = await arrivals(publisher, 200);
    assert.ok(worst <= 20, `${worst} in one turn`);
    assert.equal(subscriber.arrivedCount, 200);
  });
}

const eventCount = 2_000;
const kept = { realms: [{ uri: "realm1", history: [{ topic: "com.log", limit: eventCount }] }] };

async function publishAll(wire: Wire): Promise<number[]> {
  for (let i = 0; i < eventCount; i++) {
    const options = { acknowledge: true };
    wire.send([Message.publish, wire.request(), options, "com.log", [i, "x".repeat(100)]]);
  }
  const publications: number[] = [];
  for (let i = 0; i < eventCount; i++) publications.push((await wire.next())[2] as number);
  return publications;
}

function histories(suite: Suite): void {
  suite.testWith(
    "events of a history are looked through and told over several turns",
    kept,
    async (world) => {
      const [wire, subscriber] = [await world.join(), await world.join()];
      const subscription = await subscriber.subscribe("com.log");
      const publications = await publishAll(wire);
      wire.call("wamp.subscription.get_events", {}, [subscription], { limit: 500 });
      const { turns } = await arrivals(wire, 1);
      assert.ok(turns >= 4, `${turns} turns`);
      const [, , , events] = (await wire.next()) as [number, number, object, { publication: number }[]];
      assert.deepEqual(
        events.map(({ publication }) => publication),
        publications.slice(0, 500),
      );
    },
  );

  suite.testWith(
    "what falls out of a history meanwhile is not told, and nothing twice",
    kept,
    async (world) => {
      const wires = await world.joinMany(3);
      const [wire, subscriber, publisher] = wires as [Wire, Wire, Wire];
      const subscription = await subscriber.subscribe("com.log");
      for (const reverse of [false, true]) {
        const publications = await publishAll(wire);
        wire.call("wamp.subscription.get_events", {}, [subscription], { limit: 900, reverse });
        // They take the places of the oldest while the answer is made.
        for (let i = 0; i < eventCount - 100; i++)
          publisher.send([Message.publish, publisher.request(), {}, "com.log", ["new"]]);
        const [, , , events] = (await wire.next()) as [number, number, object, { publication: number }[]];
        const told = events.map(({ publication }) => publications.indexOf(publication));
        // Those of another router may have come first.
        if (world.leg.start === undefined) assert.ok(!told.includes(-1), "an event that came later");
        assert.deepEqual(
          told.filter((at) => at >= 0),
          [...new Set(told.filter((at) => at >= 0))].sort((a, b) => (reverse ? b - a : a - b)),
        );
        assert.equal(new Set(events.map(({ publication }) => publication)).size, events.length);
        await turn();
      }
    },
  );
}

/** With two routers, each of which has some of the sessions. */
function shared(suite: Suite): void {
  suite.test("lists of several routers with thousands of entries are put together", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    const topics: string[] = [];
    for (let i = 0; i < 3_000; i++)
      for (const wire of [one, two]) {
        // Some are of both.
        const name = wire === one || i % 3 === 0 ? topic(i) : `${topic(i)}.two`;
        topics.push(name);
        wire.send([Message.subscribe, wire.request(), {}, name]);
      }
    for (let i = 0; i < 3_000; i++) for (const wire of [one, two]) await wire.next();
    for (const wire of [one, two]) {
      const list = (await resultOf(wire, "wamp.reflection.topic.list")) as string[];
      assert.deepEqual(
        list.filter((uri) => uri.startsWith("com.")),
        [...new Set(topics)].sort(),
      );
    }
    await sessionsOfBoth(world, one);
  });
}

async function sessionsOfBoth(world: World, wire: Wire): Promise<void> {
  const wires = await world.joinMany(2_500);
  const subscription = await wire.subscribe("com.all");
  for (const each of wires) each.send([Message.subscribe, each.request(), {}, "com.all"]);
  for (const each of wires) assert.equal((await each.next())[2], subscription);
  const all = await resultOf(wire, "wamp.session.list");
  assert.equal(new Set(all as number[]).size, 2_502);
  const subscribers = (await resultOf(wire, "wamp.subscription.list_subscribers", [
    subscription,
  ])) as number[];
  assert.equal(new Set(subscribers).size, 2_501);
}

const alone = new Suite(memoryLeg(Serializer.msgpack));
const together = new Suite(peerLeg(2, "spread", (n) => n % 2));
for (const suite of [alone, together]) histories(suite);
floods(alone);
receiverLists(alone);
shared(together);
