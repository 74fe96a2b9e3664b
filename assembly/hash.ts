/**
 * Keyed hashing for the pattern index: SipHash-1-3, seeded at start. Clients choose the URIs, so whoever could foresee a hash
 * could pile everything into one bucket. The hash only finds candidates; who uses it compares the bytes, so that two equal
 * hashes cost time and never a wrong answer.
 */

let key0: u64 = 0;
let key1: u64 = 0;
/** Secret odd multipliers for `tagOf`. */
let spread: u64 = 1;
let finish: u64 = 1;

/** Sets the key. To be called before anything is hashed and never again while a hash is stored. */
export function hashSeed(seed0: u32, seed1: u32, seed2: u32, seed3: u32): void {
  key0 = (<u64>seed1 << 32) | <u64>seed0;
  key1 = (<u64>seed3 << 32) | <u64>seed2;
  // The multipliers are hashes of eight zero bytes under the key, with one bit of it changed between them.
  spread = hashWord(0) | 1;
  finish = hashWord(1) | 1;
}

/** The last 0 to 7 bytes of a text of `length` bytes at `p`, as SipHash packs them; reads nothing outside of the text. */
// @ts-ignore: decorator
@inline
function tailOf(p: u32, length: u32): u64 {
  const rest = length & 7;
  const end = p + length;
  const top = <u64>length << 56;
  if (rest == 0) return top;
  if (length >= 8) return top | (load<u64>(end - 8) >> ((8 - rest) << 3));
  if (rest >= 4) return top | <u64>load<u32>(p) | (<u64>load<u32>(end - 4) << ((rest - 4) << 3));
  const middle = rest >> 1;
  return top | <u64>load<u8>(p) | (<u64>load<u8>(p + middle) << (middle << 3)) | (<u64>load<u8>(end - 1) << ((rest - 1) << 3));
}

/** SipHash-1-3 of the `length` bytes at `p`. */
export function hashBytes(p: u32, length: u32): u64 {
  let v0 = key0 ^ 0x736f6d6570736575;
  let v1 = key1 ^ 0x646f72616e646f6d;
  let v2 = key0 ^ 0x6c7967656e657261;
  let v3 = key1 ^ 0x7465646279746573;
  const tail = tailOf(p, length);
  const end = p + (length & ~7);
  for (; ; p += 8) {
    const word = p < end ? load<u64>(p) : tail;
    v3 ^= word;
    v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32);
    v2 += v3; v3 = rotl(v3, 16) ^ v2;
    v0 += v3; v3 = rotl(v3, 21) ^ v0;
    v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32);
    v0 ^= word;
    if (p >= end) break;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32);
    v2 += v3; v3 = rotl(v3, 16) ^ v2;
    v0 += v3; v3 = rotl(v3, 21) ^ v0;
    v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32);
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

const WORD = memory.data(8);

/** SipHash-1-3 of the eight bytes of `word`. */
export function hashWord(word: u64): u64 {
  store<u64>(WORD, word);
  return hashBytes(<u32>WORD, 8);
}

/**
 * Joins the hash of a key with its owner (the address of a trie node or scope record) into the 32 bits that the table stores.
 * Low bits are as good as high ones.
 */
// @ts-ignore: decorator
@inline
export function tagOf(owner: u32, hash: u64): u32 {
  let mixed = hash + <u64>owner * spread;
  mixed ^= mixed >> 32;
  return <u32>((mixed * finish) >> 32);
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
