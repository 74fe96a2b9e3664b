/**
 * The directory: what all routers know alike, who is subscribed and registered where. A router asks home for a change (`propose`);
 * home checks it, gives it an id and a place in one order, and tells all (`apply`); each carries the orders out in that order and
 * says so to the one that asked (`applied`), which answers its client when all have. So whoever has been answered can rely on it at
 * every router. Control path.
 *
 * Home hands the whole directory to a router that comes. When home itself comes anew, the first router that has the directory hands
 * it to home: whatever was answered, all have, and what was not is proposed again.
 */
import type { PatternHandle, SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import type { MemberOptions } from "../broker/member-options.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { Realms } from "../realms.ts";
import type { SessionIndex } from "../session-index.ts";
import type { Targets } from "../targets.ts";
import { type DirectoryState, sendState, StateParts } from "./directory-copy.ts";
import { DirectoryTables } from "./directory-tables.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import { home, type PeerHandler, type Peers } from "./peers.ts";
import type { RemoteCallee } from "./remote-callee.ts";
import { routersIn } from "./shared-interests.ts";
import type { CalleeTables } from "./shared-registrations.ts";
import { type Order, readOrder, readWish, type Wish, writeOrder, writeWish } from "./wishes.ts";

/** Who has asked for something, and is told what became of it. */
export interface Asker {
  /**
   * All routers have it. `pattern` is what the wish named, 0 where it is gone again or this router has no room for it; `id` its id;
   * `sequence` the place of a callee in the order of all.
   */
  done(pattern: PatternHandle | 0, id: number, sequence: number): void;
  refused(error: ErrorEntry, message: string): void;
}

export interface DirectoryParts {
  readonly peers: Peers;
  readonly patterns: Patterns;
  readonly realms: Realms;
  readonly targets: Targets;
  readonly sessions: SessionIndex;
  readonly events: MetaEvents;
  readonly ids: RandomIds;
  readonly limits: Limits;
}

interface Pending {
  readonly number: number;
  readonly wish: Wish;
  readonly asker: Asker;
  /** Its place in the order of all; 0: it has none yet. */
  sequence: number;
  /** Bits of the routers that carry it out too. */
  told: number;
  id: number;
}

/** No router's orders are so far ahead of another one's: what a new life of home begins behind. */
const lifeStep = 2 ** 24;

const refusals = [errors.procedureAlreadyExists, errors.unavailable] as const;

export class Directory implements PeerHandler {
  readonly tables: DirectoryTables;
  readonly #parts: DirectoryParts;
  readonly #pending = new Map<number, Pending>();
  /** Of the last wish. It starts at random: what a former life of this router has asked is not taken for its own. */
  #number: number;
  #sequence = 0;
  #life = 0;
  /** Home has taken this router in; of home: it orders. */
  #isJoined = false;
  /** The last order that each router has said to have carried out. */
  readonly #appliedBy: number[];
  readonly #parted: StateParts[];
  /** At home: routers that have the directory, those that have asked for it before home had it, and those that had nothing. */
  #taken = 0;
  #waiting = 0;
  #fresh = 0;

  /** A callee of another router is registered no more: called before its memberships go. */
  onCalleeGone: ((callee: RemoteCallee) => void) | null = null;
  /** A callee of this router has been told that it is registered, or will not be. */
  onComplete: ((session: SessionId, registration: number) => void) | null = null;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    const { peers, ids } = parts;
    this.#number = Math.floor(ids.next() / 2);
    this.#appliedBy = Array.from({ length: peers.count }, () => 0);
    this.#parted = Array.from({ length: peers.count }, () => new StateParts());
    this.tables = new DirectoryTables({
      ...parts,
      onCalleeGone: (callee) => this.onCalleeGone?.(callee),
      tell: (wish) => this.tell(wish),
    });
    peers.handle(kindRange.directory, this);
  }

  connectSubscribers(memberOptions: MemberOptions): void {
    this.tables.connectSubscribers(memberOptions);
  }
  connectCallees(tables: CalleeTables): void {
    this.tables.connectCallees(tables);
  }

  /** Requests that wait for other routers. */
  get pendingCount(): number {
    return this.#pending.size;
  }
  /** Registrations here of callees of other routers. */
  get remoteCount(): number {
    return this.tables.registrations.remoteCount;
  }
  /** It is told of every change, or orders them. */
  get isJoined(): boolean {
    return this.#isJoined;
  }

  // ---- for broker and dealer

  /** Every router knows that this one has subscribers of the pattern, with this node key: one more needs nobody's word. */
  covers(pattern: PatternHandle, nodeKey: string | null): boolean {
    return this.tables.covers(pattern, nodeKey);
  }

  /** Asks for a change, of which the asker is told. False: too many wait. */
  ask(wish: Wish, asker: Asker): boolean {
    if (this.#pending.size >= this.#parts.limits.directoryPending_max) return false;
    const number = ++this.#number;
    this.#pending.set(number, { number, wish, asker, sequence: 0, told: 0, id: 0 });
    this.tables.count(wish, 1);
    if (this.#isJoined) this.#propose(number, wish);
    return true;
  }

  /** REGISTERs of a session of this router that have not been answered. */
  registering(session: SessionId): number {
    return this.tables.registering(session);
  }

  /** Tells of a change that nobody waits for. False: nobody orders now; it is made good later. */
  tell(wish: Wish): boolean {
    if (this.#isJoined) this.#propose(++this.#number, wish);
    return this.#isJoined;
  }

  /** A member of the subscription has gone, or has another node key than this one now. */
  onLeft(pattern: PatternHandle, session: SessionId, nodeKey: string | null): void {
    this.tables.onLeft(pattern, session, nodeKey);
  }

  /** A session that may have had registrations has gone. */
  onGone(session: SessionId): void {
    if (this.tables.registrations.of(session).length > 0 || this.registering(session) > 0)
      this.tell({ kind: "leave", session });
  }

  /** Has a subscription stay, here and so everywhere, whoever comes and goes; the asker is told its pattern. */
  stay(
    wish: Omit<Extract<Wish, { kind: "subscribe" }>, "kind" | "session" | "nodeKey">,
    asker: Asker,
  ): boolean {
    return this.ask({ kind: "subscribe", ...wish, session: 0 as SessionId, nodeKey: null }, asker);
  }

  // ---- for calls between routers

  /** A callee of this router has not been told yet that it has the registration. */
  isPending(session: SessionId, registration: number): boolean {
    return this.tables.isPending(session, registration);
  }
  /** A callee of this router will have the registration soon, which has no other. */
  isJoining(pattern: PatternHandle): boolean {
    return this.tables.isJoining(pattern);
  }
  /** A call of it has ended: it may have been its last, and its registrations be gone. */
  releaseIfIdle(callee: RemoteCallee): void {
    this.tables.remotes.releaseIfIdle(callee.router, callee.id);
  }

  // ---- the order of all

  #propose(number: number, wish: Wish): void {
    const { peers } = this.#parts;
    if (peers.isHome) return this.#decide(peers.self, number, wish);
    writeWish(peers.writer.begin(PeerKind.propose).f64(number), wish);
    peers.send(home, null, false);
  }

  /** At home: grants or refuses a wish. */
  #decide(origin: number, number: number, wish: Wish): void {
    const problem = this.tables.conflict(wish, number);
    if (problem !== null) return this.#refuse(origin, number, errors.procedureAlreadyExists, problem);
    const replaced = this.tables.replacedBy(wish, number);
    const sequence = this.#sequence + 1;
    const bare = { sequence, origin, number, told: this.#taken, id: 0, created_ms: 0, replaced, wish };
    const named = this.tables.carryOut(bare);
    if (named === null) return this.#refuse(origin, number, errors.unavailable, this.#parts.patterns.problem);
    this.#sequence = sequence;
    const order = { ...bare, ...named };
    const { peers } = this.#parts;
    writeOrder(peers.writer.begin(PeerKind.apply), order);
    peers.sendTo(this.#taken, null, false);
    this.#onCarriedOut(order);
  }

  #refuse(origin: number, number: number, error: ErrorEntry, message: string): void {
    const { peers } = this.#parts;
    if (origin === peers.self) return this.#onRefused(number, error, message);
    const code = refusals.findIndex(({ uri }) => uri === error.uri);
    peers.writer.begin(PeerKind.rejected).f64(number).u8(code).text(message);
    peers.send(origin, null, false);
  }

  #onRefused(number: number, error: ErrorEntry, message: string): void {
    const pending = this.#pending.get(number);
    if (pending === undefined) return;
    this.#pending.delete(number);
    this.tables.count(pending.wish, -1);
    pending.asker.refused(error, message);
  }

  #onOrder(order: Order): void {
    const { peers } = this.#parts;
    this.#sequence = order.sequence;
    this.tables.carryOut(order);
    if (order.origin !== peers.self && order.wish.kind !== "gone") {
      peers.writer.begin(PeerKind.applied).f64(order.sequence);
      peers.send(order.origin, null, false);
    }
    this.#onCarriedOut(order);
  }

  #onCarriedOut({ origin, number, sequence, told, id, wish }: Order): void {
    const { self } = this.#parts.peers;
    if (wish.kind === "gone") for (const pending of this.#pending.values()) pending.told &= ~(1 << origin);
    const pending = origin === self ? this.#pending.get(number) : undefined;
    if (pending !== undefined) {
      pending.sequence = sequence;
      pending.told |= told & ~(1 << self);
      pending.id = id;
    }
    this.#complete();
  }

  /** Answers those whose wishes all have carried out. They become ready in the order in which they asked. */
  #complete(): void {
    for (const pending of this.#pending.values()) {
      if (!this.#isReady(pending)) return;
      this.#pending.delete(pending.number);
      this.tables.count(pending.wish, -1);
      this.tables.finish(pending.wish, pending.asker, pending.id);
      if (pending.wish.kind === "register") this.onComplete?.(pending.wish.callee.id, pending.id);
    }
  }

  #isReady({ sequence, told }: Pending): boolean {
    if (sequence === 0) return false;
    for (const router of routersIn(told)) if (this.#appliedBy[router]! < sequence) return false;
    return true;
  }

  // ---- routers that come and go

  onUp(peer: number): void {
    const { peers } = this.#parts;
    if (peers.isHome) return;
    if (peer === home)
      return sendState(peers, PeerKind.hello, home, this.#sequence === 0 ? null : this.#state());
    if (!this.#isJoined) return;
    // What it has asked, home may have had carried out before it could be told so.
    peers.writer.begin(PeerKind.applied).f64(this.#sequence);
    peers.send(peer, null, false);
  }

  onDown(peer: number): void {
    this.#parted[peer]!.drop();
    this.#appliedBy[peer] = 0;
    if (peer === home) this.#isJoined = false;
    this.#waiting &= ~(1 << peer);
    if ((this.#taken & (1 << peer)) === 0) return;
    this.#taken &= ~(1 << peer);
    this.#decide(peer, 0, { kind: "gone" });
  }

  #state(): Parameters<typeof sendState>[3] {
    const { interests, registrations } = this.tables;
    return { head: { sequence: this.#sequence, life: this.#life }, interests, registrations };
  }

  /** At home: a router has come, and this is what it has. */
  #onHello(peer: number, state: DirectoryState | null): void {
    const { peers } = this.#parts;
    if (this.#isJoined) {
      if (state === null) this.#decide(peer, 0, { kind: "gone" });
      return this.#take(peer);
    }
    this.#waiting |= 1 << peer;
    if (state === null) this.#fresh |= 1 << peer;
    else this.#fresh &= ~(1 << peer);
    const others = (2 ** peers.count - 1) & ~(1 << peers.self);
    if (state !== null || this.#fresh === others) this.#begin(state);
  }

  /** Home begins to order, with what another router has kept of its former life. */
  #begin(state: DirectoryState | null): void {
    const { peers, patterns } = this.#parts;
    this.#isJoined = true;
    this.#sequence = 1;
    if (state !== null) {
      this.tables.adopt(state);
      this.#sequence = state.head.sequence + lifeStep;
      this.#life = state.head.life + 1;
      patterns.beginLife(this.#life);
      for (const router of routersIn(this.#fresh | (1 << peers.self)))
        this.#decide(router, 0, { kind: "gone" });
    }
    for (const router of routersIn(this.#waiting)) this.#take(router);
    this.#waiting = 0;
    this.#resume();
  }

  #take(peer: number): void {
    sendState(this.#parts.peers, PeerKind.snapshot, peer, this.#state());
    this.#taken |= 1 << peer;
  }

  #onSnapshot(state: DirectoryState): void {
    this.tables.adopt(state);
    this.#sequence = state.head.sequence;
    this.#life = state.head.life;
    this.#isJoined = true;
    this.#resume();
  }

  /** Somebody orders (again): asks once more for what has not been answered, and makes good what could not be told. */
  #resume(): void {
    for (const pending of this.#pending.values()) {
      pending.sequence = 0;
      pending.told = 0;
    }
    for (const { number, wish } of [...this.#pending.values()]) this.#propose(number, wish);
    this.tables.reconcile();
  }

  onMessage(peer: number, message: MessageReader): void {
    switch (message.kind) {
      case PeerKind.propose:
        return this.#decide(peer, message.f64(), readWish(message));
      case PeerKind.apply:
        return this.#onOrder(readOrder(message));
      case PeerKind.applied:
        this.#appliedBy[peer] = message.f64();
        return this.#complete();
      case PeerKind.rejected:
        return this.#onRefused(message.f64(), refusals[message.u8()]!, message.text());
      case PeerKind.hello: {
        const state = this.#parted[peer]!.take(message);
        return state === undefined ? undefined : this.#onHello(peer, state);
      }
      default: {
        const state = this.#parted[peer]!.take(message);
        return state == null ? undefined : this.#onSnapshot(state);
      }
    }
  }
}
