/** What Node and Bun give to the portable core: timers, randomness, and the WASM file. */
import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { FillRandom, Scheduler } from "./ports.ts";

export const hostScheduler: Scheduler = {
  endOfTurn: (task) => void setImmediate(task),
  every(interval_ms, task) {
    const timer = setInterval(task, interval_ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  after(delay_ms, task) {
    const timer = setTimeout(task, delay_ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  now_ms: () => performance.now(),
  wall_ms: () => Date.now(),
};

/** Milliseconds for which this thread has computed; where the system does not say, all threads of the process together. */
export function threadCpu_ms(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1_000;
}

interface CpuUsage {
  /** Microseconds. */
  readonly user: number;
  readonly system: number;
}

/** Bun and Node 23 have it; @types/node does not know. */
const { threadCpuUsage } = process as { readonly threadCpuUsage?: () => CpuUsage };

const cpuUsage = (): CpuUsage => threadCpuUsage?.call(process) ?? scheduled() ?? process.cpuUsage();

/** As Linux counts it: nanoseconds on a processor stand first. */
function scheduled(): CpuUsage | undefined {
  try {
    const [nanoseconds] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ");
    return { user: Number(nanoseconds) / 1_000, system: 0 };
  } catch {
    return undefined;
  }
}

export const fillRandom: FillRandom = (words) => void randomFillSync(words);

let wasm: Promise<Uint8Array> | undefined;

/** The compiled kernels, read once per process. Throws with the fix where the build has not been run. */
export function loadWasm(): Promise<Uint8Array> {
  const file = new URL("../spanwire.wasm", import.meta.url);
  wasm ??= readFile(file).catch((cause: unknown) => {
    throw new Error(`cannot read ${file.pathname}; run "npm run build" first`, { cause });
  });
  return wasm;
}
