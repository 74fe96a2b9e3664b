/** Bytes in linear memory: copies, compares and the UTF-8 check. Nothing of WAMP and nothing of any format. Hot. */

const HIGH_BITS: u64 = 0x8080808080808080;

/**
 * True if [p, end) is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
 * Reads no byte outside the span. Most text is ASCII, so words are taken until one is not.
 */
export function validUtf8(p: u32, end: u32): bool {
  while (p < end) {
    while (end - p >= 32) {
      if (((load<u64>(p) | load<u64>(p, 8) | load<u64>(p, 16) | load<u64>(p, 24)) & HIGH_BITS) != 0) break;
      p += 32;
    }
    while (end - p >= 8) {
      if ((load<u64>(p) & HIGH_BITS) != 0) break;
      p += 8;
    }
    if (end - p >= 4 && (load<u32>(p) & <u32>HIGH_BITS) == 0) p += 4;
    while (p < end && load<u8>(p) < 0x80) ++p;
    // Text in other scripts comes in runs: stay here until the next ASCII byte.
    while (p < end && load<u8>(p) >= 0x80) {
      p = utf8Sequence(p, end);
      if (p == 0) return false;
    }
  }
  return true;
}

/** Position behind the multi-byte sequence that starts at p, or 0 if it is not well-formed. */
export function utf8Sequence(p: u32, end: u32): u32 {
  const lead: u32 = load<u8>(p);
  const left = end - p;
  if (lead < 0xe0) {
    return lead >= 0xc2 && left >= 2 && isContinuation(p + 1) ? p + 2 : 0;
  }
  if (lead < 0xf0) {
    if (left < 3 || !isContinuation(p + 1) || !isContinuation(p + 2)) return 0;
    const second: u32 = load<u8>(p + 1);
    if (lead == 0xe0 && second < 0xa0) return 0; // overlong
    if (lead == 0xed && second >= 0xa0) return 0; // surrogate
    return p + 3;
  }
  if (lead > 0xf4 || left < 4) return 0;
  if (!isContinuation(p + 1) || !isContinuation(p + 2) || !isContinuation(p + 3)) return 0;
  const second: u32 = load<u8>(p + 1);
  if (lead == 0xf0 && second < 0x90) return 0; // overlong
  if (lead == 0xf4 && second >= 0x90) return 0; // above U+10FFFF
  return p + 4;
}

// @ts-ignore: decorator
@inline function isContinuation(p: u32): bool { return (load<u8>(p) & 0xc0) == 0x80; }

/** The code point of the well-formed multi-byte sequence at p. */
export function codePoint(p: u32): u32 {
  const lead: u32 = load<u8>(p);
  const second: u32 = load<u8>(p + 1) & 0x3f;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | second;
  const third: u32 = load<u8>(p + 2) & 0x3f;
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | (second << 6) | third;
  return ((lead & 0x07) << 18) | (second << 12) | (third << 6) | (load<u8>(p + 3) & 0x3f);
}

/**
 * Copies `length` bytes between spans that do not overlap. The engine's own copy costs a call out of WASM,
 * which short spans do not earn back.
 */
export function copyBytes(to: u32, from: u32, length: u32): void {
  if (length > 256) {
    memory.copy(to, from, length);
    return;
  }
  if (length >= 8) {
    const last = length - 8;
    for (let i: u32 = 0; i < last; i += 8) store<u64>(to + i, load<u64>(from + i));
    store<u64>(to + last, load<u64>(from + last));
    return;
  }
  if (length >= 4) {
    const tail = load<u32>(from + length - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + length - 4, tail);
    return;
  }
  for (let i: u32 = 0; i < length; ++i) store<u8>(to + i, load<u8>(from + i));
}

/** True if the two spans of `length` bytes are equal. */
export function sameBytes(a: u32, b: u32, length: u32): bool {
  let i: u32 = 0;
  while (length - i >= 8) {
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
    i += 8;
  }
  for (; i < length; ++i) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
  }
  return true;
}

/**
 * True if the span reads like `literal`, the address of an ASCII string literal. The compiler lays literals out as static
 * UTF-16 with the byte length in front; this is the one place, with `narrow`, that knows it. No string is ever made.
 */
export function isLiteral(p: u32, length: u32, literal: usize): bool {
  if (load<u32>(literal - 4) != length << 1) return false;
  for (let i: u32 = 0; i < length; ++i) {
    if (<u16>load<u8>(p + i) != load<u16>(literal + (i << 1))) return false;
  }
  return true;
}

/** Writes an ASCII string literal as bytes to `to`. Returns its length. */
export function narrow(to: u32, literal: usize): u32 {
  const length = load<u32>(literal - 4) >> 1;
  for (let i: u32 = 0; i < length; ++i) store<u8>(to + i, load<u8>(literal + (i << 1)));
  return length;
}
