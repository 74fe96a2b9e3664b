/**
 * Which cursor or writer a format has, chosen at run time: the walk of transcode.ts has nine pairs of formats, and one body. (The
 * frame code, which knows its format when it is compiled, does not come through here.) Hot.
 */

import { JSON, MSGPACK } from "./abi";
import {
  cborBinary,
  cborBool,
  cborEnterArray,
  cborEnterMap,
  cborKind,
  cborMore,
  cborNumber,
  cborPutArray,
  cborPutBinary,
  cborPutBool,
  cborPutF64,
  cborPutI64,
  cborPutMap,
  cborPutNil,
  cborPutString,
  cborPutU64,
  cborSkip,
  cborString,
} from "./cbor";
import { K_INT, K_STRING } from "./cursor";
import {
  jsonBinary,
  jsonBool,
  jsonEnterArray,
  jsonEnterMap,
  jsonKind,
  jsonMore,
  jsonNumber,
  jsonPutArray,
  jsonPutBinary,
  jsonPutBool,
  jsonPutF64,
  jsonPutI64,
  jsonPutMap,
  jsonPutNil,
  jsonPutString,
  jsonPutU64,
  jsonSkip,
  jsonString,
} from "./json";
import {
  msgpackBinary,
  msgpackBool,
  msgpackEnterArray,
  msgpackEnterMap,
  msgpackKind,
  msgpackMore,
  msgpackNumber,
  msgpackPutArray,
  msgpackPutBinary,
  msgpackPutBool,
  msgpackPutF64,
  msgpackPutI64,
  msgpackPutMap,
  msgpackPutNil,
  msgpackPutString,
  msgpackPutU64,
  msgpackSkip,
  msgpackString,
} from "./msgpack";

/** Levels of arrays, maps and tags; what was validated has no more. It bounds the recursion. */
export const DEPTH_MAX: u32 = 64;

export function skip(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonSkip(p, end, DEPTH_MAX);
  return format == MSGPACK ? msgpackSkip(p, end, DEPTH_MAX) : cborSkip(p, end, DEPTH_MAX);
}

/** Kind of the value at `p`. A JSON number counts as K_INT, float or not: its reader finds out. */
export function kind(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) {
    const c: u32 = p < end ? load<u8>(p) : 0;
    return c == 0x22 ? K_STRING : c - 0x30 <= 9 ? K_INT : jsonKind(p, end);
  }
  return format == MSGPACK ? msgpackKind(p, end) : cborKind(p, end);
}

export function readBool(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonBool(p, end);
  return format == MSGPACK ? msgpackBool(p, end) : cborBool(p, end);
}

export function readNumber(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonNumber(p, end);
  return format == MSGPACK ? msgpackNumber(p, end) : cborNumber(p, end);
}

export function readString(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonString(p, end);
  return format == MSGPACK ? msgpackString(p, end) : cborString(p, end);
}

/** JSON has no kind of its own for binary: jsonBinary is asked apart. */
export function readBinary(format: u32, p: u32, end: u32): u32 {
  return format == MSGPACK ? msgpackBinary(p, end) : cborBinary(p, end);
}

export function enterArray(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonEnterArray(p, end);
  return format == MSGPACK ? msgpackEnterArray(p, end) : cborEnterArray(p, end);
}

export function enterMap(format: u32, p: u32, end: u32): u32 {
  if (format == JSON) return jsonEnterMap(p, end);
  return format == MSGPACK ? msgpackEnterMap(p, end) : cborEnterMap(p, end);
}

export function more(format: u32, p: u32, end: u32, index: u32, count: u32, map: bool): u32 {
  if (format == JSON) return jsonMore(p, end, index, count, map);
  return format == MSGPACK ? msgpackMore(p, end, index, count, map) : cborMore(p, end, index, count, map);
}

export function putHead(format: u32, o: u32, oEnd: u32, count: u32, map: bool): u32 {
  if (format == JSON) return map ? jsonPutMap(o, oEnd, count) : jsonPutArray(o, oEnd, count);
  if (format == MSGPACK) return map ? msgpackPutMap(o, oEnd, count) : msgpackPutArray(o, oEnd, count);
  return map ? cborPutMap(o, oEnd, count) : cborPutArray(o, oEnd, count);
}

export function putNil(format: u32, o: u32, oEnd: u32): u32 {
  if (format == JSON) return jsonPutNil(o, oEnd);
  return format == MSGPACK ? msgpackPutNil(o, oEnd) : cborPutNil(o, oEnd);
}

export function putBool(format: u32, o: u32, oEnd: u32, value: bool): u32 {
  if (format == JSON) return jsonPutBool(o, oEnd, value);
  return format == MSGPACK ? msgpackPutBool(o, oEnd, value) : cborPutBool(o, oEnd, value);
}

export function putU64(format: u32, o: u32, oEnd: u32, value: u64): u32 {
  if (format == JSON) return jsonPutU64(o, oEnd, value);
  return format == MSGPACK ? msgpackPutU64(o, oEnd, value) : cborPutU64(o, oEnd, value);
}

export function putI64(format: u32, o: u32, oEnd: u32, value: i64): u32 {
  if (format == JSON) return jsonPutI64(o, oEnd, value);
  return format == MSGPACK ? msgpackPutI64(o, oEnd, value) : cborPutI64(o, oEnd, value);
}

export function putF64(format: u32, o: u32, oEnd: u32, value: f64): u32 {
  if (format == JSON) return jsonPutF64(o, oEnd, value);
  return format == MSGPACK ? msgpackPutF64(o, oEnd, value) : cborPutF64(o, oEnd, value);
}

export function putString(format: u32, o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  if (format == JSON) return jsonPutString(o, oEnd, ptr, len);
  return format == MSGPACK ? msgpackPutString(o, oEnd, ptr, len) : cborPutString(o, oEnd, ptr, len);
}

export function putBinary(format: u32, o: u32, oEnd: u32, ptr: u32, len: u32): u32 {
  if (format == JSON) return jsonPutBinary(o, oEnd, ptr, len);
  return format == MSGPACK ? msgpackPutBinary(o, oEnd, ptr, len) : cborPutBinary(o, oEnd, ptr, len);
}
