/**
 * Writes outgoing frames to FRAME_OUT: a new head, and behind it the payload of the visited frame, as it came or (for a receiver
 * with another serializer) transcoded once per visit and format. Hot.
 */

import {
  CBOR,
  D_ACKNOWLEDGED_DELIVERY,
  D_DISCLOSE,
  D_PROGRESS,
  D_RECEIVE_PROGRESS,
  D_RETAINED,
  D_TIMEOUT,
  D_TRUST_LEVEL,
  D_URI,
  F_DISCLOSED,
  F_TIMEOUT_OUT,
  F_TRUST_LEVEL,
  JSON,
  KEY,
  MSGPACK,
  O_OPAQUE,
  U_ARGS,
  U_ARGS_LEN,
  U_AUTHID,
  U_AUTHID_LEN,
  U_AUTHROLE,
  U_AUTHROLE_LEN,
  U_FORMAT,
  U_KWARGS,
  U_KWARGS_LEN,
  U_OPAQUE,
  U_OUT,
  U_PAYLOAD_ARGS,
  U_PAYLOAD_LEN,
  U_PRESENT,
  U_URI,
  U_WRITE_STATUS,
  W_NONE,
  W_TOO_LARGE,
  getF,
  getU,
  setU,
} from "./abi";
import { copyBytes, narrow } from "./bytes";
import { isJson, isMsgpack, putArray, putBool, putColon, putEnd, putId, putMap, putSep, putString } from "./format";
import { ERROR, EVENT, INTERRUPT, INVOCATION, RESULT } from "./messages";
import { forwardsPlain, hasRoom, plainHead, plainId, plainParts, plainPayload } from "./msgpack-forward";
import { OPAQUE_SHIFT, opaqueKey } from "./option-keys";
import { FRAME_OUT, FRAME_OUT_BYTES, PAYLOAD, PAYLOAD_BYTES } from "./regions";
import { transcode } from "./transcode";

const COMMA: u8 = 0x2c;

// ---- messages; each returns the length of the frame, or 0 with U_WRITE_STATUS

/** [36, subscription, publication, details, args?, kwargs?] */
// @ts-ignore: decorator
@inline
export function event<F>(subscription: f64, publication: f64, details: u32): u32 {
  if (isMsgpack<F>() && forwardsPlain(details)) {
    setU(U_WRITE_STATUS, W_NONE);
    return plainPayload(plainId(plainId(plainHead(EVENT, 4 + plainParts()), subscription), publication));
  }
  return anyEvent<F>(subscription, publication, details);
}

function anyEvent<F>(subscription: f64, publication: f64, details: u32): u32 {
  let o = begin<F>(EVENT, 4, true);
  o = element<F>(o, subscription, 1);
  o = element<F>(o, publication, 2);
  o = detailMap<F>(o, 3, details, false, true);
  return finish<F>(o, true);
}

/** [68, request, registration, details, args?, kwargs?] */
// @ts-ignore: decorator
@inline
export function invocation<F>(request: f64, registration: f64, details: u32): u32 {
  if (isMsgpack<F>() && forwardsPlain(details)) {
    setU(U_WRITE_STATUS, W_NONE);
    return plainPayload(plainId(plainId(plainHead(INVOCATION, 4 + plainParts()), request), registration));
  }
  return anyInvocation<F>(request, registration, details);
}

function anyInvocation<F>(request: f64, registration: f64, details: u32): u32 {
  let o = begin<F>(INVOCATION, 4, true);
  o = element<F>(o, request, 1);
  o = element<F>(o, registration, 2);
  o = detailMap<F>(o, 3, details, true, true);
  return finish<F>(o, true);
}

/** [50, request, details, args?, kwargs?] */
// @ts-ignore: decorator
@inline
export function result<F>(request: f64, details: u32): u32 {
  if (isMsgpack<F>() && forwardsPlain(details)) {
    setU(U_WRITE_STATUS, W_NONE);
    return plainPayload(plainId(plainHead(RESULT, 3 + plainParts()), request));
  }
  return anyResult<F>(request, details);
}

function anyResult<F>(request: f64, details: u32): u32 {
  let o = begin<F>(RESULT, 3, true);
  o = element<F>(o, request, 1);
  o = detailMap<F>(o, 2, details, false, true);
  return finish<F>(o, true);
}

/** [8, type, request, {}, uri, args?, kwargs?] */
export function error<F>(requestType: u32, request: f64, uri: u32, uriLength: u32, payload: bool): u32 {
  let o = begin<F>(ERROR, 5, payload);
  o = element<F>(o, <f64>requestType, 1);
  o = element<F>(o, request, 2);
  o = detailMap<F>(o, 3, 0, false, payload);
  o = separate<F>(o, 4);
  if (o != 0) o = putString<F>(o, bound(), uri, uriLength);
  return finish<F>(o, payload);
}

/** [type, request, id], without the id if it is negative. */
export function acknowledgement<F>(type: u32, request: f64, id: f64): u32 {
  const elements: u32 = id < 0 ? 2 : 3;
  if (isMsgpack<F>() && hasRoom(0)) {
    setU(U_WRITE_STATUS, W_NONE);
    const behind = plainId(plainHead(type, elements), request);
    return (id < 0 ? behind : plainId(behind, id)) - start();
  }
  let o = begin<F>(type, elements, false);
  o = element<F>(o, request, 1);
  if (id >= 0) o = element<F>(o, id, 2);
  return finish<F>(o, false);
}

/** [69, request, {mode}], the mode by its number (abi.ts, U_MODE); 0 leaves it out. */
export function interrupt<F>(request: f64, mode: u32): u32 {
  let o = begin<F>(INTERRUPT, 3, false);
  o = element<F>(o, request, 1);
  o = separate<F>(o, 2);
  if (o != 0) o = putMap<F>(o, bound(), mode == 0 ? 0 : 1);
  if (mode != 0) {
    o = key<F>(o, 0, "mode");
    const length = mode == 1 ? ascii("skip") : mode == 2 ? ascii("kill") : ascii("killnowait");
    if (o != 0) o = putString<F>(o, bound(), KEY, length);
  }
  if (o != 0) o = putEnd<F>(o, bound(), true);
  return finish<F>(o, false);
}

// ---- the frame around them. A position of 0 means that something did not fit, and is passed on.

/** Where this frame begins: behind those of the same loop turn. */
// @ts-ignore: decorator
@inline function start(): u32 { return FRAME_OUT + getU(U_OUT); }

// @ts-ignore: decorator
@inline function bound(): u32 { return FRAME_OUT + FRAME_OUT_BYTES; }

/** Makes the payload ready, then writes the array head for `elements` and the payload's, and the message type. */
function begin<F>(type: u32, elements: u32, payload: bool): u32 {
  setU(U_WRITE_STATUS, W_NONE);
  if (payload) {
    if (!preparePayload<F>()) return 0;
    elements += payloadElements<F>();
  }
  const o = putArray<F>(start(), bound(), elements);
  return o == 0 ? 0 : putId<F>(o, bound(), <f64>type);
}

// @ts-ignore: decorator
@inline function separate<F>(o: u32, index: u32): u32 {
  return isJson<F>() && o != 0 ? putSep<F>(o, bound(), index) : o;
}

function element<F>(o: u32, value: f64, index: u32): u32 {
  o = separate<F>(o, index);
  return o == 0 ? 0 : putId<F>(o, bound(), value);
}

/** Adds the payload and closes the array. Returns the frame's length. */
function finish<F>(o: u32, payload: bool): u32 {
  if (o != 0 && payload) o = appendPayload<F>(o);
  if (o != 0) o = putEnd<F>(o, bound(), false);
  if (o != 0) return o - start();
  if (getU(U_WRITE_STATUS) == W_NONE) setU(U_WRITE_STATUS, W_TOO_LARGE);
  return 0;
}

// ---- payload

/** The format that a type parameter stands for. */
// @ts-ignore: decorator
@inline function formatOf<F>(): u32 { return sizeof<F>() == 1 ? JSON : sizeof<F>() == 2 ? MSGPACK : CBOR; }

// @ts-ignore: decorator
@inline function payloadRegion<F>(): u32 { return PAYLOAD + (formatOf<F>() - 1) * PAYLOAD_BYTES; }

/** True when the payload can be appended in this format: it is there as it came, or has now been transcoded. */
function preparePayload<F>(): bool {
  const format = formatOf<F>();
  if (getU(U_FORMAT) == format || getU(U_PAYLOAD_LEN + format) != 0) return true;
  const argsLength = getU(U_ARGS_LEN);
  const kwargsLength = getU(U_KWARGS_LEN);
  if (argsLength == 0 && kwargsLength == 0) return true;
  const start = payloadRegion<F>();
  const end = start + PAYLOAD_BYTES;
  let o = argsLength == 0 ? emptyList<F>(start, end) : convert<F>(getU(U_ARGS), argsLength, start, end);
  if (o != 0 && kwargsLength != 0) {
    if (isJson<F>()) o = comma(o, end);
    if (o != 0) o = convert<F>(getU(U_KWARGS), kwargsLength, o, end);
  }
  if (o == 0) return false;
  setU(U_PAYLOAD_LEN + format, o - start);
  setU(U_PAYLOAD_ARGS + format, kwargsLength == 0 ? 1 : 2);
  return true;
}

function convert<F>(p: u32, length: u32, o: u32, oEnd: u32): u32 {
  return transcode(getU(U_FORMAT), formatOf<F>(), p, p + length, o, oEnd);
}

function payloadElements<F>(): u32 {
  if (getU(U_FORMAT) != formatOf<F>()) return getU(U_PAYLOAD_ARGS + formatOf<F>());
  if (getU(U_KWARGS_LEN) != 0) return 2;
  return getU(U_ARGS_LEN) != 0 ? 1 : 0;
}

function appendPayload<F>(o: u32): u32 {
  const elements = payloadElements<F>();
  if (elements == 0) return o;
  if (isJson<F>()) o = comma(o, bound());
  if (o == 0) return 0;
  if (getU(U_FORMAT) != formatOf<F>()) {
    return splice(o, payloadRegion<F>(), getU(U_PAYLOAD_LEN + formatOf<F>()));
  }
  const argsLength = getU(U_ARGS_LEN);
  o = argsLength != 0 ? splice(o, getU(U_ARGS), argsLength) : emptyList<F>(o, bound());
  if (elements == 1 || o == 0) return o;
  if (isJson<F>()) o = comma(o, bound());
  return o == 0 ? 0 : splice(o, getU(U_KWARGS), getU(U_KWARGS_LEN));
}

// @ts-ignore: decorator
@inline function splice(o: u32, p: u32, length: u32): u32 {
  if (length > bound() - o) return 0;
  copyBytes(o, p, length);
  return o + length;
}

function emptyList<F>(o: u32, oEnd: u32): u32 {
  o = putArray<F>(o, oEnd, 0);
  return o == 0 ? 0 : putEnd<F>(o, oEnd, false);
}

function comma(o: u32, oEnd: u32): u32 {
  if (o >= oEnd) return 0;
  store<u8>(o, COMMA);
  return o + 1;
}

// ---- details

/**
 * A details map out of the D_… bits and, where a payload follows, what the visited options say about an opaque one. EVENT and
 * INVOCATION call the same things by different names.
 */
// @ts-ignore: decorator
@inline
function detailMap<F>(o: u32, index: u32, details: u32, toCallee: bool, payload: bool): u32 {
  o = separate<F>(o, index);
  if (o == 0) return 0;
  const opaque = payload && (getU(U_PRESENT) & O_OPAQUE) != 0 ? getU(U_PRESENT) >> OPAQUE_SHIFT : 0;
  if ((details | opaque) != 0) return detailPairs<F>(o, details, opaque, toCallee);
  o = putMap<F>(o, bound(), 0);
  return o == 0 ? 0 : putEnd<F>(o, bound(), true);
}

function detailPairs<F>(o: u32, details: u32, opaque: u32, toCallee: bool): u32 {
  let disclosed: u32 = 0;
  if ((details & D_DISCLOSE) != 0) {
    disclosed = 1 + u32(getU(U_AUTHID_LEN) != 0) + u32(getU(U_AUTHROLE_LEN) != 0);
  }
  const flags = details & ~D_DISCLOSE;
  o = putMap<F>(o, bound(), popcnt(flags) + disclosed + popcnt(opaque));
  let pair: u32 = 0;
  for (let i: u32 = 0; opaque >> i != 0; ++i) {
    if (((opaque >> i) & 1) == 0) continue;
    o = keyAt<F>(o, pair++, opaqueKey(i));
    o = text<F>(o, U_OPAQUE + (i << 1));
  }
  if ((details & D_URI) != 0) {
    o = toCallee ? key<F>(o, pair++, "procedure") : key<F>(o, pair++, "topic");
    o = text<F>(o, U_URI);
  }
  if ((details & D_PROGRESS) != 0) o = yes<F>(key<F>(o, pair++, "progress"));
  if ((details & D_RECEIVE_PROGRESS) != 0) o = yes<F>(key<F>(o, pair++, "receive_progress"));
  if ((details & D_TIMEOUT) != 0) {
    o = key<F>(o, pair++, "timeout");
    if (o != 0) o = putId<F>(o, bound(), getF(F_TIMEOUT_OUT));
  }
  if ((details & D_RETAINED) != 0) o = yes<F>(key<F>(o, pair++, "retained"));
  if ((details & D_TRUST_LEVEL) != 0) {
    o = key<F>(o, pair++, "trustlevel");
    if (o != 0) o = putId<F>(o, bound(), getF(F_TRUST_LEVEL));
  }
  if ((details & D_ACKNOWLEDGED_DELIVERY) != 0) o = yes<F>(key<F>(o, pair++, "x_acknowledged_delivery"));
  if (disclosed != 0) o = disclosure<F>(o, pair, toCallee);
  return o == 0 ? 0 : putEnd<F>(o, bound(), true);
}

function disclosure<F>(o: u32, pair: u32, toCallee: bool): u32 {
  o = toCallee ? key<F>(o, pair++, "caller") : key<F>(o, pair++, "publisher");
  if (o != 0) o = putId<F>(o, bound(), getF(F_DISCLOSED));
  if (getU(U_AUTHID_LEN) != 0) {
    o = toCallee ? key<F>(o, pair++, "caller_authid") : key<F>(o, pair++, "publisher_authid");
    o = text<F>(o, U_AUTHID);
  }
  if (getU(U_AUTHROLE_LEN) != 0) {
    o = toCallee ? key<F>(o, pair++, "caller_authrole") : key<F>(o, pair++, "publisher_authrole");
    o = text<F>(o, U_AUTHROLE);
  }
  return o;
}

/** Writes a key, with what goes before and behind it. */
// @ts-ignore: decorator
@inline function key<F>(o: u32, pair: u32, name: string): u32 {
  return keyAt<F>(o, pair, changetype<usize>(name));
}

function keyAt<F>(o: u32, pair: u32, literal: usize): u32 {
  if (o == 0) return 0;
  if (isJson<F>()) o = putSep<F>(o, bound(), pair);
  if (o != 0) o = putString<F>(o, bound(), KEY, narrow(KEY, literal));
  return o != 0 && isJson<F>() ? putColon<F>(o, bound()) : o;
}

/** Puts an ASCII literal at KEY, where the writers can take it from. Returns its length. */
// @ts-ignore: decorator
@inline function ascii(word: string): u32 { return narrow(KEY, changetype<usize>(word)); }

function yes<F>(o: u32): u32 {
  return o == 0 ? 0 : putBool<F>(o, bound(), true);
}

/** The text whose span stands in `slot` and the slot behind it. */
function text<F>(o: u32, slot: u32): u32 {
  return o == 0 ? 0 : putString<F>(o, bound(), getU(slot), getU(slot + 1));
}
