/**
 * Which routers have subscribers of what, as all routers have it in the same order: the directory's part about subscriptions. It
 * makes and removes their patterns; the members that a router has itself are its broker's. Control path.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { MemberOptions } from "../broker/member-options.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { Realms } from "../realms.ts";
import { SharedNames } from "./shared-names.ts";
import type { Named, SubscribeWish } from "./wishes.ts";

export interface SharedInterestsParts {
  readonly patterns: Patterns;
  readonly realms: Realms;
  readonly memberOptions: MemberOptions;
  /** This router's place. */
  readonly self: number;
}

/** A subscription as a router that comes is told of it. */
export interface InterestRecord extends Named, Pick<SubscribeWish, "isReserved"> {
  readonly id: number;
  readonly created_ms: number;
  /** Bits of the routers that have subscribers, and of those that have some with a node key. */
  readonly holders: number;
  readonly keys: readonly (readonly [nodeKey: string, routers: number])[];
}

const kind = PatternKind.subscription;

export class SharedInterests {
  readonly #parts: SharedInterestsParts;
  readonly #names: SharedNames;
  /** Bits of the routers that have members with a node key, for patterns with such members. */
  readonly #keys = new Map<PatternHandle, Map<string, number>>();

  constructor(parts: SharedInterestsParts) {
    this.#parts = parts;
    this.#names = new SharedNames(kind, parts);
  }

  find(name: Named): PatternHandle | 0 {
    return this.#names.find(name);
  }

  /** The router has members with that node key, or is about to. */
  hasKey(pattern: PatternHandle, nodeKey: string, router: number): boolean {
    return ((this.#keys.get(pattern)?.get(nodeKey) ?? 0) & (1 << router)) !== 0;
  }

  /** Node keys of the members that a router has. */
  keysOf(pattern: PatternHandle, router: number): readonly string[] {
    const keys = [...(this.#keys.get(pattern)?.keys() ?? [])];
    return keys.filter((nodeKey) => this.hasKey(pattern, nodeKey, router));
  }

  /** A router has subscribers. Makes the pattern, with a new id for 0, if it is not there; 0 when the index is full. */
  subscribe(router: number, wish: SubscribeWish, id: number, created_ms: number): PatternHandle | 0 {
    const { patterns } = this.#parts;
    const { isReserved } = wish;
    const pattern = this.find(wish) || this.#names.make(wish, { isReserved, id, created_ms });
    if (pattern === 0) return 0;
    patterns.setHolders(pattern, patterns.holders(pattern) | (1 << router));
    if (wish.nodeKey !== null) this.#addKey(pattern, wish.nodeKey, router);
    return pattern;
  }

  #addKey(pattern: PatternHandle, nodeKey: string, router: number): void {
    if (this.hasKey(pattern, nodeKey, router)) return;
    let keys = this.#keys.get(pattern);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(pattern, keys);
    }
    keys.set(nodeKey, (keys.get(nodeKey) ?? 0) | (1 << router));
    if (router !== this.#parts.self) this.#parts.memberOptions.countElsewhere(pattern, nodeKey, 1);
  }

  /** No member of the router has the node key any more. */
  dropKey(pattern: PatternHandle, nodeKey: string, router: number): void {
    if (!this.hasKey(pattern, nodeKey, router)) return;
    const keys = this.#keys.get(pattern)!;
    const routers = keys.get(nodeKey)! & ~(1 << router);
    if (routers !== 0) keys.set(nodeKey, routers);
    else keys.delete(nodeKey);
    if (keys.size === 0) this.#keys.delete(pattern);
    if (router !== this.#parts.self) this.#parts.memberOptions.countElsewhere(pattern, nodeKey, -1);
  }

  /** A router has no subscribers any more. True: the subscription is over with it. */
  giveUp(pattern: PatternHandle, router: number): boolean {
    const { patterns } = this.#parts;
    for (const nodeKey of this.keysOf(pattern, router)) this.dropKey(pattern, nodeKey, router);
    patterns.setHolders(pattern, patterns.holders(pattern) & ~(1 << router));
    if (patterns.isLive(pattern)) return false;
    this.#names.remove(pattern);
    return true;
  }

  /** Subscriptions that a router has subscribers of; each may be given up before the next is taken. */
  *ofRouter(router: number): Generator<PatternHandle> {
    const { patterns } = this.#parts;
    for (const pattern of patterns.all(kind))
      if ((patterns.holders(pattern) & (1 << router)) !== 0) yield pattern;
  }

  // ---- for routers that come

  *records(): Generator<InterestRecord> {
    const { patterns } = this.#parts;
    for (const pattern of patterns.all(kind))
      yield {
        ...this.#names.record(pattern),
        isReserved: patterns.isReserved(pattern),
        holders: patterns.holders(pattern),
        keys: [...(this.#keys.get(pattern) ?? [])],
      };
  }

  /** Has the subscription as the record says. Returns its pattern; 0 when the index is full. */
  adopt(record: InterestRecord): PatternHandle | 0 {
    const { patterns } = this.#parts;
    const pattern = this.find(record) || this.#names.make(record, record);
    if (pattern === 0) return 0;
    if (patterns.id(pattern) !== record.id) patterns.reassign(pattern, record.id, record.created_ms);
    const before = [...(this.#keys.get(pattern) ?? [])];
    // What is new comes before what is gone, so that the pattern lives.
    patterns.setHolders(pattern, record.holders);
    for (const [nodeKey, routers] of record.keys)
      for (const router of routersIn(routers)) this.#addKey(pattern, nodeKey, router);
    const now = new Map(record.keys);
    for (const [nodeKey, routers] of before)
      for (const router of routersIn(routers & ~(now.get(nodeKey) ?? 0)))
        this.dropKey(pattern, nodeKey, router);
    return pattern;
  }

  /** Forgets all that was not among the records, but for what this router's own members need. */
  keepOnly(adopted: ReadonlySet<PatternHandle>): void {
    const { patterns } = this.#parts;
    for (const pattern of patterns.all(kind)) {
      if (adopted.has(pattern)) continue;
      for (const router of routersIn(patterns.holders(pattern))) if (this.giveUp(pattern, router)) break;
    }
  }
}

/** Places of the routers whose bits are set. */
export function* routersIn(mask: number): Generator<number> {
  for (let left = mask; left !== 0; left &= left - 1) yield 31 - Math.clz32(left & -left);
}
