/**
 * URI rules, loose and strict (WAMP basic profile, "URIs"), as one pass over UTF-8 bytes that cannot backtrack. Hot.
 * What the grammar of the specification says with three patterns is said here by where a component may be empty:
 * nowhere (exact), at the end (prefix), anywhere (wildcard).
 */

import { URI_INVALID, URI_OK, URI_RESERVED, VISIT_STRICT_URI } from "./abi";
import { codePoint } from "./bytes";
import { SUM_KEYS, sumPair } from "./hash";

/** Bounds of base/limits.ts. */
const URI_BYTES_MAX: u32 = 1024;
const COMPONENTS_MAX: u32 = 64;

const EXACT: u32 = 0;
const PREFIX: u32 = 1;

/** "wamp", "span" and "bond" as four bytes, and "wire" behind the second. */
const WAMP: u32 = 0x706d6177;
const SPAN: u32 = 0x6e617073;
const WIRE: u32 = 0x65726977;
const BOND: u32 = 0x646e6f62;
const Y: u32 = 0x79;
const DOT: u32 = 0x2e;

const LOW: u64 = 0x0101010101010101;
const HIGH: u64 = 0x8080808080808080;
const DOTS: u64 = LOW * 0x2e;
const HASHES: u64 = LOW * 0x23;
/** Below '!' lie the controls and the blank. */
const BANGS: u64 = LOW * 0x21;
/** Stands for the bytes behind a URI's end in the last word: an ordinary character. */
const FILLER: u64 = LOW * 0x61;

/** Classes of bytes. */
const ORDINARY: u32 = 0;
const IS_DOT: u32 = 1;
const REFUSED: u32 = 2;
const WIDE: u32 = 3;

/** URI_OK, URI_INVALID or URI_RESERVED for the valid UTF-8 at `uri`, read by the rules of `match` (0 exact, 1 prefix, 2 wildcard). */
export function uriStatus(uri: u32, length: u32, match: u32, flags: u32): u32 {
  if (length > URI_BYTES_MAX) return URI_INVALID;
  const valid = (flags & VISIT_STRICT_URI) == 0 ? looseWords(uri, length, match) : bytewise(uri, length, match, true);
  if (!valid) return URI_INVALID;
  return length >= 4 && isReserved(uri, length) ? URI_RESERVED : URI_OK;
}

/** What `scanUri` says of a text that it leaves to `uriStatus`. */
export const URI_NOT_PLAIN: u32 = 0xff;
/** `sumOf` (hash.ts) of the text that `scanUri` has last been through. */
export let scannedSum: u64 = 0;

/**
 * UTF-8, rules and hash of an exact URI in one pass: URI_OK, URI_RESERVED, or URI_NOT_PLAIN where the loose rules are broken or it is
 * not all printable ASCII. Eight readable bytes lie in front of it.
 */
// @ts-ignore: decorator
@inline
export function scanUri(uri: u32, length: u32): u32 {
  const end = uri + length;
  const rest = length & 7;
  let refused: u64 = 0;
  let components: u32 = 1;
  let open: u64 = 0x80;
  let empty: u64 = 0;
  let sum: u64 = 0;
  let key = SUM_KEYS;
  for (let p = uri; p < end; p += 8) {
    let word = load<u64>(p);
    if (end - p < 8) word = load<u64>(end - 8) >> ((8 - rest) << 3);
    sum += sumPair(key, word);
    key += 16;
    if (end - p < 8) word |= FILLER << (rest << 3);
    const hash = word ^ HASHES;
    refused |= word | ((word - BANGS) & ~word) | ((hash - LOW) & ~hash);
    const dots = ~((word ^ DOTS) + (HIGH - LOW)) & HIGH;
    components += <u32>popcnt(dots);
    empty |= dots & ((dots << 8) | open);
    open = dots >> 56;
  }
  scannedSum = sum;
  if ((refused & HIGH) != 0 || empty != 0 || components > COMPONENTS_MAX) return URI_NOT_PLAIN;
  if (length == 0 || load<u8>(end - 1) == DOT) return URI_NOT_PLAIN;
  return length >= 4 && isReserved(uri, length) ? URI_RESERVED : URI_OK;
}

/** Whether the whole first component is a name of the router's own. `length` is 4 at least. */
// @ts-ignore: decorator
@inline
function isReserved(uri: u32, length: u32): bool {
  const start = load<u32>(uri);
  if (start == WAMP) return endsAt(uri, length, 4);
  if (start == SPAN) return length >= 8 && load<u32>(uri + 4) == WIRE && endsAt(uri, length, 8);
  return start == BOND && length >= 5 && load<u8>(uri + 4) == Y && endsAt(uri, length, 5);
}

// @ts-ignore: decorator
@inline function endsAt(uri: u32, length: u32, at: u32): bool { return length == at || load<u8>(uri + at) == DOT; }

/**
 * The loose rules, eight bytes at a time. A word with anything but printable ASCII in it hands over to the bytewise check,
 * which alone knows what Unicode calls white space.
 */
function looseWords(uri: u32, length: u32, match: u32): bool {
  let components: u32 = 1;
  // 0x80 if the byte before the word was a dot, or there was none: the state in which a dot leaves a component empty.
  let open: u64 = 0x80;
  let empty: u64 = 0;
  for (let i: u32 = 0; i < length; i += 8) {
    const word = length - i >= 8 ? load<u64>(uri + i) : lastWord(uri + i, length - i, i);
    const hash = word ^ HASHES;
    if (((word | ((word - BANGS) & ~word) | ((hash - LOW) & ~hash)) & HIGH) != 0) return bytewise(uri, length, match, false);
    // No byte is above 0x7f here, so this marks exactly the dots.
    const dots = ~((word ^ DOTS) + (HIGH - LOW)) & HIGH;
    components += <u32>popcnt(dots);
    empty |= dots & ((dots << 8) | open);
    open = dots >> 56;
  }
  const lastEmpty = length == 0 || load<u8>(uri + length - 1) == DOT;
  return components <= COMPONENTS_MAX && emptyAllowed(empty != 0, lastEmpty, match);
}

/** The last `left` (1 to 7) bytes as a word, filled up; `before` bytes of the URI lie in front of them. */
function lastWord(p: u32, left: u32, before: u32): u64 {
  const filler = FILLER << (left << 3);
  if (before >= 8) return (load<u64>(p + left - 8) >> ((8 - left) << 3)) | filler;
  let word: u64 = 0;
  for (let i: u32 = left; i > 0; --i) word = (word << 8) | load<u8>(p + i - 1);
  return word | filler;
}

// @ts-ignore: decorator
@inline function emptyAllowed(inner: bool, last: bool, match: u32): bool {
  if (match == EXACT) return !inner && !last;
  return match != PREFIX || !inner;
}

/** Both rule sets, byte by byte. */
function bytewise(uri: u32, length: u32, match: u32, strict: bool): bool {
  const end = uri + length;
  let components: u32 = 1;
  let empty = true;
  let inner = false;
  for (let p = uri; p < end; ++p) {
    const byte: u32 = load<u8>(p);
    const kind = strict ? strictClass(byte) : looseClass(byte);
    if (kind == REFUSED) return false;
    if (kind == WIDE) {
      if (isSpace(codePoint(p))) return false;
      p += byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    }
    if (kind == IS_DOT) {
      ++components;
      inner = inner || empty;
    }
    empty = kind == IS_DOT;
  }
  return components <= COMPONENTS_MAX && emptyAllowed(inner, empty, match);
}

function looseClass(byte: u32): u32 {
  if (byte >= 0x80) return WIDE;
  if (byte == DOT) return IS_DOT;
  return byte == 0x20 || byte - 0x09 <= 4 || byte == 0x23 ? REFUSED : ORDINARY;
}

function strictClass(byte: u32): u32 {
  if (byte == DOT) return IS_DOT;
  const ordinary = byte - 0x61 < 26 || byte - 0x30 < 10 || byte == 0x5f;
  return ordinary ? ORDINARY : REFUSED;
}

/** White space beyond ASCII, as `\s` of ECMAScript has it. */
function isSpace(point: u32): bool {
  if (point < 0x2000) return point == 0xa0 || point == 0x1680;
  if (point <= 0x200a) return true;
  return point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000 || point == 0xfeff;
}
