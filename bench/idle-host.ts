/**
 * A router that tells its own memory: started by the idle bench, WebSocket on the port given. Each line on stdin is a question:
 * `live` collects garbage first (needs --expose-gc, or Bun), `now` does not. The answer is one JSON line.
 */
import { createInterface } from "node:readline";
import { createRouter } from "../src/index.ts";
import { collect, type Memory, memoryNow } from "./memory.ts";

/** What the host answers. */
export interface IdleMemory extends Memory {
  readonly connections: number;
}

const main = async (): Promise<void> => {
  const router = await createRouter({
    realms: ["realm1"],
    websocket: { port: Number(process.argv[2] ?? 0) },
  });
  process.stdout.write(`idle host on ${router.listeners[0]!.url}\n`);
  const onLine = async (line: string): Promise<void> => {
    if (line === "live") await collect();
    const memory: IdleMemory = { ...memoryNow(), connections: router.connectionCount };
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
