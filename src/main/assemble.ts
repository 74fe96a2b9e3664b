/** Makes the router of one thread, not yet listening: core, security where there is any, and the host. */
import { loadWasm } from "../host.ts";
import { Authorizers } from "./authorizer.ts";
import { buildCore, type CoreParts, type Foundation, openDoors } from "./core.ts";
import { RouterHost } from "./host.ts";
import type { RouterOptions } from "./options.ts";
import { ProcedureCaller } from "./procedure-caller.ts";
import type { Secured } from "./security.ts";

export async function assemble(options: RouterOptions, base: Foundation): Promise<RouterHost> {
  const wasm = await loadWasm();
  let host: RouterHost | undefined;
  const procedures = new ProcedureCaller((realm) => host!.session(realm));
  const secured = options.security === undefined ? null : await openSecured(options, base, procedures);
  try {
    const deciders = secured ?? { ...openDoors(base.ids), policy: options.access ?? null };
    const core = withAuthorizers(buildCore(options, wasm, base, deciders), base, procedures);
    host = secured === null ? new RouterHost(core, null) : await administered(core, secured);
    return host;
  } catch (cause) {
    // Nobody else knows of what security has opened.
    await secured?.close();
    throw cause;
  }
}

async function administered(core: CoreParts, secured: Secured): Promise<RouterHost> {
  const { administer } = await import("./administration.ts");
  const { observers, stop } = administer(core, secured);
  const end = async (): Promise<void> => {
    stop();
    await secured.close();
  };
  return new RouterHost(
    { ...core, observers: [...core.observers, ...observers] },
    { ...secured, close: end },
  );
}

/** A router without security does not load what belongs to it. */
async function openSecured(
  options: RouterOptions,
  base: Foundation,
  procedures: ProcedureCaller,
): Promise<Secured> {
  const { openSecured: open } = await import("./security.ts");
  return open(options, base, procedures, base.thread.channel);
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
