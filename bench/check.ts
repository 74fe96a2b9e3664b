/**
 * `npm run bench:check [-- wasm|wire|peers|idle|scale|security …] [-- --only "REGEX"]`: a shorter run of the benches against the table
 * in limits.ts: all of it, that of some benches, or the limits whose names match. Prints every limit with what was wanted and
 * measured; exits 1 where one is missed beyond the room for noise or has no figure. Not part of the tests.
 */
import { border, type Limit, limits, verdictOf } from "./limits.ts";
import { type BenchResult, dateNow, machine, merge, writeResult } from "./result.ts";
import { short } from "./stats.ts";
import { type BenchName, benches } from "./suites.ts";
import { renderTable } from "./table.ts";

const isBench = (name: string): name is BenchName => Object.hasOwn(benches, name);

interface Wanted {
  readonly names: readonly BenchName[];
  readonly only: RegExp | undefined;
}

/** Undefined where it is not understood. */
const parse = (args: readonly string[]): Wanted | undefined => {
  const at = args.indexOf("--only");
  const pattern = at < 0 ? undefined : args[at + 1];
  const names = at < 0 ? args : [...args.slice(0, at), ...args.slice(at + 2)];
  if (!names.every(isBench) || (at >= 0 && pattern === undefined)) return undefined;
  try {
    return { names: names.filter(isBench), only: pattern === undefined ? undefined : new RegExp(pattern) };
  } catch {
    return undefined;
  }
};

const usage = `usage: npm run bench:check [-- ${Object.keys(benches).join(" | ")}] [-- --only "REGEX"]\n`;

const main = async (): Promise<number> => {
  const wanted = parse(process.argv.slice(2));
  if (wanted === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const { names, only } = wanted;
  const benchOf = (figure: string): string => figure.slice(0, figure.indexOf("/"));
  const judged = limits().filter(
    ({ figure }) =>
      (names.length === 0 || names.some((name) => name === benchOf(figure))) && only?.test(figure) !== false,
  );
  if (judged.length === 0) {
    process.stderr.write(`no limit matches; ${usage}`);
    return 2;
  }
  const needed = new Set(judged.map(({ figure }) => figure));
  const chosen = Object.keys(benches).filter(
    (name): name is BenchName => isBench(name) && judged.some(({ figure }) => benchOf(figure) === name),
  );
  const on = await machine();
  const date = dateNow();
  const began = performance.now();
  const progress = (text: string): void => {
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    process.stderr.write(`${minutes} min: ${text}\n`);
  };
  const results: BenchResult[] = [];
  for (const name of chosen) {
    results.push(await benches[name]("check", progress, needed));
    writeResult(merge(results), on, date);
  }
  return told(judged, merge(results), (result) => writeResult(result, on, date));
};

/** Prints the verdicts; gives the exit status. */
const told = (
  judged: readonly Limit[],
  result: BenchResult,
  write: (result: BenchResult) => string,
): number => {
  const figures = new Map(result.figures.map((figure) => [figure.name, figure]));
  const verdicts = judged.map((limit) => {
    const value = figures.get(limit.figure)?.value;
    return { limit, value, verdict: verdictOf(limit, value) };
  });
  const rows = verdicts.map(({ limit, value, verdict }) => [
    limit.figure,
    `${limit.side} ${short(limit.wanted)}`,
    value === undefined ? "–" : short(value),
    (figures.get(limit.figure)?.halves ?? []).map(short).join(", "),
    short(border(limit)),
    verdict,
  ]);
  const head = ["limit", "wanted", "measured", "of halves", "with room", "verdict"];
  process.stdout.write(`${renderTable({ title: "bench:check", head, rows })}\n`);
  for (const note of result.notes) process.stdout.write(`note: ${note}\n`);
  for (const problem of result.problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  const failed = verdicts.filter(({ verdict }) => verdict === "MISSED" || verdict === "NOT MEASURED");
  for (const { limit, verdict } of failed) process.stdout.write(`${verdict}: ${limit.figure}\n`);
  process.stdout.write(`written: ${write(result)}\n`);
  return failed.length + result.problems.length > 0 ? 1 : 0;
};

process.exitCode = await main();
