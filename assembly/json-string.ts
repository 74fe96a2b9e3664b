/** The inside of JSON strings, eight bytes at a time: finding what is not plain text, and turning escapes into UTF-8. Hot. */

const ONES: u64 = 0x0101010101010101;
const HIGH_BITS: u64 = 0x8080808080808080;
const QUOTES: u64 = 0x2222222222222222;
const BACKSLASHES: u64 = 0x5c5c5c5c5c5c5c5c;
const SPACES: u64 = 0x2020202020202020;

const BACKSLASH: u32 = 0x5c;
const REPLACEMENT: u32 = 0xfffd;

/**
 * Marks, in the highest bit of each byte, the quotes, backslashes and control characters of a word. Only the lowest mark can be
 * relied on: a byte above a marked one may be marked for no reason, because the subtractions borrow.
 */
// @ts-ignore: decorator
@inline export function specials(word: u64): u64 {
  const quotes = (word ^ QUOTES) - ONES;
  const slashes = (word ^ BACKSLASHES) - ONES;
  // A byte of 128 or more is none of the three, and XOR leaves its highest bit alone: one mask serves all.
  return (quotes | slashes | (word - SPACES)) & ~word & HIGH_BITS;
}

/** Like specials, for backslashes alone. */
// @ts-ignore: decorator
@inline export function backslashes(word: u64): u64 {
  return ((word ^ BACKSLASHES) - ONES) & ~word & HIGH_BITS;
}

/** Value of the four hexadecimal digits at p, known to be such. */
function hex4(p: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    const c: u32 = load<u8>(p + i);
    value = (value << 4) | ((c & 15) + (c >> 6) * 9);
  }
  return value;
}

/** Writes one character as UTF-8. */
function putCharacter(o: u32, code: u32): u32 {
  if (code < 0x80) {
    store<u8>(o, code);
    return o + 1;
  }
  if (code < 0x800) {
    store<u8>(o, 0xc0 | (code >> 6));
    store<u8>(o, 0x80 | (code & 63), 1);
    return o + 2;
  }
  if (code < 0x10000) {
    store<u8>(o, 0xe0 | (code >> 12));
    store<u8>(o, 0x80 | ((code >> 6) & 63), 1);
    store<u8>(o, 0x80 | (code & 63), 2);
    return o + 3;
  }
  store<u8>(o, 0xf0 | (code >> 18));
  store<u8>(o, 0x80 | ((code >> 12) & 63), 1);
  store<u8>(o, 0x80 | ((code >> 6) & 63), 2);
  store<u8>(o, 0x80 | (code & 63), 3);
  return o + 4;
}

/** What the letter behind a backslash stands for. */
function shortEscape(c: u32): u32 {
  switch (c) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return c;
  }
}

/**
 * Copies the inside of a valid string from `at` up to `to`, with each escape replaced by its character and each surrogate without a
 * partner by U+FFFD. Needs room for to - at bytes at o. Gives the position behind what it wrote.
 */
export function unescape(o: u32, at: u32, to: u32): u32 {
  while (at < to) {
    // What is stored beyond the first backslash is overwritten: the text written is never longer than the text read.
    for (let words = (to - at) >> 3; words != 0; words--) {
      const word = load<u64>(at);
      store<u64>(o, word);
      const found = backslashes(word);
      if (found != 0) {
        const plain = <u32>(ctz<u64>(found) >> 3);
        at += plain;
        o += plain;
        break;
      }
      at += 8;
      o += 8;
    }
    if (at == to) break;
    if (load<u8>(at) != BACKSLASH) {
      store<u8>(o++, load<u8>(at++));
      continue;
    }
    const c: u32 = load<u8>(at, 1);
    if (c != 0x75) {
      store<u8>(o++, shortEscape(c));
      at += 2;
      continue;
    }
    let code = hex4(at + 2);
    at += 6;
    if (code >> 11 == 0x1b) {
      // A surrogate: with the other half right behind it, both are one character.
      const low = code < 0xdc00 && to - at >= 6 && load<u16>(at) == 0x755c ? hex4(at + 2) : 0;
      if (low >> 10 == 0x37) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        at += 6;
      } else {
        code = REPLACEMENT;
      }
    }
    o = putCharacter(o, code);
  }
  return o;
}
