import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempts } from "../../src/auth/attempts.ts";
import { OwnCounts, ownLoginCounts } from "../../src/auth/login-counts.ts";
import { PendingLogins } from "../../src/auth/pending-logins.ts";
import { type Hello, isRefused, LoginWorld, signCra } from "../support/login-world.ts";

const limits = {
  failedLogins_ms: 60_000,
  failedLoginsPerSource_max: 6,
  failedLoginsPerAuthid_max: 3,
  failedLogins_max: 100,
};
const cra: Hello = { methods: ["wampcra"], authid: "bob" };

const isBusy = (answer: { kind: string; error?: string }): void => {
  assert.equal(answer.kind, "abort");
  assert.equal(answer.error, "wamp.error.unavailable");
};

test("too many failures under one name are answered alike, whether the name is somebody's or nobody's", async () => {
  const world = await (await LoginWorld.make({ limits })).populate();
  for (const authid of ["bob", "nobody"]) {
    const from = (index: number): string => `10.0.${authid.length}.${index}`;
    for (let index = 0; index < 3; index++) {
      isRefused(await world.login({ ...cra, authid, peer: from(index) }, "wrong"));
    }
    isBusy(await world.login({ ...cra, authid, peer: from(9) }, "open sesame"));
    isBusy(await world.login({ ...cra, authid: authid.toUpperCase(), peer: from(9) }, "open sesame"));
  }
  assert.equal(world.metrics.loginsLimited, 4);
  world.now_ms += 60_001;
  await world.welcomed(cra);
  await world.close();
});

test("who guesses at a name does not lock out its owner, who was here before", async () => {
  const world = await (await LoginWorld.make({ limits })).populate();
  await world.welcomed({ ...cra, peer: "10.7.7.7" });
  for (let index = 0; index < 3; index++) {
    isRefused(await world.login({ ...cra, peer: `10.0.0.${index}` }, "wrong"));
  }
  isBusy(await world.login({ ...cra, peer: "10.0.0.4" }, "open sesame"));
  await world.welcomed({ ...cra, peer: "10.7.7.7" });
  await world.close();
});

test("a source with too many failures waits; others do not", async () => {
  const world = await (await LoginWorld.make({ limits })).populate();
  const peer = "10.9.9.9";
  for (let index = 0; index < 6; index++) {
    isRefused(await world.login({ ...cra, authid: `user${index}`, peer }, "wrong"));
  }
  isBusy(await world.login({ ...cra, peer }, "open sesame"));
  await world.welcomed({ ...cra, peer: "10.9.9.8" });
  await world.close();
});

test("guesses over many connections at one time are all counted", async () => {
  const world = await (await LoginWorld.make({ limits })).populate();
  const challenges = await Promise.all(Array.from({ length: 8 }, () => world.challenged(cra)));
  const answers = await Promise.all(challenges.map(({ proceed }) => proceed("guess", {})));
  const errors = answers.map((answer) => (answer.kind === "abort" ? answer.error : answer.kind));
  assert.equal(errors.filter((error) => error === "wamp.error.authentication_failed").length, 3);
  assert.equal(errors.filter((error) => error === "wamp.error.unavailable").length, 5);
  await world.close();
});

test("logins that succeed count against nobody", async () => {
  const world = await (await LoginWorld.make({ limits })).populate();
  for (let index = 0; index < 20; index++) await world.welcomed(cra);
  assert.equal(world.metrics.logins, 20);
  await world.close();
});

test("logins under way are bounded, and room is made by answers and by time", async () => {
  const world = await (await LoginWorld.make({ limits: { logins_max: 2, handshake_ms: 1_000 } })).populate();
  const first = await world.challenged(cra);
  await world.challenged(cra);
  isBusy(await world.hello(cra));
  assert.equal((await first.proceed(signCra(first.extra, "open sesame"), {})).kind, "welcome");
  await world.challenged(cra);
  isBusy(await world.hello({ ...cra, authid: "nobody" }));
  world.now_ms += 1_001;
  await world.challenged(cra);
  await world.close();
});

test("a flood of invented names and addresses stays within its bound, and the newest failures are remembered", () => {
  let now_ms = 0;
  const clock = (): number => now_ms;
  const sources = new OwnCounts(100, 60_000, clock);
  const names = new OwnCounts(100, 60_000, clock);
  const familiar = new OwnCounts(100, 3_600_000, clock);
  const attempts = new Attempts({ ...limits, failedLoginsPerAuthid_max: 1 }, { sources, names, familiar });
  let last = { source: "", realm: "r", authid: "" };
  for (let index = 0; index < 5_000; index++) {
    now_ms = index / 100;
    last = { source: `source${index}`, realm: "r", authid: `name${index}` };
    assert.ok(attempts.take(last));
    if (index % 2 === 0) attempts.succeeded(last);
  }
  for (const { size } of [sources, names, familiar]) assert.ok(size <= 100, `${size}`);
  now_ms = 60;
  assert.equal(attempts.allows({ ...last, source: "elsewhere" }), false);
  now_ms = 70_000;
  assert.equal(attempts.allows({ ...last, source: "elsewhere" }), true);
});

const places = { logins_max: 2, loginsPerSource_max: 1 };

test("an attempt that is taken back was none", () => {
  const attempts = new Attempts(
    limits,
    ownLoginCounts({ ...limits, ...places }, () => 0),
  );
  const attempt = { source: "s", realm: "r", authid: "a" };
  for (let index = 0; index < 50; index++) {
    assert.ok(attempts.take(attempt));
    attempts.takeBack(attempt);
  }
  // One realm's failures are not another's; without a name only the source counts.
  for (let index = 0; index < 3; index++) assert.ok(attempts.take(attempt));
  assert.equal(attempts.take(attempt), false);
  assert.equal(attempts.allows(attempt), false);
  assert.equal(attempts.allows({ ...attempt, realm: "q" }), true);
  assert.equal(attempts.allows({ ...attempt, authid: "" }), true);
});

test("a pending login that ended or expired is not open", () => {
  const counts = ownLoginCounts({ ...limits, ...places }, () => 0);
  const pending = new PendingLogins({ handshake_ms: 10 }, counts.places);
  const [one, two] = [pending.open("a", 0), pending.open("b", 5)];
  assert.ok(one !== null && two !== null);
  assert.equal(pending.open("c", 9), null);
  assert.equal(pending.isOpen(one, 9), true);
  assert.equal(pending.isOpen(one, 10), false);
  pending.close(two);
  assert.equal(pending.isOpen(two, 9), false);
  assert.equal(pending.open("a", 9), null);
  assert.ok(pending.open("b", 9) !== null);
  assert.ok(pending.open("a", 10) !== null);
});
