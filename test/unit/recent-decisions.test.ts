import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RecentDecisions } from "../../src/router/recent-decisions.ts";

test("what is remembered is what was set last and not forgotten since, or nothing", () => {
  const id = fc.integer({ min: 1, max: 40 }).map((n) => n * 16_381);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constant("set" as const), id, id, fc.integer({ min: 1, max: 2 ** 26 })),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), id, id, fc.constant(0)) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const recent = new RecentDecisions(16);
      const model = new Map<string, number>();
      for (const [kind, table, pattern, decision] of steps) {
        if (kind === "clear") {
          recent.clear();
          model.clear();
        } else {
          recent.set(table, pattern, decision);
          model.set(`${table} ${pattern}`, decision);
          assert.equal(recent.get(table, pattern), decision);
        }
        for (const [key, value] of model) {
          const [t, p] = key.split(" ").map(Number);
          assert.ok([0, value].includes(recent.get(t!, p!)), key);
        }
      }
    }),
  );
});
