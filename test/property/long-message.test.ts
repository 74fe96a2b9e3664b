/** Messages encoded in steps say the same as those encoded at once. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { encodeInSteps, isLong } from "../../src/protocol/long-message.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

const entry = fc.oneof(
  fc.nat(),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.string(),
  fc.record({ id: fc.nat(), uri: fc.string() }),
);
/** Of about the lengths at which pieces and heads change. */
const list = fc
  .tuple(fc.constantFrom(0, 3, 15, 16, 17, 1_023, 1_024, 1_025, 2_048, 2_063, 2_064, 5_000, 70_000), entry)
  .map(([length, each]) => Array.from({ length }, (_, i) => (i % 3 === 0 ? each : i)));
const results = fc.oneof(
  fc.tuple(list),
  fc.tuple(fc.record({ exact: list, prefix: list, wildcard: list })),
  fc.tuple(list, fc.string(), list),
);

function whole(serializer: Serializer, message: readonly unknown[]): { bytes: Uint8Array; worst: number } {
  const steps = encodeInSteps(serializer, message);
  let worst = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return { bytes: step.value, worst };
    worst = Math.max(worst, step.value);
  }
}

test("a message encoded in steps decodes to what was encoded, in each serializer, and no step is long", (t) => {
  t.diagnostic(`seed ${seed}`);
  fc.assert(
    fc.property(results, fc.nat(), (given, request) => {
      const message = [50, request, {}, given];
      for (const serializer of Object.values(Serializer)) {
        const { bytes, worst } = whole(serializer, message);
        assert.deepEqual(
          decodeMessage(serializer, bytes),
          decodeMessage(serializer, encodeMessage(serializer, message)),
        );
        if (serializer === Serializer.json) assert.deepEqual(bytes, encodeMessage(serializer, message));
        assert.ok(worst <= 4_096);
      }
    }),
    { seed, numRuns: 60 },
  );
});

test("only lists beyond a thousand entries are long, however deep they lie", () => {
  const long = Array.from({ length: 1_025 }, () => 0);
  assert.equal(isLong([{ list: [long] }]), true);
  assert.equal(isLong([{ list: [long.slice(1)] }, "x".repeat(5_000), null]), false);
});
