/**
 * Who is subscribed to, or registered for, which pattern: one row per (pattern, session), linked both ways – in a list of the
 * pattern in order of joining, and in a list of the session. All operations are O(1). A row costs 24 bytes; a hash entry is there
 * only for the members of patterns that have several.
 */

import { U32Records } from "../base/column.ts";
import type { PatternHandle, Target } from "../base/ids.ts";
import { IntTable } from "../base/int-table.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { RouterSession } from "./types.ts";

/** What a member of a pattern asked for when it joined; up to six bits. */
export const MemberFlag = {
  /** REGISTER.Options.forward_timeout: the callee itself ends calls that take too long. */
  forwardTimeout: 1 << 0,
} as const;

/** What a fan-out reads of each member. */
const Hot = { target: 0, nextOfPattern: 1 } as const;
/** A free row has the next free one in `nextOfSession`. */
const Cold = { pattern: 0, previousOfPattern: 1, nextOfSession: 2, previousOfSession: 3 } as const;
/** Handles are below 2^26 (assembly/index-entry.ts); the flags lie above. */
const flagShift = 26;
const patternMask = (1 << flagShift) - 1;

export class Memberships {
  readonly #hot = new U32Records(2);
  readonly #cold = new U32Records(4);
  #freeHead = 0;
  #top = 0;
  #count = 0;
  readonly #byPair: IntTable;
  readonly #patterns: Patterns;
  readonly #kind: PatternKind;

  /** One table for subscriptions and one for registrations: a session ends its registrations at once, its subscriptions in pieces. */
  constructor(kind: PatternKind, patterns: Patterns, seed: number) {
    this.#kind = kind;
    this.#patterns = patterns;
    this.#byPair = new IntTable(seed);
  }

  get count(): number {
    return this.#count;
  }
  /** Bytes of the table's rows and hash entries. */
  get bytes(): number {
    return this.#hot.bytes + this.#cold.bytes + this.#byPair.bytes;
  }
  /** The row of (pattern, session), or 0. */
  find(pattern: PatternHandle, target: Target): number {
    const first = this.#patterns.firstMember(pattern);
    if (first === 0 || this.target(first) === target) return first;
    return this.nextOfPattern(first) === 0 ? 0 : this.#byPair.get(pattern, target);
  }
  target(row: number): Target {
    return this.#hot.get(row, Hot.target) as Target;
  }
  pattern(row: number): PatternHandle {
    return (this.#cold.get(row, Cold.pattern) & patternMask) as PatternHandle;
  }
  /** `MemberFlag` bits. */
  flags(row: number): number {
    return this.#cold.get(row, Cold.pattern) >>> flagShift;
  }
  setFlags(row: number, flags: number): void {
    this.#cold.set(row, Cold.pattern, this.pattern(row) | (flags << flagShift));
  }
  previousOfPattern(row: number): number {
    return this.#cold.get(row, Cold.previousOfPattern);
  }
  nextOfPattern(row: number): number {
    return this.#hot.get(row, Hot.nextOfPattern);
  }
  nextOfSession(row: number): number {
    return this.#cold.get(row, Cold.nextOfSession);
  }

  /** Head of the session's list; 0: it has none. */
  first(session: RouterSession): number {
    return this.#kind === PatternKind.subscription ? session.firstSubscription : session.firstRegistration;
  }
  #setFirst(session: RouterSession, row: number): void {
    if (this.#kind === PatternKind.subscription) session.firstSubscription = row;
    else session.firstRegistration = row;
  }

  /**
   * Adds the session behind the pattern's last member, or behind the one in row `previous`, before all others for 0. The pair must not
   * be there yet.
   */
  add(
    pattern: PatternHandle,
    session: RouterSession,
    previous: number = this.#patterns.lastMember(pattern),
  ): number {
    const row = this.#takeRow();
    const next = previous === 0 ? this.#patterns.firstMember(pattern) : this.nextOfPattern(previous);
    this.#patterns.join(pattern, row, previous, next);
    const first = this.first(session);
    this.#hot.set(row, Hot.target, session.target);
    this.#hot.set(row, Hot.nextOfPattern, next);
    this.#cold.set(row, Cold.pattern, pattern);
    this.#cold.set(row, Cold.previousOfPattern, previous);
    this.#cold.set(row, Cold.nextOfSession, first);
    this.#cold.set(row, Cold.previousOfSession, 0);
    if (previous !== 0) this.#hot.set(previous, Hot.nextOfPattern, row);
    if (next !== 0) this.#cold.set(next, Cold.previousOfPattern, row);
    if (first !== 0) this.#cold.set(first, Cold.previousOfSession, row);
    this.#setFirst(session, row);
    if ((previous | next) !== 0) this.#enter(pattern, row, previous || next);
    return row;
  }

  /** Makes the entry of one of several members; and of the one beside it, who had none as long as it was alone. */
  #enter(pattern: PatternHandle, row: number, beside: number): void {
    this.#byPair.set(pattern, this.target(row), row);
    if (this.#patterns.memberCount(pattern) === 2) this.#byPair.set(pattern, this.target(beside), beside);
  }

  /** Takes the row out of both lists. */
  remove(row: number, session: RouterSession): void {
    const pattern = this.pattern(row);
    const next = this.#hot.get(row, Hot.nextOfPattern);
    const previous = this.#cold.get(row, Cold.previousOfPattern);
    this.#patterns.leave(pattern, row, previous, next);
    if (previous !== 0) this.#hot.set(previous, Hot.nextOfPattern, next);
    if (next !== 0) this.#cold.set(next, Cold.previousOfPattern, previous);
    if ((previous | next) !== 0) this.#forget(pattern, session.target);
    const nextOwn = this.#cold.get(row, Cold.nextOfSession);
    const previousOwn = this.#cold.get(row, Cold.previousOfSession);
    if (previousOwn === 0) this.#setFirst(session, nextOwn);
    else this.#cold.set(previousOwn, Cold.nextOfSession, nextOwn);
    if (nextOwn !== 0) this.#cold.set(nextOwn, Cold.previousOfSession, previousOwn);
    this.#freeRow(row);
  }

  /** Removes the entry of one of several members; and of the last that is left, who needs none. */
  #forget(pattern: PatternHandle, target: Target): void {
    this.#byPair.delete(pattern, target);
    const first = this.#patterns.firstMember(pattern);
    if (this.nextOfPattern(first) === 0) this.#byPair.delete(pattern, this.target(first));
  }

  /** Rows are numbered from 1; one that was freed is the next that is given. */
  #takeRow(): number {
    this.#count++;
    const free = this.#freeHead;
    if (free !== 0) {
      this.#freeHead = this.#cold.get(free, Cold.nextOfSession);
      return free;
    }
    const row = ++this.#top;
    this.#hot.ensure(row);
    this.#cold.ensure(row);
    return row;
  }
  #freeRow(row: number): void {
    this.#count--;
    this.#cold.set(row, Cold.nextOfSession, this.#freeHead);
    this.#freeHead = row;
  }
}
