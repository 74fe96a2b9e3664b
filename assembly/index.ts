/**
 * The ABI: the only exports of the module. Bytes in, integers out; every function returns a status, a handle or a length, and none
 * of them traps on any input. The constants are exported so that a test can compare them with src/wasm/abi.ts.
 */

import { CBOR, JSON, MSGPACK, U_WRITE_STATUS, W_TOO_LARGE, setU } from "./abi";
import { reserve } from "./arena";
import { Cbor, Json, Msgpack } from "./format";
import { acknowledgement, error, event, interrupt, invocation, result } from "./frame-write";
import { indexInit } from "./pattern-index";
import { FRAME_IN, FRAME_OUT, MATCHES, reserveRegions } from "./regions";
import { uriStatus } from "./uri";

export {
  // fixed addresses
  HEADER,
  HEADER_U32,
  KEY,
  TEXT,
  TEXT_BYTES,
  FIXED_END,
  KEPT_BYTES,
  // formats: RawSocket's serializer numbers
  JSON,
  MSGPACK,
  CBOR,
  // F64 slots (index from HEADER, 8 bytes each)
  F_REQUEST,
  F_ID,
  F_ID2,
  F_TIMEOUT,
  F_DISCLOSED,
  F_TIMEOUT_OUT,
  F_VALUE,
  F_TRUST_LEVEL,
  // U32 slots (index from HEADER_U32, 4 bytes each); pointers are absolute addresses
  U_TYPE,
  U_FORMAT,
  U_LENGTH,
  U_ERROR_OFFSET,
  U_VIOLATION,
  U_URI,
  U_URI_LEN,
  U_URI_STATUS,
  U_OPTIONS,
  U_OPTIONS_LEN,
  U_ARGS,
  U_ARGS_LEN,
  U_KWARGS,
  U_KWARGS_LEN,
  U_PRESENT,
  U_TRUE,
  U_MATCH,
  U_INVOKE,
  U_MODE,
  U_REQUEST_TYPE,
  U_MATCH_COUNT,
  U_MATCH_STATUS,
  U_LISTS,
  U_WRITE_STATUS,
  U_AUTHID,
  U_AUTHID_LEN,
  U_AUTHROLE,
  U_AUTHROLE_LEN,
  U_SPAN,
  U_SPAN_LEN,
  U_COUNT,
  U_SCRATCH,
  U_PAYLOAD_LEN,
  U_PAYLOAD_ARGS,
  U_ELEMENT,
  U_OPTION,
  U_OPTION_LEN,
  U_OPAQUE,
  U_OUT,
  U_RKEY,
  U_RKEY_LEN,
  // status of a visit
  OK,
  VIOLATION,
  // violations
  V_NONE,
  V_TOO_LONG,
  V_MALFORMED,
  V_UTF8,
  V_DEPTH,
  V_TRAILING,
  V_NOT_ARRAY,
  V_TYPE,
  V_ELEMENT_COUNT,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_OPTION_TYPE,
  V_OPTION_VALUE,
  V_OPTION_TWICE,
  V_FORMAT,
  URI_OK,
  URI_INVALID,
  URI_RESERVED,
  // visit flags
  VISIT_STRICT_URI,
  VISIT_STRICT,
  // known options (bits of U_PRESENT and U_TRUE)
  O_ACKNOWLEDGE,
  O_EXCLUDE_ME,
  O_DISCLOSE_ME,
  O_EXCLUDE,
  O_EXCLUDE_AUTHID,
  O_EXCLUDE_AUTHROLE,
  O_ELIGIBLE,
  O_ELIGIBLE_AUTHID,
  O_ELIGIBLE_AUTHROLE,
  O_MATCH,
  O_INVOKE,
  O_DISCLOSE_CALLER,
  O_RECEIVE_PROGRESS,
  O_PROGRESS,
  O_TIMEOUT,
  O_MODE,
  O_OPAQUE,
  O_RETAIN,
  O_ACKNOWLEDGED_DELIVERY,
  O_OTHER,
  O_RKEY,
  O_PPT,
  O_RUNMODE,
  // details that the writers can add (bits)
  D_URI,
  D_PROGRESS,
  D_RECEIVE_PROGRESS,
  D_DISCLOSE,
  D_TIMEOUT,
  D_RETAINED,
  D_TRUST_LEVEL,
  D_ACKNOWLEDGED_DELIVERY,
  // why a writer wrote nothing
  W_NONE,
  W_TOO_LARGE,
  W_UNREPRESENTABLE,
  // match status
  M_OK,
  M_OVERFLOW,
  // why the index took no pattern, and its bounds
  I_NONE,
  I_MEMORY,
  I_TEXT,
  I_SHAPES,
  SHAPES_MAX,
  SHAPE_FREE_COMPONENTS,
  OWN_SCOPES,
} from "./abi";
export {
  indexBest,
  indexBytes,
  indexCount,
  indexFind,
  indexInsert,
  indexMatch,
  indexMatchInto,
  indexPolicy,
  indexProblem,
  indexRemove,
  indexScope,
  indexUri,
  indexUriLen,
  indexWork,
} from "./pattern-index";
export { visit } from "./visit";

/** Bounds under which no size in `reserveRegions` can wrap. */
const FRAME_BYTES_MAX: u32 = 1 << 24;
const MATCHES_BOUND: u32 = 1 << 26;

/** Reserves memory for frames of `frameBytes` and `matches` matches; the seeds key the index's hash. 1, or 0 when that cannot be. */
export function init(frameBytes: u32, matches: u32, seed0: u32, seed1: u32, seed2: u32, seed3: u32): u32 {
  if (frameBytes == 0 || frameBytes > FRAME_BYTES_MAX || matches == 0 || matches > MATCHES_BOUND) return 0;
  if (!reserveRegions(frameBytes, matches)) return 0;
  return indexInit(seed0, seed1, seed2, seed3) ? 1 : 0;
}

export function frameIn(): u32 {
  return FRAME_IN;
}

export function frameOut(): u32 {
  return FRAME_OUT;
}

export function matches(): u32 {
  return MATCHES;
}

/** Takes `bytes` of memory for the caller's own use, for good. Its address, or 0 when there is no more. Views may have died then. */
export function reserveBytes(bytes: u32): u32 {
  return <u32>reserve(bytes);
}

/** URI_OK, URI_INVALID or URI_RESERVED for a URI outside a frame; `uri` is valid UTF-8. */
export function checkUri(uri: u32, uriLength: u32, match: u32, flags: u32): u32 {
  return uriStatus(uri, uriLength, match, flags);
}

// ---- writers: length of the frame in FRAME_OUT, or 0 with U_WRITE_STATUS

export function writeEvent(format: u32, subscription: f64, publication: f64, details: u32): u32 {
  if (format == MSGPACK) return event<Msgpack>(subscription, publication, details);
  if (format == JSON) return event<Json>(subscription, publication, details);
  return format == CBOR ? event<Cbor>(subscription, publication, details) : unknownFormat();
}

export function writeInvocation(format: u32, request: f64, registration: f64, details: u32): u32 {
  if (format == MSGPACK) return invocation<Msgpack>(request, registration, details);
  if (format == JSON) return invocation<Json>(request, registration, details);
  return format == CBOR ? invocation<Cbor>(request, registration, details) : unknownFormat();
}

export function writeResult(format: u32, request: f64, details: u32): u32 {
  if (format == MSGPACK) return result<Msgpack>(request, details);
  if (format == JSON) return result<Json>(request, details);
  return format == CBOR ? result<Cbor>(request, details) : unknownFormat();
}

/** `payload`: 1 to forward the visited frame's payload, 0 for an error of the router's own. `uri` lies in the frame or in TEXT. */
export function writeError(
  format: u32,
  requestType: u32,
  request: f64,
  uri: u32,
  uriLength: u32,
  payload: u32,
): u32 {
  const forward = payload != 0;
  if (format == MSGPACK) return error<Msgpack>(requestType, request, uri, uriLength, forward);
  if (format == JSON) return error<Json>(requestType, request, uri, uriLength, forward);
  return format == CBOR ? error<Cbor>(requestType, request, uri, uriLength, forward) : unknownFormat();
}

/** SUBSCRIBED, REGISTERED, PUBLISHED; with a negative id UNSUBSCRIBED, UNREGISTERED. */
export function writeAck(format: u32, type: u32, request: f64, id: f64): u32 {
  if (format == MSGPACK) return acknowledgement<Msgpack>(type, request, id);
  if (format == JSON) return acknowledgement<Json>(type, request, id);
  return format == CBOR ? acknowledgement<Cbor>(type, request, id) : unknownFormat();
}

export function writeInterrupt(format: u32, request: f64, mode: u32): u32 {
  if (format == MSGPACK) return interrupt<Msgpack>(request, mode);
  if (format == JSON) return interrupt<Json>(request, mode);
  return format == CBOR ? interrupt<Cbor>(request, mode) : unknownFormat();
}

function unknownFormat(): u32 {
  setU(U_WRITE_STATUS, W_TOO_LARGE);
  return 0;
}
