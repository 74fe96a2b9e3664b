/**
 * The bytes of messages between routers: fields in a fixed order, little-endian, read in the order in which they were written. Both
 * ends are of one build, so there are no names and no versions in it.
 */
import { assert } from "../../base/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Three bytes of UTF-8 at most for one unit of UTF-16. */
const bytesPerUnit = 3;
/** Where a frame begins in a message, a multiple of this: copies between places that lie alike are the fast ones. */
const frameAlign = 8;
const aligned = (at: number): number => (at + frameAlign - 1) & -frameAlign;
/** Up to this many bytes the view of a message is kept, one for each length, and a loop over words copies faster than `set`. */
const shortBytes = 512;

/** Writes the head of one message after another into memory that is used again. */
export class MessageWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
  #words = new Int32Array(this.#bytes.buffer);
  #shortViews: (Uint8Array | undefined)[] = Array.from({ length: shortBytes + 1 });
  #at = 0;

  /** Begins a message. What was written before is overwritten. */
  begin(kind: number): this {
    this.#bytes[0] = kind;
    this.#at = 1;
    return this;
  }
  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#at++] = value;
    return this;
  }
  u32(value: number): this {
    this.#room(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }
  f64(value: number): this {
    this.#room(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
    return this;
  }
  /** A text of any length. */
  text(value: string): this {
    this.#room(4 + bytesPerUnit * value.length);
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#at + 4));
    this.#view.setUint32(this.#at, written, true);
    this.#at += 4 + written;
    return this;
  }
  bytes(value: Uint8Array): this {
    this.#room(4 + value.length);
    this.#view.setUint32(this.#at, value.length, true);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + value.length;
    return this;
  }
  /**
   * A frame of so many bytes as the last field; `from` is where it begins among the words. False: it is too long to be copied here, and
   * is to follow as the message's body.
   */
  frame(memory: Int32Array, from: number, bytes: number): boolean {
    const at = aligned(this.#at);
    this.#room(frameAlign);
    this.#at = at;
    if (at + bytes > shortBytes) return false;
    const words = this.#words;
    const end = (at + bytes + 3) >> 2;
    for (let to = at >> 2, word = from; to < end; to++, word++) words[to] = memory[word]!;
    this.#at = at + bytes;
    return true;
  }
  /** What was written since `begin`; valid until the next. */
  head(): Uint8Array {
    const at = this.#at;
    if (at > shortBytes) return this.#bytes.subarray(0, at);
    const view = this.#shortViews[at];
    if (view !== undefined) return view;
    const made = this.#bytes.subarray(0, at);
    this.#shortViews[at] = made;
    return made;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(aligned(2 * (this.#at + bytes)));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
    this.#words = new Int32Array(larger.buffer);
    this.#shortViews.fill(undefined);
  }
}

/** Reads messages, one after another. */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array(0);
  /** The memory that the message is in, which mostly is that of the one before. */
  #buffer: ArrayBufferLike = this.#bytes.buffer;
  #view = new DataView(this.#buffer);
  #words = new Int32Array(this.#buffer);
  /** Where the message begins in it. */
  #begin = 0;
  #at = 0;
  kind = 0;

  /** Begins a message; `bytes` must stay as they are until the last of it is read. */
  begin(bytes: Uint8Array): this {
    this.#bytes = bytes;
    const { buffer } = bytes;
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = new DataView(buffer);
      this.#words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    }
    this.#begin = bytes.byteOffset;
    this.kind = bytes[0]!;
    this.#at = 1;
    return this;
  }
  /** A copy of the message, to be read again. */
  copy(): Uint8Array {
    return this.#bytes.slice();
  }
  u8(): number {
    return this.#bytes[this.#at++]!;
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#begin + this.#at - 4, true);
  }
  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#begin + this.#at - 8, true);
  }
  text(): string {
    return decoder.decode(this.bytes());
  }
  /** A view; valid as long as the message. */
  bytes(): Uint8Array {
    const length = this.u32();
    assert(this.#at + length <= this.#bytes.length, "a message between routers holds what it says");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  /** All that follows: what was sent as the message's body. A view. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
  /** The frame that follows as the last field, or as the body behind it. A view. */
  frame(): Uint8Array {
    return this.#bytes.subarray(aligned(this.#at));
  }
  /**
   * Copies that frame to where `to` is among the words. Returns its bytes; 0: it is too long for this way, or does not lie in words, and
   * nothing was copied.
   */
  takeFrame(memory: Int32Array, to: number): number {
    const from = this.#begin + aligned(this.#at);
    const bytes = this.#begin + this.#bytes.length - from;
    const words = this.#words;
    const end = (from + bytes + 3) >> 2;
    if (bytes > shortBytes || (from & 3) !== 0 || end > words.length) return 0;
    for (let word = from >> 2, target = to; word < end; word++, target++) memory[target] = words[word]!;
    return bytes;
  }
}
