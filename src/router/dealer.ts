/**
 * The Dealer, registrations and calls: REGISTER, UNREGISTER, CALL, CANCEL. Hot. Each method works on the message that the codec
 * has just visited and answers by posting frames. How calls end is in dealer-replies.ts.
 */
import type { PatternHandle, RequestId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import type { RandomIds } from "../base/random-ids.ts";
import { type ErrorEntry, errors } from "../protocol/errors.ts";
import { ClientFeature } from "../protocol/features.ts";
import { Invoke, invokeNames, Message, RunMode } from "../protocol/messages.ts";
import { Detail, FSlot, Option, Slot, UriStatus } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import { chooseCallee } from "./callee-choice.ts";
import type { Calls } from "./calls.ts";
import { invocationDetails } from "./invocation-details.ts";
import { MemberFlag, type Memberships } from "./memberships.ts";
import type { MetaEvents } from "./meta-events.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, detailShift } from "./pending.ts";
import type { RouterProcedures } from "./procedures.ts";
import type { Realm } from "./realm.ts";
import { ShardedCalls } from "./sharded-calls.ts";
import type { Targets } from "./targets.ts";
import type { FrameSource, RouterSession } from "./types.ts";
import { uriProblem } from "./uri-problem.ts";

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
}

export class Dealer {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #calls: Calls;
  readonly #random: RandomIds;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #events: MetaEvents;
  readonly #procedures: RouterProcedures;
  readonly #sharded: ShardedCalls;

  constructor(parts: DealerParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#calls = parts.calls;
    this.#random = parts.random;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#events = parts.events;
    this.#procedures = parts.procedures;
    this.#sharded = new ShardedCalls({ ...parts, groups: parts.calls.groups });
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
    const forwardTimeout = (codec.u(Slot.present) & Option.other) !== 0 && codec.options()["forward_timeout"];
    if (typeof forwardTimeout !== "boolean" && forwardTimeout !== undefined && forwardTimeout !== null) {
      const problem = 'option "forward_timeout" is true or false';
      return this.#refuse(session, Message.register, errors.invalidArgument, problem);
    }
    const shard = this.#sharded.shardOf(session);
    if (shard < 0)
      return this.#refuse(session, Message.register, errors.invalidArgument, 'option "nkey" is no text');
    const invoke = codec.u(Slot.invoke) as Invoke;
    let pattern = (codec.matchCount === 0 ? 0 : codec.matchAt(0)) as PatternHandle | 0;
    if (pattern !== 0) {
      const problem = this.#conflict(pattern, session, invoke);
      if (problem !== null)
        return this.#refuse(session, Message.register, errors.procedureAlreadyExists, problem);
    } else {
      pattern = this.#create(session, invoke);
      if (pattern === 0)
        return this.#refuse(
          session,
          Message.register,
          errors.unavailable,
          "the router's pattern index is full",
        );
    }
    if (discloseCaller) this.#patterns.setDiscloseCaller(pattern);
    const row = this.#memberships.add(pattern, session);
    if (forwardTimeout) this.#memberships.setFlags(row, MemberFlag.forwardTimeout);
    this.#sharded.join(row, shard);
    session.registrationCount++;
    if (session.realm!.reservedPatterns > 0) this.#events.onRegister(session, this.#patterns.id(pattern));
    this.#acknowledge(session, Message.registered, this.#patterns.id(pattern));
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
    if (this.#memberships.find(pattern, session.target) !== 0)
      return "this session has registered the procedure already";
    const policy = this.#patterns.invoke(pattern);
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

  /** Ends one registration of a session, without an answer. Calls in flight go on. */
  leave(row: number, session: RouterSession, realm: Realm): void {
    const patterns = this.#patterns;
    const pattern = this.#memberships.pattern(row);
    this.#memberships.remove(row, session);
    session.registrationCount--;
    const isLast = patterns.memberCount(pattern) === 0;
    if (realm.reservedPatterns > 0)
      this.#events.onLeave("registration", session, realm, patterns.id(pattern), isLast);
    if (isLast) patterns.remove(pattern);
  }

  call(caller: RouterSession): void {
    const codec = this.#codec;
    const request = codec.f(FSlot.request) as RequestId;
    // Only an id not above the highest one can be in flight already; clients that count never get into the walk.
    if (request > caller.lastCall) caller.lastCall = request;
    else if (this.#calls.pending.byRequest(caller, request) !== 0) {
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
    const isPlain = codec.u(Slot.mode) === RunMode.none && this.#patterns.invoke(pattern) !== Invoke.all;
    const row = isPlain
      ? chooseCallee(pattern, this.#patterns, this.#memberships, this.#random)
      : this.#sharded.route(caller, pattern, request);
    if (row === 0) return;
    const callee = this.#targets.get(this.#memberships.target(row));
    if (callee.invocationCount >= this.#limits.invocationsPerSession_max)
      return this.#refuse(
        caller,
        Message.call,
        errors.unavailable,
        "the callee has too many calls outstanding",
      );
    const isOpen = (codec.u(Slot.true) & Option.progress) !== 0;
    const isPassthru = (codec.u(Slot.present) & Option.ppt) !== 0;
    if (isOpen || isPassthru) {
      const problem = missingFeature(callee, isOpen, isPassthru);
      if (problem !== null) return this.#refuse(caller, Message.call, errors.featureNotSupported, problem);
    }
    this.#invoke(caller, callee, row, request);
  }

  /** Sends the visited CALL to the callee of a membership. */
  #invoke(caller: RouterSession, callee: RouterSession, row: number, request: RequestId): void {
    const codec = this.#codec;
    const pattern = this.#memberships.pattern(row);
    let details = invocationDetails(codec, this.#patterns, pattern, caller);
    if (details < 0)
      return this.#refuse(
        caller,
        Message.call,
        errors.discloseMeDisallowed,
        "this realm does not disclose callers",
      );
    let flags = 0;
    if ((codec.u(Slot.true) & Option.receiveProgress) !== 0) {
      flags |= CallFlag.progress;
      if (takesProgress(callee)) details |= Detail.receiveProgress;
    }
    let timeout_ms = Math.min(codec.f(FSlot.timeout), this.#limits.callTimeout_ms);
    if (timeout_ms > 0 && this.#keepsTime(callee, row)) {
      codec.putTimeout(timeout_ms);
      details |= Detail.timeout;
      timeout_ms = -timeout_ms;
    }
    let own = 0;
    if ((codec.u(Slot.true) & Option.progress) !== 0) {
      flags |= CallFlag.open | (details << detailShift);
      if ((codec.u(Slot.present) & Option.ppt) !== 0) {
        flags |= CallFlag.passthru;
        if (!codec.putPassthru(codec.passthru())) {
          const problem = "the ppt_ options of a progressive call are too long to be kept";
          return this.#refuse(caller, Message.call, errors.invalidArgument, problem);
        }
      }
      own = Detail.progress;
    }
    const registration = this.#patterns.id(pattern);
    const invocation = callee.lastInvocation + 1;
    const length = codec.writeInvocation(callee.serializer, invocation, registration, details | own);
    if (length === 0 || length > callee.peerFrameBytes_max) {
      const { error, message } = payloadProblem(length === 0 ? codec.writeStatus : null);
      return this.#refuse(caller, Message.call, error, message);
    }
    callee.lastInvocation++;
    this.#metrics.calls++;
    this.#calls.open(caller, callee, request, registration, flags, timeout_ms);
    callee.post(this.#frames.take(length, false));
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
