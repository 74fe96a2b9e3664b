/**
 * The last word on rounding: compares a decimal number with the point half-way between two doubles, in whole numbers of any size.
 * number.ts comes here only when 128 bits cannot tell, which takes a number written to be close to such a point.
 *
 * Bounded whatever the length of the text: no half-way point has more than 767 significant digits, so digits behind the 768th
 * matter only in whether one of them is not zero. All numbers here have fewer than 2,700 bits.
 */

/** Significant digits that are looked at. */
const DIGITS_MAX: u32 = 768;
/** Limbs of 32 bits that a big number has room for, the lowest first. */
const LIMBS: u32 = 96;

const LEFT: usize = memory.data(384, 8);
const RIGHT: usize = memory.data(384, 8);

const POW5_13: u32 = 1220703125;
/** 5^0 … 5^12. */
const POWERS5: usize = memory.data<u32>([
  1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625,
]);

/** big = big * factor + addend; gives the new number of limbs. A limb that finds no room is dropped: never more than `LIMBS`. */
function multiply(big: usize, limbs: u32, factor: u32, addend: u32): u32 {
  let carry: u64 = addend;
  for (let i: u32 = 0; i < limbs; i++) {
    const at = big + (i << 2);
    carry += <u64>load<u32>(at) * factor;
    store<u32>(at, <u32>carry);
    carry >>= 32;
  }
  if (carry != 0 && limbs < LIMBS) {
    store<u32>(big + (limbs << 2), <u32>carry);
    return limbs + 1;
  }
  return limbs;
}

function multiplyPower5(big: usize, limbs: u32, power: u32): u32 {
  while (power >= 13) {
    limbs = multiply(big, limbs, POW5_13, 0);
    power -= 13;
  }
  return multiply(big, limbs, load<u32>(POWERS5 + (power << 2)), 0);
}

function shiftLeft(big: usize, limbs: u32, bits: u32): u32 {
  limbs = multiply(big, limbs, 1 << (bits & 31), 0);
  const words = bits >> 5;
  if (words == 0 || limbs + words > LIMBS) return limbs;
  memory.copy(big + (words << 2), big, limbs << 2);
  memory.fill(big, 0, words << 2);
  return limbs + words;
}

function store64(big: usize, value: u64): u32 {
  store<u64>(big, value);
  return value >> 32 != 0 ? 2 : <u32>(value != 0);
}

/** Sign of LEFT - RIGHT. No number has a leading limb of zero. */
function compare(left: u32, right: u32): i32 {
  if (left != right) return left < right ? -1 : 1;
  for (let i = left; i > 0; i--) {
    const a = load<u32>(LEFT + ((i - 1) << 2));
    const b = load<u32>(RIGHT + ((i - 1) << 2));
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

/**
 * The digits of the text from `p` to `end` (digits and at most one point) as a whole number in LEFT; a last digit 1 stands for
 * everything that was left out, if that was not zero. Gives its limbs and, times 65536, the significant digits that went into it.
 */
function loadDigits(p: u32, end: u32): u32 {
  let limbs: u32 = 0;
  let taken: u32 = 0;
  for (; p < end; p++) {
    const digit: u32 = <u32>load<u8>(p) - 0x30;
    // The point; leading zeros do not count.
    if (digit > 9 || (digit | taken) == 0) continue;
    if (taken < DIGITS_MAX) {
      limbs = multiply(LEFT, limbs, 10, digit);
      taken++;
    } else if (digit != 0) {
      limbs = multiply(LEFT, limbs, 10, 1);
      taken++;
      break;
    }
  }
  return limbs | (taken << 16);
}

/**
 * Sign of value - half, where half lies between the positive double with these bits and the next one up. The value is
 * digits * 10^exponent; or, when `digits` is 0, the significant digits of the text from `p` to `end`, of which the first nineteen
 * times 10^exponent are its leading part.
 */
function compareHalf(bits: u64, digits: u64, exponent: i32, p: u32, end: u32): i32 {
  let left: u32;
  if (digits != 0) {
    left = store64(LEFT, digits);
  } else {
    left = loadDigits(p, end);
    exponent -= <i32>(left >> 16) - 19;
    left &= 0xffff;
  }
  const biased = <i32>(bits >> 52);
  let mantissa = bits & 0xfffffffffffff;
  if (biased != 0) mantissa |= 0x10000000000000;
  let right = store64(RIGHT, (mantissa << 1) | 1);
  // half = right * 2^shift; both sides lose the factor 10^exponent, or what is left of it.
  const shift = (biased != 0 ? biased : 1) - 1076 - exponent;
  if (exponent >= 0) left = multiplyPower5(LEFT, left, exponent);
  else right = multiplyPower5(RIGHT, right, -exponent);
  if (shift >= 0) right = shiftLeft(RIGHT, right, shift);
  else left = shiftLeft(LEFT, left, -shift);
  return compare(left, right);
}

/**
 * The double nearest to the value (see compareHalf), ties to even, as bits; infinity where that rounds to it. `candidate` is a
 * double close by, infinity included: the search walks from it, one double at a time.
 */
export function roundExact(candidate: u64, digits: u64, exponent: i32, p: u32, end: u32): u64 {
  let bits = candidate;
  while (bits < 0x7ff0000000000000) {
    const sign = compareHalf(bits, digits, exponent, p, end);
    if (sign < 0 || (sign == 0 && (bits & 1) == 0)) break;
    bits++;
  }
  if (bits != candidate) return bits;
  while (bits > 0) {
    const sign = compareHalf(bits - 1, digits, exponent, p, end);
    if (sign > 0 || (sign == 0 && (bits & 1) == 0)) break;
    bits--;
  }
  return bits;
}
