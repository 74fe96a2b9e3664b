import assert from "node:assert/strict";
import test from "node:test";
import { slot, violation } from "../support/codec-kernels.ts";
import { frameRoom, JsonKernels } from "../support/json-kernels.ts";
import { decimalOf, doubleOf, halfWay, nearestDouble } from "../support/json-model.ts";

const kernels = new JsonKernels();
const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

/** Small and good enough: xorshift, 32 bits a step. */
function randomBits(start: number): () => bigint {
  let state = start | 1;
  const word = (): bigint => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return BigInt(state >>> 0);
  };
  return () => (word() << 32n) | word();
}

/** The number that jsonNumber reads from the whole text. */
function read(decimal: string): number | bigint | string {
  const end = kernels.enter(decimal);
  const result = kernels.number(kernels.frame, end);
  if (typeof result === "string") return result;
  assert.equal(result.behind, end, decimal.slice(0, 80));
  return result.value;
}

function assertSame(actual: unknown, expected: unknown, message: string): void {
  if (!Object.is(actual, expected)) assert.fail(`${message}: got ${actual}, expected ${expected}`);
}

test("the table of powers holds the 128 leading bits of each power of ten", () => {
  const { POWERS, POWER_MIN, POWER_MAX } = kernels.json;
  for (let power = POWER_MIN.value; power <= POWER_MAX.value; power++) {
    const at = POWERS.value + (power - POWER_MIN.value) * 16;
    const entry = (kernels.u64(at) << 64n) | kernels.u64(at + 8);
    // Shifted far enough to the left that the division keeps more than 128 bits.
    const scaled = power < 0 ? (1n << 2000n) / 10n ** BigInt(-power) : (10n ** BigInt(power)) << 128n;
    const excess = BigInt(scaled.toString(2).length - 128);
    assertSame(entry, scaled >> excess, `10^${power}`);
  }
});

test("whole numbers that fit 64 bits are read exactly", () => {
  const limits = [0n, 1n, 9n, 10n, 2n ** 53n + 1n, 10n ** 18n, 10n ** 19n - 1n, 10n ** 19n, 2n ** 64n - 1n];
  for (const value of limits) assertSame(read(String(value)), value, String(value));
  for (const value of [-1n, -(2n ** 53n) - 1n, -(2n ** 63n) + 1n, -(2n ** 63n)]) {
    assertSame(read(String(value)), value, String(value));
  }
});

test("whole numbers beyond 64 bits, fractions, exponents and minus zero are doubles", () => {
  const doubles = [
    "18446744073709551616",
    "18446744073709551619",
    "99999999999999999999",
    "-9223372036854775809",
  ];
  doubles.push(
    "-0",
    "-0.0",
    "0.0",
    "1.0",
    "1e0",
    "1E2",
    "-1e-2",
    "0e0",
    "0e5",
    "100000000000000000000",
    "7e2",
  );
  for (const decimal of doubles) assertSame(read(decimal), Number(decimal), decimal);
});

test("a number too large for a double is refused as unrepresentable", () => {
  const large = [
    "1e309",
    "-1e309",
    "1.7976931348623159e308",
    "1e99999999999999999999999999",
    `1${"0".repeat(400)}`,
  ];
  for (const decimal of large) assertSame(read(decimal), "too large", decimal);
  assertSame(read("1.7976931348623158e308"), Number.MAX_VALUE, "rounds down to the largest double");
  assertSame(read("0e99999999999999999999999999"), 0, "zero times anything");
});

test("known hard decimals are read as the nearest double", () => {
  const hard = [
    "4.9e-324 5e-324 2.4703282292062327e-324 2.4703282292062328e-324 2.47e-324 2.5e-324 1e-323 7.5e-324 1e-400",
    "2.2250738585072014e-308 2.2250738585072011e-308 2.2250738585072012e-308 2.225073858507201e-308 1e-99999999999999999",
    "1e23 8.5e22 9007199254740993.0 9007199254740992.5 9007199254740993e0 9007199254740995.0 4503599627370496.5",
    "4503599627370497.5 0.1 0.3 123456789012345678901234567890e-5 1.00000000000000011102230246251565404e0",
    "1.00000000000000011102230246251565405e0 1.00000000000000011102230246251565403e0 6.631236846766476e-316",
    "3.518437208883201171875e13 62.5364939768271845828 8.10109172351e-10 1.50000000000000011102230246251565",
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207e210",
    "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001e90",
    "6929001713869936e236 2.98023223876953125e-8 5708990770823838890407843763683279797179383808e-45 1e-5 22e22 1e22",
  ];
  for (const decimal of hard.join(" ").split(" ")) {
    const expected = nearestDouble(decimal.replace(/e-9{10,}$/, "e-9999"));
    assertSame(kernels.parseF64(decimal), expected, decimal);
    assertSame(Number(decimal), expected, `the twin and the engine on ${decimal}`);
    assertSame(kernels.parseF64(`-${decimal}`), -expected, `-${decimal}`);
  }
});

test("points half-way between doubles go to the even one, and what lies beside them to its own side", () => {
  const random = randomBits(seed);
  for (let i = 0; i < 1500; i++) {
    // By turns: any magnitude, subnormals, magnitudes around 1.
    let bits = random() & 0x7fffffffffffffffn;
    if (i % 3 === 0) bits &= 0xfffffffffffffn;
    if (i % 3 === 1) bits = (bits & 0xfffffffffffffn) | (BigInt(1000 + (i % 100)) << 52n);
    if (bits >= 0x7fefffffffffffffn) continue;
    const { digits, exponent } = halfWay(bits);
    const even = doubleOf(bits + (bits & 1n));
    const cases: [string, number][] = [
      [`${digits}e${exponent}`, even],
      [`${digits}.${"0".repeat(800)}e${exponent}`, even],
      [`${digits}.${"0".repeat(800)}1e${exponent}`, doubleOf(bits + 1n)],
      [`${digits - 1n}.${"9".repeat(900)}e${exponent}`, doubleOf(bits)],
      [`0.${"0".repeat(300)}${digits}e${exponent + 300 + String(digits).length}`, even],
      [`${digits}${"0".repeat(400)}e${exponent - 400}`, even],
    ];
    for (const [decimal, expected] of cases)
      assertSame(kernels.parseF64(decimal), expected, `seed ${seed}, bits ${bits}`);
  }
});

test("the half-way point above the largest double is too large, and what lies below it is not", () => {
  const { digits } = halfWay(0x7fefffffffffffffn);
  assertSame(read(String(digits)), "too large", "half-way");
  assertSame(read(`${digits}.0`), "too large", "half-way");
  assertSame(read(`${digits - 1n}.${"9".repeat(900)}`), Number.MAX_VALUE, "below");
});

test("a number as long as a frame is read right", () => {
  const zeros = "0".repeat(frameRoom - 40);
  assertSame(read(`0.${zeros}1e${zeros.length + 1}`), 1, "a late first digit");
  assertSame(read(`1${zeros}e-${zeros.length}`), 1, "many zeros");
  assertSame(read(`9007199254740993.${zeros}`), 9007199254740992, "a tie with a long tail");
  assertSame(read(`9007199254740993.${zeros}1`), 9007199254740994, "no tie after all");
  assertSame(read("3".repeat(frameRoom - 40)), "too large", "a long number");
  assertSame(read(`0.${"3".repeat(frameRoom - 40)}`), 1 / 3, "a long fraction");
  assertSame(read(`1e-${"0".repeat(frameRoom - 40)}5`), 1e-5, "a long exponent");
});

test("150,000 random doubles come back from their shortest text, which is the engine's", () => {
  const random = randomBits(seed);
  for (let i = 0; i < 150_000; i++) {
    let bits = random();
    if (i % 8 === 0) bits &= 0x800fffffffffffffn;
    if (i % 8 === 1) bits &= 0xffffffff00000000n;
    const value = doubleOf(bits);
    if (!Number.isFinite(value)) continue;
    const decimal = kernels.formatF64(value) ?? "";
    assertSame(decimal, decimalOf(value), `seed ${seed}, bits ${bits}`);
    assertSame(Number(decimal), value, `seed ${seed}, the engine reads ${decimal}`);
    assertSame(kernels.parseF64(decimal), value, `seed ${seed}, text ${decimal}`);
  }
});

test("doubles at both ends of every power of two come back from their text", () => {
  for (let biased = 0n; biased < 2047n; biased++) {
    for (const mantissa of [0n, 1n, 2n, 0xffffffffffffen, 0xfffffffffffffn]) {
      const value = doubleOf((biased << 52n) | mantissa);
      const decimal = kernels.formatF64(value) ?? "";
      assertSame(decimal, decimalOf(value), `exponent ${biased}, mantissa ${mantissa}`);
      assertSame(kernels.parseF64(decimal), value, decimal);
    }
  }
});

test("decimals of every length and magnitude are read as the engine reads them", () => {
  const random = randomBits(seed);
  for (let i = 0; i < 60_000; i++) {
    const digits = `${random()}${random()}`.slice(0, 1 + (i % 38)).replace(/^0+(?=\d)/, "");
    const decimal = `${digits}e${Number(random() % 700n) - 370}`;
    assertSame(kernels.parseF64(decimal), Number(decimal), `seed ${seed}, ${decimal}`);
    if (i % 20 === 0)
      assertSame(nearestDouble(decimal), Number(decimal), `seed ${seed}, the twin on ${decimal}`);
  }
});

test("decimals that begin like a double and go on are read as the engine reads them", () => {
  const random = randomBits(seed);
  for (let i = 0; i < 30_000; i++) {
    const value = Math.abs(doubleOf(random()));
    if (!Number.isFinite(value)) continue;
    const decimal = value.toExponential(15 + (i % 60));
    assertSame(kernels.parseF64(decimal), Number(decimal), `seed ${seed}, ${decimal}`);
  }
});

test("texts that are no JSON numbers are not read as numbers", () => {
  const malformed =
    "- -. 00 01 -01 1. .5 -.5 1.e5 1e 1e+ 1e- 1E 1e.5 --1 +1 1.-5 0x10 NaN Infinity -Infinity 1_000 0e".split(
      " ",
    );
  for (const decimal of [...malformed, ""]) assert.equal(kernels.parseF64(decimal), undefined, decimal);
});

/** The id, or the violation that jsonId reports for the text. */
function id(json: string): number | string {
  const end = kernels.enter(json);
  const behind = kernels.json.jsonId(kernels.frame, end) >>> 0;
  if (behind === 0) {
    const code = kernels.u32(slot.violation);
    return Object.entries(violation).find(([, value]) => value === code)?.[0] ?? `violation ${code}`;
  }
  assert.equal(behind, end, json);
  return kernels.f64(slot.value);
}

test("an id is a whole number up to 2^53 in any spelling", () => {
  const spellings: [string, number][] = [
    ["0", 0],
    ["-0", 0],
    ["-0.0e7", 0],
    ["7", 7],
    ["7.0", 7],
    ["7e2", 700],
    ["0.7e1", 7],
    ["700E-2", 7],
    ["9007199254740992", 2 ** 53],
    ["9007199254740992.000", 2 ** 53],
    ["0.9007199254740992e16", 2 ** 53],
    [`7${"0".repeat(1000)}e-1000`, 7],
    [`0.${"0".repeat(1000)}7e1001`, 7],
    ["  \n42", 42],
  ];
  for (const [json, expected] of spellings) assertSame(id(json), expected, json);
});

test("an id that is negative, fractional or larger than 2^53 is out of range, however little", () => {
  const outside =
    "-1 -1.0 1.5 0.1 1e-1 9007199254740993 9007199254740992.5 9007199254740993.0 1e16 1e400 18446744073709551615";
  const hidden = `7.${"0".repeat(40)}1 1e-400 0.99999999999999999999999999999 1e99999999999999999999 -0.1`;
  for (const json of `${outside} ${hidden}`.split(" ")) assertSame(id(json), "idRange", json);
});

test("an id that is not a number fails by its type, one cut short as malformed", () => {
  for (const json of ['"7"', "null", "true", "[7]", "{}", "+7", ".7"])
    assertSame(id(json), "elementType", json);
  for (const json of ["-", "7.", "7e", "07", ""]) assertSame(id(json), "malformed", json);
});
