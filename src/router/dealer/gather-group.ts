/**
 * One CALL that went to every callee of a registration, while its callees answer. Control path: these are objects, and only such
 * calls have one.
 */
import type { RequestId, Target } from "../../base/ids.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { RouterSession } from "../types.ts";
import type { CallSide, InvocationSide } from "./pending.ts";

/**
 * `Options.yields` of a CALL to all callees. `gather` (where absent): one RESULT with every callee's answer. `first`: the first
 * RESULT. `progressive`: each callee's RESULTs as progressive ones, and a count at the end.
 */
export type Yields = "gather" | "first" | "progressive";

/** What the visited CALL says; null for what is none of the three. */
export function readYields(codec: Codec): Yields | null {
  const { yields } = codec.options();
  if (yields === undefined || yields === null) return "gather";
  return yields === "gather" || yields === "first" || yields === "progressive" ? yields : null;
}

export interface GroupCall {
  readonly caller: RouterSession;
  readonly request: RequestId;
  readonly yields: Yields;
}

/**
 * In PendingCalls a group stands between its caller and its callees: as callee of the caller's row, so that the caller has one call
 * in flight, and as caller of its parts, one row for each callee that has yet to answer.
 */
export class Group implements GroupCall, CallSide, InvocationSide {
  readonly caller: RouterSession;
  readonly request: RequestId;
  readonly yields: Yields;
  /** No session has this slot. */
  readonly target = 0 as Target;
  /** The caller's row; 0 when the call has ended. */
  row = 0;
  // The list of its parts.
  firstCall = 0;
  callCount = 0;
  callIndex = null;
  // What stands for a callee of the caller's row.
  lastInvocation: number;
  firstInvocation = 0;
  invocationCount = 0;
  /** Answers by place, in order of registration, encoded for the caller. `first` and `progressive` keep errors only. */
  readonly answers: (Uint8Array | undefined)[] = [];
  heldBytes = 0;
  results = 0;
  errors = 0;
  /** Of the errors, the one that stands for all when nobody gave a result: its place and its URI. */
  errorPlace = -1;
  errorUri = "";

  constructor(call: GroupCall, number: number) {
    this.caller = call.caller;
    this.request = call.request;
    this.yields = call.yields;
    this.lastInvocation = number;
  }
}
