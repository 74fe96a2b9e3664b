import assert from "node:assert/strict";
import { test } from "node:test";
import type { Target } from "../../src/base/ids.ts";
import { InvocationRows } from "../../src/router/dealer/invocation-rows.ts";
import { randomFrom } from "../support/pattern-index.ts";

/** As PendingCalls does: what is found is compared with what the row says of itself. */
function rowsOf(invocations: ReadonlyMap<number, readonly [Target, number]>, table: InvocationRows) {
  const isOf = (row: number, callee: Target, id: number): boolean => {
    const own = invocations.get(row);
    return own !== undefined && own[0] === callee && own[1] === id;
  };
  return (callee: Target, id: number): number => {
    const likely = table.likely(callee, id);
    if (isOf(likely, callee, id)) return likely;
    const other = table.other(callee, id);
    return isOf(other, callee, id) ? other : 0;
  };
}

test("every invocation in flight is found, and no other, however many fall on one slot", () => {
  const random = randomFrom(20);
  const table = new InvocationRows(7);
  const rows = new Map<number, readonly [Target, number]>();
  const find = rowsOf(rows, table);
  const live: number[] = [];
  const last = new Map<Target, number>();
  let next = 1;
  for (let step = 0; step < 60_000; step++) {
    if (live.length < 9_000 && random(10) < 6) {
      const callee = (1 + random(40)) as Target;
      // One callee's ids lie around 2^32, where they no longer fit one word.
      const id = (last.get(callee) ?? (callee === 7 ? 2 ** 32 - 300 : 0)) + 1;
      last.set(callee, id);
      rows.set(next, [callee, id]);
      table.add(callee, id, next);
      live.push(next++);
    } else if (live.length > 0) {
      const at = random(live.length);
      const row = live[at]!;
      live[at] = live.at(-1)!;
      live.pop();
      const [callee, id] = rows.get(row)!;
      assert.equal(find(callee, id), row);
      table.delete(callee, id, row);
      rows.delete(row);
      assert.equal(find(callee, id), 0);
    }
  }
  for (const row of live) assert.equal(find(...rows.get(row)!), row);
});
