/**
 * The Dealer, registrations and calls: REGISTER, UNREGISTER, CALL, CANCEL. Hot. Each method works on the message that the codec
 * has just visited and answers by posting frames. Which callee gets a call is decided in call-dispatch.ts, how calls end in calls.ts.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { Invoke, invokeNames, Message, RunMode } from "../../protocol/messages.ts";
import { Detail, FSlot, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { MemberFlag, type Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { RouterProcedures } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import { CallDispatch } from "./call-dispatch.ts";
import type { Calls } from "./calls.ts";
import { invocationDetails } from "./invocation-details.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, detailShift } from "./pending.ts";
import { plainRegistration, type RegisterOptions, readRegisterOptions } from "./register-options.ts";
import { announceRevocation } from "./revoke-registration.ts";
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
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

const forceProblem = "this realm does not allow force_reregister";

export class Dealer {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #calls: Calls;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #events: MetaEvents;
  readonly #procedures: RouterProcedures;
  readonly #sharded: ShardedCalls;
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
    this.#events = parts.events;
    this.#procedures = parts.procedures;
    this.dispatch = new CallDispatch({
      ...parts,
      invoke: (caller, member, pattern, row) => this.#invoke(caller, member, pattern, row),
    });
    const { callees } = this.dispatch;
    this.#sharded = new ShardedCalls({ ...parts, callees, groups: parts.calls.groups });
  }

  register(session: RouterSession): void {
    const codec = this.#codec;
    if (codec.u(Slot.uriStatus) !== UriStatus.ok)
      return this.#refuse(session, Message.register, errors.invalidUri, uriProblem(codec, "procedure"));
    const discloseCaller = (codec.u(Slot.true) & Option.discloseCaller) !== 0;
    if (discloseCaller && !session.realm!.allowDisclosure)
      return this.#refuse(
        session,
        Message.register,
        errors.discloseMeDisallowed,
        "this realm does not disclose callers",
      );
    if (session.registrationCount >= this.#limits.registrationsPerSession_max) {
      const problem = `a session may hold ${this.#limits.registrationsPerSession_max} registrations`;
      return this.#refuse(session, Message.register, errors.unavailable, problem);
    }
    const hasMore = (codec.u(Slot.present) & Option.other) !== 0;
    const options = hasMore ? readRegisterOptions(codec) : plainRegistration;
    if (typeof options === "string")
      return this.#refuse(session, Message.register, errors.invalidArgument, options);
    const invoke = codec.u(Slot.invoke) as Invoke;
    let pattern = (codec.matchCount === 0 ? 0 : codec.matchAt(0)) as PatternHandle | 0;
    if (options.forceReregister) {
      if (!session.realm!.forceReregister)
        return this.#refuse(session, Message.register, errors.optionNotAllowed, forceProblem);
      if (pattern !== 0) pattern = this.#replace(pattern, session, invoke);
    } else if (pattern !== 0) {
      const problem = this.#conflict(pattern, session, invoke);
      if (problem !== null)
        return this.#refuse(session, Message.register, errors.procedureAlreadyExists, problem);
    }
    if (pattern === 0) pattern = this.#create(session, invoke);
    if (pattern === 0) {
      const problem = "the router's pattern index is full";
      return this.#refuse(session, Message.register, errors.unavailable, problem);
    }
    if (discloseCaller) this.#patterns.setDiscloseCaller(pattern);
    this.#join(session, pattern, options);
    if (session.realm!.reservedPatterns > 0) this.#events.onRegister(session, this.#patterns.id(pattern));
    this.#acknowledge(session, Message.registered, this.#patterns.id(pattern));
  }

  #join(session: RouterSession, pattern: PatternHandle, options: RegisterOptions): void {
    const known = this.#memberships.find(pattern, session.target);
    const row = known === 0 ? this.#memberships.add(pattern, session) : known;
    if (options.forwardTimeout) this.#memberships.setFlags(row, MemberFlag.forwardTimeout);
    session.registrationCount++;
    this.dispatch.joined(pattern, row, options, known === 0);
  }

  /** Ends the registration for all its callees and makes a new one of the same name; 0 when the index is full. */
  #replace(old: PatternHandle, session: RouterSession, invoke: Invoke): PatternHandle | 0 {
    const id = this.#patterns.id(old);
    const queue = this.dispatch.detach(old);
    while (this.#patterns.memberCount(old) > 0) {
      const row = this.#patterns.firstMember(old);
      const callee = this.#targets.get(this.#memberships.target(row));
      this.leave(row, callee, session.realm!);
      const isGone = this.#memberships.find(old, callee.target) === 0;
      if (isGone && callee !== session) announceRevocation(callee, id, errors.unregistered.uri);
    }
    const pattern = this.#create(session, invoke);
    if (queue !== null) this.dispatch.attach(queue, pattern);
    return pattern;
  }

  /** Makes the registration that the visited REGISTER names; 0 when the index is full. */
  #create(session: RouterSession, invoke: Invoke): PatternHandle | 0 {
    const patterns = this.#patterns;
    const pattern = patterns.add(PatternKind.registration, session.realm!, this.#codec);
    if (pattern === 0) return 0;
    patterns.setInvoke(pattern, invoke);
    if (session.realm!.reservedPatterns > 0)
      this.#events.onCreate("registration", session, {
        id: patterns.id(pattern),
        created_ms: patterns.created_ms(pattern),
        uri: patterns.uri(pattern),
        match: patterns.match(pattern),
        invoke: invokeNames[invoke],
      });
    return pattern;
  }

  /** Why this session cannot join the registration; null if it can. */
  #conflict(pattern: PatternHandle, session: RouterSession, invoke: Invoke): string | null {
    const policy = this.#patterns.invoke(pattern);
    const isMember = this.#memberships.find(pattern, session.target) !== 0;
    if (isMember && (policy === Invoke.single || !session.realm!.repeatedRegistration))
      return "this session has registered the procedure already";
    if (policy === Invoke.single) return "the procedure is registered by another session";
    return policy === invoke ? null : "the procedure is registered with another invocation policy";
  }

  unregister(session: RouterSession): void {
    const pattern = this.#patterns.byId(PatternKind.registration, this.#codec.f(FSlot.id));
    const row = pattern === 0 ? 0 : this.#memberships.find(pattern, session.target);
    if (row === 0) {
      const problem = "this session holds no such registration";
      return this.#refuse(session, Message.unregister, errors.noSuchRegistration, problem);
    }
    this.leave(row, session, session.realm!);
    this.#acknowledge(session, Message.unregistered, -1);
  }

  /**
   * Ends one registration of a session, without an answer; a session that has registered several times keeps the others. Calls in
   * flight go on.
   */
  leave(row: number, session: RouterSession, realm: Realm): void {
    const patterns = this.#patterns;
    const pattern = this.#memberships.pattern(row);
    const isRepeated = this.dispatch.callees.weight(row) > 1;
    const isLast = !isRepeated && patterns.memberCount(pattern) === 1;
    if (isRepeated) this.dispatch.callees.addWeight(row, -1);
    else {
      this.dispatch.leaving(pattern, row, isLast);
      this.#memberships.remove(row, session);
    }
    session.registrationCount--;
    if (realm.reservedPatterns > 0)
      this.#events.onLeave("registration", session, realm, patterns.id(pattern), isLast);
    if (isLast) patterns.remove(pattern);
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

  #acknowledge(session: RouterSession, type: Message, id: number): void {
    const length = this.#codec.writeAck(session.serializer, type, this.#codec.f(FSlot.request), id);
    session.post(this.#frames.take(length, false));
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
