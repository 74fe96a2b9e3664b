/** The composition root: this file and its folder are the only part of the library that knows everybody. */
import { assemble } from "./main/assemble.ts";
import { layFoundation } from "./main/core.ts";
import type { RouterHost } from "./main/host.ts";
import type { Router, RouterOptions } from "./main/options.ts";
import { onlyThread } from "./main/thread.ts";
import { workerCount } from "./main/worker-count.ts";

export type * from "./main/options.ts";
export { version } from "./main/version.ts";

/** Starts a router. Rejects, with nothing left open, when it cannot listen where it was told to. */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const count = workerCount(options);
  if (count === 1) return startAlone(options);
  // A router of one thread loads nothing that starts and joins threads.
  const { startWorkers } = await import("./main/workers.ts");
  return startWorkers(options, count);
}

async function startAlone(options: RouterOptions): Promise<RouterHost> {
  const host = await assemble(options, layFoundation(options, onlyThread()));
  try {
    await host.listen(options);
  } catch (cause) {
    await host.close();
    throw cause;
  }
  return host;
}
