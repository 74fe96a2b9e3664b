/**
 * Sharded registration: a CALL with `runmode` "all", and one of a registration whose policy is `all`, goes to every callee (gather.ts).
 * One with `runmode` "partition" goes to a single callee, as by a policy (callee-choice.ts). Control path.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Message } from "../../protocol/messages.ts";
import { FSlot, Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, type Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { RouterSession } from "../types.ts";
import type { Callees } from "./callees.ts";
import type { GroupCalls } from "./gather.ts";
import { readYields } from "./gather-group.ts";
import { invocationDetails } from "./invocation-details.ts";

export interface ShardedCallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly callees: Callees;
  readonly groups: GroupCalls;
  readonly limits: Limits;
  readonly metrics: Metrics;
}

export class ShardedCalls {
  readonly #parts: ShardedCallsParts;

  constructor(parts: ShardedCallsParts) {
    this.#parts = parts;
  }

  /** Sends the visited CALL to all callees, or refuses it. */
  callAll(caller: RouterSession, pattern: PatternHandle, request: RequestId): void {
    const { codec, targets, patterns, memberships, groups, limits, metrics } = this.#parts;
    const refuse = (error: ErrorEntry, problem: string): void =>
      caller.postError(Message.call, request, error, problem);
    if ((codec.u(Slot.true) & Option.progress) !== 0)
      return refuse(errors.featureNotSupported, "a call to all callees takes no progressive invocations");
    const yields = (codec.u(Slot.present) & Option.other) === 0 ? "gather" : readYields(codec);
    if (yields === null)
      return refuse(errors.invalidArgument, 'option "yields" is "gather", "first" or "progressive"');
    if (yields === "progressive" && (codec.u(Slot.true) & Option.receiveProgress) === 0)
      return refuse(errors.invalidArgument, 'option "yields": "progressive" needs "receive_progress": true');
    const count = patterns.memberCount(pattern);
    if (count > limits.calleesPerCall_max)
      return refuse(errors.unavailable, `a call may go to ${limits.calleesPerCall_max} callees`);
    if (count * codec.u(Slot.length) > limits.callBytesToAll_max)
      return refuse(errors.payloadSizeExceeded, "the call is too large to be sent to all its callees");
    const details = invocationDetails(codec, patterns, pattern, caller);
    if (details < 0) return refuse(errors.discloseMeDisallowed, "this realm does not disclose callers");
    metrics.calls++;
    const timeout_ms = Math.min(codec.f(FSlot.timeout), limits.callTimeout_ms);
    const registration = patterns.id(pattern);
    const members = this.#members(pattern);
    const callees = members.map((row) => targets.get(memberships.target(row)));
    const isLimited = (patterns.callTraits(pattern) & CallTrait.limited) !== 0;
    const limiter = isLimited ? this.#parts.callees : null;
    groups.begin({ caller, request, yields, callees, members, limiter, registration, details, timeout_ms });
  }

  /** In order of registration. */
  #members(pattern: PatternHandle): number[] {
    const { patterns, memberships } = this.#parts;
    const members: number[] = [];
    for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row))
      members.push(row);
    return members;
  }
}
