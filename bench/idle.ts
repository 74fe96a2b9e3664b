/**
 * The idle bench: what a joined session that says nothing costs. Live heap is the slope after garbage collection; RSS is the
 * slope of a router that nobody asks to collect, with V8's young generation as it comes and held small.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compileLoad, freePort, loadCore, root, routerCore, runtimePath, runtimes, start } from "./child.ts";
import type { IdleMemory } from "./idle-host.ts";
import { type BenchResult, type Wanted, wantsAny } from "./result.ts";
import { type Figure, figure, short } from "./stats.ts";

export interface IdleOptions {
  readonly rounds: number;
  /** Session counts between which the slopes are taken. */
  readonly heapSteps: readonly [number, number];
  readonly rssSteps: readonly [number, number];
}

interface Case {
  readonly name: string;
  readonly command: readonly string[];
  readonly question: "live" | "now";
  readonly steps: readonly [number, number];
  /** Which bytes the slope is taken of. */
  readonly bytes: (memory: IdleMemory) => number;
}

/** The router and its generator each hold one descriptor per session, and some of their own. */
export const ownDescriptors = 256;

export const descriptors_max = (): number => {
  const text = execFileSync("sh", ["-c", "ulimit -Hn"]).toString().trim();
  return text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
};

const lower = (steps: readonly [number, number], most: number): readonly [number, number] =>
  steps[1] <= most ? steps : [Math.floor((steps[0] / steps[1]) * most), most];

const host = resolve(root, "build/bench/idle-host.js");

const casesFor = (options: IdleOptions, most: number): readonly Case[] => {
  const heapSteps = lower(options.heapSteps, most);
  const rssSteps = lower(options.rssSteps, most);
  const node = runtimePath("node");
  const heap = { question: "live", steps: heapSteps } as const;
  const rss = { question: "now", steps: rssSteps, bytes: (memory: IdleMemory) => memory.rss } as const;
  const small = "--max-semi-space-size=2";
  const ofNode: readonly Case[] = [
    { name: "node live heap", command: [node, "--expose-gc", host], ...heap, bytes: (m) => m.heapUsed },
    {
      name: "node live typed arrays",
      command: [node, "--expose-gc", host],
      ...heap,
      bytes: (m) => m.arrayBuffers,
    },
    { name: "node RSS", command: [node, host], ...rss },
    { name: "node RSS, small young generation", command: [node, small, host], ...rss },
  ];
  if (!runtimes().includes("bun")) return ofNode;
  const bun = runtimePath("bun");
  return [
    ...ofNode,
    { name: "bun live heap", command: [bun, host], ...heap, bytes: (m) => m.heapUsed },
    { name: "bun RSS", command: [bun, host], ...rss },
  ];
};

/** After a step joined, the last writes and timers of the handshakes end. */
const settle_ms = 1_500;

/** Bytes per session between the two steps of the case. */
const slope = async (one: Case): Promise<number> => {
  const port = await freePort();
  const router = await start({
    command: [...one.command, String(port)],
    ready: /wss?:\/\//,
    core: routerCore,
  });
  try {
    const steps = one.steps.join(",");
    const command = [compileLoad(), "idle", "--port", String(port), "--steps", steps];
    const load = await start({ command, ready: /"sessions".*\n/, core: loadCore, startWait_ms: 60_000 });
    try {
      const ask = async (): Promise<IdleMemory> => {
        await delay(settle_ms);
        return JSON.parse(await router.ask(one.question)) as IdleMemory;
      };
      const first = await ask();
      await load.ask("");
      const second = await ask();
      const sessions = one.steps[1] - one.steps[0];
      if (second.connections - first.connections !== sessions)
        throw new Error("the router lost sessions meanwhile");
      return (one.bytes(second) - one.bytes(first)) / sessions;
    } finally {
      await load.stop();
    }
  } finally {
    await router.stop();
  }
};

export const runIdle = async (
  options: IdleOptions,
  progress: (text: string) => void,
  wanted?: Wanted,
): Promise<BenchResult> => {
  const most = descriptors_max() - ownDescriptors;
  const notes: string[] = [];
  const problems: string[] = [];
  if (most < options.rssSteps[1]) {
    notes.push(
      `idle: only ${most} sessions, since the hard limit of open files is ${most + ownDescriptors} (ulimit -Hn)`,
    );
  }
  const cases = casesFor(options, most).filter(({ name }) => wantsAny(wanted, `idle/${name}`));
  const values = new Map<string, number[]>();
  if (!existsSync(resolve(root, "build/spanwire.wasm"))) problems.push("idle: the router is not built");
  for (let round = 0; round < options.rounds && problems.length === 0; round++) {
    progress(`idle: round ${round + 1} of ${options.rounds}`);
    for (const one of cases) {
      try {
        values.set(one.name, [...(values.get(one.name) ?? []), await slope(one)]);
      } catch (cause) {
        problems.push(`idle: ${one.name}: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
  }
  const figures: Figure[] = [...values].map(([name, slopes]) =>
    figure(`idle/${name}`, "bytes/session", slopes),
  );
  const rows = figures.map((f) => {
    const steps = cases.find((one) => `idle/${one.name}` === f.name)!.steps;
    return [
      f.name.slice("idle/".length),
      steps.join("–"),
      short(f.value),
      `${short(f.low)}–${short(f.high)}`,
    ];
  });
  const table = { title: "idle sessions", head: ["memory", "sessions", "bytes/session", "low–high"], rows };
  return { figures, tables: rows.length > 0 ? [table] : [], problems, notes };
};
