/**
 * What one session sent beyond its share of a loop turn: copies, in order, bounded in bytes. It exists only while it holds
 * something. A long inbox is worked off in larger pieces, so that a client that only sends fast is slowed and not ended.
 *
 * Frames lie one behind the other in large chunks, each behind its length: so a flood of tiny frames costs what it weighs, where
 * an object for each would cost twenty times as much.
 */
import type { Limits } from "../base/limits.ts";

const chunkBytes = 64 << 10;
const lengthBytes = 4;

class Chunk {
  readonly bytes: Uint8Array;
  readAt = 0;
  writeAt = 0;
  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
  }
  append(frame: Uint8Array): void {
    const { bytes, writeAt } = this;
    for (let i = 0; i < lengthBytes; i++) bytes[writeAt + i] = frame.length >>> (8 * i);
    bytes.set(frame, writeAt + lengthBytes);
    this.writeAt = writeAt + lengthBytes + frame.length;
  }
  get nextLength(): number {
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length |= this.bytes[this.readAt + i]! << (8 * i);
    return length;
  }
  take(): Uint8Array {
    const from = this.readAt + lengthBytes;
    this.readAt = from + this.nextLength;
    return this.bytes.subarray(from, this.readAt);
  }
}

export class Inbox {
  readonly #chunks: Chunk[] = [];
  /** Frames waiting, and what they take of `inboxBytes_max`. */
  length = 0;
  bytes = 0;

  /** False: it is full. */
  push(frame: Uint8Array, limits: Limits): boolean {
    const size = lengthBytes + frame.length;
    // One frame of the largest size always fits.
    if (this.length > 0 && this.bytes + size > limits.inboxBytes_max) return false;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.writeAt + size > chunk.bytes.length) {
      chunk = new Chunk(Math.max(chunkBytes, size));
      this.#chunks.push(chunk);
    }
    chunk.append(frame);
    this.length++;
    this.bytes += size;
    return true;
  }

  /** Bytes of the oldest frame; 0 where there is none. */
  get nextLength(): number {
    const [chunk, next] = this.#chunks;
    if (this.length === 0 || chunk === undefined) return 0;
    return (chunk.readAt === chunk.writeAt ? next! : chunk).nextLength;
  }

  /** The oldest frame; its bytes are not written over. */
  shift(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    let chunk = this.#chunks[0]!;
    if (chunk.readAt === chunk.writeAt) {
      this.#chunks.shift();
      chunk = this.#chunks[0]!;
    }
    const frame = chunk.take();
    this.length--;
    this.bytes -= lengthBytes + frame.length;
    return frame;
  }

  /** Frames to handle in one turn: the usual share, or half of what waits. */
  share(limits: Limits): number {
    return Math.max(limits.framesPerTurn_max, this.length >>> 1);
  }
}
