/** The composition root: this file and its folder are the only part of the library that knows everybody. */
import { loadWasm } from "./host.ts";
import { buildCore } from "./main/core.ts";
import { RouterHost } from "./main/host.ts";
import type { Router, RouterOptions } from "./main/options.ts";

export type { LocalSessionOptions, Router, RouterOptions, RouterStats } from "./main/options.ts";
export { version } from "./main/version.ts";

/** Starts a router. Rejects, with nothing left open, when it cannot listen where it was told to. */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const router = new RouterHost(buildCore(options, await loadWasm()));
  try {
    await router.listen(options);
  } catch (cause) {
    await router.close();
    throw cause;
  }
  return router;
}
