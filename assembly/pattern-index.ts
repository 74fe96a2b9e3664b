/**
 * The pattern index: which patterns match a URI. Hot: `indexMatch` and `indexBest` allocate nothing and write only MATCHES,
 * U_MATCH_STATUS and scratch of the walk; insert and remove are control path.
 *
 * A scope is a number that the router chooses (one per realm and kind); patterns of different scopes never meet. URIs come in
 * validated; an invalid one may match nothing, but does no harm.
 */

import { I_MEMORY, I_NONE, I_SHAPES, I_TEXT, M_OK, M_OVERFLOW, setU, U_MATCH_STATUS } from "./abi";
import { hashSeed } from "./hash";
import { beginMatch, overflowed, settle } from "./index-candidates";
import { splitCount, splitText } from "./index-components";
import {
  countEntry, dropScopeIfEmpty, entryHandle, entryLength, entryOf, entryPolicy, entryScope, entryUri, freeEntry,
  handlesInit, newEntry, newScope, scopeCount, scopeId, scopeOf, uncountEntry,
} from "./index-entry";
import { exactCollect, exactFind, exactFindBySum, exactLink, exactUnlink } from "./index-exact";
import { EXACT, PREFIX, URI_BYTES_MAX, WILDCARD } from "./index-limits";
import { prefixBest, prefixCollect, prefixFind, prefixLink, prefixUnlink } from "./index-prefix";
import { shapeFits } from "./index-shapes";
import { tableInit, work } from "./index-table";
import { wildcardCollect, wildcardFind, wildcardLink, wildcardUnlink } from "./index-wildcard";
import { MATCHES, MATCHES_MAX } from "./regions";
import { ensurePages, PAGE_BYTES, pagesInUse } from "./slab";

/**
 * Pages that one insert may take at worst: each of its up to 66 new records may open a page of its size, of which there are
 * fewer than 50 sizes, and the table a segment, a handle page and a page of overflow buckets.
 */
const INSERT_PAGES_MAX: u32 = 56;

let ready: bool = false;
let count: u32 = 0;
let problem: u32 = I_NONE;

/** Prepares the index, once, with a random key for its hashes. Returns 1, or 0 when memory is short or it ran before. */
export function indexInit(seed0: u32, seed1: u32, seed2: u32, seed3: u32): u32 {
  if (ready) return 0;
  hashSeed(seed0, seed1, seed2, seed3);
  ready = tableInit() && handlesInit();
  return <u32>ready;
}

/**
 * Adds a pattern; `policy` is EXACT, PREFIX or WILDCARD, the URI's bytes are copied. Returns its handle: a number from 1 on, the
 * same as before if the pattern is there already. Returns 0 when memory is exhausted, for a URI longer than URI_BYTES_MAX, for
 * a wildcard pattern of more than COMPONENTS_MAX components, and for one with a shape too many; `indexProblem` says which.
 */
export function indexInsert(scope: u32, policy: u32, uri: u32, uriLen: u32): u32 {
  problem = I_TEXT;
  if (!ready || policy > WILDCARD || uriLen > URI_BYTES_MAX) return 0;
  if (policy == WILDCARD && splitText(uri, uriLen) == 0) return 0;
  problem = I_MEMORY;
  if (!ensurePages(INSERT_PAGES_MAX)) return 0;
  let record = scopeOf(scope);
  if (record == 0) record = newScope(scope);
  const found = findEntry(record, policy, uri, uriLen);
  if (found != 0) return entryHandle(found);
  if (policy == WILDCARD && !shapeFits(record, splitCount)) {
    problem = I_SHAPES;
    return 0;
  }
  const entry = newEntry(record, policy, uri, uriLen);
  if (entry == 0) {
    dropScopeIfEmpty(record);
    return 0;
  }
  if (policy == EXACT) exactLink(record, entry);
  else if (policy == PREFIX) prefixLink(record, entry);
  else wildcardLink(record, entry);
  countEntry(record, policy);
  count++;
  return entryHandle(entry);
}

/** Why the last `indexInsert` returned 0. */
export function indexProblem(): u32 {
  return problem;
}

/** Removes a pattern. Returns 1, or 0 if there is no such handle. The handle and all memory of the pattern serve again. */
export function indexRemove(handle: u32): u32 {
  const entry = entryOf(handle);
  if (entry == 0) return 0;
  const record = entryScope(entry);
  const policy = entryPolicy(entry);
  if (policy == EXACT) exactUnlink(record, entry);
  else if (policy == PREFIX) prefixUnlink(record, entry);
  else wildcardUnlink(record, entry);
  freeEntry(entry);
  uncountEntry(record, policy);
  count--;
  return 1;
}

/** The handle of exactly this pattern, or 0. */
export function indexFind(scope: u32, policy: u32, uri: u32, uriLen: u32): u32 {
  if (!ready || policy > WILDCARD || uriLen > URI_BYTES_MAX) return 0;
  const record = scopeOf(scope);
  const entry = record == 0 ? 0 : findEntry(record, policy, uri, uriLen);
  return entry == 0 ? 0 : entryHandle(entry);
}

function findEntry(record: u32, policy: u32, uri: u32, uriLen: u32): u32 {
  if (scopeCount(record, policy) == 0) return 0;
  if (policy == EXACT) return exactFind(record, uri, uriLen);
  if (policy == PREFIX) return prefixFind(record, uri, uriLen);
  return wildcardFind(record, uri, uriLen);
}

/**
 * Writes the handles of all patterns of `scope` that match the URI to MATCHES and returns how many: the exact one, then
 * prefixes from the shortest to the longest, then wildcard patterns by precedence. U_MATCH_STATUS says M_OVERFLOW when there
 * were more than MATCHES_MAX, and M_OK otherwise.
 */
export function indexMatch(scope: u32, uri: u32, uriLen: u32): u32 {
  setU(U_MATCH_STATUS, M_OK);
  const record = ready ? scopeOf(scope) : 0;
  return record == 0 ? 0 : matchIn(record, uri, uriLen);
}

/** `indexMatch` for who knows the URI's `sumOf` already. */
// @ts-ignore: decorator
@inline
export function indexMatchBySum(scope: u32, uri: u32, uriLen: u32, sum: u64): u32 {
  setU(U_MATCH_STATUS, M_OK);
  const record = ready ? scopeOf(scope) : 0;
  if (record == 0) return 0;
  if ((scopeCount(record, PREFIX) | scopeCount(record, WILDCARD)) != 0) return matchIn(record, uri, uriLen);
  const entry = exactFindBySum(record, uri, uriLen, sum);
  if (entry == 0) return 0;
  store<u32>(MATCHES, entryHandle(entry));
  return 1;
}

function matchIn(record: u32, uri: u32, uriLen: u32): u32 {
  const found = collect(record, uri, uriLen, MATCHES, MATCHES_MAX);
  if (overflowed) setU(U_MATCH_STATUS, M_OVERFLOW);
  return found;
}

/**
 * Like `indexMatch`, for who looks up something else while a visit's matches are still needed: writes at most `room` handles to
 * `out`, and touches no slot. Returns room + 1 when there were more.
 */
export function indexMatchInto(scope: u32, uri: u32, uriLen: u32, out: u32, room: u32): u32 {
  const record = ready ? scopeOf(scope) : 0;
  if (record == 0) return 0;
  const found = collect(record, uri, uriLen, out, room);
  return overflowed ? room + 1 : found;
}

function collect(record: u32, uri: u32, uriLen: u32, out: u32, room: u32): u32 {
  beginMatch(uri, out, out + (room << 2));
  if (scopeCount(record, EXACT) != 0) exactCollect(record, uri, uriLen);
  if (scopeCount(record, PREFIX) != 0) prefixCollect(record, uri, uriLen);
  if (scopeCount(record, WILDCARD) != 0) wildcardCollect(record, uri, uriLen);
  return (settle() - out) >> 2;
}

/** The handle of the best match, where it is looked for among wildcard patterns. */
const FIRST = <u32>memory.data(4);

/**
 * The handle of the one pattern that takes a call: the exact one, else the longest prefix, else the wildcard pattern whose
 * literal runs, compared from left to right, are longer. 0 if none matches.
 */
export function indexBest(scope: u32, uri: u32, uriLen: u32): u32 {
  const record = ready ? scopeOf(scope) : 0;
  if (record == 0) return 0;
  const entry = scopeCount(record, EXACT) != 0 ? exactFind(record, uri, uriLen) : 0;
  return entry != 0 ? entryHandle(entry) : bestPattern(record, uri, uriLen);
}

/** `indexBest` for who knows the URI's `sumOf` already. */
// @ts-ignore: decorator
@inline
export function indexBestBySum(scope: u32, uri: u32, uriLen: u32, sum: u64): u32 {
  const record = ready ? scopeOf(scope) : 0;
  if (record == 0) return 0;
  const entry = scopeCount(record, EXACT) != 0 ? exactFindBySum(record, uri, uriLen, sum) : 0;
  return entry != 0 ? entryHandle(entry) : bestPattern(record, uri, uriLen);
}

/** The handle of the best prefix or wildcard pattern. */
function bestPattern(record: u32, uri: u32, uriLen: u32): u32 {
  const entry = scopeCount(record, PREFIX) != 0 ? prefixBest(record, uri, uriLen) : 0;
  if (entry != 0) return entryHandle(entry);
  if (scopeCount(record, WILDCARD) == 0) return 0;
  beginMatch(uri, FIRST, FIRST + 4);
  wildcardCollect(record, uri, uriLen);
  return settle() == FIRST ? 0 : load<u32>(FIRST);
}

/** Address of the pattern's URI, valid until it is removed; 0 for an unknown handle. */
export function indexUri(handle: u32): u32 {
  const entry = entryOf(handle);
  return entry == 0 ? 0 : entryUri(entry);
}

export function indexUriLen(handle: u32): u32 {
  const entry = entryOf(handle);
  return entry == 0 ? 0 : entryLength(entry);
}

export function indexPolicy(handle: u32): u32 {
  const entry = entryOf(handle);
  return entry == 0 ? 0 : entryPolicy(entry);
}

export function indexScope(handle: u32): u32 {
  const entry = entryOf(handle);
  return entry == 0 ? 0 : scopeId(entryScope(entry));
}

/** Number of patterns. */
export function indexCount(): u32 {
  return count;
}

/** Buckets of the table looked at so far, modulo 2^32; the difference of two says how much work lay in between. */
export function indexWork(): u32 {
  return work;
}

/** Bytes of memory that hold patterns, in whole pages. What is free for the next pattern does not count. */
export function indexBytes(): f64 {
  return <f64>pagesInUse() * <f64>PAGE_BYTES;
}
