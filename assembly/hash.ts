/**
 * Keyed hashing for the pattern index. Clients choose the URIs, so whoever could foresee a hash could pile everything into one
 * bucket. The hash only finds candidates; who uses it compares the bytes, so that equal hashes cost time, never a wrong answer.
 *
 * The hash is pair-multiply-shift: a sum over the words w0 w1, w2 w3 … (32 bits each) of (key0 + w0) * (key1 + w1) and so on, in
 * 64 bits, with a secret random key for each word. It is universal: whatever two texts somebody picks without knowing the keys,
 * the upper halves of their sums agree with a chance of 2^-32. `tagOf` puts the length and the owner of the text into one more
 * such pair and then mixes, so that the sums' regularity (texts that count up) does not show in the choice of buckets.
 *
 * The keys are made from the seed by SipHash-2-4, once.
 */

import { URI_BYTES_MAX } from "./index-limits";

/** One key for each four bytes of the longest text, in pairs. */
const KEYS = <u32>memory.data(8192);
const KEYS_BYTES: u32 = 8192;
let lengthKey: u64 = 0;
let ownerKey: u64 = 0;
let finishKey: u64 = 1;

/** Sets the keys. To be called before anything is hashed and never again while a hash is stored. */
export function hashSeed(seed0: u32, seed1: u32, seed2: u32, seed3: u32): void {
  assert(KEYS_BYTES == URI_BYTES_MAX * 2);
  const low = (<u64>seed1 << 32) | <u64>seed0;
  const high = (<u64>seed3 << 32) | <u64>seed2;
  for (let at: u32 = 0; at < KEYS_BYTES; at += 8) store<u64>(KEYS + at, sipHash(low, high, <u64>at));
  lengthKey = sipHash(low, high, 1);
  ownerKey = sipHash(low, high, 2);
  finishKey = sipHash(low, high, 3) | 1;
}

/** SipHash-2-4 of one eight-byte word. */
function sipHash(key0: u64, key1: u64, word: u64): u64 {
  let v0 = key0 ^ 0x736f6d6570736575;
  let v1 = key1 ^ 0x646f72616e646f6d;
  let v2 = key0 ^ 0x6c7967656e657261;
  let v3 = key1 ^ 0x7465646279746573;
  // Rounds 0 and 1 take the word, 2 and 3 the block that holds only the length (8), the last four finish.
  for (let round = 0; round < 8; round++) {
    const block = round < 2 ? word : round < 4 ? <u64>8 << 56 : 0;
    if (round == 0 || round == 2) v3 ^= block;
    if (round == 4) v2 ^= 0xff;
    v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32);
    v2 += v3; v3 = rotl(v3, 16) ^ v2;
    v0 += v3; v3 = rotl(v3, 21) ^ v0;
    v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32);
    if (round == 1 || round == 3) v0 ^= block;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

/** The first key of `sumPair`; the next one is 16 bytes on. */
export const SUM_KEYS: u32 = KEYS;

/** What eight bytes of a text add to its sum. */
// @ts-ignore: decorator
@inline
export function sumPair(key: u32, word: u64): u64 {
  return (load<u64>(key) + (word & 0xffffffff)) * (load<u64>(key, 8) + (word >> 32));
}

/** The sum over a text of at most URI_BYTES_MAX bytes; `tagOf` makes a hash of it. */
// @ts-ignore: decorator
@inline
export function sumOf(p: u32, length: u32): u64 {
  let sum: u64 = 0;
  let key = KEYS;
  const end = p + (length & ~7);
  const tail = tailOf(p, length);
  for (; p < end; p += 8) {
    sum += sumPair(key, load<u64>(p));
    key += 16;
  }
  return (length & 7) == 0 ? sum : sum + sumPair(key, tail);
}

/** The last 0 to 7 of the `length` bytes at `p` as one word, the first of them lowest. Reads nothing outside of the text. */
// @ts-ignore: decorator
@inline
export function tailOf(p: u32, length: u32): u64 {
  const rest = length & 7;
  const end = p + length;
  if (rest == 0) return 0;
  if (length >= 8) return load<u64>(end - 8) >> ((8 - rest) << 3);
  if (rest >= 4) return <u64>load<u32>(p) | (<u64>load<u32>(end - 4) << ((rest - 4) << 3));
  const middle = rest >> 1;
  return <u64>load<u8>(p) | (<u64>load<u8>(p + middle) << (middle << 3)) | (<u64>load<u8>(end - 1) << ((rest - 1) << 3));
}

/**
 * The 32 bits by which the table knows a text under its owner (the address of a trie node or scope record). `length` is that of
 * the text, and may carry a mark in its upper half that tells apart what hangs under one owner by the same text.
 */
// @ts-ignore: decorator
@inline
export function tagOf(owner: u32, sum: u64, length: u32): u32 {
  let mixed = sum + (lengthKey + <u64>length) * (ownerKey + <u64>owner);
  mixed ^= mixed >> 32;
  return <u32>((mixed * finishKey) >> 32);
}

/** True if the `length` bytes at `a` and `b` are the same. Reads nothing outside of them. */
export function sameBytes(a: u32, b: u32, length: u32): bool {
  if (length >= 8) {
    const last = length - 8;
    for (let i: u32 = 0; i < last; i += 8) {
      if (load<u64>(a + i) != load<u64>(b + i)) return false;
    }
    return load<u64>(a + last) == load<u64>(b + last);
  }
  if (length >= 4) {
    const last = length - 4;
    return load<u32>(a) == load<u32>(b) && load<u32>(a + last) == load<u32>(b + last);
  }
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
  }
  return true;
}
