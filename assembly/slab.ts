/**
 * Memory of the pattern index, on top of the arena that never takes anything back: pages of 16 KiB, and objects of a few dozen
 * sizes cut from them. A page whose last object is freed returns to the pool and may serve any other size, so that memory lasts
 * through any churn. Control path of the index (insert and remove); matching allocates nothing.
 */

import { reserve } from "./arena";

export const PAGE_BYTES: u32 = 16384;
/** Largest object; four of the sizes above 256 lie in each doubling. */
export const OBJECT_BYTES_MAX: u32 = 5120;
const CHUNK_PAGES: u32 = 64;

// ---- pages

let freePages: u32 = 0;
let freePageCount: u32 = 0;
/** Pages never used so far: from `freshAt` up to `freshEnd`. */
let freshAt: u32 = 0;
let freshEnd: u32 = 0;
let usedPageCount: u32 = 0;

/**
 * Makes sure that the next `pages` calls of `takePage` succeed, at most CHUNK_PAGES - 1. Who asks first what an operation may
 * need at worst never has to undo half of it.
 */
export function ensurePages(pages: u32): bool {
  if (freePageCount + (freshEnd - freshAt) / PAGE_BYTES >= pages) return true;
  const at = <u32>reserve(CHUNK_PAGES * PAGE_BYTES);
  if (at == 0) return false;
  if (at != freshEnd) {
    // Somebody else took memory in between: what is left of the old chunk goes to the pool, the new one is aligned.
    for (; freshAt < freshEnd; freshAt += PAGE_BYTES) pushPage(freshAt);
    freshAt = (at + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  }
  freshEnd = (at + CHUNK_PAGES * PAGE_BYTES) & ~(PAGE_BYTES - 1);
  return freePageCount + (freshEnd - freshAt) / PAGE_BYTES >= pages;
}

/** Whether `takePage` succeeds at once, without asking for memory. */
export function hasPage(): bool {
  return freePageCount != 0 || freshAt != freshEnd;
}

function pushPage(page: u32): void {
  store<u32>(page, freePages);
  freePages = page;
  freePageCount++;
}

/** A page of PAGE_BYTES, aligned to its size, not zeroed; 0 only when `ensurePages` was not asked. */
export function takePage(): u32 {
  if (freePages == 0 && freshAt == freshEnd && !ensurePages(1)) return 0;
  usedPageCount++;
  const page = freePages;
  if (page != 0) {
    freePages = load<u32>(page);
    freePageCount--;
    return page;
  }
  freshAt += PAGE_BYTES;
  return freshAt - PAGE_BYTES;
}

export function freePage(page: u32): void {
  usedPageCount--;
  pushPage(page);
}

/** Pages in use, for reports and for the tests that look for leaks. */
export function pagesInUse(): u32 {
  return usedPageCount;
}

// ---- objects: each page of one size, with a header of 64 bytes so that objects of 64 bytes are aligned to 64

const SIZE: u32 = 0;
const USED: u32 = 4;
/** First freed object, linked through their first words; 0 if none. */
const FREED: u32 = 8;
/** First object never used so far; beyond the page's end if none is left. */
const FRESH: u32 = 12;
/** Neighbours in the list of pages of this size that have room. */
const PREVIOUS: u32 = 16;
const NEXT: u32 = 20;
const HEADER_BYTES: u32 = 64;

const CLASSES: u32 = 50;
/** First page with room, per size class. */
const ROOMY = <u32>memory.data(200);

function roundSize(bytes: u32): u32 {
  if (bytes <= 256) return max<u32>(8, (bytes + 7) & ~7);
  const step = <u32>1 << (29 - clz<u32>(bytes - 1));
  return (bytes + step - 1) & ~(step - 1);
}

/** Where the first roomy page of objects of a rounded size is kept. */
function roomyOf(size: u32): u32 {
  if (size <= 256) return ROOMY + ((size >> 3) << 2);
  const exponent: u32 = 31 - clz<u32>(size - 1);
  const index: u32 = 28 + ((exponent - 8) << 2) + (size >> (exponent - 2));
  assert(index < CLASSES);
  return ROOMY + (index << 2);
}

function linkRoomy(page: u32, head: u32): void {
  const first = load<u32>(head);
  store<u32>(page, 0, PREVIOUS);
  store<u32>(page, first, NEXT);
  if (first != 0) store<u32>(first, page, PREVIOUS);
  store<u32>(head, page);
}

function unlinkRoomy(page: u32, head: u32): void {
  const previous = load<u32>(page, PREVIOUS);
  const next = load<u32>(page, NEXT);
  if (previous != 0) store<u32>(previous, next, NEXT);
  else store<u32>(head, next);
  if (next != 0) store<u32>(next, previous, PREVIOUS);
}

// @ts-ignore: decorator
@inline
function hasRoom(page: u32, size: u32): bool {
  return load<u32>(page, FREED) != 0 || load<u32>(page, FRESH) + size <= page + PAGE_BYTES;
}

/** An object of at least `bytes` (at most OBJECT_BYTES_MAX), aligned to 8, not zeroed; 0 only when no page could be had. */
export function allocate(bytes: u32): u32 {
  assert(bytes <= OBJECT_BYTES_MAX);
  const size = roundSize(bytes);
  const head = roomyOf(size);
  let page = load<u32>(head);
  if (page == 0) {
    page = takePage();
    if (page == 0) return 0;
    store<u32>(page, size, SIZE);
    store<u32>(page, 0, USED);
    store<u32>(page, 0, FREED);
    store<u32>(page, page + HEADER_BYTES, FRESH);
    linkRoomy(page, head);
  }
  let object = load<u32>(page, FREED);
  if (object != 0) {
    store<u32>(page, load<u32>(object), FREED);
  } else {
    object = load<u32>(page, FRESH);
    store<u32>(page, object + size, FRESH);
  }
  store<u32>(page, load<u32>(page, USED) + 1, USED);
  if (!hasRoom(page, size)) unlinkRoomy(page, head);
  return object;
}

export function release(object: u32): void {
  const page = object & ~(PAGE_BYTES - 1);
  const size = load<u32>(page, SIZE);
  const head = roomyOf(size);
  if (!hasRoom(page, size)) linkRoomy(page, head);
  store<u32>(object, load<u32>(page, FREED));
  store<u32>(page, object, FREED);
  const used = load<u32>(page, USED) - 1;
  store<u32>(page, used, USED);
  if (used == 0) {
    unlinkRoomy(page, head);
    freePage(page);
  }
}
