/** The MessagePack writers of the cursor contract (cursor.ts): always the shortest form. Hot. */

import { copyBytes } from "./bytes";

// @ts-ignore: decorator
@inline function put16(p: u32, value: u32): void { store<u16>(p, bswap<u16>(<u16>value)); }
// @ts-ignore: decorator
@inline function put32(p: u32, value: u32): void { store<u32>(p, bswap<u32>(value)); }
// @ts-ignore: decorator
@inline function put64(p: u32, value: u64): void { store<u64>(p, bswap<u64>(value)); }

/** A marker with a length of 1, 2 or 4 bytes, or with the length inside when it is below `fixed`. Every head needs at most 5 bytes. */
function putHead(o: u32, oEnd: u32, length: u32, fix: u32, fixed: u32, marker: u32, widthFrom: u32): u32 {
  if (o > oEnd) return 0;
  const room = oEnd - o;
  if (length < fixed) {
    if (room < 1) return 0;
    store<u8>(o, fix | length);
    return o + 1;
  }
  const width: u32 = length > 0xffff ? 2 : length > 0xff || widthFrom > 0 ? 1 : 0;
  if (room < 1 + (1 << width)) return 0;
  store<u8>(o, marker + width - widthFrom);
  if (width == 0) store<u8>(o + 1, length);
  else if (width == 1) put16(o + 1, length);
  else put32(o + 1, length);
  return o + 1 + (1 << width);
}

export function msgpackPutArray(o: u32, oEnd: u32, count: u32): u32 {
  return putHead(o, oEnd, count, 0x90, 16, 0xdc, 1);
}

export function msgpackPutMap(o: u32, oEnd: u32, count: u32): u32 {
  return putHead(o, oEnd, count, 0x80, 16, 0xde, 1);
}

// @ts-ignore: decorator
@inline export function msgpackPutEnd(o: u32, oEnd: u32, map: bool): u32 { return o; }
// @ts-ignore: decorator
@inline export function msgpackPutSep(o: u32, oEnd: u32, index: u32): u32 { return o; }
// @ts-ignore: decorator
@inline export function msgpackPutColon(o: u32, oEnd: u32): u32 { return o; }

export function msgpackPutId(o: u32, oEnd: u32, value: f64): u32 {
  return msgpackPutU64(o, oEnd, <u64>value);
}

export function msgpackPutU64(o: u32, oEnd: u32, value: u64): u32 {
  if (oEnd - o < 9 && shorter(value) > oEnd - o) return 0;
  if (value < 0x80) {
    store<u8>(o, value);
    return o + 1;
  }
  if (value <= 0xff) {
    store<u8>(o, 0xcc);
    store<u8>(o + 1, value);
    return o + 2;
  }
  if (value <= 0xffff) {
    store<u8>(o, 0xcd);
    put16(o + 1, <u32>value);
    return o + 3;
  }
  if (value <= 0xffffffff) {
    store<u8>(o, 0xce);
    put32(o + 1, <u32>value);
    return o + 5;
  }
  store<u8>(o, 0xcf);
  put64(o + 1, value);
  return o + 9;
}

/** Bytes that `value` takes. Only asked near the end of a region. */
function shorter(value: u64): u32 {
  return value < 0x80 ? 1 : value <= 0xff ? 2 : value <= 0xffff ? 3 : value <= 0xffffffff ? 5 : 9;
}

/** `value` is negative. */
export function msgpackPutI64(o: u32, oEnd: u32, value: i64): u32 {
  const size: u32 = value >= -32 ? 1 : value >= -128 ? 2 : value >= -32768 ? 3 : value >= -2147483648 ? 5 : 9;
  if (size > oEnd - o) return 0;
  switch (size) {
    case 1:
      store<u8>(o, value);
      break;
    case 2:
      store<u8>(o, 0xd0);
      store<u8>(o + 1, value);
      break;
    case 3:
      store<u8>(o, 0xd1);
      put16(o + 1, <u32>value);
      break;
    case 5:
      store<u8>(o, 0xd2);
      put32(o + 1, <u32>value);
      break;
    default:
      store<u8>(o, 0xd3);
      put64(o + 1, <u64>value);
  }
  return o + size;
}

export function msgpackPutF64(o: u32, oEnd: u32, value: f64): u32 {
  if (oEnd - o < 9) return 0;
  store<u8>(o, 0xcb);
  put64(o + 1, reinterpret<u64>(value));
  return o + 9;
}

export function msgpackPutNil(o: u32, oEnd: u32): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, 0xc0);
  return o + 1;
}

export function msgpackPutBool(o: u32, oEnd: u32, value: bool): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, value ? 0xc3 : 0xc2);
  return o + 1;
}

export function msgpackPutString(o: u32, oEnd: u32, p: u32, length: u32): u32 {
  return putSpan(putHead(o, oEnd, length, 0xa0, 32, 0xd9, 0), oEnd, p, length);
}

export function msgpackPutBinary(o: u32, oEnd: u32, p: u32, length: u32): u32 {
  return putSpan(putHead(o, oEnd, length, 0, 0, 0xc4, 0), oEnd, p, length);
}

function putSpan(o: u32, oEnd: u32, p: u32, length: u32): u32 {
  if (o == 0 || length > oEnd - o) return 0;
  copyBytes(o, p, length);
  return o + length;
}
