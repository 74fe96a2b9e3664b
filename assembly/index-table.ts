/**
 * The one hash table of the pattern index: 32-bit tag → address. It holds the exact patterns, the edges of both tries and the
 * scopes. It grows and shrinks by linear hashing, one bucket at a time, so that no insert ever rehashes a whole table.
 *
 * A bucket is one cache line: seven slots of tag and value, then the address of an overflow bucket. The slots of a chain are
 * always filled from the front; the first empty one (value 0) ends it. Different keys may share a tag: the caller looks at each
 * slot that `firstSlot` and `nextSlot` give and decides by the key itself. Slots move on every insert and remove.
 */

import { reserve } from "./arena";
import { allocate, freePage, hasPage, PAGE_BYTES, release, takePage } from "./slab";

const BUCKET_BYTES: u32 = 64;
const SLOT_BYTES: u32 = 8;
const VALUE: u32 = 4;
/** Offset of the overflow link within a bucket, behind the slots. */
const LINK: u32 = 56;
/** A segment of buckets is one page; 2^16 segments hold 16.7 million buckets. */
const SEGMENT_SHIFT: u32 = 8;
const SEGMENT_BUCKETS: u32 = 1 << SEGMENT_SHIFT;
const SEGMENTS_MAX: u32 = 65536;
const BUCKETS_MAX: u32 = SEGMENTS_MAX << SEGMENT_SHIFT;
/** Entries per bucket at which one bucket is split, and below which two are joined. */
const GROW_LOAD: u32 = 4;
const SHRINK_LOAD: u32 = 2;

/** Addresses of the segments; reserved once at full length, of which only what is used costs memory. */
let directory: u32 = 0;
let entries: u32 = 0;
let buckets: u32 = 0;
/** Buckets below `split` are addressed by one bit more than `mask` has. */
let mask: u32 = 0;
let split: u32 = 0;
const MOVED = <u32>memory.data(64);

export function tableInit(): bool {
  directory = <u32>reserve(SEGMENTS_MAX << 2);
  const segment = directory != 0 ? takePage() : 0;
  if (segment == 0) return false;
  memory.fill(segment, 0, PAGE_BYTES);
  store<u32>(directory, segment);
  buckets = SEGMENT_BUCKETS;
  mask = SEGMENT_BUCKETS - 1;
  return true;
}

// @ts-ignore: decorator
@inline
function bucketAt(index: u32): u32 {
  return load<u32>(directory + ((index >> SEGMENT_SHIFT) << 2)) + ((index & (SEGMENT_BUCKETS - 1)) << 6);
}

// @ts-ignore: decorator
@inline
function bucketOf(tag: u32): u32 {
  let index = tag & mask;
  if (index < split) index = tag & ((mask << 1) | 1);
  return bucketAt(index);
}

/** Buckets that have been looked at since the start, wrapping at 2^32: the index's measure of work, for tests and benches. */
export let work: u32 = 0;

/** Only so that nobody can drop the loads. */
let touched: u32 = 0;

/** Asks for the cache line at `address` ahead of its use, so that several misses run side by side. */
// @ts-ignore: decorator
@inline
export function touch(address: u32): void {
  touched ^= load<u32>(address);
}

/** Asks for the bucket in which `tag` is going to be looked for. */
// @ts-ignore: decorator
@inline
export function touchBucket(tag: u32): void {
  touch(bucketOf(tag));
}

/** The first slot at or behind `slot` in its chain that holds `tag`; 0 if there is none. */
// @ts-ignore: decorator
@inline
function scan(slot: u32, tag: u32): u32 {
  while (true) {
    if ((slot & (BUCKET_BYTES - 1)) == LINK) {
      slot = load<u32>(slot);
      if (slot == 0) return 0;
      work++;
    }
    if (load<u32>(slot) == tag && load<u32>(slot, VALUE) != 0) return slot;
    if (load<u32>(slot, VALUE) == 0) return 0;
    slot += SLOT_BYTES;
  }
}

export function firstSlot(tag: u32): u32 {
  return findSlot(tag);
}

/** `firstSlot` without a call, for the one place that is worth it. */
// @ts-ignore: decorator
@inline
export function findSlot(tag: u32): u32 {
  work++;
  return scan(bucketOf(tag), tag);
}

export function nextSlot(slot: u32, tag: u32): u32 {
  return scan(slot + SLOT_BYTES, tag);
}

// @ts-ignore: decorator
@inline
export function slotValue(slot: u32): u32 {
  return load<u32>(slot, VALUE);
}

// @ts-ignore: decorator
@inline
export function setSlotValue(slot: u32, value: u32): void {
  store<u32>(slot, value, VALUE);
}

/** The slot that holds exactly this pair. It exists: the index asks only for what it has put there. */
export function slotOf(tag: u32, value: u32): u32 {
  let slot = firstSlot(tag);
  while (slot != 0 && slotValue(slot) != value) slot = nextSlot(slot, tag);
  assert(slot != 0);
  return slot;
}

function append(bucket: u32, tag: u32, value: u32): void {
  work++;
  let slot = bucket;
  while (load<u32>(slot, VALUE) != 0) {
    slot += SLOT_BYTES;
    if ((slot & (BUCKET_BYTES - 1)) != LINK) continue;
    let overflow = load<u32>(slot);
    if (overflow == 0) {
      overflow = allocate(BUCKET_BYTES);
      memory.fill(overflow, 0, BUCKET_BYTES);
      store<u32>(slot, overflow);
    }
    slot = overflow;
    work++;
  }
  store<u32>(slot, tag);
  store<u32>(slot, value, VALUE);
}

/** Adds a pair; `value` is not 0. The caller has made sure of memory (`ensurePages`). */
export function tableInsert(tag: u32, value: u32): void {
  append(bucketOf(tag), tag, value);
  if (++entries > buckets * GROW_LOAD && buckets < BUCKETS_MAX) grow();
}

/** Empties the slot; the last one of its chain takes its place. */
export function tableRemove(slot: u32): void {
  let link: u32 = 0;
  let bucket = bucketOf(load<u32>(slot));
  while (load<u32>(bucket, LINK) != 0) {
    link = bucket + LINK;
    bucket = load<u32>(link);
    work++;
  }
  let last = bucket;
  while (last + SLOT_BYTES < bucket + LINK && load<u32>(last + SLOT_BYTES, VALUE) != 0) last += SLOT_BYTES;
  store<u64>(slot, load<u64>(last));
  store<u64>(last, 0);
  if (last == bucket && link != 0) {
    store<u32>(link, 0);
    release(bucket);
  }
  entries--;
  // Joining two buckets may need an overflow bucket, and a removal must not make memory grow: else the table stays as large.
  if (entries < buckets * SHRINK_LOAD && buckets > SEGMENT_BUCKETS && hasPage()) shrink();
}

/** Takes the whole chain of `bucket` out and adds its pairs again: to `upper` if their tag has `bit`, else to `lower`. */
function distribute(bucket: u32, bit: u32, lower: u32, upper: u32): void {
  memory.copy(MOVED, bucket, BUCKET_BYTES);
  memory.fill(bucket, 0, BUCKET_BYTES);
  let source = MOVED;
  do {
    for (let slot = source; slot < source + LINK && load<u32>(slot, VALUE) != 0; slot += SLOT_BYTES) {
      const tag = load<u32>(slot);
      append((tag & bit) != 0 ? upper : lower, tag, load<u32>(slot, VALUE));
    }
    const next = load<u32>(source, LINK);
    if (source != MOVED) release(source);
    source = next;
  } while (source != 0);
}

function grow(): void {
  if ((buckets & (SEGMENT_BUCKETS - 1)) == 0) store<u32>(directory + ((buckets >> SEGMENT_SHIFT) << 2), takePage());
  const upper = bucketAt(buckets);
  const lower = bucketAt(split);
  memory.fill(upper, 0, BUCKET_BYTES);
  distribute(lower, mask + 1, lower, upper);
  buckets++;
  if (++split > mask) {
    mask = (mask << 1) | 1;
    split = 0;
  }
}

function shrink(): void {
  if (split == 0) {
    mask >>= 1;
    split = mask + 1;
  }
  split--;
  buckets--;
  const upper = bucketAt(buckets);
  const lower = bucketAt(split);
  distribute(upper, 0, lower, lower);
  if ((buckets & (SEGMENT_BUCKETS - 1)) == 0) freePage(bucketAt(buckets));
}
