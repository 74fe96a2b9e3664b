/** Small statistics for the benches: medians of interleaved rounds, and ratios taken round by round. */

/** One figure of a bench: what is compared with the limits and written to the result file. */
export interface Figure {
  /** `bench/scenario: row / row` for a ratio, `bench/scenario: row` for a plain figure. */
  readonly name: string;
  readonly value: number;
  /** "×" for a ratio, else the unit. */
  readonly unit: string;
  /** Smallest and largest of the rounds. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export const figure = (name: string, unit: string, values: readonly number[]): Figure => ({
  name,
  value: median(values),
  unit,
  low: Math.min(...values),
  high: Math.max(...values),
  rounds: values.length,
});

/** Ratio of two rows measured side by side. Round by round, so that what slows the whole machine cancels out. */
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
