/**
 * Patterns and scopes as records. A pattern's record holds its URI behind a head of 16 bytes; its handle is a small dense
 * number that leads to the record. A scope's record counts its patterns, so that what a scope has none of is never looked for.
 */

import { reserve } from "./arena";
import { tagOf } from "./hash";
import { EXACT, PREFIX, WILDCARD } from "./index-limits";
import { firstSlot, nextSlot, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";
import { allocate, PAGE_BYTES, release, takePage } from "./slab";

// ---- what a table value or a child pointer leads to: records are aligned to 8, so the low bits are free
export const KIND_MASK: u32 = 7;
export const IS_ENTRY: u32 = 0;
export const IS_NODE: u32 = 1;
export const IS_SCOPE: u32 = 2;
export const IS_SHAPE: u32 = 3;

// ---- pattern record
const ENTRY_SCOPE: u32 = 0;
const ENTRY_HANDLE: u32 = 4;
const ENTRY_LENGTH: u32 = 8;
const ENTRY_POLICY: u32 = 10;
const ENTRY_COMPONENTS: u32 = 11;
const ENTRY_OWNER: u32 = 12;
const ENTRY_URI: u32 = 16;

// @ts-ignore: decorator
@inline export function entryScope(entry: u32): u32 { return load<u32>(entry, ENTRY_SCOPE); }
// @ts-ignore: decorator
@inline export function entryHandle(entry: u32): u32 { return load<u32>(entry, ENTRY_HANDLE); }
// @ts-ignore: decorator
@inline export function entryLength(entry: u32): u32 { return <u32>load<u16>(entry, ENTRY_LENGTH); }
// @ts-ignore: decorator
@inline export function entryPolicy(entry: u32): u32 { return <u32>load<u8>(entry, ENTRY_POLICY); }
/** Number of components; kept for wildcard patterns only. */
// @ts-ignore: decorator
@inline export function entryComponents(entry: u32): u32 { return <u32>load<u8>(entry, ENTRY_COMPONENTS); }
// @ts-ignore: decorator
@inline export function setEntryComponents(entry: u32, count: u32): void { store<u8>(entry, <u8>count, ENTRY_COMPONENTS); }
/** Where the entry hangs: its trie node, 0 at a trie's root, the scope's record if it is exact. */
// @ts-ignore: decorator
@inline export function entryOwner(entry: u32): u32 { return load<u32>(entry, ENTRY_OWNER); }
// @ts-ignore: decorator
@inline export function setEntryOwner(entry: u32, owner: u32): void { store<u32>(entry, owner, ENTRY_OWNER); }
// @ts-ignore: decorator
@inline export function entryUri(entry: u32): u32 { return entry + ENTRY_URI; }

/** A record with a handle of its own, not yet linked anywhere; 0 when there are no handles left. */
export function newEntry(scope: u32, policy: u32, uri: u32, length: u32): u32 {
  const entry = allocate(ENTRY_URI + length);
  const handle = takeHandle(entry);
  if (handle == 0) {
    release(entry);
    return 0;
  }
  store<u32>(entry, scope, ENTRY_SCOPE);
  store<u32>(entry, handle, ENTRY_HANDLE);
  store<u16>(entry, <u16>length, ENTRY_LENGTH);
  store<u8>(entry, <u8>policy, ENTRY_POLICY);
  store<u8>(entry, 0, ENTRY_COMPONENTS);
  store<u32>(entry, 0, ENTRY_OWNER);
  memory.copy(entryUri(entry), uri, length);
  return entry;
}

export function freeEntry(entry: u32): void {
  freeHandle(entryHandle(entry));
  release(entry);
}

// ---- handles: pages of 4,096; a used one holds the address of its record, a free one the next free handle, marked odd

const HANDLE_SHIFT: u32 = 12;
const HANDLES_PER_PAGE: u32 = PAGE_BYTES >> 2;
const HANDLE_PAGES_MAX: u32 = 16384;
let handleDirectory: u32 = 0;
/** Handles ever given out, plus one; those below are used or free. */
let handleTop: u32 = 1;
let freeHandles: u32 = 0;

export function handlesInit(): bool {
  handleDirectory = <u32>reserve(HANDLE_PAGES_MAX << 2);
  const page = handleDirectory != 0 ? takePage() : 0;
  if (page == 0) return false;
  store<u32>(handleDirectory, page);
  return true;
}

// @ts-ignore: decorator
@inline
function handleAt(handle: u32): u32 {
  return load<u32>(handleDirectory + ((handle >> HANDLE_SHIFT) << 2)) + ((handle & (HANDLES_PER_PAGE - 1)) << 2);
}

function takeHandle(entry: u32): u32 {
  let handle = freeHandles;
  if (handle != 0) {
    freeHandles = load<u32>(handleAt(handle)) >> 1;
  } else {
    handle = handleTop;
    const pageIndex = handle >> HANDLE_SHIFT;
    if (pageIndex >= HANDLE_PAGES_MAX) return 0;
    if ((handle & (HANDLES_PER_PAGE - 1)) == 0) store<u32>(handleDirectory + (pageIndex << 2), takePage());
    handleTop++;
  }
  store<u32>(handleAt(handle), entry);
  return handle;
}

function freeHandle(handle: u32): void {
  store<u32>(handleAt(handle), (freeHandles << 1) | 1);
  freeHandles = handle;
}

/** The record of a handle; 0 if there is no such handle. */
export function entryOf(handle: u32): u32 {
  if (handle == 0 || handle >= handleTop) return 0;
  const value = load<u32>(handleAt(handle));
  return (value & 1) != 0 ? 0 : value;
}

// ---- scope record

const SCOPE_ID: u32 = 0;
/** Patterns of each policy, at SCOPE_COUNTS + 4 * policy. */
const SCOPE_COUNTS: u32 = 4;
const SCOPE_PREFIXES: u32 = 16;
const SCOPE_EMPTY_PREFIX: u32 = 20;
const SCOPE_WILDCARDS: u32 = 24;
const SCOPE_BYTES: u32 = 32;

// @ts-ignore: decorator
@inline export function scopeId(scope: u32): u32 { return load<u32>(scope, SCOPE_ID); }
// @ts-ignore: decorator
@inline export function scopeCount(scope: u32, policy: u32): u32 { return load<u32>(scope + (policy << 2), SCOPE_COUNTS); }
/** The root of the prefix trie: 0, an entry or a node. */
// @ts-ignore: decorator
@inline export function prefixRoot(scope: u32): u32 { return load<u32>(scope, SCOPE_PREFIXES); }
// @ts-ignore: decorator
@inline export function setPrefixRoot(scope: u32, child: u32): void { store<u32>(scope, child, SCOPE_PREFIXES); }
/** The entry of the prefix "", which has no bytes to be found by; 0 if there is none. */
// @ts-ignore: decorator
@inline export function emptyPrefix(scope: u32): u32 { return load<u32>(scope, SCOPE_EMPTY_PREFIX); }
// @ts-ignore: decorator
@inline export function setEmptyPrefix(scope: u32, entry: u32): void { store<u32>(scope, entry, SCOPE_EMPTY_PREFIX); }
/** Roots of the wildcard tries, one per number of components; 0 as long as the scope has had no wildcard pattern. */
// @ts-ignore: decorator
@inline export function wildcardRoots(scope: u32): u32 { return load<u32>(scope, SCOPE_WILDCARDS); }
// @ts-ignore: decorator
@inline export function setWildcardRoots(scope: u32, roots: u32): void { store<u32>(scope, roots, SCOPE_WILDCARDS); }

/** Scopes are numbered by the router, so that their tags need no care beyond being spread. */
function scopeTag(id: u32): u32 {
  return tagOf(id, 0, 0);
}

/** Scopes asked for before, by the low bits of their numbers: number and record of each, 0 for none. */
const RECENT = <u32>memory.data(512);
const RECENT_MASK: u32 = 63;

// @ts-ignore: decorator
@inline function recentAt(id: u32): u32 { return RECENT + ((id & RECENT_MASK) << 3); }

/** The record of scope `id`; 0 if it has no patterns. */
// @ts-ignore: decorator
@inline
export function scopeOf(id: u32): u32 {
  const at = recentAt(id);
  const record = load<u32>(at, 4);
  return record != 0 && load<u32>(at) == id ? record : lookUpScope(id);
}

function lookUpScope(id: u32): u32 {
  const tag = scopeTag(id);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    if ((value & KIND_MASK) != IS_SCOPE || scopeId(value - IS_SCOPE) != id) continue;
    store<u32>(recentAt(id), id);
    store<u32>(recentAt(id), value - IS_SCOPE, 4);
    return value - IS_SCOPE;
  }
  return 0;
}

export function newScope(id: u32): u32 {
  const scope = allocate(SCOPE_BYTES);
  memory.fill(scope, 0, SCOPE_BYTES);
  store<u32>(scope, id, SCOPE_ID);
  tableInsert(scopeTag(id), scope | IS_SCOPE);
  return scope;
}

export function countEntry(scope: u32, policy: u32): void {
  store<u32>(scope + (policy << 2), scopeCount(scope, policy) + 1, SCOPE_COUNTS);
}

/** Takes one pattern off the scope's count; the record goes with its last one. */
export function uncountEntry(scope: u32, policy: u32): void {
  store<u32>(scope + (policy << 2), scopeCount(scope, policy) - 1, SCOPE_COUNTS);
  dropScopeIfEmpty(scope);
}

export function dropScopeIfEmpty(scope: u32): void {
  if ((scopeCount(scope, EXACT) | scopeCount(scope, PREFIX) | scopeCount(scope, WILDCARD)) != 0) return;
  tableRemove(slotOf(scopeTag(scopeId(scope)), scope | IS_SCOPE));
  if (wildcardRoots(scope) != 0) release(wildcardRoots(scope));
  const recent = recentAt(scopeId(scope));
  if (load<u32>(recent, 4) == scope) store<u32>(recent, 0, 4);
  release(scope);
}
