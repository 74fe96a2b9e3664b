/**
 * Values as the three formats mean them, for tests: what a payload says, whichever bytes say it. Integers are told from floats, text
 * from binary, and a map is a list of pairs, so that repeated and odd keys are seen. `carried` is the slow twin of transcode.ts:
 * its table of decisions, in the same order.
 */

export type Value =
  | { readonly kind: "nil" | "undefined" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  /** Bytes in hexadecimal, which compares and prints well. */
  | { readonly kind: "binary"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly Value[] }
  | { readonly kind: "map"; readonly pairs: readonly Pair[] }
  | { readonly kind: "tag"; readonly tag: bigint; readonly content: Value }
  | { readonly kind: "simple"; readonly value: number }
  | { readonly kind: "ext"; readonly type: number; readonly value: string };
export type Pair = readonly [Value, Value];

export type Format = "json" | "msgpack" | "cbor";
/** The serializer numbers of assembly/abi.ts. */
export const formatNumber = { json: 1, msgpack: 2, cbor: 3 } as const satisfies Record<Format, number>;
export const formats = ["json", "msgpack", "cbor"] as const satisfies readonly Format[];

/** Thrown where the target format has no way to say a value. */
export class Unrepresentable extends Error {}

export const nil: Value = { kind: "nil" };
export const int = (value: bigint | number): Value => ({ kind: "int", value: BigInt(value) });
export const float = (value: number): Value => ({ kind: "float", value });
export const text = (value: string): Value => ({ kind: "text", value });
export const binary = (bytes: Uint8Array): Value => ({
  kind: "binary",
  value: Buffer.from(bytes).toString("hex"),
});
export const array = (...items: Value[]): Value => ({ kind: "array", items });
export const map = (...pairs: Pair[]): Value => ({ kind: "map", pairs });
export const tag = (number: bigint | number, content: Value): Value => ({
  kind: "tag",
  tag: BigInt(number),
  content,
});

export const u64Max = (1n << 64n) - 1n;
export const i64Min = -(1n << 63n);
const fits64 = (value: bigint): boolean => value >= i64Min && value <= u64Max;

/** Base64 of RFC 4648 section 4 as Node writes it back: padded, no stray bits, nothing else. */
export function fromBase64(encoded: string): Uint8Array | undefined {
  const bytes = Buffer.from(encoded, "base64");
  return bytes.toString("base64") === encoded ? bytes : undefined;
}

const wellFormedText = (value: string): string => value.replace(/\p{Surrogate}/gu, "\ufffd");

/** What `value`, found in a frame of format `from`, becomes in format `to`. */
export function carried(value: Value, from: Format, to: Format): Value {
  if (from === to) return value;
  switch (value.kind) {
    case "nil":
    case "undefined":
      return nil;
    case "bool":
      return value;
    case "int":
      return carriedInt(value.value, from, to);
    case "float":
      return carriedFloat(value.value, from, to);
    case "text":
      return from === "json" ? carriedJsonText(value.value) : value;
    case "binary":
      return to === "json" ? text(`\u0000${Buffer.from(value.value, "hex").toString("base64")}`) : value;
    case "array":
      return array(...value.items.map((item) => carried(item, from, to)));
    case "map":
      return map(...value.pairs.map(([k, v]): Pair => [carriedKey(k, from, to), carried(v, from, to)]));
    case "tag":
      return value.tag === 2n || value.tag === 3n
        ? carriedBignum(value.tag, value.content)
        : carried(value.content, from, to);
    case "ext":
      if (isUndefinedExt(value)) return nil;
      throw new Unrepresentable(value.kind);
    case "simple":
      throw new Unrepresentable(value.kind);
  }
}

/** How some encoders write JavaScript's `undefined` in MessagePack: type 0, one zero byte. */
export const isUndefinedExt = (value: Value): boolean =>
  value.kind === "ext" && value.type === 0 && value.value === "00";

function carriedInt(value: bigint, from: Format, to: Format): Value {
  if (fits64(value)) return int(value);
  if (from === "json") return carriedFloat(Number(value), from, to);
  if (to === "json") return int(value);
  throw new Unrepresentable("integer below -2^63");
}

function carriedFloat(value: number, from: Format, to: Format): Value {
  if (!Number.isFinite(value) && (from === "json" || to === "json")) throw new Unrepresentable("not finite");
  return float(value);
}

function carriedJsonText(value: string): Value {
  const bytes = value.startsWith("\u0000") ? fromBase64(value.slice(1)) : undefined;
  return bytes === undefined ? text(wellFormedText(value)) : binary(bytes);
}

function carriedBignum(number: bigint, content: Value): Value {
  if (content.kind !== "binary") throw new Unrepresentable("bignum of something else");
  const n = BigInt(`0x0${content.value}`);
  const value = number === 2n ? n : -1n - n;
  if (!fits64(value)) throw new Unrepresentable("bignum");
  return int(value);
}

function carriedKey(key: Value, from: Format, to: Format): Value {
  if (from === "json") return key.kind === "text" ? text(wellFormedText(key.value)) : key;
  if (to !== "json") return carried(key, from, to);
  if (key.kind === "text") return key;
  if (key.kind === "int") return text(String(key.value));
  if (key.kind !== "tag") throw new Unrepresentable("key");
  if (key.tag !== 2n && key.tag !== 3n) return carriedKey(key.content, from, to);
  const integer = carriedBignum(key.tag, key.content);
  return carriedKey(integer, from, to);
}

/** The value as plain JavaScript, the way the npm decoders deliver it: integers within ±2^53 as numbers, maps as objects. */
export function plain(value: Value): unknown {
  switch (value.kind) {
    case "nil":
      return null;
    case "bool":
    case "float":
    case "text":
      return value.value;
    case "int":
      return sameNumber(value.value);
    case "binary":
      return new Uint8Array(Buffer.from(value.value, "hex"));
    case "array":
      return value.items.map(plain);
    case "map":
      return Object.fromEntries(value.pairs.map(([k, v]) => [k.kind === "text" ? k.value : "?", plain(v)]));
    default:
      throw new Unrepresentable(`${value.kind} as plain JavaScript`);
  }
}

const sameNumber = (value: bigint): number | bigint =>
  value >= -(1n << 53n) && value <= 1n << 53n ? Number(value) : value;

/** What the npm decoders deliver, with their differences in type removed: bigint or number, Buffer or Uint8Array, -0 or 0 kept. */
export function settled(value: unknown): unknown {
  if (typeof value === "bigint") return sameNumber(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(settled);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, settled(v)]));
}
