/** Random values for fast-check: everything a format can say, small, with the awkward cases made likely. */
import fc from "fast-check";
import { type Format, i64Min, type Pair, u64Max, type Value } from "./value-model.ts";

/** Integers on both sides of every width, and anything between. */
const edges = [
  0n,
  23n,
  24n,
  31n,
  32n,
  127n,
  128n,
  255n,
  256n,
  65_535n,
  65_536n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
];
const edge = fc
  .constantFrom(...edges.flatMap((e) => [e - 1n, e, e + 1n, -e - 1n, -e, 1n - e]))
  .filter((e) => e >= i64Min);
export const int64: fc.Arbitrary<bigint> = fc.oneof(
  edge,
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.bigInt({ min: i64Min, max: u64Max }),
);

const floats = fc.oneof(
  fc.double(),
  fc.float(),
  fc.constantFrom(
    0,
    -0,
    1,
    0.5,
    -1.5,
    65_504,
    2 ** -24,
    5e-324,
    1e21,
    1e300,
    123_456_789.125,
    Number.MAX_VALUE,
  ),
);

/** Text with astral characters, U+0000 in front, base64 behind it, escapes, and lengths around every head. */
const characters = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    "",
    "\u0000",
    "\u0000AAEC",
    "\u0000AAE=",
    "\u0000AAF=",
    "\u0000=",
    "\u0000not base64",
    "\ufeffbom",
    '\u{1f41f}"\\/\u007f\u2028',
  ),
  fc.integer({ min: 0, max: 300 }).map((length) => "x".repeat(length)),
);
/** JSON can escape half of a surrogate pair; only there can text hold one. */
const broken = fc.string({
  unit: fc.constantFrom("\ud800", "\udfff", "a", "\u0000", "\u{1f41f}"),
  maxLength: 5,
});

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.integer({ min: 0, max: 300 }).map((length) => new Uint8Array(length).fill(7)),
);
const hex = bytes.map((value) => Buffer.from(value).toString("hex"));

/** Records compare equal only with the prototype that written ones have. */
const shaped = { noNullPrototype: true } as const;
const constant = <K extends string>(kind: K): fc.Arbitrary<{ readonly kind: K }> => fc.constant({ kind });
const of = <K extends string, V>(
  kind: K,
  value: fc.Arbitrary<V>,
): fc.Arbitrary<{ readonly kind: K; readonly value: V }> =>
  fc.record({ kind: fc.constant(kind), value }, shaped);

export interface Shape {
  /** Also what only the format itself can say: tags, simple values, ext, integers beyond 64 bits, odd keys, lone surrogates. */
  readonly odd: boolean;
}

function scalars(format: Format, { odd }: Shape): fc.Arbitrary<Value>[] {
  const common: fc.Arbitrary<Value>[] = [
    constant("nil"),
    of("bool", fc.boolean()),
    of("int", int64),
    of("float", format === "json" ? floats.filter(Number.isFinite) : floats),
    of("text", characters),
  ];
  if (format !== "json") common.push(of("binary", hex));
  if (!odd) return common;
  if (format === "json")
    return [...common, of("text", broken), of("int", fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }))];
  if (format === "msgpack") {
    return [
      ...common,
      fc.record(
        { kind: fc.constant("ext" as const), type: fc.integer({ min: -128, max: 127 }), value: hex },
        shaped,
      ),
    ];
  }
  const simple = fc.oneof(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 32, max: 255 }));
  const huge = fc.oneof(
    fc.bigInt({ min: -1n - u64Max, max: i64Min - 1n }),
    fc.constantFrom(-1n - u64Max, i64Min - 1n, i64Min - 2n),
  );
  return [...common, constant("undefined"), of("simple", simple), of("int", huge), bignum];
}

const bignum: fc.Arbitrary<Value> = fc
  .tuple(fc.constantFrom(2n, 3n), fc.uint8Array({ maxLength: 10 }), fc.integer({ min: 0, max: 3 }))
  .map(([tag, digits, zeros]) => {
    const value = "00".repeat(zeros) + Buffer.from(digits).toString("hex");
    return { kind: "tag", tag, content: { kind: "binary", value } };
  });

/** Values of `format`, nested up to `depth` levels. */
export function values(format: Format, shape: Shape, depth = 4): fc.Arbitrary<Value> {
  const leaves = scalars(format, shape);
  const textual: fc.Arbitrary<Value> = of("text", characters);
  const { value } = fc.letrec<{ value: Value; key: Value }>((tie) => ({
    key:
      shape.odd && format !== "json"
        ? fc.oneof({ weight: 6, arbitrary: textual }, { weight: 1, arbitrary: tie("value") })
        : textual,
    value: fc.oneof(
      { maxDepth: depth, depthSize: "small" },
      ...leaves,
      fc
        .array(tie("value"), { maxLength: 30, size: "small" })
        .map((items): Value => ({ kind: "array", items })),
      fc
        .array(fc.tuple(tie("key"), tie("value")), { maxLength: 30, size: "small" })
        .map((pairs): Value => ({ kind: "map", pairs: pairs as Pair[] })),
      ...(shape.odd && format === "cbor" ? [tagged(tie("value"))] : []),
    ),
  }));
  return value;
}

function tagged(content: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  const tag = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: u64Max }));
  return fc.record({ kind: fc.constant("tag" as const), tag, content }, shaped);
}
