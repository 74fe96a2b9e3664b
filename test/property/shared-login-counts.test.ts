/** What several threads count in shared memory, against what one counts for itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OwnCounts } from "../../src/auth/login-counts.ts";
import { SharedCounts } from "../../src/auth/shared-login-counts.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const window_ms = 1_000;

const step = fc.record({
  thread: fc.nat(2),
  key: fc.integer({ min: 0, max: 9 }).map((name) => `name ${name}`),
  act: fc.constantFrom("add", "add", "takeBack", "at"),
  later_ms: fc.oneof(fc.constant(0), fc.nat(600)),
});

test("three threads that count in one memory count as one does alone", (t) => {
  t.diagnostic(`seed ${seed}`);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      let now_ms = Date.UTC(2026, 0, 1);
      const clock = (): number => now_ms;
      const bytes = SharedCounts.bytesFor(64);
      const memory = new SharedArrayBuffer(8 + bytes);
      const options = { secret: new Uint8Array([1, 2, 3]), window_ms, wall_ms: clock };
      const threads = [0, 1, 2].map(() => new SharedCounts(memory, 8, bytes, options));
      const model = new OwnCounts(64, window_ms, clock);
      for (const { thread, key, act, later_ms } of steps) {
        now_ms += later_ms;
        const counts = threads[thread]!;
        if (act === "takeBack") {
          counts.takeBack(key);
          model.takeBack(key);
        } else assert.equal(counts[act](key), model[act](key));
      }
      for (let name = 0; name < 10; name++)
        for (const counts of threads) assert.equal(counts.at(`name ${name}`), model.at(`name ${name}`));
    }),
    { seed, numRuns: 300 },
  );
});
