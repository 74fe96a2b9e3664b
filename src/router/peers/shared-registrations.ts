/**
 * Who has registered what, as all routers have it in the same order: the directory's part about registrations. The callees of other
 * routers become members of the local tables from here, at once; this router's own only when all others know them (directory.ts).
 * Control path.
 */
import type { PatternHandle, SessionId } from "../../base/ids.ts";
import type { Invoke } from "../../protocol/messages.ts";
import type { Queue } from "../dealer/call-queue.ts";
import type { RegisterOptions } from "../dealer/register-options.ts";
import { registrationConflict } from "../dealer/registration-conflict.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { Realms } from "../realms.ts";
import type { RemoteCallees } from "./remote-callees.ts";
import type { RemoteCallee } from "./remote-callee.ts";
import type { RouterSession } from "../types.ts";
import { SharedNames } from "./shared-names.ts";
import type { CalleeFacts, Named, RegisterWish } from "./wishes.ts";

/** One callee of a registration. */
export interface SharedCallee {
  readonly router: number;
  readonly facts: CalleeFacts;
  /** Place in the order of all: callees are in order of it. */
  readonly sequence: number;
  /** Its router's number for the last wish about it: what comes again does nothing. */
  number: number;
  /** How often it has registered. */
  turns: number;
  options: RegisterOptions;
}

/** The dealer's own tables. */
export interface CalleeTables {
  /** A registration has begun: its pattern is there, without callees. */
  begin(pattern: PatternHandle, invoke: Invoke): void;
  discloseCaller(pattern: PatternHandle): void;
  /** A callee registers (again); `sequence` orders it among the others. */
  join(pattern: PatternHandle, callee: RouterSession, options: RegisterOptions, sequence: number): void;
  /** It gives up one of its turns, or all. Nothing, where it is no member. */
  leave(pattern: PatternHandle, callee: RouterSession, isWhole: boolean): void;
  /** A callee of this router has lost a registration to another one, and is told. */
  revoke(pattern: PatternHandle, callee: RouterSession): void;
  /** Takes out the calls that wait for a registration, which another one is about to replace. */
  detach(pattern: PatternHandle): Queue | null;
  /** Lets them wait for that one; 0: there is none, and they end. */
  attach(queue: Queue, pattern: PatternHandle | 0): void;
  /** The callee is a member. */
  has(pattern: PatternHandle, callee: RouterSession): boolean;
  /** The registration is over, for the calls that still wait for it. */
  onOver(pattern: PatternHandle): void;
}

export interface SharedRegistrationsParts {
  readonly patterns: Patterns;
  readonly realms: Realms;
  readonly remotes: RemoteCallees;
  readonly tables: CalleeTables;
  /** The joined session of this router with this id; null: it has gone. */
  readonly sessionOf: (id: SessionId) => RouterSession | null;
  readonly self: number;
}

/** A registration as a router that comes is told of it. */
export interface RegistrationRecord extends Named, Pick<RegisterWish, "invoke"> {
  readonly id: number;
  readonly created_ms: number;
  readonly discloseCaller: boolean;
  readonly callees: readonly SharedCallee[];
}

/** What an order has changed, for meta events. */
export interface Registered {
  readonly pattern: PatternHandle;
  readonly isNew: boolean;
}

const kind = PatternKind.registration;

export class SharedRegistrations {
  readonly #parts: SharedRegistrationsParts;
  readonly #names: SharedNames;
  readonly #callees = new Map<PatternHandle, SharedCallee[]>();
  /** Registrations by callee, over all routers. */
  readonly #bySession = new Map<SessionId, Set<PatternHandle>>();
  /** Memberships of callees of other routers. */
  remoteCount = 0;

  constructor(parts: SharedRegistrationsParts) {
    this.#parts = parts;
    this.#names = new SharedNames(kind, parts);
  }

  find(name: Named): PatternHandle | 0 {
    return this.#names.find(name);
  }

  callees(pattern: PatternHandle): readonly SharedCallee[] {
    return this.#callees.get(pattern) ?? [];
  }
  callee(pattern: PatternHandle, session: SessionId): SharedCallee | undefined {
    return this.callees(pattern).find(({ facts }) => facts.id === session);
  }
  /** Callees of a router, with what they have registered. */
  *ofRouter(router: number): Generator<readonly [PatternHandle, SharedCallee]> {
    for (const [pattern, callees] of [...this.#callees])
      for (const callee of callees) if (callee.router === router) yield [pattern, callee];
  }
  /** Registrations of a session. */
  of(session: SessionId): readonly PatternHandle[] {
    return [...(this.#bySession.get(session) ?? [])];
  }

  /** The wish has been carried out already; it comes again because its router could not know. */
  isKnown(pattern: PatternHandle, { callee }: RegisterWish, number: number): boolean {
    return (this.callee(pattern, callee.id)?.number ?? 0) >= number;
  }

  /** Why the callee cannot have it beside those who have; null if it can. */
  conflict(pattern: PatternHandle, wish: RegisterWish): string | null {
    const isMember = this.callee(pattern, wish.callee.id) !== undefined;
    return registrationConflict(this.#parts.patterns.invoke(pattern), wish.invoke, isMember, wish.mayRepeat);
  }

  /** A callee registers. Makes the registration, with a new id for 0, if it is not there; null when the index is full. */
  register(
    router: number,
    wish: RegisterWish,
    order: {
      readonly sequence: number;
      readonly number: number;
      readonly id: number;
      readonly created_ms: number;
      readonly replaced: PatternHandle | 0;
    },
  ): Registered | null {
    const { patterns, tables } = this.#parts;
    let pattern = order.replaced === 0 ? this.find(wish) : 0;
    const isNew = pattern === 0;
    if (pattern === 0) {
      // The old one goes first: the new one has its name.
      const waiting = order.replaced === 0 ? null : tables.detach(order.replaced);
      if (order.replaced !== 0) this.#endAll(order.replaced, wish.callee.id);
      pattern = this.#make(wish, order.id, order.created_ms);
      if (pattern !== 0) tables.begin(pattern, wish.invoke);
      if (waiting !== null) tables.attach(waiting, pattern);
    }
    if (pattern === 0) return null;
    if (wish.discloseCaller) tables.discloseCaller(pattern);
    let callee = this.callee(pattern, wish.callee.id);
    if (callee !== undefined && callee.number >= order.number) return { pattern, isNew };
    if (callee === undefined) {
      const { sequence, number } = order;
      callee = { router, facts: wish.callee, sequence, number, turns: 1, options: wish.options };
      this.#add(pattern, callee);
    } else {
      callee.turns++;
      callee.number = order.number;
      callee.options = merged(callee.options, wish.options);
    }
    patterns.setHolders(pattern, patterns.holders(pattern) | (1 << router));
    if (router !== this.#parts.self)
      tables.join(pattern, this.#remote(router, wish.realm, wish.callee), wish.options, callee.sequence);
    return { pattern, isNew };
  }

  #remote(router: number, realm: string, facts: CalleeFacts): RemoteCallee {
    return this.#parts.remotes.take(router, realm, facts);
  }

  #make(name: Named, id: number, created_ms: number): PatternHandle | 0 {
    return this.#names.make(name, { isReserved: false, id, created_ms });
  }

  #add(pattern: PatternHandle, callee: SharedCallee): void {
    const callees = this.#callees.get(pattern);
    if (callees === undefined) this.#callees.set(pattern, [callee]);
    else callees.push(callee);
    if (callee.router !== this.#parts.self) this.remoteCount++;
    const { id } = callee.facts;
    const held = this.#bySession.get(id);
    if (held === undefined) this.#bySession.set(id, new Set([pattern]));
    else held.add(pattern);
  }

  /** A callee gives up one of its turns, or all. True: the registration is over with it. */
  unregister(pattern: PatternHandle, session: SessionId, number: number, isWhole: boolean): boolean {
    const callee = this.callee(pattern, session);
    if (callee === undefined || callee.number >= number) return false;
    callee.number = number;
    const isOver = isWhole || callee.turns === 1;
    this.#leaveTables(pattern, callee, isOver);
    if (!isOver) {
      callee.turns--;
      return false;
    }
    this.#remove(pattern, callee);
    return this.#endIfEmpty(pattern);
  }

  #leaveTables(pattern: PatternHandle, { router, facts }: SharedCallee, isWhole: boolean): void {
    const { self, tables, remotes, sessionOf } = this.#parts;
    const member = router === self ? sessionOf(facts.id) : remotes.get(router, facts.id);
    if (member !== null) tables.leave(pattern, member, isWhole);
    if (router !== self) remotes.releaseIfIdle(router, facts.id);
  }

  #remove(pattern: PatternHandle, callee: SharedCallee): void {
    const { patterns } = this.#parts;
    const left = this.callees(pattern).filter((other) => other !== callee);
    if (callee.router !== this.#parts.self) this.remoteCount--;
    if (left.length === 0) this.#callees.delete(pattern);
    else this.#callees.set(pattern, left);
    let holders = 0;
    for (const { router } of left) holders |= 1 << router;
    patterns.setHolders(pattern, holders);
    const { id } = callee.facts;
    const held = this.#bySession.get(id);
    held?.delete(pattern);
    if (held?.size === 0) this.#bySession.delete(id);
  }

  #endIfEmpty(pattern: PatternHandle): boolean {
    const { patterns, tables } = this.#parts;
    if (patterns.isLive(pattern)) return false;
    tables.onOver(pattern);
    this.#names.remove(pattern);
    return true;
  }

  /** Ends a registration for all its callees; those here are told, but for `by`, which takes it from them. */
  #endAll(pattern: PatternHandle, by: SessionId | 0): void {
    const { self, tables, sessionOf } = this.#parts;
    for (const callee of this.callees(pattern)) {
      const { id } = callee.facts;
      const own = callee.router === self && id !== by ? sessionOf(id) : null;
      if (own !== null) tables.revoke(pattern, own);
      this.#leaveTables(pattern, callee, true);
      this.#remove(pattern, callee);
    }
    this.#endIfEmpty(pattern);
  }

  // ---- for routers that come

  *records(): Generator<RegistrationRecord> {
    const { patterns } = this.#parts;
    for (const [pattern, callees] of this.#callees)
      yield {
        ...this.#names.record(pattern),
        invoke: patterns.invoke(pattern),
        discloseCaller: patterns.discloseCaller(pattern),
        callees,
      };
  }

  /** Has the registration as the record says. Returns its pattern; 0 when the index is full. */
  adopt(record: RegistrationRecord): PatternHandle | 0 {
    const { patterns, tables, self } = this.#parts;
    let pattern = this.find(record);
    // One that this router alone knew of, and that nobody has been told of.
    if (pattern !== 0 && patterns.id(pattern) !== record.id) {
      this.#endAll(pattern, 0);
      pattern = 0;
    }
    if (pattern === 0) {
      pattern = this.#make(record, record.id, record.created_ms);
      if (pattern === 0) return 0;
      tables.begin(pattern, record.invoke);
    }
    if (record.discloseCaller) tables.discloseCaller(pattern);
    let holders = 0;
    for (const { router } of record.callees) holders |= 1 << router;
    patterns.setHolders(pattern, patterns.holders(pattern) | holders);
    const known = this.callees(pattern);
    for (const callee of known)
      if (!record.callees.some(({ facts }) => facts.id === callee.facts.id)) {
        this.#remove(pattern, callee);
        this.#leaveTables(pattern, callee, true);
      }
    for (const callee of record.callees) {
      const mine = this.callee(pattern, callee.facts.id);
      if (mine === undefined) this.#add(pattern, { ...callee });
      else this.#catchUp(pattern, mine, callee);
      if (mine === undefined && callee.router !== self)
        for (let turn = 0; turn < callee.turns; turn++)
          tables.join(
            pattern,
            this.#remote(callee.router, record.realm, callee.facts),
            callee.options,
            callee.sequence,
          );
    }
    this.#callees.get(pattern)?.sort((one, other) => one.sequence - other.sequence);
    patterns.setHolders(pattern, holders);
    return pattern;
  }

  /** Has a callee's turns as they are said to be. */
  #catchUp(pattern: PatternHandle, mine: SharedCallee, said: SharedCallee): void {
    const { tables, self, remotes } = this.#parts;
    const member = mine.router === self ? null : remotes.get(mine.router, mine.facts.id);
    for (; member !== null && mine.turns < said.turns; mine.turns++)
      tables.join(pattern, member, said.options, mine.sequence);
    for (; member !== null && mine.turns > said.turns; mine.turns--) tables.leave(pattern, member, false);
    mine.turns = said.turns;
    mine.number = said.number;
    mine.options = said.options;
  }

  /** Forgets all that was not among the records. */
  keepOnly(adopted: ReadonlySet<PatternHandle>): void {
    for (const pattern of [...this.#callees.keys()]) if (!adopted.has(pattern)) this.#endAll(pattern, 0);
  }
}

/** What a second REGISTER of the same session says of it beside the first. */
const merged = (before: RegisterOptions, now: RegisterOptions): RegisterOptions => ({
  concurrency: now.concurrency > 0 ? now.concurrency : before.concurrency,
  forceReregister: false,
  forwardTimeout: before.forwardTimeout || now.forwardTimeout,
  shard: now.shard >= 0 ? now.shard : before.shard,
});
