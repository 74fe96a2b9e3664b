/**
 * The MessagePack cursor: reads and checks values where they lie. Follows the cursor contract (cursor.ts); the writers are in
 * msgpack-write.ts. Hot: every payload byte passes through `msgpackSkip`.
 */

import {
  F_VALUE,
  HEADER,
  HEADER_U32,
  U_COUNT,
  U_SPAN,
  U_SPAN_LEN,
  V_DEPTH,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_MALFORMED,
  V_OPTION_TYPE,
  V_UTF8,
  fail,
  setF,
  setU,
} from "./abi";
import { validUtf8 } from "./bytes";
import {
  K_ARRAY,
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

export * from "./msgpack-write";

/** 2^53, the largest WAMP id. */
const ID_MAX: f64 = 9007199254740992.0;

/** For the markers 0xc0 … 0xdf: bytes of marker and fixed part together. 0: reserved. */
const SIZES: usize = memory.data<u8>([
  1, 0, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5,
]);

/** For the markers 0xc0 … 0xdf: the kind. */
const KINDS: usize = memory.data<u8>([
  1, 0, 2, 2, 6, 6, 6, 9, 9, 9, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 9, 9, 9, 9, 9, 5, 5, 5, 7, 7, 8, 8,
]);

// @ts-ignore: decorator
@inline function u16At(p: u32): u32 { return bswap<u16>(load<u16>(p)); }
// @ts-ignore: decorator
@inline function u32At(p: u32): u32 { return bswap<u32>(load<u32>(p)); }
// @ts-ignore: decorator
@inline function u64At(p: u32): u64 { return bswap<u64>(load<u64>(p)); }

export function msgpackKind(p: u32, end: u32): u32 {
  if (p >= end) return K_INVALID;
  const marker: u32 = load<u8>(p);
  if (marker < 0x80 || marker >= 0xe0) return K_INT;
  if (marker >= 0xc0) {
    // Encoders in wide use write JavaScript's `undefined` as an extension of type 0 with one zero byte.
    if (marker == 0xd4 && end - p > 2 && load<u16>(p, 1) == 0) return K_NIL;
    return load<u8>(KINDS + marker - 0xc0);
  }
  if (marker >= 0xa0) return K_STRING;
  return marker >= 0x90 ? K_ARRAY : K_MAP;
}

/** Checks one whole value; `depth` containers may still be opened. */
export function msgpackSkip(p: u32, end: u32, depth: u32): u32 {
  return skipElements(p, end, 1, depth);
}

/** Checks `count` values in a row. */
function skipElements(p: u32, end: u32, count: u32, depth: u32): u32 {
  while (count != 0) {
    --count;
    if (p >= end) return fail(V_MALFORMED, p);
    const marker: u32 = load<u8>(p);
    if (marker < 0x80 || marker >= 0xe0) {
      ++p;
    } else if (marker >= 0xc0) {
      p = skipMarked(p, end, marker - 0xc0, depth);
      if (p == 0) return 0;
    } else if (marker >= 0xa0) {
      p = skipText(p + 1, end, marker & 0x1f);
      if (p == 0) return 0;
    } else {
      const elements = marker >= 0x90 ? marker & 0x0f : (marker & 0x0f) << 1;
      if (depth == 0) return fail(V_DEPTH, p);
      p = skipElements(p + 1, end, elements, depth - 1);
      if (p == 0) return 0;
    }
  }
  return p;
}

// @ts-ignore: decorator
@inline function skipText(p: u32, end: u32, length: u32): u32 {
  if (length > end - p) return fail(V_MALFORMED, p);
  return validUtf8(p, p + length) ? p + length : fail(V_UTF8, p);
}

/** Checks a value whose marker is one of 0xc0 … 0xdf; `code` is the marker's distance from 0xc0. */
function skipMarked(p: u32, end: u32, code: u32, depth: u32): u32 {
  const size: u32 = load<u8>(SIZES + code);
  if (size == 0 || size > end - p) return fail(V_MALFORMED, p);
  const behind = p + size;
  switch (code) {
    case 0x04: // bin 8, 16, 32
      return skipRaw(behind, end, load<u8>(p + 1));
    case 0x05:
      return skipRaw(behind, end, u16At(p + 1));
    case 0x06:
      return skipRaw(behind, end, u32At(p + 1));
    case 0x07: // ext 8, 16, 32
      return skipRaw(behind, end, load<u8>(p + 1));
    case 0x08:
      return skipRaw(behind, end, u16At(p + 1));
    case 0x09:
      return skipRaw(behind, end, u32At(p + 1));
    case 0x19: // str 8, 16, 32
      return skipText(behind, end, load<u8>(p + 1));
    case 0x1a:
      return skipText(behind, end, u16At(p + 1));
    case 0x1b:
      return skipText(behind, end, u32At(p + 1));
    case 0x1c: // array 16, 32
      return skipMany(behind, end, u16At(p + 1), depth);
    case 0x1d:
      return skipMany(behind, end, u32At(p + 1), depth);
    case 0x1e: // map 16, 32
      return skipMany(behind, end, u16At(p + 1) << 1, depth);
    case 0x1f: {
      const pairs = u32At(p + 1);
      return pairs > end - behind ? fail(V_MALFORMED, p) : skipMany(behind, end, pairs << 1, depth);
    }
    default:
      return behind;
  }
}

// @ts-ignore: decorator
@inline function skipRaw(p: u32, end: u32, length: u32): u32 {
  return length > end - p ? fail(V_MALFORMED, p) : p + length;
}

function skipMany(p: u32, end: u32, count: u32, depth: u32): u32 {
  if (depth == 0) return fail(V_DEPTH, p);
  // Every element takes at least one byte, so a header that promises more is refused before the work begins.
  if (count > end - p) return fail(V_MALFORMED, p);
  return skipElements(p, end, count, depth - 1);
}

export function msgpackId(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if (marker < 0x80) {
    setF(F_VALUE, <f64>marker);
    return p + 1;
  }
  if (marker == 0xce && end - p >= 5) {
    setF(F_VALUE, <f64>u32At(p + 1));
    return p + 5;
  }
  const kind = msgpackKind(p, end);
  if (kind != K_INT && kind != K_FLOAT) return fail(V_ELEMENT_TYPE, p);
  const behind = msgpackNumber(p, end);
  if (behind == 0) return 0;
  const read = load<u32>(COUNT_AT);
  if (read == N_I64) return fail(V_ID_RANGE, p);
  const value = read == N_U64 ? <f64>load<u64>(VALUE_AT) : load<f64>(VALUE_AT);
  // Rounding to f64 never carries an integer above 2^53 down to it, except 2^53 + 1 itself.
  if (read == N_U64 && load<u64>(VALUE_AT) > <u64>ID_MAX) return fail(V_ID_RANGE, p);
  if (!(value >= 0 && value <= ID_MAX) || trunc(value) != value) return fail(V_ID_RANGE, p);
  setF(F_VALUE, abs(value));
  return behind;
}

const VALUE_AT: u32 = HEADER + (F_VALUE << 3);
const COUNT_AT: u32 = HEADER_U32 + (U_COUNT << 2);

/** Stores a number's eight bytes at F_VALUE and its class (N_U64, N_I64, N_F64) in U_COUNT. */
export function msgpackNumber(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if (marker < 0x80) return unsigned(marker, p + 1);
  if (marker >= 0xe0) return signed(<i64>(<i8>marker), p + 1);
  if (marker < 0xca || marker > 0xd3) return fail(V_ELEMENT_TYPE, p);
  const size: u32 = load<u8>(SIZES + marker - 0xc0);
  if (size > end - p) return fail(V_MALFORMED, p);
  const behind = p + size;
  switch (marker - 0xca) {
    case 0:
      return float(<f64>reinterpret<f32>(u32At(p + 1)), behind);
    case 1:
      return float(reinterpret<f64>(u64At(p + 1)), behind);
    case 2:
      return unsigned(load<u8>(p + 1), behind);
    case 3:
      return unsigned(u16At(p + 1), behind);
    case 4:
      return unsigned(u32At(p + 1), behind);
    case 5:
      return unsigned(u64At(p + 1), behind);
    case 6:
      return signed(load<i8>(p + 1), behind);
    case 7:
      return signed(<i16>u16At(p + 1), behind);
    case 8:
      return signed(<i32>u32At(p + 1), behind);
    default:
      return signed(<i64>u64At(p + 1), behind);
  }
}

function unsigned(value: u64, behind: u32): u32 {
  store<u64>(VALUE_AT, value);
  setU(U_COUNT, N_U64);
  return behind;
}

function signed(value: i64, behind: u32): u32 {
  store<i64>(VALUE_AT, value);
  setU(U_COUNT, value < 0 ? N_I64 : N_U64);
  return behind;
}

function float(value: f64, behind: u32): u32 {
  store<f64>(VALUE_AT, value);
  setU(U_COUNT, N_F64);
  return behind;
}

export function msgpackBool(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if ((marker | 1) != 0xc3) return fail(V_OPTION_TYPE, p);
  setU(U_COUNT, marker & 1);
  return p + 1;
}

export function msgpackString(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  let at = p + 1;
  let length = marker & 0x1f;
  if ((marker & 0xe0) != 0xa0) {
    if (marker < 0xd9 || marker > 0xdb) return fail(V_ELEMENT_TYPE, p);
    at = lengthBehind(p, end, marker - 0xd9);
    if (at == 0) return 0;
    length = load<u32>(COUNT_AT);
  }
  return span(at, end, length, true);
}

export function msgpackBinary(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if (marker < 0xc4 || marker > 0xc6) return fail(V_ELEMENT_TYPE, p);
  const at = lengthBehind(p, end, marker - 0xc4);
  return at == 0 ? 0 : span(at, end, load<u32>(COUNT_AT), false);
}

/** Reads the length of 1, 2 or 4 bytes (`width` 0, 1, 2) behind the marker at p into U_COUNT; returns the position behind it. */
function lengthBehind(p: u32, end: u32, width: u32): u32 {
  if (end - p < 1 + (1 << width)) return fail(V_MALFORMED, p);
  setU(U_COUNT, width == 0 ? <u32>load<u8>(p + 1) : width == 1 ? u16At(p + 1) : u32At(p + 1));
  return p + 1 + (1 << width);
}

function span(p: u32, end: u32, length: u32, text: bool): u32 {
  if (length > end - p) return fail(V_MALFORMED, p);
  if (text && !validUtf8(p, p + length)) return fail(V_UTF8, p);
  setU(U_SPAN, p);
  setU(U_SPAN_LEN, length);
  return p + length;
}

export function msgpackEnterArray(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if ((marker & 0xf0) == 0x90) {
    setU(U_COUNT, marker & 0x0f);
    return p + 1;
  }
  if ((marker | 1) != 0xdd) return fail(V_ELEMENT_TYPE, p);
  return lengthBehind(p, end, marker - 0xdb);
}

export function msgpackEnterMap(p: u32, end: u32): u32 {
  if (p >= end) return fail(V_MALFORMED, p);
  const marker: u32 = load<u8>(p);
  if ((marker & 0xf0) == 0x80) {
    setU(U_COUNT, marker & 0x0f);
    return p + 1;
  }
  if ((marker | 1) != 0xdf) return fail(V_ELEMENT_TYPE, p);
  return lengthBehind(p, end, marker - 0xdd);
}

/** MessagePack says its counts, so nothing stands between elements. */
// @ts-ignore: decorator
@inline export function msgpackMore(p: u32, end: u32, index: u32, count: u32, map: bool): u32 {
  setU(U_COUNT, index < count ? 1 : 0);
  return p;
}

// @ts-ignore: decorator
@inline export function msgpackColon(p: u32, end: u32): u32 { return p; }

// @ts-ignore: decorator
@inline export function msgpackTail(p: u32, end: u32): u32 { return p; }
