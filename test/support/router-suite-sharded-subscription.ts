/** Sharded subscriptions: an event with a routing key goes to one shard of the subscribers that have node keys, always the same. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";

const topic = "com.myapp.sensor";
const keys = Array.from({ length: 30 }, (_, i) => `sn${i}`);

export function shardedSubscriptionSuite(suite: Suite): void {
  routing(suite);
  membership(suite);
  hostile(suite);
}

/** A subscriber with a node key (or without, for null) for each one given. */
async function nodes(
  world: World,
  nodeKeys: readonly (string | null)[],
  subscribed = topic,
  options: Dict = {},
): Promise<Wire[]> {
  const wires = await world.joinMany(nodeKeys.length);
  for (const [i, nkey] of nodeKeys.entries())
    await wires[i]!.subscribe(subscribed, nkey === null ? options : { ...options, nkey });
  return wires;
}

/** The first arguments of what each wire has received. */
function receivedBy(wires: readonly Wire[]): Promise<unknown[][]> {
  return Promise.all(
    wires.map(async (wire) => {
      const found: unknown[] = [];
      wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
      for (let message = await wire.next(); message[0] !== Message.error; message = await wire.next()) {
        assert.equal(message[0], Message.event);
        found.push((message[4] as unknown[])[0]);
      }
      return found;
    }),
  );
}

/** Publishes an event with each routing key; says for each which of the wires received it. */
async function owners(publisher: Wire, wires: readonly Wire[], to = topic): Promise<Map<unknown, number[]>> {
  for (const rkey of keys) await publisher.publish(to, { rkey }, [rkey]);
  const found = new Map<unknown, number[]>(keys.map((key) => [key, []]));
  for (const [i, received] of (await receivedBy(wires)).entries())
    for (const key of received) found.get(key)!.push(i);
  return found;
}

function routing(suite: Suite): void {
  suite.test(
    "[P-06] an event with a routing key goes to one of the subscribers with node keys, and to all without one",
    async (world) => {
      const publisher = await world.join();
      const wires = await nodes(world, ["node1", "node2", "node3", null, null]);
      const first = await owners(publisher, wires);
      const shares = [0, 0, 0];
      for (const [key, [owner, ...others]] of first) {
        assert.ok(owner! < 3, `${key} has an owner among the shards`);
        assert.deepEqual(others, [3, 4], `${key} has one owner, and everybody else hears it`);
        shares[owner!]!++;
      }
      assert.ok(
        shares.every((share) => share > 3),
        `the shards share the keys: ${shares}`,
      );
      assert.deepEqual(await owners(publisher, wires), first, "the same key has the same owner");
    },
  );

  suite.test("[P-06] an event without a routing key goes to everybody", async (world) => {
    const publisher = await world.join();
    const wires = await nodes(world, ["node1", "node2", null]);
    await publisher.publish(topic, {}, ["all"]);
    await publisher.publish(topic, { rkey: null }, ["all"]);
    assert.deepEqual(await receivedBy(wires), [
      ["all", "all"],
      ["all", "all"],
      ["all", "all"],
    ]);
  });

  suite.test("[P-06] where nobody has a node key, a routing key changes nothing", async (world) => {
    const publisher = await world.join();
    const wires = await nodes(world, [null, null]);
    await publisher.publish(topic, { rkey: "sn1" }, [1]);
    assert.deepEqual(await receivedBy(wires), [[1], [1]]);
  });

  suite.test("[P-06] the routing key may have the name that another router has for it", async (world) => {
    const publisher = await world.join();
    const wires = await nodes(world, ["node1", "node2", "node3"]);
    const first = await owners(publisher, wires);
    for (const key of keys) await publisher.publish(topic, { _routing_key: key }, [key]);
    for (const [i, received] of (await receivedBy(wires)).entries())
      assert.deepEqual(
        received,
        keys.filter((key) => first.get(key)![0] === i),
      );
  });

  suite.test("[P-06] pattern subscriptions are sharded too, each for itself", async (world) => {
    const publisher = await world.join();
    const sensors = await nodes(world, ["node1", "node2"], "com.myapp..temperature", { match: "wildcard" });
    const all = await nodes(world, ["other1", "other2"], "com.myapp.", { match: "prefix" });
    const found = await owners(publisher, [...sensors, ...all], "com.myapp.sn7.temperature");
    for (const [key, [sensor, other, ...more]] of found) {
      assert.ok(sensor! < 2 && other! >= 2, String(key));
      assert.deepEqual(more, []);
    }
  });
}

function membership(suite: Suite): void {
  suite.test("[P-06] a shard that leaves gives up its own keys only, and gets them back", async (world) => {
    const publisher = await world.join();
    const wires = await nodes(world, ["node1", "node2", "node3"]);
    const first = await owners(publisher, wires);
    const [, , third] = wires;
    await third!.unsubscribe(await third!.subscribe(topic, { nkey: "node3" }));
    for (const [key, [owner]] of await owners(publisher, wires)) {
      const [before] = first.get(key)!;
      if (before === 2) assert.ok(owner! < 2);
      else assert.equal(owner, before, `${key} stays where it was`);
    }
    await third!.subscribe(topic, { nkey: "node3" });
    assert.deepEqual(await owners(publisher, wires), first);
  });

  suite.test(
    "[P-06] subscribers with the same node key are one shard: each of them gets its events",
    async (world) => {
      const publisher = await world.join();
      const wires = await nodes(world, ["node1", "node1", "node2"]);
      for (const [key, owners_] of await owners(publisher, wires))
        assert.ok([0, 1].every((i) => owners_.includes(i)) !== owners_.includes(2), `${key}: ${owners_}`);
      wires[0]!.close();
      const [, ...others] = wires;
      for (const [, owner] of await owners(publisher, others)) assert.equal(owner.length, 1);
    },
  );

  suite.test("[P-06] a second SUBSCRIBE gives another node key, or none", async (world) => {
    const publisher = await world.join();
    const wires = await nodes(world, ["node1", "node2"]);
    const subscription = await wires[0]!.subscribe(topic);
    for (const [, found] of await owners(publisher, wires)) assert.deepEqual(found, [0, 1]);
    assert.equal(await wires[0]!.subscribe(topic, { nkey: "node1" }), subscription);
    for (const [, found] of await owners(publisher, wires)) assert.equal(found.length, 1);
  });

  suite.test(
    "[P-06 P-01] the shard is chosen before receivers are excluded: what it may not have, no other gets",
    async (world) => {
      const publisher = await world.join();
      const wires = await nodes(world, ["node1", "node2"]);
      const first = await owners(publisher, wires);
      for (const [rkey, [owner]] of first)
        await publisher.publish(topic, { rkey, exclude: [wires[owner!]!.id] }, [rkey]);
      assert.deepEqual(await receivedBy(wires), [[], []]);
    },
  );
}

function hostile(suite: Suite): void {
  suite.test("[P-06] a node key that is no short text is refused with invalid_argument", async (world) => {
    const wire = await world.join();
    for (const nkey of [1, true, ["node1"], { key: "node1" }, "x".repeat(257)]) {
      const request = wire.request();
      wire.send([Message.subscribe, request, { nkey }, topic]);
      await wire.expectError(Message.subscribe, request, "wamp.error.invalid_argument");
    }
    await wire.subscribe(topic, { nkey: null, _other: [1] });
    await wire.subscribe(topic, { nkey: "é".repeat(256) });
    await wire.subscribe(topic, { nkey: "" });
    const publisher = await world.join();
    await publisher.publish(topic, { rkey: "" }, [1]);
    assert.deepEqual(await receivedBy([wire]), [[1]]);
    assert.equal(world.router.stats().subscriptions, 1);
  });

  suite.test("[P-06] a routing key that is no text is a violation", async (world) => {
    for (const rkey of [1, ["a"], false]) {
      const wire = await world.join();
      wire.send([Message.publish, 1, { rkey }, topic]);
      await wire.expectAbort("wamp.error.protocol_violation", /rkey/);
    }
  });
}
