import assert from "node:assert/strict";
import test from "node:test";
import * as msgpack from "@msgpack/msgpack";
// Not "cbor-x" itself: it loads a native addon that aborts Bun.
import { Decoder as CborDecoder } from "cbor-x/decode";
import { Encoder as CborEncoder } from "cbor-x/encode";
import fc from "fast-check";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { errors, WampError } from "../../src/protocol/errors.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

const { json, cbor } = Serializer;
const all = [Serializer.json, Serializer.msgpack, Serializer.cbor] as const;
const binary = [Serializer.msgpack, Serializer.cbor] as const;
const seed = Number(process.env.SEED ?? Date.now() & 0x7fffffff);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const fromText = (text: string): Uint8Array => new TextEncoder().encode(text);
const toText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const roundTrip = (serializer: Serializer, value: unknown): unknown =>
  decodeMessage(serializer, encodeMessage(serializer, [value]))[0];

const wampError = (uri: string) => (error: unknown) => error instanceof WampError && error.uri === uri;
const violation = wampError(errors.protocolViolation.uri);
const unpayable = wampError(errors.invalidPayload.uri);

test("ids of every size are integers in their shortest or 64-bit form, never floats", () => {
  const cases: [number, string, string][] = [
    [1, "01", "01"],
    [127, "7f", "187f"],
    [128, "cc80", "1880"],
    [65_535, "cdffff", "19ffff"],
    [65_536, "ce00010000", "1a00010000"],
    [2 ** 32 - 1, "ceffffffff", "1affffffff"],
    [2 ** 32, "cf0000000100000000", "1b0000000100000000"],
    [2 ** 40, "cf0000010000000000", "1b0000010000000000"],
    [2 ** 53 - 1, "cf001fffffffffffff", "1b001fffffffffffff"],
    [2 ** 53, "cf0020000000000000", "1b0020000000000000"],
    [-1, "ff", "20"],
    [-(2 ** 31), "d280000000", "3a7fffffff"],
    [-(2 ** 40), "d3ffffff0000000000", "3b000000ffffffffff"],
  ];
  for (const [value, inMsgpack, inCbor] of cases) {
    assert.equal(hex(encodeMessage(Serializer.msgpack, [value])), `91${inMsgpack}`);
    assert.equal(hex(encodeMessage(cbor, [value])), `81${inCbor}`);
    assert.equal(toText(encodeMessage(json, [value])), `[${value}]`);
    for (const serializer of all) assert.equal(roundTrip(serializer, value), value);
  }
});

test("a bigint is a 64-bit integer with all its digits and comes back as a bigint only beyond 2^53", () => {
  for (const serializer of all) {
    for (const value of [2n ** 53n + 1n, 2n ** 64n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)]) {
      assert.equal(roundTrip(serializer, value), value);
    }
    assert.equal(roundTrip(serializer, 7n), 7);
    assert.equal(roundTrip(serializer, 2n ** 53n), 2 ** 53);
    assert.throws(() => encodeMessage(serializer, [2n ** 64n]), unpayable);
    assert.throws(() => encodeMessage(serializer, [-(2n ** 63n) - 1n]), unpayable);
  }
  assert.equal(toText(encodeMessage(json, [2n ** 64n - 1n])), "[18446744073709551615]");
});

test("JSON integers keep their digits inside any structure, and strings that look alike stay strings", () => {
  const text =
    '[1,{"a\\"1234567890123456789":[-9007199254740993,"\\u0000#12345678901234567890"]},0.1234567890123456]';
  assert.deepEqual(decodeMessage(json, fromText(text)), [
    1,
    { 'a"1234567890123456789': [-9007199254740993n, "\0#12345678901234567890"] },
    0.1234567890123456,
  ]);
  assert.deepEqual(decodeMessage(json, fromText("[123456789012345678901234]")), [
    Number("123456789012345678901234"),
  ]);
  assert.deepEqual(decodeMessage(json, fromText("[99999999999999999999]")), [1e20]);
  assert.throws(() => decodeMessage(json, fromText("[01234567890123456789]")), violation);
});

test("binary data is bin, a byte string, and in JSON U+0000 with base64, from any view", () => {
  const bytes = new Uint8Array([0, 1, 254, 255]);
  assert.equal(hex(encodeMessage(Serializer.msgpack, [bytes])), "91c4040001feff");
  assert.equal(hex(encodeMessage(cbor, [bytes])), "81440001feff");
  assert.equal(toText(encodeMessage(json, [bytes])), '["\\u0000AAH+/w=="]');
  for (const serializer of all) {
    assert.deepEqual(roundTrip(serializer, bytes), bytes);
    assert.deepEqual(roundTrip(serializer, bytes.buffer), bytes);
    assert.deepEqual(roundTrip(serializer, new DataView(bytes.buffer, 1, 2)), new Uint8Array([1, 254]));
    assert.deepEqual(roundTrip(serializer, Buffer.from([7])), new Uint8Array([7]));
    assert.deepEqual(roundTrip(serializer, { deep: [new Uint8Array(100_000)] }), {
      deep: [new Uint8Array(100_000)],
    });
  }
  assert.deepEqual(decodeMessage(json, fromText('["\\u0000AAH"]')), ["\0AAH"]);
  assert.deepEqual(decodeMessage(json, fromText('["\\u0000"]')), [new Uint8Array(0)]);
});

test("undefined is dropped from objects and null in arrays; toJSON and Map are honoured", () => {
  for (const serializer of all) {
    assert.deepEqual(
      decodeMessage(serializer, encodeMessage(serializer, [1, { a: undefined, b: null }, undefined])),
      [1, { b: null }, null],
    );
    assert.equal(roundTrip(serializer, new Date(0)), "1970-01-01T00:00:00.000Z");
    assert.deepEqual(roundTrip(serializer, new Map([["k", 1]])), { k: 1 });
    assert.deepEqual(roundTrip(serializer, { toJSON: 1, constructor: 2, hasOwnProperty: 3 }), {
      toJSON: 1,
      constructor: 2,
      hasOwnProperty: 3,
    });
    // A hole is not an element that anyone meant, but the elements behind it keep their places.
    const sparse = [1];
    sparse[2] = 3;
    assert.deepEqual(roundTrip(serializer, sparse), [1, null, 3]);
    assert.throws(() => encodeMessage(serializer, [() => 1]), unpayable);
    assert.throws(() => encodeMessage(serializer, [Symbol("s")]), unpayable);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    assert.throws(() => encodeMessage(serializer, cycle), unpayable);
  }
});

test("numbers that JSON cannot say are refused there and travel in the binary formats", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => encodeMessage(json, [value]), unpayable);
    for (const serializer of binary) assert.equal(roundTrip(serializer, value), value);
  }
  for (const serializer of all) {
    for (const value of [0.1, -1.5, 1e300, 2 ** 60, -(2 ** 53) - 2, 1e21, 5e-324])
      assert.equal(roundTrip(serializer, value), value);
  }
});

test("lone surrogates become U+FFFD so that the text is valid UTF-8 everywhere", () => {
  for (const serializer of all) {
    assert.equal(roundTrip(serializer, "a\ud800b"), "a\ufffdb");
    assert.equal(roundTrip(serializer, `${"x".repeat(100)}\udfff😀`), `${"x".repeat(100)}\ufffd😀`);
    assert.deepEqual(roundTrip(serializer, { "\ud800": 1 }), { "\ufffd": 1 });
  }
});

test("the key __proto__ is a key like any other, both ways", () => {
  const hostile: unknown = JSON.parse('{"__proto__":{"polluted":[9007199254740993]},"b":"\\u0000AA=="}');
  for (const serializer of all) {
    const value = roundTrip(serializer, hostile) as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.keys(value), ["__proto__", "b"]);
    assert.equal("polluted" in value, false);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  }
});

test("CBOR as other encoders write it: indefinite lengths, half floats, tags, simple values", () => {
  const cases: [string, unknown][] = [
    ["9f 01 ff", [1]],
    ["81 9f 01 82 02 03 9f ff ff", [[1, [2, 3], []]]],
    ["81 bf 61 61 01 ff", [{ a: 1 }]],
    ["81 7f 61 61 62 62 63 ff", ["abc"]],
    ["81 5f 41 01 42 02 03 ff", [new Uint8Array([1, 2, 3])]],
    ["85 f9 3c00 f9 c000 f9 7c00 f9 0001 f9 0400", [1, -2, Number.POSITIVE_INFINITY, 2 ** -24, 2 ** -14]],
    ["82 fa 3fc00000 fb 3ff8000000000000", [1.5, 1.5]],
    ["81 c0 63 61 62 63", ["abc"]],
    ["82 c2 49 010000000000000000 c3 41 00", [2n ** 64n, -1]],
    ["84 f4 f5 f6 f7", [false, true, null, null]],
    ["82 e0 f8 ff", [null, null]],
    ["82 1b 0000000000000007 3b 0000000000000007", [7, -8]],
    ["81 3b ffffffffffffffff", [-(2n ** 64n)]],
    ["81 a1 01 02", [{ 1: 2 }]],
    ["81 a1 f5 02", [{ true: 2 }]],
  ];
  for (const [bytes, value] of cases) assert.deepEqual(decodeMessage(cbor, fromHex(bytes)), value, bytes);
});

test("MessagePack as other encoders write it: every width, and extensions as their bytes", () => {
  const cases: [string, unknown][] = [
    ["dc 0001 01", [1]],
    ["dd 00000001 01", [1]],
    ["91 de 0001 a1 61 01", [{ a: 1 }]],
    ["91 df 00000001 d9 01 61 01", [{ a: 1 }]],
    ["92 da 0001 61 db 00000001 62", ["a", "b"]],
    ["93 c5 0001 07 c6 00000001 08 c4 00", [new Uint8Array([7]), new Uint8Array([8]), new Uint8Array(0)]],
    ["92 cf 0000000000000005 d3 fffffffffffffffb", [5, -5]],
    ["94 d0 80 d1 8000 d2 80000000 d3 8000000000000000", [-128, -32_768, -(2 ** 31), -(2n ** 63n)]],
    ["92 ca 3fc00000 cb 4340000000000000", [1.5, 2 ** 53]],
    [
      "93 d4 01 07 d6 ff 00000000 c7 02 05 0102",
      [7, 0, 0].map((_, i) => [[7], [0, 0, 0, 0], [1, 2]][i]!).map((b) => new Uint8Array(b)),
    ],
    // What msgpackr makes of undefined.
    ["92 d4 00 00 d4 00 01", [null, new Uint8Array([1])]],
    ["91 81 05 06", [{ 5: 6 }]],
  ];
  for (const [bytes, value] of cases) {
    assert.deepEqual(decodeMessage(Serializer.msgpack, fromHex(bytes)), value, bytes);
  }
});

test("whatever is not one whole array in valid form is a protocol violation", () => {
  const deep = (open: string, times: number): string => open.repeat(times);
  const bad: [Serializer, Uint8Array][] = [
    ...[
      "",
      "{}",
      "1",
      '"x"',
      "[1",
      "[1]]",
      "[1] x",
      "[1,]",
      "\ufeff[1]",
      "[NaN]",
      "[1]\0",
      deep("[", 100_000),
    ].map((text): [Serializer, Uint8Array] => [json, fromText(text)]),
    [json, fromHex("5b22ff225d")],
    [json, fromText(`${deep("[", 1_000)}${deep("]", 1_000)}`)],
    ...[
      "",
      "80",
      "01",
      "92 01",
      "91 01 02",
      "c1",
      "91 c1",
      "91 a1 ff",
      "dd ffffffff",
      "91 a2 c0 af",
      "91 81 90 01",
    ].map((bytes): [Serializer, Uint8Array] => [Serializer.msgpack, fromHex(bytes)]),
    [Serializer.msgpack, fromHex(deep("91", 100_000))],
    [Serializer.msgpack, fromHex(deep("dd00010000", 20_000))],
    ...[
      "",
      "a0",
      "01",
      "82 01",
      "81 01 02",
      "9f 01",
      "ff",
      "81 ff",
      "81 1c",
      "81 5f 61 61 ff",
      "81 5f 5f ff ff",
    ].map((bytes): [Serializer, Uint8Array] => [cbor, fromHex(bytes)]),
    ...[
      "81 61 ff",
      "9b ffffffffffffffff",
      "bf 61 61 ff",
      "81 f8 14",
      "81 df",
      "81 7f 41 61 ff",
      "81 a1 80 01",
    ].map((bytes): [Serializer, Uint8Array] => [cbor, fromHex(bytes)]),
    [cbor, fromHex(deep("81", 100_000))],
    [cbor, fromHex(deep("c1", 100_000))],
  ];
  for (const [serializer, bytes] of bad) {
    assert.throws(
      () => decodeMessage(serializer, bytes),
      violation,
      `${serializer}: ${hex(bytes).slice(0, 60)}`,
    );
  }
});

test("long strings full of escapes beside a long integer are decoded", () => {
  const value = ["\n".repeat(2_000_000), 2n ** 60n + 1n];
  const [text, integer] = decodeMessage(json, encodeMessage(json, value));
  assert.equal(integer, value[1]);
  // Not assert.equal: a failure would print four million characters.
  assert.ok(text === value[0]);
});

test("decoded binary data is a copy of the frame", () => {
  for (const serializer of binary) {
    const frame = encodeMessage(serializer, [new Uint8Array([1, 2])]);
    const [decoded] = decodeMessage(serializer, frame);
    frame.fill(0xff);
    assert.deepEqual(decoded, new Uint8Array([1, 2]));
  }
});

/** Values that all libraries agree on. */
const { value: valueArb } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((n) => !Object.is(n, -0) && !(Number.isInteger(n) && Math.abs(n) > 2 ** 53)),
    fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !text.startsWith("\0")),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
}));
const messageArb = fc.array(valueArb);

test("messages survive the round trip, and other libraries read and write the same", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const otherCbor = new CborEncoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
  const otherCborDecoder = new CborDecoder({ useRecords: false, mapsAsObjects: true });
  const numbers = (value: unknown): unknown =>
    typeof value === "bigint"
      ? Number(value)
      : Array.isArray(value)
        ? value.map(numbers)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, numbers(item)]))
          : value;
  fc.assert(
    fc.property(messageArb, (message) => {
      for (const serializer of all) {
        assert.deepEqual(decodeMessage(serializer, encodeMessage(serializer, message)), message);
      }
      assert.equal(toText(encodeMessage(json, message)), JSON.stringify(message));
      if (JSON.stringify(message).includes("__proto__")) return;
      assert.deepEqual(msgpack.decode(encodeMessage(Serializer.msgpack, message)), message);
      assert.deepEqual(decodeMessage(Serializer.msgpack, msgpack.encode(message)), message);
      assert.deepEqual(numbers(otherCborDecoder.decode(encodeMessage(cbor, message))), message);
      assert.deepEqual(decodeMessage(cbor, new Uint8Array(otherCbor.encode(message))), message);
    }),
    { seed, numRuns: 1_000 },
  );
});

test("no bytes at all make the decoders throw anything but a protocol violation", (t) => {
  t.diagnostic(`SEED=${seed}`);
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      messageArb,
      fc.nat(),
      fc.nat(255),
      (serializer, message, at, byte) => {
        const frame = encodeMessage(serializer, message).slice();
        frame[at % frame.length] = byte;
        for (const bytes of [frame, frame.subarray(0, at % frame.length)]) {
          try {
            assert.ok(Array.isArray(decodeMessage(serializer, bytes)));
          } catch (error) {
            assert.ok(violation(error), `seed ${seed}: ${String(error)}`);
          }
        }
      },
    ),
    { seed, numRuns: 3_000 },
  );
});
