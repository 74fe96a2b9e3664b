/**
 * Decisions that have been made, by the handles of their patterns in the index: each table has a ring of them, and what is made
 * anew takes the place of the oldest. So whoever asks about URIs without end makes others decide again now and then, and takes no
 * memory. Each step costs the same, however many there are.
 */
import { U32Column } from "../base/column.ts";
import type { PatternHandle } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { PatternIndex } from "../wasm/index.ts";

/** Of a table of rules, where its decisions are kept. */
export interface DecisionRing {
  readonly ring: PatternHandle[];
  oldest: number;
}

export interface DecisionsParts {
  readonly index: PatternIndex;
  readonly limits: Limits;
}

export class Decisions {
  readonly #index: PatternIndex;
  readonly #limits: Limits;
  readonly #bits = new U32Column();
  /** All tables, and which is the next to give one up when there is no more room in all. */
  readonly #rings: DecisionRing[] = [];
  #victim = 0;
  #count = 0;

  constructor({ index, limits }: DecisionsParts) {
    this.#index = index;
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }
  get(handle: PatternHandle): number {
    return this.#bits.get(handle);
  }
  set(handle: PatternHandle, decision: number): void {
    this.#bits.set(handle, decision);
  }

  add(table: DecisionRing): void {
    this.#rings.push(table);
  }
  remove(table: DecisionRing): void {
    this.clear(table);
    const place = this.#rings.indexOf(table);
    const last = this.#rings.pop()!;
    if (last !== table) this.#rings[place] = last;
  }

  /** Forgets all of a table. */
  clear(table: DecisionRing): void {
    for (const handle of table.ring) this.#index.remove(handle);
    this.#count -= table.ring.length;
    table.ring.length = 0;
    table.oldest = 0;
  }

  /** Remembers what was decided under a new handle. */
  keep(table: DecisionRing, handle: PatternHandle, decision: number): void {
    this.#bits.ensure(handle);
    this.#bits.set(handle, decision);
    const { ring } = table;
    const { accessDecisions_max, accessDecisionsTotal_max } = this.#limits;
    const isFull = ring.length >= accessDecisions_max || this.#count >= accessDecisionsTotal_max;
    if (isFull && ring.length > 0) {
      this.#index.remove(ring[table.oldest]!);
      ring[table.oldest] = handle;
      table.oldest = (table.oldest + 1) % ring.length;
      return;
    }
    if (isFull) this.#giveUp();
    ring.push(handle);
    this.#count++;
  }

  /** Some other table forgets one. */
  #giveUp(): void {
    for (let i = 0; i < this.#rings.length; i++) {
      this.#victim = (this.#victim + 1) % this.#rings.length;
      const { ring } = this.#rings[this.#victim]!;
      const handle = ring.pop();
      if (handle === undefined) continue;
      this.#index.remove(handle);
      this.#count--;
      const table = this.#rings[this.#victim]!;
      if (table.oldest >= ring.length) table.oldest = 0;
      return;
    }
  }
}
