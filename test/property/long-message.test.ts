/** Messages encoded in steps say the same as those encoded at once. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { encodeInSteps, pieceWeight_max, weightOf } from "../../src/protocol/long-message.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

const entry = fc.oneof(
  fc.nat(),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.string(),
  fc.record({ id: fc.nat(), uri: fc.string() }),
  fc.uint8Array({ minLength: 10, maxLength: 100 }),
);
/** With about as many keys as there are ways to say how many. */
const dict = fc
  .tuple(fc.constantFrom(0, 15, 16, 600, 3_000), entry)
  .map(([count, each]) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key ${i}`, each])));
/** Of about the lengths at which pieces and heads change. */
const list = fc
  .tuple(fc.constantFrom(0, 3, 15, 16, 17, 1_023, 1_024, 1_025, 2_048, 2_063, 2_064, 5_000), entry)
  .map(([length, each]) => Array.from({ length }, (_, i) => (i % 3 === 0 ? each : i)));
const results = fc.oneof(
  fc.tuple(list),
  fc.tuple(fc.record({ exact: list, prefix: list, wildcard: list })),
  fc.tuple(list, fc.string(), list),
  fc.tuple(list.map((all) => all.slice(0, 5).map((each) => [each, all, { all, each }, undefined]))),
  fc.tuple(
    dict,
    fc.constant({ none: undefined }),
    dict.map((each) => ({ deep: [[each]] })),
  ),
);

interface Encoded {
  readonly bytes: Uint8Array;
  /** Of all steps. */
  readonly cost: number;
  /** Of the one that cost most. */
  readonly worst: number;
}

function whole(serializer: Serializer, message: readonly unknown[], bytes_max?: number): Encoded {
  const steps = encodeInSteps(serializer, message, bytes_max);
  let [cost, worst] = [0, 0];
  for (;;) {
    const step = steps.next();
    if (step.done === true) return { bytes: step.value, cost, worst };
    cost += step.value;
    worst = Math.max(worst, step.value);
  }
}

function check(message: readonly unknown[]): void {
  for (const serializer of Object.values(Serializer)) {
    const { bytes, worst } = whole(serializer, message);
    const expected = encodeMessage(serializer, message);
    if (serializer === Serializer.json) assert.deepEqual(bytes, expected);
    else assert.deepEqual(decodeMessage(serializer, bytes), decodeMessage(serializer, expected));
    assert.ok(worst <= 4_096);
  }
}

test("a message encoded in steps decodes to what was encoded, in each serializer, and no step is long", (t) => {
  t.diagnostic(`seed ${seed}`);
  const property = fc.property(results, fc.nat(), (given, request) => check([50, request, {}, given]));
  fc.assert(property, { seed, numRuns: 60 });
});

test("the same of lists and dictionaries whose length takes more than 16 bits", () => {
  const many = Array.from({ length: 70_000 }, (_, i) => i);
  check([50, 1, {}, [many, Object.fromEntries(many.map((i) => [`key ${i}`, i]))]]);
});

test("what is more than the receiver takes is not encoded to its end", () => {
  const message = [50, 1, {}, [Array.from({ length: 50_000 }, () => "x".repeat(100))]];
  for (const serializer of Object.values(Serializer)) {
    const { bytes, cost } = whole(serializer, message);
    assert.equal(whole(serializer, message, bytes.length).bytes.length, bytes.length);
    const cut = whole(serializer, message, 100_000);
    assert.equal(cut.bytes.length, 0);
    assert.ok(cut.cost < cost / 20, `${cut.cost} of ${cost} steps`);
  }
});

test("the weight of a value counts what is in it, as far as it is light", () => {
  assert.equal(weightOf([1, "x", null, { key: [2] }]), 1 + 3 + 1 + 1 + 2);
  assert.equal(weightOf("x".repeat(3_200)), 101);
  assert.equal(weightOf(new Uint8Array(64)), 3);
  for (const heavy of [
    Array.from({ length: 100_000 }, (_, i) => i),
    Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, i])),
    [[[Array.from({ length: 2_000 }, () => ({}))]]],
  ])
    assert.ok(weightOf(heavy) > pieceWeight_max && weightOf(heavy) < pieceWeight_max + 10);
});
