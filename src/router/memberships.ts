/**
 * Who is subscribed to, or registered for, which pattern: one row per (pattern, session), linked both ways – in a list of the
 * pattern in order of joining, and in a list of the session. All operations are O(1); a row costs 25 bytes and its hash entry.
 */

import { Rows, U8Column, U32Column } from "../base/column.ts";
import type { PatternHandle, Target } from "../base/ids.ts";
import { IntTable } from "../base/int-table.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { RouterSession } from "./types.ts";

/** What a member of a pattern asked for when it joined; bits. */
export const MemberFlag = {
  /** REGISTER.Options.forward_timeout: the callee itself ends calls that take too long. */
  forwardTimeout: 1 << 0,
} as const;

export class Memberships {
  readonly #rows = new Rows();
  readonly #pattern = new U32Column();
  readonly #target = new U32Column();
  readonly #nextOfPattern = new U32Column();
  readonly #previousOfPattern = new U32Column();
  readonly #nextOfSession = new U32Column();
  readonly #previousOfSession = new U32Column();
  readonly #flags = new U8Column();
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
    return this.#rows.count;
  }
  /** The row of (pattern, session), or 0. */
  find(pattern: PatternHandle, target: Target): number {
    return this.#byPair.get(pattern, target);
  }
  target(row: number): Target {
    return this.#target.get(row) as Target;
  }
  pattern(row: number): PatternHandle {
    return this.#pattern.get(row) as PatternHandle;
  }
  /** `MemberFlag` bits. */
  flags(row: number): number {
    return this.#flags.get(row);
  }
  setFlags(row: number, flags: number): void {
    this.#flags.set(row, flags);
  }
  previousOfPattern(row: number): number {
    return this.#previousOfPattern.get(row);
  }
  nextOfPattern(row: number): number {
    return this.#nextOfPattern.get(row);
  }
  nextOfSession(row: number): number {
    return this.#nextOfSession.get(row);
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
    const row = this.#rows.take();
    this.#ensure(row);
    this.#pattern.set(row, pattern);
    this.#target.set(row, session.target);
    this.#flags.set(row, 0);
    const next = previous === 0 ? this.#patterns.firstMember(pattern) : this.#nextOfPattern.get(previous);
    this.#previousOfPattern.set(row, previous);
    this.#nextOfPattern.set(row, next);
    if (previous === 0) this.#patterns.setFirstMember(pattern, row);
    else this.#nextOfPattern.set(previous, row);
    if (next === 0) this.#patterns.setLastMember(pattern, row);
    else this.#previousOfPattern.set(next, row);
    this.#patterns.addToCount(pattern, 1);
    const first = this.first(session);
    this.#previousOfSession.set(row, 0);
    this.#nextOfSession.set(row, first);
    if (first !== 0) this.#previousOfSession.set(first, row);
    this.#setFirst(session, row);
    this.#byPair.set(pattern, session.target, row);
    return row;
  }

  /** Takes the row out of both lists. The pattern's round-robin cursor moves on if it stood here. */
  remove(row: number, session: RouterSession): void {
    const pattern = this.pattern(row);
    const next = this.#nextOfPattern.get(row);
    const previous = this.#previousOfPattern.get(row);
    if (this.#patterns.cursor(pattern) === row) this.#patterns.setCursor(pattern, next);
    if (previous === 0) this.#patterns.setFirstMember(pattern, next);
    else this.#nextOfPattern.set(previous, next);
    if (next === 0) this.#patterns.setLastMember(pattern, previous);
    else this.#previousOfPattern.set(next, previous);
    this.#patterns.addToCount(pattern, -1);
    const nextOwn = this.#nextOfSession.get(row);
    const previousOwn = this.#previousOfSession.get(row);
    if (previousOwn === 0) this.#setFirst(session, nextOwn);
    else this.#nextOfSession.set(previousOwn, nextOwn);
    if (nextOwn !== 0) this.#previousOfSession.set(nextOwn, previousOwn);
    this.#byPair.delete(pattern, session.target);
    this.#rows.free(row);
  }

  #ensure(row: number): void {
    this.#pattern.ensure(row);
    this.#target.ensure(row);
    this.#nextOfPattern.ensure(row);
    this.#previousOfPattern.ensure(row);
    this.#nextOfSession.ensure(row);
    this.#previousOfSession.ensure(row);
    this.#flags.ensure(row);
  }
}
