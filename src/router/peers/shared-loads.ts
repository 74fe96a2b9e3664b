/**
 * Numbers that all routers see at once, in memory that they share: how many invocations each callee has outstanding, of whichever
 * router's callers, and whose turn it is in each registration. Each router writes the loads of its own sessions and nobody else's, so
 * that they are right again as soon as it starts anew. Hot.
 */
import { fixedLimits } from "../../base/fixed-limits.ts";

const { sharedLoads_max, sharedTurns_max } = fixedLimits;

/** Below this a registration's id is home's handle of it (patterns.ts). */
const handleRange = 2 ** 28;

export class SharedLoads {
  readonly #turns: Int32Array;
  readonly #loads: Int32Array;
  readonly #own: number;

  /** Bytes of memory for so many routers. */
  static bytesFor(routers: number): number {
    return 4 * (sharedTurns_max + routers * sharedLoads_max);
  }

  /** `memory` is of `bytesFor` bytes, zeroed before the first router starts, and the same for all of them. */
  constructor(memory: SharedArrayBuffer | ArrayBuffer, self: number) {
    const cells = new Int32Array(memory);
    this.#turns = cells.subarray(0, sharedTurns_max);
    this.#loads = cells.subarray(sharedTurns_max);
    this.#own = self * sharedLoads_max;
    this.#loads.fill(0, this.#own, this.#own + sharedLoads_max);
  }

  /** A session of this router, by its slot among the targets. */
  setLoad(slot: number, load: number): void {
    if (slot < sharedLoads_max) Atomics.store(this.#loads, this.#own + slot, load);
  }

  /** The invocations outstanding at a session of another router; 0 where they are not known. */
  load(router: number, slot: number): number {
    return slot < sharedLoads_max ? Atomics.load(this.#loads, router * sharedLoads_max + slot) : 0;
  }

  /** Takes the next turn of a registration: 0, 1, 2 … over all routers. -1: there is no room to count them. */
  nextTurn(registration: number): number {
    const cell = registration % handleRange;
    return cell < sharedTurns_max ? Atomics.add(this.#turns, cell, 1) & 0x7fffffff : -1;
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
