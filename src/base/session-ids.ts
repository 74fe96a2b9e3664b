/** Session ids, in a router of several threads: they say which of them has the session. Control path. */
import type { SessionId } from "./ids.ts";

const ids_max = 2 ** 53;

/**
 * An id for a session of thread `place` of `count`: (id - 1) % count is the place, and but for that it is uniform over 1..2^53, as the
 * specification wants it. `random` gives numbers that are.
 */
export function sessionIdFor(place: number, count: number, random: () => number): SessionId {
  const blocks = Math.floor(ids_max / count);
  for (;;) {
    const block = Math.floor((random() - 1) / count);
    // What is left behind the last whole block would be drawn by some places only.
    if (block < blocks) return (block * count + place + 1) as SessionId;
  }
}
