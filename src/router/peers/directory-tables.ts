/**
 * What the directory has, and what each order does to it and to the tables of broker and dealer. Every router carries out the same
 * orders one after the other; the meta events of an order are its origin's. Control path.
 */
import { unreachable } from "../../base/assert.ts";
import type { PatternHandle, RealmHandle, SessionId } from "../../base/ids.ts";
import { invokeNames } from "../../protocol/messages.ts";
import type { MemberOptions } from "../broker/member-options.ts";
import { type MetaEvents, patternFacts } from "../meta-events.ts";
import { PatternKind, type Patterns, Trait } from "../patterns.ts";
import type { Realm } from "../realm.ts";
import type { Realms } from "../realms.ts";
import type { SessionIndex } from "../session-index.ts";
import type { Targets } from "../targets.ts";
import type { Asker } from "./directory.ts";
import type { DirectoryState } from "./directory-copy.ts";
import type { Peers } from "./peers.ts";
import type { RemoteCallee } from "./remote-callee.ts";
import { RemoteCallees } from "./remote-callees.ts";
import { SharedInterests } from "./shared-interests.ts";
import { type CalleeTables, SharedRegistrations } from "./shared-registrations.ts";
import type { Named, Order, RegisterWish, SubscribeWish, Wish } from "./wishes.ts";

export interface DirectoryTablesParts {
  readonly peers: Peers;
  readonly patterns: Patterns;
  readonly realms: Realms;
  readonly targets: Targets;
  readonly sessions: SessionIndex;
  readonly events: MetaEvents;
  readonly onCalleeGone: (callee: RemoteCallee) => void;
  /** Has home told; false: nobody is there to be told. */
  readonly tell: (wish: Wish) => boolean;
}

/** What the wish of an order names. */
type NamedPattern = Pick<Order, "id" | "created_ms">;
const nothingNamed: NamedPattern = { id: 0, created_ms: 0 };

const subscription = PatternKind.subscription;
const registration = PatternKind.registration;

export class DirectoryTables {
  readonly remotes: RemoteCallees;
  readonly #parts: DirectoryTablesParts;
  readonly #self: number;
  #interests: SharedInterests | null = null;
  #registrations: SharedRegistrations | null = null;
  #memberOptions: MemberOptions | null = null;
  #callees: CalleeTables | null = null;
  /** Subscriptions that this router has asked to give up, and node keys of such; it knows no answer yet. */
  readonly #givingUp = new Set<PatternHandle>();
  readonly #droppingKeys = new Set<string>();
  /** How many wait for a subscription, by its name and by its name with a node key; and of callees that wait, by session. */
  readonly #wished = new Map<string, number>();
  readonly #registering = new Map<SessionId, number>();

  constructor(parts: DirectoryTablesParts) {
    this.#parts = parts;
    this.#self = parts.peers.self;
    this.remotes = new RemoteCallees(parts.targets, parts.realms, parts.peers.count);
  }

  connectSubscribers(memberOptions: MemberOptions): void {
    this.#memberOptions = memberOptions;
    this.#interests = new SharedInterests({ ...this.#parts, memberOptions, self: this.#self });
  }
  connectCallees(tables: CalleeTables): void {
    const { sessions } = this.#parts;
    this.#callees = tables;
    const sessionOf = (id: SessionId) => sessions.get(id);
    const { remotes } = this;
    this.#registrations = new SharedRegistrations({
      ...this.#parts,
      remotes,
      tables,
      sessionOf,
      self: this.#self,
    });
  }
  get interests(): SharedInterests {
    return this.#interests!;
  }
  get registrations(): SharedRegistrations {
    return this.#registrations!;
  }

  // ---- what this router's own sessions wait for

  /** Notes that a wish waits (1), or has been answered (-1). */
  count(wish: Wish, change: 1 | -1): void {
    if (wish.kind === "register") bump(this.#registering, wish.callee.id, change);
    if (wish.kind !== "subscribe") return;
    bump(this.#wished, nameOf(wish), change);
    if (wish.nodeKey !== null) bump(this.#wished, keyOf(nameOf(wish), wish.nodeKey), change);
  }
  /** REGISTERs of a session that wait. */
  registering(session: SessionId): number {
    return this.#registering.get(session) ?? 0;
  }

  covers(pattern: PatternHandle, nodeKey: string | null): boolean {
    if (!this.#parts.patterns.isHeldHere(pattern) || this.#givingUp.has(pattern)) return false;
    // Not all of the others know yet what somebody waits for.
    if (this.#wished.size > 0 && this.#wished.has(this.#nameOf(pattern))) return false;
    return nodeKey === null || this.#hasKey(pattern, nodeKey);
  }

  /** The others know that this router has members with the node key. */
  #hasKey(pattern: PatternHandle, nodeKey: string): boolean {
    const isKnown = this.interests.hasKey(pattern, nodeKey, this.#self);
    return isKnown && !this.#droppingKeys.has(keyOf(pattern, nodeKey));
  }

  /** Gives up what no member of this router needs any more, and nobody waits for. */
  onLeft(pattern: PatternHandle, session: SessionId, nodeKey: string | null): void {
    const { patterns, tell } = this.#parts;
    if (!patterns.isHeldHere(pattern) || this.#givingUp.has(pattern)) return;
    const name = this.#nameOf(pattern);
    const isNeeded = patterns.memberCount(pattern) > 0 || patterns.has(pattern, Trait.history);
    if (!isNeeded && !this.#wished.has(name)) {
      if (tell({ kind: "giveUp", id: patterns.id(pattern), session })) this.#noteGivingUp(pattern);
    } else if (nodeKey !== null) this.#dropKey(pattern, name, nodeKey);
  }

  /** Home carries out at once what it is told; then there is nothing to wait for. */
  #noteGivingUp(pattern: PatternHandle): void {
    if (this.#parts.patterns.isHeldHere(pattern)) this.#givingUp.add(pattern);
  }

  #dropKey(pattern: PatternHandle, name: string, nodeKey: string): void {
    const { patterns, tell } = this.#parts;
    const isNeeded = this.#memberOptions!.membersOf(pattern, nodeKey) > 0;
    if (isNeeded || this.#wished.has(keyOf(name, nodeKey)) || !this.#hasKey(pattern, nodeKey)) return;
    const isTold = tell({ kind: "dropKey", id: patterns.id(pattern), nodeKey });
    if (isTold && this.interests.hasKey(pattern, nodeKey, this.#self))
      this.#droppingKeys.add(keyOf(pattern, nodeKey));
  }

  #nameOf(pattern: PatternHandle): string {
    const { patterns } = this.#parts;
    return nameOf({
      realm: this.#realmUri(pattern),
      match: patterns.match(pattern),
      uri: patterns.uri(pattern),
    });
  }
  #realmUri(pattern: PatternHandle): string {
    const { patterns, realms } = this.#parts;
    return realms.uriOf(patterns.realmHandle(pattern) as RealmHandle);
  }
  /** For meta events: those who listen may all be at other routers. */
  #realm(pattern: PatternHandle): Realm | undefined {
    return this.#parts.realms.find(this.#realmUri(pattern));
  }

  // ---- at home

  /** Why a wish cannot be granted; null if it can. */
  conflict(wish: Wish, number: number): string | null {
    if (wish.kind !== "register" || wish.options.forceReregister) return null;
    const pattern = this.registrations.find(wish);
    if (pattern === 0 || this.registrations.isKnown(pattern, wish, number)) return null;
    return this.registrations.conflict(pattern, wish);
  }

  /** The id of the registration that a wish takes the place of; 0: none. */
  replacedBy(wish: Wish, number: number): number {
    if (wish.kind !== "register" || !wish.options.forceReregister) return 0;
    const pattern = this.registrations.find(wish);
    if (pattern === 0 || this.registrations.isKnown(pattern, wish, number)) return 0;
    return this.#parts.patterns.id(pattern);
  }

  // ---- orders

  /** Does what all routers do. Returns what the wish names, nothing for most; null when the index is full. */
  carryOut(order: Order): NamedPattern | null {
    const { patterns } = this.#parts;
    const { wish, origin } = order;
    switch (wish.kind) {
      case "subscribe":
        return this.#subscribe(order, wish);
      case "register":
        return this.#register(order, wish);
      case "giveUp": {
        const pattern = patterns.byId(subscription, wish.id);
        // Without a session: what the router itself had is over, of which nothing is told.
        if (pattern !== 0)
          this.#giveUp(pattern, origin, wish.session, origin === this.#self && wish.session !== 0);
        return nothingNamed;
      }
      case "dropKey": {
        const pattern = patterns.byId(subscription, wish.id);
        if (pattern === 0) return nothingNamed;
        if (origin === this.#self) this.#droppingKeys.delete(keyOf(pattern, wish.nodeKey));
        this.interests.dropKey(pattern, wish.nodeKey, origin);
        return nothingNamed;
      }
      case "unregister": {
        const pattern = patterns.byId(registration, wish.id);
        if (pattern !== 0)
          this.#unregister(pattern, wish.session, order.number, wish.isWhole, origin === this.#self);
        return nothingNamed;
      }
      case "leave":
        this.#leave(origin, wish.session, order.number);
        return nothingNamed;
      case "gone":
        this.#onGone(origin);
        return nothingNamed;
      default:
        return unreachable(wish);
    }
  }

  #subscribe({ origin, id, created_ms }: Order, wish: SubscribeWish): NamedPattern | null {
    const { patterns, events, realms } = this.#parts;
    const isNew = this.interests.find(wish) === 0;
    const pattern = this.interests.subscribe(origin, wish, id, created_ms);
    if (pattern === 0) return null;
    const realm = realms.get(wish.realm);
    const isAnnounced = isNew && origin === this.#self && wish.session !== 0 && !wish.isReserved;
    if (isAnnounced && realm !== undefined && realm.reservedPatterns > 0)
      events.onCreate("subscription", { id: wish.session, realm }, patternFacts(patterns, pattern));
    return { id: patterns.id(pattern), created_ms: patterns.created_ms(pattern) };
  }

  #giveUp(pattern: PatternHandle, origin: number, session: SessionId, isAnnounced: boolean): void {
    const { patterns, events } = this.#parts;
    const realm = isAnnounced ? this.#realm(pattern) : undefined;
    const id = patterns.id(pattern);
    const isReserved = patterns.isReserved(pattern);
    if (origin === this.#self) this.#givingUp.delete(pattern);
    const isOver = this.interests.giveUp(pattern, origin);
    if (isOver && !isReserved && realm !== undefined)
      events.onDelete("subscription", { id: session }, realm, id);
  }

  #register(order: Order, wish: RegisterWish): NamedPattern | null {
    const { patterns, events, realms } = this.#parts;
    const replaced = order.replaced === 0 ? 0 : patterns.byId(registration, order.replaced);
    const isOwn = order.origin === this.#self;
    const realm = realms.get(wish.realm);
    const isAnnounced = isOwn && realm !== undefined && realm.reservedPatterns > 0;
    const lost = replaced === 0 || !isAnnounced ? [] : this.registrations.callees(replaced);
    for (const [place, { facts, turns }] of lost.entries())
      for (let turn = 1; turn <= turns; turn++) {
        const isLast = place === lost.length - 1 && turn === turns;
        events.onLeave("registration", facts, realm!, order.replaced, isLast);
      }
    const made = this.registrations.register(order.origin, wish, { ...order, replaced });
    if (made === null) return null;
    const facts = patternFacts(patterns, made.pattern);
    if (made.isNew && isAnnounced) {
      const actor = { id: wish.callee.id, realm };
      events.onCreate("registration", actor, { ...facts, invoke: invokeNames[wish.invoke] });
    }
    return facts;
  }

  /** One turn of a callee, or all of them, with their meta events where this router is to publish them. */
  #unregister(
    pattern: PatternHandle,
    session: SessionId,
    number: number,
    isWhole: boolean,
    isAnnounced: boolean,
  ): void {
    const { patterns, events } = this.#parts;
    const callee = this.registrations.callee(pattern, session);
    if (callee === undefined || callee.number >= number) return;
    const realm = isAnnounced ? this.#realm(pattern) : undefined;
    const id = patterns.id(pattern);
    const turns = isWhole ? callee.turns : 1;
    const isOver = this.registrations.unregister(pattern, session, number, isWhole);
    if (realm === undefined) return;
    for (let turn = 1; turn <= turns; turn++)
      events.onLeave("registration", { id: session }, realm, id, isOver && turn === turns);
  }

  #leave(origin: number, session: SessionId, number: number): void {
    const remote = this.remotes.get(origin, session);
    if (remote !== null) this.#parts.onCalleeGone(remote);
    for (const pattern of this.registrations.of(session))
      this.#unregister(pattern, session, number, true, origin === this.#self);
    this.remotes.releaseIfIdle(origin, session);
  }

  /**
   * The meta events of a router that is gone are home's. Of its subscriptions nobody knows the subscribers: that one is over is told
   * under session id 0, which no session has, and who has unsubscribed is not.
   */
  #onGone(router: number): void {
    const { isHome } = this.#parts.peers;
    for (const remote of this.remotes.of(router)) this.#parts.onCalleeGone(remote);
    for (const [pattern, { facts }] of this.registrations.ofRouter(router))
      this.#unregister(pattern, facts.id, Number.POSITIVE_INFINITY, true, isHome);
    for (const { id } of this.remotes.of(router)) this.remotes.releaseIfIdle(router, id);
    for (const pattern of this.interests.ofRouter(router)) this.#giveUp(pattern, router, none, isHome);
  }

  /** All routers have carried out what this one asked for. */
  finish(wish: Wish, asker: Asker, id: number): void {
    const { patterns } = this.#parts;
    if (wish.kind !== "register") {
      const pattern = wish.kind === "subscribe" ? patterns.byId(subscription, id) : 0;
      return asker.done(pattern, id, 0);
    }
    const pattern = patterns.byId(registration, id);
    const callee = pattern === 0 ? undefined : this.registrations.callee(pattern, wish.callee.id);
    asker.done(callee === undefined ? 0 : pattern, id, callee?.sequence ?? 0);
  }

  isPending(session: SessionId, id: number): boolean {
    const pattern = this.#parts.patterns.byId(registration, id);
    if (pattern === 0 || this.registrations.callee(pattern, session)?.router !== this.#self) return false;
    const callee = this.#parts.sessions.get(session);
    return callee !== null && !this.#callees!.has(pattern, callee);
  }

  isJoining(pattern: PatternHandle): boolean {
    const { patterns } = this.#parts;
    const id = patterns.id(pattern);
    return this.registrations.callees(pattern).some(({ facts }) => this.isPending(facts.id, id));
  }

  // ---- when somebody orders (again)

  adopt(state: DirectoryState): void {
    const interests = new Set<PatternHandle>();
    const registrations = new Set<PatternHandle>();
    for (const record of state.interests) {
      const pattern = this.interests.adopt(record);
      if (pattern !== 0) interests.add(pattern);
    }
    for (const record of state.registrations) {
      const pattern = this.registrations.adopt(record);
      if (pattern !== 0) registrations.add(pattern);
    }
    this.interests.keepOnly(interests);
    this.registrations.keepOnly(registrations);
    this.#givingUp.clear();
    this.#droppingKeys.clear();
  }

  /** Tells home where what all have is not what this router's sessions have. */
  reconcile(): void {
    const { patterns, sessions, tell } = this.#parts;
    for (const pattern of patterns.all(subscription)) {
      for (const nodeKey of this.interests.keysOf(pattern, this.#self)) this.onLeft(pattern, none, nodeKey);
      this.onLeft(pattern, none, null);
    }
    for (const [pattern, { facts }] of this.registrations.ofRouter(this.#self)) {
      const session = sessions.get(facts.id);
      if (session === null) tell({ kind: "leave", session: facts.id });
      else if (!this.#callees!.has(pattern, session) && this.registering(facts.id) === 0)
        tell({ kind: "unregister", id: patterns.id(pattern), session: facts.id, isWhole: true });
    }
  }
}

const none = 0 as SessionId;

const nameOf = ({ realm, match, uri }: Named): string => `${match} ${realm} ${uri}`;
const keyOf = (what: string | PatternHandle, nodeKey: string): string => `${what} ${nodeKey}`;

function bump<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
