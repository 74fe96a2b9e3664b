import assert from "node:assert/strict";
import test from "node:test";
import { kind, readThroughCursor } from "../support/cbor-cursor.ts";
import { CodecKernels, countUnknown, slot, violation } from "../support/codec-kernels.ts";
import { array, float, int, map, nil, tag, text, u64Max, type Value } from "../support/value-model.ts";

const kernels = new CodecKernels();
const { exports } = kernels;
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
const binary = (hex: string): Value => ({ kind: "binary", value: hex });
const bool = (value: boolean): Value => ({ kind: "bool", value });
const simple = (value: number): Value => ({ kind: "simple", value });

const oneTo25 = array(...Array.from({ length: 25 }, (_, i) => int(i + 1)));
const nested = array(int(1), array(int(2), int(3)), array(int(4), int(5)));
const fiveLetters = map(...["a", "b", "c", "d", "e"].map((k) => [text(k), text(k.toUpperCase())] as const));

/** The examples of RFC 8949 appendix A. Undefined reads as nil; -2^64 is what the cursor's reader says of it, by chance its value. */
const examples: readonly (readonly [string, Value])[] = [
  ["00", int(0)],
  ["01", int(1)],
  ["0a", int(10)],
  ["17", int(23)],
  ["1818", int(24)],
  ["1819", int(25)],
  ["1864", int(100)],
  ["1903e8", int(1000)],
  ["1a000f4240", int(1_000_000)],
  ["1b000000e8d4a51000", int(1_000_000_000_000)],
  ["1bffffffffffffffff", int(u64Max)],
  ["c249010000000000000000", tag(2, binary("010000000000000000"))],
  ["3bffffffffffffffff", int(-1n - u64Max)],
  ["c349010000000000000000", tag(3, binary("010000000000000000"))],
  ["20", int(-1)],
  ["29", int(-10)],
  ["3863", int(-100)],
  ["3903e7", int(-1000)],
  ["f90000", float(0)],
  ["f98000", float(-0)],
  ["f93c00", float(1)],
  ["fb3ff199999999999a", float(1.1)],
  ["f93e00", float(1.5)],
  ["f97bff", float(65_504)],
  ["fa47c35000", float(100_000)],
  ["fa7f7fffff", float((2 - 2 ** -23) * 2 ** 127)],
  ["fb7e37e43c8800759c", float(1e300)],
  ["f90001", float(2 ** -24)],
  ["f90400", float(0.00006103515625)],
  ["f9c400", float(-4)],
  ["fbc010666666666666", float(-4.1)],
  ["f97c00", float(Number.POSITIVE_INFINITY)],
  ["f97e00", float(Number.NaN)],
  ["f9fc00", float(Number.NEGATIVE_INFINITY)],
  ["fa7f800000", float(Number.POSITIVE_INFINITY)],
  ["fa7fc00000", float(Number.NaN)],
  ["faff800000", float(Number.NEGATIVE_INFINITY)],
  ["fb7ff0000000000000", float(Number.POSITIVE_INFINITY)],
  ["fb7ff8000000000000", float(Number.NaN)],
  ["fbfff0000000000000", float(Number.NEGATIVE_INFINITY)],
  ["f4", bool(false)],
  ["f5", bool(true)],
  ["f6", nil],
  ["f7", nil],
  ["f0", simple(16)],
  ["f8ff", simple(255)],
  ["c074323031332d30332d32315432303a30343a30305a", tag(0, text("2013-03-21T20:04:00Z"))],
  ["c11a514b67b0", tag(1, int(1_363_896_240))],
  ["c1fb41d452d9ec200000", tag(1, float(1_363_896_240.5))],
  ["d74401020304", tag(23, binary("01020304"))],
  ["d818456449455446", tag(24, binary("6449455446"))],
  ["d82076687474703a2f2f7777772e6578616d706c652e636f6d", tag(32, text("http://www.example.com"))],
  ["40", binary("")],
  ["4401020304", binary("01020304")],
  ["60", text("")],
  ["6161", text("a")],
  ["6449455446", text("IETF")],
  ["62225c", text('"\\')],
  ["62c3bc", text("\u00fc")],
  ["63e6b0b4", text("\u6c34")],
  ["64f0908591", text("\ud800\udd51")],
  ["80", array()],
  ["83010203", array(int(1), int(2), int(3))],
  ["8301820203820405", nested],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", oneTo25],
  ["a0", map()],
  ["a201020304", map([int(1), int(2)], [int(3), int(4)])],
  ["a26161016162820203", map([text("a"), int(1)], [text("b"), array(int(2), int(3))])],
  ["826161a161626163", array(text("a"), map([text("b"), text("c")]))],
  ["a56161614161626142616361436164614461656145", fiveLetters],
  ["5f42010243030405ff", binary("0102030405")],
  ["7f657374726561646d696e67ff", text("streaming")],
  ["9fff", array()],
  ["9f018202039f0405ffff", nested],
  ["9f01820203820405ff", nested],
  ["83018202039f0405ff", nested],
  ["83019f0203ff820405", nested],
  ["9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", oneTo25],
  ["bf61610161629f0203ffff", map([text("a"), int(1)], [text("b"), array(int(2), int(3))])],
  ["826161bf61626163ff", array(text("a"), map([text("b"), text("c")]))],
  ["bf6346756ef563416d7421ff", map([text("Fun"), bool(true)], [text("Amt"), int(-2)])],
];

test("every example of RFC 8949 appendix A is accepted whole and reads as its value", () => {
  for (const [hex, value] of examples) {
    const frame = bytesOf(hex);
    assert.equal(kernels.skip(frame), frame.length, hex);
    const read = readThroughCursor(kernels, kernels.frame, kernels.visit(frame));
    assert.deepStrictEqual(read, { value, behind: kernels.frame + frame.length }, hex);
  }
});

/** The kinds of malformed data of RFC 8949 appendix F, and what this cursor asks for on top. */
const refused: readonly (readonly [string, string, number])[] = [
  [
    "end of input in a head",
    "18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000",
    violation.malformed,
  ],
  [
    "fewer bytes than the string says",
    "41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203",
    violation.malformed,
  ],
  [
    "fewer elements than the head says",
    "81 818181818181818181 8200 a1 a20102 a100 a2000000",
    violation.malformed,
  ],
  ["nothing behind a tag", "c0 d8ff", violation.malformed],
  [
    "no break",
    "5f4100 7f6100 9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff",
    violation.malformed,
  ],
  [
    "reserved additional information",
    "1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe",
    violation.malformed,
  ],
  ["simple values below 32 in two bytes", "f800 f801 f818 f81f f814", violation.malformed],
  [
    "chunks of another kind",
    "5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff",
    violation.malformed,
  ],
  [
    "chunks that have chunks",
    "5f5f4100ffff 7f7f6100ffff 5f5f0000000000000008ff 7f7f0000000000000008ff",
    violation.malformed,
  ],
  [
    "a break in place of an item",
    "ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff",
    violation.malformed,
  ],
  ["a break between key and value", "bf00ff bf000000ff", violation.malformed],
  ["indefinite length where there is none", "1f 3f df 1fff", violation.malformed],
  [
    "lengths beyond 2^32",
    "5b0000000100000000 7b0000000100000001 9b0000000100000000 bb0000000080000000",
    violation.malformed,
  ],
  ["a break right behind a tag", "c1ff 9fc1ff", violation.malformed],
  [
    "text that is not UTF-8",
    "61ff 62c328 63eda080 62c080 64f4908080 7f61c361bcff 8261616180",
    violation.utf8,
  ],
];

test("each kind of malformed data in RFC 8949 appendix F is refused, with the right violation", () => {
  for (const [what, frames, expected] of refused) {
    for (const hex of frames.split(" ")) {
      assert.equal(kernels.skip(bytesOf(hex)), -1, `${what}: ${hex}`);
      assert.equal(kernels.u32(slot.violation), expected, `${what}: ${hex}`);
    }
  }
});

test("a count larger than the bytes left is refused by the head alone", () => {
  for (const hex of [
    "9affffffff 00000000",
    "baffffffff 00000000",
    "ba80000000 00000000",
    "9b00000001 00000000 0000",
    "84 000000",
    "a2 000000",
  ]) {
    const frame = bytesOf(hex);
    assert.equal(kernels.skip(frame), -1, hex);
    const isMap = (frame[0]! & 0xe0) === 0xa0;
    const enter = isMap ? exports.cborEnterMap : exports.cborEnterArray;
    assert.equal(enter(kernels.frame, kernels.visit(frame)), 0, hex);
    assert.equal(kernels.u32(slot.violation), violation.malformed, hex);
  }
});

test("arrays, maps and tags each take a level, in definite and indefinite form", () => {
  const nests: readonly (readonly [string, string, string])[] = [
    ["81", "00", ""],
    ["9f", "00", "ff"],
    ["a100", "00", ""],
    ["bf00", "00", "ff"],
    ["c1", "00", ""],
    ["81c1", "f6", ""],
  ];
  for (const [open, inside, close] of nests) {
    const levels = open === "81c1" ? 2 : 1;
    const frame = (times: number): Uint8Array => bytesOf(open.repeat(times) + inside + close.repeat(times));
    for (const times of [1, 2, 32, 64 / levels]) {
      assert.equal(kernels.skip(frame(times), times * levels), frame(times).length, open);
      assert.equal(kernels.skip(frame(times), times * levels - 1), -1, open);
      assert.equal(kernels.u32(slot.violation), violation.depth, open);
    }
    assert.equal(kernels.skip(frame(300_000 / levels), 64), -1, `${open} a hundred thousand times`);
    assert.equal(kernels.u32(slot.violation), violation.depth, open);
  }
  assert.equal(kernels.skip(bytesOf("00"), 0), 1, "a scalar takes no level");
  assert.equal(kernels.skip(bytesOf("7f6161ff"), 0), 4, "nor does a string in chunks");
});

test("an id is an integral number from 0 to 2^53, as integer or float of any width", () => {
  const id = (hex: string): number | string => {
    const frame = bytesOf(hex);
    const behind = exports.cborId(kernels.frame, kernels.visit(frame)) >>> 0;
    if (behind === 0) return `violation ${kernels.u32(slot.violation)}`;
    assert.equal(behind, kernels.frame + frame.length, hex);
    return kernels.f64(slot.value);
  };
  assert.equal(id("00"), 0);
  assert.equal(id("18ff"), 255);
  assert.equal(id("1b0020000000000000"), 2 ** 53);
  assert.equal(id("f95640"), 100);
  assert.equal(id("fa4b800000"), 2 ** 24);
  assert.equal(id("fb4340000000000000"), 2 ** 53);
  assert.ok(Object.is(id("f98000"), 0), "-0 is the id 0");
  const outOfRange = `violation ${violation.idRange}`;
  for (const hex of [
    "1b0020000000000001",
    "1bffffffffffffffff",
    "20",
    "3bffffffffffffffff",
    "f93e00",
    "f9bc00",
    "f97c00",
    "f97e00",
    "fb4340000000000001",
  ]) {
    assert.equal(id(hex), outOfRange, hex);
  }
  for (const hex of ["6131", "f6", "f4", "80", "c101", "c24101", "1f", "ff", "f800", "f820"]) {
    assert.equal(id(hex), `violation ${violation.elementType}`, hex);
  }
  assert.equal(id(""), `violation ${violation.malformed}`);
  assert.equal(id("1900"), `violation ${violation.malformed}`);
});

test("a reader asked for something else fails with the violation of its kind", () => {
  const asked = (
    reader: "cborBool" | "cborString" | "cborBinary" | "cborEnterArray" | "cborEnterMap" | "cborTag",
    hex: string,
  ): number => {
    assert.equal(exports[reader](kernels.frame, kernels.visit(bytesOf(hex))), 0, `${reader} of ${hex}`);
    return kernels.u32(slot.violation);
  };
  for (const hex of ["00", "f6", "f7", "f3", "6474727565"])
    assert.equal(asked("cborBool", hex), violation.optionType);
  for (const hex of ["00", "4161", "f6", "80"]) assert.equal(asked("cborString", hex), violation.elementType);
  for (const hex of ["00", "6161", "f6", "80"]) assert.equal(asked("cborBinary", hex), violation.elementType);
  for (const hex of ["00", "a0", "bfff", "c180"])
    assert.equal(asked("cborEnterArray", hex), violation.elementType);
  for (const hex of ["00", "80", "9fff", "c1a0"])
    assert.equal(asked("cborEnterMap", hex), violation.elementType);
  for (const hex of ["00", "df"]) assert.equal(asked("cborTag", hex), violation.elementType);
  for (const hex of ["61ff", "7f61ffff"]) assert.equal(asked("cborString", hex), violation.utf8);
  for (const hex of ["", "62", "6261", "7f", "7f61", "7f6161"])
    assert.equal(asked("cborString", hex), violation.malformed);
});

test("the kind of a value is told by its head, and nothing else has one", () => {
  const kindOf = (hex: string): number => exports.cborKind(kernels.frame, kernels.visit(bytesOf(hex)));
  for (const hex of ["", "1c", "1f", "3e", "3f", "5c", "9d", "df", "f8", "f800", "f81f", "fc", "ff"]) {
    assert.equal(kindOf(hex), kind.invalid, hex);
  }
  for (const hex of ["e0", "f3", "f820", "f8ff"]) assert.equal(kindOf(hex), kind.ext, hex);
  assert.deepStrictEqual(["f4", "f5", "f6", "f7"].map(kindOf), [kind.bool, kind.bool, kind.nil, kind.nil]);
  assert.deepStrictEqual(["5f", "7f", "9f", "bf"].map(kindOf), [
    kind.binary,
    kind.text,
    kind.array,
    kind.map,
  ]);
});

test("a container of indefinite length does not say its count", () => {
  exports.cborEnterArray(kernels.frame, kernels.visit(bytesOf("9fff")));
  assert.equal(kernels.u32(slot.count), countUnknown);
  exports.cborEnterMap(kernels.frame, kernels.visit(bytesOf("bfff")));
  assert.equal(kernels.u32(slot.count), countUnknown);
});

test("strings in chunks follow one another in scratch memory, and one that breaks off takes none", () => {
  const read = (frame: Uint8Array, at: number): string => {
    const behind = exports.cborString(kernels.frame + at, kernels.frame + frame.length);
    return behind === 0 ? "refused" : Buffer.from(kernels.span()).toString();
  };
  const frame = bytesOf("7f626162 6163ff 7f6178 61ff 7f6179ff");
  kernels.visit(frame);
  assert.equal(read(frame, 0), "abc");
  const first = kernels.u32(slot.span);
  assert.equal(read(frame, 7), "refused");
  assert.equal(read(frame, 12), "y");
  assert.equal(kernels.u32(slot.span), first + 3);
});

test("heads are written in their shortest form", () => {
  const written: readonly (readonly [bigint, string])[] = [
    [0n, "00"],
    [23n, "17"],
    [24n, "1818"],
    [255n, "18ff"],
    [256n, "190100"],
    [65_535n, "19ffff"],
    [65_536n, "1a00010000"],
    [2n ** 32n - 1n, "1affffffff"],
    [2n ** 32n, "1b0000000100000000"],
    [u64Max, "1bffffffffffffffff"],
  ];
  for (const [value, hex] of written) {
    const negative = (Number.parseInt(hex.slice(0, 2), 16) | 0x20).toString(16) + hex.slice(2);
    for (let room = 0; room <= hex.length / 2; ++room) {
      const fits = room === hex.length / 2;
      assert.equal(
        hexOf(kernels.write(room, (o, end) => exports.cborPutU64(o, end, value))),
        fits ? hex : undefined,
      );
      if (value > 2n ** 63n) continue;
      const put = kernels.write(room, (o, end) => exports.cborPutI64(o, end, -1n - value));
      assert.equal(hexOf(put), fits ? negative : undefined);
    }
  }
});

test("every writer stays within its bound and writes what the RFC says", () => {
  const source = kernels.frame;
  kernels.visit(bytesOf("68 69"));
  const writers: readonly (readonly [string, (o: number, oEnd: number) => number])[] = [
    ["83", (o, end) => exports.cborPutArray(o, end, 3)],
    ["b818", (o, end) => exports.cborPutMap(o, end, 24)],
    ["1b0020000000000000", (o, end) => exports.cborPutId(o, end, 2 ** 53)],
    ["f5", (o, end) => exports.cborPutBool(o, end, 1)],
    ["f4", (o, end) => exports.cborPutBool(o, end, 0)],
    ["f6", (o, end) => exports.cborPutNil(o, end)],
    ["fb3ff0000000000000", (o, end) => exports.cborPutF64(o, end, 1)],
    ["fb8000000000000000", (o, end) => exports.cborPutF64(o, end, -0)],
    ["626869", (o, end) => exports.cborPutString(o, end, source, 2)],
    ["60", (o, end) => exports.cborPutString(o, end, source, 0)],
    ["426869", (o, end) => exports.cborPutBinary(o, end, source, 2)],
  ];
  for (const [hex, writer] of writers) {
    for (let room = 0; room < hex.length / 2; ++room)
      assert.equal(kernels.write(room, writer), undefined, hex);
    assert.equal(hexOf(kernels.write(hex.length / 2, writer)), hex);
  }
});
