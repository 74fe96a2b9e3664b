/** What an overloaded router sheds, and when: the state machine alone, and the router's part that feeds it, under a virtual clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits, limitsFrom } from "../../src/base/limits.ts";
import type { Log } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { Load } from "../../src/session/load.ts";
import {
  calmSamples,
  fairShare,
  hotSamples,
  LoadLevel,
  type LoadSample,
  type LoadState,
  step,
  unloaded,
} from "../../src/session/overload.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const limits = { overloadDelay_ms: 100, overloadBacklogBytes: 1_000 };
const calm: LoadSample = { delay_ms: 0, backlogBytes: 0, asked: [], spent: 0 };
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 500, verbose: false };
console.log(`seed ${seed}`);

const sampleOf = (delay: fc.Arbitrary<number>, backlog: fc.Arbitrary<number>): fc.Arbitrary<LoadSample> =>
  fc
    .record({
      delay_ms: delay,
      backlogBytes: backlog,
      asked: fc.array(fc.nat(1_000), { maxLength: 20 }),
      part: fc.nat(100),
    })
    .map(({ part, ...sample }) => ({
      ...sample,
      spent: (sample.asked.reduce((sum, each) => sum + each, 0) * part) / 100,
    }));
const anySample = sampleOf(fc.nat(300), fc.nat(3_000));

function walk(samples: readonly LoadSample[], from: LoadState = unloaded): LoadState[] {
  const states = [from];
  for (const sample of samples) states.push(step(states.at(-1)!, sample, limits));
  return states;
}

test("it never sheds while neither bound is reached, however much is published", () => {
  const below = sampleOf(fc.nat(99), fc.nat(999));
  fc.assert(
    fc.property(fc.array(below, { maxLength: 50 }), (samples) => {
      for (const state of walk(samples))
        assert.deepEqual([state.level, state.share], [LoadLevel.normal, Infinity]);
    }),
    runs,
  );
});

test("it goes up and down one level at a time, and up only after several overloaded samples in a row", () => {
  fc.assert(
    fc.property(fc.array(anySample, { maxLength: 100 }), (samples) => {
      const states = walk(samples);
      for (let i = 1; i < states.length; i++) {
        const change = states[i]!.level - states[i - 1]!.level;
        assert.ok(Math.abs(change) <= 1);
        const before = samples.slice(0, i);
        const isHot = ({ delay_ms, backlogBytes }: LoadSample): boolean =>
          delay_ms >= 100 || backlogBytes >= 1_000;
        const isCalm = ({ delay_ms, backlogBytes }: LoadSample): boolean =>
          delay_ms < 50 && backlogBytes < 500;
        if (change > 0) assert.ok(before.length >= hotSamples && before.slice(-hotSamples).every(isHot));
        if (change < 0) assert.ok(before.length >= calmSamples && before.slice(-calmSamples).every(isCalm));
        assert.equal(states[i]!.share < Infinity && states[i]!.level !== LoadLevel.shedding, false);
      }
    }),
    runs,
  );
});

test("it recovers by itself from wherever it was, once the load is gone", () => {
  fc.assert(
    fc.property(fc.array(anySample, { maxLength: 100 }), (samples) => {
      const reached = walk(samples).at(-1)!;
      const after = walk(
        Array.from({ length: 2 * calmSamples }, () => calm),
        reached,
      ).at(-1)!;
      assert.deepEqual({ ...after, calm: 0 }, unloaded);
    }),
    runs,
  );
});

test("it recovers while the same publishers go on as before, once the router can take it", () => {
  const hot = { delay_ms: 200, backlogBytes: 0, asked: [5, 50, 500], spent: 555 };
  const shedding = walk(Array.from({ length: 10 }, () => hot)).at(-1)!;
  assert.equal(shedding.level, LoadLevel.shedding);
  const after = walk(
    Array.from({ length: 100 }, () => ({ ...hot, delay_ms: 0 })),
    shedding,
  ).at(-1)!;
  assert.equal(after.level, LoadLevel.normal);
});

test("between calm and overloaded nothing changes", () => {
  const hot = { delay_ms: 200, backlogBytes: 0, asked: [500], spent: 500 };
  const [before] = walk(Array.from({ length: 6 }, () => hot)).slice(-1);
  const after = walk(
    Array.from({ length: 50 }, () => ({ ...hot, delay_ms: 70 })),
    before,
  ).at(-1)!;
  assert.deepEqual([after.level, after.budget], [LoadLevel.shedding, before!.budget]);
});

test("shares are max-min fair: together they keep the budget, and who asks for no more than an equal part gets it all", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1_000), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 20_000 }),
      (asked, budget) => {
        const share = fairShare(asked, budget);
        const got = asked.map((each) => Math.min(each, share));
        const sum = got.reduce((all, each) => all + each, 0);
        const total = asked.reduce((all, each) => all + each, 0);
        assert.ok(share >= 1 && share >= Math.min(budget / asked.length, Infinity));
        // A share of less than one message would be none.
        assert.ok(sum <= Math.max(budget, asked.length) + 1e-6, `${sum} of ${budget}`);
        if (total <= budget) assert.equal(share, Infinity);
        else if (share > 1) assert.ok(Math.abs(sum - budget) < 1e-6, "nothing is left over");
        for (const each of asked) if (each <= budget / asked.length) assert.ok(each <= share);
      },
    ),
    runs,
  );
});

// ---- the router's part

interface Line {
  readonly level: string;
  readonly message: string;
}

function setUp(given: Parameters<typeof limitsFrom>[0] = {}) {
  const scheduler = new VirtualScheduler();
  const metrics = new Metrics();
  const intake = { bytes: 0 };
  const lines: Line[] = [];
  const note = (level: string) => (_part: string, message: string) => void lines.push({ level, message });
  const log: Log = { error: note("error"), warn: note("warn"), info: note("info"), debug: note("debug") };
  /** Whether the time that passes is the router's own. */
  const cpu = { isOwn: true };
  const cpu_ms = (): number => (cpu.isOwn ? scheduler.now_ms() : 0);
  const load = new Load({
    limits: limitsFrom({ ...limits, ...given }),
    scheduler,
    cpu_ms,
    metrics,
    log,
    intake,
  });
  load.start();
  /** Samples taken `delay_ms` late. */
  const sample = (count: number, delay_ms = 0): void => {
    for (let i = 0; i < count; i++) {
      if (delay_ms > 0) scheduler.stall(fixedLimits.loadSample_ms + delay_ms);
      scheduler.advance(delay_ms > 0 ? 0 : fixedLimits.loadSample_ms);
    }
  };
  return { load, scheduler, metrics, intake, lines, sample, cpu };
}

const remote = { kind: "websocket", peer: "192.0.2.1" } as const;

test("the order: connections first, then publications of the heaviest; and back", () => {
  const { load, sample, lines, metrics } = setUp();
  sample(20);
  assert.deepEqual([load.level, load.refuses(remote)], [LoadLevel.normal, false]);
  sample(hotSamples, 150);
  assert.deepEqual([load.level, load.refuses(remote)], [LoadLevel.refusing, true]);
  /** One window: `heavy` asks for 1,000, `light` for 10. */
  const window = (): { heavy: number; light: number } => {
    const got = { heavy: 0, light: 0 };
    for (let i = 0; i < 1_000; i++) {
      if (load.admits(1)) {
        got.heavy++;
        load.routed(1, 0);
      }
      if (i % 100 === 0 && load.admits(2)) {
        got.light++;
        load.routed(2, 0);
      }
    }
    return got;
  };
  for (let i = 0; i < hotSamples; i++) {
    assert.deepEqual(window(), { heavy: 1_000, light: 10 });
    sample(1, 150);
  }
  assert.equal(load.level, LoadLevel.shedding);
  let last = 1_000;
  for (let i = 0; i < 4; i++) {
    const { heavy, light } = window();
    assert.equal(light, 10, "who sends less than its share loses nothing");
    assert.ok(heavy < last, `${heavy} of the heavy sender's after ${last}`);
    last = heavy;
    sample(1, 150);
  }
  assert.ok(metrics.publicationsShed > 0);
  for (let i = 0; i < 100; i++) {
    window();
    sample(1);
  }
  const over: number = load.level;
  assert.deepEqual([over, load.refuses(remote), load.admits(1)], [LoadLevel.normal, false, true]);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["warn", "warn", "warn", "info"],
  );
});

test("one long pause is no overload", () => {
  const { load, sample } = setUp();
  for (let i = 0; i < 10; i++) {
    sample(hotSamples - 1, 5_000);
    sample(1);
    assert.equal(load.level, LoadLevel.normal);
  }
});

test("while others have the processor the router is late, but not overloaded", () => {
  const { load, sample, cpu } = setUp();
  cpu.isOwn = false;
  sample(20, 5_000);
  assert.equal(load.level, LoadLevel.normal);
  assert.equal(load.report().loopDelay_ms.p50, 5_000);
});

test("what waits in inboxes counts as the delay does", () => {
  const { load, sample, intake } = setUp();
  intake.bytes = 1_000;
  sample(2 * hotSamples);
  assert.equal(load.level, LoadLevel.shedding);
  intake.bytes = 499;
  sample(2 * calmSamples);
  assert.equal(load.level, LoadLevel.normal);
});

test("in-process sessions and those of a Unix socket are let in: somebody must look after it", () => {
  const { load, sample, metrics } = setUp();
  sample(hotSamples, 150);
  assert.equal(load.refuses({ kind: "local", peer: "memory" }), false);
  assert.equal(load.refuses({ kind: "rawsocket", peer: "/run/spanwire.sock" }), false);
  assert.equal(load.refuses({ kind: "rawsocket", peer: "192.0.2.1" }), true);
  assert.equal(metrics.connectionsShed, 1);
});

test("while it lasts it is logged every ten seconds, not more often", () => {
  const { sample, lines } = setUp();
  sample(hotSamples, 100);
  sample(hotSamples, 100);
  lines.length = 0;
  // A minute of it.
  sample(300, 100);
  assert.ok(lines.length >= 5 && lines.length <= 6, `${lines.length} lines`);
});

test("the report: percentiles of the last half minute, and what was shed", () => {
  const { load, sample, scheduler } = setUp({ overloadDelay_ms: 10_000 });
  sample(400, 5_000);
  sample(280, 2);
  sample(17, 30);
  sample(3, 70);
  const { level, loopDelay_ms, backlogBytes, shed } = load.report();
  assert.deepEqual([level, backlogBytes, shed], ["normal", 0, { connections: 0, publications: 0 }]);
  assert.deepEqual(loopDelay_ms, { p50: 2, p99: 30, max: 70 });
  load.stop();
  assert.equal(scheduler.timers, 0);
  assert.deepEqual(
    new Load({
      limits: limitsFrom({}),
      scheduler,
      cpu_ms: () => 0,
      metrics: new Metrics(),
      log: console,
      intake: { bytes: 0 },
    }).report().loopDelay_ms,
    { p50: 0, p99: 0, max: 0 },
  );
});
