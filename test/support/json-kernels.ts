/** The JSON cursor and its parts by themselves, for tests: what codec-kernels.ts does for CBOR. */
import { CodecKernels, countUnknown, frameBytes_max, slot, writeStatus } from "./codec-kernels.ts";

type Reader = (p: number, end: number) => number;
type Writer = (o: number, oEnd: number, ...values: number[]) => number;

interface JsonExports {
  readonly SCRATCH: { readonly value: number };
  readonly SCRATCH_BYTES: { readonly value: number };
  readonly POWERS: { readonly value: number };
  readonly POWER_MIN: { readonly value: number };
  readonly POWER_MAX: { readonly value: number };
  readonly base64Decode: (o: number, ptr: number, length: number) => number;
  readonly base64Encode: (o: number, ptr: number, length: number) => number;
  readonly scanNumber: Reader;
  readonly scannedF64: () => number;
  readonly putF64: (o: number, value: number) => number;
  readonly jsonKind: Reader;
  readonly jsonSkip: (p: number, end: number, depth: number) => number;
  readonly jsonId: Reader;
  readonly jsonBool: Reader;
  readonly jsonNumber: Reader;
  readonly jsonString: Reader;
  readonly jsonBinary: Reader;
  readonly jsonEnterArray: Reader;
  readonly jsonEnterMap: Reader;
  readonly jsonMore: (p: number, end: number, index: number, count: number, map: number) => number;
  readonly jsonColon: Reader;
  readonly jsonTail: Reader;
  readonly jsonPutArray: Writer;
  readonly jsonPutMap: Writer;
  readonly jsonPutEnd: Writer;
  readonly jsonPutSep: Writer;
  readonly jsonPutColon: Writer;
  readonly jsonPutNil: Writer;
  readonly jsonPutBool: Writer;
  readonly jsonPutId: Writer;
  readonly jsonPutF64: Writer;
  readonly jsonPutString: Writer;
  readonly jsonPutBinary: Writer;
  readonly jsonPutU64: (o: number, oEnd: number, value: bigint) => number;
  readonly jsonPutI64: (o: number, oEnd: number, value: bigint) => number;
}

export const kind = { invalid: 0, nil: 1, bool: 2, int: 3, float: 4, string: 5, array: 7, map: 8 } as const;
export const tooLong = 1;
const numberKind = { u64: 1, i64: 2, f64: 3 } as const;
const bumpPointer = slot.count + 4;

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** What the cursor says of a number: where it ends, and its value; a bigint when it is a u64 or an i64. */
export type NumberRead =
  | { readonly behind: number; readonly value: number | bigint }
  | "not a number"
  | "too large";

/** A reader gave 0. */
class Refused extends Error {}

export class JsonKernels extends CodecKernels {
  readonly json: JsonExports = this.exports as unknown as JsonExports;

  /** Starts a visit with the text or bytes as its frame. Returns the frame's end. */
  enter(frame: string | Uint8Array, behind?: number): number {
    return this.visit(typeof frame === "string" ? utf8(frame) : frame, behind);
  }

  /** Starts a visit with the frame in the last bytes of memory, so that a read behind it traps. Returns the frame's start. */
  enterLast(frame: Uint8Array): number {
    this.visit([]);
    const memory = this.bytes();
    memory.set(frame, memory.length - frame.length);
    return memory.length - frame.length;
  }

  /** Address → offset in the frame; a reader's 0 → -1. */
  offset(address: number): number {
    return address === 0 ? -1 : (address >>> 0) - this.frame;
  }

  /** Length of the value that jsonSkip finds at the front of the frame, or -1 when it refuses it. */
  skipJson(frame: string | Uint8Array, depth = 64, behind?: number): number {
    const end = this.enter(frame, behind);
    return this.offset(this.json.jsonSkip(this.frame, end, depth));
  }

  /** True if the whole frame is one value with white space round it. */
  accepts(frame: string | Uint8Array, depth = 64, behind?: number): boolean {
    const end = this.enter(frame, behind);
    const p = this.json.jsonSkip(this.frame, end, depth);
    return p !== 0 && this.json.jsonTail(p, end) >>> 0 === end;
  }

  number(p: number, end: number): NumberRead {
    const behind = this.json.jsonNumber(p, end) >>> 0;
    if (behind === 0)
      return this.u32(slot.writeStatus) === writeStatus.unrepresentable ? "too large" : "not a number";
    const numeric = this.u32(slot.count);
    if (numeric === numberKind.f64) return { behind, value: this.f64(slot.value) };
    const raw = this.u64(slot.value);
    return { behind, value: numeric === numberKind.u64 ? raw : BigInt.asIntN(64, raw) };
  }

  /** An address that a reader gave. Throws Refused where it gave 0. */
  #good(address: number): number {
    if (address === 0) throw new Refused();
    return address >>> 0;
  }

  /** The value at p and the position behind it, read through the cursor alone; as JSON.parse would give it. */
  #walk(p: number, end: number): { value: unknown; behind: number } {
    const json = this.json;
    switch (json.jsonKind(p, end)) {
      case kind.nil:
        return { value: null, behind: this.#good(json.jsonSkip(p, end, 0)) };
      case kind.bool: {
        const behind = this.#good(json.jsonBool(p, end));
        return { value: this.u32(slot.count) === 1, behind };
      }
      case kind.string:
        return this.#walkString(p, end);
      case kind.int:
      case kind.float: {
        const read = this.number(p, end);
        if (typeof read === "object") return { value: Number(read.value), behind: read.behind };
        if (read !== "too large") throw new Refused();
        // JSON.parse makes it an infinity.
        const behind = this.#good(json.jsonSkip(p, end, 0));
        return { value: Number(text(this.bytes().slice(p, behind))), behind };
      }
      case kind.array:
        return this.#walkArray(p, end);
      case kind.map:
        return this.#walkMap(p, end);
      default:
        throw new Refused();
    }
  }

  #walkString(p: number, end: number): { value: string; behind: number } {
    const bump = this.u32(bumpPointer);
    const behind = this.#good(this.json.jsonString(p, end));
    const value = text(this.span());
    // The text was copied: SCRATCH is free again.
    new DataView(this.exports.memory.buffer).setUint32(bumpPointer, bump, true);
    return { value: value ?? "", behind };
  }

  #walkArray(p: number, end: number): { value: unknown; behind: number } {
    const items: unknown[] = [];
    let at = this.#good(this.json.jsonEnterArray(p, end));
    for (;;) {
      at = this.#good(this.json.jsonMore(at, end, items.length, countUnknown, 0));
      if (this.u32(slot.count) === 0) return { value: items, behind: at };
      const item = this.#walk(at, end);
      items.push(item.value);
      at = item.behind;
    }
  }

  #walkMap(p: number, end: number): { value: unknown; behind: number } {
    const pairs: [string, unknown][] = [];
    let at = this.#good(this.json.jsonEnterMap(p, end));
    for (;;) {
      at = this.#good(this.json.jsonMore(at, end, pairs.length, countUnknown, 1));
      if (this.u32(slot.count) === 0) return { value: Object.fromEntries(pairs), behind: at };
      const key = this.#walkString(at, end);
      const item = this.#walk(this.#good(this.json.jsonColon(key.behind, end)), end);
      pairs.push([key.value, item.value]);
      at = item.behind;
    }
  }

  /** The whole frame as a value, read step by step and never skipped over; undefined when a step refused it. */
  decode(frame: string | Uint8Array, behind?: number): { readonly value: unknown } | undefined {
    const end = this.enter(frame, behind);
    try {
      const read = this.#walk(this.frame, end);
      return this.json.jsonTail(read.behind, end) >>> 0 === end ? { value: read.value } : undefined;
    } catch (problem) {
      if (problem instanceof Refused) return undefined;
      throw problem;
    }
  }

  /** The decimal text as the nearest double; undefined when it is no number as a whole. */
  parseF64(decimal: string): number | undefined {
    const end = this.enter(decimal);
    return this.json.scanNumber(this.frame, end) >>> 0 === end ? this.json.scannedF64() : undefined;
  }

  formatF64(value: number): string | undefined {
    const behind = this.json.putF64(this.output, value) >>> 0;
    return text(this.bytes().subarray(this.output, behind));
  }

  /** Runs a writer that takes bytes, which lie in the frame region. */
  writeFrom(
    bytes: Uint8Array,
    room: number,
    writer: "jsonPutString" | "jsonPutBinary",
  ): Uint8Array | undefined {
    this.visit(bytes);
    return this.write(room, (o, oEnd) => this.json[writer](o, oEnd, this.frame, bytes.length));
  }
}

export const frameRoom = frameBytes_max;
