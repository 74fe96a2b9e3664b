import assert from "node:assert/strict";
import test from "node:test";
import { CodecKernels, frameBytes_max, slot, writeStatus } from "../support/codec-kernels.ts";
import type { Format } from "../support/value-model.ts";

const kernels = new CodecKernels();
const { tooLarge, unrepresentable } = writeStatus;

/** JSON is written as it is, the other formats in hexadecimal. */
const bytesOf = (format: Format, notation: string): Uint8Array =>
  new Uint8Array(
    Buffer.from(
      format === "json" ? notation : notation.replaceAll(" ", ""),
      format === "json" ? "utf8" : "hex",
    ),
  );

/** The output in the notation of its format, or the write status. */
function transcoded(from: Format, to: Format, input: string, room?: number): string | number {
  const result = kernels.transcode(from, to, bytesOf(from, input), room);
  return "status" in result
    ? result.status
    : Buffer.from(result.bytes).toString(to === "json" ? "utf8" : "hex");
}

type Row = readonly [from: Format, to: Format, input: string, output: string | number];
function check(rows: readonly Row[]): void {
  for (const [from, to, input, output] of rows) {
    const expected = typeof output === "string" && to !== "json" ? output.replaceAll(" ", "") : output;
    assert.equal(transcoded(from, to, input), expected, `${from} to ${to}: ${input}`);
  }
}

test("nil and booleans are themselves, and CBOR's undefined is nil", () => {
  check([
    ["json", "msgpack", "[null,true,false]", "93 c0c3c2"],
    ["json", "cbor", "[null,true,false]", "83 f6f5f4"],
    ["msgpack", "json", "93 c0c3c2", "[null,true,false]"],
    ["msgpack", "cbor", "93 c0c3c2", "83 f6f5f4"],
    ["cbor", "json", "84 f6f5f4f7", "[null,true,false,null]"],
    ["cbor", "msgpack", "84 f6f5f4f7", "94 c0c3c2c0"],
  ]);
});

test("integers of 64 bits stay exact, as digits in JSON", () => {
  check([
    ["msgpack", "cbor", "cf ffffffffffffffff", "1b ffffffffffffffff"],
    ["msgpack", "cbor", "d3 8000000000000000", "3b 7fffffffffffffff"],
    ["msgpack", "json", "cf ffffffffffffffff", "18446744073709551615"],
    ["msgpack", "json", "d3 8000000000000000", "-9223372036854775808"],
    ["cbor", "msgpack", "1b ffffffffffffffff", "cf ffffffffffffffff"],
    ["cbor", "msgpack", "3b 7fffffffffffffff", "d3 8000000000000000"],
    ["cbor", "json", "1b 0020000000000001", "9007199254740993"],
    ["json", "msgpack", "18446744073709551615", "cf ffffffffffffffff"],
    ["json", "cbor", "-9223372036854775808", "3b 7fffffffffffffff"],
  ]);
});

test("integers are written in their shortest form, whatever form they came in", () => {
  check([
    ["msgpack", "cbor", "cf 0000000000000017", "17"],
    ["msgpack", "cbor", "d3 0000000000000018", "1818"],
    ["msgpack", "cbor", "d1 ffff", "20"],
    ["cbor", "msgpack", "1b 000000000000007f", "7f"],
    ["cbor", "msgpack", "3b 000000000000001f", "e0"],
    ["cbor", "msgpack", "38 20", "d0df"],
  ]);
});

test("a CBOR integer below -2^63 is exact digits in JSON and cannot be said in MessagePack", () => {
  check([
    ["cbor", "json", "3b 8000000000000000", "-9223372036854775809"],
    ["cbor", "json", "3b ffffffffffffffff", "-18446744073709551616"],
    ["cbor", "json", "3b fffffffffffffffe", "-18446744073709551615"],
    ["cbor", "json", "a1 3b ffffffffffffffff f6", '{"-18446744073709551616":null}'],
    ["cbor", "msgpack", "3b 8000000000000000", unrepresentable],
    ["cbor", "msgpack", "81 3b ffffffffffffffff", unrepresentable],
  ]);
});

test("JSON integers beyond 64 bits become the nearest float, as in JSON.parse", () => {
  check([
    ["json", "msgpack", "18446744073709551616", "cb 43f0000000000000"],
    ["json", "cbor", "-9223372036854775809", "fb c3e0000000000000"],
    ["json", "cbor", "1e999", unrepresentable],
    ["json", "msgpack", `1${"0".repeat(400)}`, unrepresentable],
  ]);
});

test("floats stay floats: widened to 64 bits, with a point or an exponent in JSON", () => {
  check([
    [
      "json",
      "msgpack",
      "[1.0,1e2,-0,2.5]",
      "94 cb3ff0000000000000 cb4059000000000000 cb8000000000000000 cb4004000000000000",
    ],
    ["json", "cbor", "[5.0,-0.0]", "82 fb4014000000000000 fb8000000000000000"],
    ["msgpack", "cbor", "ca 3fc00000", "fb 3ff8000000000000"],
    ["msgpack", "json", "cb 3ff0000000000000", "1.0"],
    ["cbor", "json", "f9 8000", "-0.0"],
    ["cbor", "json", "fb 3fb999999999999a", "0.1"],
    ["cbor", "msgpack", "f9 0001", "cb 3e70000000000000"],
    ["cbor", "msgpack", "fa 7f7fffff", "cb 47efffffe0000000"],
  ]);
});

test("NaN and the infinities pass between MessagePack and CBOR, and JSON cannot say them", () => {
  check([
    ["msgpack", "cbor", "cb 7ff0000000000000", "fb 7ff0000000000000"],
    ["msgpack", "cbor", "ca ff800000", "fb fff0000000000000"],
    ["cbor", "msgpack", "f9 7e00", "cb 7ff8000000000000"],
    ["cbor", "msgpack", "f9 fc00", "cb fff0000000000000"],
    ["cbor", "json", "f9 7e00", unrepresentable],
    ["msgpack", "json", "91 cb fff0000000000000", unrepresentable],
  ]);
});

test("binary is binary, and in JSON a string of U+0000 and base64", () => {
  check([
    ["msgpack", "cbor", "c403 00ff10", "43 00ff10"],
    ["cbor", "msgpack", "5f 4100 42ff10 ff", "c403 00ff10"],
    ["msgpack", "json", "c403 00ff10", '"\\u0000AP8Q"'],
    ["cbor", "json", "40", '"\\u0000"'],
    ["json", "msgpack", '"\\u0000AP8Q"', "c403 00ff10"],
    ["json", "cbor", '"\\u0000AP8="', "42 00ff"],
    ["json", "cbor", '"\\u0000"', "40"],
    ["json", "cbor", '"\\u0000AP8\\u0051"', "43 00ff10"],
  ]);
});

test("a JSON string of U+0000 and something else than base64 stays text", () => {
  check([
    ["json", "cbor", '"\\u0000AP8"', "64 00415038"],
    ["json", "cbor", '"\\u0000AP9="', "65 004150393d"],
    ["json", "msgpack", '"\\u0000 hi"', "a4 00206869"],
    ["json", "msgpack", '"\\u00001\\n"', "a3 00310a"],
  ]);
});

test("text from MessagePack and CBOR goes to JSON as it is, even where it looks like binary", () => {
  check([
    ["msgpack", "json", "a5 0041503851", '"\\u0000AP8Q"'],
    ["cbor", "json", "65 0041503851", '"\\u0000AP8Q"'],
    ["cbor", "msgpack", "65 0041503851", "a5 0041503851"],
  ]);
});

test("text is unescaped and escaped, chunks are joined, and half a surrogate pair becomes U+FFFD", () => {
  check([
    [
      "json",
      "msgpack",
      '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\ud83d\\udc1f"',
      "ae 225c2f080c0a0d09 c3bc f09f909f",
    ],
    ["msgpack", "json", "a4 225c0a7f", '"\\"\\\\\\n\x7f"'],
    ["cbor", "json", "7f 6161 62c3bc ff", '"aü"'],
    ["json", "cbor", '"\\ud800"', "63 efbfbd"],
    ["json", "msgpack", '["\\udc1f\\ud83d","\\ud83dx"]', "92 a6efbfbdefbfbd a4efbfbd78"],
    ["json", "cbor", '{"\\ud800":1}', "a1 63efbfbd 01"],
  ]);
});

test("integer keys become strings in JSON, and no other kind of key may", () => {
  check([
    ["msgpack", "json", "82 01 a161 ff a162", '{"1":"a","-1":"b"}'],
    ["cbor", "json", "a1 1b ffffffffffffffff 80", '{"18446744073709551615":[]}'],
    ["cbor", "json", "a1 c1 01 02", '{"1":2}'],
    ["cbor", "json", "a1 d818 6161 02", '{"a":2}'],
    ["cbor", "json", "a1 c2 4105 02", '{"5":2}'],
    ["cbor", "json", "a1 c1 c3 4105 02", '{"-6":2}'],
    ["msgpack", "json", "81 c0 00", unrepresentable],
    ["msgpack", "json", "81 c3 00", unrepresentable],
    ["msgpack", "json", "81 cb3ff0000000000000 00", unrepresentable],
    ["msgpack", "json", "81 c400 00", unrepresentable],
    ["msgpack", "json", "81 90 00", unrepresentable],
    ["msgpack", "json", "81 80 00", unrepresentable],
    ["msgpack", "json", "81 d40000 00", unrepresentable],
    ["cbor", "json", "a1 f7 00", unrepresentable],
    ["cbor", "json", "a1 c1f6 00", unrepresentable],
  ]);
});

test("keys of any kind pass between MessagePack and CBOR", () => {
  check([
    ["msgpack", "cbor", "84 c0 01 9101 02 80 03 c400 04", "a4 f6 01 8101 02 a0 03 40 04"],
    ["cbor", "msgpack", "a3 f4 01 a10102 02 f93c00 03", "83 c2 01 810102 02 cb3ff0000000000000 03"],
  ]);
});

test("a JSON key stays text even where it looks like binary", () => {
  check([
    ["json", "msgpack", '{"\\u0000AP8Q":1}', "81 a50041503851 01"],
    ["json", "cbor", '{"\\u0000AP8Q":1}', "a1 650041503851 01"],
  ]);
});

test("repeated keys are carried as they are, in their order", () => {
  check([
    ["json", "msgpack", '{"a":1,"a":2}', "82 a16101 a16102"],
    ["cbor", "json", "a2 6161 01 6161 02", '{"a":1,"a":2}'],
    ["msgpack", "json", "82 01 c0 a131 c3", '{"1":null,"1":true}'],
  ]);
});

test("CBOR tags are dropped and their content is carried", () => {
  check([
    ["cbor", "json", "c0 63 616263", '"abc"'],
    ["cbor", "msgpack", "c1 d9d9f7 82 c11a514b67b0 d82040", "92 ce514b67b0 c400"],
    ["cbor", "cbor", "c0 61 61", "c0 61 61"],
  ]);
});

test("bignums become integers where 64 bits hold them, and else cannot be said", () => {
  check([
    ["cbor", "msgpack", "c2 40", "00"],
    ["cbor", "msgpack", "c2 48 ffffffffffffffff", "cf ffffffffffffffff"],
    ["cbor", "json", "c2 4a 0000ffffffffffffffff", "18446744073709551615"],
    ["cbor", "json", "c2 5f 4101 4100 ff", "256"],
    ["cbor", "msgpack", "d802 4101", "01"],
    ["cbor", "msgpack", "c3 40", "ff"],
    ["cbor", "msgpack", "c3 48 7fffffffffffffff", "d3 8000000000000000"],
    ["cbor", "msgpack", "c3 48 8000000000000000", unrepresentable],
    ["cbor", "json", "c3 48 8000000000000000", unrepresentable],
    ["cbor", "json", "c2 49 010000000000000000", unrepresentable],
    ["cbor", "msgpack", "c2 49 010000000000000000", unrepresentable],
    ["cbor", "json", "c2 01", unrepresentable],
    ["cbor", "json", "c2 c1 4101", unrepresentable],
  ]);
});

test("ext and other simple values have no counterpart elsewhere, and keep their bytes in their own format", () => {
  check([
    ["msgpack", "json", "d4 05 00", unrepresentable],
    ["msgpack", "cbor", "d6 ff 514b67b0", unrepresentable],
    ["msgpack", "cbor", "91 c70005", unrepresentable],
    ["cbor", "json", "f8ff", unrepresentable],
    ["cbor", "msgpack", "81 e0", unrepresentable],
    ["msgpack", "msgpack", "d6 ff 514b67b0", "d6 ff 514b67b0"],
    ["cbor", "cbor", "9f e0 ff", "9f e0 ff"],
    ["json", "json", '[ 1 , "\\u0061" ]', '[ 1 , "\\u0061" ]'],
  ]);
});

test("a container whose count is known only at its end gets the shortest head", () => {
  const heads: Record<"msgpack" | "cbor", (count: number, isMap: boolean) => string> = {
    msgpack: (count, isMap) => {
      if (count < 16) return ((isMap ? 0x80 : 0x90) + count).toString(16);
      const wide = count > 0xffff;
      return (
        (isMap ? (wide ? "df" : "de") : wide ? "dd" : "dc") + count.toString(16).padStart(wide ? 8 : 4, "0")
      );
    },
    cbor: (count, isMap) => {
      const major = isMap ? 0xa0 : 0x80;
      if (count < 24) return (major + count).toString(16);
      const width = count <= 0xff ? 0 : count <= 0xffff ? 1 : 2;
      return (major + 24 + width).toString(16) + count.toString(16).padStart(2 << width, "0");
    },
  };
  for (const to of ["msgpack", "cbor"] as const) {
    for (const count of [0, 1, 15, 16, 17, 23, 24, 25, 255, 256, 257, 65_535, 65_536]) {
      const items = Array.from({ length: count }, (_, i) => i % 10);
      const body = items.map((item) => `0${item}`).join("");
      assert.equal(
        transcoded("json", to, JSON.stringify([items])),
        (to === "cbor" ? "81" : "91") + heads[to](count, false) + body,
      );
      const keys = items.map((item) => `${to === "cbor" ? "61" : "a1"}3${item}0${item}`).join("");
      const source = `{${items.map((item) => `"${item}":${item}`).join(",")}}`;
      assert.equal(transcoded("json", to, source), heads[to](count, true) + keys);
      if (to === "msgpack")
        assert.equal(transcoded("cbor", to, `9f${body}ff`), heads[to](count, false) + body);
    }
  }
});

test("late heads at every level are moved in as often as the levels nest", () => {
  const level = (inside: string): string => `[${"0,".repeat(30)}${inside}]`;
  let source = "1";
  for (let i = 0; i < 64; ++i) source = level(source);
  assert.equal(transcoded("json", "cbor", source), `${`981f${"00".repeat(30)}`.repeat(64)}01`);
  assert.equal(transcoded("json", "msgpack", source), `${`dc001f${"00".repeat(30)}`.repeat(64)}01`);
});

test("an output of exactly the bound fits, and one byte less is too large", () => {
  const rows: readonly Row[] = [
    ["json", "cbor", `[${"0,".repeat(24)}1]`, `9819${"00".repeat(24)}01`],
    ["json", "msgpack", `[${"0,".repeat(24)}1]`, `dc0019${"00".repeat(24)}01`],
    ["cbor", "json", "a1 01 5f 4100 ff", '{"1":"\\u0000AA=="}'],
    ["msgpack", "json", "91 a1 01", '["\\u0001"]'],
    ["msgpack", "msgpack", "91 a1 01", "91a101"],
  ];
  for (const [from, to, input, output] of rows) {
    const bytes = bytesOf(to, String(output)).length;
    assert.equal(transcoded(from, to, input, bytes), output);
    for (let room = 0; room < bytes; ++room) assert.equal(transcoded(from, to, input, room), tooLarge);
  }
});

test("a payload of control characters, six times as large in JSON, is too large", () => {
  const bytes = frameBytes_max - 16;
  const frame = new Uint8Array(bytes).fill(1);
  frame.set([0xdb, 0, (bytes - 5) >> 16, ((bytes - 5) >> 8) & 0xff, (bytes - 5) & 0xff]);
  assert.deepStrictEqual(kernels.transcode("msgpack", "json", frame), { status: tooLarge });
  const cbor = kernels.transcode("msgpack", "cbor", frame);
  assert.ok("bytes" in cbor && cbor.bytes.length === bytes);
});

test("a frame full of strings that must be unescaped or joined never runs out of scratch memory", () => {
  const before = (): number => kernels.u32(slot.scratch);
  kernels.visit([]);
  const scratch = before();
  const escaped = JSON.stringify(Array.from({ length: 20_000 }, () => '\n\n\n\n"binary"'));
  const chunked = `9f${"7f6161617861 79ff5f424243ff".replaceAll(" ", "").repeat(60_000)}ff`;
  const binaries = JSON.stringify(Array.from({ length: 20_000 }, () => "\u0000AAECAwQFBgcICQ=="));
  for (const [from, source] of [
    ["json", escaped],
    ["cbor", chunked],
    ["json", binaries],
  ] as const) {
    const result = kernels.transcode(from, "msgpack", bytesOf(from, source));
    assert.ok("bytes" in result);
    assert.equal(before(), scratch, "what was taken is given back");
  }
  const whole = kernels.transcode(
    "json",
    "msgpack",
    Buffer.from(`"${"\\n".repeat(frameBytes_max / 2 - 1)}"`),
  );
  assert.ok("bytes" in whole && whole.bytes.length === frameBytes_max / 2 - 1 + 5);
});

test("the other violations of a frame are not touched by a transcode that succeeds", () => {
  kernels.transcode("cbor", "json", bytesOf("cbor", "a1 01 c1 7f 6161 ff"));
  assert.equal(kernels.u32(slot.violation), 0);
});
