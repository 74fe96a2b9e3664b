/** Charts as inline SVG: bars and lines, with whiskers from the lowest to the highest round. Colours come from the page's CSS. */

export interface ChartPoint {
  readonly x: number;
  /** What stands under the point. */
  readonly label: string;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

export interface Series {
  readonly name: string;
  /** Number of its colour. */
  readonly color: number;
  readonly isDashed: boolean;
  readonly points: readonly ChartPoint[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly isLog: boolean;
  readonly series: readonly Series[];
}

const width = 940;

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** 1,234 → "1.23 k". */
export const compact = (value: number): string => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const [divisor, suffix] =
    size >= 1e9 ? [1e9, " G"] : size >= 1e6 ? [1e6, " M"] : size >= 1e3 ? [1e3, " k"] : [1, ""];
  const scaled = value / divisor;
  const digits = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)}${suffix}`;
};

interface Scale {
  readonly ticks: readonly number[];
  /** 0 at the axis' start, 1 at its end. */
  at(value: number): number;
}

const logScale = (values: readonly number[]): Scale => {
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...positive)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const at = (value: number): number =>
    value <= 0 ? 0 : Math.min(1, Math.max(0, (Math.log10(value) - from) / (to - from)));
  return { ticks, at };
};

const linearScale = (values: readonly number[]): Scale => {
  const most = Math.max(...values, 0) || 1;
  const step = 10 ** Math.floor(Math.log10(most));
  const unit = [0.1, 0.2, 0.5, 1, 2].map((n) => n * step).find((one) => most / one <= 6)!;
  const count = Math.max(1, Math.ceil(most / unit));
  const ticks = Array.from({ length: count + 1 }, (_, i) => i * unit);
  return { ticks, at: (value) => Math.min(1, Math.max(0, value / (count * unit))) };
};

const scaleOf = (isLog: boolean, values: readonly number[]): Scale =>
  isLog && values.some((value) => value > 0) ? logScale(values) : linearScale(values);

const text = (x: number, y: number, content: string, anchor = "start", kind = ""): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${escapeXml(content)}</text>`;

const svg = (height: number, label: string, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${width} ${height.toFixed(0)}" role="img" aria-label="${escapeXml(label)}">${parts.join("")}</svg>`;

const valuesOf = (chart: Chart): number[] =>
  chart.series.flatMap((one) => one.points.flatMap((point) => [point.y, point.low, point.high]));

/** One group of bars for each point, one bar for each series; the longest names stand to the left. */
export const barChart = (chart: Chart): string => {
  const left = 190;
  const right = 110;
  const bar = 15;
  const inner = width - left - right;
  const scale = scaleOf(chart.isLog, valuesOf(chart));
  const x = (value: number): number => left + scale.at(value) * inner;
  const parts: string[] = [];
  let y = 34;
  const labels = [...new Set(chart.series.flatMap((one) => one.points.map((point) => point.label)))];
  for (const label of labels) {
    parts.push(text(0, y + 2, `${label} ${chart.xTitle}`.trim(), "start", "group"));
    y += 8;
    for (const one of chart.series) {
      const point = one.points.find((candidate) => candidate.label === label);
      if (point === undefined) continue;
      const end = x(point.y);
      const middle = y + bar / 2;
      parts.push(text(left - 8, middle + 4, one.name, "end"));
      parts.push(
        `<rect class="s${one.color}${one.isDashed ? " thin" : ""}" x="${left}" y="${y + 1}" width="${Math.max(1, end - left).toFixed(1)}" height="${bar - 3}"/>`,
      );
      parts.push(
        `<path class="whisker" d="M${x(point.low).toFixed(1)} ${middle}H${x(point.high).toFixed(1)}"/>`,
      );
      parts.push(text(Math.max(end, x(point.high)) + 6, middle + 4, compact(point.y)));
      y += bar;
    }
    y += 22;
  }
  const grid = scale.ticks.flatMap((tick) => [
    `<path class="grid" d="M${x(tick).toFixed(1)} 20V${y - 14}"/>`,
    text(x(tick), y, compact(tick), "middle", "tick"),
  ]);
  return svg(y + 8, chart.title, [text(0, 12, chart.title, "start", "title"), ...grid, ...parts]);
};

interface LineEnd {
  readonly name: string;
  readonly color: number;
  readonly y: number;
}

/** Names beside the lines' ends, moved apart where they would cover each other, and up where they would leave the chart. */
const endLabels = (ends: readonly LineEnd[], x: number, bottom: number): string[] => {
  const apart = 13;
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  const places: number[] = [];
  for (const { y } of sorted) places.push(Math.max(y, (places.at(-1) ?? -apart) + apart));
  for (let i = places.length - 1, most = bottom; i >= 0; i--, most -= apart)
    places[i] = Math.min(places[i]!, most);
  return sorted.map(
    ({ name, color }, i) =>
      `<rect class="s${color}" x="${x.toFixed(1)}" y="${(places[i]! - 4).toFixed(1)}" width="9" height="9"/>${text(x + 14, places[i]! + 4, name)}`,
  );
};

/** Lines over a logarithmic x axis (over a plain one where it starts at 0). */
export const lineChart = (chart: Chart): string => {
  const left = 60;
  const right = 190;
  const top = 26;
  const lines = chart.series.length;
  const inner = Math.max(260, lines * 14);
  const ys = scaleOf(chart.isLog, valuesOf(chart));
  const places = new Map(chart.series.flatMap((one) => one.points.map((point) => [point.x, point.label])));
  const xsAll = [...places.keys()];
  const isPlain = Math.min(...xsAll) <= 0;
  const along = (value: number): number => (isPlain ? value : Math.log10(value));
  const [from, to] = [along(Math.min(...xsAll)), along(Math.max(...xsAll))];
  const x = (value: number): number =>
    left + (to === from ? 0.5 : (along(value) - from) / (to - from)) * (width - left - right);
  const y = (value: number): number => top + (1 - ys.at(value)) * inner;
  const grid = ys.ticks.flatMap((tick) => [
    `<path class="grid" d="M${left} ${y(tick).toFixed(1)}H${width - right}"/>`,
    text(left - 8, y(tick) + 4, compact(tick), "end", "tick"),
  ]);
  const every = Math.ceil(places.size / 10);
  const bottom = [...places]
    .sort(([a], [b]) => a - b)
    .filter((_, i) => i % every === 0)
    .map(([value, label]) => text(x(value), top + inner + 18, label, "middle", "tick"));
  const drawn = chart.series.flatMap((one) => {
    const points = [...one.points].sort((a, b) => a.x - b.x);
    const path = points.map(
      (point, i) => `${i === 0 ? "M" : "L"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`,
    );
    const dots = points.length > 12 ? [] : points;
    return [
      `<path class="line s${one.color}${one.isDashed ? " dashed" : ""}" d="${path.join("")}"/>`,
      ...dots.map(
        (p) => `<circle class="s${one.color}" cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="3"/>`,
      ),
    ];
  });
  const ends = chart.series
    .filter((one) => one.points.length > 0)
    .map((one) => ({
      name: one.name,
      color: one.color,
      y: y(one.points.reduce((a, b) => (b.x > a.x ? b : a)).y),
    }));
  return svg(top + inner + 44, chart.title, [
    text(0, 12, chart.title, "start", "title"),
    ...grid,
    ...bottom,
    text((left + width - right) / 2, top + inner + 36, chart.xTitle, "middle", "tick"),
    ...drawn,
    ...endLabels(ends, width - right + 8, top + inner),
  ]);
};
