/** The slow twin of assembly/msgpack.ts: reads one value, straight from the tables of the MessagePack specification. */
import { float, int, nil, type Pair, type Value } from "./value-model.ts";
import { Malformed } from "./value-read.ts";

const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Markers with a number behind them: its bytes, and how they read. */
const numbers = new Map<number, readonly [size: number, read: (view: DataView) => Value]>([
  [0xca, [4, (view) => float(view.getFloat32(0))]],
  [0xcb, [8, (view) => float(view.getFloat64(0))]],
  [0xcc, [1, (view) => int(view.getUint8(0))]],
  [0xcd, [2, (view) => int(view.getUint16(0))]],
  [0xce, [4, (view) => int(view.getUint32(0))]],
  [0xcf, [8, (view) => int(view.getBigUint64(0))]],
  [0xd0, [1, (view) => int(view.getInt8(0))]],
  [0xd1, [2, (view) => int(view.getInt16(0))]],
  [0xd2, [4, (view) => int(view.getInt32(0))]],
  [0xd3, [8, (view) => int(view.getBigInt64(0))]],
]);

/** Markers with a length behind them: how many bytes it has, and what it counts. */
type Counted = "binary" | "ext" | "text" | "array" | "map";
const counted = new Map<number, readonly [lengthBytes: number, what: Counted]>([
  [0xc4, [1, "binary"]],
  [0xc5, [2, "binary"]],
  [0xc6, [4, "binary"]],
  [0xc7, [1, "ext"]],
  [0xc8, [2, "ext"]],
  [0xc9, [4, "ext"]],
  [0xd9, [1, "text"]],
  [0xda, [2, "text"]],
  [0xdb, [4, "text"]],
  [0xdc, [2, "array"]],
  [0xdd, [4, "array"]],
  [0xde, [2, "map"]],
  [0xdf, [4, "map"]],
]);

/** One value from the front of `bytes`, and how many bytes it took; throws Malformed. `depth` containers may nest. */
export function readMsgpack(bytes: Uint8Array, depth: number): { value: Value; length: number } {
  const reader = new MsgpackReader(bytes);
  const value = reader.value(depth);
  return { value, length: reader.at };
}

class MsgpackReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  value(depth: number): Value {
    const marker = this.#take(1).getUint8(0);
    if (marker < 0x80) return int(marker);
    if (marker >= 0xe0) return int(marker - 256);
    if (marker < 0x90) return this.#map(marker & 15, depth);
    if (marker < 0xa0) return this.#array(marker & 15, depth);
    if (marker < 0xc0) return this.#text(marker & 31);
    if (marker === 0xc0) return nil;
    if (marker === 0xc2 || marker === 0xc3) return { kind: "bool", value: marker === 0xc3 };
    if (marker >= 0xd4 && marker <= 0xd8) return this.#ext(1 << (marker - 0xd4));
    const number = numbers.get(marker);
    if (number !== undefined) return number[1](this.#take(number[0]));
    const entry = counted.get(marker);
    if (entry === undefined) throw new Malformed("reserved marker");
    return this.#counted(entry[1], this.#length(entry[0]), depth);
  }

  #counted(what: Counted, length: number, depth: number): Value {
    if (what === "binary") return { kind: "binary", value: this.#hex(length) };
    if (what === "ext") return this.#ext(length);
    if (what === "text") return this.#text(length);
    return what === "array" ? this.#array(length, depth) : this.#map(length, depth);
  }

  #take(count: number): DataView {
    if (count > this.#bytes.length - this.at) throw new Malformed("cut short");
    this.at += count;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.at - count, count);
  }

  #length(size: number): number {
    const view = this.#take(size);
    return size === 1 ? view.getUint8(0) : size === 2 ? view.getUint16(0) : view.getUint32(0);
  }

  #hex(length: number): string {
    const view = this.#take(length);
    return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, length).toString("hex");
  }

  #text(length: number): Value {
    const view = this.#take(length);
    try {
      return { kind: "text", value: strictText.decode(view) };
    } catch (cause) {
      throw new Malformed("text is not UTF-8", { cause });
    }
  }

  #ext(length: number): Value {
    const type = this.#take(1).getInt8(0);
    return { kind: "ext", type, value: this.#hex(length) };
  }

  #items(count: number, depth: number): Value[] {
    if (depth === 0) throw new Malformed("too deep");
    const items: Value[] = [];
    for (let i = 0; i < count; ++i) items.push(this.value(depth - 1));
    return items;
  }

  #array(count: number, depth: number): Value {
    return { kind: "array", items: this.#items(count, depth) };
  }

  #map(count: number, depth: number): Value {
    const items = this.#items(2 * count, depth);
    const pairs = Array.from({ length: count }, (_, i): Pair => [items[2 * i]!, items[2 * i + 1]!]);
    return { kind: "map", pairs };
  }
}
