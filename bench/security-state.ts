/** What the state costs: realms at rest, commits that are acknowledged, and procedures that administer. On Node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root, routerCore, run, runtimePath, start } from "./child.ts";
import type { Memory } from "./memory.ts";
import type { BenchResult } from "./result.ts";
import { securityHost } from "./security-access.ts";
import type { RateSample } from "./security-store.ts";
import { type Figure, figure, median, ratio, short } from "./stats.ts";
import type { Table } from "./table.ts";

export interface StateOptions {
  readonly rounds: number;
  readonly window_s: number;
  /** Numbers of realms between which the slopes are taken. */
  readonly realms: readonly [number, number];
}

type Open = Memory & { readonly open_ms: number };

/** The figures of realms at rest: live heap, and what is resident. */
export const atRestFigures = ["security/realm at rest: live heap", "security/realm at rest: RSS"] as const;

const child = (...args: readonly string[]): Promise<string> =>
  run([runtimePath("node"), resolve(root, "build/bench/security-store.js"), ...args], { core: routerCore });

/** A router that opens the store of `dir`. */
const opened = async (dir: string, question: "live" | "now"): Promise<Open> => {
  const flags = question === "live" ? ["--expose-gc"] : ["--max-semi-space-size=2"];
  const command = [runtimePath("node"), ...flags, securityHost, "empty", "0", "0", dir];
  const host = await start({ command, ready: /wss?:\/\/\S+/, core: routerCore, startWait_ms: 60_000 });
  try {
    await delay(500);
    return JSON.parse(await host.ask(question)) as Open;
  } finally {
    await host.stop();
  }
};

const realmsAtRest = async (folder: string, options: StateOptions): Promise<BenchResult> => {
  const dirs = options.realms.map((realms) => resolve(folder, `realms-${realms}`));
  for (const [i, dir] of dirs.entries()) await child("fill", dir, String(options.realms[i]));
  const more = options.realms[1] - options.realms[0];
  const values = {
    heap: [] as number[],
    rss: [] as number[],
    open_ms: [] as number[],
    few_ms: [] as number[],
  };
  for (let round = 0; round < options.rounds; round++) {
    const live = [await opened(dirs[0]!, "live"), await opened(dirs[1]!, "live")] as const;
    const now = [await opened(dirs[0]!, "now"), await opened(dirs[1]!, "now")] as const;
    const bytes = (one: Open): number => one.heapUsed + one.arrayBuffers;
    values.heap.push((bytes(live[1]) - bytes(live[0])) / more);
    values.rss.push((now[1].rss - now[0].rss) / more);
    values.few_ms.push(now[0].open_ms);
    values.open_ms.push(now[1].open_ms);
  }
  const figures = [
    figure(atRestFigures[0], "bytes/realm", values.heap),
    figure(atRestFigures[1], "bytes/realm", values.rss),
    figure(`security/open ${options.realms[0]} realms`, "ms", values.few_ms),
    figure(`security/open ${options.realms[1]} realms`, "ms", values.open_ms),
  ];
  const title = `security: realms at rest (slopes from ${options.realms[0]} to ${options.realms[1]})`;
  const rows = figures.map((f) => [f.name, f.unit, short(f.value), `${short(f.low)}–${short(f.high)}`]);
  const table = { title, head: ["figure", "unit", "value", "low–high"], rows };
  return { figures, tables: [table], problems: [], notes: [] };
};

type Rates = Readonly<Record<string, RateSample>>;

const rates = async (folder: string, options: StateOptions): Promise<BenchResult> => {
  const samples = new Map<string, RateSample[]>();
  const keep = (prefix: string, some: Rates): void => {
    for (const [key, sample] of Object.entries(some)) {
      const name = `${prefix}, ${key === "one" ? "one at a time" : key === "many" ? "many at once" : key}`;
      samples.set(name, [...(samples.get(name) ?? []), sample]);
    }
  };
  const seconds = String(options.window_s);
  for (let round = 0; round < options.rounds; round++) {
    const ask = async (...args: readonly string[]): Promise<Rates> =>
      JSON.parse(await child(...args)) as Rates;
    keep("commits", await ask("commits", resolve(folder, `commits-${round}`), seconds));
    keep("bondy.user.add to lmdb", await ask("admin", resolve(folder, `admin-${round}`), seconds));
    keep("bondy.user.add to memory", await ask("admin", "memory", seconds));
  }
  const valuesOf = (name: string): number[] => samples.get(name)!.map((sample) => sample.per_s);
  const figures: Figure[] = [
    ...[...samples.keys()].map((name) => figure(`security/${name}`, "/s", valuesOf(name))),
    ratio(
      "security/commits, one at a time / control",
      valuesOf("commits, one at a time"),
      valuesOf("commits, control"),
    ),
  ];
  const rows = [...samples].map(([name, list]) => {
    const middle = (key: keyof RateSample): string => short(median(list.map((sample) => sample[key])));
    return [name, middle("per_s"), middle("p50_ms"), middle("p99_ms")];
  });
  const table: Table = {
    title: "security: durable changes (control: a file appended to and flushed)",
    head: ["what", "per s", "p50 ms", "p99 ms"],
    rows,
  };
  return { figures, tables: [table], problems: [], notes: [] };
};

export const runState = async (
  options: StateOptions,
  progress: (text: string) => void,
): Promise<readonly BenchResult[]> => {
  const folder = mkdtempSync(resolve(tmpdir(), "spanwire-bench-"));
  try {
    progress("security: realms at rest");
    const rest = await realmsAtRest(folder, options);
    progress("security: durable changes");
    return [rest, await rates(folder, options)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
