/**
 * Wildcard patterns: one component trie for each number of components. A node stands for the first components of at least two
 * patterns; a pattern that is alone under an edge hangs there directly. The edge of an empty (wildcard) component lies in the
 * node, those of literal components in the hash table by (node, component).
 *
 * A match walks the trie with a stack of its own, literal edge before wildcard edge. That is the order of precedence of the
 * specification: where two patterns that match the same URI first differ, the literal one has the longer literal run.
 */

import { hashBytes, sameBytes, tagOf } from "./hash";
import {
  COMPONENTS_MAX, entryComponents, entryHandle, entryLength, entryOwner, entryScope, entryUri, IS_NODE, KIND_MASK,
  setEntryComponents, setEntryOwner, setWildcardRoots, wildcardRoots,
} from "./index-entry";
import { firstSlot, nextSlot, setSlotValue, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";
import { allocate, release } from "./slab";

const NODE_PARENT: u32 = 0;
const NODE_WILDCARD: u32 = 4;
/** Number of literal children, and their values xored: when one is left, this is it. */
const NODE_LITERALS: u32 = 8;
const NODE_CHILDREN: u32 = 12;
/** The component of the edge that leads here (length 0: wildcard edge, or the root), and how many components lead here. */
const NODE_LENGTH: u32 = 16;
const NODE_DEPTH: u32 = 18;
const NODE_COMPONENT: u32 = 20;

const DOT: u32 = 0x2e;
const ROOTS_BYTES: u32 = (COMPONENTS_MAX + 1) << 2;

// @ts-ignore: decorator
@inline function parentOf(node: u32): u32 { return load<u32>(node, NODE_PARENT); }
// @ts-ignore: decorator
@inline function wildcardOf(node: u32): u32 { return load<u32>(node, NODE_WILDCARD); }
// @ts-ignore: decorator
@inline function setWildcard(node: u32, child: u32): void { store<u32>(node, child, NODE_WILDCARD); }
// @ts-ignore: decorator
@inline function literalsOf(node: u32): u32 { return load<u32>(node, NODE_LITERALS); }
// @ts-ignore: decorator
@inline function depthOf(node: u32): u32 { return <u32>load<u8>(node, NODE_DEPTH); }
// @ts-ignore: decorator
@inline function lengthOf(node: u32): u32 { return <u32>load<u16>(node, NODE_LENGTH); }
// @ts-ignore: decorator
@inline function flipChild(node: u32, child: u32): void {
  store<u32>(node, load<u32>(node, NODE_CHILDREN) ^ child, NODE_CHILDREN);
}

// ---- the components of the text at hand: address, length, hash (0: not computed yet)

const SPANS = <u32>memory.data(1024);
// @ts-ignore: decorator
@inline function spanStart(index: u32): u32 { return load<u32>(SPANS + (index << 4)); }
// @ts-ignore: decorator
@inline function spanLength(index: u32): u32 { return load<u32>(SPANS + (index << 4), 4); }
// @ts-ignore: decorator
@inline
function spanHash(index: u32): u64 {
  let hash = load<u64>(SPANS + (index << 4), 8);
  if (hash == 0) {
    hash = hashBytes(spanStart(index), spanLength(index));
    store<u64>(SPANS + (index << 4), hash, 8);
  }
  return hash;
}

/** Whether the text that was split last had an empty component. */
let splitEmpty: bool = false;

/** Splits a text into SPANS. Returns the number of components, at least 1; 0 when there are more than COMPONENTS_MAX. */
function splitText(text: u32, length: u32): u32 {
  const end = text + length;
  let count: u32 = 0;
  let start = text;
  splitEmpty = false;
  for (let p = text; p <= end; p++) {
    if (p < end && <u32>load<u8>(p) != DOT) continue;
    if (count == COMPONENTS_MAX) return 0;
    const span = SPANS + (count << 4);
    store<u32>(span, start);
    store<u32>(span, p - start, 4);
    store<u64>(span, 0, 8);
    if (p == start) splitEmpty = true;
    count++;
    start = p + 1;
  }
  return count;
}

/** Number of components of a pattern, or 0 when there are too many. */
export function wildcardComponents(pattern: u32, length: u32): u32 {
  return splitText(pattern, length);
}

/** True if the component of `entry` that begins at its byte `at` is the one in span `index`. */
// @ts-ignore: decorator
@inline
function hasComponent(entry: u32, at: u32, index: u32): bool {
  const end = at + spanLength(index);
  if (end > entryLength(entry) || !sameBytes(entryUri(entry) + at, spanStart(index), spanLength(index))) return false;
  return end == entryLength(entry) || <u32>load<u8>(entryUri(entry) + end) == DOT;
}

/** True if the pattern matches the `count` components in SPANS, none of which is empty; it has as many. */
function matches(entry: u32, count: u32): bool {
  const end = entryLength(entry);
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

// ---- looking

/**
 * The slot under `node` by the component in span `index`. A child that is a pattern is compared at its byte `at`: patterns under
 * one node share all bytes before.
 */
// @ts-ignore: decorator
@inline
function literalSlot(node: u32, index: u32, at: u32): u32 {
  const tag = tagOf(node, spanHash(index));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_NODE) {
      if (isEdge(value - IS_NODE, node, index)) return slot;
    } else if (kind == 0 && entryOwner(value) == node && hasComponent(value, at, index)) {
      return slot;
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function isEdge(child: u32, node: u32, index: u32): bool {
  if (parentOf(child) != node || lengthOf(child) != spanLength(index)) return false;
  return sameBytes(child + NODE_COMPONENT, spanStart(index), spanLength(index));
}

/** The wildcard pattern of `scope` that is exactly this text; 0 if there is none. */
export function wildcardFind(scope: u32, pattern: u32, length: u32): u32 {
  const count = splitText(pattern, length);
  if (count == 0 || wildcardRoots(scope) == 0) return 0;
  let child = load<u32>(wildcardRoots(scope) + (count << 2));
  for (let index: u32 = 0; (child & KIND_MASK) == IS_NODE; index++) {
    const node = child - IS_NODE;
    if (spanLength(index) == 0) {
      child = wildcardOf(node);
    } else {
      const slot = literalSlot(node, index, spanStart(index) - pattern);
      child = slot == 0 ? 0 : slotValue(slot);
    }
  }
  if (child == 0 || entryLength(child) != length) return 0;
  return sameBytes(entryUri(child), pattern, length) ? child : 0;
}

/** Wildcard edges still to be tried, deepest last: at most one per depth. */
const STACK = <u32>memory.data(264);

/**
 * All wildcard patterns of `scope` that match `uri`, by precedence: their handles go to `out`, as many as lie below `outEnd`.
 * Returns where writing stopped, or 0 if there were more.
 */
export function wildcardMatch(scope: u32, uri: u32, length: u32, out: u32, outEnd: u32): u32 {
  let top = STACK;
  let child = firstChild(scope, uri, length);
  const count = splitCount;
  while (child != 0 || top != STACK) {
    if (child == 0) {
      top -= 4;
      child = load<u32>(top);
    }
    if ((child & KIND_MASK) == IS_NODE) {
      const node = child - IS_NODE;
      const wildcard = wildcardOf(node);
      child = literalsOf(node) != 0 ? matchLiteral(node, count) : 0;
      if (wildcard == 0) continue;
      store<u32>(top, wildcard);
      top += 4;
      continue;
    }
    if (matches(child, count)) {
      if (out == outEnd) return 0;
      store<u32>(out, entryHandle(child));
      out += 4;
    }
    child = 0;
  }
  return out;
}

const FIRST = <u32>memory.data(4);

/** The handle of the wildcard pattern of `scope` that takes precedence for `uri`; 0 if none matches. */
export function wildcardBest(scope: u32, uri: u32, length: u32): u32 {
  store<u32>(FIRST, 0);
  // Room for one: the walk stops when it meets a second.
  wildcardMatch(scope, uri, length, FIRST, FIRST + 4);
  return load<u32>(FIRST);
}

let splitCount: u32 = 0;

/** Splits the URI and gives the root for its number of components; 0 if nothing can match. */
function firstChild(scope: u32, uri: u32, length: u32): u32 {
  if (wildcardRoots(scope) == 0) return 0;
  splitCount = splitText(uri, length);
  // A wildcard stands for a component that is not empty, so a URI with an empty one matches nothing.
  if (splitCount == 0 || splitEmpty) return 0;
  return load<u32>(wildcardRoots(scope) + (splitCount << 2));
}

/** The child of `node` by the URI's component at its depth: a node, or a pattern that matches the URI; 0 if there is none. */
function matchLiteral(node: u32, count: u32): u32 {
  const index = depthOf(node);
  const tag = tagOf(node, spanHash(index));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_NODE) {
      if (isEdge(value - IS_NODE, node, index)) return value;
    } else if (kind == 0 && entryOwner(value) == node && matches(value, count)) {
      return value;
    }
  }
  return 0;
}

// ---- changing

/** Adds a pattern that is not there yet and has at most COMPONENTS_MAX components. The caller has made sure of memory. */
export function wildcardLink(scope: u32, entry: u32): void {
  const count = splitText(entryUri(entry), entryLength(entry));
  setEntryComponents(entry, count);
  if (wildcardRoots(scope) == 0) {
    setWildcardRoots(scope, allocate(ROOTS_BYTES));
    memory.fill(wildcardRoots(scope), 0, ROOTS_BYTES);
  }
  const root = wildcardRoots(scope) + (count << 2);
  let child = load<u32>(root);
  if (child == 0) {
    setEntryOwner(entry, 0);
    store<u32>(root, entry);
    return;
  }
  if ((child & KIND_MASK) != IS_NODE) {
    const node = newNode(0, 0, 0, 0);
    hang(child, node, 0);
    child = node | IS_NODE;
    store<u32>(root, child);
  }
  descend(entry, child - IS_NODE);
}

/** Goes down from `node` along the components in SPANS, those of `entry`, and hangs it where its way parts from the others'. */
function descend(entry: u32, node: u32): void {
  for (;;) {
    const index = depthOf(node);
    const at = spanStart(index) - entryUri(entry);
    const isWildcard = spanLength(index) == 0;
    const slot = isWildcard ? 0 : literalSlot(node, index, at);
    const next = isWildcard ? wildcardOf(node) : slot == 0 ? 0 : slotValue(slot);
    if (next == 0) {
      hang(entry, node, at);
      return;
    }
    if ((next & KIND_MASK) == IS_NODE) {
      node = next - IS_NODE;
      continue;
    }
    // Two patterns share this component: a node takes the place of the one that was alone.
    const between = newNode(node, index + 1, spanStart(index), spanLength(index));
    if (isWildcard) {
      setWildcard(node, between | IS_NODE);
    } else {
      setSlotValue(slot, between | IS_NODE);
      flipChild(node, next ^ (between | IS_NODE));
    }
    hang(next, between, at + spanLength(index) + 1);
    node = between;
  }
}

export function wildcardUnlink(scope: u32, entry: u32): void {
  const node = entryOwner(entry);
  if (node == 0) {
    store<u32>(wildcardRoots(scope) + (entryComponents(entry) << 2), 0);
    return;
  }
  splitText(entryUri(entry), entryLength(entry));
  unhang(entry, node, spanStart(depthOf(node)) - entryUri(entry));
  collapse(entry, node);
}

function newNode(parent: u32, depth: u32, component: u32, length: u32): u32 {
  const node = allocate(NODE_COMPONENT + length);
  store<u32>(node, parent, NODE_PARENT);
  store<u32>(node, 0, NODE_WILDCARD);
  store<u32>(node, 0, NODE_LITERALS);
  store<u32>(node, 0, NODE_CHILDREN);
  store<u16>(node, <u16>length, NODE_LENGTH);
  store<u16>(node, <u16>depth, NODE_DEPTH);
  memory.copy(node + NODE_COMPONENT, component, length);
  return node;
}

/** Length of the component of `entry` that begins at its byte `at`. */
function componentLength(entry: u32, at: u32): u32 {
  const end = entryLength(entry);
  let p = at;
  while (p < end && <u32>load<u8>(entryUri(entry) + p) != DOT) p++;
  return p - at;
}

/** Puts a pattern under a node by its component at byte `at`, where nothing else hangs. */
function hang(entry: u32, node: u32, at: u32): void {
  setEntryOwner(entry, node);
  const length = componentLength(entry, at);
  if (length == 0) {
    setWildcard(node, entry);
    return;
  }
  store<u32>(node, literalsOf(node) + 1, NODE_LITERALS);
  flipChild(node, entry);
  tableInsert(tagOf(node, hashBytes(entryUri(entry) + at, length)), entry);
}

function unhang(entry: u32, node: u32, at: u32): void {
  const length = componentLength(entry, at);
  if (length == 0) {
    setWildcard(node, 0);
    return;
  }
  tableRemove(slotOf(tagOf(node, hashBytes(entryUri(entry) + at, length)), entry));
  store<u32>(node, literalsOf(node) - 1, NODE_LITERALS);
  flipChild(node, entry);
}

/**
 * Removes nodes that stand for one pattern only, from `node` upwards: the pattern takes the node's place. SPANS holds the
 * components of `removed`, whose bytes up to the node's depth are also those of the pattern that is left.
 */
function collapse(removed: u32, node: u32): void {
  for (;;) {
    const wildcard = wildcardOf(node);
    if (literalsOf(node) + <u32>(wildcard != 0) != 1) return;
    const last = wildcard != 0 ? wildcard : load<u32>(node, NODE_CHILDREN);
    if ((last & KIND_MASK) == IS_NODE) return;
    unhang(last, node, spanStart(depthOf(node)) - entryUri(removed));
    const parent = parentOf(node);
    setEntryOwner(last, parent);
    if (parent == 0) {
      store<u32>(wildcardRoots(entryScope(last)) + (entryComponents(last) << 2), last);
    } else if (lengthOf(node) == 0) {
      setWildcard(parent, last);
    } else {
      const tag = tagOf(parent, hashBytes(node + NODE_COMPONENT, lengthOf(node)));
      setSlotValue(slotOf(tag, node | IS_NODE), last);
      flipChild(parent, (node | IS_NODE) ^ last);
    }
    release(node);
    if (parent == 0) return;
    node = parent;
  }
}
