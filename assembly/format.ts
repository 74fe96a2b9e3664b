/**
 * One name for each cursor function, resolved while compiling. A format is passed as a type parameter whose size says which it
 * is, so that the frame code is written once and compiled three times, with no dispatch left at run time.
 */

import { U_COUNT, getU } from "./abi";
import * as cbor from "./cbor";
import * as json from "./json";
import * as msgpack from "./msgpack";

/** Stands for a format; the type itself is never used for a value. */
export type Json = u8;
export type Msgpack = u16;
export type Cbor = u32;

// @ts-ignore: decorator
@inline export function isJson<F>(): bool { return sizeof<F>() == 1; }
// @ts-ignore: decorator
@inline export function isMsgpack<F>(): bool { return sizeof<F>() == 2; }

// ---- readers
// @ts-ignore: decorator
@inline export function kind<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonKind(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackKind(p, end);
  return cbor.cborKind(p, end);
}
// @ts-ignore: decorator
@inline export function skip<F>(p: u32, end: u32, depth: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonSkip(p, end, depth);
  if (sizeof<F>() == 2) return msgpack.msgpackSkip(p, end, depth);
  return cbor.cborSkip(p, end, depth);
}
// @ts-ignore: decorator
@inline export function readId<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonId(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackId(p, end);
  return cbor.cborId(p, end);
}
// @ts-ignore: decorator
@inline export function readBool<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonBool(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackBool(p, end);
  return cbor.cborBool(p, end);
}
// @ts-ignore: decorator
@inline export function readString<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonString(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackString(p, end);
  return cbor.cborString(p, end);
}
// @ts-ignore: decorator
@inline export function enterArray<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonEnterArray(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackEnterArray(p, end);
  return cbor.cborEnterArray(p, end);
}
// @ts-ignore: decorator
@inline export function enterMap<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonEnterMap(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackEnterMap(p, end);
  return cbor.cborEnterMap(p, end);
}
/** Position of the next element, or behind the container: `atEnd` tells which. MessagePack says its counts, and has nothing to look for. */
// @ts-ignore: decorator
@inline export function more<F>(p: u32, end: u32, index: u32, count: u32, map: bool): u32 {
  if (sizeof<F>() == 1) return json.jsonMore(p, end, index, count, map);
  if (sizeof<F>() == 2) return p;
  return cbor.cborMore(p, end, index, count, map);
}

/** After `more`: true if the container was complete. */
// @ts-ignore: decorator
@inline export function atEnd<F>(index: u32, count: u32): bool {
  return sizeof<F>() == 2 ? index >= count : getU(U_COUNT) == 0;
}
// @ts-ignore: decorator
@inline export function colon<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonColon(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackColon(p, end);
  return cbor.cborColon(p, end);
}
// @ts-ignore: decorator
@inline export function tail<F>(p: u32, end: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonTail(p, end);
  if (sizeof<F>() == 2) return msgpack.msgpackTail(p, end);
  return cbor.cborTail(p, end);
}

// ---- writers
// @ts-ignore: decorator
@inline export function putArray<F>(o: u32, oEnd: u32, count: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonPutArray(o, oEnd, count);
  if (sizeof<F>() == 2) return msgpack.msgpackPutArray(o, oEnd, count);
  return cbor.cborPutArray(o, oEnd, count);
}
// @ts-ignore: decorator
@inline export function putMap<F>(o: u32, oEnd: u32, count: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonPutMap(o, oEnd, count);
  if (sizeof<F>() == 2) return msgpack.msgpackPutMap(o, oEnd, count);
  return cbor.cborPutMap(o, oEnd, count);
}
// @ts-ignore: decorator
@inline export function putEnd<F>(o: u32, oEnd: u32, map: bool): u32 {
  if (sizeof<F>() == 1) return json.jsonPutEnd(o, oEnd, map);
  if (sizeof<F>() == 2) return msgpack.msgpackPutEnd(o, oEnd, map);
  return cbor.cborPutEnd(o, oEnd, map);
}
// @ts-ignore: decorator
@inline export function putSep<F>(o: u32, oEnd: u32, index: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonPutSep(o, oEnd, index);
  if (sizeof<F>() == 2) return msgpack.msgpackPutSep(o, oEnd, index);
  return cbor.cborPutSep(o, oEnd, index);
}
// @ts-ignore: decorator
@inline export function putColon<F>(o: u32, oEnd: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonPutColon(o, oEnd);
  if (sizeof<F>() == 2) return msgpack.msgpackPutColon(o, oEnd);
  return cbor.cborPutColon(o, oEnd);
}
// @ts-ignore: decorator
@inline export function putId<F>(o: u32, oEnd: u32, value: f64): u32 {
  if (sizeof<F>() == 1) return json.jsonPutId(o, oEnd, value);
  if (sizeof<F>() == 2) return msgpack.msgpackPutId(o, oEnd, value);
  return cbor.cborPutId(o, oEnd, value);
}
// @ts-ignore: decorator
@inline export function putBool<F>(o: u32, oEnd: u32, value: bool): u32 {
  if (sizeof<F>() == 1) return json.jsonPutBool(o, oEnd, value);
  if (sizeof<F>() == 2) return msgpack.msgpackPutBool(o, oEnd, value);
  return cbor.cborPutBool(o, oEnd, value);
}
// @ts-ignore: decorator
@inline export function putString<F>(o: u32, oEnd: u32, p: u32, length: u32): u32 {
  if (sizeof<F>() == 1) return json.jsonPutString(o, oEnd, p, length);
  if (sizeof<F>() == 2) return msgpack.msgpackPutString(o, oEnd, p, length);
  return cbor.cborPutString(o, oEnd, p, length);
}
