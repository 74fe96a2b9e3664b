/** Bytes that a process holds after a full collection, on Node and on Bun. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export function heldByProcess(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collect(): void {
  const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
  if (bun !== undefined) return bun.gc(true);
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // The second round frees what finalizers of the first let go.
  gc();
  gc();
}
