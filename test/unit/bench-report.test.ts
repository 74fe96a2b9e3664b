/** The report's page: well-formed, complete, and safe whatever a row's name or a server's last words are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { barChart, type Chart, compact, escapeXml, lineChart } from "../../bench/chart.ts";
import { reportHtml } from "../../bench/report-html.ts";
import type { Measurement, Report } from "../../bench/report-types.ts";
import { spreadOf } from "../../bench/stats.ts";
import { checkMarkup } from "../support/markup.ts";

const spread = (value: number): Measurement["values"][string] => ({
  ...spreadOf([value * 0.9, value, value * 1.1], "lower quartile"),
  value,
});

const nasty = `<b>&"'`;

const measurements: readonly Measurement[] = ["spanwire node", "control node", "mosquitto"].flatMap(
  (row, i) =>
    ["1", "1000"].map(
      (point): Measurement => ({
        row,
        point,
        command: `load fanout --subscribers ${point}`,
        values: { per_cpu_s: spread(10 ** (i + 3)), us: spread(1.5) },
        ratios: row === "mosquitto" ? { "spanwire node": { ...spread(4), halves: [3.9, 4.1] } } : {},
      }),
    ),
);

const report: Report = {
  date: "2026-01-02T03:04:05.000Z",
  command: "npm run bench:report",
  machine: { processor: `a <fast> one & "cheap"`, cores: 2 },
  rows: [
    { name: "spanwire node", version: "1", command: "node spanwire.js start" },
    { name: "control node", version: "1", command: "node control.js" },
    { name: "mosquitto", version: "2", command: "mosquitto -p 1" },
  ],
  sections: ["lines", "bars"].map((kind) => ({
    name: `fanout ${kind}`,
    title: `Fan-out & ${kind}`,
    about: "One publisher.",
    pointTitle: "subscribers",
    chart: { kind: kind as "lines" | "bars", key: "per_cpu_s", title: "deliveries", isLog: true },
    columns: [
      { key: "us", title: "CPU µs" },
      { key: "absent", title: "nobody has it" },
    ],
    measurements: [
      ...measurements,
      { row: "nexus", point: "1", command: "load", values: {}, ratios: {}, problem: `it ended: ${nasty}` },
    ],
  })),
  tables: [{ title: "others", head: ["what", "n"], rows: [[nasty, "77"]] }],
  notes: ["crossbar is not installed"],
  problems: [],
};

test("the page is well-formed, with its charts", () => {
  const page = reportHtml(report);
  assert.deepEqual(checkMarkup(page), []);
  assert.equal(page.match(/<svg /g)?.length, 2);
  assert.ok(!page.includes(nasty));
});

test("every row of the data is in the page's tables, with its figures and its reason", () => {
  const page = reportHtml(report);
  const rows = [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, cells]) => cells!.replace(/<[^>]*>/g, "|"));
  for (const section of report.sections) {
    for (const one of section.measurements) {
      const found = rows.filter((row) => row.startsWith(`|${one.point}||${one.row}|`));
      assert.equal(found.length, report.sections.length, `${one.row} at ${one.point}`);
      if (one.problem !== undefined) assert.ok(found[0]!.includes(escapeXml(one.problem)));
      else assert.ok(found[0]!.includes("1.50 (1.35–1.50–1.65)"));
      for (const other of Object.keys(one.ratios))
        assert.ok(found[0]!.includes(`4.00× (3.90, 4.10) ${other}`));
    }
  }
  for (const { name, command } of report.rows) assert.ok(page.includes(`<code>${command}</code>`), name);
  for (const text of [...report.notes, report.command, report.date, "77", "a &#60;fast&#62; one"])
    assert.ok(page.includes(text), text);
});

test("the page loads nothing", () => {
  assert.ok(!/<script|<link|\bsrc=|url\(|https?:/.test(reportHtml(report)));
});

test("a report of nothing is a page too", () => {
  const empty = {
    ...report,
    sections: report.sections.map((one) => ({ ...one, measurements: [] })),
    tables: [],
  };
  assert.deepEqual(checkMarkup(reportHtml(empty)), []);
  assert.ok(!reportHtml(empty).includes("<svg"));
});

const chart = (ys: readonly number[], isLog: boolean): Chart => ({
  title: "a chart",
  xTitle: "x",
  isLog,
  series: [
    {
      name: "a",
      color: 1,
      isDashed: true,
      points: ys.map((y, i) => ({ x: i, label: String(i), y, low: y, high: y })),
    },
  ],
});

test("charts draw any values inside their frame: none, one, zero, tiny and huge", () => {
  for (const draw of [barChart, lineChart]) {
    for (const ys of [[0], [5], [0, 0], [1e-6, 1e9], [3, 3, 3]]) {
      for (const isLog of [false, true]) {
        const svg = draw(chart(ys, isLog));
        assert.deepEqual(checkMarkup(svg), []);
        assert.ok(!/NaN|Infinity/.test(svg), `${ys} ${isLog}: ${svg}`);
        for (const [, x] of svg.matchAll(/\b(?:cx|x)="([-\d.]+)"/g))
          assert.ok(Number(x) >= 0 && Number(x) <= 940);
      }
    }
  }
});

test("large numbers are shortened", () => {
  assert.deepEqual([0, 1.234, 12.34, 1_234, 1_234_567, 2e9, Number.NaN].map(compact), [
    "0.00",
    "1.23",
    "12.3",
    "1.23 k",
    "1.23 M",
    "2.00 G",
    "–",
  ]);
});
