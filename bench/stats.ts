/**
 * Small statistics for the benches: how the windows of a row become one figure, and how two rows are compared.
 *
 * What disturbs a measurement – neighbours on the same processor, mostly – only ever adds CPU time, and differs from one second to
 * the next. So the lower quartile of many short windows repeats where their median does not, and two rows are compared by the
 * quotient of their quartiles. README.md says what was seen.
 */

/**
 * Which window stands for a row: the lower quartile of what is better low, the upper one of what is better high, the median, or of what
 * should not happen at all the highest.
 */
export type Pick = "lower quartile" | "upper quartile" | "median" | "highest";

/** What the windows of one row say. */
export interface Spread {
  /** The quartile or the median, as the figure's `Pick` has it. */
  readonly value: number;
  readonly low: number;
  /** The quartile on the side that is less disturbed; of what is told by its median, the lower one. */
  readonly quartile: number;
  readonly median: number;
  readonly high: number;
  /** How many windows (or rounds). */
  readonly rounds: number;
  /** Every window, in the order in which they were measured. */
  readonly each: readonly number[];
}

/** One row over another. `value` is the quotient of their values; all else is of the quotients window by window. */
export interface Ratio extends Spread {
  /** The same quotient of the even and of the odd windows alone: how well it repeats. */
  readonly halves?: readonly [number, number];
}

/** One figure of a bench: what is compared with the limits and written to the result file. */
export interface Figure extends Ratio {
  /** `bench/scenario: row / row` for a ratio, `bench/scenario: row` for a plain figure. */
  readonly name: string;
  /** "×" for a ratio, else the unit. */
  readonly unit: string;
}

/** Between the two values beside it where the share falls between them; NaN of nothing. */
export const quantile = (values: readonly number[], share: number): number => {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

const shares: Readonly<Record<Pick, number>> = {
  "lower quartile": 0.25,
  "upper quartile": 0.75,
  median: 0.5,
  highest: 1,
};

export const picked = (values: readonly number[], pick: Pick): number => quantile(values, shares[pick]);

export const spreadOf = (values: readonly number[], pick: Pick): Spread => ({
  value: picked(values, pick),
  low: Math.min(...values),
  quartile: quantile(values, pick === "upper quartile" ? 0.75 : 0.25),
  median: median(values),
  high: Math.max(...values),
  rounds: values.length,
  each: values,
});

export const figure = (
  name: string,
  unit: string,
  values: readonly number[],
  pick: Pick = "median",
): Figure => ({ ...spreadOf(values, pick), name, unit });

/** By round; a row that failed in a round has none there. */
export type Windows = ReadonlyMap<number, number>;

export const windowsOf = (values: readonly number[]): Windows => new Map(values.entries());

/** Without those in which nothing was counted. */
const counted = (windows: Windows): Windows => new Map([...windows].filter(([, value]) => value > 0));

const quotient = (above: Windows, below: Windows, pick: Pick): number =>
  picked([...above.values()], pick) / picked([...below.values()], pick);

const everySecond = (windows: Windows, from: 0 | 1): Windows =>
  new Map([...windows].filter(([round]) => round % 2 === from));

/** The quotient of what stands for either row, each by all of its windows. Undefined where no round has both. */
export const ratioOf = (above: Windows, below: Windows, pick: Pick): Ratio | undefined => {
  const [ours, theirs] = [counted(above), counted(below)];
  const shared = [...ours.keys()].filter((round) => theirs.has(round));
  if (shared.length === 0) return undefined;
  const pairs = shared.map((round) => ours.get(round)! / theirs.get(round)!);
  const spread = { ...spreadOf(pairs, pick), value: quotient(ours, theirs, pick) };
  const halves = ([0, 1] as const).map(
    (from) => [everySecond(ours, from), everySecond(theirs, from)] as const,
  );
  // With less than two windows each, a half says nothing.
  if (halves.some((rows) => rows.some(({ size }) => size < 2))) return spread;
  const [even, odd] = halves.map((rows) => quotient(...rows, pick)) as [number, number];
  return { ...spread, halves: [even, odd] };
};

/** For what is measured in one process, round by round: the median of the quotients, so that what slows a whole round cancels out. */
export const ratio = (name: string, above: readonly number[], below: readonly number[]): Figure => {
  const rounds = Math.min(above.length, below.length);
  const values = Array.from({ length: rounds }, (_, i) => above[i]! / below[i]!);
  return figure(name, "×", values);
};

/** Three significant digits, without an exponent. */
export const short = (value: number): string => {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))));
  return value.toFixed(Math.min(digits, 4));
};

/** "1.50 (1.35–1.61–1.90)": what stands for the row, and its lowest window, their median and the highest. */
export const spreadText = ({ value, low, median: middle, high, rounds }: Spread): string =>
  rounds > 1 ? `${short(value)} (${short(low)}–${short(middle)}–${short(high)})` : short(value);

/** "1.12× (1.10, 1.13)": the ratio, and what either half of the windows says by itself. */
export const ratioText = ({ value, halves }: Ratio): string =>
  halves === undefined ? `${short(value)}×` : `${short(value)}× (${halves.map(short).join(", ")})`;

/** How fast y grows with x: the slope of the least-squares line. NaN where all x are the same. */
export const slope = (points: readonly { readonly x: number; readonly y: number }[]): number => {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length;
  const x0 = mean(points.map(({ x }) => x));
  const y0 = mean(points.map(({ y }) => y));
  const above = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0);
  const below = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0);
  return above / below;
};
