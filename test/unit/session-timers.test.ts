import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionTimers, type TimedOwner } from "../../src/session/session-timers.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

class Owner implements TimedOwner {
  timer = 0;
  readonly late: (string | null)[] = [];
  onDeadline(reason: string | null): void {
    assert.equal(this.timer, 0, "it has none any more");
    this.late.push(reason);
  }
}

test("an owner hears once of its latest deadline, and of none that was stopped", () => {
  const scheduler = new VirtualScheduler();
  const timers = new SessionTimers(scheduler);
  const [late, moved, stopped] = [new Owner(), new Owner(), new Owner()];
  timers.start(late, 100, null);
  timers.start(moved, 100, null);
  timers.start(moved, 1_000, "goodbye");
  timers.start(stopped, 100, "never");
  timers.stop(stopped);
  timers.stop(stopped);
  scheduler.advance(500);
  assert.deepEqual([late.late, moved.late, stopped.late], [[null], [], []]);
  scheduler.advance(1_000);
  assert.deepEqual([late.late, moved.late, stopped.late], [[null], ["goodbye"], []]);
});

test("the place of a deadline that is over is another owner's, and the wheel stands still without any", () => {
  const scheduler = new VirtualScheduler();
  const timers = new SessionTimers(scheduler);
  const [first, second] = [new Owner(), new Owner()];
  timers.start(first, 100, "first");
  const { timer } = first;
  timers.stop(first);
  assert.equal(scheduler.timers, 0);
  timers.start(second, 100, "second");
  assert.equal(second.timer, timer);
  timers.stop(first);
  scheduler.advance(500);
  assert.deepEqual([first.late, second.late], [[], ["second"]]);
  assert.equal(scheduler.timers, 0);
});
