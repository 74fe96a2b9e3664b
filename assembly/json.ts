/**
 * JSON (RFC 8259) as a cursor: validates, classifies and reads one value at a time. Hot: jsonSkip sees every byte of every
 * JSON frame. It is not a parser: nothing is built, keys may be repeated, and numbers of any size and precision are
 * well-formed.
 *
 * Every reader passes over white space in front of what it reads. Strings must be valid UTF-8. An escaped surrogate without its
 * partner is allowed, as the grammar allows it; where such a string is decoded, U+FFFD stands in its place.
 */

import {
  F_VALUE,
  HEADER,
  U_COUNT,
  U_SCRATCH,
  U_SPAN,
  U_SPAN_LEN,
  U_WRITE_STATUS,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_MALFORMED,
  V_OPTION_TYPE,
  V_TOO_LONG,
  W_UNREPRESENTABLE,
  fail,
  getU,
  setF,
  setU,
} from "./abi";
import { base64Decode } from "./base64";
import {
  COUNT_UNKNOWN,
  K_ARRAY,
  K_BOOL,
  K_FLOAT,
  K_INT,
  K_INVALID,
  K_MAP,
  K_NIL,
  K_STRING,
  N_F64,
  N_I64,
  N_U64,
} from "./cursor";
import {
  ARRAY,
  BACKSLASH,
  CLOSE,
  COLON,
  COMMA,
  MAP,
  MINUS,
  POINT,
  QUOTE,
  isDigit,
  skipLiteral,
  skipString,
  space,
} from "./json-skip";
import { backslashes, unescape } from "./json-string";
import {
  INTEGER_MAX,
  NUMBER_CUT,
  NUMBER_FLOAT,
  NUMBER_NEGATIVE,
  scanNumber,
  scannedDigits,
  scannedExponent,
  scannedF64,
  scannedFlags,
  scannedLastDigit,
} from "./number";
import { SCRATCH, SCRATCH_BYTES } from "./regions";

// Validation and the writers live in files of their own; whoever speaks JSON takes all from here.
export { jsonSkip } from "./json-skip";
export * from "./json-write";

/** What stands behind the `\u` of U+0000. */
const ZEROS: u32 = 0x30303030;

// ---- classifying

export function jsonKind(p: u32, end: u32): u32 {
  p = space(p, end);
  if (p >= end) return K_INVALID;
  const c: u32 = load<u8>(p);
  if (c == QUOTE) return K_STRING;
  if (c == MAP) return K_MAP;
  if (c == ARRAY) return K_ARRAY;
  if (c == 0x74 || c == 0x66) return K_BOOL;
  if (c == 0x6e) return K_NIL;
  if (c != MINUS && c - 0x30 > 9) return K_INVALID;
  p++;
  while (isDigit(p, end)) p++;
  if (p >= end) return K_INT;
  const next: u32 = load<u8>(p);
  return next == POINT || (next | 0x20) == 0x65 ? K_FLOAT : K_INT;
}

// ---- scalars

/** Scans the number at p; fails V_ELEMENT_TYPE where none begins, V_MALFORMED where it is not well-formed. */
function number(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const c: u32 = load<u8>(p);
  if (c != MINUS && c - 0x30 > 9) return fail(V_ELEMENT_TYPE, p);
  const behind = scanNumber(p, end);
  return behind != 0 ? behind : fail(V_MALFORMED, p);
}

/** Decided on the decimal digits: a fraction too small for a double to show is still a fraction. */
export function jsonId(p: u32, end: u32): u32 {
  p = space(p, end);
  const behind = number(p, end);
  if (behind == 0) return 0;
  const flags = scannedFlags();
  let value = scannedDigits();
  let exponent = scannedExponent();
  if (value != 0) {
    if ((flags & (NUMBER_CUT | NUMBER_NEGATIVE)) != 0) return fail(V_ID_RANGE, p);
    for (; exponent < 0; exponent++) {
      if (value % 10 != 0) return fail(V_ID_RANGE, p);
      value /= 10;
    }
    for (; exponent > 0 && value <= INTEGER_MAX; exponent--) value *= 10;
    if (value > INTEGER_MAX) return fail(V_ID_RANGE, p);
  }
  setF(F_VALUE, <f64>value);
  return behind;
}

export function jsonNumber(p: u32, end: u32): u32 {
  p = space(p, end);
  const behind = number(p, end);
  if (behind == 0) return 0;
  const flags = scannedFlags();
  if ((flags & NUMBER_FLOAT) == 0 && scannedExponent() <= 1) {
    const kind = integer((flags & NUMBER_NEGATIVE) != 0);
    if (kind != 0) {
      setU(U_COUNT, kind);
      return behind;
    }
  }
  const value = scannedF64();
  if (abs(value) == Infinity) {
    setU(U_WRITE_STATUS, W_UNREPRESENTABLE);
    return 0;
  }
  setF(F_VALUE, value);
  setU(U_COUNT, N_F64);
  return behind;
}

/** Stores the whole number last scanned, of at most twenty digits, if a u64 or (negative) an i64 holds it. Gives N_… or 0. */
function integer(negative: bool): u32 {
  let value = scannedDigits();
  if (scannedExponent() == 1) {
    const digit: u64 = scannedLastDigit();
    if (value > (u64.MAX_VALUE - digit) / 10) return 0;
    value = value * 10 + digit;
  }
  if (negative) {
    if (value == 0 || value > 0x8000000000000000) return 0;
    value = 0 - value;
  }
  store<u64>(HEADER + (F_VALUE << 3), value);
  return negative ? N_I64 : N_U64;
}

export function jsonBool(p: u32, end: u32): u32 {
  p = space(p, end);
  const c: u32 = p < end ? load<u8>(p) : 0;
  if (c != 0x74 && c != 0x66) return fail(V_OPTION_TYPE, p);
  setU(U_COUNT, <u32>(c == 0x74));
  return skipLiteral(p, end);
}

// ---- strings

/** The first backslash from p on, or `end`. */
function firstBackslash(p: u32, end: u32): u32 {
  for (; end - p >= 8; p += 8) {
    const found = backslashes(load<u64>(p));
    if (found != 0) return p + <u32>(ctz<u64>(found) >> 3);
  }
  while (p < end && load<u8>(p) != BACKSLASH) p++;
  return p;
}

function setSpan(from: u32, to: u32): void {
  setU(U_SPAN, from);
  setU(U_SPAN_LEN, to - from);
}

export function jsonString(p: u32, end: u32): u32 {
  p = space(p, end);
  if (p >= end) return fail(V_MALFORMED, p);
  if (load<u8>(p) != QUOTE) return fail(V_ELEMENT_TYPE, p);
  const behind = skipString(p, end);
  if (behind == 0) return 0;
  const from = p + 1;
  const to = behind - 1;
  if (firstBackslash(from, to) == to) {
    setSpan(from, to);
    return behind;
  }
  const out = getU(U_SCRATCH);
  // What an escape stands for is shorter than the escape.
  if (to - from > SCRATCH + SCRATCH_BYTES - out) return fail(V_TOO_LONG, p);
  const outEnd = unescape(out, from, to);
  setU(U_SCRATCH, outEnd);
  setSpan(out, outEnd);
  return behind;
}

/** Binary by WAMP's convention for JSON: a string of U+0000 and base64. Does not fail on a string that is something else. */
export function jsonBinary(p: u32, end: u32): u32 {
  p = space(p, end);
  if (p >= end || end - p < 8 || load<u32>(p, 3) != ZEROS) return 0;
  if (load<u8>(p) != QUOTE || load<u16>(p, 1) != 0x755c) return 0;
  const behind = skipString(p, end);
  if (behind == 0) return 0;
  const from = p + 7;
  const to = behind - 1;
  const out = getU(U_SCRATCH);
  if (to - from > SCRATCH + SCRATCH_BYTES - out) return 0;
  // Some encoders escape `/` or `+`.
  const plain = firstBackslash(from, to) == to;
  const text = plain ? from : out;
  const textEnd = plain ? to : unescape(out, from, to);
  const outEnd = base64Decode(out, text, textEnd - text);
  if (outEnd == 0) return 0;
  setU(U_SCRATCH, outEnd);
  setSpan(out, outEnd);
  return behind;
}

// ---- containers

function enter(p: u32, end: u32, bracket: u32): u32 {
  p = space(p, end);
  if (p >= end) return fail(V_MALFORMED, p);
  if (load<u8>(p) != bracket) return fail(V_ELEMENT_TYPE, p);
  setU(U_COUNT, COUNT_UNKNOWN);
  return p + 1;
}

export function jsonEnterArray(p: u32, end: u32): u32 {
  return enter(p, end, ARRAY);
}

export function jsonEnterMap(p: u32, end: u32): u32 {
  return enter(p, end, MAP);
}

export function jsonMore(p: u32, end: u32, index: u32, count: u32, map: bool): u32 {
  p = space(p, end);
  if (p >= end) return fail(V_MALFORMED, p);
  if (load<u8>(p) == (map ? MAP : ARRAY) + CLOSE) {
    setU(U_COUNT, 0);
    return p + 1;
  }
  if (index != 0) {
    if (load<u8>(p) != COMMA) return fail(V_MALFORMED, p);
    p = space(p + 1, end);
    if (p >= end) return fail(V_MALFORMED, p);
    // A comma promises an element.
    if (load<u8>(p) == ARRAY + CLOSE) return fail(V_MALFORMED, p);
  }
  if (map && load<u8>(p) != QUOTE) return fail(V_MALFORMED, p);
  setU(U_COUNT, 1);
  return p;
}

export function jsonColon(p: u32, end: u32): u32 {
  p = space(p, end);
  if (p >= end || load<u8>(p) != COLON) return fail(V_MALFORMED, p);
  return space(p + 1, end);
}

export function jsonTail(p: u32, end: u32): u32 {
  return space(p, end);
}
