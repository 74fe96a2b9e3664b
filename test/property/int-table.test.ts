import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IntTable } from "../../src/base/int-table.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const word = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 0xffffffff }));
const step = fc.tuple(
  fc.constantFrom("set", "delete", "get"),
  word,
  word,
  fc.integer({ min: 1, max: 0xffffffff }),
);

test("an IntTable answers like a Map from pairs, under any sequence of operations", () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 3_000 }), (tableSeed, steps) => {
      const table = new IntTable(tableSeed);
      const model = new Map<string, number>();
      for (const [operation, a, b, value] of steps) {
        const key = `${a},${b}`;
        if (operation === "set") {
          table.set(a, b, value);
          model.set(key, value);
        } else if (operation === "delete") {
          assert.equal(table.delete(a, b), model.get(key) ?? 0);
          model.delete(key);
        } else assert.equal(table.get(a, b), model.get(key) ?? 0);
        assert.equal(table.size, model.size);
      }
      for (const [key, value] of model) {
        const [a, b] = key.split(",").map(Number);
        assert.equal(table.get(a!, b!), value);
      }
    }),
    { seed, numRuns: 200 },
  );
});

test("a table that grew over many segments and was emptied again holds nothing", (t) => {
  t.diagnostic(`seed ${seed}`);
  const table = new IntTable(seed);
  const count = 300_000;
  for (let i = 1; i <= count; i++) table.set(i, Math.imul(i, 0x9e3779b1) >>> 0, i);
  assert.equal(table.size, count);
  for (let i = 1; i <= count; i++) assert.equal(table.get(i, Math.imul(i, 0x9e3779b1) >>> 0), i);
  for (let i = 1; i <= count; i++) assert.equal(table.delete(i, Math.imul(i, 0x9e3779b1) >>> 0), i);
  assert.equal(table.size, 0);
  for (let i = 1; i <= count; i += 97) assert.equal(table.get(i, Math.imul(i, 0x9e3779b1) >>> 0), 0);
});
