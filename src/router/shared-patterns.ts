/**
 * What patterns have beside in a router that works with others: the id that is the same at all of them, and which routers hold the
 * pattern, a bit each: those with subscribers of it, or with callees. A router that works alone has none of it.
 */
import { F64Column, U32Column } from "../base/column.ts";
import type { PatternHandle } from "../base/ids.ts";
import { IntTable } from "../base/int-table.ts";

const twoTo32 = 2 ** 32;

export class SharedPatterns {
  /** The bit of this router. */
  readonly ownBit: number;
  readonly #id = new F64Column();
  readonly #holders = new U32Column();
  readonly #byId: IntTable;

  constructor(self: number, seed: number) {
    this.ownBit = 1 << self;
    this.#byId = new IntTable(seed);
  }

  ensure(handle: PatternHandle): void {
    this.#id.ensure(handle);
    this.#holders.ensure(handle);
  }

  id(handle: PatternHandle): number {
    return this.#id.get(handle);
  }
  /** The pattern with this id, or 0. */
  byId(id: number): PatternHandle | 0 {
    return this.#byId.get(Math.floor(id / twoTo32), id >>> 0) as PatternHandle;
  }
  setId(handle: PatternHandle, id: number): void {
    this.#id.set(handle, id);
    this.#byId.set(Math.floor(id / twoTo32), id >>> 0, handle);
  }
  /** The pattern has no id any more. */
  forget(handle: PatternHandle): void {
    const id = this.#id.get(handle);
    this.#byId.delete(Math.floor(id / twoTo32), id >>> 0);
    this.#holders.set(handle, 0);
  }

  holders(handle: PatternHandle): number {
    return this.#holders.get(handle);
  }
  setHolders(handle: PatternHandle, routers: number): void {
    this.#holders.set(handle, routers);
  }
}
