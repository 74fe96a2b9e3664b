/**
 * `npm run bench:profile -- [--rows "spanwire node,control node"] rpc --callers 16 --window 64`: where a server's CPU time goes under a
 * load, by Linux's perf: microseconds per operation of the kernel, the runtime, JavaScript and the kernels in WASM, one row after
 * the other. What stands behind `--rows` and its value is the load generator's.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { found, root, run } from "./child.ts";
import { runLoad } from "./generator.ts";
import { groupOf, groups, parsePerf, type Shares } from "./profile-groups.ts";
import { startRow } from "./router.ts";
import { ownRows, type Row } from "./rows.ts";
import type { Sample } from "./samples.ts";
import { short } from "./stats.ts";
import { renderTable } from "./table.ts";

/** Code is compiled, and the load has found its pace, before samples are taken. */
const warm_s = 2;
const window_s = 4;
const samples_hz = 2_000;
const topCount = 15;

interface Profile {
  readonly row: string;
  /** Of the server, all threads, per call, event or join. */
  readonly us: number;
  /** Of that, by group and by symbol. */
  readonly shares: Shares;
}

const usage =
  'usage: npm run bench:profile -- [--rows "spanwire node,control node"] rpc|fanout|wild|join [options of the load]';

const perOperation = ({
  router_cpu_us_per_call,
  router_cpu_us_per_event,
  router_cpu_us_per_join,
}: Sample): number =>
  router_cpu_us_per_call ?? router_cpu_us_per_event ?? router_cpu_us_per_join ?? Number.NaN;

/** Samples of the process until the window is over. */
const record = (pid: number, file: string): Promise<void> =>
  new Promise((done, failed) => {
    const args = ["record", "-e", "cpu-clock", "-F", String(samples_hz), "-p", String(pid), "-o", file];
    const perf = spawn("perf", [...args, "--", "sleep", String(window_s - 1)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    perf.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    perf.once("error", failed);
    perf.once("exit", (code) =>
      code === 0 ? done() : failed(new Error(`perf record: ${complaint.trim()}`)),
    );
  });

const profile = async (row: Row, args: readonly string[]): Promise<Profile> => {
  // Names of compiled functions, for perf; other runtimes do not look at it.
  const named: Row = { ...row, env: { ...row.env, NODE_OPTIONS: "--perf-basic-prof" } };
  const router = await startRow(named);
  const file = resolve(root, `bench/out/perf-${router.pid}.data`);
  try {
    const load = runLoad(router, [...args, ...(row.load ?? [])], { warm_s, window_s, patience_ms: 60_000 });
    const samples = delay((warm_s + 0.5) * 1_000).then(() => record(router.pid, file));
    const [sample] = await Promise.all([load, samples]);
    const report = [
      "perf",
      "report",
      "-i",
      file,
      "--stdio",
      "--no-children",
      "-t",
      "|",
      "--sort",
      "dso,symbol",
    ];
    return { row: row.name, us: perOperation(sample), shares: parsePerf(await run(report)) };
  } finally {
    await router.stop();
  }
};

const print = (profiles: readonly Profile[]): void => {
  const used = groups.filter((group) =>
    profiles.some(({ shares }) => shares.some((one) => groupOf(one) === group)),
  );
  const sum = ({ shares, us }: Profile, group: string): number =>
    shares.filter((one) => groupOf(one) === group).reduce((all, { share }) => all + share * us, 0);
  const table = {
    title: "CPU µs per operation, of all threads",
    head: ["", ...profiles.map(({ row }) => row)],
    rows: [
      ...used.map((group) => [group, ...profiles.map((one) => short(sum(one, group)))]),
      ["all", ...profiles.map(({ us }) => short(us))],
    ],
  };
  process.stdout.write(`${renderTable(table)}\n`);
  for (const { row, us, shares } of profiles) {
    const rows = shares
      .slice(0, topCount)
      .map((one) => [one.symbol.slice(0, 90), groupOf(one), short(one.share * us)]);
    process.stdout.write(`${renderTable({ title: row, head: ["symbol", "group", "µs"], rows })}\n`);
  }
};

const main = async (): Promise<number> => {
  const given = process.argv.slice(2);
  const at = given.indexOf("--rows");
  const names = at < 0 ? ["spanwire node", "control node"] : (given[at + 1] ?? "").split(",");
  const args = at < 0 ? given : [...given.slice(0, at), ...given.slice(at + 2)];
  const rows = ownRows();
  const chosen = names.map((name) => rows.find((row) => row.name === name.trim()));
  if (args.length === 0 || args[0]!.startsWith("-") || chosen.includes(undefined)) {
    process.stderr.write(`${usage}\nrows: ${rows.map(({ name }) => name).join(", ")}\n`);
    return 2;
  }
  if (!found("perf")) {
    process.stderr.write("perf is not installed (Debian: apt-get install linux-perf)\n");
    return 1;
  }
  mkdirSync(resolve(root, "bench/out"), { recursive: true });
  const profiles: Profile[] = [];
  for (const row of chosen) if (row !== undefined) profiles.push(await profile(row, args));
  print(profiles);
  return 0;
};

process.exitCode = await main();
