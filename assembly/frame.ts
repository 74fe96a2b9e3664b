/**
 * Decodes one WAMP message over any cursor: every byte is checked, the head's integers go to the slots of abi.ts, and what is
 * forwarded is left as spans. Knows the message layouts (messages.ts), nothing of sessions or patterns. Hot.
 */

import {
  F_ID,
  F_ID2,
  F_REQUEST,
  F_VALUE,
  O_OPAQUE,
  U_ARGS,
  U_ARGS_LEN,
  U_COUNT,
  U_ELEMENT,
  U_KWARGS,
  U_KWARGS_LEN,
  U_MATCH,
  U_OPTIONS,
  U_OPTIONS_LEN,
  U_PRESENT,
  U_REQUEST_TYPE,
  U_SPAN,
  U_SPAN_LEN,
  U_TYPE,
  U_URI,
  U_URI_LEN,
  U_URI_STATUS,
  U_VIOLATION,
  VISIT_STRICT,
  V_ELEMENT_COUNT,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_MALFORMED,
  V_NOT_ARRAY,
  V_TRAILING,
  V_TYPE,
  fail,
  getF,
  getU,
  setF,
  setU,
} from "./abi";
import { K_ARRAY, K_BINARY, K_NIL, K_STRING } from "./cursor";
import {
  atEnd,
  colon,
  enterArray,
  enterMap,
  isJson,
  kind,
  more,
  readId,
  readString,
  skip,
  tail,
} from "./format";
import { options } from "./frame-options";
import {
  E_ARGS,
  E_DICT,
  E_END,
  E_EXTRA,
  E_ID,
  E_ID2,
  E_KWARGS,
  E_REQUEST,
  E_REQUEST_TYPE,
  E_REVOCATION,
  E_TEXT,
  E_URI,
  HELLO,
  UNREGISTERED,
  UNSUBSCRIBED,
  layoutOf,
} from "./messages";
import { uriStatus } from "./uri";

/** Containers that may still be opened inside a message element: 64, less the message itself. */
export const DEPTH: u32 = 63;

/** Decodes the frame at [p, end). False after a violation. */
export function decodeFrame<F>(p: u32, end: u32, flags: u32): bool {
  if (isJson<F>()) p = tail<F>(p, end);
  if (kind<F>(p, end) != K_ARRAY) {
    fail(V_NOT_ARRAY, p);
    return false;
  }
  p = enterArray<F>(p, end);
  if (p == 0) return false;
  const count = getU(U_COUNT);
  p = more<F>(p, end, 0, count, false);
  if (p == 0) return false;
  if (atEnd<F>(0, count)) {
    fail(V_ELEMENT_COUNT, p);
    return false;
  }
  p = messageType<F>(p, end);
  if (p == 0) return false;
  p = elements<F>(p, end, count, flags);
  if (p == 0) return false;
  p = tail<F>(p, end);
  if (p != end) {
    fail(V_TRAILING, p);
    return false;
  }
  dropEmptyArgs<F>();
  return true;
}

function messageType<F>(p: u32, end: u32): u32 {
  const behind = readId<F>(p, end);
  if (behind == 0) {
    if (getU(U_VIOLATION) != V_MALFORMED) setU(U_VIOLATION, V_TYPE);
    return 0;
  }
  const type = getF(F_VALUE);
  if (type > 1023 || layoutOf(<u32>type) == 0) return fail(V_TYPE, p);
  setU(U_TYPE, <u32>type);
  return behind;
}

/** Reads the elements behind the message type, in the order of the message's layout. */
function elements<F>(p: u32, end: u32, count: u32, flags: u32): u32 {
  const type = getU(U_TYPE);
  let layout = layoutOf(type);
  for (let index: u32 = 1; ; ++index) {
    setU(U_ELEMENT, index);
    const element = layout & 0x0f;
    layout >>= 4;
    const start = p;
    p = more<F>(p, end, index, count, false);
    if (p == 0) return 0;
    if (atEnd<F>(index, count)) {
      if (element != E_END && element < E_ARGS) return fail(V_ELEMENT_COUNT, start);
      break;
    }
    switch (element) {
      case E_REQUEST:
        p = id<F>(p, end, F_REQUEST, type);
        break;
      case E_ID:
        p = id<F>(p, end, F_ID, type);
        break;
      case E_ID2:
        p = id<F>(p, end, F_ID2, type);
        break;
      case E_DICT:
        p = dict<F>(p, end, type, flags);
        break;
      case E_URI:
        p = type == HELLO && isAbsent<F>(p, end, flags) ? skip<F>(p, end, 0) : uri<F>(p, end, flags);
        break;
      case E_ARGS:
        p = args<F>(p, end, flags);
        break;
      case E_KWARGS:
        p = kwargs<F>(p, end, flags);
        break;
      case E_TEXT:
        p = readString<F>(p, end);
        break;
      case E_REQUEST_TYPE:
        p = readId<F>(p, end);
        if (p != 0) setU(U_REQUEST_TYPE, <u32>min(getF(F_VALUE), 65535));
        break;
      case E_EXTRA:
        p = (flags & VISIT_STRICT) != 0 ? fail(V_ELEMENT_COUNT, p) : dict<F>(p, end, type, flags);
        break;
      case E_REVOCATION:
        p = dict<F>(p, end, type, flags);
        break;
      default:
        return fail(V_ELEMENT_COUNT, p);
    }
    if (p == 0) return 0;
  }
  return p;
}

/** An id, 1 … 2^53, into its slot. Only the revocation of a subscription or registration answers request 0. */
function id<F>(p: u32, end: u32, slot: u32, type: u32): u32 {
  const behind = readId<F>(p, end);
  if (behind == 0) return 0;
  const value = getF(F_VALUE);
  if (value == 0 && type != UNSUBSCRIBED && type != UNREGISTERED) return fail(V_ID_RANGE, p);
  setF(slot, value);
  return behind;
}

function dict<F>(p: u32, end: u32, type: u32, flags: u32): u32 {
  const behind = options<F>(p, end, type, flags);
  setU(U_OPTIONS, p);
  setU(U_OPTIONS_LEN, behind - p);
  return behind;
}

function uri<F>(p: u32, end: u32, flags: u32): u32 {
  p = readString<F>(p, end);
  if (p == 0) return 0;
  const at = getU(U_SPAN);
  const length = getU(U_SPAN_LEN);
  setU(U_URI, at);
  setU(U_URI_LEN, length);
  setU(U_URI_STATUS, uriStatus(at, length, getU(U_MATCH), flags));
  return p;
}

/** Nil where something else is due: read as absent, unless strict. The realm of a HELLO may be, when it resumes a session. */
// @ts-ignore: decorator
@inline function isAbsent<F>(p: u32, end: u32, flags: u32): bool {
  return (flags & VISIT_STRICT) == 0 && kind<F>(p, end) == K_NIL;
}

/** The arguments: a list, or one text or binary where the options announced an opaque payload. */
function args<F>(p: u32, end: u32, flags: u32): u32 {
  const found = kind<F>(p, end);
  if (found != K_ARRAY) {
    if (found == K_NIL && (flags & VISIT_STRICT) == 0) return skip<F>(p, end, 0);
    const opaque = (found == K_STRING || found == K_BINARY) && (getU(U_PRESENT) & O_OPAQUE) != 0;
    if (!opaque) return fail(V_ELEMENT_TYPE, p);
  }
  const behind = skip<F>(p, end, DEPTH);
  if (behind == 0) return 0;
  setU(U_ARGS, p);
  setU(U_ARGS_LEN, behind - p);
  return behind;
}

/** The keyword arguments: a map with text keys. An empty one counts as absent. */
export function kwargs<F>(p: u32, end: u32, flags: u32): u32 {
  if (isAbsent<F>(p, end, flags)) return skip<F>(p, end, 0);
  const start = p;
  p = enterMap<F>(p, end);
  const count = getU(U_COUNT);
  if (p == 0) return 0;
  for (let index: u32 = 0; ; ++index) {
    p = more<F>(p, end, index, count, true);
    if (p == 0) return 0;
    if (atEnd<F>(index, count)) {
      if (index == 0) return p;
      break;
    }
    if (kind<F>(p, end) != K_STRING) return fail(V_ELEMENT_TYPE, p);
    p = skip<F>(p, end, 0);
    if (p == 0) return 0;
    p = colon<F>(p, end);
    if (p == 0) return 0;
    p = skip<F>(p, end, DEPTH - 1);
    if (p == 0) return 0;
  }
  setU(U_KWARGS, start);
  setU(U_KWARGS_LEN, p - start);
  return p;
}

/** Longest form of an empty list in the binary formats: a CBOR head that spends eight bytes on saying 0. */
const EMPTY_BYTES: u32 = 9;

/** Takes back an empty argument list that no keyword arguments follow: it says nothing, and is not forwarded. */
function dropEmptyArgs<F>(): void {
  const length = getU(U_ARGS_LEN);
  if (length == 0 || getU(U_KWARGS_LEN) != 0 || (!isJson<F>() && length > EMPTY_BYTES)) return;
  const at = getU(U_ARGS);
  const end = at + length;
  if (kind<F>(at, end) != K_ARRAY) return;
  const inside = enterArray<F>(at, end);
  const count = getU(U_COUNT);
  more<F>(inside, end, 0, count, false);
  if (atEnd<F>(0, count)) setU(U_ARGS_LEN, 0);
}
