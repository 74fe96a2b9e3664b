/** The benches by name, and how much of each makes a full, a quick and a checking run. */

import { runIdle } from "./idle.ts";
import { runPeers } from "./peers-bench.ts";
import type { BenchResult, Wanted } from "./result.ts";
import { runScale } from "./scale.ts";
import { runSecurity } from "./security.ts";
import { runWasm } from "./wasm.ts";
import { runWire } from "./wire.ts";

export type Effort = "full" | "quick" | "check";
export type BenchName = "wasm" | "wire" | "peers" | "idle" | "scale" | "security";
/** Of a whole bench, or of what is needed for the figures that are wanted: some have parts that can be left out. */
type Bench = (effort: Effort, progress: (text: string) => void, wanted?: Wanted) => Promise<BenchResult>;

const sizes = [100, 100_000, 1_000_000];
const wasmEffort = {
  full: { rounds: 7, slice_ms: 40, warm_ms: 250, sizes },
  quick: { rounds: 3, slice_ms: 15, warm_ms: 80, sizes },
  check: { rounds: 5, slice_ms: 25, warm_ms: 150, sizes },
} as const;

/** Many short windows: see README.md, "What repeats". */
const short = { window_s: 0.3, warm_s: 0.1 };
const wireEffort = {
  full: { ...short, rounds: 24, lives: 3, firstWarm_s: 0.8, more: true },
  quick: { ...short, rounds: 4, lives: 1, firstWarm_s: 0.5, more: true },
  check: { ...short, rounds: 20, lives: 2, firstWarm_s: 0.8, more: false },
} as const;

const peersEffort = {
  full: { ...short, rounds: 24, lives: 3, firstWarm_s: 0.8 },
  quick: { ...short, rounds: 1, lives: 1, firstWarm_s: 0.3 },
  check: { ...short, rounds: 16, lives: 2, firstWarm_s: 0.5 },
} as const;

const idleEffort = {
  full: { rounds: 3, heapSteps: [1_000, 9_000], rssSteps: [9_000, 19_000] },
  quick: { rounds: 1, heapSteps: [1_000, 5_000], rssSteps: [9_000, 19_000] },
  check: { rounds: 2, heapSteps: [1_000, 9_000], rssSteps: [9_000, 19_000] },
} as const;

const scaleEffort = {
  full: { single: 1_000_000, mixed: [1_000_000, 10_000_000], rounds: 7, slice_ms: 100, churn: 1 << 18 },
  quick: { single: 100_000, mixed: [100_000, 1_000_000], rounds: 3, slice_ms: 30, churn: 1 << 15 },
  check: { single: 100_000, mixed: [100_000, 1_000_000], rounds: 5, slice_ms: 50, churn: 1 << 16 },
} as const;

const realms = [1_000, 11_000] as const;
const securityEffort = {
  full: {
    access: { ...short, rounds: 20, lives: 2, firstWarm_s: 0.8, more: true },
    logins: { rounds: 3, window_s: 2, warm_s: 0.5 },
    storm: { rounds: 7, window_s: 2, warm_s: 0.5 },
    state: { rounds: 3, window_s: 2, realms },
  },
  quick: {
    access: { ...short, rounds: 4, lives: 1, firstWarm_s: 0.5, more: true },
    logins: { rounds: 1, window_s: 0.5, warm_s: 0.3 },
    storm: { rounds: 3, window_s: 1, warm_s: 0.3 },
    state: { rounds: 1, window_s: 0.5, realms },
  },
  check: {
    access: { ...short, rounds: 16, lives: 2, firstWarm_s: 0.8, more: false },
    logins: { rounds: 1, window_s: 0.5, warm_s: 0.3 },
    storm: { rounds: 5, window_s: 1, warm_s: 0.3 },
    state: { rounds: 2, window_s: 0.5, realms },
  },
} as const;

/** What stops a bench altogether (no C compiler, no descriptors) becomes its one problem. */
const guarded =
  (name: BenchName, bench: Bench): Bench =>
  async (effort, progress, wanted) => {
    try {
      return await bench(effort, progress, wanted);
    } catch (cause) {
      const problem = `${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
      return { figures: [], tables: [], problems: [problem], notes: [] };
    }
  };

export const benches: Readonly<Record<BenchName, Bench>> = {
  wasm: guarded("wasm", (effort, progress, wanted) => runWasm(wasmEffort[effort], progress, wanted)),
  wire: guarded("wire", (effort, progress, wanted) => runWire(wireEffort[effort], progress, wanted)),
  peers: guarded("peers", (effort, progress, wanted) => runPeers(peersEffort[effort], progress, wanted)),
  idle: guarded("idle", (effort, progress, wanted) => runIdle(idleEffort[effort], progress, wanted)),
  scale: guarded("scale", (effort, progress, wanted) => runScale(scaleEffort[effort], progress, wanted)),
  security: guarded("security", (effort, progress, wanted) =>
    runSecurity(securityEffort[effort], progress, wanted),
  ),
};
