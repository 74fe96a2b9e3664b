/**
 * A stream of messages from one thread to one other, in shared memory (L. Lamport, "Proving the Correctness of Multiprocess
 * Programs", 1977). One side writes and one reads; neither ever waits. Hot.
 *
 * In front stand the words of control, each in a cache line of its own; behind them, in a circle, the messages: eight bytes that begin
 * with the length, the bytes, and as many more as make it a multiple of eight. Head and tail count bytes since the start, modulo 2^32. A
 * message may be larger than the circle: it is written as there is room, and read as it comes.
 *
 * Engines copy to and from shared memory byte by byte where both sides do not lie alike in their words of eight bytes: so messages begin
 * at multiples of eight here, in the reader's memory, and in that of writers who care.
 */
import { assert } from "../base/assert.ts";

const wordsPerLine = 16;
const controlBytes = 256;
/** Words of control. `asleep` is the reader's: wake me when there is something. `full` is the writer's: wake me when there is room. */
const head = 0;
const tail = wordsPerLine;
const asleep = 2 * wordsPerLine;
const full = 3 * wordsPerLine;

const headerBytes = 8;
const padded = (bytes: number): number => (bytes + 7) & ~7;

/** Bytes that a message takes in a ring. */
export const ringBytesOf = (bytes: number): number => headerBytes + padded(bytes);

/** Shared memory for a ring of that many bytes, a power of two. */
export function newRing(bytes: number): SharedArrayBuffer {
  assert(bytes >= 1_024 && bytes <= 1 << 30 && (bytes & (bytes - 1)) === 0, "a ring is a power of two");
  return new SharedArrayBuffer(controlBytes + bytes);
}

/** What both sides see of it. */
class Ring {
  protected readonly control: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly words: Int32Array;
  protected readonly mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, controlBytes / 4);
    this.bytes = new Uint8Array(memory, controlBytes);
    this.words = new Int32Array(memory, controlBytes);
    this.mask = this.bytes.length - 1;
  }

  /** Bytes written and not yet read. */
  get usedBytes(): number {
    return (Atomics.load(this.control, head) - Atomics.load(this.control, tail)) >>> 0;
  }
}

export class RingWriter extends Ring {
  /** Nobody else changes the head, and the tail only grows: what is remembered of it is never too much room. */
  #head = 0;
  #tail = 0;

  /** Writes a whole message, if there is room for it. */
  write(front: Uint8Array, body: Uint8Array | null): boolean {
    const bytes = front.length + (body === null ? 0 : body.length);
    const needed = ringBytesOf(bytes);
    if (this.#room(needed) < needed) return false;
    this.words[(this.#head & this.mask) >> 2] = bytes;
    this.#put(front, this.#head + headerBytes);
    if (body !== null) this.#put(body, this.#head + headerBytes + front.length);
    this.#publish(needed);
    return true;
  }

  /**
   * Writes what there is room for of the bytes behind `from` of a message as `packMessage` makes it. Returns how many that are: a
   * multiple of eight.
   */
  writePart(packed: Uint8Array, from: number): number {
    const wanted = packed.length - from;
    const count = Math.min(this.#room(wanted), wanted) & ~7;
    if (count === 0) return 0;
    this.#put(packed.subarray(from, from + count), this.#head);
    this.#publish(count);
    return count;
  }

  /** Whether the reader sleeps and is to be woken; the second that asks is told no. */
  takeSleeper(): boolean {
    return Atomics.load(this.control, asleep) !== 0 && Atomics.exchange(this.control, asleep, 0) !== 0;
  }

  /** Wants to be told of room. False: there is some already. */
  awaitRoom(): boolean {
    Atomics.store(this.control, full, 1);
    // Room that the reader made before it could see the flag would never be told of.
    if (this.usedBytes > this.mask >> 1) return true;
    Atomics.store(this.control, full, 0);
    return false;
  }

  /** Room there is; the reader's progress is looked at only when what is known of it does not suffice. */
  #room(wanted: number): number {
    const size = this.mask + 1;
    let room = size - ((this.#head - this.#tail) >>> 0);
    if (room < wanted) {
      this.#tail = Atomics.load(this.control, tail);
      room = size - ((this.#head - this.#tail) >>> 0);
    }
    return room;
  }

  #put(source: Uint8Array, position: number): void {
    const at = position & this.mask;
    const behind = this.mask + 1 - at;
    if (source.length <= behind) this.bytes.set(source, at);
    else {
      this.bytes.set(source.subarray(0, behind), at);
      this.bytes.set(source.subarray(behind), 0);
    }
  }

  #publish(count: number): void {
    this.#head = (this.#head + count) | 0;
    Atomics.store(this.control, head, this.#head);
  }
}

/** One message as it stands in a ring. */
export function packMessage(front: Uint8Array, body: Uint8Array | null): Uint8Array {
  const bytes = front.length + (body === null ? 0 : body.length);
  const packed = new Uint8Array(ringBytesOf(bytes));
  new Int32Array(packed.buffer, 0, 1)[0] = bytes;
  packed.set(front, headerBytes);
  if (body !== null) packed.set(body, headerBytes + front.length);
  return packed;
}

/** Messages up to this size are read into the same memory, one after the other. */
const scratchBytes = 64 << 10;
/** Up to this size the view of it is kept, one for each length, and a loop over words copies faster than the engine's own way. */
const shortBytes = 512;

export class RingReader extends Ring {
  #tail = 0;
  /** Where the tail stands for the writer. */
  #published = 0;
  readonly #scratch = new Uint8Array(scratchBytes);
  readonly #scratchWords = new Int32Array(this.#scratch.buffer);
  readonly #shortViews: (Uint8Array | undefined)[] = Array.from({ length: shortBytes + 1 });
  /** The message of which only the beginning was there, and how many of its bytes have come. */
  #partial: Uint8Array | null = null;
  #partialBytes = 0;

  /**
   * Hands on every message that is there now, each valid until the call returns. Returns whether anything was there. What throws has
   * taken its message.
   */
  read(onMessage: (message: Uint8Array) => void): boolean {
    const end = Atomics.load(this.control, head);
    if (end === this.#tail) return false;
    try {
      while (this.#tail !== end) {
        if (this.#partial !== null) this.#continue(end, onMessage);
        else this.#begin(end, onMessage);
      }
    } finally {
      this.#publish();
    }
    return true;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.control, head) === this.#tail;
  }

  /** Says that the reader sleeps. False: something has come, it must not. */
  sleep(): boolean {
    Atomics.store(this.control, asleep, 1);
    // What was written before the writer could see the flag is never told of.
    if (this.isEmpty) return true;
    this.wake();
    return false;
  }
  wake(): void {
    Atomics.store(this.control, asleep, 0);
  }

  /** Whether the writer waits for room, and half of the ring is free; the second that asks is told no. */
  takeWaiter(): boolean {
    if (Atomics.load(this.control, full) === 0 || this.usedBytes > this.mask >> 1) return false;
    return Atomics.exchange(this.control, full, 0) !== 0;
  }

  #begin(end: number, onMessage: (message: Uint8Array) => void): void {
    const bytes = this.words[(this.#tail & this.mask) >> 2]!;
    const there = (end - this.#tail) >>> 0;
    const position = this.#tail + headerBytes;
    // What is handed on must not be shared: servers and text decoders refuse such memory.
    if (there < ringBytesOf(bytes)) {
      this.#partial = new Uint8Array(bytes);
      this.#partialBytes = 0;
      return this.#advance(headerBytes);
    }
    let message: Uint8Array;
    if (bytes <= shortBytes) message = this.#readShort(position, bytes);
    else {
      message = bytes <= scratchBytes ? this.#scratch.subarray(0, bytes) : new Uint8Array(bytes);
      this.#copy(position, message);
    }
    this.#advance(ringBytesOf(bytes));
    onMessage(message);
  }

  #readShort(position: number, bytes: number): Uint8Array {
    const { words } = this;
    const scratch = this.#scratchWords;
    const mask = this.mask >> 2;
    const count = (bytes + 3) >> 2;
    for (let to = 0, from = position >> 2; to < count; to++, from++) scratch[to] = words[from & mask]!;
    const view = this.#shortViews[bytes];
    if (view !== undefined) return view;
    const made = this.#scratch.subarray(0, bytes);
    this.#shortViews[bytes] = made;
    return made;
  }

  #continue(end: number, onMessage: (message: Uint8Array) => void): void {
    const message = this.#partial!;
    const left = message.length - this.#partialBytes;
    const there = (end - this.#tail) >>> 0;
    const count = Math.min(left, there);
    this.#copy(this.#tail, message.subarray(this.#partialBytes, this.#partialBytes + count));
    this.#partialBytes += count;
    this.#advance(Math.min(padded(left), there));
    if (count < left) return;
    this.#partial = null;
    onMessage(message);
  }

  #copy(position: number, target: Uint8Array): void {
    const at = position & this.mask;
    const behind = this.mask + 1 - at;
    if (target.length <= behind) target.set(this.bytes.subarray(at, at + target.length));
    else {
      target.set(this.bytes.subarray(at));
      target.set(this.bytes.subarray(0, target.length - behind), behind);
    }
  }

  #advance(count: number): void {
    this.#tail = (this.#tail + count) | 0;
    // An ordered store costs as much as a short message: one for many of them, yet not so late that the writer finds no room.
    if (((this.#tail - this.#published) >>> 0) * 4 > this.mask) this.#publish();
  }

  #publish(): void {
    this.#published = this.#tail;
    Atomics.store(this.control, tail, this.#tail);
  }
}
