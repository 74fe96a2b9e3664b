import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplayLog } from "../../src/base/replay-log.ts";

test("an empty log begins with message 1", () => {
  const log = new ReplayLog<Uint8Array>();
  assert.deepEqual([log.first, log.last, log.length, log.bytes], [1, 0, 0, 0]);
  log.forget(5);
  assert.deepEqual([log.first, log.last, log.length, log.bytes], [1, 0, 0, 0]);
});

type Step = { readonly append: number } | { readonly forget: number };

test("it agrees with a plain list, whatever is appended and forgotten", () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ append: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ forget: fc.integer({ min: 0, max: 4_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const log = new ReplayLog<{ readonly length: number; readonly number: number }>();
      const all: { readonly length: number; readonly number: number }[] = [];
      let forgotten = 0;
      for (const one of steps) {
        if ("append" in one) {
          for (let i = 0; i < one.append; i++) {
            const message = { number: all.length + 1, length: (all.length * 7) % 100 };
            all.push(message);
            log.append(message);
          }
        } else {
          const upTo = log.first + one.forget - 1;
          forgotten = Math.min(Math.max(forgotten, upTo), all.length);
          log.forget(upTo);
        }
        const held = all.slice(forgotten);
        assert.deepEqual([log.first, log.last, log.length], [forgotten + 1, all.length, held.length]);
        assert.equal(
          log.bytes,
          held.reduce((sum, { length }) => sum + length, 0),
        );
        assert.deepEqual(log.from(log.first, 5), held.slice(0, 5));
        if (held.length > 2) assert.deepEqual(log.from(log.first + 2, held.length), held.slice(2));
      }
    }),
    { numRuns: 200 },
  );
});
