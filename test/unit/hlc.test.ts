import assert from "node:assert/strict";
import { test } from "node:test";
import { compareStamps, decodeStamp, encodeStamp, firstStamp, hear, tick } from "../../src/security/hlc.ts";

const node = "00000000000000aa";
const other = "00000000000000bb";

test("stamps rise within a millisecond, and when the wall clock is set back", () => {
  let last = firstStamp(node);
  let text = encodeStamp(last);
  for (const now_ms of [1_000, 1_000, 1_000, 900, 1_001, 0, -5, 1_001.7, 2 ** 47]) {
    const next = tick(last, now_ms);
    assert.ok(compareStamps(next, last) > 0);
    assert.ok(encodeStamp(next) > text);
    [last, text] = [next, encodeStamp(next)];
  }
});

test("a full counter goes on in the next millisecond", () => {
  const full = { wall_ms: 5, counter: 0xffff, node };
  assert.deepEqual(tick(full, 5), { wall_ms: 6, counter: 0, node });
});

test("what happens after a stamp was heard is later than it", () => {
  const last = { wall_ms: 100, counter: 3, node };
  const heard = { wall_ms: 150, counter: 9, node: other };
  const clock = hear(last, heard, { now_ms: 120, drift_ms: 50 });
  assert.deepEqual(clock, { wall_ms: 150, counter: 9, node });
  assert.deepEqual(tick(clock!, 120), { wall_ms: 150, counter: 10, node });
  assert.equal(hear(heard, last, { now_ms: 120, drift_ms: 50 }), heard);
});

test("a stamp further ahead of the wall clock than the drift allowed is not heard", () => {
  const heard = { wall_ms: 171, counter: 0, node: other };
  assert.equal(hear(firstStamp(node), heard, { now_ms: 120, drift_ms: 50 }), null);
});

test("the text of a stamp is read back, and nothing else is", () => {
  const stamp = { wall_ms: 1_763_800_000_123, counter: 77, node };
  assert.deepEqual(decodeStamp(encodeStamp(stamp)), stamp);
  for (const text of ["", "1", `${encodeStamp(stamp)}0`, encodeStamp(stamp).toUpperCase()])
    assert.equal(decodeStamp(text), null);
});

test("stamps of one time are ordered by node", () => {
  const a = { wall_ms: 1, counter: 1, node };
  const b = { wall_ms: 1, counter: 1, node: other };
  assert.ok(compareStamps(a, b) < 0 && compareStamps(b, a) > 0);
  assert.equal(compareStamps(a, { ...a }), 0);
});
