import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Attempts } from "../../src/auth/attempts.ts";
import { PendingLogins } from "../../src/auth/pending-logins.ts";
import { SharedCounts, SharedLogins } from "../../src/auth/shared-login-counts.ts";
import { fixedLimits } from "../../src/base/limits.ts";
import { fillRandom } from "../../src/host.ts";
import { type CountOrder, countAll, counterLimits, counterThreads } from "../support/login-counter.ts";

const limits = {
  failedLogins_ms: 60_000,
  failedLoginsPerSource_max: 6,
  failedLoginsPerAuthid_max: 3,
  failedLogins_max: 100,
  logins_max: 4,
  loginsPerSource_max: 3,
  handshake_ms: 1_000,
};

/** Two threads, and their clock. */
function twoThreads() {
  const clock = { now_ms: Date.UTC(2026, 0, 1) };
  const first = SharedLogins.make(limits, 2, fillRandom);
  const second = new SharedLogins(limits, 2, first.memory);
  const wall_ms = (): number => clock.now_ms;
  const counts = [first.counts(0, wall_ms), second.counts(1, wall_ms)] as const;
  return { clock, first, counts };
}

test("what fails in one thread counts in the others, and so does what succeeds", () => {
  const { clock, counts } = twoThreads();
  const [here, there] = counts.map((shared) => new Attempts(limits, shared)) as [Attempts, Attempts];
  const attempt = { source: "10.0.0.1", realm: "r", authid: "bob" };
  assert.ok(here.take(attempt) && there.take(attempt) && here.take(attempt));
  for (const attempts of [here, there]) {
    assert.equal(attempts.take(attempt), false);
    assert.equal(attempts.allows({ ...attempt, source: "10.0.0.2" }), false);
    assert.equal(attempts.allows({ ...attempt, authid: "kim" }), true);
  }
  // Whoever counted it, any can take it back.
  there.takeBack(attempt);
  assert.equal(here.allows({ ...attempt, source: "10.0.0.2" }), true);
  // A user who came in at one is known at the other.
  assert.ok(there.take(attempt));
  here.succeeded(attempt);
  assert.ok(here.take({ ...attempt, source: "10.0.0.2" }));
  assert.equal(there.allows({ ...attempt, source: "10.0.0.2" }), false);
  assert.equal(there.allows(attempt), true);
  // Three are counted of the name, two of them of this source.
  for (let index = 0; index < 4; index++) assert.ok(there.take({ ...attempt, authid: `other ${index}` }));
  assert.equal(here.allows({ ...attempt, authid: "kim" }), false);
  clock.now_ms += limits.failedLogins_ms;
  assert.equal(here.allows({ ...attempt, authid: "kim" }), true);
});

test("logins under way are bounded over all threads, for each source and in all; those of a thread that ended are over", () => {
  const { clock, first, counts } = twoThreads();
  const [here, there] = counts.map(({ places }) => new PendingLogins(limits, places)) as [
    PendingLogins,
    PendingLogins,
  ];
  const one = here.open("a", 0);
  assert.ok(one !== null && there.open("a", 0) !== null && there.open("a", 0) !== null);
  assert.equal(here.open("a", 0), null);
  assert.equal(there.open("a", 0), null);
  assert.ok(here.open("b", 0) !== null);
  assert.equal(there.open("c", 0), null, "four are under way");
  here.close(one);
  assert.ok(there.open("c", 0) !== null);
  assert.equal(here.open("c", 0), null);
  first.onLife(1);
  for (const source of ["a", "a", "c"]) assert.ok(here.open(source, 0) !== null);
  assert.equal(here.open("d", 0), null);
  // The thread in its place counts from nothing.
  const again = new PendingLogins(
    limits,
    new SharedLogins(limits, 2, first.memory).counts(1, () => clock.now_ms).places,
  );
  assert.equal(again.open("d", 0), null);
  clock.now_ms += limits.handshake_ms;
  for (let opened = 0; opened < 3; opened++) assert.ok(here.open("d", limits.handshake_ms) !== null);
  assert.equal(again.open("d", limits.handshake_ms), null);
  assert.ok(again.open("e", limits.handshake_ms) !== null);
});

test("a flood of keys stays within the memory, and where there is no room the one that ends first is forgotten", () => {
  let now_ms = Date.UTC(2026, 0, 1);
  const bytes = SharedCounts.bytesFor(1);
  const memory = new SharedArrayBuffer(bytes);
  const options = { secret: new Uint8Array(32), window_ms: 60_000, wall_ms: () => now_ms };
  const counts = new SharedCounts(memory, 0, bytes, options);
  for (let index = 0; index < 100; index++, now_ms++) assert.equal(counts.add(`key ${index}`), 1);
  for (let index = 0; index < 100; index++) assert.equal(counts.at(`key ${index}`), index < 84 ? 0 : 1);
  // One that is counted again ends no later.
  assert.equal(counts.add("key 84"), 2);
  counts.add("one more");
  assert.equal(counts.at("key 84"), 0);
  for (const entries of [0, 1, 65_536, 1e9, Number.POSITIVE_INFINITY])
    assert.ok(SharedCounts.bytesFor(entries) <= 16 * fixedLimits.sharedLoginRows_max);
  assert.ok(SharedCounts.bytesFor(65_536) >= 2 * 16 * 65_536);
});

test("a clock that is set forgets counts, and never prolongs them", () => {
  let now_ms = Date.UTC(2026, 0, 1);
  const bytes = SharedCounts.bytesFor(8);
  const options = { secret: new Uint8Array(32), window_ms: 60_000, wall_ms: () => now_ms };
  const counts = new SharedCounts(new SharedArrayBuffer(bytes), 0, bytes, options);
  counts.add("key");
  now_ms -= 500;
  assert.equal(counts.add("key"), 2);
  now_ms -= 3_600_000;
  assert.equal(counts.at("key"), 0);
  assert.equal(counts.add("key"), 1);
  now_ms += 3_600_000;
  assert.equal(counts.at("key"), 0);
});

test("threads that count the same keys at one time lose none", async () => {
  const { memory } = SharedLogins.make(counterLimits, counterThreads, fillRandom);
  const order = { memory, keys: 8, rounds: 1_000 };
  const module = new URL("../support/login-counter.js", import.meta.url);
  const others = [1, 2].map((place) => {
    const workerData: CountOrder = { ...order, place };
    return new Worker(module, { workerData, execArgv: [] });
  });
  const done = others.map((worker) => once(worker, "message"));
  // While they do.
  countAll({ ...order, place: 0 });
  await Promise.all(done);
  await Promise.all(others.map((worker) => worker.terminate()));
  const { sources } = new SharedLogins(counterLimits, counterThreads, memory).counts(0, () => Date.now());
  for (let key = 0; key < order.keys; key++)
    assert.equal(sources.at(`key ${key}`), (counterThreads * order.rounds) / 2);
});
