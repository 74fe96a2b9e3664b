/** Large frames on their way out: a turn's share, what all sockets hold, and those that take nothing. Under a virtual clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits, type Limits, limitsFrom } from "../../src/base/limits.ts";
import { Metrics } from "../../src/base/metrics.ts";
import type { OutgoingFrame } from "../../src/ports.ts";
import { Outbox, type OutboxFrame, type SlowConsumerPolicy } from "../../src/session/outbox.ts";
import { TestConnection, TestOwner } from "../support/outbox-owner.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

/** A socket that copies whatever it is given while it holds nothing, as the native servers do. */
class CopyingConnection extends TestConnection {
  readonly numbers: number[] = [];
  held = 0;
  /** The operating system takes everything at once. */
  isQuick = false;
  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    let i = from;
    for (; i < count && this.held === 0; i++) {
      const { bytes } = frames[i]!;
      this.numbers.push(bytes[0]!);
      if (!this.isQuick) this.held += bytes.length;
    }
    return i;
  }
  override bufferedBytes(): number {
    return this.held;
  }
}

type Owner = TestOwner<CopyingConnection>;

const large = 100_000;
const small = {
  frameBytes_max: 1 << 17,
  outboxBytes_max: 400_000,
  largeBytesPerTurn_max: 500_000,
  socketBytes_max: 1_000_000,
};

function setUp(given: Partial<Limits> = {}, policy: SlowConsumerPolicy = "drop-newest") {
  const scheduler = new VirtualScheduler();
  const metrics = new Metrics();
  const codec = {
    outFrame: () => new Uint8Array(0),
    span: () => new Uint8Array(0),
    keep: () => 0,
    releaseKept: () => {},
  };
  const outbox = new Outbox({
    codec,
    scheduler,
    limits: limitsFrom({ ...small, ...given }),
    metrics,
    policy,
  });
  const frame = (number: number, length = large, droppable = true): OutboxFrame =>
    outbox.adopt(new Uint8Array(length).fill(number), droppable);
  const owners = (count: number): Owner[] =>
    Array.from({ length: count }, () => new TestOwner(new CopyingConnection()));
  const held = (all: readonly Owner[]): number =>
    all.reduce((sum, { connection }) => sum + connection.held, 0);
  return { scheduler, metrics, outbox, frame, owners, held };
}

test("sockets hold no more than they may; the others wait, share one frame, and get it when there is room", () => {
  const { scheduler, outbox, frame, owners, held, metrics } = setUp();
  const all = owners(100);
  const event = frame(1);
  for (const owner of all) outbox.post(owner, event);
  let most = 0;
  for (let got = 0; got < all.length; ) {
    scheduler.settle();
    most = Math.max(most, held(all));
    assert.equal(outbox.socketBytes, held(all));
    assert.ok(outbox.heldBytes <= large, "all that wait share it");
    const full = all.filter(({ connection }) => connection.held > 0);
    got += full.length;
    for (const { connection } of full) connection.held = 0;
    scheduler.advance(2);
  }
  assert.equal(most, small.socketBytes_max);
  assert.ok(all.every(({ connection }) => connection.numbers.length === 1));
  assert.deepEqual([outbox.heldBytes, outbox.socketBytes, metrics.eventsDroppedSlow], [0, 0, 0]);
  assert.equal(scheduler.timers, 0, "nobody waits, and nothing is looked at");
});

test("a session that waits keeps its order: what is small and comes later waits behind, what came before does not", () => {
  const { scheduler, outbox, frame, owners } = setUp();
  const full = owners(10);
  for (const owner of full) outbox.post(owner, frame(1));
  scheduler.settle();
  const [late, other] = owners(2) as [Owner, Owner];
  late.connection.isQuick = true;
  outbox.post(late, frame(1, 10));
  outbox.post(late, frame(2));
  outbox.post(other, frame(5, 10));
  scheduler.settle();
  outbox.post(late, frame(3, 10));
  scheduler.settle();
  assert.deepEqual([late.connection.numbers, other.connection.numbers], [[1], [5]]);
  for (const { connection } of full) connection.held = 0;
  scheduler.advance(2);
  scheduler.settle();
  assert.deepEqual(late.connection.numbers, [1, 2, 3]);
});

test("connections that take nothing keep nobody waiting, and the first of them end when they are too many", () => {
  const { scheduler, outbox, frame, owners, held, metrics } = setUp();
  const stalled = owners(40);
  const event = frame(1);
  for (const owner of stalled) outbox.post(owner, event);
  scheduler.settle();
  const first = stalled.filter(({ connection }) => connection.held > 0);
  assert.equal(first.length, 10);
  scheduler.advance(fixedLimits.stalledSocket_ms);
  scheduler.settle();
  assert.equal(stalled.filter(({ connection }) => connection.held > 0).length, 20);
  assert.equal(metrics.sessionsOverrun, 0);
  scheduler.advance(fixedLimits.stalledSocket_ms);
  assert.deepEqual(
    stalled.filter(({ overruns }) => overruns > 0),
    first,
  );
  assert.equal(metrics.sessionsOverrun, 10);
  for (const owner of first) {
    outbox.discard(owner);
    owner.connection.held = 0;
  }
  scheduler.settle();
  assert.ok(held(stalled) <= 2 * small.socketBytes_max);
});

test("however they stall and move on, sockets never hold more than twice the bound and one frame", () => {
  const { scheduler, outbox, frame, owners, held } = setUp({
    largeBytesPerTurn_max: 1 << 30,
    outboxBytes_max: 1 << 27,
  });
  const all = owners(60);
  let seed = 7;
  const below = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % n;
  };
  for (let step = 0; step < 2_000; step++) {
    const owner = all[below(all.length)]!;
    if (below(3) === 0) {
      owner.connection.held = 0;
      outbox.onDrain(owner);
    } else outbox.post(owner, frame(1));
    if (below(4) === 0) scheduler.settle();
    scheduler.advance(below(300));
    scheduler.settle();
    for (const each of all)
      if (each.overruns > 0) {
        outbox.discard(each);
        each.connection.held = each.overruns = 0;
      }
    assert.ok(held(all) < 2 * small.socketBytes_max + large, `${held(all)} at step ${step}`);
  }
});

test("one that goes away while it waits, or while its socket holds something, is forgotten", () => {
  const { scheduler, outbox, frame, owners } = setUp();
  const all = owners(20);
  const event = frame(1);
  for (const owner of all) outbox.post(owner, event);
  scheduler.settle();
  for (const owner of all) {
    outbox.discard(owner);
    owner.connection.held = 0;
  }
  assert.deepEqual([outbox.heldBytes, outbox.socketBytes], [0, 0]);
  scheduler.advance(10);
  scheduler.settle();
  assert.equal(scheduler.timers, 0);
});

test("who waits for its turn may have four times as much; beyond, the event is dropped and nobody is ended for it", () => {
  for (const policy of ["drop-newest", "drop-oldest", "disconnect"] as const) {
    const { scheduler, outbox, frame, owners, metrics } = setUp({ socketBytes_max: 1 << 30 }, policy);
    const all = owners(10);
    for (const { connection } of all) connection.isQuick = true;
    const sent = (): number => all.reduce((sum, { connection }) => sum + connection.numbers.length, 0);
    // Two hundred in one turn, of which five are a turn's share.
    for (let i = 1; i <= 20; i++) {
      const event = frame(i);
      for (const owner of all) outbox.post(owner, event);
    }
    assert.ok(sent() <= 5, `${sent()} at once`);
    assert.ok(outbox.heldBytes <= 20 * large);
    let turns = 0;
    for (let before = sent(); scheduler.endTurn(); before = sent(), turns++)
      assert.ok(sent() - before <= 5, `${sent() - before} in one turn`);
    assert.ok(turns >= 30);
    assert.equal(sent() + metrics.eventsDroppedSlow, 200);
    assert.ok(metrics.eventsDroppedSlow <= 40, `${metrics.eventsDroppedSlow} dropped`);
    assert.equal(metrics.sessionsOverrun, 0);
    for (const { connection } of all)
      assert.deepEqual(
        connection.numbers,
        [...connection.numbers].sort((a, b) => a - b),
      );
    assert.equal(outbox.heldBytes, 0);
  }
});

test("who has waited longest is first, before those for whom something new has come", () => {
  const { scheduler, outbox, frame, owners } = setUp({ socketBytes_max: 1 << 30 });
  const [first, others] = [owners(12), owners(12)];
  for (const { connection } of [...first, ...others]) connection.isQuick = true;
  for (const owner of first) outbox.post(owner, frame(1));
  scheduler.endTurn();
  for (const owner of others) outbox.post(owner, frame(1));
  const got = (all: readonly Owner[]): number =>
    all.filter(({ connection }) => connection.numbers.length > 0).length;
  assert.deepEqual([got(first), got(others)], [5, 0]);
  scheduler.endTurn();
  assert.deepEqual([got(first), got(others)], [10, 0]);
  scheduler.endTurn();
  assert.deepEqual([got(first), got(others)], [12, 3]);
  scheduler.settle();
  assert.deepEqual([got(first), got(others)], [12, 12]);
});

test("what waits for its turn is written at once when its connection is to be closed", () => {
  const { scheduler, outbox, frame, owners } = setUp({ socketBytes_max: 1 << 30 });
  const all = owners(12);
  for (const { connection } of all) connection.isQuick = true;
  for (const owner of all) outbox.post(owner, frame(1));
  scheduler.endTurn();
  const last = all.at(-1)!;
  outbox.post(last, frame(2, 10, false));
  outbox.flushNow(last);
  assert.deepEqual(last.connection.numbers, [1, 2]);
  outbox.discard(last);
  scheduler.settle();
  assert.ok(all.every(({ connection }) => connection.numbers[0] === 1));
  assert.equal(outbox.heldBytes, 0);
});

test("a large reply goes out at once where the outbox is full, whatever sockets hold", () => {
  const { scheduler, outbox, frame, owners, metrics } = setUp();
  for (const owner of owners(10)) outbox.post(owner, frame(1));
  scheduler.settle();
  const [caller] = owners(1) as [Owner];
  caller.connection.isQuick = true;
  for (let i = 1; i <= 8; i++) outbox.post(caller, frame(i, large, false));
  scheduler.settle();
  assert.equal(caller.overruns, 0);
  scheduler.advance(2 * fixedLimits.stalledSocket_ms);
  scheduler.settle();
  assert.deepEqual(caller.connection.numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(metrics.sessionsOverrun, 0);
});

test("the router's budget counts what sockets hold", () => {
  const { scheduler, outbox, frame, owners, metrics } = setUp({ egressBytes_max: 1_050_000 });
  const full = owners(10);
  for (const owner of full) outbox.post(owner, frame(1));
  scheduler.settle();
  const [blocked] = owners(1) as [Owner];
  outbox.post(blocked, frame(1, 40_000));
  blocked.connection.held = 1;
  scheduler.settle();
  assert.equal(outbox.heldBytes, 40_000);
  outbox.post(blocked, frame(2, 20_000));
  assert.equal(metrics.eventsDroppedSlow, 1);
  for (const { connection } of full) connection.held = 0;
  scheduler.advance(2);
  outbox.post(full[0]!, frame(2, 10));
  scheduler.settle();
  outbox.post(blocked, frame(2, 20_000));
  assert.equal(metrics.eventsDroppedSlow, 1);
});
