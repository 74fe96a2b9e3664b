/** `npm run bench [-- wasm|wire|peers|idle|scale|security …] [--quick]`: runs the benches, prints tables, writes bench/out/<date>.json. */
import { type BenchResult, dateNow, machine, merge, writeResult } from "./result.ts";
import { type BenchName, benches } from "./suites.ts";
import { renderTable } from "./table.ts";

const isBench = (name: string): name is BenchName => Object.hasOwn(benches, name);

const main = async (): Promise<number> => {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith("--"));
  const unknown = [
    ...names.filter((name) => !isBench(name)),
    ...args.filter((arg) => arg.startsWith("--") && arg !== "--quick"),
  ];
  if (unknown.length > 0) {
    process.stderr.write(
      `unknown: ${unknown.join(" ")}; usage: npm run bench [-- ${Object.keys(benches).join("|")} --quick]\n`,
    );
    return 2;
  }
  const chosen = names.length > 0 ? names.filter(isBench) : (Object.keys(benches) as BenchName[]);
  const effort = args.includes("--quick") ? "quick" : "full";
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const on = await machine();
  const date = dateNow();
  process.stdout.write(`${JSON.stringify(on)}\n\n`);
  const results: BenchResult[] = [];
  for (const name of chosen) {
    const result = await benches[name](effort, progress);
    for (const table of result.tables) process.stdout.write(`${renderTable(table)}\n`);
    results.push(result);
    writeResult(merge(results), on, date);
  }
  const result = merge(results);
  for (const note of result.notes) process.stdout.write(`note: ${note}\n`);
  for (const problem of result.problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  process.stdout.write(`written: ${writeResult(result, on, date)}\n`);
  return result.problems.length > 0 ? 1 : 0;
};

process.exitCode = await main();
