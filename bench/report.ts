/**
 * `npm run bench:report [-- --quick] [-- --soak 30m] [-- --out FOLDER] [-- --rows NAME,NAME] [-- scenario …]`: all scenarios on all rows that are here,
 * as one page and one JSON file in bench/out. Prints progress; exits 1 where something of ours could not be measured.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { root } from "./child.ts";
import { runIdle } from "./idle.ts";
import { findPeers } from "./peer-rows.ts";
import { bottlenecks, complaints } from "./peers-bench.ts";
import { reportHtml } from "./report-html.ts";
import { runSections } from "./report-run.ts";
import type { Report, ReportSection } from "./report-types.ts";
import { type BenchResult, compactJson, machine, merge } from "./result.ts";
import { ownRows, type Row } from "./rows.ts";
import { type Extent, loadSections } from "./sections.ts";
import { sessionSections } from "./session-sections.ts";
import { runSoak } from "./soak.ts";
import { runWasm } from "./wasm.ts";

interface Options extends Extent {
  readonly soak_s: number;
  readonly folder: string;
  readonly names: readonly string[];
  /** Of which rows; all where it is empty. */
  readonly rows: readonly string[];
  readonly command: string;
}

const otherNames = ["soak", "matcher", "heap"] as const;

const secondsOf = (text: string): number => {
  const [, number, unit] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`--soak ${text}: give it as 90s, 30m or 2h`);
  return Number(number) * ({ m: 60, h: 3_600 }[unit ?? ""] ?? 1);
};

const behind = (args: readonly string[], flag: string): string | undefined => {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : (args[at + 1] ?? "");
};

/** Throws with the usage where something is not understood. */
const parse = (args: readonly string[]): Options => {
  const soak = behind(args, "--soak");
  const out = behind(args, "--out");
  const only = behind(args, "--rows");
  const isQuick = args.includes("--quick");
  const taken = new Set(["--quick", "--soak", "--out", "--rows", soak, out, only]);
  const names = args.filter((arg) => !taken.has(arg));
  const extent = isQuick
    ? { isQuick, rounds: 1, latencyRounds: 1 }
    : { isQuick, rounds: 8, latencyRounds: 4 };
  const known = [...loadSections(extent), ...sessionSections(extent)].map(({ name }) => name);
  const unknown = names.filter((name) => ![...known, ...otherNames].includes(name));
  if (unknown.length > 0)
    throw new Error(
      `unknown: ${unknown.join(" ")}; usage: npm run bench:report [-- --quick --soak 30m --out FOLDER --rows NAME,NAME ${[...known, ...otherNames].join("|")}]`,
    );
  return {
    ...extent,
    soak_s: soak === undefined ? (isQuick ? 60 : 150) : secondsOf(soak),
    folder: resolve(root, out ?? "bench/out"),
    names,
    rows: only === undefined ? [] : only.split(","),
    command: ["npm run bench:report", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
  };
};

const began = performance.now();
const progress = (text: string): void => {
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  process.stderr.write(`${minutes} min: ${text}\n`);
};

const heapSteps = [1_000, 5_000] as const;

/** What other benches measure, in the extent that a report has time for. */
const otherBenches = async (options: Options, wants: (name: string) => boolean): Promise<BenchResult> => {
  const results: BenchResult[] = [];
  const { isQuick } = options;
  const slices = isQuick
    ? { rounds: 1, slice_ms: 10, warm_ms: 50 }
    : { rounds: 3, slice_ms: 20, warm_ms: 120 };
  const parts: readonly (readonly [string, () => Promise<BenchResult>])[] = [
    ["matcher", () => runWasm({ ...slices, sizes: isQuick ? [100, 10_000] : [100, 100_000] }, progress)],
    ["heap", () => runIdle({ rounds: 1, heapSteps, rssSteps: heapSteps }, progress)],
  ];
  for (const [name, part] of parts) {
    if (!wants(name) || (name === "heap" && isQuick && options.names.length === 0)) continue;
    try {
      results.push(await part());
    } catch (cause) {
      const problem = `${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
      results.push({ figures: [], tables: [], problems: [problem], notes: [] });
    }
  }
  return merge(results);
};

/** As a reader would type it in the project's folder. */
const described = (row: Row, version: string): Report["rows"][number] => {
  const env = Object.entries(row.env).map(([key, value]) => `${key}=${value}`);
  const command = [...env, ...row.command({ websocket: 18080, rawsocket: 18082 })];
  const short = command.map((part) => part.replace(`${root}/`, "").replace(/\s+/g, " ")).join(" ");
  return { name: row.name, version, command: short };
};

const write = (report: Report, folder: string): void => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(resolve(folder, "report.json"), `${compactJson(report)}\n`);
  writeFileSync(resolve(folder, "report.html"), reportHtml(report));
};

const main = async (): Promise<number> => {
  const options = parse(process.argv.slice(2));
  const wants = (name: string): boolean => options.names.length === 0 || options.names.includes(name);
  const peers = findPeers();
  const isWanted = ({ name }: Row): boolean => options.rows.length === 0 || options.rows.includes(name);
  const rows = [...ownRows(), ...peers.rows].filter(isWanted);
  const on = await machine();
  for (const reason of peers.absent) progress(reason);
  const sections = [...loadSections(options), ...sessionSections(options)].filter(({ name }) => wants(name));
  const timing = { window_s: 0.3, warm_s: 0.1, firstWarm_s: options.isQuick ? 0.2 : 0.3 };
  const run = await runSections(sections, {
    ...timing,
    lives: options.isQuick ? 1 : 2,
    rows,
    patience_ms: options.isQuick ? 60_000 : 150_000,
    progress,
  });
  const done: ReportSection[] = [...run.sections];
  const soaked = rows.filter(({ name }) => /^spanwire (node|bun)( 2 workers)?$/.test(name));
  if (wants("soak")) done.push(await runSoak({ rows: soaked, duration_s: options.soak_s, progress }));
  const others = await otherBenches(options, wants);
  const problems = [...run.problems, ...complaints(done, true), ...others.problems];
  const report: Report = {
    date: new Date().toISOString(),
    command: options.command,
    machine: on,
    rows: rows.map((row) => described(row, peers.versions[row.name] ?? String(on["spanwire"]))),
    sections: done,
    tables: others.tables,
    notes: [...peers.absent, ...complaints(done, false), ...bottlenecks(done), ...others.notes],
    problems,
  };
  write(report, options.folder);
  for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  process.stdout.write(`written: ${options.folder}/report.html and report.json\n`);
  return problems.length > 0 ? 1 : 0;
};

try {
  process.exitCode = await main();
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 2;
}
