/**
 * REGISTER.Options.concurrency over several routers: the callee's own router counts all its calls, and is the one that says whether
 * there is room. Another router whose call finds none gets it back (`returned`), and keeps its calls for this callee until it is
 * offered a place: one that is kept free for it, until it takes or declines it. Routers take turns, this one among them. Control path.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Callees } from "../dealer/callees.ts";
import { CallTrait, type Patterns } from "../patterns.ts";
import { PeerKind } from "./kinds.ts";
import type { Peers } from "./peers.ts";

export interface PlacesParts {
  readonly callees: Callees;
  readonly patterns: Patterns;
  readonly peers: Peers;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

/** The other routers that wait for one membership, first come, first served. */
interface Waiting {
  readonly registration: number;
  readonly routers: { readonly router: number; readonly slotThere: number }[];
  /** Another router had the last turn. */
  wasRemote: boolean;
}

interface Offer {
  readonly router: number;
  readonly member: number;
  /** Where it is counted; outlives the membership. */
  readonly counted: number;
}

export class Places {
  readonly #parts: PlacesParts;
  /** By membership, since another router first found it busy. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #offers = new Map<number, Offer>();
  #lastPlace = 0;
  /** A place at a callee of this registration is free. */
  onFree: ((pattern: PatternHandle, member: number) => void) | null = null;

  constructor(parts: PlacesParts) {
    this.#parts = parts;
  }

  /** Routers that wait for a callee, and places that are offered. */
  get count(): number {
    let count = this.#offers.size;
    for (const { routers } of this.#waiting.values()) count += routers.length;
    return count;
  }

  /** A call of this router found no room; `slotThere` is the callee's slot at it. */
  wait(member: number, registration: number, router: number, slotThere: number): void {
    let waiting = this.#waiting.get(member);
    if (waiting === undefined) {
      waiting = { registration, routers: [], wasRemote: false };
      this.#waiting.set(member, waiting);
    }
    if (!waiting.routers.some((each) => each.router === router)) waiting.routers.push({ router, slotThere });
  }

  /** The membership is about to end: its waiting calls are found another callee where they wait. */
  forget(member: number): void {
    this.#waiting.delete(member);
  }

  /** There is room for one call. True: it is kept for another router. */
  handOver(pattern: PatternHandle, member: number): boolean {
    const waiting = this.#waiting.get(member);
    if (waiting === undefined) return false;
    const isWanted = (this.#parts.patterns.callTraits(pattern) & CallTrait.waiting) !== 0;
    if (!isWanted || !waiting.wasRemote) return this.#offer(member, waiting);
    waiting.wasRemote = false;
    // Calls that wait here may be for other callees of the registration, and leave the place free.
    this.#parts.afterTurn(() => {
      if (this.#waiting.get(member) === waiting) this.#offer(member, waiting);
    });
    return false;
  }

  #offer(member: number, waiting: Waiting): boolean {
    const { callees, peers } = this.#parts;
    while (waiting.routers.length > 0 && callees.isFree(member)) {
      const { router, slotThere } = waiting.routers.shift()!;
      const place = ++this.#lastPlace;
      peers.writer.begin(PeerKind.offer).u32(slotThere).u32(place).f64(waiting.registration);
      if (!peers.send(router, null, false)) continue;
      this.#offers.set(place, { router, member, counted: callees.reserve(member) });
      waiting.wasRemote = true;
      return true;
    }
    return false;
  }

  /** The place is one at this membership. */
  isFor(place: number, member: number): boolean {
    return this.#offers.get(place)?.member === member;
  }

  /** The call of this row takes it. */
  take(place: number, row: number): void {
    this.#parts.callees.occupyReserved(this.#offers.get(place)!.counted, row);
    this.#offers.delete(place);
  }

  /** The router does not want it. */
  decline(place: number): void {
    const offer = this.#offers.get(place);
    if (offer === undefined) return;
    this.#offers.delete(place);
    const pattern = this.#parts.callees.leave(offer.counted);
    if (pattern !== 0) this.onFree?.(pattern, offer.member);
  }

  onDown(router: number): void {
    for (const { routers } of this.#waiting.values()) {
      const at = routers.findIndex((each) => each.router === router);
      if (at >= 0) routers.splice(at, 1);
    }
    for (const [place, offer] of this.#offers) if (offer.router === router) this.decline(place);
  }
}
