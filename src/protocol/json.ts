/**
 * JSON text of messages, with what `JSON` alone cannot do: bigints with all their digits, both ways, and WAMP's binary
 * convention (a string of U+0000 and base64). Cold path; assembly/json.ts is the hot one.
 */
import {
  binaryOf,
  entriesOf,
  fits64Bits,
  integerFrom,
  invalidPayload,
  malformed,
  replaced,
  setOwn,
  valueDepth_max,
  wellFormed,
} from "./values.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws WampError `wamp.error.invalid_payload` for what JSON cannot say. */
export function jsonText(value: unknown, depth = valueDepth_max): string {
  switch (typeof value) {
    case "undefined":
      return "null";
    case "string":
      return JSON.stringify(wellFormed(value));
    case "number":
      return numberText(value);
    case "bigint":
      if (!fits64Bits(value)) throw invalidPayload("an integer needs more than 64 bits");
      return value.toString();
    case "boolean":
      return String(value);
    case "object":
      break;
    default:
      throw invalidPayload(`a ${typeof value} cannot be sent`);
  }
  if (value === null) return "null";
  const bytes = binaryOf(value);
  if (bytes !== null) return JSON.stringify(`\0${base64Of(bytes)}`);
  if (depth === 0) throw invalidPayload("the value is nested too deep");
  const given = replaced(value);
  if (given !== value) return jsonText(given, depth - 1);
  if (Array.isArray(value)) return `[${Array.from(value, (item) => jsonText(item, depth - 1)).join(",")}]`;
  const members = entriesOf(value).map(
    ([key, item]) => `${JSON.stringify(key)}:${jsonText(item, depth - 1)}`,
  );
  return `{${members.join(",")}}`;
}

/** A float beyond 2^53 keeps its fraction, so that no reader takes it for an exact integer. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) throw invalidPayload(`JSON cannot say ${value}`);
  const text = JSON.stringify(value);
  return Math.abs(value) > 2 ** 53 && !text.includes("e") ? `${text}.0` : text;
}

/** Throws on anything but one JSON text in valid UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = utf8.decode(bytes);
  // Only a run of 16 digits can be an integer beyond 2^53; other texts are parsed as they are.
  const marked = /\d{16}/.test(text) ? markIntegers(text) : text;
  return revive(JSON.parse(marked), marked !== text, valueDepth_max);
}

/**
 * A long integer literal becomes a string `\0#digits` so that JSON.parse does not round it, and a string that really
 * begins so gets a second `#`. Base64 has no `#`, so binary strings are never touched. A loop, since a regular expression
 * over a long string overflows the stack of one engine, and that without a word.
 */
function markIntegers(text: string): string {
  let marked = "";
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const start = at;
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at + 1);
      if (!text.startsWith('"\\u0000#', start)) continue;
      marked += `${text.slice(copied, start)}"\\u0000##`;
      copied = start + 8;
    } else if (code === minus || isDigit(code)) {
      at = numberEnd(text, at + 1);
      if (at - start < 16 || !/^-?[1-9]\d{15,19}$/.test(text.slice(start, at))) continue;
      marked += `${text.slice(copied, start)}"\\u0000#${text.slice(start, at)}"`;
      copied = at;
    } else at++;
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

const quote = 0x22;
const minus = 0x2d;
const backslash = 0x5c;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Behind the quote that ends the string. */
function stringEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at++);
    if (code === quote) return at;
    if (code === backslash) at++;
  }
  return at;
}

/** Behind the last character that a number may have. */
function numberEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && (isDigit(text.charCodeAt(at)) || ".eE+-".includes(text.charAt(at)))) at++;
  return at;
}

/** Turns marked integers and binary strings into values, in place. */
function revive(value: unknown, marked: boolean, depth: number): unknown {
  if (typeof value === "string") return value.startsWith("\0") ? reviveString(value, marked) : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) throw malformed("the message is nested too deep");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = revive(value[i], marked, depth - 1);
    return value;
  }
  const object = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(object)) {
    const revived = revive(item, marked, depth - 1);
    if (revived !== item) setOwn(object, key, revived);
  }
  return object;
}

function reviveString(text: string, marked: boolean): unknown {
  if (marked && text.startsWith("\0##")) return `\0#${text.slice(3)}`;
  if (marked && text.startsWith("\0#")) {
    const integer = BigInt(text.slice(2));
    return fits64Bits(integer) ? integerFrom(integer) : Number(integer);
  }
  return bytesOf(text.slice(1)) ?? text;
}

/** 0x8000 characters at a time: a call takes only so many arguments. */
function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

/** Null where the text is not canonical base64: then it was a string after all. */
function bytesOf(base64: string): Uint8Array | null {
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return null;
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
