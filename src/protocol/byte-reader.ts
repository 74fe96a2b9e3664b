/**
 * Reads a binary message from front to back; every read beyond the end throws WampError `wamp.error.protocol_violation`.
 * The npm decoders are not used here: they revive tags as classes, repair invalid UTF-8, refuse the key `__proto__`, and
 * allocate what a length field asks for. Encoding needs none of that care, so npm's encoders do it (encoding.ts).
 */
import { malformed, setOwn, valueDepth_max } from "./values.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads one value of any kind. */
type Read = (reader: ByteReader) => unknown;

export class ByteReader {
  readonly #bytes: Uint8Array;
  #view: DataView | null = null;
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Moves on by `length` and returns where it was. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw malformed("the message ends too early");
    this.#at = at + length;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }
  u16(): number {
    return this.#number.getUint16(this.#take(2));
  }
  u32(): number {
    return this.#number.getUint32(this.#take(4));
  }
  u64(): bigint {
    return this.#number.getBigUint64(this.#take(8));
  }
  i8(): number {
    return this.#number.getInt8(this.#take(1));
  }
  i16(): number {
    return this.#number.getInt16(this.#take(2));
  }
  i32(): number {
    return this.#number.getInt32(this.#take(4));
  }
  i64(): bigint {
    return this.#number.getBigInt64(this.#take(8));
  }
  f32(): number {
    return this.#number.getFloat32(this.#take(4));
  }
  f64(): number {
    return this.#number.getFloat64(this.#take(8));
  }

  /** For numbers of several bytes, which many messages have none of. */
  get #number(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view;
  }

  /** A copy: the frame's memory is used again after the dispatch. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  text(length: number): string {
    const at = this.#take(length);
    return utf8.decode(this.#bytes.subarray(at, at + length));
  }

  /** Consumes the next byte if it is this one. */
  skipIf(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** `count` elements. The array grows as they come, so that a lie about the count costs nothing. */
  array(count: number, read: Read): unknown[] {
    this.#enter();
    const array: unknown[] = [];
    for (let i = 0; i < count; i++) array.push(read(this));
    this.#depth--;
    return array;
  }

  /** `count` pairs; the last of several equal keys wins. */
  map(count: number, read: Read): Record<string, unknown> {
    this.#enter();
    const map: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) setOwn(map, keyFrom(read(this)), read(this));
    this.#depth--;
    return map;
  }

  /** Elements up to the byte 0xff. */
  arrayUntilBreak(read: Read): unknown[] {
    this.#enter();
    const array: unknown[] = [];
    while (!this.skipIf(0xff)) array.push(read(this));
    this.#depth--;
    return array;
  }

  mapUntilBreak(read: Read): Record<string, unknown> {
    this.#enter();
    const map: Record<string, unknown> = {};
    while (!this.skipIf(0xff)) setOwn(map, keyFrom(read(this)), read(this));
    this.#depth--;
    return map;
  }

  /** Runs `read` one level deeper, for what nests without being a container. */
  nested(read: Read): unknown {
    this.#enter();
    const value = read(this);
    this.#depth--;
    return value;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed("bytes follow the message");
  }

  #enter(): void {
    if (++this.#depth > valueDepth_max) throw malformed("the message is nested too deep");
  }
}

/** Keys in JavaScript are strings; those of simple types are spelled out, as JavaScript itself would. */
function keyFrom(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "object" && key !== null) throw malformed("a key is neither text nor a simple value");
  return String(key);
}
