/**
 * Hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks", 2014): stamps that are never smaller than
 * any stamp seen before, and stay close to the wall clock. Pure: each step takes the last stamp and gives the next.
 */

export interface Stamp {
  /** Milliseconds since 1970, up to 2^48 - 1. */
  readonly wall_ms: number;
  /** Stamps of the same millisecond, up to 65,535. */
  readonly counter: number;
  /** Who made it: `nodeIdDigits` hexadecimal digits in lower case. Decides between stamps that are otherwise equal. */
  readonly node: string;
}

export const nodeIdDigits = 16;
const wall_max = 2 ** 48 - 1;
const counter_max = 0xffff;
const shape = /^([0-9a-f]{12})-([0-9a-f]{4})-([0-9a-f]{16})$/;

/** Before everything. */
export const firstStamp = (node: string): Stamp => ({ wall_ms: 0, counter: 0, node });

/** For something that happens here: later than `last`, whatever the wall clock says. */
export function tick(last: Stamp, now_ms: number): Stamp {
  const now = Math.min(Math.max(0, Math.floor(now_ms)), wall_max);
  if (now > last.wall_ms) return { wall_ms: now, counter: 0, node: last.node };
  // A full counter borrows the next millisecond: stamps stay unique, and the wall clock catches up.
  if (last.counter === counter_max) return { wall_ms: last.wall_ms + 1, counter: 0, node: last.node };
  return { wall_ms: last.wall_ms, counter: last.counter + 1, node: last.node };
}

/**
 * After hearing of a stamp of another node: what is made here from now on is later than it. Null, and nothing is heard, where it is
 * more than `drift_ms` ahead of the wall clock: one wrong clock would otherwise drag all others along.
 */
export function hear(
  last: Stamp,
  heard: Stamp,
  { now_ms, drift_ms }: { readonly now_ms: number; readonly drift_ms: number },
): Stamp | null {
  if (heard.wall_ms - now_ms > drift_ms) return null;
  const ahead =
    heard.wall_ms > last.wall_ms || (heard.wall_ms === last.wall_ms && heard.counter > last.counter);
  return ahead ? { wall_ms: heard.wall_ms, counter: heard.counter, node: last.node } : last;
}

/** Text that sorts as the stamps do. */
export function encodeStamp({ wall_ms, counter, node }: Stamp): string {
  return `${wall_ms.toString(16).padStart(12, "0")}-${counter.toString(16).padStart(4, "0")}-${node}`;
}

/** Null for anything that `encodeStamp` does not make. */
export function decodeStamp(text: string): Stamp | null {
  const parts = shape.exec(text);
  if (parts === null) return null;
  return {
    wall_ms: Number.parseInt(parts[1]!, 16),
    counter: Number.parseInt(parts[2]!, 16),
    node: parts[3]!,
  };
}

/** Negative: `a` is earlier. Zero only for equal stamps. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.wall_ms !== b.wall_ms) return a.wall_ms - b.wall_ms;
  if (a.counter !== b.counter) return a.counter - b.counter;
  return a.node < b.node ? -1 : Number(a.node > b.node);
}
