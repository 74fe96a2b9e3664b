/** The callees of registrations as members of them: one row for each callee, however often it has registered. Control path. */
import type { PatternHandle } from "../../base/ids.ts";
import { MemberFlag, type Memberships } from "../memberships.ts";
import type { Patterns } from "../patterns.ts";
import type { RouterSession } from "../types.ts";
import type { CallDispatch } from "./call-dispatch.ts";
import type { RegisterOptions } from "./register-options.ts";

export interface CalleeMembersParts {
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly dispatch: CallDispatch;
}

export class CalleeMembers {
  readonly #parts: CalleeMembersParts;

  constructor(parts: CalleeMembersParts) {
    this.#parts = parts;
  }

  /** Registers a callee (again), behind the member in row `previous`, before all others for 0. Returns its row. */
  join(
    callee: RouterSession,
    pattern: PatternHandle,
    options: RegisterOptions,
    previous: number = this.#parts.patterns.lastMember(pattern),
  ): number {
    const { memberships, dispatch } = this.#parts;
    const known = memberships.find(pattern, callee.target);
    const row = known === 0 ? memberships.add(pattern, callee, previous) : known;
    if (options.forwardTimeout) memberships.setFlags(row, MemberFlag.forwardTimeout);
    callee.registrationCount++;
    dispatch.joined(pattern, row, options, known === 0);
    return row;
  }

  /** Takes one of its turns from a callee. True: it was the last, and the row is gone. */
  drop(row: number, callee: RouterSession): boolean {
    const { patterns, memberships, dispatch } = this.#parts;
    const pattern = memberships.pattern(row);
    callee.registrationCount--;
    if (dispatch.callees.weight(row) > 1) {
      dispatch.callees.addWeight(row, -1);
      return false;
    }
    dispatch.leaving(pattern, row, patterns.memberCount(pattern) === 1);
    memberships.remove(row, callee);
    return true;
  }
}
