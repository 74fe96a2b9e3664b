/**
 * Whose turn is which, for registrations whose turns several routers take together: each callee in order of registration, once for every
 * time that it has registered. Made when it is asked for, and again when registrations have changed: one look instead of a walk over
 * all callees for each call. Hot.
 */
import type { PatternHandle } from "../../base/ids.ts";
import { fixedLimits } from "../../base/fixed-limits.ts";
import type { Memberships } from "../memberships.ts";
import type { Patterns } from "../patterns.ts";
import type { Callees } from "./callees.ts";

export interface TurnOrderParts {
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly callees: Callees;
}

interface Order {
  pattern: PatternHandle | 0;
  /** `Patterns.callEpoch` and `Callees.weightEpoch` when it was made. */
  callEpoch: number;
  weightEpoch: number;
  /** Membership rows by turn; those of one callee stand together. */
  members: Uint32Array;
}

const none = new Uint32Array(0);
const orderMask = fixedLimits.turnOrders_max - 1;

export class TurnOrder {
  readonly #parts: TurnOrderParts;
  /** Direct-mapped by handle. */
  readonly #orders: Order[] = Array.from({ length: fixedLimits.turnOrders_max }, () => ({
    pattern: 0,
    callEpoch: -1,
    weightEpoch: -1,
    members: none,
  }));

  constructor({ patterns, memberships, callees }: TurnOrderParts) {
    this.#parts = { patterns, memberships, callees };
  }

  /** Of a registration; empty where it has no callee. Valid until a registration changes. */
  members(pattern: PatternHandle): Uint32Array {
    const { patterns, callees } = this.#parts;
    const order = this.#orders[pattern & orderMask]!;
    const isFresh =
      order.pattern === pattern &&
      order.callEpoch === patterns.callEpoch &&
      order.weightEpoch === callees.weightEpoch;
    if (!isFresh) this.#make(order, pattern);
    return order.members;
  }

  #make(order: Order, pattern: PatternHandle): void {
    const { patterns, memberships, callees } = this.#parts;
    const rows: number[] = [];
    for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row))
      for (let weight = callees.weight(row); weight > 0; weight--) rows.push(row);
    order.pattern = pattern;
    order.callEpoch = patterns.callEpoch;
    order.weightEpoch = callees.weightEpoch;
    order.members = Uint32Array.from(rows);
  }
}
