/**
 * The Dealer: CALL. Hot. Each method works on the message that the codec
 * has just visited and answers by posting frames. Which callee gets a call is decided in call-dispatch.ts, how calls end in calls.ts.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { Invoke, Message, RunMode } from "../../protocol/messages.ts";
import { Detail, FSlot, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { MemberFlag, type Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { Directory } from "../peers/directory.ts";
import type { RouterProcedures } from "../procedures.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import { CallDispatch } from "./call-dispatch.ts";
import type { Calls } from "./calls.ts";
import { invocationDetails } from "./invocation-details.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, detailShift } from "./pending.ts";
import { Registering } from "./registering.ts";
import { ShardedCalls } from "./sharded-calls.ts";

export interface DealerParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly calls: Calls;
  readonly random: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly events: MetaEvents;
  readonly procedures: RouterProcedures;
  /** Null: there is no other router. */
  readonly directory: Directory | null;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

export class Dealer {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #calls: Calls;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #procedures: RouterProcedures;
  readonly #sharded: ShardedCalls;
  readonly #directory: Directory | null;
  /** REGISTER and UNREGISTER. */
  readonly registering: Registering;
  /** Where calls go. */
  readonly dispatch: CallDispatch;

  constructor(parts: DealerParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#calls = parts.calls;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#procedures = parts.procedures;
    this.#directory = parts.directory;
    this.dispatch = new CallDispatch({
      ...parts,
      invoke: (caller, member, pattern, row) => this.#invoke(caller, member, pattern, row),
    });
    this.registering = new Registering({ ...parts, dispatch: this.dispatch });
    const { callees } = this.dispatch;
    this.#sharded = new ShardedCalls({ ...parts, callees, groups: parts.calls.groups });
  }

  call(caller: RouterSession): void {
    const codec = this.#codec;
    const request = codec.f(FSlot.request) as RequestId;
    // Only an id not above the highest one can be in flight already; clients that count never get into the walk.
    if (request > caller.lastCall) caller.lastCall = request;
    else if (
      this.#calls.pending.byRequest(caller, request) !== 0 ||
      this.#procedures.isWaiting(caller, request)
    ) {
      return this.#refuse(caller, Message.call, errors.invalidArgument, `call ${request} is still in flight`);
    }
    if (codec.u(Slot.uriStatus) === UriStatus.invalid)
      return this.#refuse(caller, Message.call, errors.invalidUri, uriProblem(codec, "procedure"));
    // These names are the router's own: no client's pattern, however wide, takes calls of them.
    if (codec.u(Slot.uriStatus) === UriStatus.reserved) return this.#procedures.answer(caller);
    if (codec.matchCount === 0)
      return this.#refuse(
        caller,
        Message.call,
        errors.noSuchProcedure,
        "no callee has registered this procedure",
      );
    if (caller.callCount >= this.#limits.callsPerSession_max) {
      const problem = `a session may have ${this.#limits.callsPerSession_max} calls in flight`;
      return this.#refuse(caller, Message.call, errors.unavailable, problem);
    }
    const pattern = codec.matchAt(0) as PatternHandle;
    const runmode = codec.u(Slot.mode);
    if (this.#directory !== null && this.#patterns.memberCount(pattern) === 0)
      return this.#callNobody(this.#directory, caller, pattern);
    if (
      runmode === RunMode.all ||
      (runmode === RunMode.none && this.#patterns.invoke(pattern) === Invoke.all)
    )
      return this.#sharded.callAll(caller, pattern, request);
    const member =
      runmode === RunMode.none ? this.dispatch.choose(pattern) : this.dispatch.chooseShard(pattern);
    if (member === 0) return this.dispatch.hold(caller, pattern);
    this.#invoke(caller, member, pattern, 0);
  }

  /** The visited CALL names a registration whose callees are on their way here, or have gone and the other routers do not know yet. */
  #callNobody(directory: Directory, caller: RouterSession, pattern: PatternHandle): void {
    const isForAll =
      this.#codec.u(Slot.mode) === RunMode.all || this.#patterns.invoke(pattern) === Invoke.all;
    if (!isForAll && directory.isJoining(pattern)) return this.dispatch.hold(caller, pattern);
    const problem = "no callee has registered this procedure";
    this.#refuse(caller, Message.call, errors.noSuchProcedure, problem);
  }

  /**
   * Sends the visited CALL to the callee of a membership. `row` is the call's if it has waited, or another callee has not taken it; 0
   * for a new one.
   */
  #invoke(caller: RouterSession, member: number, pattern: PatternHandle, row: number): void {
    const codec = this.#codec;
    const callee = this.#targets.get(this.#memberships.target(member));
    if (callee.invocationCount >= this.#limits.invocationsPerSession_max)
      return this.#refuseCall(caller, row, errors.unavailable, "the callee has too many calls outstanding");
    const isOpen = (codec.u(Slot.true) & Option.progress) !== 0;
    const isPassthru = (codec.u(Slot.present) & Option.ppt) !== 0;
    if (isOpen || isPassthru) {
      const problem = missingFeature(callee, isOpen, isPassthru);
      if (problem !== null) return this.#refuseCall(caller, row, errors.featureNotSupported, problem);
    }
    let details = invocationDetails(codec, this.#patterns, pattern, caller);
    if (details < 0) {
      const problem = "this realm does not disclose callers";
      return this.#refuseCall(caller, row, errors.discloseMeDisallowed, problem);
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
    let own = 0;
    if (isOpen) {
      flags |= CallFlag.open | (details << detailShift);
      if (isPassthru) {
        flags |= CallFlag.passthru;
        if (!codec.putPassthru(codec.passthru())) {
          const problem = "the ppt_ options of a progressive call are too long to be kept";
          return this.#refuseCall(caller, row, errors.invalidArgument, problem);
        }
      }
      own = Detail.progress;
    }
    const registration = this.#patterns.id(pattern);
    const invocation = callee.lastInvocation + 1;
    const length = codec.writeInvocation(callee.serializer, invocation, registration, details | own);
    if (length === 0 || length > callee.peerFrameBytes_max) {
      const { error, message } = payloadProblem(length === 0 ? codec.writeStatus : null);
      return this.#refuseCall(caller, row, error, message);
    }
    callee.lastInvocation++;
    this.#metrics.calls++;
    let sent = row;
    if (row !== 0) this.#calls.assign(row, callee, flags, timeout_ms);
    else {
      const request = codec.f(FSlot.request) as RequestId;
      sent = this.#calls.open(caller, callee, request, registration, flags, timeout_ms);
    }
    if (this.#patterns.callTraits(pattern) !== 0) this.dispatch.onInvoked(sent, caller, member, pattern);
    callee.post(this.#frames.take(length, false));
  }

  #refuseCall(caller: RouterSession, row: number, error: ErrorEntry, message: string): void {
    if (row !== 0) this.#calls.fail(row, error, message);
    else this.#refuse(caller, Message.call, error, message);
  }

  /** The callee asked for timeouts when it registered, and says that it knows what to do with them. */
  #keepsTime(callee: RouterSession, row: number): boolean {
    return (
      (this.#memberships.flags(row) & MemberFlag.forwardTimeout) !== 0 &&
      (callee.clientFeatures & ClientFeature.calleeTimeout) !== 0
    );
  }

  #refuse(session: RouterSession, type: Message, error: ErrorEntry, message: string): void {
    session.postError(type, this.#codec.f(FSlot.request) as RequestId, error, message);
  }
}

/**
 * Progressive results need a callee that can be told to stop; many who send them do not say that they can, and are believed
 * where the realm is not strict.
 */
function takesProgress(callee: RouterSession): boolean {
  const both = ClientFeature.calleeProgress | ClientFeature.calleeCanceling;
  const needed = callee.realm!.strict ? both : ClientFeature.calleeProgress;
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
