/** What the encoders and decoders of whole messages agree on about values. Cold path. */
import { errors, WampError } from "./errors.ts";

/** Containers inside one another; deeper input ends the encoding or decoding before the stack does. */
export const valueDepth_max = 128;

const int64_min = -(2n ** 63n);
const uint64_max = 2n ** 64n - 1n;
const exact_max = 2n ** 53n;
const loneSurrogates = /[\ud800-\udfff]/gu;

export const invalidPayload = (message: string): WampError =>
  new WampError(errors.invalidPayload.uri, message);
export const malformed = (message: string): WampError => new WampError(errors.protocolViolation.uri, message);

/** A decoded integer: a number where that is exact, otherwise a bigint. */
export const integerFrom = (value: bigint): number | bigint =>
  value <= exact_max && value >= -exact_max ? Number(value) : value;

export const fits64Bits = (value: bigint): boolean => value >= int64_min && value <= uint64_max;

/** UTF-8 cannot say half of a surrogate pair. */
export const wellFormed = (text: string): string => text.replace(loneSurrogates, "\ufffd");

/** Sets an own property, even where the key is `__proto__` and an assignment would set the prototype. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** A view of the bytes where `value` is binary data of any class, otherwise null. */
export function binaryOf(value: object): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : null;
}

/** The entries of an object that are sent: own, enumerable, in order, without undefined ones. */
export function entriesOf(value: object): [string, unknown][] {
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  const sent: [string, unknown][] = [];
  for (const [key, item] of entries) {
    if (typeof key !== "string") throw invalidPayload("a key is not a string");
    if (item !== undefined) sent.push([wellFormed(key), item]);
  }
  return sent;
}

/** The value that stands in for an object with its own idea of how it is sent (a Date, for one). */
export function replaced(value: object): unknown {
  const toJSON: unknown = (value as { toJSON?: unknown }).toJSON;
  return typeof toJSON === "function" ? toJSON.call(value, "") : value;
}

/**
 * A copy that the binary encoders write as meant: `toMap` makes the container for an object's entries, and integers that
 * need 64 bits are bigints, since one of the encoders writes such numbers as floats and the other all bigints as 64 bits.
 */
export function plain(
  value: unknown,
  toMap: (entries: readonly (readonly [string, unknown])[]) => unknown,
  depth = valueDepth_max,
): unknown {
  switch (typeof value) {
    case "undefined":
      return null;
    case "string":
      return wellFormed(value);
    case "number":
      return isInteger33(value) ? BigInt(value) : value;
    case "bigint":
      return plainBigint(value);
    case "boolean":
      return value;
    case "object":
      break;
    default:
      throw invalidPayload(`a ${typeof value} cannot be sent`);
  }
  if (value === null) return null;
  const bytes = binaryOf(value);
  if (bytes !== null) return bytes;
  if (depth === 0) throw invalidPayload("the value is nested too deep");
  const given = replaced(value);
  if (given !== value) return plain(given, toMap, depth - 1);
  if (Array.isArray(value)) return Array.from(value, (item) => plain(item, toMap, depth - 1));
  return toMap(entriesOf(value).map(([key, item]) => [key, plain(item, toMap, depth - 1)]));
}

/** An integer that is exact and takes more than 32 bits. */
const isInteger33 = (value: number): boolean =>
  (value > 0xffff_ffff || value < -0x8000_0000) && Number.isInteger(value) && Math.abs(value) <= 2 ** 53;

function plainBigint(value: bigint): number | bigint {
  if (!fits64Bits(value)) throw invalidPayload("an integer needs more than 64 bits");
  return value <= 0xffff_ffffn && value >= -0x8000_0000n ? Number(value) : value;
}
