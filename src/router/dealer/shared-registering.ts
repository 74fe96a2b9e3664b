/**
 * REGISTER and UNREGISTER where there are other routers: a callee is registered when all of them know it (peers/directory.ts), and is
 * answered then; those of other routers are members of the tables here like its own. Control path.
 */
import { F64Column } from "../../base/column.ts";
import type { PatternHandle, RequestId, SessionId } from "../../base/ids.ts";
import { errors } from "../../protocol/errors.ts";
import { type Invoke, type Match, Message } from "../../protocol/messages.ts";
import { FSlot, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { Directory } from "../peers/directory.ts";
import { SessionAsker } from "../peers/session-asker.ts";
import type { CalleeTables } from "../peers/shared-registrations.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { CallDispatch } from "./call-dispatch.ts";
import type { Queue } from "./call-queue.ts";
import type { CalleeMembers } from "./callee-members.ts";
import type { RegisterOptions } from "./register-options.ts";
import { announceRevocation } from "./revoke-registration.ts";

export interface SharedRegisteringParts {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly events: MetaEvents;
  readonly dispatch: CallDispatch;
  readonly members: CalleeMembers;
  readonly directory: Directory;
}

/** A request that waits for the other routers. */

class WaitingRegister extends SessionAsker {
  readonly #owner: SharedRegistering;
  readonly options: RegisterOptions;

  constructor(
    owner: SharedRegistering,
    session: RouterSession,
    request: RequestId,
    options: RegisterOptions,
  ) {
    super(session, request, Message.register);
    this.#owner = owner;
    this.options = options;
  }
  protected complete(pattern: PatternHandle | 0, id: number, sequence: number): void {
    if (this.isHere) this.#owner.complete(this, pattern, id, sequence);
    else this.#owner.onGone(this.id);
  }
}

class WaitingUnregister extends SessionAsker {
  readonly #owner: SharedRegistering;
  readonly registration: number;

  constructor(owner: SharedRegistering, session: RouterSession, request: RequestId, registration: number) {
    super(session, request, Message.unregister);
    this.#owner = owner;
    this.registration = registration;
  }
  protected complete(): void {
    this.#owner.onUnregistered(this);
  }
}

export class SharedRegistering implements CalleeTables {
  readonly #parts: SharedRegisteringParts;
  /** Of members: their place in the order of all. */
  readonly #sequence = new F64Column();
  /** UNREGISTERs that wait, by registration and session. */
  readonly #leaving = new Map<string, number>();

  constructor(parts: SharedRegisteringParts) {
    this.#parts = parts;
    parts.directory.connectCallees(this);
  }

  // ---- from sessions of this router

  /** The visited REGISTER, which may be. */
  register(session: RouterSession, invoke: Invoke, discloseCaller: boolean, options: RegisterOptions): void {
    const { codec, directory } = this.#parts;
    const request = codec.f(FSlot.request) as RequestId;
    const { authid, authrole } = session.identity!;
    const { id, target: slot, clientFeatures, peerFrameBytes_max } = session;
    const waiting = new WaitingRegister(this, session, request, options);
    const isAsked = directory.ask(
      {
        kind: "register",
        realm: session.realm!.uri,
        match: codec.u(Slot.match) as Match,
        uri: codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen)),
        invoke,
        discloseCaller,
        mayRepeat: session.realm!.repeatedRegistration,
        options,
        callee: { id, slot, clientFeatures, peerFrameBytes_max, authid, authrole },
      },
      waiting,
    );
    if (!isAsked) waiting.refused(errors.unavailable, "too many requests wait for the other workers");
  }

  /** All routers know the callee; 0: the registration has been taken from it again in the meantime. */
  complete(
    { session, request, options }: WaitingRegister,
    pattern: PatternHandle | 0,
    id: number,
    sequence: number,
  ): void {
    const { codec, frames, events } = this.#parts;
    if (pattern !== 0) {
      this.join(pattern, session, options, sequence);
      if (session.realm!.reservedPatterns > 0) events.onRegister(session, id);
    }
    const length = codec.writeAck(session.serializer, Message.registered, request, id);
    session.post(frames.take(length, false));
    if (pattern === 0) announceRevocation(session, id, errors.unregistered.uri);
  }

  /** All turns that it has are being given up. */
  isLeaving(row: number, session: RouterSession): boolean {
    const { memberships, dispatch, patterns } = this.#parts;
    const waiting = this.#leaving.get(this.#key(patterns.id(memberships.pattern(row)), session.id)) ?? 0;
    return waiting >= dispatch.callees.weight(row);
  }

  #key(registration: number, session: SessionId): string {
    return `${registration} ${session}`;
  }

  /** The visited UNREGISTER of a member. True: it is answered later. */
  unregister(row: number, session: RouterSession): boolean {
    const { codec, directory, memberships, patterns } = this.#parts;
    const id = patterns.id(memberships.pattern(row));
    const request = codec.f(FSlot.request) as RequestId;
    const key = this.#key(id, session.id);
    this.#leaving.set(key, (this.#leaving.get(key) ?? 0) + 1);
    const waiting = new WaitingUnregister(this, session, request, id);
    const wish = { kind: "unregister", id, session: session.id, isWhole: false } as const;
    if (directory.ask(wish, waiting)) return true;
    this.#forget(key);
    waiting.release();
    directory.tell(wish);
    return false;
  }

  #forget(key: string): void {
    const left = this.#leaving.get(key)! - 1;
    if (left === 0) this.#leaving.delete(key);
    else this.#leaving.set(key, left);
  }

  onUnregistered({ session, id, request, registration, isHere }: WaitingUnregister): void {
    const { codec, frames } = this.#parts;
    this.#forget(this.#key(registration, id));
    if (!isHere) return;
    const length = codec.writeAck(session.serializer, Message.unregistered, request, -1);
    session.post(frames.take(length, false));
  }

  /** Ends a registration of a session at once, however often it has registered. */
  end(row: number, session: RouterSession): void {
    const { memberships, patterns, directory } = this.#parts;
    const pattern = memberships.pattern(row);
    const wish = {
      kind: "unregister",
      id: patterns.id(pattern),
      session: session.id,
      isWhole: true,
    } as const;
    this.leave(pattern, session, true);
    directory.tell(wish);
  }

  /**
   * Ends up to `turns_max` registrations of a session that leaves; `onGone` follows. Few end here, and elsewhere then; of many the others
   * are told one by one, so that they need not end them at once either. True: it has none left.
   */
  endSome(session: RouterSession, turns_max: number): boolean {
    if (session.registrationCount <= turns_max) {
      while (session.firstRegistration !== 0) this.#parts.members.drop(session.firstRegistration, session);
      return true;
    }
    for (let left = turns_max; left > 0 && session.firstRegistration !== 0; left--)
      this.end(session.firstRegistration, session);
    return session.firstRegistration === 0;
  }

  /**
   * The session has gone, without registrations and calls now. Or it has gone before it could be told that it is registered; others may
   * have heard of both in the wrong order.
   */
  onGone(session: SessionId): void {
    this.#parts.directory.onGone(session);
  }

  // ---- from the directory

  begin(pattern: PatternHandle, invoke: Invoke): void {
    this.#parts.patterns.setInvoke(pattern, invoke);
  }

  discloseCaller(pattern: PatternHandle): void {
    this.#parts.patterns.setDiscloseCaller(pattern);
  }

  join(pattern: PatternHandle, callee: RouterSession, options: RegisterOptions, sequence: number): void {
    const { patterns, memberships, members } = this.#parts;
    let previous = patterns.lastMember(pattern);
    while (previous !== 0 && this.#sequence.get(previous) > sequence)
      previous = memberships.previousOfPattern(previous);
    const row = members.join(callee, pattern, options, previous);
    this.#sequence.ensure(row);
    this.#sequence.set(row, sequence);
  }

  leave(pattern: PatternHandle, callee: RouterSession, isWhole: boolean): void {
    const { memberships, members } = this.#parts;
    const row = memberships.find(pattern, callee.target);
    if (row === 0) return;
    while (!members.drop(row, callee) && isWhole);
  }

  has(pattern: PatternHandle, callee: RouterSession): boolean {
    return this.#parts.memberships.find(pattern, callee.target) !== 0;
  }

  revoke(pattern: PatternHandle, callee: RouterSession): void {
    // One that has not been told yet that it has it, is told both then.
    if (!this.has(pattern, callee)) return;
    announceRevocation(callee, this.#parts.patterns.id(pattern), errors.unregistered.uri);
  }

  detach(pattern: PatternHandle): Queue | null {
    return this.#parts.dispatch.detach(pattern);
  }
  attach(queue: Queue, pattern: PatternHandle | 0): void {
    this.#parts.dispatch.attach(queue, pattern);
  }
  onOver(pattern: PatternHandle): void {
    this.#parts.dispatch.ended(pattern);
  }
}
