/** Sends a CALL to the callee that was chosen for it, or refuses it: what the INVOCATION says, and what the callee must know. Hot. */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { Message } from "../../protocol/messages.ts";
import { Detail, FSlot, Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { MemberFlag, type Memberships } from "../memberships.ts";
import type { Patterns } from "../patterns.ts";
import type { OutgoingCalls } from "../peers/outgoing-calls.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { CallDispatch } from "./call-dispatch.ts";
import { calleeLeft } from "./call-watcher.ts";
import type { Calls } from "./calls.ts";
import { invocationDetails } from "./invocation-details.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, detailShift } from "./pending.ts";

export interface InvocationsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly calls: Calls;
  readonly limits: Limits;
  readonly metrics: Metrics;
}

export class Invocations {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #calls: Calls;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  #dispatch: CallDispatch | null = null;
  #outgoing: OutgoingCalls | null = null;

  constructor(parts: InvocationsParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#calls = parts.calls;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
  }

  /** Who is told of invocations under registrations with traits. */
  watch(dispatch: CallDispatch): void {
    this.#dispatch = dispatch;
  }
  /** There are other routers, whose callees are invoked through this. */
  connect(outgoing: OutgoingCalls): void {
    this.#outgoing = outgoing;
  }

  /**
   * Sends the visited CALL to the callee of a membership. `row` is the call's if it has waited, or another callee has not taken it; 0
   * for a new one.
   */
  send(caller: RouterSession, member: number, pattern: PatternHandle, row: number): void {
    const codec = this.#codec;
    const callee = this.#targets.get(this.#memberships.target(member));
    if (callee.invocationCount >= this.#limits.invocationsPerSession_max)
      return this.#refuse(caller, row, errors.unavailable, "the callee has too many calls outstanding");
    const isOpen = (codec.u(Slot.true) & Option.progress) !== 0;
    const isPassthru = (codec.u(Slot.present) & Option.ppt) !== 0;
    if (isOpen || isPassthru) {
      const problem = missingFeature(callee, isOpen, isPassthru);
      if (problem !== null) return this.#refuse(caller, row, errors.featureNotSupported, problem);
    }
    let details = invocationDetails(codec, this.#patterns, pattern, caller);
    if (details < 0) {
      const problem = "this realm does not disclose callers";
      return this.#refuse(caller, row, errors.discloseMeDisallowed, problem);
    }
    let flags = 0;
    if ((codec.u(Slot.true) & Option.receiveProgress) !== 0) {
      flags |= CallFlag.progress;
      if (takesProgress(callee)) details |= Detail.receiveProgress;
    }
    let timeout_ms =
      row === 0
        ? Math.min(codec.f(FSlot.timeout), this.#limits.callTimeout_ms)
        : this.#calls.forwardedTimeout_ms(row);
    if (timeout_ms > 0 && this.#keepsTime(callee, member)) {
      codec.putTimeout(timeout_ms);
      details |= Detail.timeout;
      timeout_ms = -timeout_ms;
    }
    if (isOpen) {
      flags |= CallFlag.open | (details << detailShift);
      details |= Detail.progress;
      if (isPassthru) {
        flags |= CallFlag.passthru;
        if (!codec.putPassthru(codec.passthru())) {
          const problem = "the ppt_ options of a progressive call are too long to be kept";
          return this.#refuse(caller, row, errors.invalidArgument, problem);
        }
      }
    }
    const registration = this.#patterns.id(pattern);
    let length = 0;
    if (this.#outgoing !== null && callee.isRemote) {
      if (!this.#outgoing.invoke(caller, callee, member, registration, details, flags))
        return this.#refuse(caller, row, errors.canceled, calleeLeft);
    } else {
      length = this.#write(caller, callee, row, registration, details);
      if (length === 0) return;
    }
    this.#note(caller, callee, member, pattern, row, flags, timeout_ms);
    if (length !== 0) callee.post(this.#frames.take(length, false));
  }

  /** Returns the INVOCATION's length; 0: the call has been refused, because the callee cannot be sent it. */
  #write(
    caller: RouterSession,
    callee: RouterSession,
    row: number,
    registration: number,
    details: number,
  ): number {
    const codec = this.#codec;
    const length = codec.writeInvocation(callee.serializer, callee.lastInvocation + 1, registration, details);
    if (length === 0 || length > callee.peerFrameBytes_max) {
      const { error, message } = payloadProblem(length === 0 ? codec.writeStatus : null);
      this.#refuse(caller, row, error, message);
      return 0;
    }
    callee.lastInvocation++;
    return length;
  }

  #note(
    caller: RouterSession,
    callee: RouterSession,
    member: number,
    pattern: PatternHandle,
    row: number,
    flags: number,
    timeout_ms: number,
  ): void {
    this.#metrics.calls++;
    let sent = row;
    if (row !== 0) this.#calls.assign(row, callee, flags, timeout_ms);
    else {
      const request = this.#codec.f(FSlot.request) as RequestId;
      sent = this.#calls.open(caller, callee, request, this.#patterns.id(pattern), flags, timeout_ms);
    }
    if (this.#patterns.callTraits(pattern) !== 0) this.#dispatch!.onInvoked(sent, caller, member, pattern);
  }

  #refuse(caller: RouterSession, row: number, error: ErrorEntry, message: string): void {
    if (row !== 0) this.#calls.fail(row, error, message);
    else caller.postError(Message.call, this.#codec.f(FSlot.request) as RequestId, error, message);
  }

  /** The callee asked for timeouts when it registered, and says that it knows what to do with them. */
  #keepsTime(callee: RouterSession, row: number): boolean {
    return (
      (this.#memberships.flags(row) & MemberFlag.forwardTimeout) !== 0 &&
      (callee.clientFeatures & ClientFeature.calleeTimeout) !== 0
    );
  }
}

/**
 * Progressive results need a callee that can be told to stop; many who send them do not say that they can, and are believed
 * where the realm is not strict.
 */
function takesProgress(callee: RouterSession): boolean {
  const both = ClientFeature.calleeProgress | ClientFeature.calleeCanceling;
  const needed = callee.realm?.strict === true ? both : ClientFeature.calleeProgress;
  return (callee.clientFeatures & needed) === needed;
}

/** What a callee would have to announce to take this call; null if it has. */
function missingFeature(callee: RouterSession, isOpen: boolean, isPassthru: boolean): string | null {
  const invocations = ClientFeature.calleeProgressiveInvocations | ClientFeature.calleeCanceling;
  if (isOpen && (callee.clientFeatures & invocations) !== invocations)
    return "the callee has not announced progressive_call_invocations and call_canceling";
  if (isPassthru && (callee.clientFeatures & ClientFeature.calleePassthru) === 0)
    return "the callee has not announced payload_passthru_mode";
  return null;
}
