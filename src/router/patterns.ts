/**
 * Subscriptions and registrations: one row per pattern, numbered by the handle that the WASM index gave it. What the index
 * knows (URI, match policy, realm) is not kept twice; here is who belongs to it and how calls are spread.
 */

import { U32Records } from "../base/column.ts";
import type { PatternHandle, RealmHandle, RegistrationId, SubscriptionId } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import { Invoke, type Match } from "../protocol/messages.ts";
import { IndexProblem, Slot } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import type { PatternIndex } from "../wasm/index.ts";
import { MemberGroups } from "./member-groups.ts";
import { PatternLists } from "./pattern-lists.ts";
import type { Realm } from "./realm.ts";
import type { SharedPatterns } from "./shared-patterns.ts";

/** The two kinds of pattern; the index keeps them apart as scopes of a realm. */
export const PatternKind = { subscription: 0, registration: 1 } as const;
export type PatternKind = (typeof PatternKind)[keyof typeof PatternKind];

/**
 * What is special about a pattern, as bits. They lie above its match policy in one column, so that the fan-out of an event learns
 * by one look whether there is anything special at all.
 */
export const Trait = {
  /** A subscription to topics of the router's own. */
  reserved: 1 << 2,
  /** Some subscriber has a node key. */
  sharded: 1 << 3,
  /** Some subscriber acknowledges its events. */
  acknowledged: 1 << 4,
  /** The router keeps the subscription's events; it stays when the last subscriber leaves. */
  history: 1 << 5,
  /** Other routers hold it: they have subscribers of it, or callees. */
  remote: 1 << 6,
} as const;
export type Trait = (typeof Trait)[keyof typeof Trait];
const matchMask = 3;

/**
 * What a call of a registration must look at beside its first callee. No bit is set for one callee without conditions: such a call
 * pays for nothing of this.
 */
export const CallTrait = {
  /** Two callees or more. */
  shared: 1 << 0,
  /** The routing key of the call decides. */
  keyed: 1 << 1,
  /** A callee takes only so many calls at a time. */
  limited: 1 << 2,
  /** A session has registered several times, and gets as many turns. */
  weighted: 1 << 3,
  /** Calls wait for a callee. */
  waiting: 1 << 4,
} as const;

/** What a pattern is found by. */
export interface PatternName {
  readonly kind: PatternKind;
  readonly realm: RealmHandle;
  readonly match: Match;
  readonly uri: string;
}

/** A WAMP id is the handle below this, and how often the handle was used before above it: no id comes back within 2^25 reuses. */
const handleRange = 2 ** 28;
const generationMask = (1 << 25) - 1;

/** What a pattern has, in 32-bit words: 16 bytes, of which an event's fan-out reads the first two, of one cache line. */
const Word = { bits: 0, member: 1, generation: 2, created_s: 3 } as const;
/** Places in `Word.bits`: match policy and `Trait` bits lowest. */
const traitMask = (1 << 10) - 1;
const kindShift = 10;
const discloseBit = 1 << 11;
const invokeShift = 12;
const invokeMask = 0xf;
const callTraitShift = 16;
const callTraitMask = 0x3f;
const millisecondShift = 22;
/** What makes a registration other than the plain one: one callee without conditions, who does not want to know its callers. */
const unplainBits = discloseBit | (callTraitMask << callTraitShift);

export class Patterns {
  readonly #index: PatternIndex;
  readonly #words = new U32Records(4);
  readonly #groups = new MemberGroups();
  readonly #lists = new PatternLists();
  readonly #wall_ms: () => number;
  readonly #shared: SharedPatterns | null;
  /** Of the ids that are given first: above those of another life of the router. */
  #firstGeneration = 0;

  /** `shared` where there are other routers. */
  constructor(index: PatternIndex, wall_ms: () => number, shared: SharedPatterns | null = null) {
    this.#index = index;
    this.#wall_ms = wall_ms;
    this.#shared = shared;
  }

  /** Called when a pattern is gone: its handle may stand for another one from now on. */
  onRemove: (() => void) | null = null;
  /** Counts changes of registrations: of who is registered, and of what calls must look at. */
  callEpoch = 0;

  /** The index itself, for look-ups of URIs held as text. */
  get index(): PatternIndex {
    return this.#index;
  }

  /** Patterns of both kinds, over all realms, but for those that stay whoever comes and goes. */
  get count(): number {
    return this.#count;
  }

  /** Makes the pattern that the visited SUBSCRIBE or REGISTER names; 0 when the index is full. */
  add(kind: PatternKind, realm: Realm, codec: Codec): PatternHandle | 0 {
    const match = codec.u(Slot.match) as Match;
    const scope = realm.handle * 2 + kind;
    const handle = this.#index.insert(scope, match, codec.u(Slot.uri), codec.u(Slot.uriLen)) as PatternHandle;
    if ((handle as number) === 0) return 0;
    this.#begin(handle, scope, match);
    this.#count++;
    return handle;
  }

  /** Why the last `add` or `addStaying` returned 0, for people. */
  get problem(): string {
    if (this.#index.problem !== IndexProblem.shapes) return "the router's pattern index is full";
    const count = fixedLimits.wildcardShapes_max;
    return `the realm's wildcard patterns of so many components have their wildcards at ${count} different sets of places, and it may have no more`;
  }

  /**
   * Makes a pattern that all routers have, with the id and time that it has at the others, or with new ones where `id` is 0. Nobody
   * holds it yet. 0 when the index is full. It must not be there already.
   */
  addShared(name: PatternName, id: number, created_ms: number): PatternHandle | 0 {
    const { kind, realm, match, uri } = name;
    const scope = realm * 2 + kind;
    const handle = this.#index.insertText(scope, match, uri) as PatternHandle;
    if ((handle as number) === 0) return 0;
    this.#begin(handle, scope, match);
    this.#count++;
    if (id !== 0) this.#setCreated(handle, created_ms);
    this.#shared!.setId(handle, id === 0 ? this.#freshId(handle) : id);
    return handle;
  }

  /** One that no pattern has. */
  #freshId(handle: PatternHandle): number {
    for (;;) {
      const uses = this.#words.get(handle, Word.generation);
      const generation = (this.#firstGeneration + uses) & generationMask;
      const id = generation * handleRange + handle;
      if (this.#shared!.byId(id) === 0) return id;
      this.#words.set(handle, Word.generation, (uses + 1) & generationMask);
    }
  }

  /** From now on ids are given that lives of this router before life number `life` have not given. */
  beginLife(life: number): void {
    this.#firstGeneration = (life << 18) & generationMask;
  }

  /** The pattern with exactly this name, or 0. */
  find({ kind, realm, match, uri }: PatternName): PatternHandle | 0 {
    return this.#index.find(realm * 2 + kind, match, uri);
  }

  /** Bits of all routers that hold it. */
  holders(handle: PatternHandle): number {
    return this.#shared === null ? 0 : this.#shared.holders(handle);
  }
  setHolders(handle: PatternHandle, routers: number): void {
    const shared = this.#shared!;
    shared.setHolders(handle, routers);
    if ((routers & ~shared.ownBit) === 0) this.clearTrait(handle, Trait.remote);
    else this.setTrait(handle, Trait.remote);
  }
  /** Bits of the other routers that hold it: for a subscription, that have subscribers of it. */
  interest(handle: PatternHandle): number {
    return this.#shared === null ? 0 : this.#shared.holders(handle) & ~this.#shared.ownBit;
  }
  /** This router is known to hold it. */
  isHeldHere(handle: PatternHandle): boolean {
    return this.#shared !== null && (this.#shared.holders(handle) & this.#shared.ownBit) !== 0;
  }
  /** Has the pattern go by another id. */
  reassign(handle: PatternHandle, id: number, created_ms: number): void {
    const holders = this.holders(handle);
    this.#shared!.forget(handle);
    this.#shared!.setId(handle, id);
    this.#shared!.setHolders(handle, holders);
    this.#setCreated(handle, created_ms);
  }

  /** It stays from now on, whoever comes and goes. */
  keepStaying(handle: PatternHandle): void {
    if (this.has(handle, Trait.history)) return;
    this.setTrait(handle, Trait.history);
    this.#count--;
  }

  /** Makes a subscription that stays, with nobody subscribed yet; 0 when the index is full. It must not be there already. */
  addStaying(realm: Realm, match: Match, uri: string): PatternHandle | 0 {
    const scope = realm.handle * 2 + PatternKind.subscription;
    const handle = this.#index.insertText(scope, match, uri) as PatternHandle;
    if ((handle as number) === 0) return 0;
    this.#begin(handle, scope, match);
    this.setTrait(handle, Trait.history);
    return handle;
  }

  /** It ends with its last member from now on, and at once if it has none. */
  endStaying(handle: PatternHandle): void {
    this.clearTrait(handle, Trait.history);
    // Counted with the others from here on.
    this.#count++;
    // Where there are other routers, those are asked first.
    if (!this.isLive(handle)) this.remove(handle);
  }

  #begin(handle: PatternHandle, scope: number, match: Match): void {
    this.#ensure(handle);
    const words = this.#words;
    words.set(handle, Word.bits, match | ((scope & 1) << kindShift));
    words.set(handle, Word.member, 0);
    this.#setCreated(handle, this.#wall_ms());
    this.#lists.add(scope, handle);
  }

  #setCreated(handle: PatternHandle, time_ms: number): void {
    const whole_ms = Math.floor(time_ms);
    this.#setBits(handle, ~0 << millisecondShift, (whole_ms % 1_000) << millisecondShift);
    this.#words.set(handle, Word.created_s, whole_ms / 1_000);
  }

  /** Forgets the pattern; its id is not given again before 2^25 others in its place. */
  remove(handle: PatternHandle): void {
    this.callEpoch++;
    this.#lists.remove(this.#index.scope(handle), handle);
    this.#index.remove(handle);
    this.onRemove?.();
    if (!this.has(handle, Trait.history)) this.#count--;
    const generation = this.#words.get(handle, Word.generation) + 1;
    this.#words.set(handle, Word.generation, generation & generationMask);
    this.#shared?.forget(handle);
  }

  id(handle: PatternHandle): SubscriptionId & RegistrationId {
    if (this.#shared !== null) return this.#shared.id(handle) as SubscriptionId & RegistrationId;
    const generation = this.#words.get(handle, Word.generation);
    return (generation * handleRange + handle) as SubscriptionId & RegistrationId;
  }

  /** The handle of a live pattern of this kind with this id, or 0. */
  byId(kind: PatternKind, id: number): PatternHandle | 0 {
    const shared = this.#shared;
    const handle = (shared === null ? id % handleRange : shared.byId(id)) as PatternHandle;
    if (handle === (0 as number) || handle > this.#top) return 0;
    if (this.kind(handle) !== kind || !this.isLive(handle)) return 0;
    return this.id(handle) === id ? handle : 0;
  }

  /** Those of one kind in a realm, in the order in which they were made. Any may be removed while it runs. */
  *of(kind: PatternKind, realm: Realm): Generator<PatternHandle> {
    for (const handle of this.#lists.of(realm.handle * 2 + kind)) if (this.isLive(handle)) yield handle;
  }

  /** Those of one kind in all realms, as above. */
  *all(kind: PatternKind): Generator<PatternHandle> {
    for (const scope of this.#lists.scopes()) {
      if ((scope & 1) !== kind) continue;
      for (const handle of this.#lists.of(scope)) if (this.isLive(handle)) yield handle;
    }
  }

  /** Whether it has members, here or at other routers, or stays without any. */
  isLive(handle: PatternHandle): boolean {
    if (this.#words.get(handle, Word.member) !== 0 || this.has(handle, Trait.history)) return true;
    return this.#shared !== null && this.#shared.holders(handle) !== 0;
  }

  kind(handle: PatternHandle): PatternKind {
    return ((this.#words.get(handle, Word.bits) >>> kindShift) & 1) as PatternKind;
  }
  uri(handle: PatternHandle): string {
    return this.#index.uri(handle);
  }
  realmHandle(handle: PatternHandle): number {
    return this.#index.scope(handle) >>> 1;
  }
  /** When it was made, in milliseconds since 1970. */
  created_ms(handle: PatternHandle): number {
    const milliseconds = this.#words.get(handle, Word.bits) >>> millisecondShift;
    return this.#words.get(handle, Word.created_s) * 1_000 + milliseconds;
  }
  /** A subscription to topics of the router's own. */
  isReserved(handle: PatternHandle): boolean {
    return this.has(handle, Trait.reserved);
  }
  setReserved(handle: PatternHandle): void {
    this.setTrait(handle, Trait.reserved);
  }
  match(handle: PatternHandle): Match {
    return (this.#words.get(handle, Word.bits) & matchMask) as Match;
  }
  /** Its `Trait` bits, and in the two lowest bits its match policy. */
  traits(handle: PatternHandle): number {
    return this.#words.get(handle, Word.bits) & traitMask;
  }
  has(handle: PatternHandle, trait: Trait): boolean {
    return (this.#words.get(handle, Word.bits) & trait) !== 0;
  }
  setTrait(handle: PatternHandle, trait: Trait): void {
    this.#setBits(handle, trait, trait);
  }
  clearTrait(handle: PatternHandle, trait: Trait): void {
    this.#setBits(handle, trait, 0);
  }
  invoke(handle: PatternHandle): Invoke {
    return ((this.#words.get(handle, Word.bits) >>> invokeShift) & invokeMask) as Invoke;
  }
  setInvoke(handle: PatternHandle, invoke: Invoke): void {
    this.#setBits(handle, invokeMask << invokeShift, invoke << invokeShift);
  }
  discloseCaller(handle: PatternHandle): boolean {
    return (this.#words.get(handle, Word.bits) & discloseBit) !== 0;
  }
  setDiscloseCaller(handle: PatternHandle): void {
    this.#setBits(handle, discloseBit, discloseBit);
  }
  /** `CallTrait` bits of a registration. */
  callTraits(handle: PatternHandle): number {
    return (this.#words.get(handle, Word.bits) >>> callTraitShift) & callTraitMask;
  }
  setCallTrait(handle: PatternHandle, trait: number, isSet: boolean): void {
    this.#setBits(handle, trait << callTraitShift, isSet ? trait << callTraitShift : 0);
  }
  /** Whether a call of a registration has to look at nothing but its first callee. */
  isPlain(handle: PatternHandle): boolean {
    return (this.#words.get(handle, Word.bits) & unplainBits) === 0 && this.invoke(handle) !== Invoke.all;
  }

  #changed(handle: PatternHandle): void {
    if (this.kind(handle) === PatternKind.registration) this.callEpoch++;
  }
  #setBits(handle: PatternHandle, mask: number, bits: number): void {
    this.#changed(handle);
    this.#words.set(handle, Word.bits, (this.#words.get(handle, Word.bits) & ~mask) | bits);
  }

  memberCount(handle: PatternHandle): number {
    return this.#groups.count(this.#words.get(handle, Word.member));
  }
  /** Row of the member that joined first; 0: there is none. */
  firstMember(handle: PatternHandle): number {
    return this.#groups.first(this.#words.get(handle, Word.member));
  }
  lastMember(handle: PatternHandle): number {
    return this.#groups.last(this.#words.get(handle, Word.member));
  }
  /** The membership that round robin takes next; 0: the first. */
  cursor(handle: PatternHandle): number {
    return this.#groups.cursor(this.#words.get(handle, Word.member));
  }
  setCursor(handle: PatternHandle, row: number): void {
    this.#groups.setCursor(this.#words.get(handle, Word.member), row);
  }
  /** Counts a member that joins between two others (0: none). */
  join(handle: PatternHandle, row: number, previous: number, next: number): void {
    this.#changed(handle);
    const word = this.#words.get(handle, Word.member);
    this.#words.set(handle, Word.member, this.#groups.join(word, row, previous, next));
  }
  /** Takes a member off that stood between two others (0: none). The round-robin cursor moves on if it stood here. */
  leave(handle: PatternHandle, row: number, previous: number, next: number): void {
    this.#changed(handle);
    const word = this.#words.get(handle, Word.member);
    this.#words.set(handle, Word.member, this.#groups.leave(word, row, previous, next));
  }

  /** Bytes of the tables, without the index. */
  get bytes(): number {
    return this.#words.bytes + this.#groups.bytes + this.#lists.bytes;
  }

  #top = 0;
  /** The index holds others too: what stays, and what decides about access. */
  #count = 0;
  #ensure(handle: PatternHandle): void {
    if (handle <= this.#top) return;
    this.#top = handle;
    this.#words.ensure(handle);
    this.#shared?.ensure(handle);
  }
}
