/**
 * The links of one thread over rings. While there is traffic every ring is looked at once per loop turn; after a few turns without
 * any this thread sleeps, and is woken by a peer's message port. Hot.
 */
import { assert } from "../base/assert.ts";
import type { PeerEvents, PeerLinks, Scheduler } from "../ports.ts";
import { Link, type LinkEnd } from "./link.ts";

export interface RingLinksOptions {
  readonly self: number;
  readonly count: number;
  readonly linkBytes_max: number;
  readonly scheduler: Pick<Scheduler, "endOfTurn">;
}

/** Turns without traffic after which this thread sleeps: waking it costs its peer and itself as much as a few turns. */
const idleTurns_max = 4;

export class RingLinks implements PeerLinks {
  readonly self: number;
  readonly count: number;
  readonly #linkBytes_max: number;
  readonly #scheduler: Pick<Scheduler, "endOfTurn">;
  /** By place; null: down. */
  readonly #links: (Link | null)[];
  /** What has come before anybody was to be told. */
  readonly #early: (readonly [peer: number, end: LinkEnd])[] = [];
  #events: PeerEvents | null = null;
  #idleTurns = 0;
  /** A turn is scheduled, in which the rings are looked at. */
  #awake = false;
  #closed = false;
  readonly #turn = (): void => this.#onTurn();
  readonly #signalled = (): void => this.#onSignal();

  constructor({ self, count, linkBytes_max, scheduler }: RingLinksOptions) {
    this.self = self;
    this.count = count;
    this.#linkBytes_max = linkBytes_max;
    this.#scheduler = scheduler;
    this.#links = Array.from({ length: count }, () => null);
  }

  connect(events: PeerEvents): void {
    assert(this.#events === null, "links are connected once");
    this.#events = events;
    this.#scheduler.endOfTurn(() => {
      for (const [peer, end] of this.#early.splice(0)) this.attach(peer, end);
    });
  }

  send(peer: number, head: Uint8Array, body: Uint8Array | null, mayDrop: boolean): boolean {
    const link = this.#links[peer];
    return link !== null && link !== undefined && link.send(head, body, mayDrop);
  }

  isUp(peer: number): boolean {
    return this.#links[peer] !== null;
  }

  queuedBytes(peer: number): number {
    return this.#links[peer]?.queuedBytes ?? 0;
  }

  /** A peer has come, in a new life. */
  attach(peer: number, end: LinkEnd): void {
    if (this.#closed) return end.port.close();
    if (this.#events === null) return void this.#early.push([peer, end]);
    assert(peer !== this.self && this.#links[peer] === null, "a peer comes when it is down");
    const { onMessage } = this.#events;
    const events = this.#events;
    this.#links[peer] = new Link(
      end,
      this.#linkBytes_max,
      (message) => onMessage.call(events, peer, message),
      this.#signalled,
    );
    this.#events.onUp(peer);
    // It may have spoken already.
    this.#wake();
  }

  /** A peer's life is over. What it has sent and this thread has not handled is lost, and the other way round. */
  detach(peer: number): void {
    const early = this.#early.findIndex(([place]) => place === peer);
    if (early >= 0) this.#early.splice(early, 1)[0]![1].port.close();
    const link = this.#links[peer];
    if (link === null || link === undefined) return;
    link.close();
    this.#links[peer] = null;
    this.#events!.onDown(peer);
  }

  /** The life of this thread's own end is over; nobody is told. */
  close(): void {
    this.#closed = true;
    for (const [, end] of this.#early.splice(0)) end.port.close();
    for (const [peer, link] of this.#links.entries()) {
      link?.close();
      this.#links[peer] = null;
    }
  }

  #onSignal(): void {
    if (this.#closed || this.#awake) return;
    for (const link of this.#links) link?.wake();
    this.#awake = true;
    this.#onTurn();
  }

  #wake(): void {
    this.#idleTurns = 0;
    if (this.#awake) return;
    for (const link of this.#links) link?.wake();
    this.#awake = true;
    this.#scheduler.endOfTurn(this.#turn);
  }

  #onTurn(): void {
    if (this.#closed) return;
    let busy = true;
    try {
      busy = this.#lookAround();
    } finally {
      // Where a message made its handler throw, the others are still there.
      this.#idleTurns = busy ? 0 : this.#idleTurns + 1;
      if (this.#idleTurns < idleTurns_max || !this.#sleep()) this.#scheduler.endOfTurn(this.#turn);
    }
  }

  #lookAround(): boolean {
    let busy = false;
    for (const link of this.#links) {
      if (link === null) continue;
      if (link.poll()) busy = true;
      if (link.flush()) busy = true;
    }
    return busy;
  }

  /** False: something has come in between. */
  #sleep(): boolean {
    for (const link of this.#links) {
      if (link === null || link.sleep()) continue;
      for (const other of this.#links) other?.wake();
      this.#idleTurns = 0;
      return false;
    }
    this.#awake = false;
    return true;
  }
}
