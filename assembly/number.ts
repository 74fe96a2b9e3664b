/**
 * Numbers between text and binary: decimal text to the nearest double, a double to the shortest text that reads back as the same
 * double, whole numbers both ways. Hot only where payloads change format; headers hold whole numbers, which take the short way.
 * Grammar: JSON's (RFC 8259 section 6). The functions know nothing of frames; json.ts turns their answers into violations.
 */

import { roundExact } from "./number-exact";
import { POWERS, POWER_EXACT_MAX, POWER_EXACT_MIN, POWER_MAX_READ, POWER_MIN } from "./powers";

// ---- what scanNumber found; valid until it is called again
const SCAN: usize = memory.data(32, 8);
const SCAN_DIGITS: usize = 0;
const SCAN_EXPONENT: usize = 8;
const SCAN_FLAGS: usize = 16;
const SCAN_START: usize = 20;
const SCAN_END: usize = 24;

/** The number has a minus sign. */
export const NUMBER_NEGATIVE: u32 = 1;
/** It has a point or an exponent. */
export const NUMBER_FLOAT: u32 = 2;
/** It has more than nineteen significant digits, and one that was left out is not zero. */
export const NUMBER_CUT: u32 = 4;

/** Significant digits that fit a u64 whatever they are. */
const DIGITS_MAX: u32 = 19;
/** Exponents stop growing here: far beyond any double, and beyond what the digits of the longest text could bring back. */
const EXPONENT_STOP: i64 = 1000000000000000;

// ---- bits of a double
const SIGN: u64 = 0x8000000000000000;
const INFINITE: u64 = 0x7ff0000000000000;
const HIDDEN: u64 = 0x10000000000000;
/** 2^53: up to here every whole number is a double. */
export const INTEGER_MAX: u64 = 0x20000000000000;
/** Set (in the place of the sign) on a double that is close, but perhaps not the closest. */
const UNSURE: u64 = SIGN;

const EXACT_POWERS: usize = memory.data<f64>([
  1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]);

/** The first nineteen significant digits as a whole number. */
export function scannedDigits(): u64 {
  return load<u64>(SCAN + SCAN_DIGITS);
}

/** The power of ten that scannedDigits is to be multiplied with. */
export function scannedExponent(): i64 {
  return load<i64>(SCAN + SCAN_EXPONENT);
}

/** NUMBER_… bits. */
export function scannedFlags(): u32 {
  return load<u32>(SCAN + SCAN_FLAGS);
}

/** The twentieth digit of a whole number that has exactly twenty. */
export function scannedLastDigit(): u32 {
  return <u32>load<u8>(load<u32>(SCAN + SCAN_END) - 1) - 0x30;
}

// @ts-ignore: decorator
@inline function digitAt(p: u32, end: u32): u32 {
  return p < end ? <u32>load<u8>(p) - 0x30 : 10;
}

/** Reads one number at p. Gives the position behind it, or 0 when it is none. What it is: scannedDigits and so on. */
export function scanNumber(p: u32, end: u32): u32 {
  let flags: u32 = 0;
  if (p < end && load<u8>(p) == 0x2d) {
    flags = NUMBER_NEGATIVE;
    p++;
  }
  const start = p;
  let digits: u64 = 0;
  let count: u32 = 0;
  let exponent: i64 = 0;
  let digit = digitAt(p, end);
  if (digit > 9) return 0;
  if (digit == 0) {
    digit = digitAt(++p, end);
    if (digit <= 9) return 0;
  }
  for (; digit <= 9; digit = digitAt(++p, end)) {
    if (count < DIGITS_MAX) {
      digits = digits * 10 + digit;
      count++;
    } else {
      exponent++;
      if (digit != 0) flags |= NUMBER_CUT;
    }
  }
  if (p < end && load<u8>(p) == 0x2e) {
    flags |= NUMBER_FLOAT;
    digit = digitAt(++p, end);
    if (digit > 9) return 0;
    for (; digit <= 9; digit = digitAt(++p, end)) {
      if (count < DIGITS_MAX) {
        digits = digits * 10 + digit;
        count += <u32>(digits != 0);
        exponent--;
      } else if (digit != 0) {
        flags |= NUMBER_CUT;
      }
    }
  }
  store<u32>(SCAN + SCAN_START, start);
  store<u32>(SCAN + SCAN_END, p);
  if (p < end && (load<u8>(p) | 0x20) == 0x65) {
    flags |= NUMBER_FLOAT;
    p = scanExponent(p + 1, end, exponent);
  } else {
    store<i64>(SCAN + SCAN_EXPONENT, exponent);
  }
  store<u64>(SCAN + SCAN_DIGITS, digits);
  store<u32>(SCAN + SCAN_FLAGS, flags);
  return p;
}

/** Reads an exponent from behind its `e` and stores the sum of it and `exponent`. */
function scanExponent(p: u32, end: u32, exponent: i64): u32 {
  const sign: u32 = p < end ? load<u8>(p) : 0;
  if (sign == 0x2d || sign == 0x2b) p++;
  let digit = digitAt(p, end);
  if (digit > 9) return 0;
  let value: i64 = 0;
  for (; digit <= 9; digit = digitAt(++p, end)) {
    if (value < EXPONENT_STOP) value = value * 10 + digit;
  }
  store<i64>(SCAN + SCAN_EXPONENT, sign == 0x2d ? exponent - value : exponent + value);
  return p;
}

/** The number last scanned as the nearest double, ties to even; an infinity when it is too large for any. */
export function scannedF64(): f64 {
  const flags = scannedFlags();
  const sign: u64 = <u64>(flags & NUMBER_NEGATIVE) << 63;
  const bits = nearest(scannedDigits(), scannedExponent(), (flags & NUMBER_CUT) != 0);
  return reinterpret<f64>(bits | sign);
}

/** Bits of the double nearest to digits * 10^exponent, or, if `cut`, to the whole text that starts with these digits. */
function nearest(digits: u64, exponent: i64, cut: bool): u64 {
  if (digits == 0 || exponent < POWER_MIN) return 0;
  if (exponent > POWER_MAX_READ) return INFINITE;
  const power = <i32>exponent;
  if (digits <= INTEGER_MAX && !cut) {
    // Both factors are exact doubles, so that one operation rounds once.
    if (power >= 0 && power <= 22) {
      return reinterpret<u64>(<f64>digits * load<f64>(EXACT_POWERS + (power << 3)));
    }
    if (power < 0 && power >= -22) {
      return reinterpret<u64>(<f64>digits / load<f64>(EXACT_POWERS + (-power << 3)));
    }
  }
  const bits = nearestOfProduct(digits, power);
  if (!cut) {
    if ((bits & UNSURE) == 0) return bits;
    return roundExact(bits & ~UNSURE, digits, power, 0, 0);
  }
  // The value lies between these digits and the next higher ones: if both give the same double, that is it.
  if ((bits & UNSURE) == 0 && bits == nearestOfProduct(digits + 1, power)) return bits;
  return roundExact(bits & ~UNSURE, 0, power, load<u32>(SCAN + SCAN_START), load<u32>(SCAN + SCAN_END));
}

/** High half of the 128-bit product. */
function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const middle = a1 * b0 + ((a0 * b0) >> 32);
  const other = a0 * b1 + (middle & 0xffffffff);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

/** floor(log2(10^power)) for |power| ≤ 1233. */
// @ts-ignore: decorator
@inline function binaryExponent(power: i32): i32 {
  return (power * 1741647) >> 19;
}

/**
 * Bits of the double nearest to digits * 10^power (digits not 0), by the method of Eisel and Lemire: the digits times the
 * upper 64 bits of the power decide, unless the bits behind the rounding bit leave room for a carry from the lower 64, or look
 * like a tie. Where even these leave it open the answer is marked UNSURE and is the right double or one next to it.
 */
function nearestOfProduct(digits: u64, power: i32): u64 {
  const shift = <i32>clz<u64>(digits);
  const factor = digits << shift;
  const entry = POWERS + (<usize>(power - POWER_MIN) << 4);
  const upper = load<u64>(entry);
  let high = multiplyHigh(factor, upper);
  let low = factor * upper;
  let unsure = false;
  if ((high & 0x1ff) == 0x1ff && low + factor < low) {
    const lower = load<u64>(entry, 8);
    const sum = low + multiplyHigh(factor, lower);
    if (sum < low) high++;
    low = sum;
    unsure = (high & 0x1ff) == 0x1ff && low == ~(<u64>0) && factor * lower + factor < factor;
  }
  const top = <i32>(high >> 63);
  // 53 bits of mantissa and one to round by.
  let mantissa = high >> (top + 9);
  let biased = binaryExponent(power) + 1086 - shift + top;
  if (low == 0 && (high & 0x1ff) == 0 && (mantissa & 3) == 1) unsure = true;
  if (biased <= 0) {
    // A subnormal is rounded at a higher bit. It cannot be a tie: 5^-power would have to divide the digits.
    if (biased <= -53) return unsure ? UNSURE : 0;
    mantissa >>= 1 - biased;
    biased = 0;
  }
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  // The hidden bit adds 1 to the exponent by itself, and so does a carry out of the mantissa.
  let bits = mantissa + (<u64>max(biased - 1, 0) << 52);
  if (bits > INFINITE) bits = INFINITE;
  return unsure ? bits | UNSURE : bits;
}

// ---- writing

/** Bytes that putF64 writes at most. */
export const F64_BYTES: u32 = 26;

/** "00" to "99". */
const PAIRS: usize = memory.data<u8>([
  48, 48, 48, 49, 48, 50, 48, 51, 48, 52, 48, 53, 48, 54, 48, 55, 48, 56, 48, 57, 49, 48, 49, 49, 49, 50, 49, 51, 49, 52,
  49, 53, 49, 54, 49, 55, 49, 56, 49, 57, 50, 48, 50, 49, 50, 50, 50, 51, 50, 52, 50, 53, 50, 54, 50, 55, 50, 56, 50, 57,
  51, 48, 51, 49, 51, 50, 51, 51, 51, 52, 51, 53, 51, 54, 51, 55, 51, 56, 51, 57, 52, 48, 52, 49, 52, 50, 52, 51, 52, 52,
  52, 53, 52, 54, 52, 55, 52, 56, 52, 57, 53, 48, 53, 49, 53, 50, 53, 51, 53, 52, 53, 53, 53, 54, 53, 55, 53, 56, 53, 57,
  54, 48, 54, 49, 54, 50, 54, 51, 54, 52, 54, 53, 54, 54, 54, 55, 54, 56, 54, 57, 55, 48, 55, 49, 55, 50, 55, 51, 55, 52,
  55, 53, 55, 54, 55, 55, 55, 56, 55, 57, 56, 48, 56, 49, 56, 50, 56, 51, 56, 52, 56, 53, 56, 54, 56, 55, 56, 56, 56, 57,
  57, 48, 57, 49, 57, 50, 57, 51, 57, 52, 57, 53, 57, 54, 57, 55, 57, 56, 57, 57,
]);

/** Decimal digits of value; 1 for 0. */
export function digitCount(value: u64): u32 {
  let count: u32 = 1;
  while (value >= 10000) {
    value /= 10000;
    count += 4;
  }
  const rest = <u32>value;
  return count + <u32>(rest >= 10) + <u32>(rest >= 100) + <u32>(rest >= 1000);
}

/** Writes `count` digits of value, which has as many. */
export function putDigits(o: u32, value: u64, count: u32): u32 {
  const behind = o + count;
  let at = behind;
  while (value >= 100) {
    const quotient = value / 100;
    at -= 2;
    store<u16>(at, load<u16>(PAIRS + (<usize>(value - quotient * 100) << 1)));
    value = quotient;
  }
  if (value >= 10) store<u16>(at - 2, load<u16>(PAIRS + (<usize>value << 1)));
  else store<u8>(at - 1, 0x30 + <u32>value);
  return behind;
}

/**
 * Writes a finite double as the shortest decimal that reads back as the same double; of several, the closest to it. Laid out as
 * JavaScript lays numbers out, but never without a point or an exponent. F64_BYTES must have room at o.
 */
export function putF64(o: u32, value: f64): u32 {
  const bits = reinterpret<u64>(value);
  if (bits & SIGN) store<u8>(o++, 0x2d);
  const magnitude = abs(value);
  if (magnitude < 9007199254740992.0 && floor(magnitude) == magnitude) {
    const whole = <u64>magnitude;
    o = putDigits(o, whole, digitCount(whole));
    store<u16>(o, 0x302e);
    return o + 2;
  }
  return putShortest(o, bits & 0xfffffffffffff, <i32>(bits >> 52) & 0x7ff);
}

/** factor * (upper, lower) / 2^128, its last bit also set when anything but a possible excess of 1 was cut off. */
function multiplyOdd(upper: u64, lower: u64, factor: u64): u64 {
  const carry = multiplyHigh(lower, factor);
  const low = upper * factor + carry;
  const high = multiplyHigh(upper, factor) + <u64>(low < carry);
  return high | <u64>(low > 1);
}

/**
 * The method is Giulietti's (Schubfach): scale the double and the two ends of the interval that rounds to it by one power of
 * ten, so that the interval is between 1 and 10 wide; then a whole number lies in it, and a multiple of ten at most once. All
 * three are compared in units of a quarter.
 */
function putShortest(o: u32, fraction: u64, biased: i32): u32 {
  const mantissa = biased != 0 ? fraction | HIDDEN : fraction;
  const exponent = (biased != 0 ? biased : 1) - 1075;
  // Below a power of two the doubles lie twice as dense.
  const denser = fraction == 0 && biased > 1;
  // An odd mantissa loses the ties at both ends.
  const odd = mantissa & 1;
  const ten = (exponent * 1262611 - (denser ? 524031 : 0)) >> 22;
  const shift = <u64>(exponent + binaryExponent(-ten) + 1);
  const entry = POWERS + (<usize>(-ten - POWER_MIN) << 4);
  let upper = load<u64>(entry);
  let lower = load<u64>(entry, 8);
  if (-ten < POWER_EXACT_MIN || -ten > POWER_EXACT_MAX) {
    // The method wants the power rounded up.
    lower++;
    upper += <u64>(lower == 0);
  }
  const quarter = mantissa << 2;
  const from = multiplyOdd(upper, lower, (quarter - 2 + <u64>denser) << shift) + odd;
  const value = multiplyOdd(upper, lower, quarter << shift);
  const to = multiplyOdd(upper, lower, (quarter + 2) << shift) - odd;
  const whole = value >> 2;
  if (whole >= 10) {
    const tens = whole / 10;
    const downIn = from <= 40 * tens;
    const upIn = 40 * tens + 40 <= to;
    if (downIn != upIn) return putDecimal(o, tens + <u64>upIn, ten + 1);
  }
  const downIn = from <= whole << 2;
  const upIn = (whole << 2) + 4 <= to;
  if (downIn != upIn) return putDecimal(o, whole + <u64>upIn, ten);
  const middle = (whole << 2) + 2;
  const up = value > middle || (value == middle && (whole & 1) != 0);
  return putDecimal(o, whole + <u64>up, ten);
}

/** Writes digits * 10^exponent the way JavaScript does, with `.0` behind whole numbers. */
function putDecimal(o: u32, digits: u64, exponent: i32): u32 {
  while (digits % 10 == 0) {
    digits /= 10;
    exponent++;
  }
  const count = <i32>digitCount(digits);
  // Where the point stands, counted from before the first digit.
  const point = count + exponent;
  if (point > 21 || point <= -6) return putScientific(o, digits, count, point - 1);
  if (exponent >= 0) {
    o = putDigits(o, digits, count);
    memory.fill(o, 0x30, exponent);
    store<u16>(o + exponent, 0x302e);
    return o + exponent + 2;
  }
  if (point > 0) {
    putDigits(o + 1, digits, count);
    memory.copy(o, o + 1, point);
    store<u8>(o + point, 0x2e);
    return o + 1 + count;
  }
  store<u16>(o, 0x2e30);
  memory.fill(o + 2, 0x30, -point);
  return putDigits(o + 2 - point, digits, count);
}

function putScientific(o: u32, digits: u64, count: u32, exponent: i32): u32 {
  putDigits(o + 1, digits, count);
  store<u8>(o, load<u8>(o + 1));
  store<u8>(o + 1, 0x2e);
  o += count > 1 ? count + 1 : 1;
  store<u8>(o++, 0x65);
  if (exponent < 0) store<u8>(o++, 0x2d);
  const size = <u64>abs(exponent);
  return putDigits(o, size, digitCount(size));
}
