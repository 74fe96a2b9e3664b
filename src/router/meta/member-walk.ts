/** The sessions that hold a pattern, where they may be a hundred thousand. Control path. */
import type { PatternHandle, SessionId, Target } from "../../base/ids.ts";
import type { Memberships } from "../memberships.ts";
import type { PatternKind, Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { Steps } from "../turn-share.ts";

export interface MemberWalkParts {
  readonly kind: PatternKind;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly targets: Targets;
}

/** Members that are looked at between two steps. */
const atOnce = 64;
/** Members that are noted, which is done in one go, for the cost of a step. */
const notedPerStep = 8;

/**
 * Ids of the sessions that are subscribed or registered, in order of joining, each once. Who holds it all the time is among them, who
 * leaves before it is looked at is not; who joins meanwhile may be, in the place of another.
 */
export function* memberIds(parts: MemberWalkParts, pattern: PatternHandle): Steps<SessionId[]> {
  const { kind, patterns, memberships, targets } = parts;
  const count = patterns.memberCount(pattern);
  const ids: SessionId[] = [];
  // What lists link is not followed over turns: a row that was freed may be another's.
  const noted = new Uint32Array(count);
  let last = 0;
  for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row)) {
    const target = memberships.target(row);
    noted[last++] = target;
    if (count <= atOnce) ids.push(targets.get(target).id);
  }
  if (count <= atOnce) {
    yield 1 + count;
    return ids;
  }
  const id = patterns.id(pattern);
  for (let from = 0; from < count; from += atOnce) {
    yield from === 0 ? Math.ceil(count / notedPerStep) : atOnce;
    if (patterns.byId(kind, id) !== pattern) break;
    for (const target of noted.subarray(from, from + atOnce))
      if (memberships.find(pattern, target as Target) !== 0) ids.push(targets.get(target as Target).id);
  }
  return ids;
}
