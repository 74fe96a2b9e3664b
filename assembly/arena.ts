/**
 * Memory: one bump pointer over linear memory, never given back. The large regions are reserved once by `init` and never move;
 * the pattern index takes its slabs here, segment by segment, and reuses what it freed by free lists of its own.
 * A reserved page costs nothing until it is touched.
 */

import { FIXED_END } from "./abi";

const PAGE: u32 = 65536;
/**
 * Memory grows to twice its size, by 512 MiB at most. Growing costs the engine some milliseconds, whatever the size: V8 makes a
 * new ArrayBuffer, counts all of it as new and collects garbage. So it is to happen about ten times on the way to 4 GiB.
 */
const STEP_MAX: i32 = 8192;

/** Next free address. `__heap_base` is where asc's static data ends. */
let top: usize = 0;

/** Takes `bytes` of zeroed memory, aligned to 16. Returns its address, or 0 when the 4 GiB of a 32-bit memory are used up. */
export function reserve(bytes: usize): usize {
  if (top == 0) top = (max<usize>(__heap_base, FIXED_END) + 15) & ~15;
  const at = top;
  const wanted: u64 = (<u64>at + <u64>bytes + 15) & ~15;
  if (wanted > 0xffff0000) return 0;
  const have: u64 = <u64>memory.size() * PAGE;
  if (wanted > have) {
    const pages = <i32>((wanted - have + PAGE - 1) / PAGE);
    const generous = max<i32>(pages, min<i32>(memory.size(), STEP_MAX));
    if (memory.grow(generous) < 0 && memory.grow(pages) < 0) return 0;
  }
  top = <usize>wanted;
  return at;
}
