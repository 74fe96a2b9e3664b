/**
 * The keys that options and details may have, per message type, as bits: those of abi.ts that the router acts on, and behind them
 * some that are only checked for their type, because the specification's vectors ask for it.
 */

import {
  O_ACKNOWLEDGE,
  O_ACKNOWLEDGED_DELIVERY,
  O_DISCLOSE_CALLER,
  O_DISCLOSE_ME,
  O_ELIGIBLE,
  O_ELIGIBLE_AUTHID,
  O_ELIGIBLE_AUTHROLE,
  O_EXCLUDE,
  O_EXCLUDE_AUTHID,
  O_EXCLUDE_AUTHROLE,
  O_EXCLUDE_ME,
  O_INVOKE,
  O_MATCH,
  O_MODE,
  O_PROGRESS,
  O_PPT,
  O_RECEIVE_PROGRESS,
  O_RETAIN,
  O_RKEY,
  O_RUNMODE,
  O_TIMEOUT,
} from "./abi";
import { isLiteral } from "./bytes";
import {
  CALL,
  CANCEL,
  EVENT,
  INTERRUPT,
  INVOCATION,
  PUBLISH,
  REGISTER,
  RESULT,
  SUBSCRIBE,
  YIELD,
} from "./messages";

const X_TRANSACTION_HASH: u32 = 1 << 19;
export const X_FORWARD_FOR: u32 = 1 << 20;
/** publisher or caller, and what goes with them. */
const X_DISCLOSED: u32 = 1 << 21;
const X_DISCLOSED_AUTHID: u32 = 1 << 22;
const X_DISCLOSED_AUTHROLE: u32 = 1 << 23;
/** topic or procedure; the same bit as rkey, which other messages have. */
const X_URI: u32 = O_RKEY;
/** From here up, in the order of U_OPAQUE and of `opaqueKey`: how an opaque payload is to be read. */
export const OPAQUE_SHIFT: u32 = 25;
export const X_ENC_ALGO: u32 = 1 << 25;
export const X_PPT_SCHEME: u32 = O_PPT;
const OPAQUES: u32 = 0x7f << OPAQUE_SHIFT;

export const BOOLS: u32 =
  O_ACKNOWLEDGE |
  O_EXCLUDE_ME |
  O_DISCLOSE_ME |
  O_DISCLOSE_CALLER |
  O_RECEIVE_PROGRESS |
  O_PROGRESS |
  O_RETAIN |
  O_ACKNOWLEDGED_DELIVERY;
export const ID_LISTS: u32 = O_EXCLUDE | O_ELIGIBLE;
export const TEXT_LISTS: u32 =
  O_EXCLUDE_AUTHID | O_EXCLUDE_AUTHROLE | O_ELIGIBLE_AUTHID | O_ELIGIBLE_AUTHROLE;
export const NUMBERS: u32 = O_TIMEOUT | X_DISCLOSED;
export const TEXTS: u32 =
  X_TRANSACTION_HASH | X_DISCLOSED_AUTHID | X_DISCLOSED_AUTHROLE | X_URI | (OPAQUES & ~X_ENC_ALGO);
/** Texts with a closed set of values. */
export const WORDS: u32 = O_MATCH | O_INVOKE | O_MODE | X_ENC_ALGO;

// @ts-ignore: decorator
@inline function is(p: u32, length: u32, key: string): bool { return isLiteral(p, length, changetype<usize>(key)); }

/** The bit of the option called by the text at p in a message of this type; 0 if it knows none of that name. */
export function optionOf(type: u32, p: u32, length: u32): u32 {
  const own = ownOption(type, p, length);
  if (own != 0) return own;
  if (is(p, length, "forward_for")) return X_FORWARD_FOR;
  for (let i: u32 = 0; i < 7; ++i) {
    if (isLiteral(p, length, opaqueKey(i))) return 1 << (OPAQUE_SHIFT + i);
  }
  return 0;
}

/** Name of the key whose text is pair `index` of U_OPAQUE, as an address of a literal. */
export function opaqueKey(index: u32): usize {
  switch (index) {
    case 0:
      return changetype<usize>("enc_algo");
    case 1:
      return changetype<usize>("enc_key");
    case 2:
      return changetype<usize>("enc_serializer");
    case 3:
      return changetype<usize>("ppt_scheme");
    case 4:
      return changetype<usize>("ppt_serializer");
    case 5:
      return changetype<usize>("ppt_cipher");
    default:
      return changetype<usize>("ppt_keyid");
  }
}

function ownOption(type: u32, p: u32, length: u32): u32 {
  switch (type) {
    case PUBLISH:
      return publishOption(p, length);
    case EVENT:
      return eventDetail(p, length);
    case CALL:
      return callOption(p, length);
    case INVOCATION:
      return invocationDetail(p, length);
    case SUBSCRIBE:
      if (is(p, length, "match")) return O_MATCH;
      if (is(p, length, "get_retained")) return O_RETAIN;
      return is(p, length, "x_acknowledged_delivery") ? O_ACKNOWLEDGED_DELIVERY : 0;
    case REGISTER:
      if (is(p, length, "match")) return O_MATCH;
      if (is(p, length, "invoke")) return O_INVOKE;
      return is(p, length, "disclose_caller") ? O_DISCLOSE_CALLER : 0;
    case RESULT:
    case YIELD:
      return is(p, length, "progress") ? O_PROGRESS : 0;
    case CANCEL:
    case INTERRUPT:
      return is(p, length, "mode") ? O_MODE : 0;
    default:
      return 0;
  }
}

function publishOption(p: u32, length: u32): u32 {
  if (is(p, length, "acknowledge")) return O_ACKNOWLEDGE;
  if (is(p, length, "exclude_me")) return O_EXCLUDE_ME;
  if (is(p, length, "disclose_me")) return O_DISCLOSE_ME;
  if (is(p, length, "exclude")) return O_EXCLUDE;
  if (is(p, length, "exclude_authid")) return O_EXCLUDE_AUTHID;
  if (is(p, length, "exclude_authrole")) return O_EXCLUDE_AUTHROLE;
  if (is(p, length, "eligible")) return O_ELIGIBLE;
  if (is(p, length, "eligible_authid")) return O_ELIGIBLE_AUTHID;
  if (is(p, length, "eligible_authrole")) return O_ELIGIBLE_AUTHROLE;
  if (is(p, length, "retain")) return O_RETAIN;
  if (isRoutingKey(p, length)) return O_RKEY;
  return is(p, length, "transaction_hash") ? X_TRANSACTION_HASH : 0;
}

function eventDetail(p: u32, length: u32): u32 {
  if (is(p, length, "publisher")) return X_DISCLOSED;
  if (is(p, length, "publisher_authid")) return X_DISCLOSED_AUTHID;
  if (is(p, length, "publisher_authrole")) return X_DISCLOSED_AUTHROLE;
  if (is(p, length, "topic")) return X_URI;
  if (is(p, length, "retained")) return O_RETAIN;
  if (is(p, length, "transaction_hash")) return X_TRANSACTION_HASH;
  return is(p, length, "x_acknowledged_delivery") ? O_ACKNOWLEDGED_DELIVERY : 0;
}

/** The routing key, by the name that the specification has for it and by one that clients of another router send. */
function isRoutingKey(p: u32, length: u32): bool {
  return is(p, length, "rkey") || is(p, length, "_routing_key");
}

function callOption(p: u32, length: u32): u32 {
  if (is(p, length, "receive_progress")) return O_RECEIVE_PROGRESS;
  if (is(p, length, "disclose_me")) return O_DISCLOSE_ME;
  if (is(p, length, "timeout")) return O_TIMEOUT;
  if (is(p, length, "runmode")) return O_RUNMODE;
  if (isRoutingKey(p, length)) return O_RKEY;
  return is(p, length, "progress") ? O_PROGRESS : 0;
}

function invocationDetail(p: u32, length: u32): u32 {
  if (is(p, length, "caller")) return X_DISCLOSED;
  if (is(p, length, "caller_authid")) return X_DISCLOSED_AUTHID;
  if (is(p, length, "caller_authrole")) return X_DISCLOSED_AUTHROLE;
  if (is(p, length, "procedure")) return X_URI;
  if (is(p, length, "receive_progress")) return O_RECEIVE_PROGRESS;
  if (is(p, length, "timeout")) return O_TIMEOUT;
  return is(p, length, "progress") ? O_PROGRESS : 0;
}
