/** Exact patterns: one probe of the table by the hash of the whole URI, then one comparison. Hot. */

import { sameBytes, sumOf, tagOf } from "./hash";
import { propose } from "./index-candidates";
import { entryLength, entryOwner, entryUri, IS_ENTRY, KIND_MASK, setEntryOwner } from "./index-entry";
import { URI_BYTES_MAX } from "./index-limits";
import { findSlot, firstSlot, nextSlot, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";

function exactTag(scope: u32, uri: u32, length: u32): u32 {
  return tagOf(scope, sumOf(uri, length), length);
}

/** The exact pattern of `scope` that is this URI; 0 if there is none. */
export function exactFind(scope: u32, uri: u32, length: u32): u32 {
  return length > URI_BYTES_MAX ? 0 : exactFindBySum(scope, uri, length, sumOf(uri, length));
}

/** The same for who knows the URI's `sumOf` already. */
// @ts-ignore: decorator
@inline
export function exactFindBySum(scope: u32, uri: u32, length: u32, sum: u64): u32 {
  const tag = tagOf(scope, sum, length);
  for (let slot = findSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const entry = slotValue(slot);
    if ((entry & KIND_MASK) != IS_ENTRY || entryOwner(entry) != scope || entryLength(entry) != length) continue;
    if (isSame(entryUri(entry), uri, length)) return entry;
  }
  return 0;
}

/** `sameBytes`, without a call for most URIs. */
// @ts-ignore: decorator
@inline
function isSame(a: u32, b: u32, length: u32): bool {
  if (length < 8) return sameBytes(a, b, length);
  const last = length - 8;
  if (load<u64>(a + last) != load<u64>(b + last)) return false;
  for (let i: u32 = 0; i < last; i += 8) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
  }
  return true;
}

/** Proposes the patterns of `scope` that may be this URI. */
export function exactCollect(scope: u32, uri: u32, length: u32): void {
  if (length > URI_BYTES_MAX) return;
  const tag = exactTag(scope, uri, length);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const entry = slotValue(slot);
    if ((entry & KIND_MASK) == IS_ENTRY) propose(entry, scope, length, length);
  }
}

export function exactLink(scope: u32, entry: u32): void {
  setEntryOwner(entry, scope);
  tableInsert(exactTag(scope, entryUri(entry), entryLength(entry)), entry);
}

export function exactUnlink(scope: u32, entry: u32): void {
  tableRemove(slotOf(exactTag(scope, entryUri(entry), entryLength(entry)), entry));
}
