/**
 * Candidates of the match at hand: patterns that the table named by their tags alone, not yet looked at. Looking means a miss of
 * every cache when patterns are many; collected first, the misses of all candidates run side by side instead of one after
 * another. `settle` then compares the bytes and decides. Hot.
 */

import { sameBytes } from "./hash";
import { fitsComponents } from "./index-components";
import { entryHandle, entryLength, entryOwner, entryPolicy, entryUri } from "./index-entry";
import { WILDCARD } from "./index-limits";
import { touch } from "./index-table";

const ENTRY: u32 = 0;
const OWNER: u32 = 4;
const SHORTEST: u32 = 8;
const LONGEST: u32 = 12;
const CANDIDATE_BYTES: u32 = 16;
/** Room for 128; when it is full, what is there is settled. */
const LIST = <u32>memory.data(2048);
const LIST_END: u32 = LIST + 2048;

let listEnd: u32 = LIST;
let uri: u32 = 0;
let out: u32 = 0;
let outEnd: u32 = 0;
/** Whether one more pattern matched than there was room for; then there is no need to look for others. */
export let overflowed: bool = false;

/** Begins a match of the text at `text`; handles go to `first` and behind, as many as lie below `end`. */
export function beginMatch(text: u32, first: u32, end: u32): void {
  uri = text;
  out = first;
  outEnd = end;
  overflowed = false;
}

/**
 * Adds a candidate. It is a match if it hangs under `owner`, is `shortest` to `longest` bytes long and its bytes fit: two lengths
 * under one node may share a tag, and neither may be reported twice.
 */
export function propose(entry: u32, owner: u32, shortest: u32, longest: u32): void {
  if (listEnd == LIST_END) settle();
  store<u32>(listEnd, entry, ENTRY);
  store<u32>(listEnd, owner, OWNER);
  store<u32>(listEnd, shortest, SHORTEST);
  store<u32>(listEnd, longest, LONGEST);
  listEnd += CANDIDATE_BYTES;
}

/** Writes the handles of all candidates that match, in their order. Returns where writing stopped. */
export function settle(): u32 {
  const end = listEnd;
  listEnd = LIST;
  if (end - LIST > CANDIDATE_BYTES) {
    for (let at = LIST; at < end; at += CANDIDATE_BYTES) touch(load<u32>(at, ENTRY));
  }
  for (let at = LIST; at < end; at += CANDIDATE_BYTES) {
    const entry = load<u32>(at, ENTRY);
    if (!isMatch(entry, at)) continue;
    if (out == outEnd) {
      overflowed = true;
      break;
    }
    store<u32>(out, entryHandle(entry));
    out += 4;
  }
  return out;
}

// @ts-ignore: decorator
@inline
function isMatch(entry: u32, at: u32): bool {
  const length = entryLength(entry);
  if (entryOwner(entry) != load<u32>(at, OWNER)) return false;
  if (length < load<u32>(at, SHORTEST) || length > load<u32>(at, LONGEST)) return false;
  return entryPolicy(entry) == WILDCARD ? fitsComponents(entry) : sameBytes(entryUri(entry), uri, length);
}
