/** The benches' arithmetic: medians, ratios, slopes, and limits that some bench can meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { border, limits, verdictOf } from "../../bench/limits.ts";
import { probe } from "../../bench/peer-rows.ts";
import { bottlenecks, figureName, figuresOf, limitedSections, narrowed } from "../../bench/peers-bench.ts";
import { roundsOfLife } from "../../bench/report-run.ts";
import { compactJson, wantsAny } from "../../bench/result.ts";
import { derived, pickOf } from "../../bench/samples.ts";
import {
  figure,
  median,
  quantile,
  ratio,
  ratioOf,
  ratioText,
  short,
  slope,
  spreadOf,
  spreadText,
} from "../../bench/stats.ts";
import { renderTable } from "../../bench/table.ts";
import { narrowed as narrowedSuite, type Suite } from "../../bench/wire.ts";

test("the median is the middle one, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("a quantile lies between the two values beside it, and none is outside of the values", () => {
  const values = [50, 10, 30, 20, 40];
  assert.deepEqual(
    [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share)),
    [10, 20, 30, 40, 50],
  );
  assert.equal(quantile([1, 2], 0.25), 1.25);
  assert.equal(quantile([7], 0.25), 7);
  assert.ok(Number.isNaN(quantile([], 0.25)));
  assert.deepEqual(values, [50, 10, 30, 20, 40]);
});

test("a figure keeps every window, and tells the quartile or the median", () => {
  const each = [3, 1, 2, 5, 4];
  const shared = { low: 1, median: 3, high: 5, rounds: 5, each };
  assert.deepEqual(figure("a", "µs", each), { ...shared, name: "a", unit: "µs", value: 3, quartile: 2 });
  assert.deepEqual(spreadOf(each, "lower quartile"), { ...shared, value: 2, quartile: 2 });
  assert.deepEqual(spreadOf(each, "upper quartile"), { ...shared, value: 4, quartile: 4 });
});

test("CPU times are told by their lower quartile, rates by their upper one, all else by the median", () => {
  const kinds = {
    "lower quartile": ["router_cpu_us_per_call", "busiest_thread_us_per_event", "busiest_us"],
    "upper quartile": ["calls_per_s", "per_cpu_s", "per_busiest_s"],
    median: ["p50_us", "p999_us", "own_cpu_share", "rss_grown_mb", "rss_per_session", "late_p99_us"],
  };
  for (const [pick, keys] of Object.entries(kinds))
    for (const key of keys) assert.equal(pickOf(key), pick, key);
});

test("rates by CPU time are the inverse of the time of one operation", () => {
  const both = derived({ router_cpu_us_per_call: 4, busiest_thread_us_per_call: 2 });
  assert.deepEqual([both["per_cpu_s"], both["per_busiest_s"], both["busiest_us"]], [250_000, 500_000, 2]);
  assert.equal(derived({ rss_before_kb: 1_024, rss_after_kb: 3_072 })["rss_grown_mb"], 2);
  // Nothing was counted: no rate, instead of an infinite one.
  assert.equal(derived({ router_cpu_us_per_call: 0 })["per_cpu_s"], undefined);
});

const windows = (values: readonly number[]): ReadonlyMap<number, number> => new Map(values.entries());

test("a ratio is the quotient of the quartiles: what disturbs some windows of either row does not move it", () => {
  const quiet = ratioOf(windows(Array(8).fill(12)), windows(Array(8).fill(10)), "lower quartile")!;
  assert.equal(quiet.value, 1.2);
  const ours = [12, 19, 12, 12, 31, 12, 12, 15];
  const theirs = [10, 10, 17, 10, 10, 40, 10, 10];
  const disturbed = ratioOf(windows(ours), windows(theirs), "lower quartile")!;
  assert.deepEqual([disturbed.value, disturbed.halves], [1.2, [1.2, 1.2]]);
  // What was seen window by window stays to be read.
  assert.deepEqual([disturbed.low, disturbed.high, disturbed.rounds], [0.3, 3.1, 8]);
  assert.deepEqual(
    disturbed.each,
    ours.map((value, i) => value / theirs[i]!),
  );
  assert.equal(ratioOf(windows([1, 4]), windows([1, 2]), "median")!.value, 2.5 / 1.5);
});

test("the halves of a ratio are those of the even and the odd windows", () => {
  const drifting = ratioOf(windows([10, 20, 10, 20]), windows([10, 10, 10, 10]), "lower quartile")!;
  assert.deepEqual(drifting.halves, [1, 2]);
  assert.equal(ratioOf(windows([1, 1, 1]), windows([1, 1, 1]), "lower quartile")!.halves, undefined);
});

test("windows in which nothing was counted are left out, and rows that share no round are not compared", () => {
  const ours = new Map([
    [0, 30],
    [2, 6],
    [3, 8],
  ]);
  const theirs = new Map([
    [1, 2],
    [2, 2],
    [3, 0],
  ]);
  const one = ratioOf(ours, theirs, "median")!;
  assert.deepEqual([one.value, one.each], [4, [3]]);
  assert.equal(ratioOf(new Map([[0, 1]]), new Map([[1, 1]]), "median"), undefined);
});

test("what is measured in one process is compared round by round", () => {
  const slowedRound = ratio("a / b", [10, 40, 10], [5, 20, 5]);
  assert.deepEqual([slowedRound.value, slowedRound.low, slowedRound.high], [2, 2, 2]);
  assert.equal(ratio("a / b", [1, 2, 3], [1]).rounds, 1);
});

test("windows are told with their spread, ratios with their halves", () => {
  assert.equal(spreadText(spreadOf([1, 2, 3, 4, 5], "lower quartile")), "2.00 (1.00–3.00–5.00)");
  assert.equal(spreadText(spreadOf([2], "median")), "2.00");
  assert.equal(ratioText({ ...spreadOf([2], "median"), halves: [1.9, 2.1] }), "2.00× (1.90, 2.10)");
  assert.equal(ratioText(spreadOf([2], "median")), "2.00×");
});

test("every round is in exactly one life of the servers", () => {
  for (const rounds of [0, 1, 2, 3, 8, 16])
    for (const lives of [1, 2, 3]) {
      const all = Array.from({ length: lives }, (_, life) => roundsOfLife(rounds, life, lives));
      assert.deepEqual(all.flat(), [...Array(rounds).keys()]);
      for (const own of all) assert.ok(Math.abs(own.length - rounds / lives) < 1);
    }
});

test("a result is written with its windows on one line each", () => {
  const value = { name: "a [1, 2]", each: [1.234567, 2, 3e-9], nested: { none: [], text: ["b", "c"] } };
  const text = compactJson(value);
  assert.ok(text.includes('"each": [1.2346, 2, 3e-9]'), text);
  assert.deepEqual(JSON.parse(text), { ...value, each: [1.2346, 2, 3e-9] });
});

test("the slope is that of the least-squares line", () => {
  assert.equal(slope([0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x }))), 2);
  assert.equal(slope([0, 1, 2].map((x) => ({ x, y: 7 }))), 0);
  // Symmetric noise does not tilt it.
  const noisy = [-1, 1, 1, -1].map((noise, x) => ({ x, y: 3 * x + noise }));
  assert.equal(slope(noisy), 3);
  assert.ok(Number.isNaN(slope([{ x: 1, y: 1 }])));
});

test("numbers are shown with three significant digits", () => {
  assert.deepEqual([0.12345, 1.2345, 123.45, 123_456, Number.NaN].map(short), [
    "0.123",
    "1.23",
    "123",
    "123456",
    "–",
  ]);
});

test("tables are aligned", () => {
  const text = renderTable({ title: "t", head: ["row", "n"], rows: [["a", "10"]] });
  assert.equal(text, "t\nrow   n\n---  --\na    10\n");
});

test("a limit is missed only beyond the room for noise", () => {
  const most = { figure: "x", wanted: 1.15, side: "at most", room: 0.1 } as const;
  assert.deepEqual(
    [1.1, 1.15, 1.2, border(most), 1.27, undefined, Number.NaN].map((value) => verdictOf(most, value)),
    ["ok", "ok", "within noise", "within noise", "MISSED", "NOT MEASURED", "NOT MEASURED"],
  );
  const least = { figure: "x", wanted: 10, side: "at least", room: 0.25 } as const;
  assert.equal(border(least), 8);
  assert.deepEqual(
    [11, 10, 9.9, 8, 7.9].map((value) => verdictOf(least, value)),
    ["ok", "ok", "within noise", "within noise", "MISSED"],
  );
});

test("a run for some limits measures what they need, and nothing else", () => {
  const load = (key: string) => ({ key, row: `row ${key}`, args: [] });
  const suite: Suite = {
    name: "wire",
    rows: ["a", "b", "c"].map((key) => ({ name: `row ${key}`, command: () => [], env: {} })),
    scenarios: ["one", "two"].map((name) => ({
      name,
      metric: "router_cpu_us_per_call",
      loads: ["a", "b", "c"].map(load),
      ratios: [
        ["a", "b"],
        ["c", "b"],
      ],
      isLatency: false,
    })),
  };
  const { rows, scenarios } = narrowedSuite(suite, new Set(["wire/two: c / b", "wire/three: a / b"]));
  assert.deepEqual(
    scenarios.map(({ name, loads, ratios }) => [name, loads.map(({ key }) => key), ratios]),
    [["two", ["b", "c"], [["c", "b"]]]],
  );
  assert.deepEqual(
    rows.map(({ name }) => name),
    ["row b", "row c"],
  );
  assert.deepEqual(narrowedSuite(suite, new Set()).rows, []);
  assert.ok(wantsAny(undefined, "idle/") && wantsAny(new Set(["idle/node"]), "idle/"));
  assert.ok(!wantsAny(new Set(["idle/node"]), "wire/"));
});

test("the shares of a capacity are not measured without it", () => {
  const wanted = new Set([figureName("latency", "50 %", "spanwire node", "control node")]);
  const sections = narrowed(limitedSections(16), wanted);
  assert.deepEqual(
    sections.map(({ name, rows, points }) => [name, rows, points.map((point) => point.name)]),
    [["latency", ["spanwire node", "control node"], ["capacity", "50 %"]]],
  );
  // Beyond p99.9 of such a window are dozens of calls.
  assert.ok(sections[0]!.points[1]!.window_s! >= 1);
});

test("a peer is there only where its program runs", () => {
  assert.equal(probe("crossbar", "/no/such/program"), undefined);
  assert.equal(probe("fox-wamp", "/no/such/package"), undefined);
  // It runs, but is no nats-server: it does not know the question.
  assert.equal(probe("nats-server", "/bin/false"), undefined);
});

test("every limit about peers, workers and latency is on a ratio that the bench takes", () => {
  const taken = new Set(
    limitedSections(1).flatMap(({ name, points, ratios, rows }) =>
      points.flatMap((point) =>
        ratios
          .filter((pair) => pair.every((row) => rows.includes(row)))
          .map(([above, below]) => figureName(name, point.name, above, below)),
      ),
    ),
  );
  const wanted = limits().filter((limit) => limit.figure.startsWith("peers/"));
  assert.deepEqual(
    wanted.map((limit) => limit.figure).filter((name) => !taken.has(name)),
    [],
  );
  assert.ok(wanted.length >= 5, `saw ${wanted.length} limits`);
});

test("ratios of a section become figures under the names that limits use", () => {
  const spread = spreadOf([2, 3, 4], "median");
  const section = {
    name: "fanout",
    title: "",
    about: "",
    pointTitle: "",
    chart: { kind: "bars", key: "k", title: "", isLog: false },
    columns: [],
    measurements: [
      { row: "mosquitto", point: "1000", command: "", values: {}, ratios: { "spanwire node": spread } },
    ],
  } as const;
  assert.deepEqual(figuresOf([section]), [
    { ...spread, name: "peers/fanout 1000: mosquitto / spanwire node", unit: "×" },
  ]);
});

test("a generator that could not keep up is told beside the figure", () => {
  const spread = (value: number) => spreadOf([value], "median");
  const told = (command: string, values: Readonly<Record<string, number>>): readonly string[] =>
    bottlenecks([
      {
        name: "rpc",
        title: "",
        about: "",
        pointTitle: "",
        chart: { kind: "bars", key: "k", title: "", isLog: false },
        columns: [],
        measurements: [
          {
            row: "a",
            point: "1",
            command,
            values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, spread(value)])),
            ratios: {},
          },
        ],
      },
    ]);
  assert.deepEqual(told("load rpc", { own_cpu_share: 0.8, late_p99_us: 900 }), []);
  assert.deepEqual(told("load rpc --spin", { own_cpu_share: 0.99 }), []);
  assert.deepEqual(told("load rpc", { own_cpu_share: 0.95 }), [
    "rpc 1: a: the load generator was the bottleneck",
  ]);
  assert.match(
    told("load rpc --spin", { late_p99_us: 2_500 })[0]!,
    /^rpc 1: a: the load generator sent 2\.50 ms late/,
  );
});
