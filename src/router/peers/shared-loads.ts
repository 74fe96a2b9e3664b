/**
 * Numbers that all routers see at once, in memory that they share: how many invocations each callee has outstanding, of whichever
 * router's callers, and whose turn it is in each registration. Each router writes the loads of its own sessions and nobody else's, so
 * that they are right again as soon as it starts anew; what is on its way to it, its sender adds. Hot.
 *
 * Only taking a turn is atomic. Everything else is written by one thread and read by others that need to see it soon, not at once, and
 * never half of it (ECMA-262 30.1, aligned integers do not tear); an ordered store costs as much as a step of the call. Whoever reads a
 * load a moment before the number that goes with it, or behind it, is wrong by one call in one choice; whoever reads an old turn fails
 * to take it, and reads it again.
 */
import { fixedLimits } from "../../base/fixed-limits.ts";

const { sharedLoads_max, sharedTurns_max } = fixedLimits;

/** Below this a registration's id is home's handle of it (patterns.ts). */
const handleRange = 2 ** 28;
/** A line of the processors' caches. Two that write into one line wait for each other. */
const wordsPerLine = 16;

/** Of each router, in lines of its own. */
const seenWords = (routers: number): number => Math.ceil(routers / wordsPerLine) * wordsPerLine;

export class SharedLoads {
  readonly #turns: Int32Array;
  readonly #seen: Int32Array;
  readonly #loads: Int32Array;
  readonly #self: number;
  /** Words for what one router has seen of the others. */
  readonly #seenWords: number;

  /** Bytes of memory for so many routers. */
  static bytesFor(routers: number): number {
    return 4 * (sharedTurns_max + routers * (seenWords(routers) + sharedLoads_max));
  }

  /** `memory` is of `bytesFor` bytes, zeroed before the first router starts, and the same for all `routers`. */
  constructor(memory: SharedArrayBuffer | ArrayBuffer, routers: number, self: number) {
    const cells = new Int32Array(memory);
    const seenFrom = sharedTurns_max;
    const loadsFrom = seenFrom + routers * seenWords(routers);
    this.#turns = cells.subarray(0, seenFrom);
    this.#seen = cells.subarray(seenFrom, loadsFrom);
    this.#loads = cells.subarray(loadsFrom);
    this.#self = self;
    this.#seenWords = seenWords(routers);
    this.#loads.fill(0, self * sharedLoads_max, (self + 1) * sharedLoads_max);
    for (let router = 0; router < routers; router++) {
      this.#seen[self * this.#seenWords + router] = 0;
      this.#seen[router * this.#seenWords + self] = 0;
    }
  }

  // ---- loads

  /** The invocations outstanding at a session of this router, by its slot among the targets. */
  setLoad(slot: number, load: number): void {
    if (slot < sharedLoads_max) this.#loads[this.#self * sharedLoads_max + slot] = load;
  }
  /** Those at a session of another router; 0 where they are not known. */
  load(router: number, slot: number): number {
    return slot < sharedLoads_max ? this.#loads[router * sharedLoads_max + slot]! : 0;
  }

  /** The invocation of this number, of another router's caller, is among the loads. Numbers rise. */
  setSeen(router: number, number: number): void {
    this.#seen[this.#self * this.#seenWords + router] = number | 0;
  }
  /** The other router has seen this router's invocation of this number. */
  hasSeen(router: number, number: number): boolean {
    return ((this.#seen[router * this.#seenWords + this.#self]! - number) | 0) >= 0;
  }

  // ---- turns

  /** Whose turn it is in a registration, as it was last set by any router. -1: there is no room to say. */
  turn(registration: number): number {
    const cell = registration % handleRange;
    return cell < sharedTurns_max ? this.#turns[cell]! : -1;
  }
  /** Sets the next turn, if it is still `turn`'s. False: another router has taken it. */
  takeTurn(registration: number, turn: number, next: number): boolean {
    return Atomics.compareExchange(this.#turns, registration % handleRange, turn, next) === turn;
  }
}

/** How calls are spread over the callees of several routers. */
export interface Spread {
  /** Null: there is no other router. */
  readonly loads: SharedLoads | null;
  /** Callees of this router come before those of others, where the policy of a registration leaves the choice. */
  readonly preferLocal: boolean;
}

/** Of a router that works alone. */
export const noSpread: Spread = { loads: null, preferLocal: false };
