/**
 * The links' twin in one thread: as many ends as there are places, for what is said over links. Order holds between two ends
 * and nowhere else: which of the waiting messages comes next is the caller's choice.
 */
import { assert } from "../../src/base/assert.ts";
import type { PeerEvents, PeerLinks } from "../../src/ports.ts";

export interface MemoryLinksOptions {
  /** Places. All of them are up from the start. */
  readonly count: number;
  /** Runs a task once, later. What has been sent by then is delivered in it. Absent: only `step` and `settle` deliver. */
  readonly endOfTurn?: (task: () => void) => void;
  /** Chooses: a number from 0 to n-1. Absent: always 0, the pairs in the order of their places. */
  readonly below?: (n: number) => number;
  /** Bytes that wait in one direction of a pair before messages that may be dropped are. Absent: none are. */
  readonly linkBytes_max?: number;
}

/** What travels one way between two ends: messages, and the news that the sender has come (with its end) or gone. */
type Parcel = Uint8Array | MemoryEnd | "down";

export class MemoryLinks {
  readonly #options: MemoryLinksOptions;
  readonly #ends: MemoryEnd[] = [];
  #scheduled = false;

  constructor(options: MemoryLinksOptions) {
    this.#options = options;
    for (let place = 0; place < options.count; place++) this.#ends.push(this.#newEnd(place));
  }

  /** The end of a place, in its present life. */
  end(place: number): PeerLinks {
    return this.#ends[place]!;
  }

  /** Delivers the next message, or the news that a peer has come or gone. False: nothing waits. */
  step(): boolean {
    const waiting: [from: MemoryEnd, to: MemoryEnd][] = [];
    for (const from of this.#ends)
      for (const to of this.#ends) if (to.hasParcelFrom(from.self)) waiting.push([from, to]);
    if (waiting.length === 0) return false;
    const [from, to] = waiting[this.#options.below?.(waiting.length) ?? 0]!;
    to.deliver(from.self);
    return true;
  }

  /** Delivers until nothing waits. */
  settle(): void {
    for (let steps = 0; this.step(); steps++) assert(steps < 10_000_000, "messages never end");
  }

  /**
   * The life of a place ends: nothing that was under way to it arrives; of what it had sent, the first messages may. Its end says
   * that everybody is down.
   */
  takeDown(place: number): void {
    const gone = this.#ends[place]!;
    assert(gone.alive, "a place goes down once in a life");
    gone.kill();
    for (const other of this.#ends) {
      if (other === gone || !other.alive || !other.connected || !gone.connected) continue;
      const arriving = this.#options.below?.(other.messagesFrom(place) + 1) ?? 0;
      other.cut(place, arriving);
      other.put(place, "down");
    }
    this.#wake();
  }

  /** A new life begins, with an end that is yet to be connected. */
  bringUp(place: number): PeerLinks {
    assert(!this.#ends[place]!.alive, "a place that is up cannot come");
    this.#ends[place] = this.#newEnd(place);
    return this.#ends[place];
  }

  #newEnd(self: number): MemoryEnd {
    const { count, linkBytes_max = Number.POSITIVE_INFINITY } = this.#options;
    const net: Net = {
      wake: () => this.#wake(),
      linkBytes_max,
      connected: (end) => {
        for (const other of this.#ends) if (other !== end && other.alive && other.connected) join(end, other);
        this.#wake();
      },
    };
    return new MemoryEnd(self, count, net);
  }

  #wake(): void {
    const { endOfTurn } = this.#options;
    if (endOfTurn === undefined || this.#scheduled) return;
    this.#scheduled = true;
    endOfTurn(() => {
      this.#scheduled = false;
      this.settle();
    });
  }
}

/** Each hears that the other has come, before anything that it says. */
function join(one: MemoryEnd, other: MemoryEnd): void {
  one.put(other.self, other);
  other.put(one.self, one);
}

interface Net {
  wake(): void;
  connected(end: MemoryEnd): void;
  readonly linkBytes_max: number;
}

class MemoryEnd implements PeerLinks {
  readonly self: number;
  readonly count: number;
  readonly #net: Net;
  readonly #from: Parcel[][];
  /** Who is up, in the life that its last onUp was about: whoever has not heard of a new one speaks to the one before. */
  readonly #peers: (MemoryEnd | null)[];
  #events: PeerEvents | null = null;
  #alive = true;

  constructor(self: number, count: number, net: Net) {
    this.self = self;
    this.count = count;
    this.#net = net;
    this.#from = Array.from({ length: count }, () => []);
    this.#peers = Array.from({ length: count }, () => null);
  }

  get alive(): boolean {
    return this.#alive;
  }
  get connected(): boolean {
    return this.#events !== null;
  }

  connect(events: PeerEvents): void {
    assert(this.#events === null, "links are connected once");
    this.#events = events;
    this.#net.connected(this);
  }

  send(peer: number, head: Uint8Array, body: Uint8Array | null, mayDrop: boolean): boolean {
    const there = this.#peers[peer]!;
    if (there === null) return false;
    const bytes = head.length + (body?.length ?? 0);
    if (mayDrop && this.queuedBytes(peer) + bytes > this.#net.linkBytes_max) return false;
    const message = new Uint8Array(bytes);
    message.set(head);
    if (body !== null) message.set(body, head.length);
    there.put(this.self, message);
    this.#net.wake();
    return true;
  }

  isUp(peer: number): boolean {
    return this.#peers[peer]! !== null;
  }

  queuedBytes(peer: number): number {
    return this.#peers[peer]?.bytesFrom(this.self) ?? 0;
  }

  put(from: number, parcel: Parcel): void {
    if (this.#alive) this.#from[from]!.push(parcel);
  }

  /** Takes back what has not arrived from a peer, but for so many messages. */
  cut(peer: number, messages: number): void {
    let left = messages;
    this.#from[peer] = this.#from[peer]!.filter((parcel) => !(parcel instanceof Uint8Array) || left-- > 0);
  }

  bytesFrom(peer: number): number {
    let bytes = 0;
    for (const parcel of this.#from[peer]!) if (parcel instanceof Uint8Array) bytes += parcel.length;
    return bytes;
  }
  messagesFrom(peer: number): number {
    return this.#from[peer]!.filter((parcel) => parcel instanceof Uint8Array).length;
  }
  hasParcelFrom(peer: number): boolean {
    return this.#from[peer]!.length > 0;
  }

  deliver(peer: number): void {
    const parcel = this.#from[peer]!.shift()!;
    if (parcel === "down") {
      this.#peers[peer] = null;
      this.#events!.onDown(peer);
    } else if (parcel instanceof MemoryEnd) {
      this.#peers[peer] = parcel;
      this.#events!.onUp(peer);
    } else {
      this.#events!.onMessage(peer, parcel);
      // Whoever keeps it without copying it is to notice.
      parcel.fill(0xee);
    }
  }

  kill(): void {
    this.#alive = false;
    this.#peers.fill(null);
    for (const parcels of this.#from) parcels.length = 0;
  }
}
