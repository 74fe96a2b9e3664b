/** The laws of a merge (commutative, associative, idempotent): nodes that heard the same hold the same, in whatever order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fillRandom } from "../../src/host.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { encodeStamp } from "../../src/security/hlc.ts";
import { RecordStore } from "../../src/security/record-store.ts";
import { MemoryStore } from "../../src/store/memory.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

// Few values, so that stamps often agree in wall clock, counter and even node.
const heard = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  wall_ms: fc.integer({ min: 1, max: 3 }),
  counter: fc.integer({ min: 0, max: 2 }),
  node: fc.constantFrom("00000000000000aa", "00000000000000bb"),
  origin: fc.constantFrom(null, "digest"),
  value: fc.constantFrom(null, 1, "two", { three: [3] }),
});
type Heard = typeof heard extends fc.Arbitrary<infer T> ? T : never;

const envelopeOf = ({ wall_ms, counter, node, origin, value }: Heard): Uint8Array =>
  encodeMessage(Serializer.cbor, [1, encodeStamp({ wall_ms, counter, node }), origin, value === null, value]);

async function after(order: readonly Heard[]): Promise<Map<string, string>> {
  const records = await RecordStore.open(new MemoryStore(), { wall_ms: () => 2, fillRandom });
  for (const one of order) await records.merge(one.key, envelopeOf(one));
  return new Map([...records.envelopes()].map(([key, bytes]) => [key, Buffer.from(bytes).toString("hex")]));
}

test("what was merged in any order, with repetitions, is the same", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const orders = fc.array(heard, { maxLength: 12 }).chain((all) =>
    fc.record({
      all: fc.constant(all),
      shuffled: fc.shuffledSubarray(all, { minLength: all.length }),
      repeated: fc.shuffledSubarray(all),
    }),
  );
  await fc.assert(
    fc.asyncProperty(orders, async ({ all, shuffled, repeated }) => {
      assert.deepEqual(await after([...repeated, ...shuffled, ...repeated]), await after(all));
    }),
    { seed, numRuns: 300 },
  );
});

test("nodes that merge each other's records hold the same, whoever is asked first", async () => {
  const part = fc.array(heard, { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(part, part, part, async (a, b, c) => {
      const nodes: RecordStore[] = [];
      for (const own of [a, b, c]) {
        const records = await RecordStore.open(new MemoryStore(), { wall_ms: () => 2, fillRandom });
        for (const one of own) await records.merge(one.key, envelopeOf(one));
        nodes.push(records);
      }
      const exchange = async (from: number, to: number): Promise<void> => {
        for (const [key, envelope] of nodes[from]!.envelopes()) await nodes[to]!.merge(key, envelope);
      };
      // (a ⊔ b) ⊔ c at one node, a ⊔ (b ⊔ c) at another.
      for (const [from, to] of [
        [0, 1],
        [1, 2],
        [2, 0],
        [0, 1],
      ] as const)
        await exchange(from, to);
      const held = nodes.map((node) =>
        [...node.envelopes()].map(([key, bytes]) => [key, Buffer.from(bytes).toString("hex")]),
      );
      assert.deepEqual(held[0], held[1]);
      assert.deepEqual(held[0], held[2]);
    }),
    { seed, numRuns: 150 },
  );
});
