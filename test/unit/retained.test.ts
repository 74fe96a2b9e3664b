/** The store of retained events under virtual time: what it gives out, to whom and how long, and what it refuses to hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, type Limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { Match } from "../../src/protocol/messages.ts";
import { RetainedEvents } from "../../src/router/broker/retained.ts";
import { realmWith, sessionWithId, storedEvent } from "../support/stored-events.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const [alice, bob] = [sessionWithId(1), sessionWithId(2)];

function setUp(limits: Partial<Limits> = {}) {
  const scheduler = new VirtualScheduler();
  const metrics = new Metrics();
  const warnings: string[] = [];
  const retained = new RetainedEvents({
    isShared: false,
    scheduler,
    afterTurn: (task) => scheduler.endOfTurn(task),
    limits: { ...defaultLimits, ...limits },
    metrics,
    log: { ...silentLog, warn: (_part, message) => void warnings.push(message) },
  });
  const realm = realmWith();
  const publication = (topic: string, session = alice): number | null =>
    retained.get(realm, topic, session)?.event.publication ?? null;
  return { scheduler, metrics, warnings, retained, realm, publication };
}

test("the last event of a topic takes the place of the one before", () => {
  const { retained, realm, metrics, publication } = setUp();
  const [first, second] = [storedEvent("com.a"), storedEvent("com.a")];
  retained.keep(realm, first, 0);
  assert.equal(publication("com.a"), first.publication);
  retained.keep(realm, second, 0);
  assert.equal(publication("com.a"), second.publication);
  assert.deepEqual([retained.count(realm), metrics.retained], [1, 1]);
  assert.equal(publication("com"), null);
  assert.equal(retained.count(realmWith({}, 2)), 0, "a realm of its own");
});

test("what sessions of a closed realm want retained is not, since nobody would forget it", () => {
  const { retained, realm, metrics, scheduler } = setUp();
  retained.keep(realm, storedEvent("com.a"), 0);
  realm.isClosed = true;
  retained.closeRealm(realm);
  retained.keep(realm, storedEvent("com.b"), 0);
  scheduler.settle();
  assert.deepEqual([retained.count(realm), metrics.retained, metrics.retainedBytes], [0, 0, 0]);
});

test("a session finds the last event that it would have received", () => {
  const { retained, realm, publication } = setUp({ retainedPerTopic_max: 2 });
  const forAll = storedEvent("com.a");
  const forAlice = storedEvent("com.a", { for: [1] });
  const forBob = storedEvent("com.a", { for: [2] });
  for (const event of [forAll, forAlice, forBob]) retained.keep(realm, event, 0);
  assert.equal(publication("com.a", alice), forAlice.publication);
  assert.equal(publication("com.a", bob), forBob.publication);
  assert.equal(publication("com.a", sessionWithId(3)), forAll.publication);
  // A third one with lists is one too many: the oldest of them goes, and the one for all stays.
  retained.keep(realm, storedEvent("com.a", { for: [] }), 0);
  assert.equal(retained.count(realm), 3);
  assert.equal(publication("com.a", alice), forAll.publication);
  const last = storedEvent("com.a", { excluded: 2 });
  retained.keep(realm, last, 0);
  assert.equal(retained.count(realm), 1);
  assert.equal(publication("com.a", alice), last.publication);
  assert.equal(publication("com.a", bob), null, "its publisher did not receive it");
});

test("an event is not given out after its time, and evicted soon after", () => {
  const { retained, realm, scheduler, metrics, publication } = setUp();
  retained.keep(realm, storedEvent("com.ever"), 0);
  assert.equal(scheduler.timers, 0, "nothing expires, nothing runs");
  retained.keep(realm, storedEvent("com.short"), 1_500);
  retained.keep(realm, storedEvent("com.long"), 60_000);
  assert.equal(scheduler.timers, 1);
  scheduler.advance(1_499);
  assert.notEqual(publication("com.short"), null);
  scheduler.advance(1);
  assert.equal(publication("com.short"), null);
  assert.equal(retained.delete(realm, "com.none"), false);
  scheduler.advance(1_000);
  scheduler.settle();
  assert.equal(retained.count(realm), 2);
  scheduler.advance(60_000);
  scheduler.settle();
  assert.equal(retained.count(realm), 1);
  assert.equal(scheduler.timers, 0, "the sweep ends with the last event that expires");
  assert.notEqual(publication("com.ever"), null);
  assert.equal(retained.delete(realm, "com.ever"), true);
  assert.deepEqual([metrics.retained, metrics.retainedBytes], [0, 0]);
});

test("every time to live ends, however odd, and none leaves the sweep running", () => {
  const { retained, realm, scheduler } = setUp();
  scheduler.advance(5_000);
  for (const ttl_ms of [1e-9, 0.5, 999, 1_000, 1_001, 86_400_000])
    retained.keep(realm, storedEvent(`com.t${Math.round(ttl_ms * 10)}`), ttl_ms);
  retained.keep(realm, storedEvent("com.forever"), Number.MAX_VALUE * 1_000);
  // A process that was stopped for a day finds all of them due at once.
  scheduler.stall(90_000_000);
  scheduler.advance(1_000);
  scheduler.settle();
  assert.equal(retained.count(realm), 1);
  assert.equal(scheduler.timers, 0);
});

test("an event that was replaced or deleted does not take its successor with it when its time is over", () => {
  const { retained, realm, scheduler, publication } = setUp();
  retained.keep(realm, storedEvent("com.a"), 1_000);
  const second = storedEvent("com.a");
  retained.keep(realm, second, 0);
  assert.equal(scheduler.timers, 0);
  retained.keep(realm, storedEvent("com.b"), 1_000);
  assert.equal(retained.delete(realm, "com.b"), true);
  retained.keep(realm, storedEvent("com.b"), 5_000);
  scheduler.advance(3_000);
  scheduler.settle();
  assert.equal(publication("com.a"), second.publication);
  assert.notEqual(publication("com.b"), null);
});

test("many that expire together are evicted over several turns", () => {
  const { retained, realm, scheduler } = setUp();
  for (let i = 0; i < 10_000; i++) retained.keep(realm, storedEvent(`com.n${i}`), 500);
  scheduler.advance(1_000);
  const left = retained.count(realm);
  assert.ok(left > 0 && left < 10_000, `${left} left after the first turn`);
  const [first] = [...retainedTopics(retained, realm)];
  assert.equal(first, undefined, "none of them is given out meanwhile");
  scheduler.settle();
  assert.equal(retained.count(realm), 0);
});

function* retainedTopics(retained: RetainedEvents, realm: ReturnType<typeof realmWith>): Generator<string> {
  const steps = retained.matching(realm, Match.prefix, "");
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    const latest = step.value === null ? null : retained.latest(step.value, alice);
    if (latest !== null) yield latest.event.topic;
  }
}

test("beyond a limit an event is not retained, and what it would have replaced is not told as the latest", () => {
  const { retained, realm, metrics, warnings, publication } = setUp({
    retained_max: 3,
    retainedEventBytes_max: 1_000,
  });
  for (const topic of ["com.a", "com.b", "com.c", "com.d", "com.e"])
    retained.keep(realm, storedEvent(topic), 0);
  assert.deepEqual([retained.count(realm), metrics.eventsNotRetained], [3, 2]);
  assert.equal(publication("com.d"), null);
  const again = storedEvent("com.c");
  retained.keep(realm, again, 0);
  assert.equal(publication("com.c"), again.publication, "one in the place of another needs no room");
  retained.keep(realm, storedEvent("com.a", { bytes: 2_000, for: [1] }), 0);
  assert.notEqual(publication("com.a"), null, "one with lists replaces nothing");
  retained.keep(realm, storedEvent("com.a", { bytes: 2_000 }), 0);
  assert.equal(publication("com.a"), null);
  assert.deepEqual([retained.count(realm), metrics.eventsNotRetained], [2, 4]);
  assert.equal(warnings.length, 1, "said once");
});

test("the bytes of a realm's retained events are bounded, those of their topics included", () => {
  const { retained, realm, metrics } = setUp({ retainedBytes_max: 100_000 });
  const deep = (i: number): string => `com.n${i}.${Array.from({ length: 40 }, () => "x").join(".")}`;
  for (let i = 0; i < 100; i++) retained.keep(realm, storedEvent(deep(i)), 0);
  const count = retained.count(realm);
  assert.ok(count > 3 && count < 12, `${count} topics of 42 components`);
  assert.ok(metrics.retainedBytes <= 100_000 + 42 * 320 + 1_000, `${metrics.retainedBytes} bytes`);
  for (let i = 0; i < 100; i++) retained.delete(realm, deep(i));
  assert.equal(metrics.retainedBytes, 0);
  for (let i = 0; i < 100; i++) retained.keep(realm, storedEvent(`com.n${i}`, { bytes: 9_000 }), 0);
  assert.equal(retained.count(realm), 10);
});
