/** Acknowledged delivery under virtual time: when an EVENT is sent again, when it is given up, and what is dropped before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, type Limits } from "../../src/base/limits.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { AcknowledgedDelivery } from "../../src/router/broker/acknowledged-delivery.ts";
import type { Frame, RouterSession } from "../../src/router/types.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const limits = {
  redelivery_ms: 1_000,
  deliveries_max: 3,
  unacknowledged_max: 4,
  unacknowledgedBytes_max: 1_000,
};

class Receiver {
  blocked = false;
  readonly sent: Frame[] = [];
  post(frame: Frame): void {
    this.sent.push(frame);
  }
  get session(): RouterSession {
    // Of a session, these two are all that is asked for.
    return this as unknown as RouterSession;
  }
}

function setUp(given: Partial<Limits> = {}) {
  const scheduler = new VirtualScheduler();
  const metrics = new Metrics();
  const deliveries = new AcknowledgedDelivery({
    scheduler,
    metrics,
    limits: { ...defaultLimits, ...limits, ...given },
  });
  return { scheduler, metrics, deliveries, receiver: new Receiver() };
}

const frameOf = (length: number): Frame & { owned: number } => ({
  bytes: new Uint8Array(length),
  length,
  droppable: true,
  owned: 0,
  own() {
    this.owned++;
  },
});

test("an event that is not acknowledged is sent again until it is", () => {
  const { scheduler, metrics, deliveries, receiver } = setUp();
  const frame = frameOf(10);
  deliveries.post(receiver.session, 1, 77, frame);
  assert.ok(frame.owned > 0, "its bytes outlive the turn");
  scheduler.advance(999);
  assert.equal(receiver.sent.length, 1);
  scheduler.advance(1);
  assert.deepEqual(receiver.sent, [frame, frame], "the very same bytes");
  deliveries.received(receiver.session, 77);
  assert.deepEqual([deliveries.count, scheduler.timers], [0, 0]);
  scheduler.advance(60_000);
  assert.equal(receiver.sent.length, 2);
  assert.deepEqual([metrics.eventsRedelivered, metrics.eventsUndelivered], [1, 0]);
});

test("an event is given up after as many deliveries as are allowed", () => {
  const { scheduler, metrics, deliveries, receiver } = setUp();
  deliveries.post(receiver.session, 1, 77, frameOf(10));
  scheduler.advance(10_000);
  assert.equal(receiver.sent.length, 3);
  assert.deepEqual([metrics.eventsRedelivered, metrics.eventsUndelivered], [2, 1]);
  assert.deepEqual([deliveries.count, scheduler.timers], [0, 0]);
});

test("a session that reads nothing is not sent the same again, and loses no delivery by it", () => {
  const { scheduler, metrics, deliveries, receiver } = setUp();
  deliveries.post(receiver.session, 1, 77, frameOf(10));
  receiver.blocked = true;
  scheduler.advance(10_000);
  assert.deepEqual([receiver.sent.length, deliveries.count], [1, 1]);
  receiver.blocked = false;
  scheduler.advance(10_000);
  assert.equal(receiver.sent.length, 3);
  assert.equal(metrics.eventsUndelivered, 1);
});

test("what a session has not acknowledged is bounded in count and bytes: what comes then is dropped and counted", () => {
  const { metrics, deliveries, receiver } = setUp();
  for (let publication = 1; publication <= 6; publication++)
    deliveries.post(receiver.session, 1, publication, frameOf(10));
  assert.deepEqual([receiver.sent.length, metrics.eventsDroppedUnacknowledged], [4, 2]);
  assert.ok(deliveries.isFull(receiver.session, 1));
  deliveries.received(receiver.session, 3);
  deliveries.post(receiver.session, 1, 7, frameOf(980));
  assert.equal(metrics.eventsDroppedUnacknowledged, 3, "too many bytes");
  deliveries.post(receiver.session, 1, 8, frameOf(970));
  assert.equal(receiver.sent.length, 5);
  deliveries.received(receiver.session, 7);
  deliveries.received(receiver.session, 5);
  assert.equal(deliveries.count, 4, "what was dropped is unknown");
  const other = new Receiver();
  deliveries.post(other.session, 2, 1, frameOf(10));
  assert.equal(other.sent.length, 1, "another session has room of its own");
});

test("one EVENT_RECEIVED is for one of the events that a publication made for the session", () => {
  const { scheduler, deliveries, receiver } = setUp();
  const [first, second] = [frameOf(10), frameOf(20)];
  deliveries.post(receiver.session, 1, 77, first);
  deliveries.post(receiver.session, 2, 77, second);
  deliveries.received(receiver.session, 77);
  scheduler.advance(1_000);
  assert.deepEqual(receiver.sent, [first, second, second]);
  deliveries.received(receiver.session, 77);
  deliveries.received(receiver.session, 77);
  deliveries.received(receiver.session, 78);
  assert.deepEqual([deliveries.count, scheduler.timers], [0, 0]);
});

test("with a subscription, or the session, all that was sent for it ends", () => {
  const { scheduler, deliveries, receiver } = setUp();
  const other = new Receiver();
  for (const [row, publication] of [
    [1, 77],
    [2, 77],
    [1, 78],
  ] as const)
    deliveries.post(receiver.session, row, publication, frameOf(10));
  deliveries.post(other.session, 3, 77, frameOf(10));
  deliveries.endSubscription(receiver.session, 1);
  assert.equal(deliveries.count, 2);
  deliveries.endSession(receiver.session);
  deliveries.endSession(receiver.session);
  deliveries.endSubscription(receiver.session, 2);
  assert.equal(deliveries.count, 1);
  scheduler.advance(1_000);
  assert.deepEqual([receiver.sent.length, other.sent.length], [3, 2]);
  deliveries.endSession(other.session);
  assert.equal(scheduler.timers, 0);
});

test("many that are due at once are sent over several turns of the timer, in order", () => {
  const { scheduler, deliveries, receiver } = setUp({
    unacknowledged_max: 10_000,
    unacknowledgedBytes_max: 1e6,
  });
  const frames = Array.from({ length: 3_000 }, () => frameOf(10));
  for (const [i, frame] of frames.entries()) deliveries.post(receiver.session, 1, i + 1, frame);
  receiver.sent.length = 0;
  scheduler.advance(1_000);
  assert.ok(receiver.sent.length === 3_000 && receiver.sent.every((frame, i) => frame === frames[i]));
});
