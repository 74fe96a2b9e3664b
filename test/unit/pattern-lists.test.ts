/** Lists of patterns that change while somebody walks them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternHandle } from "../../src/base/ids.ts";
import { PatternLists } from "../../src/router/pattern-lists.ts";

const handles = (from: number, to: number): PatternHandle[] =>
  Array.from({ length: to - from + 1 }, (_, i) => (from + i) as PatternHandle);

test("a walk finds what stays, each once, whatever is removed and used again meanwhile", () => {
  const lists = new PatternLists();
  for (const handle of handles(1, 100)) lists.add(7, handle);
  const walks = [lists.of(7), lists.of(7)];
  const found = walks.map((walk) => [walk.next().value as number]);
  // The first walk stands before 2: that and those behind it go, one comes back in another list, and one at the end of this one.
  for (const gone of handles(2, 60)) lists.remove(7, gone);
  lists.add(8, 2 as PatternHandle);
  lists.add(7, 3 as PatternHandle);
  lists.remove(7, 1 as PatternHandle);
  for (const [i, walk] of walks.entries()) for (const handle of walk) found[i]!.push(handle);
  for (const each of found) assert.deepEqual(each, [1, ...handles(61, 100), 3]);
  assert.deepEqual([...lists.of(7)], [...handles(61, 100), 3]);
});

test("a walk ends when all that it had before it is gone", () => {
  const lists = new PatternLists();
  for (const handle of handles(1, 3)) lists.add(7, handle);
  const walk = lists.of(7);
  assert.equal(walk.next().value, 1);
  for (const handle of handles(1, 3)) lists.remove(7, handle);
  lists.add(9, 2 as PatternHandle);
  assert.equal(walk.next().done, true);
});
