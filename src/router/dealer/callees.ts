/**
 * What callees agreed to beyond answering calls: how many at a time (REGISTER.Options.concurrency), how many turns they take, one
 * for each time that the session has registered, and for which shard they stand. Columns beside those of the memberships.
 *
 * Invocations are counted in a row of their own, because they outlive the membership: a callee that unregisters still has them.
 */
import { Rows, U32Column, U32Records } from "../../base/column.ts";
import type { PatternHandle } from "../../base/ids.ts";

/**
 * How many invocations may be outstanding, how many are, the registration and the membership (0 once the callee has left it), and
 * whether calls of this router are accepted there, for a callee of another one.
 */
const Word = { limit: 0, active: 1, pattern: 2, member: 3, accepts: 4 } as const;
const wordCount = 5;

/** What the router of a callee accepts of this one's calls: it counts those of all. */
export const Accepts = {
  /** All, as far as this router knows. */
  all: 0,
  /** None: one has come back. */
  none: 1,
  /** One. */
  one: 2,
} as const;
export type Accepts = (typeof Accepts)[keyof typeof Accepts];

export class Callees {
  /** By membership: registrations beyond the first, turns taken in a row, and the row in `#counts` or 0. */
  readonly #extra = new U32Column();
  readonly #turns = new U32Column();
  readonly #count = new U32Column();
  readonly #shard = new U32Column();
  readonly #rows = new Rows();
  readonly #counts = new U32Records(wordCount);
  /** By pending call: the row in which it is counted. Valid for calls that `occupy` was asked about. */
  readonly #countOfCall = new U32Column();

  /** Callees with a limit, and former ones that still have calls. */
  get limitedCount(): number {
    return this.#rows.count;
  }

  /** A new membership: one turn, no limit; `shard` is 0 to 2^32 - 1 (shard-hash.ts). */
  add(member: number, shard: number): void {
    this.#extra.ensure(member);
    this.#turns.ensure(member);
    this.#count.ensure(member);
    this.#shard.ensure(member);
    this.#extra.set(member, 0);
    this.#turns.set(member, 0);
    this.#count.set(member, 0);
    this.#shard.set(member, shard);
  }

  /** The membership ends; its invocations go on. */
  remove(member: number): void {
    const row = this.#count.get(member);
    if (row === 0) return;
    this.#count.set(member, 0);
    this.#counts.set(row, Word.pattern, 0);
    this.#counts.set(row, Word.member, 0);
    if (this.#counts.get(row, Word.active) === 0) this.#rows.free(row);
  }

  shard(member: number): number {
    return this.#shard.get(member);
  }
  setShard(member: number, shard: number): void {
    this.#shard.set(member, shard);
  }

  // ---- turns

  /** Counts changes of weights. */
  weightEpoch = 0;

  /** How often the session has registered. */
  weight(member: number): number {
    return this.#extra.get(member) + 1;
  }
  addWeight(member: number, change: 1 | -1): void {
    this.weightEpoch++;
    this.#extra.set(member, this.#extra.get(member) + change);
  }
  /** Takes one of the callee's turns; true if it was the last, and the next callee follows. */
  takeTurn(member: number): boolean {
    const turns = this.#turns.get(member);
    const isLast = turns >= this.#extra.get(member);
    this.#turns.set(member, isLast ? 0 : turns + 1);
    return isLast;
  }

  // ---- concurrency

  /** Sets or changes how many invocations may be outstanding. */
  limit(member: number, pattern: PatternHandle, concurrency: number): void {
    let row = this.#count.get(member);
    if (row === 0) {
      row = this.#rows.take();
      this.#counts.ensure(row);
      this.#counts.set(row, Word.active, 0);
      this.#counts.set(row, Word.pattern, pattern);
      this.#counts.set(row, Word.member, member);
      this.#counts.set(row, Word.accepts, Accepts.all);
      this.#count.set(member, row);
    }
    this.#counts.set(row, Word.limit, concurrency);
  }

  /** It may be sent one more invocation. */
  isFree(member: number): boolean {
    const row = this.#count.get(member);
    if (row === 0) return true;
    return this.#counts.get(row, Word.accepts) !== Accepts.none && this.#isBelow(row);
  }
  #isBelow(row: number): boolean {
    return this.#counts.get(row, Word.active) < this.#counts.get(row, Word.limit);
  }

  accepts(member: number): Accepts {
    const row = this.#count.get(member);
    return row === 0 ? Accepts.all : (this.#counts.get(row, Word.accepts) as Accepts);
  }
  setAccepts(member: number, accepts: Accepts): void {
    const row = this.#count.get(member);
    if (row !== 0) this.#counts.set(row, Word.accepts, accepts);
  }

  /** Counts a call for the callee. False: it has no limit, and nothing is counted. */
  occupy(member: number, call: number): boolean {
    const row = this.#count.get(member);
    if (row === 0) return false;
    this.occupyReserved(this.reserve(member), call);
    return true;
  }

  /** Counts a call that is yet to come. Returns where; 0: the callee has no limit (any more), and nothing is counted. */
  reserve(member: number): number {
    const row = this.#count.get(member);
    if (row === 0) return 0;
    this.#counts.set(row, Word.active, this.#counts.get(row, Word.active) + 1);
    return row;
  }
  /** The place was reserved for this membership, and not for an earlier one of the same row. */
  isReservedFor(row: number, member: number): boolean {
    return this.#count.get(member) === row;
  }
  /** It has come. */
  occupyReserved(row: number, call: number): void {
    this.#countOfCall.ensure(call);
    this.#countOfCall.set(call, row);
  }

  /** The membership for which a call is counted; 0: the callee has left the registration. */
  memberOf(call: number): number {
    const row = this.#countOfCall.get(call);
    return row === 0 ? 0 : this.#counts.get(row, Word.member);
  }

  /** The counted call is over. Returns the registration that may go on with the next one; 0: the callee has left it. */
  release(call: number): PatternHandle | 0 {
    return this.leave(this.#countOfCall.get(call));
  }
  /** The same where a place was reserved. */
  leave(row: number): PatternHandle | 0 {
    if (row === 0) return 0;
    const active = this.#counts.get(row, Word.active) - 1;
    this.#counts.set(row, Word.active, active);
    const pattern = this.#counts.get(row, Word.pattern) as PatternHandle | 0;
    if (pattern === 0 && active === 0) this.#rows.free(row);
    return pattern;
  }
}
