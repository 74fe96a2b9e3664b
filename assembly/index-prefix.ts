/**
 * Prefix patterns, by bytes: a trie whose levels end at the offsets 8, 16, 32, 64, 128, 192 and so on. A node stands for a text
 * that ends at such an offset and is the beginning of at least two longer patterns. Under it hang
 *   - the patterns that end within its stride (the bytes up to the next offset), each by its last 1 to 64 bytes; the node knows
 *     which lengths occur and roughly by which last bytes, so that hardly any others are looked for;
 *   - by the bytes of the whole stride, what goes further: a node, or directly the pattern if it is the only one.
 * All hang in the hash table. A match thus costs at most one probe per byte of the URI and as a rule two or three in all;
 * no set of patterns can make it cost more. A byte radix tree would need a dependent look-up for every branching byte.
 */

import { sameBytes, sumOf, tagOf } from "./hash";
import { overflowed, propose } from "./index-candidates";
import {
  emptyPrefix, entryLength, entryOwner, entryUri, IS_ENTRY, IS_NODE, KIND_MASK, prefixRoot,
  setEmptyPrefix, setEntryOwner, setPrefixRoot,
} from "./index-entry";
import { firstSlot, nextSlot, setSlotValue, slotOf, slotValue, tableInsert, tableRemove, touchBucket } from "./index-table";
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
/**
 * One byte per length in NODE_LENGTHS: how many patterns have it (255 stays until NODE_ENDING is 0); then one byte per length with
 * the `endingBit`s of these patterns; then the bytes of the edge that leads to the node.
 */
const NODE_COUNTERS: u32 = 32;
const STRIDE_MAX: u32 = 64;
const DOT: u32 = 0x2e;

/** Marks the length in a tag: the edge that goes further, not a pattern that ends with the same bytes. */
const LONGER: u32 = 1 << 16;

// @ts-ignore: decorator
@inline function parentOf(node: u32): u32 { return load<u32>(node, NODE_PARENT); }
// @ts-ignore: decorator
@inline function offsetOf(node: u32): u32 { return load<u32>(node, NODE_OFFSET); }
// @ts-ignore: decorator
@inline function strideAt(offset: u32): u32 { return offset == 0 ? 8 : min<u32>(offset, STRIDE_MAX); }
// @ts-ignore: decorator
@inline function endingBits(node: u32): u32 { return node + NODE_COUNTERS + strideAt(offsetOf(node)); }
// @ts-ignore: decorator
@inline function edgeBytes(node: u32): u32 { return endingBits(node) + strideAt(offsetOf(node)); }
/** A bit for the last byte of a pattern: the dot has one of its own, as most prefixes end in one and few bytes of a URI are. */
// @ts-ignore: decorator
@inline function endingBit(byte: u32): u32 { return byte == DOT ? 1 : <u32>2 << (byte % 7); }
// @ts-ignore: decorator
@inline function add(node: u32, field: u32, amount: i32): void { store<u32>(node + field, load<u32>(node + field) + amount); }
// @ts-ignore: decorator
@inline function flipChild(node: u32, child: u32): void {
  store<u32>(node, load<u32>(node, NODE_CHILDREN) ^ child, NODE_CHILDREN);
}

// ---- looking

// @ts-ignore: decorator
@inline
function endingTag(node: u32, text: u32, count: u32): u32 {
  return tagOf(node, sumOf(text, count), count);
}

// @ts-ignore: decorator
@inline
function longerTag(node: u32, text: u32): u32 {
  const stride = strideAt(offsetOf(node));
  return tagOf(node, sumOf(text, stride), stride | LONGER);
}

/** The slot of the pattern that ends `count` bytes behind the node's offset; `text` is what begins at that offset. */
// @ts-ignore: decorator
@inline
function endingSlot(node: u32, text: u32, count: u32): u32 {
  const offset = offsetOf(node);
  const tag = endingTag(node, text, count);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const entry = slotValue(slot);
    if ((entry & KIND_MASK) != IS_ENTRY || entryOwner(entry) != node || entryLength(entry) != offset + count) continue;
    if (sameBytes(entryUri(entry) + offset, text, count)) return slot;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function isEdge(child: u32, node: u32, text: u32, stride: u32): bool {
  return parentOf(child) == node && sameBytes(edgeBytes(child), text, stride);
}

/** The slot of the child that begins with the whole stride at `text` and goes further. */
// @ts-ignore: decorator
@inline
function longerSlot(node: u32, text: u32): u32 {
  const offset = offsetOf(node);
  const stride = strideAt(offset);
  const tag = longerTag(node, text);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_NODE) {
      if (isEdge(value - IS_NODE, node, text, stride)) return slot;
    } else if (kind == IS_ENTRY && entryOwner(value) == node && entryLength(value) > offset + stride) {
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

/** Tags of the lengths under one node that a match has still to look for. */
const TAGS = <u32>memory.data(256);

/** Proposes all prefix patterns of `scope` that `uri` may begin with, from the shortest to the longest. */
export function prefixCollect(scope: u32, uri: u32, length: u32): void {
  const whole = emptyPrefix(scope);
  if (whole != 0) propose(whole, 0, 0, 0);
  let child = prefixRoot(scope);
  let owner: u32 = 0;
  while ((child & KIND_MASK) == IS_NODE && !overflowed) {
    const node = child - IS_NODE;
    const offset = offsetOf(node);
    const text = uri + offset;
    const lengths = lengthsFor(node, text, length - offset);
    const goesOn = load<u32>(node, NODE_LONGER) != 0 && length - offset > strideAt(offset);
    const further = goesOn ? longerTag(node, text) : 0;
    if (goesOn) touchBucket(further);
    if (lengths != 0) collectEnding(node, text, lengths);
    child = goesOn ? longerNode(node, text, further, length) : 0;
    owner = node;
  }
  // Only a root can be a pattern here: below it, `longerNode` has proposed it.
  if (child != 0 && owner == 0) propose(child, 0, 0, length);
}

/** Proposes the patterns that end at one of `lengths` behind the node's offset. */
function collectEnding(node: u32, text: u32, lengths: u64): void {
  let end = TAGS;
  for (let left = lengths; left != 0; left &= left - 1) {
    const tag = endingTag(node, text, <u32>ctz<u64>(left) + 1);
    store<u32>(end, tag);
    touchBucket(tag);
    end += 4;
  }
  const offset = offsetOf(node);
  let at = TAGS;
  for (let left = lengths; left != 0; left &= left - 1) {
    const tag = load<u32>(at);
    const length = offset + <u32>ctz<u64>(left) + 1;
    for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
      const value = slotValue(slot);
      if ((value & KIND_MASK) == IS_ENTRY) propose(value, node, length, length);
    }
    at += 4;
  }
}

/** The node that the URI's next stride leads to, or 0; patterns that hang there alone are proposed. */
function longerNode(node: u32, text: u32, tag: u32, length: u32): u32 {
  const offset = offsetOf(node);
  const stride = strideAt(offset);
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    const kind = value & KIND_MASK;
    if (kind == IS_ENTRY) {
      propose(value, node, offset + stride + 1, length);
    } else if (kind == IS_NODE && isEdge(value - IS_NODE, node, text, stride)) {
      return value;
    }
  }
  return 0;
}

/** The longest prefix pattern of `scope` that `uri` begins with; 0 if there is none. */
export function prefixBest(scope: u32, uri: u32, length: u32): u32 {
  let best = emptyPrefix(scope);
  let child = prefixRoot(scope);
  while ((child & KIND_MASK) == IS_NODE) {
    const node = child - IS_NODE;
    const offset = offsetOf(node);
    const rest = length - offset;
    let lengths = lengthsFor(node, uri + offset, rest);
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

/** The lengths under `node` of patterns that may match the text at its offset, which is `rest` bytes long. */
// @ts-ignore: decorator
@inline
function lengthsFor(node: u32, text: u32, rest: u32): u64 {
  let lengths = load<u64>(node, NODE_LENGTHS);
  if (rest < STRIDE_MAX) lengths &= (<u64>1 << rest) - 1;
  const bits = endingBits(node);
  for (let left = lengths; left != 0; left &= left - 1) {
    const index = <u32>ctz<u64>(left);
    if ((<u32>load<u8>(bits + index) & endingBit(<u32>load<u8>(text + index))) == 0) lengths ^= <u64>1 << index;
  }
  return lengths;
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
  const node = allocate(NODE_COUNTERS + 2 * strideAt(offset) + edge);
  memory.fill(node, 0, NODE_COUNTERS + 2 * strideAt(offset));
  store<u32>(node, parent, NODE_PARENT);
  store<u32>(node, offset, NODE_OFFSET);
  memory.copy(edgeBytes(node), entryUri(like) + offset - edge, edge);
  return node;
}

/** The tag by which `entry` hangs under `node`. */
function entryTag(entry: u32, node: u32): u32 {
  const offset = offsetOf(node);
  const rest = entryLength(entry) - offset;
  const text = entryUri(entry) + offset;
  return rest <= strideAt(offset) ? endingTag(node, text, rest) : longerTag(node, text);
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
    const bits = endingBits(node) + rest - 1;
    store<u8>(bits, load<u8>(bits) | <u8>endingBit(<u32>load<u8>(entryUri(entry) + entryLength(entry) - 1)));
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
  if (load<u8>(counter) == 0) {
    store<u8>(endingBits(node) + rest - 1, 0);
    store<u64>(node, load<u64>(node, NODE_LENGTHS) & ~(<u64>1 << (rest - 1)), NODE_LENGTHS);
  }
  if (load<u32>(node, NODE_ENDING) == 0) {
    store<u64>(node, 0, NODE_LENGTHS);
    memory.fill(node + NODE_COUNTERS, 0, 2 * stride);
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
      const tag = longerTag(parent, edgeBytes(node));
      setSlotValue(slotOf(tag, node | IS_NODE), last);
      flipChild(parent, (node | IS_NODE) ^ last);
    }
    release(node);
    if (parent == 0) return;
    node = parent;
  }
}
