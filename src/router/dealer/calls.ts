/**
 * The life of a call after its INVOCATION: YIELD, ERROR, CANCEL, timeout, and either side leaving. Hot for YIELD.
 * Every call gets exactly one final reply (RESULT without progress, or ERROR), whichever of these comes first; what comes
 * later finds no pending row and is dropped without a sound (Advanced Profile, "Call Canceling").
 */
import type { RegistrationId, RequestId, SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Scheduler } from "../../ports.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { CancelMode, Message } from "../../protocol/messages.ts";
import { Detail, FSlot, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { Deadlines } from "../deadlines.ts";
import type { OutgoingCalls } from "../peers/outgoing-calls.ts";
import type { ServedCalls } from "../peers/served-calls.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { CallWatcher } from "./call-watcher.ts";
import { endCallOf } from "./departing-calls.ts";
import { GroupCalls } from "./gather.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, detailShift, type PendingCalls, watchedCall } from "./pending.ts";
import { WaitingRoom, waitingTarget } from "./waiting-room.ts";

const unreadable = "the answer is in payload passthru mode, which the caller has not announced";

export interface CallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly pending: PendingCalls;
  readonly frames: FrameSource;
  readonly scheduler: Scheduler;
  readonly limits: Limits;
}

export class Calls {
  readonly pending: PendingCalls;
  /** Calls that went to all callees of a registration. */
  readonly groups: GroupCalls;
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #frames: FrameSource;
  readonly #deadlines: Deadlines;
  /** Of progressive invocations in payload passthru mode: what the first CALL said about the payload, by row. */
  readonly #passthru = new Map<number, readonly (string | null)[]>();
  readonly #room = new WaitingRoom();
  #watcher: CallWatcher | null = null;
  /** Calls to callees of other routers, and of their callers to callees here; null: this router works alone. */
  #outgoing: OutgoingCalls | null = null;
  #served: ServedCalls | null = null;

  constructor(parts: CallsParts) {
    this.pending = parts.pending;
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#frames = parts.frames;
    this.#deadlines = new Deadlines(parts.scheduler, (row) => this.#onTimeout(row));
    this.groups = new GroupCalls({ ...parts, deadlines: this.#deadlines });
  }

  /** Calls in flight of this router's callers. */
  get count(): number {
    return this.pending.count - (this.#served?.count ?? 0);
  }
  /** Calls in flight that have a timeout. */
  get deadlineCount(): number {
    return this.#deadlines.count;
  }

  watch(watcher: CallWatcher): void {
    this.#watcher = watcher;
    this.groups.watch(watcher);
  }

  connect(outgoing: OutgoingCalls, served: ServedCalls): void {
    this.#outgoing = outgoing;
    this.#served = served;
    this.groups.connect(outgoing);
  }

  /** Notes a call whose INVOCATION is on its way; see PendingCalls.open. Returns its row. */
  open(
    caller: RouterSession,
    callee: RouterSession,
    request: RequestId,
    registration: RegistrationId,
    flags: number,
    timeout_ms: number,
  ): number {
    const row = this.pending.open(caller, callee, request, registration, flags, timeout_ms);
    if ((flags & CallFlag.passthru) !== 0) this.#passthru.set(row, this.#codec.passthru());
    this.#deadlines.ensure(row);
    if (timeout_ms > 0) this.#deadlines.set(row, timeout_ms);
    return row;
  }

  /** Notes the visited CALL, which has no callee yet. Returns its row. */
  openWaiting(caller: RouterSession, registration: RegistrationId, timeout_ms: number): number {
    const codec = this.#codec;
    const isOpen = (codec.u(Slot.true) & Option.progress) !== 0;
    const flags = CallFlag.waiting | (isOpen ? CallFlag.open : 0);
    this.#room.lastInvocation++;
    const request = codec.f(FSlot.request) as RequestId;
    return this.open(caller, this.#room, request, registration, flags, timeout_ms);
  }

  /** The timeout of a call that its callee keeps; 0 where there is none, or the clock of the router runs. */
  forwardedTimeout_ms(row: number): number {
    return Math.max(0, -this.pending.timeout_ms(row));
  }

  /**
   * Notes that the visited CALL, which has a row, goes to this callee, whose INVOCATION is on its way. A positive timeout starts the
   * clock of the router, which did not run so far.
   */
  assign(row: number, callee: RouterSession, flags: number, timeout_ms: number): void {
    const { pending } = this;
    const kept = pending.flags(row) & (CallFlag.kept | CallFlag.rerouted | CallFlag.uncancelable);
    const before = this.#callee(row);
    pending.move(row, before, callee);
    if (before.isRemote) this.#outgoing!.onClosed(before);
    pending.setFlags(row, kept | flags);
    if ((flags & CallFlag.passthru) !== 0) this.#passthru.set(row, this.#codec.passthru());
    if (timeout_ms <= 0) return;
    pending.setTimeout_ms(row, timeout_ms);
    this.#deadlines.set(row, timeout_ms);
  }

  /** Notes that a call has no callee any more, and waits for another one. */
  suspend(row: number): void {
    this.#room.lastInvocation++;
    const open = this.pending.flags(row) & CallFlag.open;
    this.assign(row, this.#room, CallFlag.waiting | open, this.forwardedTimeout_ms(row));
  }

  /**
   * A further CALL of a progressive invocation: goes to the same callee under the same invocation id, with the details of the
   * first one. A call that is over takes no more, and nobody is told: the answer has crossed it on the way. False: the
   * call in flight was complete already, which is a violation (Advanced Profile, "Progressive Call Invocations").
   */
  onContinuation(caller: RouterSession): boolean {
    const codec = this.#codec;
    const { pending } = this;
    const row = pending.byRequest(caller, codec.f(FSlot.request));
    if (row === 0) return true;
    const flags = pending.flags(row);
    if ((flags & CallFlag.open) === 0) return false;
    if ((flags & CallFlag.killing) !== 0) return true;
    const isOpen = (codec.u(Slot.true) & Option.progress) !== 0;
    const next = (isOpen ? flags : flags & ~CallFlag.open) | CallFlag.bound;
    if ((flags & CallFlag.waiting) !== 0) {
      if (this.#watcher?.onContinuation(row)) pending.setFlags(row, next & ~CallFlag.bound);
      else this.fail(row, errors.unavailable, "as many calls wait as may");
      return true;
    }
    const callee = this.#targets.get(pending.callee(row));
    const details = (flags >>> detailShift) | (isOpen ? Detail.progress : 0);
    if ((details & Detail.disclose) !== 0)
      codec.putIdentity(caller.id, caller.identity!.authid, caller.identity!.authrole);
    if ((details & Detail.trustLevel) !== 0)
      codec.putTrustLevel(caller.realm!.trustLevelOf(caller.identity!.authrole));
    if ((details & Detail.timeout) !== 0) codec.putTimeout(-pending.timeout_ms(row));
    if (this.#outgoing !== null && callee.isRemote) this.#outgoing.proceed(row, caller, callee, details);
    else if (!this.proceed(row, details)) return true;
    if (next !== flags) pending.setFlags(row, next);
    if (pending.timeout_ms(row) > 0) this.#deadlines.set(row, pending.timeout_ms(row));
    return true;
  }

  /** Sends the visited CALL, which continues the one of this row, to its callee. False: it cannot be sent, and the call has ended. */
  proceed(row: number, details: number): boolean {
    const codec = this.#codec;
    const { pending } = this;
    const callee = this.#targets.get(pending.callee(row));
    if ((pending.flags(row) & CallFlag.passthru) !== 0) codec.putPassthru(this.#passthru.get(row)!);
    const registration = pending.registration(row);
    const invocation = pending.invocation(row);
    const length = codec.writeInvocation(callee.serializer, invocation, registration, details);
    if (!this.#canSend(row, length, callee, callee)) return false;
    callee.post(this.#frames.take(length, false));
    return true;
  }

  /**
   * Whether `receiver` can be sent the frame just written, of this length or 0. If not, the call ends with the reason, and `working`, if
   * any, is told to stop.
   */
  #canSend(row: number, length: number, receiver: RouterSession, working: RouterSession | null): boolean {
    if (length !== 0 && length <= receiver.peerFrameBytes_max) return true;
    const { error, message } = payloadProblem(length === 0 ? this.#codec.writeStatus : null);
    if (working !== null) this.#interrupt(row, working, CancelMode.killnowait);
    this.fail(row, error, message);
    return false;
  }

  /** YIELD. False: the invocation was never issued to this session, which is a violation. */
  onYield(callee: RouterSession): boolean {
    const codec = this.#codec;
    const invocation = codec.f(FSlot.request);
    const row = this.pending.byInvocation(callee.target, invocation);
    if (row === 0) return invocation <= callee.lastInvocation;
    const flags = this.pending.flags(row);
    if (flags === 0 && codec.u(Slot.present) === 0 && this.#onPlainYield(row, callee)) return true;
    if ((flags & CallFlag.part) !== 0) {
      this.groups.onYield(row, callee);
      return true;
    }
    const caller = this.#targets.get(this.pending.caller(row));
    const progress = (codec.u(Slot.true) & Option.progress) !== 0;
    // Progress that nobody asked for is dropped; the call goes on.
    if (progress) {
      if ((flags & CallFlag.progress) === 0) return true;
      if ((flags & CallFlag.bound) === 0) this.pending.setFlags(row, flags | CallFlag.bound);
    }
    if (this.#served !== null && caller.isRemote) {
      this.#served.yielded(row, caller);
      if (!progress) this.#close(row, caller, callee);
      return true;
    }
    const request = this.pending.request(row);
    if (this.#isUnreadable(caller)) {
      if (progress) this.#interrupt(row, callee, CancelMode.killnowait);
      this.fail(row, errors.featureNotSupported, unreadable);
      return true;
    }
    const length = codec.writeResult(caller.serializer, request, progress ? Detail.progress : 0);
    if (!this.#canSend(row, length, caller, progress ? callee : null)) return true;
    if (!progress) this.#close(row, caller, callee);
    else if (this.pending.timeout_ms(row) > 0) this.#deadlines.set(row, this.pending.timeout_ms(row));
    caller.post(this.#frames.take(length, false));
    return true;
  }

  /**
   * The quick way of nearly all answers: a YIELD without options that ends a call without conditions. False: nothing has been done, and
   * the general way is to be taken.
   */
  #onPlainYield(row: number, callee: RouterSession): boolean {
    const { pending } = this;
    const caller = this.#targets.get(pending.caller(row));
    if (this.#outgoing !== null && (caller.isRemote || callee.isRemote)) return false;
    const length = this.#codec.writeResult(caller.serializer, pending.request(row), 0);
    if (length === 0 || length > caller.peerFrameBytes_max) return false;
    if (pending.timeout_ms(row) > 0) this.#deadlines.clear(row);
    pending.close(row, caller, callee);
    caller.post(this.#frames.take(length, false));
    return true;
  }

  /** ERROR[INVOCATION]. False: the invocation was never issued to this session. */
  onError(callee: RouterSession): boolean {
    const codec = this.#codec;
    const invocation = codec.f(FSlot.request);
    const row = this.pending.byInvocation(callee.target, invocation);
    if (row === 0) return invocation <= callee.lastInvocation;
    const flags = this.pending.flags(row);
    if ((flags & CallFlag.part) !== 0) {
      this.groups.onError(row, callee);
      return true;
    }
    const staying = CallFlag.killing | CallFlag.bound;
    const mayGo = (flags & (CallFlag.kept | staying)) === CallFlag.kept;
    if (mayGo && this.#watcher?.onError(row, callee)) return true;
    const caller = this.#targets.get(this.pending.caller(row));
    if (this.#served !== null && caller.isRemote) {
      this.#served.failed(row, caller);
      this.#close(row, caller, callee);
      return true;
    }
    const request = this.pending.request(row);
    if (codec.u(Slot.uriStatus) === UriStatus.invalid) {
      // The caller must not be sent what is no URI; the payload may still explain.
      codec.putUri(errors.invalidUri.uri);
    }
    if (this.#isUnreadable(caller)) {
      this.fail(row, errors.featureNotSupported, unreadable);
      return true;
    }
    const length = codec.writeError(caller.serializer, Message.call, request);
    if (!this.#canSend(row, length, caller, null)) return true;
    this.#close(row, caller, callee);
    caller.post(this.#frames.take(length, false));
    return true;
  }

  /** CANCEL. An unknown or finished call is ignored: its reply has crossed the CANCEL on the way. */
  onCancel(caller: RouterSession): void {
    const row = this.pending.byRequest(caller, this.#codec.f(FSlot.request));
    if (row === 0) return;
    if ((this.pending.flags(row) & CallFlag.group) !== 0) return this.groups.onCancel(row);
    const callee = this.#callee(row);
    const asked = this.#codec.u(Slot.mode);
    if (asked > CancelMode.killnowait) {
      this.#interrupt(row, callee, CancelMode.killnowait);
      this.fail(row, errors.invalidArgument, "unknown cancel mode; the call was ended");
      return;
    }
    let mode: number = asked === CancelMode.none ? CancelMode.killnowait : asked;
    if ((callee.clientFeatures & ClientFeature.calleeCanceling) === 0) mode = CancelMode.skip;
    if (mode === CancelMode.kill) {
      const flags = this.pending.flags(row);
      if ((flags & CallFlag.killing) !== 0) return;
      this.pending.setFlags(row, flags | CallFlag.killing);
      this.#interrupt(row, callee, mode);
      return;
    }
    // A callee that was told already by `kill` is not told again when the caller loses patience.
    const told = (this.pending.flags(row) & CallFlag.killing) !== 0;
    if (mode === CancelMode.killnowait && !told) this.#interrupt(row, callee, mode);
    this.fail(row, errors.canceled, "the caller canceled the call");
  }

  /** The session is gone: its callers get ERROR canceled, its callees are interrupted. */
  onSessionGone(session: RouterSession): void {
    while (endCallOf(session, this));
    this.onHeldGone(session.id);
  }

  /** The session is gone: calls of other routers that waited for it to be told that it is registered go back. */
  onHeldGone(session: SessionId): void {
    this.#served?.onSessionGone(session);
  }

  /** The router of the callee cannot send it the call of this row, or has seen it leave. */
  onRefused(row: number, callee: RouterSession, error: ErrorEntry, message: string): void {
    if ((this.pending.flags(row) & CallFlag.part) !== 0) this.groups.onRefused(row, callee, error, message);
    else this.fail(row, error, message);
  }

  /** The caller's router ends the call of this row, served here: INTERRUPT with this mode, 0 for none. It goes on after `kill`. */
  endServed(row: number, mode: number): void {
    const callee = this.#callee(row);
    if (mode !== 0) this.#interrupt(row, callee, mode);
    if (mode === CancelMode.kill) this.pending.setFlags(row, this.pending.flags(row) | CallFlag.killing);
    else this.#close(row, this.#targets.get(this.pending.caller(row)), callee);
  }

  stop(): void {
    this.#deadlines.stop();
  }

  #onTimeout(row: number): void {
    const flags = this.pending.flags(row);
    if ((flags & CallFlag.group) !== 0) return this.groups.onTimeout(row);
    const callee = this.#callee(row);
    if ((flags & CallFlag.killing) === 0) this.#interrupt(row, callee, CancelMode.killnowait);
    const limit_ms = this.pending.timeout_ms(row);
    this.fail(row, errors.timeout, `there was no answer within ${limit_ms} ms`);
  }

  #callee(row: number): RouterSession {
    const target = this.pending.callee(row);
    return target === waitingTarget ? this.#room : this.#targets.get(target);
  }

  /** The answer is in payload passthru mode, and the caller has not announced that it knows it. */
  #isUnreadable(caller: RouterSession): boolean {
    return (
      (this.#codec.u(Slot.present) & Option.ppt) !== 0 &&
      (caller.clientFeatures & ClientFeature.callerPassthru) === 0
    );
  }

  #interrupt(row: number, callee: RouterSession, mode: number): void {
    if ((callee.clientFeatures & ClientFeature.calleeCanceling) === 0) return;
    if (callee.isRemote) return this.#outgoing!.interrupt(row, callee, mode);
    const length = this.#codec.writeInterrupt(callee.serializer, this.pending.invocation(row), mode);
    callee.post(this.#frames.take(length, false));
  }

  /** Ends the call with ERROR from the router. */
  fail(row: number, error: ErrorEntry, message: string): void {
    const caller = this.#targets.get(this.pending.caller(row));
    const request = this.pending.request(row) as RequestId;
    if (caller.isRemote) this.#served!.refuse(row, caller, error, message);
    this.#close(row, caller, this.#callee(row));
    if (!caller.isRemote) caller.postError(Message.call, request, error, message);
  }

  #close(row: number, caller: RouterSession, callee: RouterSession): void {
    const flags = this.pending.flags(row);
    if (this.#outgoing !== null && callee.isRemote) this.#outgoing.closing(row, callee);
    if ((flags & watchedCall) !== 0) this.#watcher?.onClosed(row, flags);
    if (this.pending.timeout_ms(row) > 0) this.#deadlines.clear(row);
    if ((flags & CallFlag.passthru) !== 0) this.#passthru.delete(row);
    this.pending.close(row, caller, callee);
    if (this.#outgoing !== null && callee.isRemote) this.#outgoing.onClosed(callee);
  }
}
