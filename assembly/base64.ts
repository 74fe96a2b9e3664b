/**
 * Base64, the standard alphabet with padding (RFC 4648 section 4), both ways over linear memory. WAMP's JSON carries binary values
 * so. Strict when reading: no line breaks, no missing padding, no bits set that belong to no byte; what is read would be written
 * again as the same text.
 */

const ALPHABET: usize = memory.data<u8>([
  65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 97, 98, 99,
  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 48,
  49, 50, 51, 52, 53, 54, 55, 56, 57, 43, 47,
]);

const PAD: u32 = 0x3d;
/** A character outside of the alphabet; no value has this bit. */
const BAD: u32 = 0x80;

/** Value of each character, or BAD. Characters from 128 up have no entry. */
const VALUES: usize = memory.data<u8>([
  128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
  128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 62, 128, 128, 128, 63,
  52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 128, 128, 128, 128, 128, 128, 128, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 128, 128, 128, 128, 128, 128, 26, 27, 28, 29, 30, 31, 32, 33, 34,
  35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 128, 128, 128, 128, 128,
]);

/** Bytes of text for `bytes` bytes. */
export function base64Length(bytes: u32): u64 {
  return ((<u64>bytes + 2) / 3) << 2;
}

/** The character for the six bits of `group` from `shift` up, as the byte `place` of a word. */
// @ts-ignore: decorator
@inline function letter(group: u32, shift: u32, place: u32): u32 {
  return <u32>load<u8>(ALPHABET + ((group >> shift) & 63)) << (place << 3);
}

// @ts-ignore: decorator
@inline function letters(group: u32): u32 {
  return letter(group, 18, 0) | letter(group, 12, 1) | letter(group, 6, 2) | letter(group, 0, 3);
}

/** Writes base64Length(len) characters at o, where they must have room. Gives the position behind them. */
export function base64Encode(o: u32, ptr: u32, len: u32): u32 {
  const end = ptr + len;
  // Four bytes are loaded where three are used.
  while (end - ptr >= 4) {
    store<u32>(o, letters(bswap<u32>(load<u32>(ptr)) >> 8));
    ptr += 3;
    o += 4;
  }
  const rest = end - ptr;
  if (rest == 0) return o;
  let group = <u32>load<u8>(ptr) << 16;
  if (rest > 1) group |= <u32>load<u8>(ptr, 1) << 8;
  if (rest > 2) group |= load<u8>(ptr, 2);
  let text = letters(group);
  if (rest < 3) text = (text & 0x00ffffff) | (PAD << 24);
  if (rest < 2) text = (text & 0xff00ffff) | (PAD << 16);
  store<u32>(o, text);
  return o + 4;
}

// @ts-ignore: decorator
@inline function valueOf(p: u32): u32 {
  const character: u32 = load<u8>(p);
  return character < 128 ? <u32>load<u8>(VALUES + character) : BAD;
}

/**
 * Reads `len` characters. Gives the position behind the bytes written at o, or 0 when they are not base64. Needs room for len bytes
 * at o, though it uses three quarters of that; `o` may be `ptr`.
 */
export function base64Decode(o: u32, ptr: u32, len: u32): u32 {
  if (len == 0) return o;
  if ((len & 3) != 0) return 0;
  const last = ptr + len - 4;
  for (; ptr < last; ptr += 4) {
    const a = valueOf(ptr);
    const b = valueOf(ptr + 1);
    const c = valueOf(ptr + 2);
    const d = valueOf(ptr + 3);
    if ((a | b | c | d) & BAD) return 0;
    // The fourth byte written is garbage, overwritten by the next group.
    store<u32>(o, bswap<u32>(((a << 18) | (b << 12) | (c << 6) | d) << 8));
    o += 3;
  }
  return decodeLast(o, ptr);
}

/** The last group: the only one that may be padded. */
function decodeLast(o: u32, ptr: u32): u32 {
  const a = valueOf(ptr);
  const b = valueOf(ptr + 1);
  const pads: u32 = load<u8>(ptr, 3) != PAD ? 0 : load<u8>(ptr, 2) != PAD ? 1 : 2;
  const c = pads < 2 ? valueOf(ptr + 2) : 0;
  const d = pads < 1 ? valueOf(ptr + 3) : 0;
  if ((a | b | c | d) & BAD) return 0;
  if (pads == 2 ? (b & 15) != 0 : pads == 1 && (c & 3) != 0) return 0;
  store<u8>(o++, (a << 2) | (b >> 4));
  if (pads < 2) store<u8>(o++, (b << 4) | (c >> 2));
  if (pads < 1) store<u8>(o++, (c << 6) | d);
  return o;
}
