/**
 * The soak: routers under a steady mixture of calls, events and sessions that come and go, all at rates far below what they can do,
 * while their resident memory is read. What counts is the slope once they are warm: a leak shows, a cache that fills does not.
 */
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "./processes.ts";
import { runLoad } from "./generator.ts";
import type { Measurement, ReportSection } from "./report-types.ts";
import { type Router, startRow } from "./router.ts";
import type { Row } from "./rows.ts";
import { type Spread, slope, spreadOf } from "./stats.ts";

export interface SoakOptions {
  readonly rows: readonly Row[];
  readonly duration_s: number;
  progress(text: string): void;
}

const loads: readonly (readonly string[])[] = [
  ["rpc", "--callers", "16", "--rate", "400"],
  ["fanout", "--subscribers", "50", "--rate", "40"],
  ["join", "--window", "16", "--rate", "20"],
];
const tableRows = 12;
/** The first part warms up: code is compiled, pools and heaps find their size. */
const warmShare = 0.4;

interface Reading {
  readonly x: number;
  readonly y: number;
}

interface Soaked {
  readonly row: string;
  readonly readings: readonly Reading[];
  readonly problem: string | undefined;
}

const soakOne = async (row: Row, { duration_s, progress }: SoakOptions): Promise<Soaked> => {
  const readings: Reading[] = [];
  let router: Router | undefined;
  try {
    router = await startRow(row);
    const { pid } = router;
    const timing = { window_s: duration_s, warm_s: 0, patience_ms: (duration_s + 120) * 1_000 };
    const began = performance.now();
    let isOver = false;
    const running = Promise.all(loads.map((args) => runLoad(router!, args, timing))).finally(() => {
      isOver = true;
    });
    running.catch(() => undefined); // It is awaited below; until then it must not count as unhandled.
    const pause_ms = Math.max(500, (duration_s * 1_000) / 240);
    while (!isOver) {
      readings.push({ x: (performance.now() - began) / 1_000, y: residentBytes(pid) / 2 ** 20 });
      await delay(pause_ms);
    }
    await running;
    progress(`soak: ${row.name}: over`);
    return { row: row.name, readings, problem: undefined };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    progress(`soak: ${row.name}: FAILED: ${problem}`);
    return { row: row.name, readings, problem };
  } finally {
    await router?.stop();
  }
};

const once = (value: number): Spread => spreadOf([value], "median");

const measurementsOf = (
  { row, readings, problem }: Soaked,
  at: readonly number[],
  command: string,
): readonly Measurement[] =>
  at.map((second, i): Measurement => {
    const reading = readings.findLast(({ x }) => x <= second) ?? readings[0];
    const isLast = i === at.length - 1;
    const warm = readings.filter(({ x }) => x >= (readings.at(-1)?.x ?? 0) * warmShare);
    const values: Record<string, Spread> = reading === undefined ? {} : { rss_mb: once(reading.y) };
    if (isLast && warm.length > 2) values["slope_mb_h"] = once(slope(warm) * 3_600);
    const failed = isLast && problem !== undefined ? { problem } : {};
    return { row, point: String(second), command, values, ratios: {}, ...failed };
  });

export const runSoak = async (options: SoakOptions): Promise<ReportSection> => {
  const { duration_s, rows, progress } = options;
  progress(`soak: ${rows.length} routers for ${duration_s} s`);
  const soaked = await Promise.all(rows.map((row) => soakOne(row, options)));
  const times = Array.from({ length: tableRows + 1 }, (_, i) => Math.round((duration_s * i) / tableRows));
  const at = [...new Set(times)];
  const command = loads.map((args) => `load ${args.join(" ")}`).join("; ");
  return {
    name: "soak",
    title: "Soak",
    about: `${duration_s} seconds of 400 calls, 40 publishes to 50 subscribers and 20 joins a second. The slope is the least-squares line through resident memory, without the first ${warmShare * 100} % of the time.`,
    pointTitle: "seconds",
    chart: { kind: "lines", key: "rss_mb", title: "resident memory, MB", isLog: false },
    columns: [
      { key: "rss_mb", title: "RSS MB" },
      { key: "slope_mb_h", title: "slope, MB/hour" },
    ],
    measurements: soaked.flatMap((one) => measurementsOf(one, at, command)),
  };
};
