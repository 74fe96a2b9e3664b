/**
 * Carries one value from one format to another: a payload whose publisher or caller speaks another serializer than its receiver. Hot,
 * once per (message, target format). One walk over the cursor contract serves all pairs; what differs between the formats is behind
 * the dispatchers at the end of the file. The value was validated before (xSkip); nothing here judges the input again.
 *
 * What becomes of a value:
 *
 * | from | to | becomes |
 * |---|---|---|
 * | nil, bool | any | itself |
 * | integer -2^63 … 2^64-1 | any | the same integer; decimal digits in JSON |
 * | CBOR integer below -2^63 | JSON | its exact decimal digits |
 * | CBOR integer below -2^63 | MessagePack | W_UNREPRESENTABLE |
 * | JSON integer beyond that range | MessagePack, CBOR | the nearest f64, as JSON.parse has it |
 * | JSON number with fraction or exponent, and -0 | MessagePack, CBOR | the nearest f64; W_UNREPRESENTABLE beyond its range |
 * | float of any width | MessagePack, CBOR | the same value as f64, NaN and infinities too |
 * | finite float | JSON | shortest digits that read back as the same f64, with `.` or exponent |
 * | NaN, infinities | JSON | W_UNREPRESENTABLE |
 * | text | any | itself, even if it begins with U+0000; a lone surrogate of a JSON string becomes U+FFFD |
 * | binary | MessagePack, CBOR | binary |
 * | binary | JSON | a string: U+0000, then base64 |
 * | JSON string of U+0000 and valid base64 | MessagePack, CBOR | binary, except as a map key, which stays text |
 * | array, map | any | itself: order and repeated keys kept; lengths definite and heads shortest |
 * | map key of any kind | MessagePack, CBOR | itself |
 * | map key: text, integer | JSON | a string; the integer's decimal digits |
 * | map key: anything else | JSON | W_UNREPRESENTABLE |
 * | CBOR undefined; MessagePack extension of type 0 with one zero byte, as some encoders write it | any | nil |
 * | CBOR tag 2 or 3 on a byte string | any | an integer in -2^63 … 2^64-1; W_UNREPRESENTABLE beyond, and on other content |
 * | CBOR tag, any other | any | its content; the tag is dropped |
 * | other CBOR simple value, MessagePack ext | any | W_UNREPRESENTABLE |
 * | anything | its own format | the same bytes |
 *
 * The convention for binary in JSON cannot tell a text that begins with U+0000 and happens to be base64 from binary: such a text from
 * MessagePack or CBOR reads as binary at the far end of a JSON hop.
 */

import {
  CBOR,
  F_VALUE,
  HEADER,
  JSON,
  MSGPACK,
  U_COUNT,
  U_SCRATCH,
  U_SPAN,
  U_SPAN_LEN,
  U_WRITE_STATUS,
  W_NONE,
  W_TOO_LARGE,
  W_UNREPRESENTABLE,
  getF,
  getU,
  setU,
} from "./abi";
import { cborBinary, cborKind, cborTag } from "./cbor";
import {
  COUNT_UNKNOWN,
  K_ARRAY,
  K_BINARY,
  K_BOOL,
  K_FLOAT,
  K_INT,
  K_MAP,
  K_NIL,
  K_STRING,
  K_TAG,
  N_I64,
  N_U64,
} from "./cursor";
import { jsonBinary, jsonColon, jsonPutColon, jsonPutEnd, jsonPutSep, jsonPutU64 } from "./json";
import {
  DEPTH_MAX,
  enterArray,
  enterMap,
  kind,
  more,
  putBinary,
  putBool,
  putF64,
  putHead,
  putI64,
  putNil,
  putString,
  putU64,
  readBinary,
  readBool,
  readNumber,
  readString,
  skip,
} from "./transcode-format";

const TAG_BIGNUM: u64 = 2;
const TAG_NEGATIVE_BIGNUM: u64 = 3;

/**
 * Writes the value at `p` in format `to` from `o` on, never at or behind `oEnd`. Returns the position behind the output, or 0 with
 * W_TOO_LARGE or W_UNREPRESENTABLE in U_WRITE_STATUS. SCRATCH is used from U_SCRATCH on, and given back.
 */
export function transcode(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32): u32 {
  setU(U_WRITE_STATUS, W_NONE);
  const scratch = getU(U_SCRATCH);
  const written = from == to ? copy(from, p, end, o, oEnd) : <u32>value(from, to, p, end, o, oEnd, DEPTH_MAX);
  setU(U_SCRATCH, scratch);
  if (written == 0 && getU(U_WRITE_STATUS) == W_NONE) setU(U_WRITE_STATUS, W_TOO_LARGE);
  return written;
}

function copy(format: u32, p: u32, end: u32, o: u32, oEnd: u32): u32 {
  const behind = skip(format, p, end);
  if (behind == 0 || o > oEnd || behind - p > oEnd - o) return 0;
  memory.copy(o, p, behind - p);
  return o + (behind - p);
}

function unrepresentable(): u32 {
  setU(U_WRITE_STATUS, W_UNREPRESENTABLE);
  return 0;
}

/** A step of the walk moves in the input and in the output; it returns both positions in one word, or 0 when either failed. */
function step(p: u32, o: u32): u64 {
  return p == 0 || o == 0 ? 0 : ((<u64>p) << 32) | o;
}

function value(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32, depth: u32): u64 {
  // Small integers are one byte that is their value.
  if (from != JSON && p < end && load<u8>(p) < (from == MSGPACK ? 0x80 : 0x18)) {
    return step(p + 1, putU64(to, o, oEnd, load<u8>(p)));
  }
  switch (kind(from, p, end)) {
    case K_STRING:
      return carryString(from, to, p, end, o, oEnd);
    case K_INT:
    case K_FLOAT:
      return carryNumber(from, to, p, end, o, oEnd);
    case K_MAP:
      return container(from, to, p, end, o, oEnd, depth, true);
    case K_ARRAY:
      return container(from, to, p, end, o, oEnd, depth, false);
    case K_BOOL: {
      p = readBool(from, p, end);
      return p == 0 ? 0 : step(p, putBool(to, o, oEnd, getU(U_COUNT) != 0));
    }
    case K_NIL:
      return step(skip(from, p, end), putNil(to, o, oEnd));
    case K_BINARY:
      return carryBinary(from, to, p, end, o, oEnd);
    case K_TAG:
      return tagged(to, p, end, o, oEnd, depth);
    default:
      return unrepresentable();
  }
}

/** An array, or with `map` a map. JSON, and CBOR of indefinite length, tell the count only at the end. */
function container(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32, depth: u32, map: bool): u64 {
  if (depth == 0) return 0;
  p = map ? enterMap(from, p, end) : enterArray(from, p, end);
  if (p == 0) return 0;
  const count = getU(U_COUNT);
  const start = o;
  o = putHead(to, o, oEnd, count == COUNT_UNKNOWN ? 0 : count, map);
  if (o == 0) return 0;
  let index: u32 = 0;
  for (;;) {
    if (count != COUNT_UNKNOWN) {
      if (index == count) break;
    } else {
      p = more(from, p, end, index, count, map);
      if (p == 0) return 0;
      if (getU(U_COUNT) == 0) break;
    }
    if (to == JSON) {
      o = jsonPutSep(o, oEnd, index);
      if (o == 0) return 0;
    }
    let at: u64 = 0;
    if (map) {
      at = key(from, to, p, end, o, oEnd, depth - 1);
      if (at == 0) return 0;
      p = from == JSON ? jsonColon(<u32>(at >> 32), end) : <u32>(at >> 32);
      o = to == JSON ? jsonPutColon(<u32>at, oEnd) : <u32>at;
      if (p == 0 || o == 0) return 0;
    }
    at = value(from, to, p, end, o, oEnd, depth - 1);
    if (at == 0) return 0;
    p = <u32>(at >> 32);
    o = <u32>at;
    ++index;
  }
  if (to == JSON) return step(p, jsonPutEnd(o, oEnd, map));
  return step(p, count == COUNT_UNKNOWN ? lateHead(to, start, o, oEnd, index, map) : o);
}

/**
 * Puts the count into the head at `start`, for which one byte was left, and moves the body up to `o` when the head takes more.
 * A byte moves at most once for each level above it that holds 16 elements or more, so at most DEPTH_MAX times, by memory.copy.
 */
function lateHead(to: u32, start: u32, o: u32, oEnd: u32, count: u32, map: bool): u32 {
  const more = headBytes(to, count) - 1;
  if (more > oEnd - o) return 0;
  if (more != 0) memory.copy(start + 1 + more, start + 1, o - start - 1);
  return putHead(to, start, oEnd, count, map) == 0 ? 0 : o + more;
}

/** Bytes of the shortest head of an array or map in MessagePack or CBOR. */
function headBytes(format: u32, count: u32): u32 {
  if (format == MSGPACK) return count < 16 ? 1 : count <= 0xffff ? 3 : 5;
  return count < 24 ? 1 : count <= 0xff ? 2 : count <= 0xffff ? 3 : 5;
}

/** A map key. JSON has only strings for it, and the binary convention is for values alone. */
function key(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32, depth: u32): u64 {
  if (from == JSON) return carryText(from, to, p, end, o, oEnd);
  if (to != JSON) return value(from, to, p, end, o, oEnd, depth);
  let what = kind(from, p, end);
  while (what == K_TAG && !bignum(p, end)) {
    p = cborTag(p, end);
    what = kind(from, p, end);
  }
  if (what == K_STRING) return carryText(from, to, p, end, o, oEnd);
  if (what != K_INT && what != K_TAG) return unrepresentable();
  o = quote(o, oEnd);
  if (o == 0) return 0;
  const at = what == K_INT ? carryNumber(from, to, p, end, o, oEnd) : tagged(to, p, end, o, oEnd, depth);
  return at == 0 ? 0 : step(<u32>(at >> 32), quote(<u32>at, oEnd));
}

function quote(o: u32, oEnd: u32): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, 0x22);
  return o + 1;
}

function carryString(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32): u64 {
  // Only an escape can begin a binary.
  if (from == JSON && end - p > 2 && load<u8>(p, 1) == 0x5c) {
    const scratch = getU(U_SCRATCH);
    const behind = jsonBinary(p, end);
    if (behind != 0) {
      o = putBinary(to, o, oEnd, getU(U_SPAN), getU(U_SPAN_LEN));
      setU(U_SCRATCH, scratch);
      return step(behind, o);
    }
  }
  return carryText(from, to, p, end, o, oEnd);
}

function carryText(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32): u64 {
  const scratch = getU(U_SCRATCH);
  p = readString(from, p, end);
  if (p == 0) return 0;
  o = putString(to, o, oEnd, getU(U_SPAN), getU(U_SPAN_LEN));
  setU(U_SCRATCH, scratch);
  return step(p, o);
}

function carryBinary(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32): u64 {
  const scratch = getU(U_SCRATCH);
  p = readBinary(from, p, end);
  if (p == 0) return 0;
  o = putBinary(to, o, oEnd, getU(U_SPAN), getU(U_SPAN_LEN));
  setU(U_SCRATCH, scratch);
  return step(p, o);
}

function carryNumber(from: u32, to: u32, p: u32, end: u32, o: u32, oEnd: u32): u64 {
  if (from == CBOR && to == JSON && end - p > 8 && load<u8>(p) == 0x3b && load<u8>(p, 1) >= 0x80) {
    return step(p + 9, putBelowI64(o, oEnd, bswap<u64>(load<u64>(p, 1))));
  }
  p = readNumber(from, p, end);
  if (p == 0) return 0;
  const what = getU(U_COUNT);
  if (what == N_U64) return step(p, putU64(to, o, oEnd, load<u64>(HEADER + F_VALUE * 8)));
  if (what == N_I64) return step(p, putI64(to, o, oEnd, load<i64>(HEADER + F_VALUE * 8)));
  return step(p, putF64(to, o, oEnd, getF(F_VALUE)));
}

/** Decimal digits of -1 - n, for n that no i64 holds. The last digit goes by itself, because n + 1 may be 2^64. */
function putBelowI64(o: u32, oEnd: u32, n: u64): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, 0x2d);
  const digit = (n % 10) + 1;
  o = jsonPutU64(o + 1, oEnd, n / 10 + digit / 10);
  if (o == 0 || o >= oEnd) return 0;
  store<u8>(o, 0x30 + <u8>(digit % 10));
  return o + 1;
}

/** True when the tag at `p` makes an integer of its content. */
function bignum(p: u32, end: u32): bool {
  if (cborTag(p, end) == 0) return false;
  const tag = load<u64>(HEADER + F_VALUE * 8);
  return tag == TAG_BIGNUM || tag == TAG_NEGATIVE_BIGNUM;
}

/** A CBOR value under a tag: its content, or the integer that tags 2 and 3 make of it. */
function tagged(to: u32, p: u32, end: u32, o: u32, oEnd: u32, depth: u32): u64 {
  const content = cborTag(p, end);
  if (content == 0 || depth == 0) return 0;
  const tag = load<u64>(HEADER + F_VALUE * 8);
  if (tag != TAG_BIGNUM && tag != TAG_NEGATIVE_BIGNUM)
    return value(CBOR, to, content, end, o, oEnd, depth - 1);
  if (cborKind(content, end) != K_BINARY) return unrepresentable();
  const scratch = getU(U_SCRATCH);
  const behind = cborBinary(content, end);
  setU(U_SCRATCH, scratch);
  if (behind == 0) return 0;
  let n: u64 = 0;
  const last = getU(U_SPAN) + getU(U_SPAN_LEN);
  for (let at = getU(U_SPAN); at < last; ++at) {
    if (n >> 56 != 0) return unrepresentable();
    n = (n << 8) | load<u8>(at);
  }
  if (tag == TAG_BIGNUM) return step(behind, putU64(to, o, oEnd, n));
  if (<i64>n < 0) return unrepresentable();
  return step(behind, putI64(to, o, oEnd, <i64>~n));
}
