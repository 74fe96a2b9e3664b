/** Exact patterns: one probe of the table by the hash of the whole URI, then one comparison. Hot. */

import { hashBytes, sameBytes, tagOf } from "./hash";
import { entryLength, entryOwner, entryUri, IS_ENTRY, KIND_MASK, setEntryOwner } from "./index-entry";
import { firstSlot, nextSlot, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";

/** The exact pattern of `scope` that is this URI; 0 if there is none. */
export function exactFind(scope: u32, uri: u32, length: u32): u32 {
  const tag = tagOf(scope, hashBytes(uri, length));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const entry = slotValue(slot);
    if ((entry & KIND_MASK) != IS_ENTRY || entryOwner(entry) != scope || entryLength(entry) != length) continue;
    if (sameBytes(entryUri(entry), uri, length)) return entry;
  }
  return 0;
}

export function exactLink(scope: u32, entry: u32): void {
  setEntryOwner(entry, scope);
  tableInsert(exactTag(scope, entry), entry);
}

export function exactUnlink(scope: u32, entry: u32): void {
  tableRemove(slotOf(exactTag(scope, entry), entry));
}

function exactTag(scope: u32, entry: u32): u32 {
  return tagOf(scope, hashBytes(entryUri(entry), entryLength(entry)));
}
