/**
 * Writes CBOR in its preferred form (RFC 8949 section 4.2.1): shortest heads, definite lengths. Floats are the exception: they
 * always take nine bytes, so that they keep their exact value and stay floats. Every writer returns the position behind what it
 * wrote, or 0 when that would pass `oEnd`; then nothing at or behind `o` may be relied on.
 */

import { copyBytes } from "./bytes";

const UNSIGNED: u32 = 0x00;
const NEGATIVE: u32 = 0x20;
const BYTES: u32 = 0x40;
const TEXT: u32 = 0x60;
const ARRAY: u32 = 0x80;
const MAP: u32 = 0xa0;

/** The shortest head: `major` already in its upper three bits. */
function head(o: u32, oEnd: u32, major: u32, argument: u64): u32 {
  if (o >= oEnd) return 0;
  const room = oEnd - o;
  if (argument < 24) {
    store<u8>(o, major | <u32>argument);
    return o + 1;
  }
  if (argument <= 0xff) {
    if (room < 2) return 0;
    store<u8>(o, major | 24);
    store<u8>(o, <u8>argument, 1);
    return o + 2;
  }
  if (argument <= 0xffff) {
    if (room < 3) return 0;
    store<u8>(o, major | 25);
    store<u16>(o, bswap<u16>(<u16>argument), 1);
    return o + 3;
  }
  if (argument <= 0xffffffff) {
    if (room < 5) return 0;
    store<u8>(o, major | 26);
    store<u32>(o, bswap<u32>(<u32>argument), 1);
    return o + 5;
  }
  if (room < 9) return 0;
  store<u8>(o, major | 27);
  store<u64>(o, bswap<u64>(argument), 1);
  return o + 9;
}

function byte(o: u32, oEnd: u32, value: u32): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, value);
  return o + 1;
}

function span(o: u32, oEnd: u32, major: u32, ptr: u32, len: u32): u32 {
  const at = head(o, oEnd, major, len);
  if (at == 0 || len > oEnd - at) return 0;
  copyBytes(at, ptr, len);
  return at + len;
}

export function cborPutArray(o: u32, oEnd: u32, count: u32): u32 {
  return head(o, oEnd, ARRAY, count);
}

/** `count` pairs. */
export function cborPutMap(o: u32, oEnd: u32, count: u32): u32 {
  return head(o, oEnd, MAP, count);
}

/** Lengths are definite: nothing ends a container. */
export function cborPutEnd(o: u32, oEnd: u32, map: bool): u32 {
  return o;
}

export function cborPutSep(o: u32, oEnd: u32, index: u32): u32 {
  return o;
}

export function cborPutColon(o: u32, oEnd: u32): u32 {
  return o;
}

/** An integral value from 0 to 2^53. */
export function cborPutId(o: u32, oEnd: u32, value: f64): u32 {
  return head(o, oEnd, UNSIGNED, <u64>value);
}

export function cborPutBool(o: u32, oEnd: u32, value: bool): u32 {
  return byte(o, oEnd, 0xf4 + <u32>value);
}

export function cborPutNil(o: u32, oEnd: u32): u32 {
  return byte(o, oEnd, 0xf6);
}

export function cborPutU64(o: u32, oEnd: u32, value: u64): u32 {
  return head(o, oEnd, UNSIGNED, value);
}

/** A negative value: CBOR stores -1 - value, which is its complement. */
export function cborPutI64(o: u32, oEnd: u32, value: i64): u32 {
  return head(o, oEnd, NEGATIVE, <u64>~value);
}

export function cborPutF64(o: u32, oEnd: u32, value: f64): u32 {
  if (o >= oEnd || oEnd - o < 9) return 0;
  store<u8>(o, 0xfb);
  store<u64>(o, bswap<u64>(reinterpret<u64>(value)), 1);
  return o + 9;
}

/** `len` bytes of valid UTF-8. */
export function cborPutString(o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  return span(o, oEnd, TEXT, ptr, len);
}

export function cborPutBinary(o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  return span(o, oEnd, BYTES, ptr, len);
}
