/**
 * Calls in flight: one row each, found by (callee, invocation id) when the callee answers, and linked in a list of its caller
 * and a list of its callee for cancels and departures. Every row ends in exactly one `close`.
 */

import { F64Records, Rows, U32Records } from "../../base/column.ts";
import type { RegistrationId, RequestId, Target } from "../../base/ids.ts";
import type { SharedLoads } from "../peers/shared-loads.ts";
import type { RouterSession } from "../types.ts";
import { InvocationRows } from "./invocation-rows.ts";

/** What a pending call is allowed and waiting for; bits. */
export const CallFlag = {
  /** The caller wants progressive results. */
  progress: 1 << 0,
  /** Canceled with mode `kill`: the callee's answer is still awaited. */
  killing: 1 << 1,
  /** The caller's last CALL said that more will follow (progressive call invocations). */
  open: 1 << 2,
  /** Progressive, and in payload passthru mode: what the first CALL said about the payload holds for the others. */
  passthru: 1 << 3,
  /** A call to all callees of a registration: its callee is a group, not a session (gather.ts). */
  group: 1 << 6,
  /** One callee's part of such a call: its caller is the group, its request the callee's place in the group. */
  part: 1 << 7,
  /** It has no callee yet: it stands in the waiting room. */
  waiting: 1 << 8,
  /** It is counted for a callee that takes only so many (callees.ts). */
  limited: 1 << 9,
  /** Its frame was kept: it can go to another callee (reroute.ts). */
  kept: 1 << 10,
  /** It has gone to another callee. */
  rerouted: 1 << 11,
  /** The caller has heard of its callee, or the callee more than the first CALL: it stays where it is. */
  bound: 1 << 12,
  /** The caller has no right to cancel it. */
  uncancelable: 1 << 13,
} as const;

/** Calls that somebody else keeps something for. */
export const watchedCall = CallFlag.waiting | CallFlag.limited | CallFlag.rerouted;

/** Above the flags of a row lie the `Detail` bits of its INVOCATION: those that follow repeat them. */
export const detailShift = 16;

/** Who a call comes from, as this table sees it: a session, or a group for its parts. */
export type CallSide = Pick<RouterSession, "target" | "firstCall" | "callCount" | "callIndex">;
/** Whom it goes to: a session, or a group for the call of its caller. */
export type InvocationSide = Pick<
  RouterSession,
  "target" | "lastInvocation" | "firstInvocation" | "invocationCount"
>;

/** Fields of a row: who, whose, and the neighbours in the two lists. One is left free, so that a row fills half a cache line. */
const Word = {
  caller: 0,
  callee: 1,
  flags: 2,
  nextOfCaller: 3,
  previousOfCaller: 4,
  nextOfCallee: 5,
  previousOfCallee: 6,
} as const;
const wordCount = 8;

const Float = { request: 0, invocation: 1, timeout_ms: 2, registration: 3 } as const;
const floatCount = 4;

export class PendingCalls {
  readonly #rows = new Rows();
  readonly #words = new U32Records(wordCount);
  readonly #floats = new F64Records(floatCount);
  readonly #byInvocation: InvocationRows;

  /** Where other routers see how many invocations the sessions of this one have; null: there are none. */
  readonly #loads: SharedLoads | null;

  constructor(seed: number, loads: SharedLoads | null = null) {
    this.#byInvocation = new InvocationRows(seed);
    this.#loads = loads;
  }

  get count(): number {
    return this.#rows.count;
  }
  caller(row: number): Target {
    return this.#words.get(row, Word.caller) as Target;
  }
  callee(row: number): Target {
    return this.#words.get(row, Word.callee) as Target;
  }
  request(row: number): RequestId {
    return this.#floats.get(row, Float.request) as RequestId;
  }
  invocation(row: number): RequestId {
    return this.#floats.get(row, Float.invocation) as RequestId;
  }
  /** The id that its INVOCATIONs carry. */
  registration(row: number): RegistrationId {
    return this.#floats.get(row, Float.registration) as RegistrationId;
  }
  /** The call's timeout, 0 for none. Negative: the callee keeps it, by REGISTER.Options.forward_timeout. */
  timeout_ms(row: number): number {
    return this.#floats.get(row, Float.timeout_ms);
  }
  setTimeout_ms(row: number, timeout_ms: number): void {
    this.#floats.segment(row)[this.#floats.offset(row) + Float.timeout_ms] = timeout_ms;
  }
  flags(row: number): number {
    return this.#words.get(row, Word.flags);
  }
  setFlags(row: number, flags: number): void {
    this.#words.set(row, Word.flags, flags);
  }
  /** The next row in the list that begins with `firstCall`; 0: none. */
  nextOfCaller(row: number): number {
    return this.#words.get(row, Word.nextOfCaller);
  }

  /** The next row, an older one, in the list that begins with `firstInvocation`; 0: none. */
  nextOfCallee(row: number): number {
    return this.#words.get(row, Word.nextOfCallee);
  }

  /**
   * Notes a call under the id of the last INVOCATION counted for the callee. Returns its row. Arguments and not an object: this
   * runs once per call.
   */
  open(
    caller: CallSide,
    callee: InvocationSide,
    request: RequestId,
    registration: RegistrationId,
    flags: number,
    timeout_ms: number,
  ): number {
    const row = this.#rows.take();
    this.#words.ensure(row);
    this.#floats.ensure(row);
    const invocation = callee.lastInvocation;
    const floats = this.#floats.segment(row);
    const f = this.#floats.offset(row);
    floats[f + Float.request] = request;
    floats[f + Float.invocation] = invocation;
    floats[f + Float.timeout_ms] = timeout_ms;
    floats[f + Float.registration] = registration;
    const firstCall = caller.firstCall;
    const firstInvocation = callee.firstInvocation;
    const words = this.#words.segment(row);
    const w = this.#words.offset(row);
    words[w + Word.caller] = caller.target;
    words[w + Word.callee] = callee.target;
    words[w + Word.flags] = flags;
    words[w + Word.nextOfCaller] = firstCall;
    words[w + Word.previousOfCaller] = 0;
    words[w + Word.nextOfCallee] = firstInvocation;
    words[w + Word.previousOfCallee] = 0;
    if (firstCall !== 0) this.#words.set(firstCall, Word.previousOfCaller, row);
    if (firstInvocation !== 0) this.#words.set(firstInvocation, Word.previousOfCallee, row);
    caller.firstCall = row;
    caller.callCount++;
    if (caller.callIndex !== null) caller.callIndex.set(request, row);
    callee.firstInvocation = row;
    callee.invocationCount++;
    this.#loads?.setLoad(callee.target, callee.invocationCount);
    this.#byInvocation.add(callee.target, invocation, row);
    return row;
  }

  /** Gives the call to another callee, under the id of the last INVOCATION counted for that one. */
  move(row: number, from: InvocationSide, to: InvocationSide): void {
    this.#unlinkCallee(row, from);
    const words = this.#words;
    const first = to.firstInvocation;
    words.set(row, Word.callee, to.target);
    words.set(row, Word.nextOfCallee, first);
    words.set(row, Word.previousOfCallee, 0);
    if (first !== 0) words.set(first, Word.previousOfCallee, row);
    to.firstInvocation = row;
    to.invocationCount++;
    this.#loads?.setLoad(to.target, to.invocationCount);
    const invocation = to.lastInvocation;
    this.#floats.segment(row)[this.#floats.offset(row) + Float.invocation] = invocation;
    this.#byInvocation.add(to.target, invocation, row);
  }

  /** The row of an invocation sent to this callee and not yet closed, or 0. */
  byInvocation(callee: Target, invocation: number): number {
    let row = this.#byInvocation.likely(callee, invocation);
    if (row !== 0 && this.#isOf(row, callee, invocation)) return row;
    row = this.#byInvocation.other(callee, invocation);
    return row !== 0 && this.#isOf(row, callee, invocation) ? row : 0;
  }

  #isOf(row: number, callee: Target, invocation: number): boolean {
    return this.callee(row) === callee && this.invocation(row) === invocation;
  }

  /**
   * The row of a call that this caller has in flight, or 0. Most callers never ask; the first question makes an index of the
   * caller's own, because a walk over thousands of calls for each of thousands of CANCELs would stop everybody else. It is no
   * shared table: clients choose these ids, and could aim at each other's entries.
   */
  byRequest(caller: RouterSession, request: number): number {
    if (caller.firstCall === 0) return 0;
    let index = caller.callIndex;
    if (index === null) {
      index = caller.callIndex = new Map();
      for (let row = caller.firstCall; row !== 0; row = this.#words.get(row, Word.nextOfCaller))
        index.set(this.request(row), row);
    }
    return index.get(request) ?? 0;
  }

  close(row: number, caller: CallSide, callee: InvocationSide): void {
    const all = this.#words;
    const words = all.segment(row);
    const w = all.offset(row);
    const nextCall = words[w + Word.nextOfCaller]!;
    const previousCall = words[w + Word.previousOfCaller]!;
    if (previousCall === 0) caller.firstCall = nextCall;
    else all.set(previousCall, Word.nextOfCaller, nextCall);
    if (nextCall !== 0) all.set(nextCall, Word.previousOfCaller, previousCall);
    caller.callCount--;
    if (caller.callCount === 0) caller.callIndex = null;
    else if (caller.callIndex !== null) caller.callIndex.delete(this.request(row));
    this.#unlinkCallee(row, callee);
    this.#rows.free(row);
  }

  #unlinkCallee(row: number, callee: InvocationSide): void {
    const all = this.#words;
    const words = all.segment(row);
    const w = all.offset(row);
    const nextInvocation = words[w + Word.nextOfCallee]!;
    const previousInvocation = words[w + Word.previousOfCallee]!;
    if (previousInvocation === 0) callee.firstInvocation = nextInvocation;
    else all.set(previousInvocation, Word.nextOfCallee, nextInvocation);
    if (nextInvocation !== 0) all.set(nextInvocation, Word.previousOfCallee, previousInvocation);
    callee.invocationCount--;
    this.#loads?.setLoad(callee.target, callee.invocationCount);
    const invocation = this.invocation(row);
    this.#byInvocation.delete(callee.target, invocation, row);
  }
}
