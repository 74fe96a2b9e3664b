/**
 * Calls in flight: one row each, found by (callee, invocation id) when the callee answers, and linked in a list of its caller
 * and a list of its callee for cancels and departures. Every row ends in exactly one `close`.
 */

import { F64Column, Rows, U8Column, U32Column } from "../base/column.ts";
import type { PatternHandle, RequestId, Target } from "../base/ids.ts";
import { IntTable } from "../base/int-table.ts";
import type { RouterSession } from "./types.ts";

/** What a pending call is allowed and waiting for; bits. */
export const CallFlag = {
  /** The caller wants progressive results. */
  progress: 1 << 0,
  /** Canceled with mode `kill`: the callee's answer is still awaited. */
  killing: 1 << 1,
  /** The caller had no timeout; no deadline to restart. */
  untimed: 1 << 2,
} as const;

const twoTo32 = 2 ** 32;

export class PendingCalls {
  readonly #rows = new Rows();
  readonly #caller = new U32Column();
  readonly #callee = new U32Column();
  readonly #request = new F64Column();
  readonly #invocation = new F64Column();
  readonly #registration = new U32Column();
  readonly #timeout_ms = new F64Column();
  readonly #flags = new U8Column();
  readonly #nextOfCaller = new U32Column();
  readonly #previousOfCaller = new U32Column();
  readonly #nextOfCallee = new U32Column();
  readonly #previousOfCallee = new U32Column();
  readonly #byInvocation: IntTable;

  constructor(seed: number) {
    this.#byInvocation = new IntTable(seed);
  }

  get count(): number {
    return this.#rows.count;
  }
  get top(): number {
    return this.#rows.top;
  }
  caller(row: number): Target {
    return this.#caller.get(row) as Target;
  }
  callee(row: number): Target {
    return this.#callee.get(row) as Target;
  }
  request(row: number): RequestId {
    return this.#request.get(row) as RequestId;
  }
  invocation(row: number): RequestId {
    return this.#invocation.get(row) as RequestId;
  }
  registration(row: number): PatternHandle {
    return this.#registration.get(row) as PatternHandle;
  }
  timeout_ms(row: number): number {
    return this.#timeout_ms.get(row);
  }
  flags(row: number): number {
    return this.#flags.get(row);
  }
  setFlags(row: number, flags: number): void {
    this.#flags.set(row, flags);
  }
  nextOfCaller(row: number): number {
    return this.#nextOfCaller.get(row);
  }

  /** Notes a call under the callee's next invocation id. Returns its row. */
  open(
    caller: RouterSession,
    callee: RouterSession,
    call: { request: number; registration: PatternHandle; flags: number; timeout_ms: number },
  ): number {
    const row = this.#rows.take();
    this.#ensure(row);
    const invocation = callee.lastInvocation;
    this.#caller.set(row, caller.target);
    this.#callee.set(row, callee.target);
    this.#request.set(row, call.request);
    this.#invocation.set(row, invocation);
    this.#registration.set(row, call.registration);
    this.#timeout_ms.set(row, call.timeout_ms);
    this.#flags.set(row, call.flags);
    const firstCall = caller.firstCall;
    this.#nextOfCaller.set(row, firstCall);
    this.#previousOfCaller.set(row, 0);
    if (firstCall !== 0) this.#previousOfCaller.set(firstCall, row);
    caller.firstCall = row;
    caller.callCount++;
    caller.callIndex?.set(call.request, row);
    const firstInvocation = callee.firstInvocation;
    this.#nextOfCallee.set(row, firstInvocation);
    this.#previousOfCallee.set(row, 0);
    if (firstInvocation !== 0) this.#previousOfCallee.set(firstInvocation, row);
    callee.firstInvocation = row;
    callee.invocationCount++;
    this.#byInvocation.set(keyOf(callee.target, invocation), invocation >>> 0, row);
    return row;
  }

  /** The row of an invocation sent to this callee and not yet closed, or 0. */
  byInvocation(callee: Target, invocation: number): number {
    const row = this.#byInvocation.get(keyOf(callee, invocation), invocation >>> 0);
    // The key keeps all of the slot but mixes the id's upper bits in: compare what it stands for.
    if (row === 0 || this.#callee.get(row) !== callee || this.#invocation.get(row) !== invocation) return 0;
    return row;
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
      for (let row = caller.firstCall; row !== 0; row = this.#nextOfCaller.get(row))
        index.set(this.#request.get(row), row);
    }
    return index.get(request) ?? 0;
  }

  close(row: number, caller: RouterSession, callee: RouterSession): void {
    const nextCall = this.#nextOfCaller.get(row);
    const previousCall = this.#previousOfCaller.get(row);
    if (previousCall === 0) caller.firstCall = nextCall;
    else this.#nextOfCaller.set(previousCall, nextCall);
    if (nextCall !== 0) this.#previousOfCaller.set(nextCall, previousCall);
    caller.callCount--;
    if (caller.callCount === 0) caller.callIndex = null;
    else caller.callIndex?.delete(this.#request.get(row));
    const nextInvocation = this.#nextOfCallee.get(row);
    const previousInvocation = this.#previousOfCallee.get(row);
    if (previousInvocation === 0) callee.firstInvocation = nextInvocation;
    else this.#nextOfCallee.set(previousInvocation, nextInvocation);
    if (nextInvocation !== 0) this.#previousOfCallee.set(nextInvocation, previousInvocation);
    callee.invocationCount--;
    const invocation = this.#invocation.get(row);
    this.#byInvocation.delete(keyOf(callee.target, invocation), invocation >>> 0);
    this.#rows.free(row);
  }

  #ensure(row: number): void {
    this.#caller.ensure(row);
    this.#callee.ensure(row);
    this.#request.ensure(row);
    this.#invocation.ensure(row);
    this.#registration.ensure(row);
    this.#timeout_ms.ensure(row);
    this.#flags.ensure(row);
    this.#nextOfCaller.ensure(row);
    this.#previousOfCaller.ensure(row);
    this.#nextOfCallee.ensure(row);
    this.#previousOfCallee.ensure(row);
  }
}

/** Slot and upper id bits in one word: ids beyond 2^32 land elsewhere, and two of one slot never meet within 2^32 invocations. */
function keyOf(callee: Target, invocation: number): number {
  const upper = invocation < twoTo32 ? 0 : Math.floor(invocation / twoTo32);
  return (callee ^ Math.imul(upper, 0x9e3779b1)) >>> 0;
}
