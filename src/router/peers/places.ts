/**
 * REGISTER.Options.concurrency over several routers: the callee's own router counts all its calls, and says whether there is room.
 * Another router sends its calls as they come. One that finds no room goes back (`returned`), and so do those behind it, so that
 * their order is kept, until the other router has said that no more follow (`want`). From then on it waits for a place to be offered:
 * one that is kept free for it until it takes or declines it. Routers take turns, this one among them. Control path.
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

/** What is between a callee and the other routers. */
interface Waiting {
  /** Those that wait for a place, first come, first served, with the callee's slot there. */
  readonly routers: { readonly router: number; readonly slotThere: number }[];
  /** Bits of those whose calls go back. */
  returned: number;
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

  /** A call of this router may go to the callee, which is free or not. */
  accepts(member: number, router: number, isFree: boolean): boolean {
    const waiting = this.#waiting.get(member);
    if (isFree) return waiting === undefined || (waiting.returned & (1 << router)) === 0;
    this.#waitingFor(member).returned |= 1 << router;
    return false;
  }

  /** The router sends no more; `slotThere` is the callee's slot at it. */
  want(pattern: PatternHandle, member: number, router: number, slotThere: number): void {
    const waiting = this.#waitingFor(member);
    waiting.returned &= ~(1 << router);
    waiting.routers.push({ router, slotThere });
    if (this.#parts.callees.isFree(member)) this.onFree?.(pattern, member);
  }

  #waitingFor(member: number): Waiting {
    let waiting = this.#waiting.get(member);
    if (waiting === undefined) {
      waiting = { routers: [], returned: 0, wasRemote: false };
      this.#waiting.set(member, waiting);
    }
    return waiting;
  }

  /** The membership is about to end: its waiting calls are found another callee where they wait. */
  forget(member: number): void {
    this.#waiting.delete(member);
  }

  /** There is room for one call. True: it is kept for another router. False: whoever waits here has the turn; then `offerRest`. */
  handOver(pattern: PatternHandle, member: number): boolean {
    const waiting = this.#waiting.get(member);
    if (waiting === undefined) return false;
    const isWanted = (this.#parts.patterns.callTraits(pattern) & CallTrait.waiting) !== 0;
    if (!isWanted || !waiting.wasRemote) return this.#offer(pattern, member, waiting);
    waiting.wasRemote = false;
    return false;
  }

  /** Those that wait here have been woken. They may want other callees of the registration, and leave the place free. */
  offerRest(pattern: PatternHandle, member: number): void {
    const waiting = this.#waiting.get(member);
    if (waiting === undefined || waiting.routers.length === 0) return;
    this.#parts.afterTurn(() => {
      if (this.#waiting.get(member) === waiting) this.#offer(pattern, member, waiting);
    });
  }

  #offer(pattern: PatternHandle, member: number, waiting: Waiting): boolean {
    const { callees, patterns, peers } = this.#parts;
    while (waiting.routers.length > 0 && callees.isFree(member)) {
      const { router, slotThere } = waiting.routers.shift()!;
      const place = ++this.#lastPlace;
      peers.writer.begin(PeerKind.offer).u32(slotThere).u32(place).f64(patterns.id(pattern));
      if (!peers.send(router, null, false)) continue;
      const counted = callees.reserve(member);
      this.#offers.set(place, { router, member, counted });
      // It has registered anew meanwhile, without a limit: there is room for everybody.
      if (counted === 0) continue;
      waiting.wasRemote = true;
      return true;
    }
    return false;
  }

  /** The place is one at this membership. */
  isFor(place: number, member: number): boolean {
    const offer = this.#offers.get(place);
    return offer !== undefined && this.#parts.callees.isReservedFor(offer.counted, member);
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
    for (const waiting of this.#waiting.values()) {
      const at = waiting.routers.findIndex((each) => each.router === router);
      if (at >= 0) waiting.routers.splice(at, 1);
      waiting.returned &= ~(1 << router);
    }
    for (const [place, offer] of this.#offers) if (offer.router === router) this.decline(place);
  }
}
