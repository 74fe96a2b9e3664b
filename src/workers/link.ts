/**
 * One peer as this thread reaches it: a ring each way, a queue for what the ring has no room for, and a message port that wakes
 * whoever sleeps. Hot.
 */
import type { MessagePort } from "node:worker_threads";
import { newRing, packMessage, RingReader, RingWriter, ringBytesOf } from "./ring.ts";

/** What one of two threads is given to speak to the other. It can be sent to a thread, with `port` in the transfer list. */
export interface LinkEnd {
  readonly outgoing: SharedArrayBuffer;
  readonly incoming: SharedArrayBuffer;
  /** Any message on it means: look at the rings. */
  readonly port: MessagePort;
}

/** Both ends of a new link, with rings of so many bytes; `ports` are the two ends of one message channel. */
export function newLink(
  ringBytes: number,
  ports: { readonly port1: MessagePort; readonly port2: MessagePort },
): readonly [LinkEnd, LinkEnd] {
  const [there, back] = [newRing(ringBytes), newRing(ringBytes)];
  return [
    { outgoing: there, incoming: back, port: ports.port1 },
    { outgoing: back, incoming: there, port: ports.port2 },
  ];
}

export class Link {
  readonly #out: RingWriter;
  readonly #in: RingReader;
  readonly #port: MessagePort;
  readonly #linkBytes_max: number;
  readonly #onMessage: (message: Uint8Array) => void;
  /** Messages that found no room, as they stand in the ring; of the first, `#sent` bytes are there already. */
  readonly #overflow: Uint8Array[] = [];
  #overflowBytes = 0;
  #first = 0;
  #sent = 0;
  #closed = false;

  /** `onSignal` is told when the peer has something, or has made room. */
  constructor(
    end: LinkEnd,
    linkBytes_max: number,
    onMessage: (message: Uint8Array) => void,
    onSignal: () => void,
  ) {
    this.#out = new RingWriter(end.outgoing);
    this.#in = new RingReader(end.incoming);
    this.#port = end.port;
    this.#linkBytes_max = linkBytes_max;
    this.#onMessage = onMessage;
    this.#port.on("message", onSignal);
    // What listens keeps the thread alive, not this.
    this.#port.unref();
  }

  get queuedBytes(): number {
    return this.#out.usedBytes + this.#overflowBytes;
  }

  send(front: Uint8Array, body: Uint8Array | null, mayDrop: boolean): boolean {
    if (mayDrop && !this.#hasRoom(front.length + (body === null ? 0 : body.length))) return false;
    if (this.#overflow.length === 0 && this.#out.write(front, body)) {
      if (this.#out.takeSleeper()) this.#signal();
      return true;
    }
    const packed = packMessage(front, body);
    this.#overflow.push(packed);
    this.#overflowBytes += packed.length;
    // Not again for each: whoever was told to come is told by what it finds.
    if (this.#overflow.length === this.#first + 1) this.flush();
    return true;
  }

  #hasRoom(bytes: number): boolean {
    return this.queuedBytes + ringBytesOf(bytes) <= this.#linkBytes_max;
  }

  /** Moves from the queue to the ring what there is room for. Returns whether that was anything. */
  flush(): boolean {
    if (this.#overflow.length === 0) return false;
    const before = this.#overflowBytes;
    do {
      while (this.#first < this.#overflow.length) {
        const packed = this.#overflow[this.#first]!;
        const count = this.#out.writePart(packed, this.#sent);
        this.#overflowBytes -= count;
        this.#sent += count;
        if (this.#sent < packed.length) break;
        this.#dropFirst();
      }
      // It may have made room since; then there is nothing to wait for.
    } while (this.#overflow.length > 0 && !this.#out.awaitRoom());
    const moved = this.#overflowBytes < before;
    if (moved && this.#out.takeSleeper()) this.#signal();
    return moved;
  }

  #dropFirst(): void {
    this.#sent = 0;
    this.#first++;
    if (this.#first === this.#overflow.length) this.#first = this.#overflow.length = 0;
    else if (this.#first >= 1_024 && this.#first * 2 >= this.#overflow.length) {
      this.#overflow.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** Hands on what has come. Returns whether that was anything. */
  poll(): boolean {
    if (this.#closed || this.#in.isEmpty) return false;
    try {
      return this.#in.read(this.#onMessage);
    } finally {
      if (this.#in.takeWaiter()) this.#signal();
    }
  }

  /** False: something has come, this thread must not sleep. */
  sleep(): boolean {
    return this.#in.sleep();
  }
  wake(): void {
    this.#in.wake();
  }

  /** Nothing comes any more, what is still read among it. */
  close(): void {
    this.#closed = true;
    this.#port.close();
  }

  #signal(): void {
    this.#port.postMessage(0);
  }
}
