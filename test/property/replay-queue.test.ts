/** The queue of replays against lists that anyone can check: whose turn it is, and what is next in it. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PatternHandle } from "../../src/base/ids.ts";
import { Replay, ReplayQueue } from "../../src/router/broker/replay-queue.ts";
import type { RouterSession } from "../../src/router/types.ts";
import { sessionWithId } from "../support/stored-events.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const sessions = [1, 2, 3, 4].map(sessionWithId);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), of: fc.nat({ max: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), row: fc.nat({ max: 60 }) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("take" as const), isBehind: fc.boolean() }) },
  ),
  { maxLength: 200 },
);

/** Rows of each session in their order, and the sessions in theirs. */
class Model {
  turns: RouterSession[] = [];
  readonly rows = new Map<RouterSession, number[]>();

  add(session: RouterSession, row: number): void {
    if (!this.turns.includes(session)) this.turns.push(session);
    this.rows.set(session, [...(this.rows.get(session) ?? []), row]);
  }
  remove(row: number): void {
    for (const [session, own] of this.rows)
      this.rows.set(
        session,
        own.filter((other) => other !== row),
      );
    if (this.count === 0) this.turns = [];
  }
  take(): number | null {
    const session = this.turns.shift()!;
    const first = this.rows.get(session)![0];
    if (first !== undefined) this.turns.push(session);
    return first ?? null;
  }
  putBehind(row: number): void {
    for (const [session, own] of this.rows)
      if (own.includes(row)) this.rows.set(session, [...own.filter((other) => other !== row), row]);
  }
  get count(): number {
    return [...this.rows.values()].reduce((sum, own) => sum + own.length, 0);
  }
}

test("replays come in the order of their sessions' turns, and in a session as they were asked for", (t) => {
  t.diagnostic(`seed ${seed}`);
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new ReplayQueue();
      const model = new Model();
      let rows = 0;
      for (const step of all) {
        if (step.do === "add") {
          const session = sessions[step.of]!;
          assert.equal(queue.has(session), (model.rows.get(session)?.length ?? 0) > 0);
          queue.add(new Replay(session, ++rows, 1 as PatternHandle, 0, 1));
          model.add(session, rows);
        } else if (step.do === "remove") {
          queue.remove(step.row);
          model.remove(step.row);
        } else if (queue.sessionCount > 0) {
          const replay = queue.take();
          assert.equal(replay?.row ?? null, model.take());
          if (replay === null || !step.isBehind) continue;
          queue.putBehind(replay);
          model.putBehind(replay.row);
        }
        assert.deepEqual([queue.count, queue.sessionCount], [model.count, model.turns.length]);
      }
    }),
    { seed, numRuns: 500 },
  );
});

test("however many replays a session has, its turn comes once in a round", () => {
  const queue = new ReplayQueue();
  const count = 50_000;
  for (let row = 1; row <= count; row++)
    queue.add(new Replay(sessions[row % 3]!, row, 1 as PatternHandle, 0, 1));
  assert.deepEqual([queue.count, queue.sessionCount], [count, 3]);
  for (let left = count; left > 0; left--) queue.remove(queue.take()!.row);
  assert.deepEqual([queue.count, queue.sessionCount], [0, 0]);
});
