/**
 * CBOR (RFC 8949) as a cursor: validates, classifies and reads one value at a time. Hot: cborSkip sees every byte of every CBOR frame.
 * It is not a decoder: nothing is built, tags and simple values mean nothing here, and map keys may be of any kind or repeated.
 *
 * Well-formed is what RFC 8949 section 3 says, plus valid UTF-8 in every text string and in every chunk of one, plus a depth:
 * each array, map and tag takes one level, so that a chain of tags is no deeper than a chain of arrays.
 */

import {
  F_VALUE,
  HEADER,
  U_COUNT,
  U_SCRATCH,
  U_SPAN,
  U_SPAN_LEN,
  U_WRITE_STATUS,
  V_DEPTH,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_MALFORMED,
  V_OPTION_TYPE,
  V_TOO_LONG,
  V_UTF8,
  W_UNREPRESENTABLE,
  fail,
  getU,
  setF,
  setU,
} from "./abi";
import { copyBytes, validUtf8 } from "./bytes";
import { COUNT_UNKNOWN, K_BOOL, K_EXT, K_FLOAT, K_INVALID, K_NIL, N_F64, N_I64, N_U64 } from "./cursor";
import { SCRATCH, SCRATCH_BYTES } from "./regions";

// The writers live in a file of their own; whoever speaks CBOR takes both halves from here.
export * from "./cbor-write";

// ---- major types: the upper three bits of the initial byte
const UNSIGNED: u32 = 0;
const NEGATIVE: u32 = 1;
const BYTES: u32 = 2;
const TEXT: u32 = 3;
const ARRAY: u32 = 4;
const MAP: u32 = 5;
const TAG: u32 = 6;
const SIMPLE: u32 = 7;

// ---- additional information: the lower five bits. Below 24 it is the argument itself.
const ONE_BYTE: u32 = 24;
const EIGHT_BYTES: u32 = 27;
const INDEFINITE: u32 = 31;

const FALSE: u32 = 0xf4;
const TRUE: u32 = 0xf5;
const BREAK: u32 = 0xff;

/** Ids go up to and including 2^53. */
const ID_MAX: f64 = 9007199254740992.0;

// ---- heads

/** The argument that lies at `at`, behind an initial byte whose additional information is `info` (at most 27). */
function argument(at: u32, info: u32): u64 {
  if (info < ONE_BYTE) return info;
  if (info == ONE_BYTE) return load<u8>(at);
  if (info == 25) return bswap<u16>(load<u16>(at));
  if (info == 26) return bswap<u32>(load<u32>(at));
  return bswap<u64>(load<u64>(at));
}

/**
 * Position behind the head at `p`: its initial byte and its argument, which an indefinite length does not have.
 * 0, without a violation, when the head is cut short or its additional information is one of the reserved 28 to 30.
 */
function behindHead(p: u32, end: u32): u32 {
  if (p >= end) return 0;
  const info: u32 = load<u8>(p) & 31;
  if (info < ONE_BYTE || info == INDEFINITE) return p + 1;
  if (info > EIGHT_BYTES) return 0;
  const width: u32 = 1 << (info - ONE_BYTE);
  return end - p > width ? p + 1 + width : 0;
}

/** A half-precision float, exactly: its eleven significant bits fit in those of an f64. */
function half(bits: u32): f64 {
  const sign: u64 = (<u64>(bits >> 15)) << 63;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent == 0) {
    const magnitude = <f64>fraction * 5.9604644775390625e-8; // 2^-24
    return sign != 0 ? -magnitude : magnitude;
  }
  const wide: u64 = exponent == 31 ? 2047 : exponent + 1008; // the biases are 15 and 1023
  return reinterpret<f64>(sign | (wide << 52) | ((<u64>fraction) << 42));
}

/** The float whose bytes lie at `at`; `info` is 25 for half, 26 for single and 27 for double precision. */
function float(at: u32, info: u32): f64 {
  const bits = argument(at, info);
  if (info == 25) return half(<u32>bits);
  if (info == 26) return <f64>reinterpret<f32>(<u32>bits);
  return reinterpret<f64>(bits);
}

// ---- validation

/**
 * Walks the chunks of a string of indefinite length from `p`, which is behind its head, to behind its break. With `keep` they are
 * put together in SCRATCH and U_SPAN says where; the bump pointer moves only when the whole string was good.
 */
function chunks(p: u32, end: u32, major: u32, keep: bool): u32 {
  const start = getU(U_SCRATCH);
  let out = start;
  while (p < end) {
    const head: u32 = load<u8>(p);
    if (head == BREAK) {
      if (keep) {
        setU(U_SCRATCH, out);
        setU(U_SPAN, start);
        setU(U_SPAN_LEN, out - start);
      }
      return p + 1;
    }
    const at = behindHead(p, end);
    // Neither another kind of string nor another indefinite one may stand here.
    if (at == 0 || head >> 5 != major || (head & 31) == INDEFINITE) return fail(V_MALFORMED, p);
    const length = argument(p + 1, head & 31);
    if (length > <u64>(end - at)) return fail(V_MALFORMED, p);
    const behind = at + <u32>length;
    // A character may not be split between chunks (RFC 8949 section 3.2.3).
    if (major == TEXT && !validUtf8(at, behind)) return fail(V_UTF8, at);
    if (keep) {
      if (<u32>length > SCRATCH + SCRATCH_BYTES - out) return fail(V_TOO_LONG, p);
      copyBytes(out, at, <u32>length);
      out += <u32>length;
    }
    p = behind;
  }
  return fail(V_MALFORMED, p);
}

/** Skips items up to and including the break that ends an array or map of indefinite length. A map holds an even number of them. */
function untilBreak(p: u32, end: u32, map: bool, depth: u32): u32 {
  for (let index: u32 = 0; p < end; ++index) {
    if (load<u8>(p) == BREAK) return map && (index & 1) != 0 ? fail(V_MALFORMED, p) : p + 1;
    p = items(p, end, 1, depth);
    if (p == 0) return 0;
  }
  return fail(V_MALFORMED, p);
}

/** Skips a value of indefinite length whose initial byte `head` lies at `p`. */
function indefinite(p: u32, end: u32, head: u32, depth: u32): u32 {
  const major = head >> 5;
  if (head == 0x5f || head == 0x7f) return chunks(p + 1, end, major, false);
  if (head != 0x9f && head != 0xbf) return fail(V_MALFORMED, p);
  if (depth == 0) return fail(V_DEPTH, p);
  return untilBreak(p + 1, end, major == MAP, depth - 1);
}

/**
 * Skips `count` items and returns the position behind them. `depth` counts the levels that may still be opened, which is also the
 * bound of the recursion. A container says how many items it holds; as each takes at least a byte, `count` is never larger than the frame.
 */
function items(p: u32, end: u32, count: u32, depth: u32): u32 {
  for (; count != 0; --count) {
    if (p >= end) return fail(V_MALFORMED, p);
    const head: u32 = load<u8>(p);
    const info = head & 31;
    const major = head >> 5;
    let at = p + 1;
    let length: u64 = info;
    if (info >= ONE_BYTE) {
      if (info > EIGHT_BYTES) {
        p = indefinite(p, end, head, depth);
        if (p == 0) return 0;
        continue;
      }
      const width: u32 = 1 << (info - ONE_BYTE);
      if (width > end - at) return fail(V_MALFORMED, p);
      length = argument(at, info);
      at += width;
    }
    if (major <= NEGATIVE) {
      p = at;
      continue;
    }
    if (major <= TEXT) {
      if (length > <u64>(end - at)) return fail(V_MALFORMED, p);
      p = at + <u32>length;
      if (major == TEXT && !validUtf8(at, p)) return fail(V_UTF8, at);
      continue;
    }
    if (major == SIMPLE) {
      // Simple values below 32 have only their one-byte form (RFC 8949 section 3.3).
      if (info == ONE_BYTE && length < 32) return fail(V_MALFORMED, p);
      p = at;
      continue;
    }
    if (major == TAG) length = 1;
    else if (length > <u64>((end - at) >> <u32>(major == MAP))) return fail(V_MALFORMED, p);
    if (depth == 0) return fail(V_DEPTH, p);
    p = items(at, end, (<u32>length) << (<u32>(major == MAP)), depth - 1);
    if (p == 0) return 0;
  }
  return p;
}

/** Validates the value at `p` and returns the position behind it. `depth` levels of arrays, maps and tags may nest in it. */
export function cborSkip(p: u32, end: u32, depth: u32): u32 {
  return items(p, end, 1, depth);
}

// ---- readers

/** For the major types below SIMPLE: the kind. */
const KINDS: usize = memory.data<u8>([3, 3, 6, 5, 7, 8, 10]);

/** Kind of the value at `p` by its initial byte alone; whether the rest of it is there is for its reader to say. */
export function cborKind(p: u32, end: u32): u32 {
  if (p >= end) return K_INVALID;
  const head: u32 = load<u8>(p);
  const info = head & 31;
  const major = head >> 5;
  if (info > EIGHT_BYTES && (info != INDEFINITE || major - BYTES > MAP - BYTES)) return K_INVALID;
  if (major != SIMPLE) return load<u8>(KINDS + major);
  if (info < 20) return K_EXT;
  if (info < 22) return K_BOOL;
  if (info < ONE_BYTE) return K_NIL; // null and undefined
  if (info > ONE_BYTE) return K_FLOAT;
  return end - p > 1 && load<u8>(p, 1) >= 32 ? K_EXT : K_INVALID;
}

/** An id or another integral number from 0 to 2^53, as an integer or as a float → F_VALUE. */
export function cborId(p: u32, end: u32): u32 {
  const behind = behindHead(p, end);
  if (behind == 0) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  const info = head & 31;
  const major = head >> 5;
  let value: f64 = 0;
  if (major == UNSIGNED && info != INDEFINITE) {
    const exact = argument(p + 1, info);
    // Compared as an integer: 2^53 + 1 would round down to 2^53.
    if (exact > 1 << 53) return fail(V_ID_RANGE, p);
    value = <f64>exact;
  } else if (major == SIMPLE && info >= 25 && info <= EIGHT_BYTES) {
    value = float(p + 1, info);
    if (!(value >= 0 && value <= ID_MAX && Math.trunc(value) == value)) return fail(V_ID_RANGE, p);
    value += 0.0; // -0 becomes 0
  } else {
    return fail(major == NEGATIVE && info != INDEFINITE ? V_ID_RANGE : V_ELEMENT_TYPE, p);
  }
  setF(F_VALUE, value);
  return behind;
}

/** true or false → U_COUNT. */
export function cborBool(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  if (head != FALSE && head != TRUE) return fail(V_OPTION_TYPE, p);
  setU(U_COUNT, head - FALSE);
  return p + 1;
}

/** Any number, with its exact value: U_COUNT says which of N_…, F_VALUE holds the eight bytes. W_UNREPRESENTABLE below -2^63. */
export function cborNumber(p: u32, end: u32): u32 {
  const behind = behindHead(p, end);
  if (behind == 0) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  const info = head & 31;
  const major = head >> 5;
  if (info == INDEFINITE) return fail(V_ELEMENT_TYPE, p);
  if (major <= NEGATIVE) {
    const value = argument(p + 1, info);
    if (major == NEGATIVE && <i64>value < 0) {
      setU(U_WRITE_STATUS, W_UNREPRESENTABLE);
      return 0;
    }
    // -1 - n is the complement of n.
    store<u64>(HEADER + F_VALUE * 8, major == NEGATIVE ? ~value : value);
    setU(U_COUNT, major == NEGATIVE ? N_I64 : N_U64);
    return behind;
  }
  if (major != SIMPLE || info < 25) return fail(V_ELEMENT_TYPE, p);
  setF(F_VALUE, float(p + 1, info));
  setU(U_COUNT, N_F64);
  return behind;
}

/** A string of either kind → U_SPAN: in the frame, or in SCRATCH when it comes in chunks. */
function span(p: u32, end: u32, major: u32): u32 {
  const at = behindHead(p, end);
  if (at == 0) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  if (head >> 5 != major) return fail(V_ELEMENT_TYPE, p);
  if ((head & 31) == INDEFINITE) return chunks(at, end, major, true);
  const length = argument(p + 1, head & 31);
  if (length > <u64>(end - at)) return fail(V_MALFORMED, p);
  if (major == TEXT && !validUtf8(at, at + <u32>length)) return fail(V_UTF8, at);
  setU(U_SPAN, at);
  setU(U_SPAN_LEN, <u32>length);
  return at + <u32>length;
}

/** A text string → U_SPAN, U_SPAN_LEN: valid UTF-8. */
export function cborString(p: u32, end: u32): u32 {
  return span(p, end, TEXT);
}

/** A byte string → U_SPAN, U_SPAN_LEN. */
export function cborBinary(p: u32, end: u32): u32 {
  return span(p, end, BYTES);
}

/** Head of an array or map → U_COUNT elements or pairs, never more than the bytes left could hold. */
function enter(p: u32, end: u32, major: u32): u32 {
  const at = behindHead(p, end);
  if (at == 0) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  if (head >> 5 != major) return fail(V_ELEMENT_TYPE, p);
  if ((head & 31) == INDEFINITE) {
    setU(U_COUNT, COUNT_UNKNOWN);
    return at;
  }
  const count = argument(p + 1, head & 31);
  if (count > <u64>((end - at) >> <u32>(major == MAP))) return fail(V_MALFORMED, p);
  setU(U_COUNT, <u32>count);
  return at;
}

export function cborEnterArray(p: u32, end: u32): u32 {
  return enter(p, end, ARRAY);
}

export function cborEnterMap(p: u32, end: u32): u32 {
  return enter(p, end, MAP);
}

/** Before each element or pair: U_COUNT is 1 when there is one more, 0 when the container is complete. */
export function cborMore(p: u32, end: u32, index: u32, count: u32, map: bool): u32 {
  if (count != COUNT_UNKNOWN) {
    setU(U_COUNT, <u32>(index < count));
    return p;
  }
  if (p >= end) return fail(V_MALFORMED, p);
  const complete = load<u8>(p) == BREAK;
  setU(U_COUNT, <u32>!complete);
  return complete ? p + 1 : p;
}

/** A tag's number → the eight bytes of F_VALUE, a u64. Returns the position of its content. */
export function cborTag(p: u32, end: u32): u32 {
  const behind = behindHead(p, end);
  if (behind == 0) return fail(V_MALFORMED, p);
  const head: u32 = load<u8>(p);
  if (head >> 5 != TAG || (head & 31) == INDEFINITE) return fail(V_ELEMENT_TYPE, p);
  store<u64>(HEADER + F_VALUE * 8, argument(p + 1, head & 31));
  return behind;
}

/** Nothing stands between key and value. */
export function cborColon(p: u32, end: u32): u32 {
  return p;
}

/** Nothing may stand behind the value. */
export function cborTail(p: u32, end: u32): u32 {
  return p;
}
