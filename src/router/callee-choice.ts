/**
 * Which callee of a registration gets the next call: the policies of shared registration (Advanced Profile). Members are kept
 * in order of registration, so `first` and `last` are the ends of the list and round robin is a cursor in it.
 */

import { unreachable } from "../base/assert.ts";
import type { PatternHandle } from "../base/ids.ts";
import type { RandomIds } from "../base/random-ids.ts";
import { Invoke } from "../protocol/messages.ts";
import type { Memberships } from "./memberships.ts";
import type { Patterns } from "./patterns.ts";

/** The membership row of the callee to invoke. The registration has one member at least. */
export function chooseCallee(
  pattern: PatternHandle,
  patterns: Patterns,
  memberships: Memberships,
  random: RandomIds,
): number {
  const invoke = patterns.invoke(pattern);
  switch (invoke) {
    case Invoke.single:
    case Invoke.first:
    case Invoke.leastLoaded:
    case Invoke.leastLoadedSample:
    case Invoke.consistentHash:
    case Invoke.all:
      return patterns.firstMember(pattern);
    case Invoke.last:
      return patterns.lastMember(pattern);
    case Invoke.roundrobin: {
      const row = patterns.cursor(pattern) || patterns.firstMember(pattern);
      patterns.setCursor(pattern, memberships.nextOfPattern(row));
      return row;
    }
    case Invoke.random: {
      let row = patterns.firstMember(pattern);
      for (let steps = random.below(patterns.memberCount(pattern)); steps > 0; steps--)
        row = memberships.nextOfPattern(row);
      return row;
    }
    default:
      return unreachable(invoke);
  }
}
