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
import { Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { CallDispatch } from "../dealer/call-dispatch.ts";
import { calleeLeft } from "../dealer/call-watcher.ts";
import type { Calls } from "../dealer/calls.ts";
import { payloadProblem } from "../dealer/payload-problem.ts";
import { CallFlag } from "../dealer/pending.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, PatternKind, type Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { CalleeDirectory } from "./callee-directory.ts";
import { HeldCalls } from "./held-calls.ts";
import { InvocationHead, type RemoteNumber, takeHead } from "./invocation-head.ts";
import { PeerKind } from "./kinds.ts";
import { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";
import { Places } from "./places.ts";
import { RefusalReason, refusals, ServeFlag } from "./refusals.ts";
import { RemoteCaller } from "./remote-caller.ts";
import type { SharedLoads } from "./shared-loads.ts";
import { VisitedFrames } from "./visited-frames.ts";

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
  readonly loads: SharedLoads | null;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

export class ServedCalls {
  readonly places: Places;
  readonly #parts: ServedCallsParts;
  readonly #codec: Codec;
  readonly #calls: Calls;
  readonly #peers: Peers;
  /** By router. */
  readonly #callers: RemoteCaller[] = [];
  /** Of each row: the callee's slot at the caller's router. */
  readonly #slotThere = new U32Column();
  readonly #held = new HeldCalls();
  readonly #loads: SharedLoads | null;
  readonly #frames: VisitedFrames;
  /** Of the message that is being handled. */
  readonly #head = new InvocationHead();

  constructor(parts: ServedCallsParts) {
    this.#parts = parts;
    this.#codec = parts.codec;
    this.#calls = parts.calls;
    this.#peers = parts.peers;
    this.#loads = parts.loads;
    this.#frames = new VisitedFrames(parts.codec);
    const { targets, peers, dispatch } = parts;
    for (let router = 0; router < peers.count; router++) {
      if (router === peers.self) continue;
      targets.takeRemote((target) => {
        const caller = new RemoteCaller(target, router);
        this.#callers[router] = caller;
        return caller;
      });
    }
    this.places = new Places({ ...parts, callees: dispatch.callees });
  }

  /** Calls that are served for other routers, and are pending there too. */
  get count(): number {
    return this.#callers.reduce((sum, { callCount }) => sum + callCount, 0);
  }
  /** Calls that wait for REGISTERED to go out, and places that are offered to other routers, or waited for by them. */
  get waitingCount(): number {
    return this.#held.count + this.places.count;
  }

  // ---- from the caller's router

  onInvoke(peer: number, message: MessageReader): void {
    this.#serve(peer, message);
    this.#loads?.setSeen(peer, this.#head.number);
  }

  /** Sends the callee its INVOCATION, or says why not. */
  #serve(peer: number, message: MessageReader): void {
    const { patterns, memberships, dispatch, sessions } = this.#parts;
    const head = this.#head.read(peer, message);
    const callee = sessions.get(head.session);
    const pattern = patterns.byId(PatternKind.registration, head.registration);
    const member = callee === null || pattern === 0 ? 0 : memberships.find(pattern, callee.target);
    if (callee === null || pattern === 0 || member === 0) return this.#onLeft(head, callee, message);
    const isOffered = head.place !== 0 && this.places.isFor(head.place, member);
    if (head.place !== 0 && !isOffered) this.places.decline(head.place);
    const isLimited = (patterns.callTraits(pattern) & CallTrait.limited) !== 0;
    if (isLimited && !isOffered) {
      const isFree = dispatch.callees.isFree(member);
      if ((head.serve & ServeFlag.part) !== 0) {
        if (!isFree) return this.#refuse(head, errors.unavailable, "the callee is busy");
      } else if (!this.places.accepts(member, peer, isFree))
        return this.#return(head, RefusalReason.busy, message);
    }
    const row = this.#invoke(head, callee, message);
    if (isOffered && row !== 0) this.places.take(head.place, row);
    else if (isOffered) this.places.decline(head.place);
    if (row !== 0 && (isOffered || (isLimited && dispatch.callees.occupy(member, row)))) {
      const { pending } = this.#calls;
      pending.setFlags(row, pending.flags(row) | CallFlag.limited);
    }
  }

  /** The callee is not in the registration, or not yet. */
  #onLeft(head: InvocationHead, callee: RouterSession | null, message: MessageReader): void {
    const { router, number, session, registration } = head;
    if (callee !== null && this.#parts.directory.isPending(session, registration))
      return this.#held.add(router, number, session, registration, message.copy());
    if (head.place !== 0) this.places.decline(head.place);
    if ((head.serve & ServeFlag.part) !== 0) this.#refuse(head, errors.canceled, calleeLeft);
    else this.#return(head, RefusalReason.left, message);
  }

  /** Returns the row of the call; 0: the callee cannot be sent it, and its router knows. */
  #invoke(head: InvocationHead, callee: RouterSession, message: MessageReader): number {
    const { limits, frames } = this.#parts;
    const codec = this.#codec;
    if (callee.invocationCount >= limits.invocationsPerSession_max) {
      this.#refuse(head, errors.unavailable, "the callee has too many calls outstanding");
      return 0;
    }
    const details = takeHead(message, codec);
    this.#frames.visit(message, head.format, 0);
    const { registration } = head;
    const length = codec.writeInvocation(callee.serializer, callee.lastInvocation + 1, registration, details);
    if (length === 0 || length > callee.peerFrameBytes_max) {
      const { error, message: text } = payloadProblem(length === 0 ? codec.writeStatus : null);
      this.#refuse(head, error, text);
      return 0;
    }
    const flags =
      ((head.serve & ServeFlag.progress) !== 0 ? CallFlag.progress : 0) |
      ((head.serve & ServeFlag.passthru) !== 0 ? CallFlag.passthru : 0);
    const caller = this.#callers[head.router]!;
    callee.lastInvocation++;
    const row = this.#calls.open(caller, callee, head.number as RequestId, registration, flags, 0);
    this.#slotThere.ensure(row);
    this.#slotThere.set(row, head.slotThere);
    callee.post(frames.take(length, false));
    return row;
  }

  onProceed(peer: number, message: MessageReader): void {
    const row = this.#row(peer, message);
    if (row === 0) return;
    const format = message.u8() as Serializer;
    const details = takeHead(message, this.#codec);
    this.#frames.visit(message, format, 0);
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

  onWant(peer: number, message: MessageReader): void {
    const { patterns, memberships, sessions } = this.#parts;
    const slotThere = message.u32();
    const callee = sessions.get(message.f64());
    const pattern = patterns.byId(PatternKind.registration, message.f64());
    const member = callee === null || pattern === 0 ? 0 : memberships.find(pattern, callee.target);
    if (pattern !== 0 && member !== 0) this.places.want(pattern, member, peer, slotThere);
  }

  onDecline(message: MessageReader): void {
    this.places.decline(message.u32());
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
    this.#frames.send(this.#peers, (caller as RemoteCaller).router);
  }

  /** The router ends this row. */
  refuse(row: number, caller: RouterSession, error: ErrorEntry, message: string): void {
    const number = this.#calls.pending.request(row);
    const slotThere = this.#slotThere.get(row);
    this.#refuse({ router: (caller as RemoteCaller).router, slotThere, number }, error, message);
  }

  #refuse({ router, slotThere, number }: RemoteNumber, error: ErrorEntry, message: string): void {
    const index = refusals.indexOf(error);
    assert(index >= 0, "a call of another router is refused for one of the reasons");
    this.#peers.writer.begin(PeerKind.refused).u32(slotThere).f64(number).u8(index).text(message);
    this.#peers.send(router, null, false);
  }

  /** Sends back what is left to be read of `invoke`. */
  #return({ router, slotThere, number }: RemoteNumber, reason: number, message: MessageReader): void {
    takeHead(message, this.#codec);
    this.#peers.writer.begin(PeerKind.returned).u32(slotThere).f64(number).u8(reason);
    this.#peers.send(router, message.frame(), false);
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
      if (message.kind === PeerKind.invoke) this.#serve(router, message);
      else if (message.kind === PeerKind.proceed) this.onProceed(router, message);
      else if (message.kind === PeerKind.interrupt) this.onInterrupt(router, message);
      else this.onAbandon(router, message);
    }
  }

  /** The router is gone: nobody waits for what is done for it. */
  onDown(peer: number): void {
    this.#held.forget(peer);
    this.#calls.onSessionGone(this.#callers[peer]!);
    this.places.onDown(peer);
  }
}
