/**
 * Shapes of wildcard patterns: at which of their components they have the wildcards. A match walks at most as many nodes of a
 * depth as the patterns that are there have shapes down to it, so who bounds the shapes bounds the work of every match – whoever
 * has made the patterns, and however many there are. Patterns of up to SHAPE_FREE_COMPONENTS components have few shapes anyway;
 * those of more are counted here, for each scope and number of components. Scopes from OWN_SCOPES on hold what administrators
 * have made, and are not counted. Control path.
 */

import { OWN_SCOPES, SHAPE_FREE_COMPONENTS, SHAPES_MAX } from "./abi";
import { sumOf, tagOf } from "./hash";
import { spanLength } from "./index-components";
import { IS_SHAPE, KIND_MASK, scopeId, wildcardRoots } from "./index-entry";
import { COMPONENTS_MAX } from "./index-limits";
import { firstSlot, nextSlot, slotOf, slotValue, tableInsert, tableRemove } from "./index-table";
import { allocate, release } from "./slab";

const SHAPE_SCOPE: u32 = 0;
const SHAPE_COMPONENTS: u32 = 4;
/** Bit n: component n is a wildcard. */
const SHAPE_WILDCARDS: u32 = 8;
/** Patterns that have this shape. */
const SHAPE_PATTERNS: u32 = 16;
const SHAPE_BYTES: u32 = 24;

/** Marks the length in a tag: no component is so long. */
const SHAPE: u32 = 1 << 17;

/** Numbers of shapes, by number of components, behind the roots of the tries. */
export const SHAPE_COUNTS: u32 = (COMPONENTS_MAX + 1) << 2;
export const SHAPE_COUNTS_BYTES: u32 = (COMPONENTS_MAX + 1) << 1;

const KEY = <u32>memory.data(8);

/** The hash of the shape that the text in SPANS has; puts its wildcards into KEY. */
function shapeTag(scope: u32, count: u32): u32 {
  let wildcards: u64 = 0;
  for (let index: u32 = 0; index < count; index++) {
    if (spanLength(index) == 0) wildcards |= <u64>1 << index;
  }
  store<u64>(KEY, wildcards);
  return tagOf(scope, sumOf(KEY, 8), SHAPE | count);
}

/** The record of the shape in KEY; 0 if no pattern has it. */
function shapeAt(tag: u32, scope: u32, count: u32): u32 {
  for (let slot = firstSlot(tag); slot != 0; slot = nextSlot(slot, tag)) {
    const value = slotValue(slot);
    if ((value & KIND_MASK) != IS_SHAPE) continue;
    const shape = value - IS_SHAPE;
    if (load<u32>(shape, SHAPE_SCOPE) != scope || load<u32>(shape, SHAPE_COMPONENTS) != count) continue;
    if (load<u64>(shape, SHAPE_WILDCARDS) == load<u64>(KEY)) return shape;
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function counterOf(scope: u32, count: u32): u32 {
  return wildcardRoots(scope) + SHAPE_COUNTS + (count << 1);
}

/** Whether patterns of so many components are counted. */
// @ts-ignore: decorator
@inline
function isCounted(scope: u32, count: u32): bool {
  return count > SHAPE_FREE_COMPONENTS && scopeId(scope) < OWN_SCOPES;
}

/** Whether one more pattern with the components in SPANS can be: its shape is there, or there are not too many. */
export function shapeFits(scope: u32, count: u32): bool {
  if (!isCounted(scope, count) || wildcardRoots(scope) == 0) return true;
  if (<u32>load<u16>(counterOf(scope, count)) < SHAPES_MAX) return true;
  return shapeAt(shapeTag(scope, count), scope, count) != 0;
}

/** Counts a pattern with the components in SPANS. The caller has made sure of memory, and that it fits. */
export function addShape(scope: u32, count: u32): void {
  if (!isCounted(scope, count)) return;
  const tag = shapeTag(scope, count);
  let shape = shapeAt(tag, scope, count);
  if (shape == 0) {
    shape = allocate(SHAPE_BYTES);
    store<u32>(shape, scope, SHAPE_SCOPE);
    store<u32>(shape, count, SHAPE_COMPONENTS);
    store<u64>(shape, load<u64>(KEY), SHAPE_WILDCARDS);
    store<u32>(shape, 0, SHAPE_PATTERNS);
    tableInsert(tag, shape | IS_SHAPE);
    const counter = counterOf(scope, count);
    store<u16>(counter, load<u16>(counter) + 1);
  }
  store<u32>(shape, load<u32>(shape, SHAPE_PATTERNS) + 1, SHAPE_PATTERNS);
}

/** Takes off a pattern with the components in SPANS, which has been counted. */
export function dropShape(scope: u32, count: u32): void {
  if (!isCounted(scope, count)) return;
  const tag = shapeTag(scope, count);
  const shape = shapeAt(tag, scope, count);
  const left = load<u32>(shape, SHAPE_PATTERNS) - 1;
  store<u32>(shape, left, SHAPE_PATTERNS);
  if (left != 0) return;
  tableRemove(slotOf(tag, shape | IS_SHAPE));
  release(shape);
  const counter = counterOf(scope, count);
  store<u16>(counter, load<u16>(counter) - 1);
}
