/**
 * Calls of other routers' sessions to callees of this one. A call is a row here too, whose caller stands for all callers of its router
 * and whose request is the number that this has given it; what the callee answers goes back as it came. Hot.
 */
import { assert } from "../../base/assert.ts";
import { U32Column } from "../../base/column.ts";
import type { RequestId, SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { CallDispatch } from "../dealer/call-dispatch.ts";
import { type Calls, calleeLeft } from "../dealer/calls.ts";
import { payloadProblem } from "../dealer/payload-problem.ts";
import { CallFlag } from "../dealer/pending.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, PatternKind, type Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { CalleeDirectory } from "./callee-directory.ts";
import { HeldCalls } from "./held-calls.ts";
import { takeHead } from "./invocation-head.ts";
import { PeerKind } from "./kinds.ts";
import { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";
import { Places } from "./places.ts";
import { RefusalReason, refusals, ServeFlag } from "./refusals.ts";
import { RemoteCaller } from "./remote-caller.ts";

export interface ServedCallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly calls: Calls;
  readonly dispatch: CallDispatch;
  readonly limits: Limits;
  readonly peers: Peers;
  /** Joined sessions of this router. */
  readonly sessions: { get(id: unknown): RouterSession | null };
  readonly directory: CalleeDirectory;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

export class ServedCalls {
  readonly #parts: ServedCallsParts;
  readonly #codec: Codec;
  readonly #calls: Calls;
  readonly #peers: Peers;
  /** By router. */
  readonly #callers: RemoteCaller[] = [];
  /** Of each row: the callee's slot at the caller's router. */
  readonly #slotThere = new U32Column();
  readonly #held = new HeldCalls();
  readonly #places: Places;

  constructor(parts: ServedCallsParts) {
    this.#parts = parts;
    this.#codec = parts.codec;
    this.#calls = parts.calls;
    this.#peers = parts.peers;
    const { targets, peers, dispatch } = parts;
    for (let router = 0; router < peers.count; router++) {
      if (router === peers.self) continue;
      targets.takeRemote((target) => {
        const caller = new RemoteCaller(target, router);
        this.#callers[router] = caller;
        return caller;
      });
    }
    this.#places = new Places({ ...parts, callees: dispatch.callees });
    dispatch.connect(this.#places);
  }

  /** Calls that wait for REGISTERED to go out, and places that are offered to other routers, or waited for by them. */
  get waitingCount(): number {
    return this.#held.count + this.#places.count;
  }

  // ---- from the caller's router

  onInvoke(peer: number, message: MessageReader): void {
    const { patterns, memberships, limits, dispatch, sessions } = this.#parts;
    const slotThere = message.u32();
    const number = message.f64();
    const format = message.u8() as Serializer;
    const serve = message.u8();
    const place = (serve & ServeFlag.offered) !== 0 ? message.u32() : 0;
    const id = message.f64() as SessionId;
    const registration = message.f64();
    const callee = sessions.get(id);
    const pattern = patterns.byId(PatternKind.registration, registration);
    const member = callee === null || pattern === 0 ? 0 : memberships.find(pattern, callee.target);
    if (callee === null || pattern === 0 || member === 0) {
      if (callee !== null && this.#parts.directory.isPending(id, registration))
        return this.#held.add(peer, number, id, registration, message.copy());
      if (place !== 0) this.#places.decline(place);
      if ((serve & ServeFlag.part) !== 0)
        return this.#refuse(peer, slotThere, number, errors.canceled, calleeLeft);
      return this.#return(peer, slotThere, number, RefusalReason.left, message);
    }
    const isOffered = place !== 0 && this.#places.isFor(place, member);
    if (place !== 0 && !isOffered) this.#places.decline(place);
    const isLimited = (patterns.callTraits(pattern) & CallTrait.limited) !== 0;
    if (isLimited && !isOffered && !dispatch.callees.isFree(member)) {
      if ((serve & ServeFlag.part) !== 0)
        return this.#refuse(peer, slotThere, number, errors.unavailable, "the callee is busy");
      this.#places.wait(member, registration, peer, slotThere);
      return this.#return(peer, slotThere, number, RefusalReason.busy, message);
    }
    let problem: { readonly error: ErrorEntry; readonly message: string } | null = null;
    let length = 0;
    if (callee.invocationCount >= limits.invocationsPerSession_max)
      problem = { error: errors.unavailable, message: "the callee has too many calls outstanding" };
    else {
      const details = takeHead(message, this.#codec);
      const status = this.#codec.visit(format, message.rest(), 0, 0);
      assert(status === Status.ok, "a frame that was accepted is accepted again");
      length = this.#codec.writeInvocation(
        callee.serializer,
        callee.lastInvocation + 1,
        registration,
        details,
      );
      if (length === 0 || length > callee.peerFrameBytes_max)
        problem = payloadProblem(length === 0 ? this.#codec.writeStatus : null);
    }
    if (problem !== null) {
      if (isOffered) this.#places.decline(place);
      return this.#refuse(peer, slotThere, number, problem.error, problem.message);
    }
    const flags =
      ((serve & ServeFlag.progress) !== 0 ? CallFlag.progress : 0) |
      ((serve & ServeFlag.passthru) !== 0 ? CallFlag.passthru : 0);
    const caller = this.#callers[peer]!;
    callee.lastInvocation++;
    const row = this.#calls.open(caller, callee, number as RequestId, registration as never, flags, 0);
    this.#slotThere.ensure(row);
    this.#slotThere.set(row, slotThere);
    if (isOffered) this.#places.take(place, row);
    if (isOffered || (isLimited && dispatch.callees.occupy(member, row)))
      this.#calls.pending.setFlags(row, flags | CallFlag.limited);
    callee.post(this.#parts.frames.take(length, false));
  }

  onProceed(peer: number, message: MessageReader): void {
    const row = this.#row(peer, message);
    if (row === 0) return;
    const format = message.u8() as Serializer;
    const details = takeHead(message, this.#codec);
    const status = this.#codec.visit(format, message.rest(), 0, 0);
    assert(status === Status.ok, "a frame that was accepted is accepted again");
    this.#calls.proceed(row, details);
  }

  onInterrupt(peer: number, message: MessageReader): void {
    const row = this.#row(peer, message);
    if (row !== 0) this.#calls.endServed(row, message.u8());
  }

  onAbandon(peer: number, message: MessageReader): void {
    const row = this.#row(peer, message);
    if (row !== 0) this.#calls.endServed(row, 0);
  }

  onDecline(message: MessageReader): void {
    this.#places.decline(message.u32());
  }

  /** The row of the number that the message begins with; 0: the call is over, or the message waits with it. */
  #row(peer: number, message: MessageReader): number {
    const number = message.f64();
    const row = this.#calls.pending.byRequest(this.#callers[peer]!, number);
    if (row === 0 && this.#held.count > 0) this.#held.follow(peer, number, message.copy());
    return row;
  }

  // ---- to the caller's router

  /** The visited YIELD is one of this row. */
  yielded(row: number, caller: RouterSession): void {
    this.#answer(PeerKind.yield, row, caller);
  }
  /** The visited ERROR ends this row. */
  failed(row: number, caller: RouterSession): void {
    this.#answer(PeerKind.error, row, caller);
  }

  #answer(kind: number, row: number, caller: RouterSession): void {
    const codec = this.#codec;
    const writer = this.#peers.writer.begin(kind);
    writer.u32(this.#slotThere.get(row)).f64(this.#calls.pending.request(row)).u8(codec.u(Slot.format));
    this.#peers.send((caller as RemoteCaller).router, codec.visited(), false);
  }

  /** The router ends this row. */
  refuse(row: number, caller: RouterSession, error: ErrorEntry, message: string): void {
    const number = this.#calls.pending.request(row);
    this.#refuse((caller as RemoteCaller).router, this.#slotThere.get(row), number, error, message);
  }

  #refuse(peer: number, slotThere: number, number: number, error: ErrorEntry, message: string): void {
    const index = refusals.indexOf(error);
    assert(index >= 0, "a call of another router is refused for one of the reasons");
    this.#peers.writer.begin(PeerKind.refused).u32(slotThere).f64(number).u8(index).text(message);
    this.#peers.send(peer, null, false);
  }

  /** Sends back what is left to be read of `invoke`. */
  #return(peer: number, slotThere: number, number: number, reason: number, message: MessageReader): void {
    takeHead(message, this.#codec);
    this.#peers.writer.begin(PeerKind.returned).u32(slotThere).f64(number).u8(reason);
    this.#peers.send(peer, message.rest(), false);
  }

  // ---- what happens here

  /** REGISTERED is on its way to the session. */
  onComplete(session: SessionId, registration: number): void {
    this.#again(this.#held.take(session, registration));
  }

  /** A session of this router is gone, with what it held. */
  onSessionGone(session: SessionId): void {
    this.#again(this.#held.takeAll(session));
  }

  #again(held: readonly { readonly router: number; readonly bytes: Uint8Array }[]): void {
    for (const { router, bytes } of held) {
      const message = new MessageReader().begin(bytes);
      if (message.kind === PeerKind.invoke) this.onInvoke(router, message);
      else if (message.kind === PeerKind.proceed) this.onProceed(router, message);
      else if (message.kind === PeerKind.interrupt) this.onInterrupt(router, message);
      else this.onAbandon(router, message);
    }
  }

  /** The router is gone: nobody waits for what is done for it. */
  onDown(peer: number): void {
    this.#held.forget(peer);
    this.#calls.onSessionGone(this.#callers[peer]!);
    this.#places.onDown(peer);
  }
}
