/**
 * Calls of this router's sessions to callees of others. All of the dealer's work on them is done here, and they are pending here
 * like any call; only the last step differs: the CALL frame goes to the callee's router as it came (served-calls.ts there), and what
 * the callee answers comes back as it came, is visited, and goes the way of any answer. Hot.
 *
 * Every invocation has a number of its own, by which both routers know it. It ends at both: by the callee's answer, by `refused` and
 * `returned` of the callee's router, by INTERRUPT with mode `killnowait`, or by `abandon`.
 */
import type { PatternHandle, Target } from "../../base/ids.ts";
import { CancelMode } from "../../protocol/messages.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Option, Slot, Visit } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { CallDispatch } from "../dealer/call-dispatch.ts";
import { Accepts } from "../dealer/callees.ts";
import type { Calls } from "../dealer/calls.ts";
import { CallFlag } from "../dealer/pending.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, PatternKind, type Patterns } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { RouterSession } from "../types.ts";
import type { CalleeDirectory } from "./callee-directory.ts";
import { putHead } from "./invocation-head.ts";
import { PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";
import { RefusalReason, refusals, ServeFlag } from "./refusals.ts";
import type { RemoteCallee } from "./remote-callee.ts";
import { VisitedFrames } from "./visited-frames.ts";

export interface OutgoingCallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly calls: Calls;
  readonly dispatch: CallDispatch;
  readonly peers: Peers;
  readonly directory: CalleeDirectory;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

/** A free place at a callee of another router that this one may take, until the end of the turn. */
interface Offer {
  readonly router: number;
  readonly member: number;
  readonly place: number;
}

export class OutgoingCalls {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #calls: Calls;
  readonly #dispatch: CallDispatch;
  readonly #peers: Peers;
  readonly #directory: CalleeDirectory;
  readonly #afterTurn: (task: () => void) => void;
  readonly #frames: VisitedFrames;
  #number = 0;
  /** The invocation that its router has ended, or has just been told to end. */
  #ended = 0;
  readonly #offers: Offer[] = [];

  constructor(parts: OutgoingCallsParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#calls = parts.calls;
    this.#dispatch = parts.dispatch;
    this.#peers = parts.peers;
    this.#directory = parts.directory;
    this.#afterTurn = parts.afterTurn;
    this.#frames = new VisitedFrames(parts.codec);
  }

  /** Places that were offered and are not taken yet. */
  get offerCount(): number {
    return this.#offers.length;
  }

  // ---- to the callee's router. `callee` is a RemoteCallee.

  /**
   * Sends the visited CALL under the next number, which is the callee's `lastInvocation` then. `member` is the callee's membership, 0
   * where it is one of all callees; `details` and `flags` are the INVOCATION's and the pending row's. False: its router is down.
   */
  invoke(
    caller: RouterSession,
    callee: RouterSession,
    member: number,
    registration: number,
    details: number,
    flags: number,
  ): boolean {
    const codec = this.#codec;
    const { router } = callee as RemoteCallee;
    const number = ++this.#number;
    const place = this.#offers.length === 0 ? 0 : this.#takeOffer(member);
    let serve = place === 0 ? 0 : ServeFlag.offered;
    if (member === 0) serve |= ServeFlag.part;
    if ((flags & CallFlag.progress) !== 0) serve |= ServeFlag.progress;
    if ((flags & CallFlag.passthru) !== 0) serve |= ServeFlag.passthru;
    const writer = this.#peers.writer.begin(PeerKind.invoke);
    writer.u32(callee.target).f64(number).u8(codec.u(Slot.format)).u8(serve);
    if (place !== 0) writer.u32(place);
    writer.f64(callee.id).f64(registration);
    putHead(writer, codec, details, caller);
    callee.lastInvocation = number;
    return this.#frames.send(this.#peers, router);
  }

  /** Sends the visited CALL, which continues the one of this row. */
  proceed(row: number, caller: RouterSession, callee: RouterSession, details: number): void {
    const writer = this.#peers.writer.begin(PeerKind.proceed);
    writer.f64(this.#calls.pending.invocation(row)).u8(this.#codec.u(Slot.format));
    putHead(writer, this.#codec, details, caller);
    this.#frames.send(this.#peers, (callee as RemoteCallee).router);
  }

  /** INTERRUPT; with `killnowait` the row is about to be closed. */
  interrupt(row: number, callee: RouterSession, mode: number): void {
    const number = this.#calls.pending.invocation(row);
    if (mode === CancelMode.killnowait) this.#ended = number;
    this.#peers.writer.begin(PeerKind.interrupt).f64(number).u8(mode);
    this.#peers.send((callee as RemoteCallee).router, null, false);
  }

  /** The row is about to be closed. */
  closing(row: number, callee: RouterSession): void {
    const number = this.#calls.pending.invocation(row);
    if (number === this.#ended) return;
    this.#peers.writer.begin(PeerKind.abandon).f64(number);
    this.#peers.send((callee as RemoteCallee).router, null, false);
  }

  /** A row of the callee has been closed, or given to another callee. */
  onClosed(callee: RouterSession): void {
    const isIdle = callee.registrationCount + callee.invocationCount === 0;
    if (isIdle) this.#directory.releaseIfIdle(callee as RemoteCallee);
  }

  // ---- from it

  /** YIELD or ERROR of a callee there. */
  onAnswer(peer: number, message: MessageReader): void {
    const target = message.u32() as Target;
    const number = message.f64();
    const format = message.u8() as Serializer;
    const callee = this.#callee(peer, target);
    if (callee === null) return;
    const codec = this.#codec;
    const strict = callee.realm.strictUris ? Visit.strictUri : 0;
    this.#frames.visit(message, format, strict);
    codec.putRequest(number);
    if (message.kind === PeerKind.error) {
      this.#ended = number;
      this.#calls.onError(callee);
    } else {
      if ((codec.u(Slot.true) & Option.progress) === 0) this.#ended = number;
      this.#calls.onYield(callee);
    }
  }

  /** The callee cannot be sent the call, or has left. */
  onRefused(peer: number, message: MessageReader): void {
    const target = message.u32() as Target;
    const number = message.f64();
    const callee = this.#callee(peer, target);
    const row = callee === null ? 0 : this.#calls.pending.byInvocation(target, number);
    if (callee === null || row === 0) return;
    this.#ended = number;
    const error = refusals[message.u8()]!;
    this.#calls.onRefused(row, callee, error, message.text());
  }

  /** The callee was never sent the call, whose CALL comes back: it is busy, or has left the registration. */
  onReturned(peer: number, message: MessageReader): void {
    const target = message.u32() as Target;
    const number = message.f64();
    const callee = this.#callee(peer, target);
    const row = callee === null ? 0 : this.#calls.pending.byInvocation(target, number);
    if (callee === null || row === 0) return;
    this.#ended = number;
    const isBusy = message.u8() === RefusalReason.busy;
    this.#dispatch.onReturned(row, callee, isBusy, message.rest());
  }

  /**
   * A call has come back from this callee, which is busy. Others that are on their way to it will too, until its router hears that no
   * more follow.
   */
  onBusy(member: number, pattern: PatternHandle, callee: RouterSession): void {
    const { callees } = this.#dispatch;
    if (callees.accepts(member) !== Accepts.all) return;
    callees.setAccepts(member, Accepts.none);
    this.#want(callee as RemoteCallee, pattern);
  }

  #want(callee: RemoteCallee, pattern: PatternHandle): void {
    this.#peers.writer.begin(PeerKind.want).u32(callee.target).f64(callee.id).f64(this.#patterns.id(pattern));
    this.#peers.send(callee.router, null, false);
  }

  /** There is room for one call of this router at a callee there that was busy: for the first that waits, at the end of this turn. */
  onOffer(peer: number, message: MessageReader): void {
    const callee = this.#callee(peer, message.u32() as Target);
    const place = message.u32();
    const pattern = this.#patterns.byId(PatternKind.registration, message.f64());
    const member = callee === null || pattern === 0 ? 0 : this.#memberships.find(pattern, callee.target);
    if (callee === null || pattern === 0 || member === 0) return this.#decline(peer, place);
    const offer = { router: peer, member, place };
    this.#offers.push(offer);
    this.#dispatch.callees.setAccepts(member, Accepts.one);
    this.#dispatch.onPlace(pattern);
    // Behind the turn of those that wait.
    this.#afterTurn(() => this.#afterOffer(offer, callee, pattern));
  }

  #afterOffer(offer: Offer, callee: RemoteCallee, pattern: PatternHandle): void {
    const { router, member, place } = offer;
    const at = this.#offers.indexOf(offer);
    if (at >= 0) {
      this.#offers.splice(at, 1);
      this.#decline(router, place);
    }
    if (this.#memberships.find(pattern, callee.target) !== member) return;
    const isWanted = (this.#patterns.callTraits(pattern) & CallTrait.waiting) !== 0;
    if (at < 0 && isWanted) return this.#want(callee, pattern);
    this.#dispatch.callees.setAccepts(member, Accepts.all);
    if (isWanted) this.#dispatch.onPlace(pattern);
  }

  #takeOffer(member: number): number {
    const at = this.#offers.findIndex((offer) => offer.member === member);
    if (at < 0) return 0;
    this.#dispatch.callees.setAccepts(member, Accepts.none);
    return this.#offers.splice(at, 1)[0]!.place;
  }

  #decline(peer: number, place: number): void {
    this.#peers.writer.begin(PeerKind.decline).u32(place);
    this.#peers.send(peer, null, false);
  }

  /** What stands in a slot, if it is a callee of that router: the slot may have been taken again. */
  #callee(peer: number, target: Target): RemoteCallee | null {
    const session = this.#targets.get(target) as RouterSession | null | undefined;
    if (!session?.isRemote) return null;
    const callee = session as RemoteCallee;
    return callee.router === peer && callee.realm !== null ? callee : null;
  }

  /** The router is gone. */
  onDown(peer: number): void {
    for (let at = this.#offers.length - 1; at >= 0; at--)
      if (this.#offers[at]!.router === peer) this.#offers.splice(at, 1);
    // What was sent has not arrived, or will not be answered; this may have been heard before, or after, the callees' own end.
    for (const session of this.#targets.allRemote())
      if (this.#callee(peer, session.target) !== null) this.#calls.onSessionGone(session);
  }
}
