import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/fixed-limits.ts";
import { SharedLoads } from "../../src/router/peers/shared-loads.ts";

const { sharedLoads_max, sharedTurns_max } = fixedLimits;

test("each router sees the loads that the others have set, until they start anew", () => {
  const memory = new SharedArrayBuffer(SharedLoads.bytesFor(3));
  const [one, other, third] = [0, 1, 2].map((self) => new SharedLoads(memory, 3, self)) as SharedLoads[];
  one!.setLoad(5, 2);
  other!.setLoad(5, 7);
  other!.setLoad(sharedLoads_max - 1, 9);
  third!.setLoad(0, 1);
  assert.deepEqual([other!.load(0, 5), one!.load(1, 5), one!.load(2, 5)], [2, 7, 0]);
  assert.deepEqual([third!.load(1, sharedLoads_max - 1), one!.load(2, 0)], [9, 1]);
  new SharedLoads(memory, 3, 1);
  assert.deepEqual([one!.load(1, 5), other!.load(0, 5), one!.load(2, 0)], [0, 2, 1]);
});

test("a session beyond the bound has no load that others see", () => {
  const memory = new ArrayBuffer(SharedLoads.bytesFor(2));
  const [one, other] = [new SharedLoads(memory, 2, 0), new SharedLoads(memory, 2, 1)];
  one.setLoad(sharedLoads_max, 3);
  assert.deepEqual([other.load(0, sharedLoads_max), other.load(1, 0)], [0, 0]);
});

test("a router knows which of its invocations another one has seen, also when the numbers are large", () => {
  const memory = new ArrayBuffer(SharedLoads.bytesFor(2));
  const [one, other] = [new SharedLoads(memory, 2, 0), new SharedLoads(memory, 2, 1)];
  assert.equal(one.hasSeen(1, 1), false);
  for (const number of [1, 2 ** 31, 2 ** 32 + 5, 2 ** 40 + 2 ** 31 - 1]) {
    other.setSeen(0, number);
    assert.deepEqual(
      [number - 1, number, number + 1].map((each) => one.hasSeen(1, each)),
      [true, true, false],
    );
  }
  assert.equal(other.hasSeen(0, 1), false, "numbers of the other way");
  new SharedLoads(memory, 2, 0);
  assert.equal(one.hasSeen(1, 1), false, "a new life of either begins at 1");
});

test("a turn is taken once", () => {
  const memory = new ArrayBuffer(SharedLoads.bytesFor(2));
  const [one, other] = [new SharedLoads(memory, 2, 0), new SharedLoads(memory, 2, 1)];
  const registration = 2 ** 28 * 3 + 17;
  assert.equal(one.turn(registration), 0);
  assert.equal(one.takeTurn(registration, 0, 1), true);
  assert.equal(other.takeTurn(registration, 0, 1), false);
  assert.equal(other.turn(registration), 1);
  assert.equal(one.turn(2 ** 28 * 3 + sharedTurns_max), -1);
});
