/**
 * Walks through many retained topics that few of match: they are all found, and no turn walks more than its share, however many walks
 * are asked for. What one turn does is counted, not timed.
 */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { resultOf } from "../support/meta-calls.ts";
import { memoryLeg } from "../support/router-legs.ts";
import { Suite, type World } from "../support/router-suite.ts";
import type { Wire } from "../support/wire.ts";

const suite = new Suite(memoryLeg(Serializer.msgpack));
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const topics = 3_000;

/** Retains an event of each topic. All of them have as many components, and every tenth ends alike. */
async function retainMany(world: World): Promise<Wire> {
  const publisher = await world.join();
  for (let i = 0; i < topics; i++) {
    const topic = `com.n${i}.x.${i % 10 === 0 ? "wanted" : "other"}`;
    publisher.send([Message.publish, publisher.request(), { retain: true }, topic, [i]]);
  }
  await publisher.publish("com.last");
  return publisher;
}

/** Lets turns pass until there are no replays; how many ended in one of them at most. */
async function worstTurn(world: World): Promise<number> {
  const { router } = world;
  let worst = 0;
  for (let before = router.stats().replays; before > 0; ) {
    await turn();
    const now = router.stats().replays;
    worst = Math.max(worst, before - now);
    before = now;
  }
  return worst;
}

suite.test("replays that find little share the turns, and each finds all that it should", async (world) => {
  await retainMany(world);
  const wire = await world.join();
  const count = 60;
  // Each finds one event.
  for (let i = 0; i < count; i++)
    wire.send([
      Message.subscribe,
      wire.request(),
      { match: "wildcard", get_retained: true },
      `com.n${i * 10}..wanted`,
    ]);
  for (let i = 0; i < 5; i++)
    wire.send([
      Message.subscribe,
      wire.request(),
      { match: "wildcard", get_retained: true },
      `...absent${i}`,
    ]);
  await turn();
  await turn();
  const worst = await worstTurn(world);
  assert.ok(worst < count, `${worst} replays ended in one turn`);
  const events: unknown[] = [];
  let subscribed = 0;
  while (events.length < count || subscribed < count + 5) {
    const message = await wire.next();
    if (message[0] === Message.subscribed) subscribed++;
    else events.push((message[4] as unknown[])[0]);
  }
  assert.deepEqual(
    events,
    Array.from({ length: count }, (_, i) => i * 10),
  );
  await wire.expectQuiet();
});

suite.test("many walks through all topics take many turns, and may be given up", async (world) => {
  await retainMany(world);
  const wire = await world.join();
  const count = 40;
  for (let i = 0; i < count; i++)
    wire.send([
      Message.subscribe,
      wire.request(),
      { match: "wildcard", get_retained: true },
      `...absent${i}`,
    ]);
  const ids: number[] = [];
  while (ids.length < count) ids.push((await wire.next())[2] as number);
  const before = world.router.stats().replays;
  assert.ok(before > 20, `${before} replays`);
  for (const id of ids.slice(-10)) wire.send([Message.unsubscribe, wire.request(), id]);
  for (let i = 0; i < 10; i++) assert.equal((await wire.next())[0], Message.unsubscribed);
  const worst = await worstTurn(world);
  assert.ok(worst <= 3, `${worst} walks of 6,001 steps ended in one turn`);
  await wire.expectQuiet();
});

suite.test("a list of few among many topics is complete, and lists share the turns", async (world) => {
  await retainMany(world);
  const wires = await world.joinMany(4);
  const options = { match: "wildcard" };
  const expected = Array.from({ length: topics / 10 }, (_, i) => `com.n${i * 10}.x.wanted`);
  for (let round = 0; round < 20; round++)
    for (const wire of wires) wire.call("spanwire.retained.list", {}, ["com...wanted", options]);
  const arrived = (): number => wires.reduce((sum, wire) => sum + wire.arrivedCount, 0);
  let turns = 0;
  for (; arrived() < 80; turns++) await turn();
  // As many as 80 walks of 6,301 steps need at least, and twice as many to spare.
  assert.ok(turns >= 60, `${turns} turns`);
  for (const wire of wires)
    for (let round = 0; round < 20; round++) {
      const answer = await wire.next();
      assert.equal(answer[0], Message.result);
      assert.deepEqual((answer[3] as unknown[])[0], expected);
    }
  assert.deepEqual(await resultOf(wires[0]!, "spanwire.retained.list", ["com...absent", options]), []);
  assert.equal(await resultOf(wires[0]!, "spanwire.retained.count"), topics);
});
