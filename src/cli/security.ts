/** The security model for commands: on a store that no router has open, and for checking definitions against nothing but a new router. */
import { createKeyDerivation } from "../auth/kdf.ts";
import { hashPassword, verifyPassword } from "../auth/credentials.ts";
import { defaultLimits } from "../base/limits.ts";
import type { CheckDefinitions } from "../config/definitions.ts";
import type { Finding } from "../config/problems.ts";
import { fillRandom, hostScheduler } from "../host.ts";
import type { Store } from "../ports.ts";
import { WampError } from "../protocol/errors.ts";
import { ensureMasterRealm } from "../security/bootstrap.ts";
import { checkDefinitions } from "../security/definitions-check.ts";
import { openSecurity } from "../security/open.ts";
import type { SecurityService } from "../security/service.ts";
import { MemoryStore } from "../store/memory.ts";

/** Opens the model, works with it, and closes what it took, but not the store. */
export async function withSecurity<T>(
  store: Store,
  work: (security: SecurityService) => Promise<T>,
): Promise<T> {
  const kdf = createKeyDerivation(defaultLimits);
  const wall_ms = (): number => hostScheduler.wall_ms();
  try {
    const security = await openSecurity({
      store,
      hashPassword: (password, options) => hashPassword(kdf, password, options, fillRandom, wall_ms()),
      verifyPassword: (password, credentials) => verifyPassword(kdf, password, credentials),
      wall_ms,
      fillRandom,
    });
    return await work(security);
  } finally {
    await kdf.close();
  }
}

/**
 * Checks definitions as a router does that has nothing but them: what was made at run time, in a store, is not looked at.
 */
export async function definitionsChecker(): Promise<CheckDefinitions> {
  const state = await withSecurity(new MemoryStore(), async (security) => {
    await ensureMasterRealm(security);
    return security.change((_draft, model) => model, { fromFile: true });
  });
  return (definitions) => {
    try {
      checkDefinitions(definitions, state, "");
      return [];
    } catch (cause) {
      const lines = cause instanceof WampError ? cause.kwargs["errors"] : undefined;
      if (!Array.isArray(lines)) throw cause;
      return (lines as readonly string[]).map(findingOf);
    }
  };
}

/** `[0].users[1].name: what is wrong`, as the model says it. */
function findingOf(line: string): Finding {
  const [, where, message] = /^((?:\[\d+\]|\.?\w+)+): (.*)$/s.exec(line) ?? [];
  if (where === undefined) return { path: [], message: line };
  const steps = where.match(/\d+(?=\])|\w+/g) ?? [];
  const path = steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const unknown = /^unknown key "([^"]+)"/.exec(message!)?.[1];
  if (unknown !== undefined) return { path: [...path, unknown], message: message!, atKey: true };
  return { path, message: message! };
}
