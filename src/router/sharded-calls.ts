/**
 * Sharded registration: where a CALL with a `runmode` goes, and a CALL of a registration whose policy is `all`. "partition" goes to
 * the one callee whose shard takes the routing key, "all" to every callee (gather.ts). Control path, but for `join`.
 */
import { U32Column } from "../base/column.ts";
import type { PatternHandle, RequestId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import { type ErrorEntry, errors } from "../protocol/errors.ts";
import { Message, RunMode } from "../protocol/messages.ts";
import { FSlot, Option, Slot } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import type { GroupCalls } from "./gather.ts";
import { readYields } from "./gather-group.ts";
import { invocationDetails } from "./invocation-details.ts";
import type { Memberships } from "./memberships.ts";
import type { Patterns } from "./patterns.ts";
import { hashId, hashKey, shardWeight } from "./shard-hash.ts";
import type { Targets } from "./targets.ts";
import type { RouterSession } from "./types.ts";

export interface ShardedCallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly groups: GroupCalls;
  readonly limits: Limits;
  readonly metrics: Metrics;
}

const utf8 = new TextEncoder();

export class ShardedCalls {
  readonly #parts: ShardedCallsParts;
  /** A member's shard as a number, by membership row. */
  readonly #shard = new U32Column();

  constructor(parts: ShardedCallsParts) {
    this.#parts = parts;
  }

  /**
   * The shard that the visited REGISTER asks for: Options.nkey, a text of the callee's own choice. Without one it is the session's id,
   * which is another one when the callee comes back. -1: nkey is no text.
   */
  shardOf(session: RouterSession): number {
    const { codec } = this.#parts;
    if ((codec.u(Slot.present) & Option.other) === 0) return hashId(session.id);
    const { nkey } = codec.options();
    if (nkey === undefined || nkey === null) return hashId(session.id);
    return typeof nkey === "string" ? hashKey(utf8.encode(nkey)) : -1;
  }

  /** Notes the shard of a new member. */
  join(row: number, shard: number): void {
    this.#shard.ensure(row);
    this.#shard.set(row, shard);
  }

  /** The membership row of the callee that the visited CALL goes to, or 0: it went to all, or was refused. */
  route(caller: RouterSession, pattern: PatternHandle, request: RequestId): number {
    const { codec } = this.#parts;
    if (codec.u(Slot.mode) !== RunMode.partition) {
      this.#callAll(caller, pattern, request);
      return 0;
    }
    if ((codec.u(Slot.present) & Option.rkey) !== 0)
      return this.#shardFor(pattern, hashKey(codec.span(codec.u(Slot.rkey), codec.u(Slot.rkeyLen))));
    const problem = 'option "rkey" is missing: runmode "partition" needs a routing key';
    caller.postError(Message.call, request, errors.invalidArgument, problem);
    return 0;
  }

  /** The heaviest member; of members with the same shard the one that registered first, so that others stand in for it. */
  #shardFor(pattern: PatternHandle, key: number): number {
    const { patterns, memberships } = this.#parts;
    let chosen = 0;
    let highest = -1;
    for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row)) {
      const weight = shardWeight(this.#shard.get(row), key);
      if (weight <= highest) continue;
      highest = weight;
      chosen = row;
    }
    return chosen;
  }

  #callAll(caller: RouterSession, pattern: PatternHandle, request: RequestId): void {
    const { codec, patterns, groups, limits, metrics } = this.#parts;
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
    const callees = this.#callees(pattern);
    groups.begin({ caller, request, yields, callees, registration, details, timeout_ms });
  }

  /** In order of registration. */
  #callees(pattern: PatternHandle): RouterSession[] {
    const { patterns, memberships, targets } = this.#parts;
    const callees: RouterSession[] = [];
    for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row))
      callees.push(targets.get(memberships.target(row)));
    return callees;
  }
}
