import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/router/deadlines.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

function setUp() {
  const scheduler = new VirtualScheduler();
  const expired: { row: number; at: number }[] = [];
  const deadlines = new Deadlines(scheduler, (row) => void expired.push({ row, at: scheduler.now_ms() }));
  for (let row = 1; row <= 200; row++) deadlines.ensure(row);
  return { scheduler, deadlines, expired };
}

test("a deadline is met not before its time and at most two ticks after", () => {
  const { scheduler, deadlines, expired } = setUp();
  const delays = [1, 15, 16, 17, 100, 5_000, 16_383, 16_384, 16_385, 60_000, 200_000];
  for (const [i, delay] of delays.entries()) deadlines.set(i + 1, delay);
  scheduler.advance(250_000);
  assert.deepEqual(
    expired.map(({ row }) => row).sort((a, b) => a - b),
    delays.map((_, i) => i + 1),
  );
  for (const { row, at } of expired) {
    const late = at - delays[row - 1]!;
    assert.ok(late >= 0 && late <= 48, `row ${row} was ${late} ms late`);
  }
  assert.equal(deadlines.count, 0);
});

test("a cleared deadline never fires and a moved one fires once, at its new time", () => {
  const { scheduler, deadlines, expired } = setUp();
  deadlines.set(1, 100);
  deadlines.set(2, 100);
  deadlines.set(3, 100);
  deadlines.clear(2);
  scheduler.advance(50);
  deadlines.set(3, 1_000);
  scheduler.advance(2_000);
  assert.deepEqual(
    expired.map(({ row }) => row),
    [1, 3],
  );
});

test("the wheel stands still while it is empty", () => {
  const { scheduler, deadlines } = setUp();
  assert.equal(scheduler.timers, 0);
  deadlines.set(1, 100);
  assert.equal(scheduler.timers, 1);
  scheduler.advance(500);
  assert.equal(scheduler.timers, 0);
  deadlines.set(1, 100);
  deadlines.clear(1);
  assert.equal(scheduler.timers, 0);
});

test("expiring one row may clear another of the same spoke", () => {
  const scheduler = new VirtualScheduler();
  const expired: number[] = [];
  const deadlines: Deadlines = new Deadlines(scheduler, (row) => {
    expired.push(row);
    for (let other = 1; other <= 5; other++) deadlines.clear(other);
  });
  for (let row = 1; row <= 5; row++) {
    deadlines.ensure(row);
    deadlines.set(row, 10);
  }
  scheduler.advance(1_000);
  assert.equal(expired.length, 1);
});

test("after a stall longer than one turn of the wheel everything due is met", () => {
  const { scheduler, deadlines, expired } = setUp();
  for (let row = 1; row <= 200; row++) deadlines.set(row, row * 100);
  scheduler.stall(60_000);
  scheduler.advance(100);
  assert.equal(expired.length, 200);
});
