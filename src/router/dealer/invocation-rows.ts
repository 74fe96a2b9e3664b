/**
 * Finds the row of an invocation in flight. A callee's ids follow one another, so nearly all of them have a slot to themselves in a
 * direct-mapped table, which holds rows and nothing else: a row says itself whose it is. What finds its slot taken lies in a hash table. Hot.
 */
import type { Target } from "../../base/ids.ts";
import { IntTable } from "../../base/int-table.ts";

const slotCount = 8_192;
const slotMask = slotCount - 1;
const twoTo32 = 2 ** 32;
/** Sets callees apart: as many ids of each lie between those of the next slot number. */
const stride = 613;

export class InvocationRows {
  readonly #slots = new Uint32Array(slotCount);
  readonly #others: IntTable;

  constructor(seed: number) {
    this.#others = new IntTable(seed);
  }

  /** The row in the slot of this invocation, which may be of another one; 0: none. */
  likely(callee: Target, invocation: number): number {
    return this.#slots[slotOf(callee, invocation)]!;
  }

  /** The row of an invocation that has lost its slot to another; to be compared with what it says itself. 0: none. */
  other(callee: Target, invocation: number): number {
    return this.#others.size === 0 ? 0 : this.#others.get(keyOf(callee, invocation), invocation >>> 0);
  }

  add(callee: Target, invocation: number, row: number): void {
    const slot = slotOf(callee, invocation);
    if (this.#slots[slot] === 0) this.#slots[slot] = row;
    else this.#others.set(keyOf(callee, invocation), invocation >>> 0, row);
  }

  delete(callee: Target, invocation: number, row: number): void {
    const slot = slotOf(callee, invocation);
    if (this.#slots[slot] === row) this.#slots[slot] = 0;
    else this.#others.delete(keyOf(callee, invocation), invocation >>> 0);
  }
}

function slotOf(callee: Target, invocation: number): number {
  return (Math.imul(callee, stride) + (invocation >>> 0)) & slotMask;
}

/** Target and upper id bits in one word: ids beyond 2^32 land elsewhere, and two of one target never meet within 2^32 invocations. */
function keyOf(callee: Target, invocation: number): number {
  const upper = invocation < twoTo32 ? 0 : Math.floor(invocation / twoTo32);
  return (callee ^ Math.imul(upper, 0x9e3779b1)) >>> 0;
}
