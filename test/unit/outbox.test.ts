import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, type Limits, limitsFrom } from "../../src/base/limits.ts";
import { Metrics } from "../../src/base/metrics.ts";
import type { OutgoingFrame } from "../../src/ports.ts";
import { Outbox, type OutboxFrame, type SlowConsumerPolicy } from "../../src/session/outbox.ts";
import { TestConnection, TestOwner } from "../support/outbox-owner.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";
import { randomFrom } from "../support/pattern-index.ts";

/** A socket that takes `room` bytes and then is full until told otherwise. Keeps copies, as the port demands. */
class RoomyConnection extends TestConnection {
  readonly received: Uint8Array[] = [];
  readonly batches: number[] = [];
  room = Number.POSITIVE_INFINITY;
  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    let i = from;
    for (; i < count && this.room > 0; i++) {
      this.received.push(frames[i]!.bytes.slice());
      this.room -= frames[i]!.bytes.length;
    }
    this.batches.push(i - from);
    return i;
  }
}

class Owner extends TestOwner<RoomyConnection> {
  constructor() {
    super(new RoomyConnection());
  }
  /** First byte of each frame received. */
  get numbers(): number[] {
    return this.connection.received.map((bytes) => bytes[0]!);
  }
}

function setUp(given: Partial<Limits> = {}, policy: SlowConsumerPolicy = "drop-newest") {
  const out = new Uint8Array(1 << 22);
  // Frames are written behind the kept ones, as in linear memory; address 0 is never given.
  let at = 1;
  const codec = {
    outFrame: (length: number) => out.subarray(at, at + length),
    span: (address: number, length: number) => out.subarray(address, address + length),
    keep(length: number): number {
      if (at + length > 1 << 20) return 0;
      at += length;
      return at - length;
    },
    releaseKept(): void {
      at = 1;
    },
  };
  const scheduler = new VirtualScheduler();
  const limits = limitsFrom({ frameBytes_max: 1024, ...given });
  const metrics = new Metrics();
  const outbox = new Outbox({ codec, scheduler, limits, metrics, policy });
  const frame = (fill: number, length = 100, droppable = true): OutboxFrame => {
    out.fill(fill, at, at + length);
    return outbox.take(length, droppable);
  };
  return { outbox, scheduler, limits, metrics, frame };
}

test("what is posted in one turn goes out in one write per session, in order", () => {
  const { outbox, scheduler, frame } = setUp();
  const [a, b] = [new Owner(), new Owner()];
  for (let i = 1; i <= 5; i++) {
    const shared = frame(i);
    outbox.post(a, shared);
    if (i % 2 === 1) outbox.post(b, shared);
  }
  assert.equal(a.connection.received.length, 0);
  scheduler.settle();
  assert.deepEqual(a.numbers, [1, 2, 3, 4, 5]);
  assert.deepEqual(b.numbers, [1, 3, 5]);
  assert.deepEqual(a.connection.batches, [5]);
  assert.equal(a.queue, null);
  assert.equal(a.queuedBytes, 0);
});

test("frames that wait for a full socket keep their bytes when the room they were written in is used again", () => {
  const { outbox, scheduler, frame } = setUp();
  const slow = new Owner();
  const fast = new Owner();
  slow.connection.room = 150;
  for (let i = 1; i <= 4; i++) outbox.post(slow, frame(i));
  scheduler.settle();
  assert.deepEqual(slow.numbers, [1, 2]);
  assert.ok(slow.blocked);
  assert.equal(outbox.heldBytes, 200);
  for (let i = 5; i <= 9; i++) {
    const shared = frame(i);
    outbox.post(slow, shared);
    outbox.post(fast, shared);
  }
  scheduler.settle();
  for (let i = 0; i < 30_000; i++) outbox.post(fast, frame(200));
  scheduler.settle();
  slow.connection.room = Number.POSITIVE_INFINITY;
  outbox.onDrain(slow);
  scheduler.settle();
  assert.deepEqual(slow.numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(slow.connection.received.every((bytes) => bytes.every((byte) => byte === bytes[0])));
  assert.equal(outbox.heldBytes, 0);
});

test("EVENTs beyond a session's bound are dropped and counted, and the others still come in order", () => {
  const { outbox, scheduler, frame, metrics, limits } = setUp({ outboxBytes_max: 2_048 });
  const owner = new Owner();
  owner.connection.room = 0;
  outbox.post(owner, frame(1));
  scheduler.settle();
  for (let i = 2; i <= 60; i++) outbox.post(owner, frame(i));
  assert.ok(owner.queuedBytes <= limits.outboxBytes_max);
  assert.equal(owner.droppedEvents, 40);
  assert.equal(metrics.eventsDroppedSlow, 40);
  owner.connection.room = Number.POSITIVE_INFINITY;
  outbox.onDrain(owner);
  scheduler.settle();
  assert.deepEqual(
    owner.numbers,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test("drop-oldest keeps the newest EVENTs and every reply", () => {
  const { outbox, scheduler, frame } = setUp({ outboxBytes_max: 2_048 }, "drop-oldest");
  const owner = new Owner();
  owner.connection.room = 0;
  for (let i = 1; i <= 60; i++) {
    outbox.post(owner, frame(i, 100, i !== 7));
    if (i === 1) scheduler.settle();
  }
  owner.connection.room = Number.POSITIVE_INFINITY;
  outbox.onDrain(owner);
  scheduler.settle();
  const expected = [7, ...Array.from({ length: 19 }, (_, i) => 42 + i)];
  assert.deepEqual(owner.numbers, expected);
});

test("a reply that does not fit ends the session, and so does an EVENT under disconnect", () => {
  for (const [policy, droppable] of [
    ["drop-newest", false],
    ["disconnect", true],
  ] as const) {
    const { outbox, scheduler, frame } = setUp({ outboxBytes_max: 2_048 }, policy);
    const owner = new Owner();
    owner.connection.room = 0;
    outbox.post(owner, frame(1));
    scheduler.settle();
    for (let i = 0; i < 19; i++) outbox.post(owner, frame(2, 100, droppable));
    assert.equal(owner.overruns, 0);
    outbox.post(owner, frame(3, 100, droppable));
    assert.equal(owner.overruns, 1);
  }
});

test("a burst beyond the bound is written through while the socket takes it", () => {
  const { outbox, scheduler, frame } = setUp({ outboxBytes_max: 2_048 });
  const owner = new Owner();
  for (let i = 1; i <= 100; i++) outbox.post(owner, frame(i, 100, i % 2 === 0));
  scheduler.settle();
  assert.deepEqual(
    owner.numbers,
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.equal(owner.droppedEvents, 0);
});

test("beyond the router's budget only EVENTs for blocked sessions are dropped", () => {
  const { outbox, scheduler, frame, metrics } = setUp({ outboxBytes_max: 2_048, egressBytes_max: 3_000 });
  const blocked = [new Owner(), new Owner(), new Owner()];
  for (const owner of blocked) {
    owner.connection.room = 0;
    outbox.post(owner, frame(1));
  }
  const free = new Owner();
  scheduler.settle();
  for (let i = 0; i < 15; i++) {
    for (const owner of [...blocked, free]) outbox.post(owner, frame(2));
  }
  scheduler.settle();
  assert.equal(outbox.heldBytes, 3_000);
  assert.equal(metrics.eventsDroppedSlow, 48 - 30);
  assert.equal(free.connection.received.length, 15);
});

test("what several blocked sessions wait for counts once in the router's budget", () => {
  const { outbox, scheduler, frame, metrics } = setUp({ outboxBytes_max: 2_048, egressBytes_max: 3_000 });
  const owners = Array.from({ length: 100 }, () => new Owner());
  const events = Array.from({ length: 20 }, (_, i) => frame(i));
  for (const owner of owners) {
    owner.connection.room = 0;
    outbox.post(owner, events[0]!);
  }
  scheduler.settle();
  for (const event of events.slice(1)) for (const owner of owners) outbox.post(owner, event);
  assert.equal(outbox.heldBytes, 2_000);
  assert.equal(metrics.eventsDroppedSlow, 0);
  for (const [i, owner] of owners.entries()) {
    owner.connection.room = Number.POSITIVE_INFINITY;
    if (i % 2 === 0) outbox.onDrain(owner);
    else outbox.discard(owner);
    assert.equal(outbox.heldBytes, i < 99 ? 2_000 : 0);
  }
  scheduler.settle();
  assert.ok(owners.every(({ connection }, i) => connection.received.length === (i % 2 === 0 ? 20 : 0)));
});

test("large frames go out over several turns and small ones of other sessions are not held up", () => {
  const large = 200_000;
  const { outbox, scheduler, frame } = setUp({ frameBytes_max: 1 << 20, largeBytesPerTurn_max: 1_000_000 });
  const owners = Array.from({ length: 20 }, () => new Owner());
  const event = frame(1, large);
  for (const owner of owners) outbox.post(owner, event);
  const small = new Owner();
  outbox.post(small, frame(2));
  scheduler.endTurn();
  assert.equal(owners.filter(({ connection }) => connection.received.length === 1).length, 5);
  assert.deepEqual(small.numbers, [2]);
  scheduler.settle();
  assert.ok(owners.every(({ connection }) => connection.received.length === 1));
});

test("what was queued for a session that is gone is forgotten, in the router's budget too", () => {
  const { outbox, scheduler, frame } = setUp();
  const owner = new Owner();
  owner.connection.room = 0;
  for (let i = 0; i < 10; i++) outbox.post(owner, frame(1));
  scheduler.settle();
  assert.equal(outbox.heldBytes, 1_000);
  outbox.discard(owner);
  assert.equal(outbox.heldBytes, 0);
  outbox.onDrain(owner);
  scheduler.settle();
  assert.equal(owner.connection.received.length, 0);
});

test("the defaults stand in the right relation to each other", () => {
  assert.deepEqual(limitsFrom({}), defaultLimits);
  assert.throws(() => limitsFrom({ frameBytes_max: 1 << 25 }));
  assert.throws(() => limitsFrom({ outboxBytes_max: 1 << 20 }));
});

test("sessions that share what is queued each get their own frames, in order, wherever they part and whoever is slow", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = randomFrom(seed);
  const { outbox, scheduler, frame } = setUp();
  const owners = Array.from({ length: 12 }, () => new Owner());
  const wanted: number[][] = owners.map(() => []);
  for (let step = 0; step < 3_000; step++) {
    const fill = step % 251;
    const shared = frame(fill, 1 + random(40));
    // Often to all of a group, as events are; now and then to one.
    const from = random(8) === 0 ? random(12) : random(2) * 6;
    const count = random(4) === 0 ? 1 : 6;
    for (let i = from; i < Math.min(12, from + count); i++) {
      outbox.post(owners[i]!, shared);
      wanted[i]!.push(fill);
    }
    const slow = owners[random(12)]!;
    if (random(20) === 0) slow.connection.room = random(100);
    if (random(6) > 0) continue;
    scheduler.settle();
    for (const owner of owners) {
      if (!owner.blocked || random(3) > 0) continue;
      owner.connection.room = Number.POSITIVE_INFINITY;
      outbox.onDrain(owner);
    }
  }
  for (const owner of owners) {
    owner.connection.room = Number.POSITIVE_INFINITY;
    outbox.onDrain(owner);
  }
  scheduler.settle();
  for (const [i, owner] of owners.entries()) {
    assert.deepEqual(owner.numbers, wanted[i], `seed ${seed}`);
    assert.ok(owner.connection.received.every((bytes) => bytes.every((byte) => byte === bytes[0])));
    assert.deepEqual(
      [owner.queue, owner.queueLength, owner.queuedBytes, owner.droppedEvents],
      [null, 0, 0, 0],
    );
  }
  assert.equal(outbox.heldBytes, 0);
});
