/**
 * Wildcard patterns: one component trie for each number of components. A node stands for the first components of at least two
 * patterns; a pattern that is alone under an edge hangs there directly. The edge of an empty (wildcard) component lies in the
 * node, those of literal components in the hash table by (node, component).
 *
 * A match takes the literal edge before the wildcard edge. That is the order of precedence of the specification: where two
 * patterns that match the same URI first differ, the literal one has the longer literal run.
 */

import { sameBytes, sumOf, tagOf } from "./hash";
import { overflowed, propose } from "./index-candidates";
import { componentLength, hasComponent, spanLength, spanStart, spanSum, splitEmpty, splitText } from "./index-components";
import {
  entryComponents, entryLength, entryOwner, entryScope, entryUri, IS_ENTRY, IS_NODE, KIND_MASK,
  setEntryComponents, setEntryOwner, setWildcardRoots, wildcardRoots,
} from "./index-entry";
import { URI_BYTES_MAX } from "./index-limits";
import { addShape, dropShape, SHAPE_COUNTS, SHAPE_COUNTS_BYTES } from "./index-shapes";
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

/** Of a scope: the roots of its tries by number of components, then the numbers of shapes. */
const ROOTS_BYTES: u32 = SHAPE_COUNTS + SHAPE_COUNTS_BYTES;

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

// ---- looking

/**
 * The slot under `node` by the component in span `index`. A child that is a pattern is compared at its byte `at`: patterns under
 * one node share all bytes before.
 */
// @ts-ignore: decorator
@inline
function literalSlot(node: u32, index: u32, at: u32): u32 {
  const tag = tagOf(node, spanSum(index), spanLength(index));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_NODE) {
      if (isEdge(value - IS_NODE, node, index)) return slot;
    } else if (kind == IS_ENTRY && entryOwner(value) == node && hasComponent(value, at, index)) {
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

/** Proposes all wildcard patterns of `scope` that may match `uri`, by precedence. */
export function wildcardCollect(scope: u32, uri: u32, length: u32): void {
  if (wildcardRoots(scope) == 0) return;
  // A wildcard stands for a component that is not empty, so a URI with an empty one matches nothing.
  const count = splitText(uri, length);
  if (count == 0 || splitEmpty) return;
  const root = load<u32>(wildcardRoots(scope) + (count << 2));
  if ((root & KIND_MASK) == IS_NODE) {
    walk(root);
  } else if (root != 0) {
    propose(root, 0, 0, URI_BYTES_MAX);
  }
}

/** Nodes whose wildcard edge is still to be tried, deepest last: at most one per depth. */
const STACK = <u32>memory.data(256);

function walk(root: u32): void {
  let top = STACK;
  let child = root;
  let owner: u32 = 0;
  while (!overflowed) {
    if ((child & KIND_MASK) == IS_NODE) {
      owner = child - IS_NODE;
      if (wildcardOf(owner) != 0) {
        store<u32>(top, owner);
        top += 4;
      }
      child = literalsOf(owner) != 0 ? literalNode(owner) : 0;
    } else if (child != 0) {
      propose(child, owner, 0, URI_BYTES_MAX);
      child = 0;
    }
    if (child != 0) continue;
    if (top == STACK) return;
    top -= 4;
    owner = load<u32>(top);
    child = wildcardOf(owner);
  }
}

/** The node that the URI's component at the node's depth leads to, or 0; patterns that hang there alone are proposed. */
function literalNode(node: u32): u32 {
  const depth = depthOf(node);
  const tag = tagOf(node, spanSum(depth), spanLength(depth));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_ENTRY) propose(value, node, 0, URI_BYTES_MAX);
    else if (kind == IS_NODE && isEdge(value - IS_NODE, node, depth)) return value;
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
  addShape(scope, count);
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
  const count = splitText(entryUri(entry), entryLength(entry));
  dropShape(scope, count);
  if (node == 0) {
    store<u32>(wildcardRoots(scope) + (count << 2), 0);
    return;
  }
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
  tableInsert(tagOf(node, sumOf(entryUri(entry) + at, length), length), entry);
}

function unhang(entry: u32, node: u32, at: u32): void {
  const length = componentLength(entry, at);
  if (length == 0) {
    setWildcard(node, 0);
    return;
  }
  tableRemove(slotOf(tagOf(node, sumOf(entryUri(entry) + at, length), length), entry));
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
      const tag = tagOf(parent, sumOf(node + NODE_COMPONENT, lengthOf(node)), lengthOf(node));
      setSlotValue(slotOf(tag, node | IS_NODE), last);
      flipChild(parent, (node | IS_NODE) ^ last);
    }
    release(node);
    if (parent == 0) return;
    node = parent;
  }
}
