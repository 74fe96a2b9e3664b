/**
 * The quick way to write EVENT, INVOCATION and RESULT in MessagePack: no details, and behind the head the visited payload as it came.
 * frame-write.ts asks `forwardsPlain` first, and writes all else. Hot.
 */

import { MSGPACK, O_OPAQUE, U_ARGS, U_ARGS_LEN, U_FORMAT, U_KWARGS, U_KWARGS_LEN, U_OUT, U_PRESENT, getU } from "./abi";
import { FRAME_OUT, FRAME_OUT_BYTES } from "./regions";

/** Room for the longest head (three ids of nine bytes, three more), and for what may be written behind the frame's end. */
const SPARE_BYTES: u32 = 64;
/** Beyond, the engine's own copy is faster, though it costs a call out of WASM. */
const COPY_MAX: u32 = 256;

/** Whether a frame with these details is only a head and the payload's bytes, which lie together and certainly fit. */
// @ts-ignore: decorator
@inline
export function forwardsPlain(details: u32): bool {
  if (details != 0 || getU(U_FORMAT) != MSGPACK || (getU(U_PRESENT) & O_OPAQUE) != 0) return false;
  const argsLength = getU(U_ARGS_LEN);
  const kwargsLength = getU(U_KWARGS_LEN);
  if (kwargsLength != 0 && (argsLength == 0 || getU(U_ARGS) + argsLength != getU(U_KWARGS))) return false;
  return hasRoom(argsLength + kwargsLength);
}

/** Whether a head and a payload of so many bytes certainly fit. */
// @ts-ignore: decorator
@inline
export function hasRoom(payload: u32): bool {
  const used = getU(U_OUT) + SPARE_BYTES;
  return used < FRAME_OUT_BYTES && payload <= FRAME_OUT_BYTES - used;
}

/** Elements that the payload takes: 0, 1 or 2. */
// @ts-ignore: decorator
@inline
export function plainParts(): u32 {
  return u32(getU(U_ARGS_LEN) != 0) + u32(getU(U_KWARGS_LEN) != 0);
}

/** The frame's first two bytes; there are at most 15 elements, and `type` is below 128. Returns the position behind them. */
// @ts-ignore: decorator
@inline
export function plainHead(type: u32, elements: u32): u32 {
  const o = FRAME_OUT + getU(U_OUT);
  store<u16>(o, 0x90 | elements | (type << 8));
  return o + 2;
}

/** An id, 0 … 2^53, in its shortest form. */
// @ts-ignore: decorator
@inline
export function plainId(o: u32, id: f64): u32 {
  const value = <u64>(<i64>id);
  if (value < 0x80) {
    store<u8>(o, value);
    return o + 1;
  }
  if (value <= 0xff) {
    store<u16>(o, 0xcc | (<u32>value << 8));
    return o + 2;
  }
  if (value <= 0xffff) {
    store<u8>(o, 0xcd);
    store<u16>(o, bswap<u16>(<u16>value), 1);
    return o + 3;
  }
  if (value <= 0xffffffff) {
    store<u8>(o, 0xce);
    store<u32>(o, bswap<u32>(<u32>value), 1);
    return o + 5;
  }
  store<u8>(o, 0xcf);
  store<u64>(o, bswap<u64>(value), 1);
  return o + 9;
}

/** The empty details and the payload. Returns the frame's length. */
// @ts-ignore: decorator
@inline
export function plainPayload(o: u32): u32 {
  store<u8>(o, 0x80);
  ++o;
  const length = getU(U_ARGS_LEN) + getU(U_KWARGS_LEN);
  const from = getU(U_ARGS);
  if (length > COPY_MAX) {
    memory.copy(o, from, length);
  } else {
    // Up to 15 bytes too many, into what is free.
    for (let i: u32 = 0; i < length; i += 16) {
      store<u64>(o + i, load<u64>(from + i));
      store<u64>(o + i, load<u64>(from + i, 8), 8);
    }
  }
  return o + length - FRAME_OUT - getU(U_OUT);
}
