/** The ring of one history against a plain list, and the bounds of all histories together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits } from "../../src/base/limits.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { Histories, History } from "../../src/router/broker/history.ts";
import { type StoredEvent, storedBytes } from "../../src/router/broker/stored-event.ts";
import { PatternKind, Patterns } from "../../src/router/patterns.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec } from "../support/codec.ts";
import { realmWith, storedEvent } from "../support/stored-events.ts";

test("a ring gives its events from the oldest to the newest, whatever was taken out before", () => {
  for (const limit of [1, 2, 5, 16]) {
    const ring = new History(limit);
    const list: StoredEvent[] = [];
    // Out of step with the ring's size, so that its start comes to lie everywhere.
    for (let step = 0; step < 400; step++) {
      const shifts = step % 7 === 0 ? Math.min(list.length, 3) : ring.isFull ? 1 : 0;
      for (let i = 0; i < shifts; i++) assert.equal(ring.shift(), list.shift());
      const event = storedEvent("com.a", { bytes: step % 50 });
      ring.push(event);
      list.push(event);
      assert.equal(ring.count, list.length);
      assert.equal(ring.isFull, list.length === limit);
      for (const [i, expected] of list.entries()) assert.equal(ring.at(i), expected);
      assert.equal(
        ring.bytes,
        list.reduce((sum, one) => sum + storedBytes(one), 0),
      );
    }
  }
});

function setUp(limits: Partial<typeof defaultLimits>, history: Parameters<typeof realmWith>[0]) {
  const codec = openCodec();
  const patterns = new Patterns(new PatternIndex(codec.core), () => 0);
  const metrics = new Metrics();
  const histories = new Histories({
    codec,
    patterns,
    limits: { ...defaultLimits, ...limits },
    metrics,
    directory: null,
    keepsHistories: true,
  });
  const realm = realmWith(history);
  histories.open(realm);
  const patternOf = (topic: string) => patterns.index.find(realm.handle * 2, 0, topic);
  const keep = (topic: string, event = storedEvent(topic)) => {
    const pattern = patternOf(topic);
    assert.ok(pattern !== 0);
    histories.keep(pattern, event);
    return histories.of(pattern)!;
  };
  return { codec, patterns, metrics, realm, histories, patternOf, keep };
}

test("a subscription with a history has its id from the start, and counts as nobody's", () => {
  const { patterns, patternOf } = setUp({}, { history: [{ topic: "com.a", limit: 3 }] });
  const pattern = patternOf("com.a");
  assert.ok(pattern !== 0);
  assert.equal(patterns.byId(PatternKind.subscription, patterns.id(pattern)), pattern);
  assert.deepEqual([patterns.count, patterns.memberCount(pattern)], [0, 0]);
});

test("a history is bounded in events and bytes, and all together in bytes: the oldest go", () => {
  const limits = { historyBytes_max: 5_000, historiesBytes_max: 8_000, history_max: 10 };
  const options = {
    history: [
      { topic: "com.a", limit: 4 },
      { topic: "com.b", limit: 1_000 },
    ],
  };
  const { keep, metrics } = setUp(limits, options);
  for (let i = 0; i < 9; i++) keep("com.a");
  assert.equal(keep("com.a").count, 4);
  for (let i = 0; i < 20; i++) keep("com.b");
  assert.equal(keep("com.b").count, 10, "no history has more than the router allows");
  for (let i = 0; i < 9; i++) keep("com.b", storedEvent("com.b", { bytes: 1_200 }));
  const b = keep("com.b", storedEvent("com.b", { bytes: 1_200 }));
  assert.equal(b.count, 3);
  assert.ok(b.bytes <= 5_000);
  const last = storedEvent("com.a", { bytes: 3_300 });
  const a = keep("com.a", last);
  assert.deepEqual([a.count, a.at(0)], [1, last], "the others of its own history made room for it");
  keep("com.b", storedEvent("com.b", { bytes: 6_000 }));
  assert.equal(metrics.eventsNotKept, 1, "larger than a history may be");
  assert.equal(metrics.history, 1);
  assert.equal(metrics.historyBytes, storedBytes(last));
});

test("options that name no topic, no limit or the same twice are refused with the reason", () => {
  const open = (...history: { topic: string; limit: number; match?: "prefix" | "wildcard" }[]) =>
    assert.throws(() => setUp({}, { history }), RangeError);
  open({ topic: "com..a", limit: 3 });
  open({ topic: "", limit: 3 });
  open({ topic: "com.a", limit: 0 });
  open({ topic: "com.a", limit: 1.5 });
  open({ topic: "com.a", limit: 3 }, { topic: "com.a", limit: 5 });
  open({ topic: "com.a", limit: 3, match: "suffix" as "prefix" });
  const { realm } = setUp(
    {},
    {
      history: [
        { topic: "com.a", limit: 3 },
        { topic: "com.a", match: "prefix", limit: 3 },
        { topic: "com..a", match: "wildcard", limit: 3 },
        { topic: "wamp.session.on_join", limit: 3 },
      ],
    },
  );
  assert.equal(realm.reservedPatterns, 1, "meta events are made when there is a history of them");
});
