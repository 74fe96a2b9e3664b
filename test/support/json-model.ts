/** Slow twins of the JSON kernels, each short enough to check by eye. */

/** How deep containers are nested in a valid JSON text. */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/g)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++depth);
    else if (token === "]" || token === "}") depth--;
  }
  return deepest;
}

/** The value of a frame that is valid UTF-8, valid JSON and no deeper than `depth`; undefined for any other. */
export function parsed(frame: Uint8Array, depth = 64): { readonly value: unknown } | undefined {
  try {
    // JSON has no byte order mark, so that the decoder must not take one away.
    const json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(frame);
    const value: unknown = JSON.parse(json);
    return depthOf(json) <= depth ? { value } : undefined;
  } catch {
    return undefined;
  }
}

/** A value whose strings hold no surrogate without a partner: U+FFFD stands in its place, as in the cursor's output. */
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string")
    return new TextDecoder().decode(new TextEncoder().encode(`.${value}`)).slice(1);
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [wellFormed(key), wellFormed(item)]));
}

/** The double nearest to a JSON number, ties to even, by exact division of whole numbers. */
export function nearestDouble(decimal: string): number {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(decimal) ?? [];
  const power = Number(exponent) - fraction.length;
  let over = BigInt(whole + fraction);
  let under = 1n;
  if (over === 0n) return sign === "-" ? -0 : 0;
  if (power >= 0) over *= 10n ** BigInt(power);
  else under = 10n ** BigInt(-power);
  // Scale so that the quotient has 53 bits, or fewer where the double is subnormal.
  let scale = over.toString(2).length - under.toString(2).length - 53;
  if (over << BigInt(Math.max(-scale, 0)) >= (under << BigInt(Math.max(scale, 0))) << 53n) scale++;
  scale = Math.max(scale, -1074);
  over <<= BigInt(Math.max(-scale, 0));
  under <<= BigInt(Math.max(scale, 0));
  let mantissa = over / under;
  const twice = (over % under) * 2n;
  if (twice > under || (twice === under && (mantissa & 1n) === 1n)) mantissa++;
  if (mantissa >= 1n << 53n) {
    mantissa >>= 1n;
    scale++;
  }
  // In two steps: neither factor leaves the range of doubles, and the first product is exact.
  const half = Math.trunc(scale / 2);
  const size = scale > 971 ? Infinity : Number(mantissa) * 2 ** half * 2 ** (scale - half);
  return sign === "-" ? -size : size;
}

/** The text of a finite double: JavaScript's own, with `.0` where it would look like a whole number. */
export function decimalOf(value: number): string {
  const shortest = Object.is(value, -0) ? "-0" : String(value).replace("e+", "e");
  return /[.e]/.test(shortest) ? shortest : `${shortest}.0`;
}

/** The exact decimal text of the point half-way between the positive double with these bits and the next one up. */
export function halfWay(bits: bigint): { readonly digits: bigint; readonly exponent: number } {
  const biased = Number(bits >> 52n);
  const mantissa = (bits & 0xfffffffffffffn) | (biased > 0 ? 1n << 52n : 0n);
  const power = Math.max(biased, 1) - 1076;
  const odd = 2n * mantissa + 1n;
  if (power >= 0) return { digits: odd << BigInt(power), exponent: 0 };
  return { digits: odd * 5n ** BigInt(-power), exponent: power };
}

export function doubleOf(bits: bigint): number {
  return new Float64Array(new BigUint64Array([bits]).buffer)[0]!;
}
