/**
 * The Dealer, registrations and calls: REGISTER, UNREGISTER, CALL, CANCEL. Hot. Each method works on the message that the codec
 * has just visited and answers by posting frames. Which callee gets a call is decided in call-dispatch.ts, how calls end in calls.ts.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Invoke, invokeNames, Message, RunMode } from "../../protocol/messages.ts";
import { FSlot, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { MemberFlag, type Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { SharedLoads } from "../peers/shared-loads.ts";
import type { RouterProcedures } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import { CallDispatch } from "./call-dispatch.ts";
import type { Calls } from "./calls.ts";
import { Invocations } from "./invocations.ts";
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
  /** Null: there is no other router. */
  readonly loads: SharedLoads | null;
  /** Callees of this router come before those of others. */
  readonly preferLocal: boolean;
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
  readonly #events: MetaEvents;
  readonly #procedures: RouterProcedures;
  readonly #sharded: ShardedCalls;
  /** Where calls go, and how they are sent there. */
  readonly dispatch: CallDispatch;
  readonly invocations: Invocations;

  constructor(parts: DealerParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#calls = parts.calls;
    this.#limits = parts.limits;
    this.#events = parts.events;
    this.#procedures = parts.procedures;
    const invocations = new Invocations(parts);
    this.invocations = invocations;
    this.dispatch = new CallDispatch({
      ...parts,
      invoke: (caller, member, pattern, row) => invocations.send(caller, member, pattern, row),
    });
    invocations.watch(this.dispatch);
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
    this.invocations.send(caller, member, pattern, 0);
  }

  #acknowledge(session: RouterSession, type: Message, id: number): void {
    const length = this.#codec.writeAck(session.serializer, type, this.#codec.f(FSlot.request), id);
    session.post(this.#frames.take(length, false));
  }

  #refuse(session: RouterSession, type: Message, error: ErrorEntry, message: string): void {
    session.postError(type, this.#codec.f(FSlot.request) as RequestId, error, message);
  }
}
