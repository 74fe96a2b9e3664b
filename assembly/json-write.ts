/**
 * Writes JSON (RFC 8259) without white space. Every writer returns the position behind what it wrote, or 0 with the reason in
 * U_WRITE_STATUS; nothing is ever written at or behind `oEnd`, and after a 0 nothing at or behind `o` may be relied on.
 */

import { U_WRITE_STATUS, W_TOO_LARGE, W_UNREPRESENTABLE, setU } from "./abi";
import { base64Encode, base64Length } from "./base64";
import { specials } from "./json-string";
import { F64_BYTES, digitCount, putDigits, putF64 } from "./number";

const QUOTE: u32 = 0x22;
const MINUS: u32 = 0x2d;
const BACKSLASH: u32 = 0x5c;

// Words as they lie in memory, the first character lowest.
const TRUE: u32 = 0x65757274;
const FALS: u32 = 0x736c6166;
const NULL: u32 = 0x6c6c756e;
/** `\u00`, the head of a control character. */
const CONTROL: u32 = 0x3030755c;
/** `"\u0000` is what binary begins with. */
const BINARY_HEAD: u64 = 0x30303030755c22;
const BINARY_HEAD_BYTES: u32 = 7;

/** A double on its way to a place that may be too short for the longest one. */
const DOUBLE: usize = memory.data(32, 8);

function tooLarge(): u32 {
  setU(U_WRITE_STATUS, W_TOO_LARGE);
  return 0;
}

function byte(o: u32, oEnd: u32, value: u32): u32 {
  if (o >= oEnd) return tooLarge();
  store<u8>(o, value);
  return o + 1;
}

function word(o: u32, oEnd: u32, value: u32): u32 {
  if (o >= oEnd || oEnd - o < 4) return tooLarge();
  store<u32>(o, value);
  return o + 4;
}

// ---- containers

export function jsonPutArray(o: u32, oEnd: u32, count: u32): u32 {
  return byte(o, oEnd, 0x5b);
}

export function jsonPutMap(o: u32, oEnd: u32, count: u32): u32 {
  return byte(o, oEnd, 0x7b);
}

export function jsonPutEnd(o: u32, oEnd: u32, map: bool): u32 {
  return byte(o, oEnd, map ? 0x7d : 0x5d);
}

export function jsonPutSep(o: u32, oEnd: u32, index: u32): u32 {
  return index != 0 ? byte(o, oEnd, 0x2c) : o;
}

export function jsonPutColon(o: u32, oEnd: u32): u32 {
  return byte(o, oEnd, 0x3a);
}

// ---- scalars

export function jsonPutNil(o: u32, oEnd: u32): u32 {
  return word(o, oEnd, NULL);
}

export function jsonPutBool(o: u32, oEnd: u32, value: bool): u32 {
  if (value) return word(o, oEnd, TRUE);
  o = word(o, oEnd, FALS);
  return o != 0 ? byte(o, oEnd, 0x65) : 0;
}

export function jsonPutU64(o: u32, oEnd: u32, value: u64): u32 {
  const count = digitCount(value);
  if (o >= oEnd || oEnd - o < count) return tooLarge();
  return putDigits(o, value, count);
}

/** An integral value from 0 to 2^53. */
export function jsonPutId(o: u32, oEnd: u32, value: f64): u32 {
  return jsonPutU64(o, oEnd, <u64>value);
}

/** A negative value. */
export function jsonPutI64(o: u32, oEnd: u32, value: i64): u32 {
  o = byte(o, oEnd, MINUS);
  return o != 0 ? jsonPutU64(o, oEnd, 0 - <u64>value) : 0;
}

export function jsonPutF64(o: u32, oEnd: u32, value: f64): u32 {
  if (!isFinite(value)) {
    setU(U_WRITE_STATUS, W_UNREPRESENTABLE);
    return 0;
  }
  if (o < oEnd && oEnd - o >= F64_BYTES) return putF64(o, value);
  const size = putF64(<u32>DOUBLE, value) - <u32>DOUBLE;
  if (o >= oEnd || oEnd - o < size) return tooLarge();
  memory.copy(o, DOUBLE, size);
  return o + size;
}

// ---- strings

/** The letter behind the backslash for a control character, or 0 when there is none. */
function shortLetter(c: u32): u32 {
  switch (c) {
    case 0x08:
      return 0x62;
    case 0x09:
      return 0x74;
    case 0x0a:
      return 0x6e;
    case 0x0c:
      return 0x66;
    case 0x0d:
      return 0x72;
    default:
      return 0;
  }
}

/** Writes a quote, a backslash or a control character as an escape. */
function putEscape(o: u32, oEnd: u32, c: u32): u32 {
  const letter = c >= 0x20 ? c : shortLetter(c);
  if (letter != 0) {
    if (o >= oEnd || oEnd - o < 2) return tooLarge();
    store<u8>(o, BACKSLASH);
    store<u8>(o, letter, 1);
    return o + 2;
  }
  if (o >= oEnd || oEnd - o < 6) return tooLarge();
  store<u32>(o, CONTROL);
  store<u8>(o, 0x30 + (c >> 4), 4);
  store<u8>(o, (c & 15) + ((c & 15) < 10 ? 0x30 : 0x57), 5);
  return o + 6;
}

/** `len` bytes of valid UTF-8. Only what must be escaped is: `"`, `\` and control characters. */
export function jsonPutString(o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  if (o >= oEnd || oEnd - o < 2 || oEnd - o - 2 < len) return tooLarge();
  store<u8>(o++, QUOTE);
  const to = ptr + len;
  while (ptr < to) {
    // Copied first, looked at afterwards; the next bytes overwrite what was too much.
    for (let words = min(to - ptr, oEnd - o) >> 3; words != 0; words--) {
      const text = load<u64>(ptr);
      store<u64>(o, text);
      const found = specials(text);
      if (found != 0) {
        const plain = <u32>(ctz<u64>(found) >> 3);
        ptr += plain;
        o += plain;
        break;
      }
      ptr += 8;
      o += 8;
    }
    if (ptr == to) break;
    const c: u32 = load<u8>(ptr++);
    if (c >= 0x20 && c != QUOTE && c != BACKSLASH) {
      if (o >= oEnd) return tooLarge();
      store<u8>(o++, c);
      continue;
    }
    o = putEscape(o, oEnd, c);
    if (o == 0) return 0;
  }
  return byte(o, oEnd, QUOTE);
}

/** Binary by WAMP's convention for JSON: a string of U+0000 and base64. */
export function jsonPutBinary(o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  if (o >= oEnd || <u64>(oEnd - o) < base64Length(len) + BINARY_HEAD_BYTES + 1) return tooLarge();
  store<u64>(o, BINARY_HEAD);
  o = base64Encode(o + BINARY_HEAD_BYTES, ptr, len);
  store<u8>(o, QUOTE);
  return o + 1;
}
