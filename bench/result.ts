/** What a bench gives back, and the file in bench/out that keeps it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { root, run, runtimePath, runtimes } from "./child.ts";
import type { Figure } from "./stats.ts";
import type { Table } from "./table.ts";

export interface BenchResult {
  readonly figures: readonly Figure[];
  readonly tables: readonly Table[];
  /** What could not be measured, and why. Any of them fails the run. */
  readonly problems: readonly string[];
  /** What a reader of the figures must know; fails nothing. */
  readonly notes: readonly string[];
}

export const merge = (results: readonly BenchResult[]): BenchResult => ({
  figures: results.flatMap((result) => result.figures),
  tables: results.flatMap((result) => result.tables),
  problems: results.flatMap((result) => result.problems),
  notes: results.flatMap((result) => result.notes),
});

/** Names of the figures that a run is for. What they do not need may be left out. */
export type Wanted = ReadonlySet<string>;

/** Whether a figure is wanted whose name begins like this: where nothing is said, all are. */
export const wantsAny = (wanted: Wanted | undefined, start: string): boolean =>
  wanted === undefined || [...wanted].some((name) => name.startsWith(start));

export type Machine = Readonly<Record<string, string | number>>;

/** Processor, kernel and runtime versions: figures mean nothing without them. */
export const machine = async (): Promise<Machine> => {
  const versions: Record<string, string> = {};
  for (const runtime of runtimes())
    versions[runtime] = (await run([runtimePath(runtime), "--version"])).trim();
  const own = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")) as { readonly version: string };
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory_mb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    // Above a few tenths before a bench starts, others are at work and the figures are noise.
    load_average: Number(loadavg()[0]!.toFixed(2)),
    spanwire: own.version,
    ...versions,
  };
};

/** Indented, with each list of numbers on one line, to five significant digits. */
export const compactJson = (value: unknown): string => {
  const rounded = (_: string, one: unknown): unknown =>
    typeof one === "number" && !Number.isInteger(one) ? Number(one.toPrecision(5)) : one;
  const text = JSON.stringify(value, rounded, 1);
  return text.replace(
    /\[\s*((?:-?[\d.e+-]+|null)(?:,\s*(?:-?[\d.e+-]+|null))*)\s*\]/g,
    (_, list: string) => `[${list.replaceAll(/\s+/g, " ")}]`,
  );
};

export const dateNow = (): string => new Date().toISOString().slice(0, 19).replaceAll(":", "");

/** Writes bench/out/<date>.json and gives its path. Called behind every part, so that what ends a run takes no figures along. */
export const writeResult = (result: BenchResult, on: Machine, date: string): string => {
  const folder = resolve(root, "bench/out");
  mkdirSync(folder, { recursive: true });
  const path = resolve(folder, `${date}.json`);
  const { figures, problems, notes } = result;
  writeFileSync(path, `${compactJson({ date, machine: on, figures, problems, notes })}\n`);
  return path;
};
