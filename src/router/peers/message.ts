/**
 * The bytes of messages between routers: fields in a fixed order, little-endian, read in the order in which they were written. Both
 * ends are of one build, so there are no names and no versions in it.
 */
import { assert } from "../../base/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Three bytes of UTF-8 at most for one unit of UTF-16. */
const bytesPerUnit = 3;

/** Writes the head of one message after another into memory that is used again. */
export class MessageWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
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
  /** What was written since `begin`; valid until the next. */
  head(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads messages, one after another. */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;
  kind = 0;

  /** Begins a message; `bytes` must stay as they are until the last of it is read. */
  begin(bytes: Uint8Array): this {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    return this.#view.getUint32(this.#at - 4, true);
  }
  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
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
}
