/**
 * REGISTER and UNREGISTER. Each method works on the message that the codec has just visited. Where there are other routers, what they
 * do about it is in shared-registering.ts. Control path.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { type Invoke, invokeNames, Message } from "../../protocol/messages.ts";
import { FSlot, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { type MetaEvents, patternFacts } from "../meta-events.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { Directory } from "../peers/directory.ts";
import type { Realm } from "../realm.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import type { CallDispatch } from "./call-dispatch.ts";
import { CalleeMembers } from "./callee-members.ts";
import { plainRegistration, readRegisterOptions } from "./register-options.ts";
import { registrationConflict } from "./registration-conflict.ts";
import { announceRevocation } from "./revoke-registration.ts";
import { SharedRegistering } from "./shared-registering.ts";

export interface RegisteringParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly limits: Limits;
  readonly events: MetaEvents;
  readonly dispatch: CallDispatch;
  /** Null: there is no other router. */
  readonly directory: Directory | null;
}

export class Registering {
  readonly #parts: RegisteringParts;
  readonly #members: CalleeMembers;
  readonly #shared: SharedRegistering | null;
  /** Sessions that have gone and still have registrations. */
  readonly #gone = new Set<RouterSession>();

  constructor(parts: RegisteringParts) {
    this.#parts = parts;
    this.#members = new CalleeMembers(parts);
    const { directory } = parts;
    const members = this.#members;
    this.#shared = directory === null ? null : new SharedRegistering({ ...parts, directory, members });
  }

  register(session: RouterSession): void {
    const { codec, patterns, limits, directory } = this.#parts;
    const request = codec.f(FSlot.request) as RequestId;
    const refuse = (error: ErrorEntry, problem: string): void =>
      session.postError(Message.register, request, error, problem);
    const realm = session.realm!;
    if (codec.u(Slot.uriStatus) !== UriStatus.ok)
      return refuse(errors.invalidUri, uriProblem(codec, "procedure"));
    const discloseCaller = (codec.u(Slot.true) & Option.discloseCaller) !== 0;
    if (discloseCaller && !realm.allowDisclosure)
      return refuse(errors.discloseMeDisallowed, "this realm does not disclose callers");
    const { registrationsPerSession_max } = limits;
    // Those that the other routers are still being told of count too.
    const held = session.registrationCount + (directory?.registering(session.id) ?? 0);
    if (held >= registrationsPerSession_max)
      return refuse(errors.unavailable, `a session may hold ${registrationsPerSession_max} registrations`);
    const hasMore = (codec.u(Slot.present) & Option.other) !== 0;
    const options = hasMore ? readRegisterOptions(codec) : plainRegistration;
    if (typeof options === "string") return refuse(errors.invalidArgument, options);
    if (options.forceReregister && !realm.forceReregister)
      return refuse(errors.optionNotAllowed, "this realm does not allow force_reregister");
    const invoke = codec.u(Slot.invoke) as Invoke;
    if (this.#shared !== null) return this.#shared.register(session, invoke, discloseCaller, options);
    let pattern = (codec.matchCount === 0 ? 0 : codec.matchAt(0)) as PatternHandle | 0;
    if (pattern !== 0 && this.#gone.size > 0) pattern = this.#withoutGone(pattern, realm);
    if (options.forceReregister) {
      if (pattern !== 0) pattern = this.#replace(pattern, session, invoke);
    } else if (pattern !== 0) {
      const isMember = this.#parts.memberships.find(pattern, session.target) !== 0;
      const policy = patterns.invoke(pattern);
      const problem = registrationConflict(policy, invoke, isMember, realm.repeatedRegistration);
      if (problem !== null) return refuse(errors.procedureAlreadyExists, problem);
    }
    if (pattern === 0) pattern = this.#create(session, invoke);
    if (pattern === 0) return refuse(errors.unavailable, patterns.problem);
    if (discloseCaller) patterns.setDiscloseCaller(pattern);
    this.#members.join(session, pattern, options);
    if (realm.reservedPatterns > 0) this.#parts.events.onRegister(session, patterns.id(pattern));
    this.#acknowledge(session, Message.registered, patterns.id(pattern));
  }

  /** Ends the registration for all its callees and makes a new one of the same name; 0 when the index is full. */
  #replace(old: PatternHandle, session: RouterSession, invoke: Invoke): PatternHandle | 0 {
    const { patterns, memberships, targets, dispatch } = this.#parts;
    const id = patterns.id(old);
    const queue = dispatch.detach(old);
    while (patterns.memberCount(old) > 0) {
      const row = patterns.firstMember(old);
      const callee = targets.get(memberships.target(row));
      this.#leave(row, callee, session.realm!);
      const isGone = memberships.find(old, callee.target) === 0;
      if (isGone && callee !== session) announceRevocation(callee, id, errors.unregistered.uri);
    }
    const pattern = this.#create(session, invoke);
    if (queue !== null) dispatch.attach(queue, pattern);
    return pattern;
  }

  /** Makes the registration that the visited REGISTER names; 0 when the index is full. */
  #create(session: RouterSession, invoke: Invoke): PatternHandle | 0 {
    const { codec, patterns, events } = this.#parts;
    const pattern = patterns.add(PatternKind.registration, session.realm!, codec);
    if (pattern === 0) return 0;
    patterns.setInvoke(pattern, invoke);
    if (session.realm!.reservedPatterns > 0)
      events.onCreate("registration", session, {
        ...patternFacts(patterns, pattern),
        invoke: invokeNames[invoke],
      });
    return pattern;
  }

  unregister(session: RouterSession): void {
    const { codec, patterns, memberships } = this.#parts;
    const pattern = patterns.byId(PatternKind.registration, codec.f(FSlot.id));
    const row = pattern === 0 ? 0 : memberships.find(pattern, session.target);
    if (row === 0 || this.#shared?.isLeaving(row, session) === true) {
      const problem = "this session holds no such registration";
      const request = codec.f(FSlot.request) as RequestId;
      return session.postError(Message.unregister, request, errors.noSuchRegistration, problem);
    }
    if (this.#shared?.unregister(row, session) === true) return;
    if (this.#shared === null) this.#leave(row, session, session.realm!);
    this.#acknowledge(session, Message.unregistered, -1);
  }

  /** Ends one turn of a callee, without an answer. Calls in flight go on. */
  #leave(row: number, session: RouterSession, realm: Realm): void {
    const { patterns, memberships, events } = this.#parts;
    const pattern = memberships.pattern(row);
    const isLast = this.#members.drop(row, session) && patterns.memberCount(pattern) === 0;
    if (realm.reservedPatterns > 0)
      events.onLeave("registration", session, realm, patterns.id(pattern), isLast);
    if (isLast) patterns.remove(pattern);
  }

  /** Ends a registration of a session, however often it has registered, without an answer. Calls in flight go on. */
  end(row: number, session: RouterSession, realm: Realm): void {
    const { memberships } = this.#parts;
    const pattern = memberships.pattern(row);
    if (this.#shared !== null) return this.#shared.end(row, session);
    while (memberships.find(pattern, session.target) === row) this.#leave(row, session, realm);
  }

  /** Ends up to `turns_max` turns of a session that leaves, over its registrations. True: it has none left. */
  endSome(session: RouterSession, realm: Realm, turns_max: number): boolean {
    if (this.#shared !== null) return this.#shared.endSome(session, turns_max);
    for (let left = turns_max; session.firstRegistration !== 0; left--) {
      if (left === 0) {
        this.#gone.add(session);
        return false;
      }
      this.#leave(session.firstRegistration, session, realm);
    }
    return true;
  }

  /** The session that leaves has no registrations and no calls any more. */
  onEnded(session: RouterSession): void {
    this.#gone.delete(session);
    this.#shared?.onGone(session.id);
  }

  /** Takes the registration from those of its first callees that have gone. Returns its pattern; 0: it is over with them. */
  #withoutGone(pattern: PatternHandle, realm: Realm): PatternHandle | 0 {
    const { patterns, memberships, targets } = this.#parts;
    for (;;) {
      const row = patterns.firstMember(pattern);
      const callee = targets.get(memberships.target(row));
      if (!this.#gone.has(callee)) return pattern;
      const isLast = patterns.memberCount(pattern) === 1;
      this.end(row, callee, realm);
      if (isLast) return 0;
    }
  }

  #acknowledge(session: RouterSession, type: Message, id: number): void {
    const { codec, frames } = this.#parts;
    const length = codec.writeAck(session.serializer, type, codec.f(FSlot.request), id);
    session.post(frames.take(length, false));
  }
}
