/**
 * Where calls go: the choice of a callee, the queue for those that must wait, and the next callee for those that the first one did
 * not take. The dealer asks here; calls.ts reports what ends. Only what a registration makes use of is looked at.
 */

import { assert } from "../../base/assert.ts";
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { errors } from "../../protocol/errors.ts";
import { Invoke, Message, RunMode } from "../../protocol/messages.ts";
import { FSlot, Option, Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, PatternKind, type Patterns } from "../patterns.ts";
import type { OutgoingCalls } from "../peers/outgoing-calls.ts";
import type { Places } from "../peers/places.ts";
import type { Spread } from "../peers/shared-loads.ts";
import type { Targets } from "../targets.ts";
import type { RouterSession } from "../types.ts";
import { CallQueue, keyProblem, type Queue, type QueuedCall, triedProblem } from "./call-queue.ts";
import { CalleeChoice, type Tried } from "./callee-choice.ts";
import { Callees } from "./callees.ts";
import { type CallWatcher, calleeLeft } from "./call-watcher.ts";
import type { Calls } from "./calls.ts";
import { CallFlag } from "./pending.ts";
import type { RegisterOptions } from "./register-options.ts";
import { Reroutes } from "./reroute.ts";
import { hashId } from "./shard-hash.ts";

/** Sends the visited CALL to a callee; `row` is the call's row if it has one, 0 for a new call. */
export type Invocation = (caller: RouterSession, member: number, pattern: PatternHandle, row: number) => void;

export interface CallDispatchParts extends Spread {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly calls: Calls;
  readonly random: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly invoke: Invocation;
}

const partProblem = {
  error: errors.invalidArgument,
  message: 'option "rkey" is missing: runmode "partition" needs a routing key',
};

/** Nobody hears it. */
const callerLeft = "the caller has left";

/** A callee's ERROR that makes the router ask another one. */
const unavailableLength = errors.unavailable.uri.length;

export class CallDispatch implements CallWatcher {
  readonly callees = new Callees();
  readonly #parts: CallDispatchParts;
  readonly #choice: CalleeChoice;
  readonly #queue: CallQueue;
  readonly #reroutes: Reroutes;
  #places: Places | null = null;
  #outgoing: OutgoingCalls | null = null;

  constructor(parts: CallDispatchParts) {
    this.#parts = parts;
    const { callees } = this;
    this.#choice = new CalleeChoice({ ...parts, callees, pending: parts.calls.pending });
    const send = (call: QueuedCall, member: number, pattern: PatternHandle): void =>
      this.#send(call, member, pattern);
    this.#queue = new CallQueue({ ...parts, choice: this.#choice, callees, send });
    this.#reroutes = new Reroutes(parts.codec, parts.limits.rerouteBytes_max);
    parts.calls.watch(this);
  }

  /** Other routers call callees of this one too, and these may take only so many calls. */
  connect(outgoing: OutgoingCalls, places: Places): void {
    this.#outgoing = outgoing;
    this.#places = places;
    places.onFree = (pattern, member) => this.#onRoom(pattern, member);
  }

  /** Calls that wait for a callee. */
  get queuedCount(): number {
    return this.#queue.count;
  }
  /** Calls in flight that another callee was asked to take before. */
  get reroutedCount(): number {
    return this.#reroutes.count;
  }

  // ---- registrations

  /** A session has registered; `isNew`: for the first time. */
  joined(pattern: PatternHandle, member: number, options: RegisterOptions, isNew: boolean): void {
    const { patterns } = this.#parts;
    const { callees } = this;
    if (isNew) {
      const { id } = this.#parts.targets.get(this.#parts.memberships.target(member));
      callees.add(member, options.shard < 0 ? hashId(id) : options.shard);
    } else {
      if (options.shard >= 0) callees.setShard(member, options.shard);
      callees.addWeight(member, 1);
      patterns.setCallTrait(pattern, CallTrait.weighted, true);
    }
    if (options.concurrency > 0) {
      callees.limit(member, pattern, options.concurrency);
      patterns.setCallTrait(pattern, CallTrait.limited, true);
      // It may take more than before, and then also calls that wait at other routers.
      this.#places?.offerRest(pattern, member);
    }
    if (patterns.invoke(pattern) === Invoke.consistentHash)
      patterns.setCallTrait(pattern, CallTrait.keyed, true);
    if (patterns.memberCount(pattern) > 1) patterns.setCallTrait(pattern, CallTrait.shared, true);
    if ((patterns.callTraits(pattern) & CallTrait.waiting) !== 0) this.#queue.onMembersChanged(pattern);
  }

  /** The membership is about to end; `isLast`: and with it the registration. */
  leaving(pattern: PatternHandle, member: number, isLast: boolean): void {
    const { patterns } = this.#parts;
    this.callees.remove(member);
    this.#places?.forget(member);
    if (patterns.memberCount(pattern) <= 2) patterns.setCallTrait(pattern, CallTrait.shared, false);
    if ((patterns.callTraits(pattern) & CallTrait.waiting) === 0) return;
    if (isLast) this.#queue.endAll(pattern);
    else this.#queue.onMembersChanged(pattern);
  }

  /** The registration is over; calls may have waited for a callee that never came. */
  ended(pattern: PatternHandle): void {
    this.#queue.endAll(pattern);
  }

  /** Takes out the calls that wait for a registration, which another one is about to replace. */
  detach(pattern: PatternHandle): Queue | null {
    return this.#queue.detach(pattern);
  }
  /** Lets them wait for the registration that replaces it; 0: there is none, and the calls end. */
  attach(queue: Queue, pattern: PatternHandle | 0): void {
    if (pattern !== 0) this.#queue.attach(queue, pattern);
    else this.#queue.end(queue);
  }

  // ---- calls

  /** The membership row of the callee for the visited CALL; 0: ask `hold`. */
  choose(pattern: PatternHandle): number {
    return this.#choice.choose(pattern);
  }
  /** The same for a CALL with `runmode` "partition". */
  chooseShard(pattern: PatternHandle): number {
    return this.#choice.chooseShard(pattern);
  }

  /** Lets the visited CALL wait, for which there is no callee now, or refuses it. */
  hold(caller: RouterSession, pattern: PatternHandle): void {
    const { codec, patterns } = this.#parts;
    const isPart = codec.u(Slot.mode) === RunMode.partition;
    const isKeyed = isPart || (patterns.callTraits(pattern) & CallTrait.keyed) !== 0;
    const request = codec.f(FSlot.request) as RequestId;
    if (isKeyed && (codec.u(Slot.present) & Option.rkey) === 0) {
      const { error, message } = isPart ? partProblem : keyProblem;
      return caller.postError(Message.call, request, error, message);
    }
    if (this.#queue.add(caller, pattern)) return;
    const problem = "all callees are busy, and as many calls wait for them as may";
    caller.postError(Message.call, request, errors.unavailable, problem);
  }

  /** The visited CALL, which has this row, has been sent to a callee of a registration with traits. */
  onInvoked(row: number, caller: RouterSession, member: number, pattern: PatternHandle): void {
    const { patterns } = this.#parts;
    const { pending } = this.#parts.calls;
    const traits = patterns.callTraits(pattern);
    const known = pending.flags(row);
    let flags = known;
    if ((traits & CallTrait.limited) !== 0 && this.callees.occupy(member, row)) flags |= CallFlag.limited;
    const mayKeep = (traits & CallTrait.shared) !== 0 && (known & CallFlag.kept) === 0;
    if (mayKeep && caller.realm!.callReroute && this.#reroutes.keep(row)) flags |= CallFlag.kept;
    if (flags !== known) pending.setFlags(row, flags);
  }

  // ---- from calls.ts

  onClosed(row: number, flags: number): void {
    if ((flags & CallFlag.waiting) !== 0) this.#queue.remove(row);
    if ((flags & CallFlag.limited) !== 0) this.#release(row);
    if ((flags & CallFlag.rerouted) !== 0) this.#reroutes.forget(row);
  }

  onError(row: number, callee: RouterSession): boolean {
    const { codec, calls, patterns, metrics } = this.#parts;
    if (codec.u(Slot.uriLen) !== unavailableLength) return false;
    if (codec.text(codec.u(Slot.uri), unavailableLength) !== errors.unavailable.uri) return false;
    const frame = this.#reroutes.frame(row);
    if (frame === null || this.#endIfDeserted(row)) return frame !== null;
    if ((calls.pending.flags(row) & CallFlag.limited) !== 0) this.#release(row);
    const tried = this.#reroutes.exclude(row, callee.id);
    calls.pending.setFlags(row, (calls.pending.flags(row) & ~CallFlag.limited) | CallFlag.rerouted);
    const pattern = patterns.byId(PatternKind.registration, calls.pending.registration(row));
    if (pattern === 0 || !this.#choice.hasUntried(pattern, tried)) {
      calls.fail(row, triedProblem.error, triedProblem.message);
      return true;
    }
    metrics.callsRerouted++;
    this.#sendElsewhere(row, frame, pattern, tried, 0);
    return true;
  }

  /** Gives the call, whose frame this is, to one of those that have not been tried, or lets it wait for one; see `QueuedCall.returned`. */
  #sendElsewhere(
    row: number,
    frame: Uint8Array,
    pattern: PatternHandle,
    tried: Tried,
    returned: number,
  ): void {
    const { codec, invoke } = this.#parts;
    const caller = this.#visit(row, frame);
    const key = this.#choice.key();
    const isPart = codec.u(Slot.mode) === RunMode.partition;
    const member = this.#choice.chooseFor(pattern, key, isPart, tried);
    if (member !== 0) invoke(caller, member, pattern, row);
    else this.#queue.addAgain({ row, frames: [codec.frame()], key, isPart, tried, returned }, pattern);
  }

  /**
   * The callee, one of another router, was never sent the call, whose frame this is: it has left the registration, or `isBusy`. The
   * call goes to another one, or waits for one.
   */
  onReturned(row: number, callee: RouterSession, isBusy: boolean, frame: Uint8Array): void {
    const { calls, patterns, memberships } = this.#parts;
    if (this.#endIfDeserted(row)) return;
    let flags = calls.pending.flags(row);
    if ((flags & CallFlag.limited) !== 0) this.#release(row);
    flags &= ~CallFlag.limited;
    calls.pending.setFlags(row, flags);
    const pattern = patterns.byId(PatternKind.registration, calls.pending.registration(row));
    const member = pattern === 0 ? 0 : memberships.find(pattern, callee.target);
    if (isBusy && pattern !== 0 && member !== 0) this.#outgoing?.onBusy(member, pattern, callee);
    // What has followed the CALL is lost with it.
    if ((flags & CallFlag.bound) !== 0)
      return calls.fail(row, errors.unavailable, "the callee could not take the call, which had gone on");
    if ((flags & CallFlag.killing) !== 0)
      return calls.fail(row, errors.canceled, "the caller canceled the call");
    const isRerouted = (flags & CallFlag.rerouted) !== 0 || !isBusy;
    const tried = isBusy ? this.#reroutes.tried(row) : this.#reroutes.exclude(row, callee.id);
    if (isRerouted) calls.pending.setFlags(row, flags | CallFlag.rerouted);
    if (pattern === 0 || !this.#choice.hasUntried(pattern, tried))
      return calls.fail(row, errors.canceled, calleeLeft);
    this.#sendElsewhere(row, frame, pattern, tried, isBusy ? calls.pending.invocation(row) : 0);
  }

  /** One call may go to a callee of another router that was busy: at the end of the turn, the first of those that wait. */
  onPlace(pattern: PatternHandle): void {
    this.#queue.wake(pattern);
  }

  onContinuation(row: number): boolean {
    return this.#queue.addContinuation(row);
  }

  /** Sends a call that has waited, and what continues it. */
  #send({ row, frames }: QueuedCall, member: number, pattern: PatternHandle): void {
    const { calls, invoke } = this.#parts;
    if (this.#endIfDeserted(row)) return;
    const [first, ...more] = frames;
    const caller = this.#visit(row, first!);
    invoke(caller, member, pattern, row);
    for (const frame of more) {
      // The call may have ended at once, by an INVOCATION that is too large; its continuations end there too.
      this.#visitFrame(caller, frame);
      calls.onContinuation(caller);
    }
  }

  /** A caller that has gone, and whose calls are being ended, needs no other callee. True: the call is over. */
  #endIfDeserted(row: number): boolean {
    const { calls, targets } = this.#parts;
    const caller = targets.get(calls.pending.caller(row));
    if (caller.realm !== null || caller.isRemote) return false;
    calls.fail(row, errors.canceled, callerLeft);
    return true;
  }

  /** Visits the frame of a call that has this row once more. Returns its caller. */
  #visit(row: number, frame: Uint8Array): RouterSession {
    const { calls, targets } = this.#parts;
    const caller = targets.get(calls.pending.caller(row));
    this.#visitFrame(caller, frame);
    return caller;
  }

  /** Without a realm, so that nothing is looked up: the registration was found before. What passed strict rules passes the others. */
  #visitFrame(caller: RouterSession, frame: Uint8Array): void {
    const status = this.#parts.codec.visit(caller.serializer, frame, 0, 0);
    assert(status === Status.ok, "a frame that was accepted is accepted again");
  }

  #release(row: number): void {
    const member = this.callees.memberOf(row);
    const pattern = this.callees.release(row);
    if (pattern !== 0) this.#onRoom(pattern, member);
  }

  /** The callee of this membership can take one more call. */
  #onRoom(pattern: PatternHandle, member: number): void {
    if (this.#places?.handOver(pattern, member)) return;
    if ((this.#parts.patterns.callTraits(pattern) & CallTrait.waiting) !== 0) this.#queue.wake(pattern);
    this.#places?.offerRest(pattern, member);
  }
}
