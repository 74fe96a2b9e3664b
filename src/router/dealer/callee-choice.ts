/**
 * Which callee of a registration gets a call: the policies of shared registration (Advanced Profile) and those beyond. Members are
 * kept in order of registration, so `first` and `last` are the ends of the list and round robin is a cursor in it. Hot.
 *
 * | policy | takes | a busy callee |
 * |---|---|---|
 * | single, first, last | the end of the list | is waited for |
 * | jump_consistent_hash | the one whose shard takes the routing key (shard-hash.ts) | is waited for |
 * | roundrobin, random | the next, any; each once for every time it has registered | is passed over |
 * | queue_least_loaded | the one with the fewest invocations outstanding for each of its turns, the next of several | is passed over |
 * | queue_least_loaded_sample | the less loaded of two at random | is passed over |
 *
 * A call with `runmode` "partition" goes by its routing key whatever the policy.
 *
 * Several routers that work as one take turns together, and know each other's loads (shared-loads.ts). Where local callees are
 * preferred, the last four rows of policies choose among these while one of them is free.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { Invoke } from "../../protocol/messages.ts";
import { Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { CallTrait, type Patterns } from "../patterns.ts";
import type { RemoteCallee } from "../peers/remote-callee.ts";
import type { SharedLoads, Spread } from "../peers/shared-loads.ts";
import type { Targets } from "../targets.ts";
import type { RouterSession } from "../types.ts";
import type { Callees } from "./callees.ts";
import type { PendingCalls } from "./pending.ts";
import { hashKey, shardWeight } from "./shard-hash.ts";
import { TurnOrder } from "./turn-order.ts";

export interface CalleeChoiceParts extends Spread {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly targets: Targets;
  readonly callees: Callees;
  readonly random: RandomIds;
  readonly pending: PendingCalls;
}

/** No routing key was given. */
export const noKey = -1;
/** Ids of the sessions that have been asked and are not asked again; null: nobody. */
export type Tried = readonly number[] | null;

export class CalleeChoice {
  readonly #codec: Codec;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #targets: Targets;
  readonly #callees: Callees;
  readonly #random: RandomIds;
  readonly #pending: PendingCalls;
  readonly #loads: SharedLoads | null;
  readonly #preferLocal: boolean;
  readonly #order: TurnOrder;
  /** Callees of other routers are passed over. */
  #localOnly = false;

  constructor(parts: CalleeChoiceParts) {
    this.#codec = parts.codec;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#targets = parts.targets;
    this.#callees = parts.callees;
    this.#random = parts.random;
    this.#pending = parts.pending;
    this.#loads = parts.loads;
    this.#preferLocal = parts.preferLocal;
    this.#order = new TurnOrder(parts);
  }

  /**
   * The membership row of the callee that gets the visited CALL. 0: it must wait, because the callee (or every callee) is busy or
   * others wait already; or it has no routing key where one is needed.
   */
  choose(pattern: PatternHandle): number {
    const patterns = this.#patterns;
    const traits = patterns.callTraits(pattern);
    if (traits === 0) return patterns.firstMember(pattern);
    if (traits === CallTrait.shared && this.#loads === null) return this.#shared(pattern);
    if ((traits & CallTrait.waiting) !== 0) return 0;
    return this.chooseFor(pattern, (traits & CallTrait.keyed) !== 0 ? this.key() : noKey, false, null);
  }

  /** Like `choose`, for a CALL with `runmode` "partition". */
  chooseShard(pattern: PatternHandle): number {
    if ((this.#patterns.callTraits(pattern) & CallTrait.waiting) !== 0) return 0;
    return this.chooseFor(pattern, this.key(), true, null);
  }

  /** The number of the visited CALL's routing key, or `noKey`. */
  key(): number {
    const codec = this.#codec;
    if ((codec.u(Slot.present) & Option.rkey) === 0) return noKey;
    return hashKey(codec.span(codec.u(Slot.rkey), codec.u(Slot.rkeyLen)));
  }

  /**
   * A callee that has not been tried and is free: the one whose shard takes the key if `isPart`, else one by the registration's
   * policy. 0 if there is none now.
   */
  chooseFor(pattern: PatternHandle, key: number, isPart: boolean, tried: Tried): number {
    if (this.#preferLocal) {
      this.#localOnly = true;
      const member = this.#choose(pattern, key, isPart, tried);
      this.#localOnly = false;
      if (member !== 0) return member;
    }
    return this.#choose(pattern, key, isPart, tried);
  }

  #choose(pattern: PatternHandle, key: number, isPart: boolean, tried: Tried): number {
    switch (isPart ? Invoke.consistentHash : this.#patterns.invoke(pattern)) {
      case Invoke.roundrobin:
        return this.#inTurn(pattern, tried);
      case Invoke.random:
        return this.#atRandom(pattern, tried);
      case Invoke.leastLoaded:
        return this.#leastLoaded(pattern, tried);
      case Invoke.leastLoadedSample:
        return this.#betterOfTwo(pattern, tried);
      case Invoke.consistentHash:
        return this.#ifFree(this.shardFor(pattern, key, tried));
      case Invoke.last:
        return this.#ifFree(this.#untried(pattern, tried, true));
      default:
        return this.#ifFree(this.#untried(pattern, tried, false));
    }
  }

  /**
   * The member whose shard takes the key, busy or not; of several with one shard the one that registered first, so that others
   * stand in for it. 0: there is no key, or all have been tried.
   */
  shardFor(pattern: PatternHandle, key: number, tried: Tried): number {
    let chosen = 0;
    let highest = -1;
    let row = key === noKey ? 0 : this.#patterns.firstMember(pattern);
    for (; row !== 0; row = this.#memberships.nextOfPattern(row)) {
      const weight = shardWeight(this.#callees.shard(row), key);
      if (weight <= highest || tried?.includes(this.#session(row).id)) continue;
      highest = weight;
      chosen = row;
    }
    return chosen;
  }

  #ifFree(row: number): number {
    return row !== 0 && this.#callees.isFree(row) ? row : 0;
  }

  /** The first or last in order of registration that has not been tried; 0: none. */
  #untried(pattern: PatternHandle, tried: Tried, isLast: boolean): number {
    if (tried === null && isLast) return this.#patterns.lastMember(pattern);
    let found = 0;
    let row = this.#patterns.firstMember(pattern);
    for (; row !== 0 && (isLast || found === 0); row = this.#memberships.nextOfPattern(row))
      if (!tried?.includes(this.#session(row).id)) found = row;
    return found;
  }

  /** True: some callee has not been tried, be it busy. */
  hasUntried(pattern: PatternHandle, tried: Tried): boolean {
    return this.#untried(pattern, tried, false) !== 0;
  }

  // ---- several callees, each of which may be asked

  #shared(pattern: PatternHandle): number {
    const patterns = this.#patterns;
    const memberships = this.#memberships;
    switch (patterns.invoke(pattern)) {
      case Invoke.roundrobin: {
        const row = patterns.cursor(pattern) || patterns.firstMember(pattern);
        patterns.setCursor(pattern, memberships.nextOfPattern(row));
        return row;
      }
      case Invoke.random: {
        let row = patterns.firstMember(pattern);
        for (let steps = this.#random.below(patterns.memberCount(pattern)); steps > 0; steps--)
          row = memberships.nextOfPattern(row);
        return row;
      }
      case Invoke.last:
        return patterns.lastMember(pattern);
      case Invoke.leastLoaded:
        return this.#leastLoaded(pattern, null);
      case Invoke.leastLoadedSample:
        return this.#betterOfTwo(pattern, null);
      default:
        return patterns.firstMember(pattern);
    }
  }

  // ---- some callees may not be asked: they are busy or have been tried

  #session(row: number): RouterSession {
    return this.#targets.get(this.#memberships.target(row));
  }

  #mayAsk(row: number, tried: Tried): boolean {
    if (tried?.includes(this.#session(row).id)) return false;
    if (this.#localOnly && this.#session(row).isRemote) return false;
    return this.#callees.isFree(row);
  }

  #inTurn(pattern: PatternHandle, tried: Tried): number {
    const loads = this.#loads;
    const registration = this.#patterns.id(pattern);
    if (loads === null || this.#localOnly || loads.turn(registration) < 0)
      return this.#inOwnTurn(pattern, tried);
    let row = 0;
    // A turn that another router has taken meanwhile is no disaster: some turns later this one gives up.
    for (let attempts = 0; attempts < 8; attempts++) {
      const turn = loads.turn(registration);
      row = this.#atTurn(pattern, turn, tried);
      if (row === 0 || loads.takeTurn(registration, turn, this.#nextTurn)) break;
    }
    return row;
  }

  /** The turn behind the callee that `#atTurn` has found. */
  #nextTurn = 0;

  /** The callee whose turn it is in the order that all routers have, or the next one that may be asked. */
  #atTurn(pattern: PatternHandle, turn: number, tried: Tried): number {
    const members = this.#order.members(pattern);
    const turns = members.length;
    if (turns === 0) return 0;
    let at = turn % turns;
    for (let left = this.#patterns.memberCount(pattern); left > 0; left--) {
      const row = members[at]!;
      if (this.#mayAsk(row, tried)) {
        this.#nextTurn = at + 1 === turns ? 0 : at + 1;
        return row;
      }
      // The rest of its turns passes with it.
      while (at < turns && members[at] === row) at++;
      if (at === turns) at = 0;
    }
    return 0;
  }

  #inOwnTurn(pattern: PatternHandle, tried: Tried): number {
    const patterns = this.#patterns;
    let row = patterns.cursor(pattern);
    for (let left = patterns.memberCount(pattern); left > 0; left--) {
      row ||= patterns.firstMember(pattern);
      const next = this.#memberships.nextOfPattern(row);
      if (this.#mayAsk(row, tried)) {
        patterns.setCursor(pattern, this.#callees.takeTurn(row) ? next : row);
        return row;
      }
      row = next;
    }
    return 0;
  }

  #atRandom(pattern: PatternHandle, tried: Tried): number {
    const first = this.#patterns.firstMember(pattern);
    let turns = 0;
    for (let row = first; row !== 0; row = this.#memberships.nextOfPattern(row))
      if (this.#mayAsk(row, tried)) turns += this.#callees.weight(row);
    if (turns === 0) return 0;
    let draw = this.#random.below(turns);
    for (let row = first; ; row = this.#memberships.nextOfPattern(row)) {
      if (!this.#mayAsk(row, tried)) continue;
      draw -= this.#callees.weight(row);
      if (draw < 0) return row;
    }
  }

  /** The walk begins behind the one chosen last, so that callees with the same load take turns. */
  #leastLoaded(pattern: PatternHandle, tried: Tried): number {
    const patterns = this.#patterns;
    let best = 0;
    let bestLoad = Number.POSITIVE_INFINITY;
    let row = patterns.cursor(pattern);
    for (let left = patterns.memberCount(pattern); left > 0 && bestLoad > 0; left--) {
      row ||= patterns.firstMember(pattern);
      if (this.#mayAsk(row, tried)) {
        const load = this.#load(row);
        if (load < bestLoad) {
          best = row;
          bestLoad = load;
        }
      }
      row = this.#memberships.nextOfPattern(row);
    }
    if (best !== 0) patterns.setCursor(pattern, this.#memberships.nextOfPattern(best));
    return best;
  }

  #betterOfTwo(pattern: PatternHandle, tried: Tried): number {
    let count = 0;
    let row = this.#patterns.firstMember(pattern);
    for (; row !== 0; row = this.#memberships.nextOfPattern(row)) if (this.#mayAsk(row, tried)) count++;
    if (count === 0) return 0;
    const one = this.#random.below(count);
    if (count === 1) return this.#nth(pattern, one, tried);
    const draw = this.#random.below(count - 1);
    const a = this.#nth(pattern, one, tried);
    const b = this.#nth(pattern, draw < one ? draw : draw + 1, tried);
    return this.#load(b) < this.#load(a) ? b : a;
  }

  /** The n-th of those that may be asked, from 0. */
  #nth(pattern: PatternHandle, n: number, tried: Tried): number {
    let left = n;
    for (let row = this.#patterns.firstMember(pattern); ; row = this.#memberships.nextOfPattern(row))
      if (this.#mayAsk(row, tried) && left-- === 0) return row;
  }

  /** Invocations outstanding for each turn of the callee. */
  #load(row: number): number {
    const callee = this.#session(row);
    let load = callee.invocationCount;
    if (this.#loads !== null && callee.isRemote) {
      const { router, slot } = callee as RemoteCallee;
      load = this.#loads.load(router, slot) + this.#underWay(callee, router, this.#loads);
    }
    return load / this.#callees.weight(row);
  }

  /** Invocations of this router's callers that the callee's does not count yet. They are the newest. */
  #underWay(callee: RouterSession, router: number, loads: SharedLoads): number {
    const pending = this.#pending;
    let count = 0;
    for (let row = callee.firstInvocation; row !== 0; row = pending.nextOfCallee(row)) {
      if (loads.hasSeen(router, pending.invocation(row))) break;
      count++;
    }
    return count;
  }
}
