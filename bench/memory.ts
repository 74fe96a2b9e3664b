/** What a process says of its own memory, to the benches that started it. */
import { readFileSync } from "node:fs";

export interface Memory {
  readonly heapUsed: number;
  /** Typed arrays and WASM memory, which no heap figure contains. */
  readonly arrayBuffers: number;
  readonly rss: number;
}

interface Collectors {
  readonly gc?: () => void;
  readonly Bun?: { gc(full: boolean): void };
}

/** Rejects where there is nothing to collect with. */
export const collect = async (): Promise<void> => {
  const { gc, Bun } = globalThis as unknown as Collectors;
  if (gc === undefined && Bun === undefined) throw new Error("run me with --expose-gc");
  // Finalizers run between turns and free more: three times settles it.
  for (let i = 0; i < 3; i++) {
    if (Bun === undefined) gc!();
    else Bun.gc(true);
    await new Promise((done) => setImmediate(done));
  }
};

/** Resident bytes as the kernel counts them; the runtimes' own figure is the same, but on one of them cached. */
const residentBytes = (): number => {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) * 1024;
};

export const memoryNow = (): Memory => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heapUsed, arrayBuffers, rss: residentBytes() };
};
