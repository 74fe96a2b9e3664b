/** The components of the text at hand (a URI to be matched, or a wildcard pattern): where they lie, and their hash sums. Hot. */

import { sameBytes, sumOf, tailOf } from "./hash";
import { entryLength, entryUri } from "./index-entry";
import { COMPONENTS_MAX, URI_BYTES_MAX } from "./index-limits";

const DOT: u32 = 0x2e;
const DOTS: u64 = 0x2e2e2e2e2e2e2e2e;
const LOW_SEVEN: u64 = 0x7f7f7f7f7f7f7f7f;

/** Address, length and hash sum (0: not computed yet) of each component. */
const SPANS = <u32>memory.data(1024);

// @ts-ignore: decorator
@inline export function spanStart(index: u32): u32 { return load<u32>(SPANS + (index << 4)); }
// @ts-ignore: decorator
@inline export function spanLength(index: u32): u32 { return load<u32>(SPANS + (index << 4), 4); }
// @ts-ignore: decorator
@inline
export function spanSum(index: u32): u64 {
  let sum = load<u64>(SPANS + (index << 4), 8);
  if (sum == 0) {
    // A component longer than any pattern equals none; its sum only has to stay within the keys.
    sum = sumOf(spanStart(index), min<u32>(spanLength(index), URI_BYTES_MAX));
    store<u64>(SPANS + (index << 4), sum, 8);
  }
  return sum;
}

/** Whether the text that was split last had an empty component, and its number of components. */
export let splitEmpty: bool = false;
export let splitCount: u32 = 0;

// @ts-ignore: decorator
@inline
function addSpan(start: u32, end: u32): void {
  const span = SPANS + (splitCount << 4);
  store<u32>(span, start);
  store<u32>(span, end - start, 4);
  store<u64>(span, 0, 8);
  if (start == end) splitEmpty = true;
  splitCount++;
}

/** The high bit of each byte of `word` that is a dot. */
// @ts-ignore: decorator
@inline
function dotsIn(word: u64): u64 {
  const other = word ^ DOTS;
  return ~(((other & LOW_SEVEN) + LOW_SEVEN) | other | LOW_SEVEN);
}

/** Splits a text, eight bytes at a time. Returns the number of components, or 0 when there are more than COMPONENTS_MAX. */
export function splitText(text: u32, length: u32): u32 {
  splitEmpty = false;
  splitCount = 0;
  let start = text;
  for (let at: u32 = 0; at < length; at += 8) {
    let dots = dotsIn(length - at >= 8 ? load<u64>(text + at) : tailOf(text, length));
    for (; dots != 0; dots &= dots - 1) {
      const end = text + at + (<u32>ctz<u64>(dots) >> 3);
      if (splitCount == COMPONENTS_MAX) return 0;
      addSpan(start, end);
      start = end + 1;
    }
  }
  if (splitCount == COMPONENTS_MAX) return 0;
  addSpan(start, text + length);
  return splitCount;
}

/** True if the component of `entry` that begins at its byte `at` is the one in span `index`. */
// @ts-ignore: decorator
@inline
export function hasComponent(entry: u32, at: u32, index: u32): bool {
  const end = at + spanLength(index);
  if (end > entryLength(entry) || !sameBytes(entryUri(entry) + at, spanStart(index), spanLength(index))) return false;
  return end == entryLength(entry) || <u32>load<u8>(entryUri(entry) + end) == DOT;
}

/** True if the wildcard pattern matches the text at hand; it has as many components, and the text no empty one. */
export function fitsComponents(entry: u32): bool {
  const end = entryLength(entry);
  const count = splitCount;
  let at: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    if (at < end && <u32>load<u8>(entryUri(entry) + at) != DOT) {
      if (!hasComponent(entry, at, index)) return false;
      at += spanLength(index);
    }
    at++;
  }
  return true;
}

/** Length of the component of `entry` that begins at its byte `at`. */
export function componentLength(entry: u32, at: u32): u32 {
  const end = entryLength(entry);
  let p = at;
  while (p < end && <u32>load<u8>(entryUri(entry) + p) != DOT) p++;
  return p - at;
}
