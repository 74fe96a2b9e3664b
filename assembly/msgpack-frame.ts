/**
 * The quick way through the MessagePack frames that make up almost all traffic: PUBLISH, CALL, YIELD, ERROR, EVENT_RECEIVED. It
 * reads what is there in straight code, and gives up on anything out of the ordinary: frame.ts then reads the frame from its start,
 * and it alone says what a violation is and where. What it leaves in the slots is what frame.ts would have left. Hot.
 *
 * Beyond the bounds it is given it may look at bytes, which lie in memory all the same, but never lets them decide anything.
 */

import {
  F_ID,
  F_ID2,
  F_REQUEST,
  F_TIMEOUT,
  HEADER,
  HEADER_U32,
  CBOR,
  JSON,
  U_ARGS,
  U_ARGS_LEN,
  U_ELEMENT,
  U_ERROR_OFFSET,
  U_KWARGS,
  U_KWARGS_LEN,
  U_MATCH,
  U_MATCH_COUNT,
  U_MODE,
  U_OPTIONS,
  U_OPTIONS_LEN,
  U_OPTION_LEN,
  U_PAYLOAD_ARGS,
  U_PAYLOAD_LEN,
  U_PRESENT,
  U_REQUEST_TYPE,
  U_SCRATCH,
  U_TYPE,
  U_URI,
  U_URI_LEN,
  U_URI_STATUS,
  VISIT_STRICT_URI,
  getU,
  setF,
  setU,
} from "./abi";
import { validUtf8 } from "./bytes";
import { Msgpack } from "./format";
import { DEPTH, kwargs } from "./frame";
import { options } from "./frame-options";
import { CALL, ERROR, EVENT_RECEIVED, PUBLISH, YIELD } from "./messages";
import { msgpackSkip } from "./msgpack";
import { FRAME_IN, SCRATCH } from "./regions";
import { scanUri, uriStatus, URI_NOT_PLAIN } from "./uri";

const HIGH_BITS: u64 = 0x8080808080808080;
/** 2^53, the largest WAMP id. */
const ID_MAX: u64 = 9007199254740992;
/** An array of two, and 337 in two bytes. */
const RECEIVED_HEAD: u32 = 0x5101cd92;

// @ts-ignore: decorator
@inline export function clearF(slot: u32): void { store<u64>(HEADER + (slot << 3), 0); }
// @ts-ignore: decorator
@inline export function clearUri(): void { setU(U_URI, 0); clearPair(U_URI_LEN); }
// @ts-ignore: decorator
@inline export function clearPair(slot: u32): void { store<u64>(HEADER_U32 + (slot << 2), 0); }

/**
 * Decodes the frame from FRAME_IN to `end`, all of it. False: it is not one of those, or breaks a rule, and the slots hold nothing
 * that may be used. After true, and if the frame has a URI, `scannedSum` of uri.ts is its sum.
 */
// @ts-ignore: decorator
@inline
export function quickFrame(end: u32, flags: u32): bool {
  let p = FRAME_IN;
  if (end - p < 4) return false;
  const count: u32 = <u32>load<u8>(p) - 0x90;
  const type: u32 = load<u8>(p, 1);
  if (type != CALL && type != YIELD && type != PUBLISH && type != ERROR) return quickReceived(p, end);
  // Elements in front of the payload.
  const ahead: u32 = type == YIELD ? 3 : type == ERROR ? 5 : 4;
  if (count - ahead > 2) return false;
  begin(type, count);
  p += 2;
  if (type == ERROR) {
    const requestType: u32 = load<u8>(p);
    if (requestType >= 0x80) return false;
    setU(U_REQUEST_TYPE, requestType);
    ++p;
  }
  p = id(p, F_REQUEST);
  if (p == 0 || p >= end) return false;
  setU(U_OPTIONS, p);
  if (load<u8>(p) == 0x80) {
    ++p;
    setU(U_OPTIONS_LEN, 1);
  } else {
    const behind = options<Msgpack>(p, end, type, flags);
    if (behind == 0) return false;
    setU(U_OPTIONS_LEN, behind - p);
    p = behind;
  }
  if (type != YIELD) {
    p = uri(p, end, flags);
    if (p == 0) return false;
  } else {
    clearUri();
  }
  if (count == ahead) {
    clearPair(U_ARGS);
    return p == end;
  }
  return payload(p, end, count - ahead, flags);
}

/** [EVENT_RECEIVED, id]: as many as there are events, where their delivery is acknowledged. */
// @ts-ignore: decorator
@inline
function quickReceived(p: u32, end: u32): bool {
  if (load<u32>(p) != RECEIVED_HEAD) return false;
  begin(EVENT_RECEIVED, 2);
  clearF(F_REQUEST);
  clearPair(U_OPTIONS);
  clearUri();
  clearPair(U_ARGS);
  return id(p + 4, F_ID) == end;
}

/** Clears what neither this nor the frame's elements fill in. */
// @ts-ignore: decorator
@inline
function begin(type: u32, count: u32): void {
  setU(U_TYPE, type);
  setU(U_ELEMENT, count);
  clearRare();
}

/** Clears the slots that few frames fill in, two at a time and without a loop: this runs for every frame. */
// @ts-ignore: decorator
@inline
export function clearRare(): void {
  clearF(F_ID);
  clearF(F_ID2);
  clearF(F_TIMEOUT);
  clearPair(U_ERROR_OFFSET);
  clearPair(U_KWARGS);
  clearPair(U_PRESENT);
  clearPair(U_MATCH);
  clearPair(U_MODE);
  clearPair(U_MATCH_COUNT);
  clearPair(U_PAYLOAD_LEN + JSON);
  setU(U_PAYLOAD_LEN + CBOR, 0);
  clearPair(U_PAYLOAD_ARGS + JSON);
  setU(U_PAYLOAD_ARGS + CBOR, 0);
  setU(U_OPTION_LEN, 0);
  setU(U_SCRATCH, SCRATCH);
}

/** An id, 1 … 2^53, into its slot. Returns the position behind it, which may lie beyond the frame's end; 0 if it is none. */
// @ts-ignore: decorator
@inline
function id(p: u32, slot: u32): u32 {
  let value: u64 = load<u8>(p);
  ++p;
  // Branches, as the ids of a connection are mostly of one length: what comes behind need not wait for this one.
  if (value >= 0x80) {
    if (value == 0xcd) {
      value = bswap<u16>(load<u16>(p));
      p += 2;
    } else if (value == 0xce) {
      value = bswap<u32>(load<u32>(p));
      p += 4;
    } else if (value == 0xcc) {
      value = load<u8>(p);
      ++p;
    } else if (value == 0xcf) {
      value = bswap<u64>(load<u64>(p));
      p += 8;
    } else {
      return 0;
    }
  }
  if (value - 1 >= ID_MAX) return 0;
  setF(slot, <f64>(<i64>value));
  return p;
}

/** A URI of up to 255 bytes, all of them printable ASCII. */
// @ts-ignore: decorator
@inline
function uri(p: u32, end: u32, flags: u32): u32 {
  if (end - p < 2) return 0;
  const marker: u32 = load<u8>(p);
  let length = marker - 0xa0;
  ++p;
  if (length > 31) {
    if (marker != 0xd9) return 0;
    length = load<u8>(p);
    ++p;
  }
  if (length > end - p) return 0;
  let status = scanUri(p, length);
  if (status == URI_NOT_PLAIN) return 0;
  if ((flags & VISIT_STRICT_URI) != 0) status = uriStatus(p, length, 0, flags);
  setU(U_URI, p);
  setU(U_URI_LEN, length);
  setU(U_URI_STATUS, status);
  return p + length;
}

/** The arguments, up to 15 of them, and the keyword arguments. */
// @ts-ignore: decorator
@inline
function payload(p: u32, end: u32, parts: u32, flags: u32): bool {
  if (p >= end) return false;
  const start = p;
  const count = <u32>load<u8>(p) - 0x90;
  if (count > 15) return false;
  p = values(p + 1, end, count);
  if (p == 0) return false;
  setU(U_ARGS, start);
  setU(U_ARGS_LEN, p - start);
  if (parts == 2) {
    p = kwargs<Msgpack>(p, end, flags);
    if (p == 0) return false;
  }
  // An empty list that nothing follows says nothing, and is not forwarded.
  if (count == 0 && getU(U_KWARGS_LEN) == 0) setU(U_ARGS_LEN, 0);
  return p == end;
}

/** Position behind `count` values; 0 if one is not well-formed. Short texts and binaries are checked here, others by the cursor. */
// @ts-ignore: decorator
@inline
function values(p: u32, end: u32, count: u32): u32 {
  for (; count != 0; --count) {
    if (p >= end) return 0;
    const marker: u32 = load<u8>(p);
    if (marker < 0x80 || marker >= 0xe0) {
      ++p;
    } else if ((marker & 0xe0) == 0xa0 || marker == 0xd9) {
      let length = marker & 0x1f;
      ++p;
      if (marker == 0xd9) {
        if (p >= end) return 0;
        length = load<u8>(p);
        ++p;
      }
      if (length > end - p) return 0;
      if (!isAscii(p, length) && !validUtf8(p, p + length)) return 0;
      p += length;
    } else if (marker == 0xc4) {
      if (end - p < 2) return 0;
      const length: u32 = load<u8>(p, 1);
      p += 2;
      if (length > end - p) return 0;
      p += length;
    } else {
      p = msgpackSkip(p, end, DEPTH - 1);
      if (p == 0) return 0;
    }
  }
  return p;
}

/** Whether no byte is above 0x7f. The last word may begin in front of the text, where its head lies. */
// @ts-ignore: decorator
@inline
function isAscii(p: u32, length: u32): bool {
  if (length == 0) return true;
  const last = p + length - 8;
  let bits = load<u64>(last);
  if (length < 8) return ((bits >> ((8 - length) << 3)) & HIGH_BITS) == 0;
  for (; last - p > 24 && p < last; p += 32) {
    bits |= load<u64>(p) | load<u64>(p, 8) | load<u64>(p, 16) | load<u64>(p, 24);
  }
  for (; p < last; p += 8) bits |= load<u64>(p);
  return (bits & HIGH_BITS) == 0;
}
