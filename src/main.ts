/** The composition root: this file and its folder are the only part of the library that knows everybody. */
import { loadWasm } from "./host.ts";
import { Authorizers } from "./main/authorizer.ts";
import { buildCore, type CoreParts, type Foundation, layFoundation, openDoors } from "./main/core.ts";
import { RouterHost } from "./main/host.ts";
import type { Router, RouterOptions } from "./main/options.ts";
import { ProcedureCaller } from "./main/procedure-caller.ts";
import type { Secured } from "./main/security.ts";

export type * from "./main/options.ts";
export { version } from "./main/version.ts";

/** Starts a router. Rejects, with nothing left open, when it cannot listen where it was told to. */
export async function createRouter(options: RouterOptions = {}): Promise<Router> {
  const wasm = await loadWasm();
  const base = layFoundation(options);
  let host: RouterHost | undefined;
  const procedures = new ProcedureCaller((realm) => host!.session(realm));
  const secured = options.security === undefined ? null : await openSecured(options, base, procedures);
  const deciders = secured ?? { ...openDoors(base.ids), policy: options.access ?? null };
  const core = withAuthorizers(buildCore(options, wasm, base, deciders), base, procedures);
  if (secured === null) host = new RouterHost(core, null);
  else {
    const { administer } = await import("./main/administration.ts");
    const { observers, stop } = administer(core, secured);
    const end = async (): Promise<void> => {
      stop();
      await secured.close();
    };
    host = new RouterHost(
      { ...core, observers: [...core.observers, ...observers] },
      { ...secured, close: end },
    );
  }
  try {
    await host.listen(options);
  } catch (cause) {
    await host.close();
    throw cause;
  }
  return host;
}

/** A router without security does not load what belongs to it. */
async function openSecured(
  options: RouterOptions,
  base: Foundation,
  procedures: ProcedureCaller,
): Promise<Secured> {
  const { openSecured: open } = await import("./main/security.ts");
  return open(options, base, procedures);
}

function withAuthorizers(
  core: CoreParts,
  { limits, log }: Foundation,
  procedures: ProcedureCaller,
): CoreParts {
  const call: ProcedureCaller["call"] = (realm, uri, args, timeout_ms) =>
    procedures.call(realm, uri, args, timeout_ms);
  const authorizers = new Authorizers({ access: core.access, call, limits, log });
  return { ...core, askAuthorizer: (session, question) => authorizers.ask(session, question) };
}
