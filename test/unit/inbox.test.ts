import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsFrom } from "../../src/base/limits.ts";
import { Inbox } from "../../src/session/inbox.ts";

const limits = limitsFrom({ frameBytes_max: 1 << 20, inboxBytes_max: 2 << 20, framesPerTurn_max: 100 });
const frame = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

test("frames of all sizes come out as they went in, in order, copied", () => {
  const inbox = new Inbox();
  const sizes = [0, 1, 5, 65_531, 65_532, 65_533, 7, 200_000, 3, 1 << 20, 0];
  for (const [i, size] of sizes.entries()) {
    const given = frame(size, i);
    assert.ok(inbox.push(given, limits));
    given.fill(255);
  }
  assert.equal(inbox.length, sizes.length);
  for (const [i, size] of sizes.entries()) assert.deepEqual(inbox.shift(), frame(size, i));
  assert.equal(inbox.shift(), undefined);
  assert.deepEqual([inbox.length, inbox.bytes], [0, 0]);
});

test("pushes and shifts may alternate, also across the ends of chunks", () => {
  const inbox = new Inbox();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 50; i++, pushed++) assert.ok(inbox.push(frame(pushed % 999, pushed & 0xff), limits));
    for (let i = 0; i < 49 + (round % 2); i++, shifted++)
      assert.deepEqual(inbox.shift(), frame(shifted % 999, shifted & 0xff));
  }
  for (; shifted < pushed; shifted++) assert.deepEqual(inbox.shift(), frame(shifted % 999, shifted & 0xff));
  assert.equal(inbox.length, 0);
});

test("it is bounded in bytes, the lengths of the frames counted in", () => {
  const inbox = new Inbox();
  let count = 0;
  while (inbox.push(frame(4, 1), limits)) count++;
  assert.equal(count, (2 << 20) / 8);
  inbox.shift();
  assert.ok(inbox.push(frame(4, 1), limits));
  assert.ok(!inbox.push(frame(0, 1), limits));
});

test("one frame of the largest size always fits", () => {
  const tight = limitsFrom({ frameBytes_max: 1_024, inboxBytes_max: 1_024 });
  const inbox = new Inbox();
  assert.ok(inbox.push(frame(1_024, 1), tight));
  assert.ok(!inbox.push(frame(1, 1), tight));
});

test("a turn's share is the usual one, or half of a long inbox", () => {
  const inbox = new Inbox();
  for (let i = 0; i < 1_000; i++) inbox.push(frame(1, 1), limits);
  assert.equal(inbox.share(limits), 500);
  for (let i = 0; i < 900; i++) inbox.shift();
  assert.equal(inbox.share(limits), 100);
});
