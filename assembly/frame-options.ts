/**
 * Reads options and details: each known key's value is checked for its type and fills the slots of abi.ts; unknown keys are
 * checked for well-formedness and otherwise left alone. Costs one branch for the empty map.
 */

import {
  F_TIMEOUT,
  F_VALUE,
  O_EXCLUDE,
  O_INVOKE,
  O_MATCH,
  O_MODE,
  O_OPAQUE,
  O_OTHER,
  O_RKEY,
  O_RUNMODE,
  O_TIMEOUT,
  U_COUNT,
  U_INVOKE,
  U_LISTS,
  U_MATCH,
  U_MODE,
  U_OPAQUE,
  U_OPTION,
  U_OPTION_LEN,
  U_PRESENT,
  U_RKEY,
  U_RKEY_LEN,
  U_SPAN,
  U_SPAN_LEN,
  U_TRUE,
  U_VIOLATION,
  VISIT_STRICT,
  V_ELEMENT_TYPE,
  V_ID_RANGE,
  V_OPTION_TWICE,
  V_OPTION_TYPE,
  V_OPTION_VALUE,
  fail,
  getF,
  getU,
  setF,
  setU,
} from "./abi";
import { isLiteral } from "./bytes";
import { K_ARRAY, K_FLOAT, K_INT, K_MAP, K_NIL } from "./cursor";
import { atEnd, colon, enterArray, enterMap, kind, more, readBool, readId, readString, skip } from "./format";
import {
  BOOLS,
  ID_LISTS,
  NUMBERS,
  OPAQUE_SHIFT,
  TEXTS,
  TEXT_LISTS,
  WORDS,
  X_ENC_ALGO,
  X_FORWARD_FOR,
  X_PPT_SCHEME,
  optionOf,
} from "./option-keys";
import { CALL } from "./messages";

/** Containers that may still be opened inside an option's value: 64, less the message and the map. */
const DEPTH: u32 = 62;

/** Bits that go into U_PRESENT: those of abi.ts, and which texts stand in U_OPAQUE. */
const KEPT: u32 = 0x7ffff | O_RKEY | (0x7f << OPAQUE_SHIFT);

/** Reads the options of a message of this type at p. Returns the position behind them, or 0. */
export function options<F>(p: u32, end: u32, type: u32, flags: u32): u32 {
  p = enterMap<F>(p, end);
  const count = getU(U_COUNT);
  if (p == 0 || count == 0) return p;
  let seen: u32 = 0;
  for (let index: u32 = 0; ; ++index) {
    p = more<F>(p, end, index, count, true);
    if (p == 0) return 0;
    if (atEnd<F>(index, count)) break;
    const keyAt = p;
    setU(U_OPTION_LEN, 0);
    p = readString<F>(p, end);
    if (p == 0) return refused();
    setU(U_OPTION, getU(U_SPAN));
    setU(U_OPTION_LEN, getU(U_SPAN_LEN));
    p = colon<F>(p, end);
    if (p == 0) return 0;
    const option = optionOf(type, getU(U_OPTION), getU(U_OPTION_LEN));
    if (option == 0) {
      setU(U_PRESENT, getU(U_PRESENT) | O_OTHER);
      p = skip<F>(p, end, DEPTH);
      if (p == 0) return 0;
    } else {
      if ((seen & option) != 0) return fail(V_OPTION_TWICE, keyAt);
      seen |= option;
      p = value<F>(p, end, type, option, flags);
      if (p == 0) return refused();
    }
  }
  // A violation behind the map is about no option.
  setU(U_OPTION_LEN, 0);
  return p;
}

/** Says the violation of a value in an option's terms. */
function refused(): u32 {
  const violation = getU(U_VIOLATION);
  if (violation == V_ELEMENT_TYPE) setU(U_VIOLATION, V_OPTION_TYPE);
  if (violation == V_ID_RANGE) setU(U_VIOLATION, V_OPTION_VALUE);
  return 0;
}

function value<F>(p: u32, end: u32, type: u32, option: u32, flags: u32): u32 {
  const found = kind<F>(p, end);
  // A null stands for "not given" in clients that always write all their options.
  if (found == K_NIL && (flags & VISIT_STRICT) == 0) return skip<F>(p, end, 0);
  const start = p;
  if ((option & BOOLS) != 0) {
    p = readBool<F>(p, end);
    if (p != 0 && getU(U_COUNT) != 0) setU(U_TRUE, getU(U_TRUE) | (option & KEPT));
  } else if ((option & WORDS) != 0) {
    p = word<F>(p, end, type, option, flags);
  } else if ((option & TEXTS) != 0) {
    p = readString<F>(p, end);
    if (option == O_RKEY) {
      setU(U_RKEY, getU(U_SPAN));
      setU(U_RKEY_LEN, getU(U_SPAN_LEN));
    }
  } else if ((option & NUMBERS) != 0) {
    if (found != K_INT && found != K_FLOAT) return fail(V_OPTION_TYPE, p);
    p = readId<F>(p, end);
    if (option == O_TIMEOUT) setF(F_TIMEOUT, getF(F_VALUE));
  } else {
    if (found != K_ARRAY) return fail(V_OPTION_TYPE, p);
    p = list<F>(p, end, option);
    if (option != X_FORWARD_FOR && p != 0) {
      const slot = U_LISTS + ((ctz(option) - ctz(O_EXCLUDE)) << 1);
      setU(slot, start);
      setU(slot + 1, p - start);
    }
  }
  if (p == 0) return 0;
  if (option >> OPAQUE_SHIFT != 0) {
    const slot = U_OPAQUE + ((ctz(option) - OPAQUE_SHIFT) << 1);
    setU(slot, getU(U_SPAN));
    setU(slot + 1, getU(U_SPAN_LEN));
    if ((option & (X_ENC_ALGO | X_PPT_SCHEME)) != 0) option |= O_OPAQUE;
  }
  setU(U_PRESENT, getU(U_PRESENT) | (option & KEPT));
  return p;
}

/** A list of ids, of texts, or (forward_for) of maps. */
function list<F>(p: u32, end: u32, option: u32): u32 {
  p = enterArray<F>(p, end);
  const count = getU(U_COUNT);
  if (p == 0) return 0;
  for (let index: u32 = 0; ; ++index) {
    p = more<F>(p, end, index, count, false);
    if (p == 0) return 0;
    if (atEnd<F>(index, count)) break;
    if ((option & ID_LISTS) != 0) p = readId<F>(p, end);
    else if ((option & TEXT_LISTS) != 0) p = readString<F>(p, end);
    else if (kind<F>(p, end) != K_MAP) return fail(V_OPTION_TYPE, p);
    else p = skip<F>(p, end, DEPTH - 1);
    if (p == 0) return 0;
  }
  return p;
}

/** A text out of a closed set; its number goes to the option's slot. */
function word<F>(p: u32, end: u32, type: u32, option: u32, flags: u32): u32 {
  const start = p;
  p = readString<F>(p, end);
  if (p == 0) return 0;
  const at = getU(U_SPAN);
  const length = getU(U_SPAN_LEN);
  if (option == O_MATCH) {
    const match = matchOf(at, length);
    if (match < 0) return fail(V_OPTION_VALUE, start);
    setU(U_MATCH, match);
  } else if (option == O_INVOKE) {
    const invoke = invokeOf(at, length);
    if (invoke < 0) return fail(V_OPTION_VALUE, start);
    setU(U_INVOKE, invoke);
  } else if (option == O_RUNMODE && type == CALL) {
    const runmode = runmodeOf(at, length);
    if (runmode == 0) return fail(V_OPTION_VALUE, start);
    setU(U_MODE, runmode);
  } else if (option == O_MODE) {
    const mode = modeOf(at, length);
    if (mode == 4 && (flags & VISIT_STRICT) != 0) return fail(V_OPTION_VALUE, start);
    setU(U_MODE, mode);
  } else if (!isAlgorithm(at, length)) {
    return fail(V_OPTION_VALUE, start);
  }
  return p;
}

// @ts-ignore: decorator
@inline function is(p: u32, length: u32, word: string): bool { return isLiteral(p, length, changetype<usize>(word)); }

function matchOf(p: u32, length: u32): i32 {
  if (is(p, length, "exact")) return 0;
  if (is(p, length, "prefix")) return 1;
  return is(p, length, "wildcard") ? 2 : -1;
}

function invokeOf(p: u32, length: u32): i32 {
  if (is(p, length, "single")) return 0;
  if (is(p, length, "roundrobin")) return 1;
  if (is(p, length, "random")) return 2;
  if (is(p, length, "first")) return 3;
  if (is(p, length, "last")) return 4;
  if (is(p, length, "queue_least_loaded") || is(p, length, "qll")) return 5;
  if (is(p, length, "queue_least_loaded_sample") || is(p, length, "qlls")) return 6;
  if (is(p, length, "jump_consistent_hash") || is(p, length, "jch")) return 7;
  return is(p, length, "all") ? 8 : -1;
}

function runmodeOf(p: u32, length: u32): u32 {
  if (is(p, length, "partition")) return 1;
  return is(p, length, "all") ? 2 : 0;
}

function modeOf(p: u32, length: u32): u32 {
  if (is(p, length, "skip")) return 1;
  if (is(p, length, "kill")) return 2;
  return is(p, length, "killnowait") ? 3 : 4;
}

/** The payload encryption that older clients name in enc_algo; names of their own begin with x_. */
function isAlgorithm(p: u32, length: u32): bool {
  if (is(p, length, "cryptobox") || is(p, length, "mqtt") || is(p, length, "xbr")) return true;
  return length > 2 && load<u8>(p) == 0x78 && load<u8>(p + 1) == 0x5f;
}
