/**
 * `npm run bench:check [-- wasm|wire|peers|idle|scale|security …]`: a shorter run of the benches against the table in limits.ts. Prints every limit
 * with what was measured; exits 1 and lists each that does not hold or has no figure. Not part of the tests.
 */
import { border, holds, limits } from "./limits.ts";
import { type BenchResult, dateNow, machine, merge, writeResult } from "./result.ts";
import { short } from "./stats.ts";
import { type BenchName, benches } from "./suites.ts";
import { renderTable } from "./table.ts";

const isBench = (name: string): name is BenchName => Object.hasOwn(benches, name);

const main = async (): Promise<number> => {
  const args = process.argv.slice(2);
  if (!args.every(isBench)) {
    process.stderr.write(`usage: npm run bench:check [-- ${Object.keys(benches).join(" | ")}]\n`);
    return 2;
  }
  const chosen: readonly BenchName[] =
    args.length > 0 ? args.filter(isBench) : (Object.keys(benches) as BenchName[]);
  const on = await machine();
  const date = dateNow();
  const began = performance.now();
  const progress = (text: string): void => {
    const minutes = ((performance.now() - began) / 60_000).toFixed(1);
    process.stderr.write(`${minutes} min: ${text}\n`);
  };
  const results: BenchResult[] = [];
  for (const name of chosen) {
    results.push(await benches[name]("check", progress));
    writeResult(merge(results), on, date);
  }
  const result = merge(results);
  const figures = new Map(result.figures.map((figure) => [figure.name, figure]));
  const judged = limits()
    .filter((limit) => chosen.some((name) => limit.figure.startsWith(`${name}/`)))
    .map((limit) => {
      const value = figures.get(limit.figure)?.value;
      const verdict = value === undefined ? "NOT MEASURED" : holds(limit, value) ? "holds" : "FAILS";
      return { limit, value, verdict };
    });
  const rows = judged.map(({ limit, value, verdict }) => [
    limit.figure,
    value === undefined ? "–" : short(value),
    `${limit.side} ${short(limit.wanted)}`,
    short(border(limit)),
    verdict,
  ]);
  const head = ["figure", "measured", "wanted", "with room", "verdict"];
  process.stdout.write(`${renderTable({ title: "bench:check", head, rows })}\n`);
  for (const note of result.notes) process.stdout.write(`note: ${note}\n`);
  for (const problem of result.problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  const failed = judged.filter(({ verdict }) => verdict !== "holds");
  for (const { limit, verdict } of failed) process.stdout.write(`${verdict}: ${limit.figure}\n`);
  process.stdout.write(`written: ${writeResult(result, on, date)}\n`);
  return failed.length + result.problems.length > 0 ? 1 : 0;
};

process.exitCode = await main();
