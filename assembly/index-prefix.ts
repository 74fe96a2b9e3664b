/**
 * Prefix patterns, by bytes: a trie whose levels end at the offsets 8, 16, 32, 64, 128, 192 and so on. A node stands for a text
 * that ends at such an offset and is the beginning of at least two longer patterns. Under it hang
 *   - the patterns that end within its stride (the bytes up to the next offset), each by its last 1 to 64 bytes; a bit set says
 *     which lengths occur at all, so that only those are looked for;
 *   - by the bytes of the whole stride, what goes further: a node, or directly the pattern if it is the only one.
 * All hang in the hash table. A match thus costs at most one probe per byte of the URI and as a rule two or three in all;
 * no set of patterns can make it cost more. A byte radix tree would need a dependent look-up for every branching byte.
 */

import { hashBytes, sameBytes, tagOf } from "./hash";
import {
  emptyPrefix, entryHandle, entryLength, entryOwner, entryUri, IS_NODE, KIND_MASK, prefixRoot,
  setEmptyPrefix, setEntryOwner, setPrefixRoot,
} from "./index-entry";
import { firstSlot, nextSlot, setSlotValue, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";
import { allocate, release } from "./slab";

const NODE_PARENT: u32 = 0;
const NODE_OFFSET: u32 = 4;
/** Bit n: some pattern under this node ends n + 1 bytes behind its offset. */
const NODE_LENGTHS: u32 = 8;
/** All children's values xored: when one is left, this is it. */
const NODE_CHILDREN: u32 = 16;
/** Patterns that end within the stride, and children that go further. */
const NODE_ENDING: u32 = 20;
const NODE_LONGER: u32 = 24;
/** One byte per length in NODE_LENGTHS: how many patterns have it; 255 stays until NODE_ENDING is 0. */
const NODE_COUNTERS: u32 = 32;
const STRIDE_MAX: u32 = 64;

/** Added to the hash of a stride, to tell the edge that goes further from a pattern that ends with the same bytes. */
const LONGER: u64 = 0x9e3779b97f4a7c15;

// @ts-ignore: decorator
@inline function parentOf(node: u32): u32 { return load<u32>(node, NODE_PARENT); }
// @ts-ignore: decorator
@inline function offsetOf(node: u32): u32 { return load<u32>(node, NODE_OFFSET); }
// @ts-ignore: decorator
@inline function strideAt(offset: u32): u32 { return offset == 0 ? 8 : min<u32>(offset, STRIDE_MAX); }
/** Address of the bytes of the edge that leads to the node, behind its counters. */
// @ts-ignore: decorator
@inline function edgeBytes(node: u32): u32 { return node + NODE_COUNTERS + strideAt(offsetOf(node)); }
// @ts-ignore: decorator
@inline function add(node: u32, field: u32, amount: i32): void { store<u32>(node + field, load<u32>(node + field) + amount); }
// @ts-ignore: decorator
@inline function flipChild(node: u32, child: u32): void {
  store<u32>(node, load<u32>(node, NODE_CHILDREN) ^ child, NODE_CHILDREN);
}

// ---- looking

/** The slot of the pattern that ends `count` bytes behind the node's offset; `text` is what begins at that offset. */
// @ts-ignore: decorator
@inline
function endingSlot(node: u32, text: u32, count: u32): u32 {
  const offset = offsetOf(node);
  const tag = tagOf(node, hashBytes(text, count));
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const entry = slotValue(slot);
    if ((entry & KIND_MASK) != 0 || entryOwner(entry) != node || entryLength(entry) != offset + count) continue;
    if (sameBytes(entryUri(entry) + offset, text, count)) return slot;
  }
  return 0;
}

/** The slot of the child that begins with the whole stride at `text` and goes further. */
// @ts-ignore: decorator
@inline
function longerSlot(node: u32, text: u32): u32 {
  const offset = offsetOf(node);
  const stride = strideAt(offset);
  const tag = tagOf(node, hashBytes(text, stride) + LONGER);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_NODE) {
      if (parentOf(value - IS_NODE) == node && sameBytes(edgeBytes(value - IS_NODE), text, stride)) return slot;
    } else if (kind == 0 && entryOwner(value) == node && entryLength(value) > offset + stride) {
      if (sameBytes(entryUri(value) + offset, text, stride)) return slot;
    }
  }
  return 0;
}

/** The prefix pattern of `scope` that is exactly this text; 0 if there is none. */
export function prefixFind(scope: u32, uri: u32, length: u32): u32 {
  if (length == 0) return emptyPrefix(scope);
  let child = prefixRoot(scope);
  while ((child & KIND_MASK) == IS_NODE) {
    const node = child - IS_NODE;
    const offset = offsetOf(node);
    const rest = length - offset;
    const slot = rest <= strideAt(offset) ? endingSlot(node, uri + offset, rest) : longerSlot(node, uri + offset);
    if (slot == 0) return 0;
    child = slotValue(slot);
  }
  if (child == 0 || entryLength(child) != length) return 0;
  return sameBytes(entryUri(child), uri, length) ? child : 0;
}

/**
 * All prefix patterns of `scope` that `uri` begins with, from the shortest to the longest: their handles go to `out`, as many
 * as lie below `outEnd`. Returns where writing stopped, or 0 if there were more.
 */
export function prefixMatch(scope: u32, uri: u32, length: u32, out: u32, outEnd: u32): u32 {
  const whole = emptyPrefix(scope);
  if (whole != 0) {
    if (out == outEnd) return 0;
    store<u32>(out, entryHandle(whole));
    out += 4;
  }
  let child = prefixRoot(scope);
  while ((child & KIND_MASK) == IS_NODE) {
    const node = child - IS_NODE;
    const offset = offsetOf(node);
    const rest = length - offset;
    for (let lengths = lengthsWithin(node, rest); lengths != 0; lengths &= lengths - 1) {
      const slot = endingSlot(node, uri + offset, <u32>ctz<u64>(lengths) + 1);
      if (slot == 0) continue;
      if (out == outEnd) return 0;
      store<u32>(out, entryHandle(slotValue(slot)));
      out += 4;
    }
    child = longerChild(node, uri + offset, rest);
  }
  if (child != 0 && startsWith(child, uri, length)) {
    if (out == outEnd) return 0;
    store<u32>(out, entryHandle(child));
    out += 4;
  }
  return out;
}

/** The longest prefix pattern of `scope` that `uri` begins with; 0 if there is none. */
export function prefixBest(scope: u32, uri: u32, length: u32): u32 {
  let best = emptyPrefix(scope);
  let child = prefixRoot(scope);
  while ((child & KIND_MASK) == IS_NODE) {
    const node = child - IS_NODE;
    const offset = offsetOf(node);
    const rest = length - offset;
    let lengths = lengthsWithin(node, rest);
    while (lengths != 0) {
      const longest = 63 - <u32>clz<u64>(lengths);
      const slot = endingSlot(node, uri + offset, longest + 1);
      if (slot != 0) {
        best = slotValue(slot);
        break;
      }
      lengths &= ~(<u64>1 << longest);
    }
    child = longerChild(node, uri + offset, rest);
  }
  return child != 0 && startsWith(child, uri, length) ? child : best;
}

/** The lengths that occur under `node` and fit into the `rest` bytes from its offset on. */
// @ts-ignore: decorator
@inline
function lengthsWithin(node: u32, rest: u32): u64 {
  const lengths = load<u64>(node, NODE_LENGTHS);
  return rest < STRIDE_MAX ? lengths & ((<u64>1 << rest) - 1) : lengths;
}

// @ts-ignore: decorator
@inline
function longerChild(node: u32, text: u32, rest: u32): u32 {
  if (load<u32>(node, NODE_LONGER) == 0 || rest <= strideAt(offsetOf(node))) return 0;
  const slot = longerSlot(node, text);
  return slot == 0 ? 0 : slotValue(slot);
}

// @ts-ignore: decorator
@inline
function startsWith(entry: u32, uri: u32, length: u32): bool {
  return entryLength(entry) <= length && sameBytes(entryUri(entry), uri, entryLength(entry));
}

// ---- changing

/** Adds a pattern that is not there yet. The caller has made sure of memory. */
export function prefixLink(scope: u32, entry: u32): void {
  if (entryLength(entry) == 0) {
    setEmptyPrefix(scope, entry);
    return;
  }
  let child = prefixRoot(scope);
  if (child == 0) {
    setEntryOwner(entry, 0);
    setPrefixRoot(scope, entry);
    return;
  }
  if ((child & KIND_MASK) != IS_NODE) {
    const root = newNode(0, 0, child);
    hang(child, root);
    child = root | IS_NODE;
    setPrefixRoot(scope, child);
  }
  let node = child - IS_NODE;
  for (;;) {
    const offset = offsetOf(node);
    const slot = entryLength(entry) > offset + strideAt(offset) ? longerSlot(node, entryUri(entry) + offset) : 0;
    if (slot == 0) break;
    const next = slotValue(slot);
    if ((next & KIND_MASK) == IS_NODE) {
      node = next - IS_NODE;
      continue;
    }
    // Two patterns share this stride: a node takes the place of the one that was alone.
    const between = newNode(node, offset + strideAt(offset), next);
    setSlotValue(slot, between | IS_NODE);
    flipChild(node, next ^ (between | IS_NODE));
    hang(next, between);
    node = between;
  }
  hang(entry, node);
}

export function prefixUnlink(scope: u32, entry: u32): void {
  if (entryLength(entry) == 0) {
    setEmptyPrefix(scope, 0);
    return;
  }
  const node = entryOwner(entry);
  if (node == 0) {
    setPrefixRoot(scope, 0);
    return;
  }
  unhang(entry, node);
  collapse(scope, node);
}

/** A node without children whose text is the first `offset` bytes of the pattern `like`. */
function newNode(parent: u32, offset: u32, like: u32): u32 {
  const edge = offset == 0 ? 0 : strideAt(offsetOf(parent));
  const node = allocate(NODE_COUNTERS + strideAt(offset) + edge);
  memory.fill(node, 0, NODE_COUNTERS + strideAt(offset));
  store<u32>(node, parent, NODE_PARENT);
  store<u32>(node, offset, NODE_OFFSET);
  memory.copy(edgeBytes(node), entryUri(like) + offset - edge, edge);
  return node;
}

/** The tag by which `entry` hangs under `node`. */
function entryTag(entry: u32, node: u32): u32 {
  const offset = offsetOf(node);
  const stride = strideAt(offset);
  const rest = entryLength(entry) - offset;
  const text = entryUri(entry) + offset;
  return tagOf(node, rest <= stride ? hashBytes(text, rest) : hashBytes(text, stride) + LONGER);
}

/** Puts a pattern under a node, where nothing else hangs by the same bytes. */
function hang(entry: u32, node: u32): void {
  setEntryOwner(entry, node);
  flipChild(node, entry);
  const rest = entryLength(entry) - offsetOf(node);
  if (rest > strideAt(offsetOf(node))) {
    add(node, NODE_LONGER, 1);
  } else {
    add(node, NODE_ENDING, 1);
    const counter = node + NODE_COUNTERS + rest - 1;
    if (load<u8>(counter) < 255) store<u8>(counter, load<u8>(counter) + 1);
    store<u64>(node, load<u64>(node, NODE_LENGTHS) | (<u64>1 << (rest - 1)), NODE_LENGTHS);
  }
  tableInsert(entryTag(entry, node), entry);
}

function unhang(entry: u32, node: u32): void {
  tableRemove(slotOf(entryTag(entry, node), entry));
  flipChild(node, entry);
  const stride = strideAt(offsetOf(node));
  const rest = entryLength(entry) - offsetOf(node);
  if (rest > stride) {
    add(node, NODE_LONGER, -1);
    return;
  }
  add(node, NODE_ENDING, -1);
  const counter = node + NODE_COUNTERS + rest - 1;
  // A counter that reached 255 no longer knows; its length may be looked for in vain until the last ending pattern goes.
  if (load<u8>(counter) < 255) store<u8>(counter, load<u8>(counter) - 1);
  if (load<u8>(counter) == 0) store<u64>(node, load<u64>(node, NODE_LENGTHS) & ~(<u64>1 << (rest - 1)), NODE_LENGTHS);
  if (load<u32>(node, NODE_ENDING) == 0) {
    store<u64>(node, 0, NODE_LENGTHS);
    memory.fill(node + NODE_COUNTERS, 0, stride);
  }
}

/** Removes nodes that stand for one pattern only, from `node` upwards: the pattern takes the node's place. */
function collapse(scope: u32, node: u32): void {
  while (load<u32>(node, NODE_ENDING) + load<u32>(node, NODE_LONGER) == 1) {
    const last = load<u32>(node, NODE_CHILDREN);
    if ((last & KIND_MASK) == IS_NODE) return;
    unhang(last, node);
    const parent = parentOf(node);
    setEntryOwner(last, parent);
    if (parent == 0) {
      setPrefixRoot(scope, last);
    } else {
      const tag = tagOf(parent, hashBytes(edgeBytes(node), strideAt(offsetOf(parent))) + LONGER);
      setSlotValue(slotOf(tag, node | IS_NODE), last);
      flipChild(parent, (node | IS_NODE) ^ last);
    }
    release(node);
    if (parent == 0) return;
    node = parent;
  }
}
