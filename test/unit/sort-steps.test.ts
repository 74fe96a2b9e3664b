/** Texts in order, a step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeInSteps, sortInSteps } from "../../src/router/sort-steps.ts";

test("texts of any number come in the order that sort gives them, and no step is long", () => {
  for (const count of [0, 1, 511, 512, 513, 1_024, 1_537, 20_000]) {
    const texts = Array.from(
      { length: count },
      (_, i) => `com.${Math.imul(i, 0x9e3779b1) % 10_007}.é\u{1F600}${i % 7}`,
    );
    const steps = sortInSteps(texts);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) assert.ok(step.value <= 4_096);
    assert.deepEqual(step.value, [...texts].sort());
  }
});

test("lists that are in order are put together in order, a text at a time", () => {
  for (const counts of [[], [3], [0, 5], [4, 0, 9, 1], [2_000, 3_000, 1]]) {
    const lists = counts.map((count, list) =>
      Array.from({ length: count }, (_, i) => `com.${Math.imul(i, 0x9e3779b1) % 997}.${list % 2}`).sort(),
    );
    const steps = mergeInSteps(lists);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) assert.equal(step.value, 1);
    assert.deepEqual(step.value, lists.flat().sort());
  }
});
