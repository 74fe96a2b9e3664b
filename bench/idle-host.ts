/**
 * A router that tells its own memory: started by the idle bench, WebSocket on the port given. Each line on stdin is a question:
 * `live` collects garbage first (needs --expose-gc, or Bun), `now` does not. The answer is one JSON line.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRouter } from "../src/index.ts";

export interface Memory {
  readonly heapUsed: number;
  /** Typed arrays and WASM memory, which no heap figure contains. */
  readonly arrayBuffers: number;
  readonly rss: number;
  readonly connections: number;
}

interface Collectors {
  readonly gc?: () => void;
  readonly Bun?: { gc(full: boolean): void };
}

const collect = async (): Promise<void> => {
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

const main = async (): Promise<void> => {
  const router = await createRouter({
    realms: ["realm1"],
    websocket: { port: Number(process.argv[2] ?? 0) },
  });
  process.stdout.write(`idle host on ${router.listeners[0]!.url}\n`);
  const onLine = async (line: string): Promise<void> => {
    if (line === "live") await collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const memory: Memory = {
      heapUsed,
      arrayBuffers,
      rss: residentBytes(),
      connections: router.connectionCount,
    };
    process.stdout.write(`${JSON.stringify(memory)}\n`);
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    onLine(line).catch((cause: unknown) => {
      process.stderr.write(`${String(cause)}\n`);
      process.exitCode = 1;
      process.exit();
    });
  });
};

await main();
