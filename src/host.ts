/** What Node and Bun give to the portable core: timers, randomness, and the WASM file. */
import { randomFillSync } from "node:crypto";
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

/** Milliseconds for which this process has computed, with all its threads. */
export function processCpu_ms(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
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
