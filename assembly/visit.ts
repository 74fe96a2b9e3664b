/** The one crossing per inbound frame: decode, check, match. Integers come out in the slots of abi.ts. Hot. */

import {
  CBOR,
  F_REQUEST,
  JSON,
  MSGPACK,
  OK,
  URI_INVALID,
  U_ARGS,
  U_ELEMENT,
  U_ERROR_OFFSET,
  U_FORMAT,
  U_LENGTH,
  U_MATCH,
  U_MATCH_COUNT,
  U_OPTIONS,
  U_TYPE,
  U_URI,
  U_URI_LEN,
  U_URI_STATUS,
  VIOLATION,
  V_FORMAT,
  V_TOO_LONG,
  fail,
  getU,
  setU,
} from "./abi";
import { Cbor, Json, Msgpack } from "./format";
import { decodeFrame } from "./frame";
import { CALL, PUBLISH, REGISTER, SUBSCRIBE } from "./messages";
import { clearF, clearPair, clearRare, clearUri, quickFrame } from "./msgpack-frame";
import { indexBest, indexBestBySum, indexFind, indexMatch, indexMatchBySum } from "./pattern-index";
import { FRAME_IN, FRAME_IN_BYTES, MATCHES } from "./regions";
import { scannedSum } from "./uri";

/** Decodes the frame of `length` bytes in FRAME_IN. With a realm, also looks its URI up in that realm's patterns. */
export function visit(format: u32, length: u32, realm: u32, flags: u32): u32 {
  setU(U_FORMAT, format);
  setU(U_LENGTH, length);
  if (format == MSGPACK && length <= FRAME_IN_BYTES && quickFrame(FRAME_IN + length, flags)) {
    if (realm != 0 && getU(U_URI_STATUS) != URI_INVALID) matchBySum(realm);
    return OK;
  }
  return visitAny(format, length, realm, flags);
}

/** The way that every frame can go. U_FORMAT and U_LENGTH are set. */
export function visitAny(format: u32, length: u32, realm: u32, flags: u32): u32 {
  reset();
  if (!decode(format, length, flags)) {
    const at = getU(U_ERROR_OFFSET);
    // A violation inside an unescaped copy of a string has no offset of its own in the frame.
    setU(U_ERROR_OFFSET, at - FRAME_IN <= length ? at - FRAME_IN : length);
    return VIOLATION;
  }
  if (realm != 0 && getU(U_URI_STATUS) != URI_INVALID) match(realm);
  return OK;
}

function decode(format: u32, length: u32, flags: u32): bool {
  if (length > FRAME_IN_BYTES) {
    fail(V_TOO_LONG, FRAME_IN);
    return false;
  }
  const end = FRAME_IN + length;
  if (format == MSGPACK) return decodeFrame<Msgpack>(FRAME_IN, end, flags);
  if (format == JSON) return decodeFrame<Json>(FRAME_IN, end, flags);
  if (format == CBOR) return decodeFrame<Cbor>(FRAME_IN, end, flags);
  fail(V_FORMAT, FRAME_IN);
  return false;
}

/**
 * Clears what one visit fills in. Pointers whose length or bit says "absent" stay as they are, and so does what the writers take.
 */
function reset(): void {
  clearF(F_REQUEST);
  setU(U_TYPE, 0);
  clearUri();
  clearPair(U_OPTIONS);
  clearPair(U_ARGS);
  setU(U_ELEMENT, 0);
  clearRare();
}

/** Scopes of a realm in the pattern index: topics are even, procedures odd. */
function match(realm: u32): void {
  const type = getU(U_TYPE);
  const topics = realm << 1;
  const uri = getU(U_URI);
  const length = getU(U_URI_LEN);
  if (type == PUBLISH) {
    setU(U_MATCH_COUNT, indexMatch(topics, uri, length));
  } else if (type == CALL) {
    found(indexBest(topics | 1, uri, length));
  } else if (type == SUBSCRIBE) {
    found(indexFind(topics, getU(U_MATCH), uri, length));
  } else if (type == REGISTER) {
    found(indexFind(topics | 1, getU(U_MATCH), uri, length));
  }
}

/** The same for a frame that `quickFrame` has read. */
// @ts-ignore: decorator
@inline
function matchBySum(realm: u32): void {
  const type = getU(U_TYPE);
  const topics = realm << 1;
  const uri = getU(U_URI);
  const length = getU(U_URI_LEN);
  if (type == PUBLISH) setU(U_MATCH_COUNT, indexMatchBySum(topics, uri, length, scannedSum));
  else if (type == CALL) found(indexBestBySum(topics | 1, uri, length, scannedSum));
}

// @ts-ignore: decorator
@inline function found(handle: u32): void {
  store<u32>(MATCHES, handle);
  setU(U_MATCH_COUNT, handle == 0 ? 0 : 1);
}
