/** The benches' arithmetic: medians, ratios, slopes, and limits that some bench can meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { border, holds, limits } from "../../bench/limits.ts";
import { bottlenecks, figureName, figuresOf, limitedSections } from "../../bench/peers-bench.ts";
import { figure, median, ratio, short, slope } from "../../bench/stats.ts";
import { renderTable } from "../../bench/table.ts";

test("the median is the middle one, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("a figure keeps its lowest and highest round", () => {
  assert.deepEqual(figure("a", "µs", [3, 1, 2]), {
    name: "a",
    value: 2,
    unit: "µs",
    low: 1,
    high: 3,
    rounds: 3,
  });
});

test("a ratio is taken round by round: what slows a whole round cancels out", () => {
  const slowedRound = ratio("a / b", [10, 40, 10], [5, 20, 5]);
  assert.equal(slowedRound.value, 2);
  assert.equal(slowedRound.low, 2);
  assert.equal(slowedRound.high, 2);
  assert.equal(ratio("a / b", [1, 2, 3], [1]).rounds, 1);
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

test("a limit fails only beyond the room for noise", () => {
  const most = { figure: "x", wanted: 1.15, side: "at most", room: 0.1 } as const;
  assert.ok(holds(most, border(most)) && holds(most, 1.2) && !holds(most, 1.27));
  const least = { figure: "x", wanted: 10, side: "at least", room: 0.25 } as const;
  assert.equal(border(least), 8);
  assert.ok(holds(least, 8) && !holds(least, 7.9));
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
  const spread = { value: 3, low: 2, high: 4, rounds: 5 };
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
  const spread = (value: number) => ({ value, low: value, high: value, rounds: 1 });
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
