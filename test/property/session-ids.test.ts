import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RandomIds } from "../../src/base/random-ids.ts";
import { sessionIdFor } from "../../src/base/session-ids.ts";
import { placeOfSession } from "../support/place-of-session.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const anId = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 2 ** 53 - 200, max: 2 ** 53 - 1 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) + 1),
);

test("a session's id is from 1 to 2^53 and says its thread, whatever is drawn", (t) => {
  t.diagnostic(`seed ${seed}`);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 32 }), fc.nat(31), fc.array(anId), (count, given, drawn) => {
      const place = given % count;
      const numbers = [...drawn, 1];
      const id = sessionIdFor(place, count, () => numbers.shift()!);
      assert.ok(id >= 1 && id <= 2 ** 53 && Number.isInteger(id));
      assert.equal(placeOfSession(id, count), place);
    }),
    { seed, numRuns: 2_000 },
  );
});

test("a router of one thread takes what is drawn", () => {
  for (const id of [1, 2, 4_711, 2 ** 53])
    assert.equal(
      sessionIdFor(0, 1, () => id),
      id,
    );
});

test("ids of one thread are spread over the whole range", () => {
  const ids = new RandomIds((words) => void crypto.getRandomValues(words));
  const eighths = new Array<number>(8).fill(0);
  const draws = 8_000;
  for (let draw = 0; draw < draws; draw++)
    eighths[Math.min(7, Math.floor((sessionIdFor(1, 3, () => ids.next()) / 2 ** 53) * 8))]!++;
  // Each is expected to have 1,000; ten standard deviations are 296.
  for (const count of eighths) assert.ok(Math.abs(count - draws / 8) < 300, eighths.join(" "));
});
