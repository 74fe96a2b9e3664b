/**
 * Slow writers of the three formats, for tests. With no `pick` they write what Spanwire writes: shortest heads, definite lengths,
 * floats as f64. With a `pick` they choose among all the forms the format allows: the forms a foreign client may send.
 */
import { Unrepresentable, type Value } from "./value-model.ts";

/** Gives an integer from 0 to `below` - 1. */
export type Pick = (below: number) => number;
const first: Pick = () => 0;

/** A small generator of numbers from a seed (mulberry32); the same seed gives the same choices. */
export function picker(seed: number): Pick {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const unhex = (hex: string): number[] => [...Buffer.from(hex, "hex")];
const utf8 = (value: string): number[] => [...new TextEncoder().encode(value)];

function bigEndian(value: bigint, width: number): number[] {
  const bytes: number[] = [];
  for (let i = width - 1; i >= 0; --i) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn));
  return bytes;
}

function float64(value: number): number[] {
  // Engines are free to choose the bits of a NaN.
  if (Number.isNaN(value)) return [0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return [...bytes];
}

function float32(value: number): number[] | undefined {
  if (Number.isNaN(value)) return [0x7f, 0xc0, 0, 0];
  if (!Object.is(Math.fround(value), value)) return undefined;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value);
  return [...bytes];
}

/** The half-precision form of a value that has one. */
export function float16(value: number): number[] | undefined {
  if (Number.isNaN(value)) return [0x7e, 0];
  for (let bits = 0; bits < 0x10000; ++bits)
    if (Object.is(fromHalf(bits), value)) return bigEndian(BigInt(bits), 2);
  return undefined;
}

/** RFC 8949 appendix D in arithmetic. */
export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

// ---- CBOR

function cborHead(major: number, argument: bigint, pick: Pick): number[] {
  const widths = [0, 1, 2, 4, 8].filter((w) => argument < (w === 0 ? 24n : 1n << BigInt(8 * w)));
  const width = widths[pick(widths.length)]!;
  if (width === 0) return [(major << 5) | Number(argument)];
  return [(major << 5) | (24 + Math.log2(width)), ...bigEndian(argument, width)];
}

function cborString(major: number, bytes: number[], pick: Pick): number[] {
  if (pick(4) !== 3) return [...cborHead(major, BigInt(bytes.length), pick), ...bytes];
  const out = [(major << 5) | 31];
  for (let at = 0; at < bytes.length; ) {
    let next = Math.min(bytes.length, at + 1 + pick(6));
    while (major === 3 && next < bytes.length && (bytes[next]! & 0xc0) === 0x80) ++next;
    out.push(...cborHead(major, BigInt(next - at), pick), ...bytes.slice(at, next));
    at = next;
  }
  if (pick(3) === 2) out.push(major << 5);
  return [...out, 0xff];
}

function cborFloat(value: number, pick: Pick): number[] {
  const choice = pick(3);
  const half = choice === 2 ? float16(value) : undefined;
  if (half !== undefined) return [0xf9, ...half];
  const single = choice === 1 ? float32(value) : undefined;
  return single === undefined ? [0xfb, ...float64(value)] : [0xfa, ...single];
}

export function writeCbor(value: Value, pick: Pick = first): number[] {
  switch (value.kind) {
    case "nil":
      return [0xf6];
    case "undefined":
      return [0xf7];
    case "bool":
      return [value.value ? 0xf5 : 0xf4];
    case "int":
      return value.value >= 0n ? cborHead(0, value.value, pick) : cborHead(1, -1n - value.value, pick);
    case "float":
      return cborFloat(value.value, pick);
    case "text":
      return cborString(3, utf8(value.value), pick);
    case "binary":
      return cborString(2, unhex(value.value), pick);
    case "array":
      return cborContainer(
        4,
        value.items.length,
        value.items.flatMap((item) => writeCbor(item, pick)),
        pick,
      );
    case "map": {
      const body = value.pairs.flatMap(([k, v]) => [...writeCbor(k, pick), ...writeCbor(v, pick)]);
      return cborContainer(5, value.pairs.length, body, pick);
    }
    case "tag":
      return [...cborHead(6, value.tag, pick), ...writeCbor(value.content, pick)];
    case "simple":
      return value.value < 20 ? [0xe0 | value.value] : [0xf8, value.value];
    case "ext":
      throw new Unrepresentable("ext in CBOR");
  }
}

function cborContainer(major: number, count: number, body: number[], pick: Pick): number[] {
  if (pick(3) === 2) return [(major << 5) | 31, ...body, 0xff];
  return [...cborHead(major, BigInt(count), pick), ...body];
}

// ---- MessagePack

/** Head with a length: `forms` are [largest length, marker, width of the length], shortest first. */
function msgpackHead(
  length: number,
  forms: readonly (readonly [number, number, number])[],
  pick: Pick,
): number[] {
  const usable = forms.filter(([most]) => length <= most);
  const [, marker, width] = usable[pick(usable.length)]!;
  return width === 0 ? [marker | length] : [marker, ...bigEndian(BigInt(length), width)];
}

const most8 = 0xff;
const most16 = 0xffff;
const most32 = 0xffffffff;

function msgpackInt(value: bigint, pick: Pick): number[] {
  const forms: number[][] = [];
  if (value >= -32n && value < 128n) forms.push([Number(value) & 0xff]);
  for (const [index, width] of [1, 2, 4, 8].entries()) {
    const bits = BigInt(8 * width);
    const unsigned = value >= 0n && value < 1n << bits;
    const signed = value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n);
    if (unsigned) forms.push([0xcc + index, ...bigEndian(value, width)]);
    if (signed) forms.push([0xd0 + index, ...bigEndian(BigInt.asUintN(64, value), width)]);
  }
  const chosen = forms[pick(forms.length)];
  if (chosen === undefined) throw new Unrepresentable("integer beyond 64 bits in MessagePack");
  return chosen;
}

function msgpackExt(type: number, bytes: number[], pick: Pick): number[] {
  const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
  if (fixed >= 0 && pick(2) === 0) return [0xd4 + fixed, type & 0xff, ...bytes];
  const forms = [
    [most8, 0xc7, 1],
    [most16, 0xc8, 2],
    [most32, 0xc9, 4],
  ] as const;
  return [...msgpackHead(bytes.length, forms, pick), type & 0xff, ...bytes];
}

export function writeMsgpack(value: Value, pick: Pick = first): number[] {
  switch (value.kind) {
    case "nil":
      return [0xc0];
    case "bool":
      return [value.value ? 0xc3 : 0xc2];
    case "int":
      return msgpackInt(value.value, pick);
    case "float": {
      const single = pick(2) === 1 ? float32(value.value) : undefined;
      return single === undefined ? [0xcb, ...float64(value.value)] : [0xca, ...single];
    }
    case "text": {
      const bytes = utf8(value.value);
      const forms = [
        [31, 0xa0, 0],
        [most8, 0xd9, 1],
        [most16, 0xda, 2],
        [most32, 0xdb, 4],
      ] as const;
      return [...msgpackHead(bytes.length, forms, pick), ...bytes];
    }
    case "binary": {
      const bytes = unhex(value.value);
      const forms = [
        [most8, 0xc4, 1],
        [most16, 0xc5, 2],
        [most32, 0xc6, 4],
      ] as const;
      return [...msgpackHead(bytes.length, forms, pick), ...bytes];
    }
    case "array": {
      const forms = [
        [15, 0x90, 0],
        [most16, 0xdc, 2],
        [most32, 0xdd, 4],
      ] as const;
      return [
        ...msgpackHead(value.items.length, forms, pick),
        ...value.items.flatMap((item) => writeMsgpack(item, pick)),
      ];
    }
    case "map": {
      const forms = [
        [15, 0x80, 0],
        [most16, 0xde, 2],
        [most32, 0xdf, 4],
      ] as const;
      const body = value.pairs.flatMap(([k, v]) => [...writeMsgpack(k, pick), ...writeMsgpack(v, pick)]);
      return [...msgpackHead(value.pairs.length, forms, pick), ...body];
    }
    case "ext":
      return msgpackExt(value.type, unhex(value.value), pick);
    default:
      throw new Unrepresentable(`${value.kind} in MessagePack`);
  }
}

// ---- JSON

const spaces = ["", " ", "\n", "\t\r "];
const space = (pick: Pick): string => (pick(3) === 2 ? spaces[pick(spaces.length)]! : "");
const unicode = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`;

/** A JSON string. JSON.stringify escapes lone surrogates and controls; a picky writer escapes more than it must. */
function jsonString(value: string, pick: Pick): string {
  if (pick(2) === 0) return JSON.stringify(value);
  let out = "";
  for (let i = 0; i < value.length; ++i) {
    const unit = value.charCodeAt(i);
    const surrogate = (unit & 0xf800) === 0xd800;
    out += surrogate || unit < 32 || pick(4) === 3 ? unicode(unit) : JSON.stringify(value[i]).slice(1, -1);
  }
  return `"${out}"`;
}

/** A float, always with a point or an exponent. */
function jsonFloat(value: number, pick: Pick): string {
  if (!Number.isFinite(value)) throw new Unrepresentable("not finite in JSON");
  // toExponential and String forget the sign of zero.
  if (Object.is(value, -0)) return pick(2) === 0 ? "-0" : "-0.0e0";
  const shortest = String(value);
  if (pick(3) === 2) return value.toExponential().replace("e", pick(2) === 0 ? "e" : "E");
  return /[.e]/.test(shortest) ? shortest : `${shortest}.0`;
}

function jsonText(value: Value, pick: Pick): string {
  const gap = (): string => space(pick);
  switch (value.kind) {
    case "nil":
      return "null";
    case "bool":
    case "int":
      return String(value.value);
    case "float":
      return jsonFloat(value.value, pick);
    case "text":
      return jsonString(value.value, pick);
    case "array":
      return `[${gap()}${value.items.map((item) => jsonText(item, pick) + gap()).join(`,${gap()}`)}]`;
    case "map": {
      const pairs = value.pairs.map(
        ([k, v]) => `${jsonText(k, pick)}${gap()}:${gap()}${jsonText(v, pick)}${gap()}`,
      );
      return `{${gap()}${pairs.join(`,${gap()}`)}}`;
    }
    default:
      throw new Unrepresentable(`${value.kind} in JSON`);
  }
}

export function writeJson(value: Value, pick: Pick = first): number[] {
  return utf8(jsonText(value, pick));
}
