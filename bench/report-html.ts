/** The report as one page: no script, nothing fetched, readable in light and dark. Made from report.json's content alone. */
import { barChart, type Chart, escapeXml, lineChart, type Series } from "./chart.ts";
import type { Measurement, Report, ReportSection } from "./report-types.ts";
import { ratioText, spreadText } from "./stats.ts";
import type { Table } from "./table.ts";

const colors = 20;
const light =
  "#2563eb #db2777 #0891b2 #7c3aed #c026d3 #0ea5e9 #f472b6 #65a30d #4f46e5 #e879f9 #475569 #94a3b8 #78716c #a8a29e #64748b #16a34a #ea580c #a16207 #0d9488 #be123c";
const dark =
  "#60a5fa #f472b6 #22d3ee #a78bfa #e879f9 #7dd3fc #f9a8d4 #a3e635 #818cf8 #f0abfc #cbd5e1 #94a3b8 #d6d3d1 #a8a29e #e2e8f0 #4ade80 #fb923c #facc15 #2dd4bf #fb7185";

const palette = (list: string): string =>
  list
    .split(" ")
    .map((color, i) => `--c${i}:${color}`)
    .join(";");

const style = `
:root{--fg:#1e293b;--bg:#fff;--soft:#64748b;--rule:#e2e8f0;--row:#f8fafc;${palette(light)}}
@media (prefers-color-scheme: dark){:root{--fg:#e2e8f0;--bg:#0f172a;--soft:#94a3b8;--rule:#334155;--row:#1e293b;${palette(dark)}}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:980px;margin:2em auto;padding:0 1em}
h2{margin-top:2.4em;border-top:1px solid var(--rule);padding-top:1em}
table{border-collapse:collapse;font-size:13px;width:100%;margin:1em 0}
th,td{text-align:right;padding:2px 8px;border-bottom:1px solid var(--rule);vertical-align:top}
th:first-child,td:first-child,td.left{text-align:left}
tbody tr:nth-child(even){background:var(--row)}
code{font-size:12px;overflow-wrap:anywhere}
.soft,svg .tick{color:var(--soft);fill:var(--soft)}
.bad{color:#dc2626}
.wide{overflow-x:auto}
svg{width:100%;height:auto;font-size:11px;fill:var(--fg)}
svg .title,svg .group{font-weight:600;font-size:12px}
svg .grid{stroke:var(--rule);fill:none}
svg .whisker{stroke:var(--fg);stroke-width:1.5;fill:none;opacity:.55}
svg .thin{opacity:.65}
svg .line{fill:none;stroke-width:2}
svg .dashed{stroke-dasharray:5 4}
${Array.from({ length: colors }, (_, i) => `svg .s${i}{fill:var(--c${i})}svg .line.s${i}{stroke:var(--c${i});fill:none}`).join("\n")}
`;

/** The same row has the same colour in every chart. */
const colorsOf = (report: Report): ReadonlyMap<string, number> => {
  const order = [
    ...report.rows.filter(({ name }) => name.startsWith("spanwire")),
    ...report.rows.filter(({ name }) => name.startsWith("control")),
  ].map(({ name }) => name);
  const names = [...order, ...report.rows.map(({ name }) => name)];
  const peers = [...new Set(names)].filter((name) => !order.includes(name));
  const ours = order.filter((name) => name.startsWith("spanwire"));
  const controls = order.filter((name) => name.startsWith("control"));
  return new Map([
    ...ours.map((name, i) => [name, i % 10] as const),
    ...controls.map((name, i) => [name, 10 + (i % 5)] as const),
    ...peers.map((name, i) => [name, 15 + (i % 5)] as const),
  ]);
};

const chartOf = (section: ReportSection, colorOf: ReadonlyMap<string, number>): Chart => {
  const { key, title, isLog } = section.chart;
  const points = [...new Set(section.measurements.map(({ point }) => point))];
  const rows = [...new Set(section.measurements.map(({ row }) => row))];
  const seriesOf = (row: string): Series => ({
    name: row,
    color: colorOf.get(row) ?? 19,
    isDashed: row.startsWith("control"),
    points: section.measurements.flatMap((one) => {
      const spread = one.row === row ? one.values[key] : undefined;
      if (spread === undefined) return [];
      const number = Number(one.point.replace(/\D/g, ""));
      const x = section.chart.kind === "lines" ? number : points.indexOf(one.point);
      return [{ x, label: one.point, y: spread.value, low: spread.low, high: spread.high }];
    }),
  });
  const series = rows.map(seriesOf).filter((one) => one.points.length > 0);
  return { title, xTitle: section.pointTitle, isLog, series };
};

const cell = (content: string, kind = ""): string =>
  `<td${kind && ` class="${kind}"`}>${escapeXml(content)}</td>`;

const ratiosText = (ratios: Measurement["ratios"]): string =>
  Object.entries(ratios)
    .map(([to, ratio]) => `${ratioText(ratio)} ${to}`)
    .join(", ");

const rowOf = (section: ReportSection, one: Measurement): string => {
  const cells = section.columns.map(({ key }) => {
    const spread = one.values[key];
    return cell(spread === undefined ? "–" : spreadText(spread));
  });
  const windows = Math.max(0, ...Object.values(one.values).map(({ rounds }) => rounds));
  const problem = one.problem === undefined ? "" : `not measured: ${one.problem}`;
  return `<tr>${cell(one.point)}${cell(one.row, "left")}${cells.join("")}${cell(String(windows))}${cell(problem || ratiosText(one.ratios), "left")}</tr>`;
};

const commandsOf = (section: ReportSection): string =>
  [...new Set(section.measurements.map(({ command }) => command))]
    .map((command) => `<li><code>${escapeXml(command)}</code></li>`)
    .join("");

const sectionHtml = (section: ReportSection, colorOf: ReadonlyMap<string, number>): string => {
  const chart = chartOf(section, colorOf);
  const drawn =
    chart.series.length === 0 ? "" : section.chart.kind === "lines" ? lineChart(chart) : barChart(chart);
  const head = [
    section.pointTitle || "load",
    "row",
    ...section.columns.map(({ title }) => title),
    "windows",
    "ratio (of halves) to",
  ];
  return `<h2 id="${escapeXml(section.name)}">${escapeXml(section.title)}</h2>
<p>${escapeXml(section.about)}</p>
${drawn}
<div class="wide"><table><thead><tr>${head.map((title) => `<th>${escapeXml(title)}</th>`).join("")}</tr></thead>
<tbody>${section.measurements.map((one) => rowOf(section, one)).join("\n")}</tbody></table></div>
<details><summary class="soft">Commands</summary><ul>${commandsOf(section)}</ul></details>`;
};

const tableHtml = (table: Table): string => `<h3>${escapeXml(table.title)}</h3>
<div class="wide"><table><thead><tr>${table.head.map((title) => `<th>${escapeXml(title)}</th>`).join("")}</tr></thead>
<tbody>${table.rows.map((row) => `<tr>${row.map((content) => cell(content)).join("")}</tr>`).join("\n")}</tbody></table></div>`;

const listHtml = (title: string, items: readonly string[], kind: string): string =>
  items.length === 0
    ? ""
    : `<h2>${title}</h2><ul class="${kind}">${items.map((item) => `<li>${escapeXml(item)}</li>`).join("")}</ul>`;

const rowsHtml = (report: Report): string => `<h2>What was compared</h2>
<div class="wide"><table><thead><tr><th>row</th><th>version</th><th class="left">command</th></tr></thead>
<tbody>${report.rows
  .map(
    ({ name, version, command }) =>
      `<tr>${cell(name)}${cell(version)}<td class="left"><code>${escapeXml(command)}</code></td></tr>`,
  )
  .join("\n")}</tbody></table></div>`;

const machineHtml = (report: Report): string =>
  `<div class="wide"><table><tbody>${Object.entries({
    command: report.command,
    date: report.date,
    ...report.machine,
  })
    .map(([key, value]) => `<tr>${cell(key.replaceAll("_", " "))}${cell(String(value), "left")}</tr>`)
    .join("\n")}</tbody></table></div>`;

const reading = `All rows ran on this machine in this run: each server on one core, unless it has workers, and the load
generator on another. Rows that are compared are measured next to each other, in many short windows that take turns in an order that
moves on, in two lives of each server. What disturbs a window only ever adds CPU time, so a row is told by the lower quartile of its
windows for CPU time, by the upper quartile for rates, and by the median for everything else, latencies among it; in parentheses stand the lowest,
the median and the highest window. A ratio is the quotient of what stands for the two rows; in parentheses, the same of the even and of
the odd windows alone, which says how well it repeats. Every window is in report.json. CPU time is the server's own, user and system, of all its
threads and processes. Every payload carries a tag that must come back to the right place, in order and once. The control rows pass
messages through on bare sockets: no validation, no options, no errors, no clean-up.`;

export const reportHtml = (report: Report): string => {
  const colorOf = colorsOf(report);
  const links = report.sections
    .map(({ name, title }) => `<a href="#${escapeXml(name)}">${escapeXml(title)}</a>`)
    .join(" · ");
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/><title>Spanwire benchmarks</title>
<style>${style}</style></head>
<body>
<h1>Spanwire benchmarks</h1>
<p>${escapeXml(reading)}</p>
${machineHtml(report)}
<p>${links}</p>
${report.sections.map((section) => sectionHtml(section, colorOf)).join("\n")}
${report.tables.length === 0 ? "" : `<h2>From the other benches</h2>${report.tables.map(tableHtml).join("\n")}`}
${rowsHtml(report)}
${listHtml("Notes", report.notes, "soft")}
${listHtml("Problems", report.problems, "bad")}
</body>
</html>
`;
};
