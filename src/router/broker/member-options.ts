/**
 * What single subscribers asked for with SUBSCRIBE: a node key (Advanced Profile, "Sharded Subscriptions"), and events that they
 * acknowledge. By membership row; nothing is kept for the many who asked for neither, and a pattern without such members has
 * neither trait. Control path, but for the choice of a shard, which costs a step per shard.
 */
import type { PatternHandle } from "../../base/ids.ts";
import { fixedLimits } from "../../base/limits.ts";
import { Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { hashKey, shardWeight } from "../dealer/shard-hash.ts";
import { type Patterns, Trait } from "../patterns.ts";
import type { RouterSession } from "../types.ts";
import type { AcknowledgedDelivery } from "./acknowledged-delivery.ts";

const utf8 = new TextEncoder();

/** What SUBSCRIBE.Options ask for beyond the subscription. */
export interface MemberWishes {
  readonly nodeKey: string | null;
  readonly acknowledges: boolean;
  readonly getsRetained: boolean;
}

export const noWishes: MemberWishes = { nodeKey: null, acknowledges: false, getsRetained: false };

/** Options of SUBSCRIBE without which there are no wishes. The node key is among those that the visit does not know. */
export const wishOptions = Option.retain | Option.acknowledgedDelivery | Option.other;
/** Traits without which no member of a pattern has had wishes that last. */
export const memberTraits = Trait.sharded | Trait.acknowledged;

/** Reads the wishes of the visited SUBSCRIBE; null for a node key that is none. */
export function readWishes(codec: Codec): MemberWishes | null {
  const truths = codec.u(Slot.true);
  let nodeKey: string | null = null;
  if ((codec.u(Slot.present) & Option.other) !== 0) {
    const given = codec.options()["nkey"] ?? null;
    if (given !== null && (typeof given !== "string" || given.length > fixedLimits.nodeKey_max)) return null;
    nodeKey = given;
  }
  return {
    nodeKey,
    acknowledges: (truths & Option.acknowledgedDelivery) !== 0,
    getsRetained: (truths & Option.retain) !== 0,
  };
}

/** One node key of a subscription, how many of its members have it, and how many other routers have members with it. */
interface Shard {
  readonly hash: number;
  members: number;
  routers: number;
}

export class MemberOptions {
  readonly #patterns: Patterns;
  readonly #deliveries: Pick<AcknowledgedDelivery, "endSubscription">;
  readonly #nodeKeys = new Map<number, string>();
  readonly #shards = new Map<PatternHandle, Map<string, Shard>>();
  readonly #acknowledging = new Map<PatternHandle, Set<number>>();

  constructor(patterns: Patterns, deliveries: Pick<AcknowledgedDelivery, "endSubscription">) {
    this.#patterns = patterns;
    this.#deliveries = deliveries;
  }

  nodeKey(row: number): string | null {
    return this.#nodeKeys.get(row) ?? null;
  }
  acknowledges(pattern: PatternHandle, row: number): boolean {
    return this.#acknowledging.get(pattern)?.has(row) ?? false;
  }

  /** Notes what a member asks for, in the place of what it asked for before. */
  set(session: RouterSession, pattern: PatternHandle, row: number, wishes: MemberWishes): void {
    this.#leaveShard(pattern, row);
    if (wishes.nodeKey !== null) this.#joinShard(pattern, row, wishes.nodeKey);
    if (wishes.acknowledges) this.#startAcknowledging(pattern, row);
    else this.#stopAcknowledging(session, pattern, row);
  }

  /** The member has gone. */
  clear(session: RouterSession, pattern: PatternHandle, row: number): void {
    this.#leaveShard(pattern, row);
    this.#stopAcknowledging(session, pattern, row);
  }

  #startAcknowledging(pattern: PatternHandle, row: number): void {
    const rows = this.#acknowledging.get(pattern);
    if (rows !== undefined) rows.add(row);
    else {
      this.#acknowledging.set(pattern, new Set([row]));
      this.#patterns.setTrait(pattern, Trait.acknowledged);
    }
  }

  #stopAcknowledging(session: RouterSession, pattern: PatternHandle, row: number): void {
    const rows = this.#acknowledging.get(pattern);
    if (rows?.delete(row) !== true) return;
    this.#deliveries.endSubscription(session, row);
    if (rows.size > 0) return;
    this.#acknowledging.delete(pattern);
    this.#patterns.clearTrait(pattern, Trait.acknowledged);
  }

  /**
   * The node key that events with this routing key – UTF-8, a view will do – belong to: see shard-hash.ts. Null: no member has a
   * node key.
   */
  shardOf(pattern: PatternHandle, routingKey: Uint8Array): string | null {
    const key = hashKey(routingKey);
    let best: string | null = null;
    let highest = -1;
    for (const [nodeKey, shard] of this.#shards.get(pattern) ?? []) {
      const weight = shardWeight(shard.hash, key);
      if (weight < highest || (weight === highest && best !== null && nodeKey > best)) continue;
      highest = weight;
      best = nodeKey;
    }
    return best;
  }

  /** Members here that have the node key. */
  membersOf(pattern: PatternHandle, nodeKey: string): number {
    return this.#shards.get(pattern)?.get(nodeKey)?.members ?? 0;
  }
  /** One more (1) or less (-1) of the other routers has members with the node key. */
  countElsewhere(pattern: PatternHandle, nodeKey: string, change: 1 | -1): void {
    const shard = this.#shard(pattern, nodeKey);
    shard.routers += change;
    this.#dropIfEmpty(pattern, nodeKey, shard);
  }

  /** The shard, made if it is not there. */
  #shard(pattern: PatternHandle, nodeKey: string): Shard {
    let shards = this.#shards.get(pattern);
    if (shards === undefined) {
      shards = new Map();
      this.#shards.set(pattern, shards);
      this.#patterns.setTrait(pattern, Trait.sharded);
    }
    let shard = shards.get(nodeKey);
    if (shard === undefined) {
      shard = { hash: hashKey(utf8.encode(nodeKey)), members: 0, routers: 0 };
      shards.set(nodeKey, shard);
    }
    return shard;
  }

  #dropIfEmpty(pattern: PatternHandle, nodeKey: string, { members, routers }: Shard): void {
    if (members + routers > 0) return;
    const shards = this.#shards.get(pattern)!;
    shards.delete(nodeKey);
    if (shards.size > 0) return;
    this.#shards.delete(pattern);
    this.#patterns.clearTrait(pattern, Trait.sharded);
  }

  #joinShard(pattern: PatternHandle, row: number, nodeKey: string): void {
    this.#shard(pattern, nodeKey).members++;
    this.#nodeKeys.set(row, nodeKey);
  }

  #leaveShard(pattern: PatternHandle, row: number): void {
    const nodeKey = this.#nodeKeys.get(row);
    if (nodeKey === undefined) return;
    this.#nodeKeys.delete(row);
    const shard = this.#shard(pattern, nodeKey);
    shard.members--;
    this.#dropIfEmpty(pattern, nodeKey, shard);
  }
}
