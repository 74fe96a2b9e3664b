/** Access control put together: what decides, what checks messages by it, and what follows when rights change. */
import type { RandomIds } from "../base/random-ids.ts";
import type { Scheduler } from "../ports.ts";
import { Access, type AccessParts } from "./access.ts";
import { Denials } from "./denials.ts";
import { Guard, type GuardParts } from "./guard.ts";
import type { Patterns } from "./patterns.ts";

export interface AccessSetupParts
  extends Omit<AccessParts, "core" | "index">,
    Omit<GuardParts, "access" | "denials"> {
  readonly patterns: Patterns;
  readonly ids: RandomIds;
  readonly scheduler: Scheduler;
}

export interface AccessSetup {
  /** To be told of sessions that join and leave, behind all others: what ends with a session may still ask. */
  readonly access: Access;
  readonly guard: Guard;
  readonly denials: Denials;
}

export function setUpAccess(parts: AccessSetupParts): AccessSetup {
  const { codec, patterns, limits, ids, scheduler } = parts;
  const access = new Access({ ...parts, core: codec.core, index: patterns.index });
  if (parts.policy !== null) patterns.onRemove = () => access.onPatternRemoved();
  const denials = new Denials({
    denials_max: limits.denials_max,
    random: () => ids.next(),
    wall_ms: () => scheduler.wall_ms(),
  });
  return { access, denials, guard: new Guard({ ...parts, access, denials }) };
}
