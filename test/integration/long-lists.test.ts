/** Lists of the meta API with thousands of entries: whole in each serializer, and made over several turns, however many are asked for. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { refused, resultOf } from "../support/meta-calls.ts";
import { memoryLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";

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
