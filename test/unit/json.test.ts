import assert from "node:assert/strict";
import test from "node:test";
import { countUnknown, slot, violation } from "../support/codec-kernels.ts";
import { JsonKernels, utf8 } from "../support/json-kernels.ts";
import { parsed } from "../support/json-model.ts";

const kernels = new JsonKernels();

/** Accepts exactly what the twin accepts, whatever the bytes behind the frame. */
function agrees(frame: string | Uint8Array, depth = 64): boolean {
  const bytes = typeof frame === "string" ? utf8(frame) : frame;
  const expected = parsed(bytes, depth) !== undefined;
  const shown = Buffer.from(bytes).toString("latin1");
  // Behind the frame: digits, a quote, white space.
  for (const behind of [0x30, 0x22, 0x20])
    assert.equal(kernels.accepts(bytes, depth, behind), expected, shown);
  return expected;
}

/** The violation that jsonSkip reports at the start of the frame; 0 when it does not fail. */
function skipOf(frame: string | Uint8Array, depth = 64): number {
  const refused = kernels.skipJson(frame, depth) < 0;
  assert.equal(refused, kernels.u32(slot.violation) !== violation.none, String(frame));
  return kernels.u32(slot.violation);
}

const accepted = [
  ...[
    "0",
    "-0",
    "-1",
    "10",
    "1.5",
    "1e5",
    "1E+5",
    "1e-05",
    "0.0e0",
    "-12.34E56",
    "1e999",
    "123456789012345678901234567890",
  ],
  ...[
    "true",
    "false",
    "null",
    " true ",
    "\t\n\r null\r\n",
    '""',
    '"a"',
    '"\u007f"',
    '"\\u0000"',
    '"\\uD800"',
    '"\\udc00\\ud800"',
  ],
  ...[
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"',
    '"äöü€😀"',
    '"twelve bytes and more of plain text"',
    '"12345678\\n12345678"',
  ],
  ...[
    "[]",
    "[ ]",
    "[1]",
    "[ 1 , 2 ]",
    "[[],{},[[]]]",
    "{}",
    "{ }",
    '{"a":1}',
    '{ "a" : 1 , "b" : [ ] }',
    '{"":{"":{}}}',
    '{"a":1,"a":2}',
  ],
  ...['[1,"two",3.0,null,true,false,{"k":["v"]}]', '\n[\n  {\n    "k": "v"\n  },\n  []\n]\n'],
];

const refused = [
  ...[
    "",
    " ",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".1",
    "1.e1",
    "1e",
    "1e+",
    "1ee1",
    "0x1",
    "1_0",
    "- 1",
    "1 2",
    "NaN",
    "Infinity",
  ],
  ...["tru", "True", "truex", "truetrue", "nul", "nulll", "falsy", "fals", "t", "undefined"],
  ...[
    '"',
    '"a',
    '"\\"',
    "'a'",
    '"\\x"',
    '"\\u12"',
    '"\\u123"',
    '"\\u123g"',
    '"\\u 123"',
    '"\\U0041"',
    '"\\',
    '"\\u',
    '"a"b',
    '"\t"',
    '"\n"',
  ],
  ...['"\u0000"', '"\u001f"', '"12345678\u001f2345678"', '"1234567\u0001"', '"12345678\\q"'],
  ...["[", "]", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1}", "[[]", "[]]", "[,]", "[:]", "[1:2]"],
  ...[
    "{",
    "}",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{,"a":1}',
    '{"a" 1}',
    '{"a"}',
    '{"a":}',
    "{1:2}",
    "{a:1}",
    "{null:1}",
  ],
  ...[
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{"a":1]',
    "{]",
    "[}",
    '{"a":1,,"b":2}',
    '{"a",1}',
    "\u00a01",
    "\ufeff1",
    "\u20281",
    "\v1",
    "\f1",
    "/**/1",
  ],
];

test("every text that JSON allows is accepted", () => {
  for (const sample of accepted) assert.equal(agrees(sample), true, sample);
});

test("every text that JSON does not allow is refused", () => {
  for (const sample of refused) assert.equal(agrees(sample), false, sample);
});

test("a frame cut anywhere is judged like the twin judges it", () => {
  for (const sample of accepted) {
    const bytes = utf8(sample);
    for (let length = 0; length < bytes.length; length++) agrees(bytes.subarray(0, length));
  }
});

test("nothing behind a frame is read, not even where memory ends with it", () => {
  const { json } = kernels;
  const readers = [
    json.jsonKind,
    json.jsonId,
    json.jsonBool,
    json.jsonNumber,
    json.jsonString,
    json.jsonBinary,
  ];
  readers.push(json.jsonEnterArray, json.jsonEnterMap, json.jsonColon, json.jsonTail);
  readers.push((p, end) => json.jsonSkip(p, end, 64));
  for (const map of [0, 1]) readers.push((p, end) => json.jsonMore(p, end, 1, countUnknown, map));
  const samples = [
    ...accepted,
    ...refused,
    '"\\u0000QUJDREVG\\/w=="',
    '"\\ud83d',
    '"\\ud83d"',
    "-",
    "1.",
    "1e",
    "1e-",
    "fals",
  ];
  for (const sample of samples) {
    const bytes = utf8(sample);
    for (let length = 0; length <= bytes.length; length++) {
      const frame = bytes.subarray(0, length);
      const memoryEnd = kernels.bytes().length;
      for (const reader of readers)
        assert.ok(reader(kernels.enterLast(frame), memoryEnd) >>> 0 <= memoryEnd, sample);
    }
  }
  // The missing letter lies right behind: it is not part of the frame.
  assert.equal(kernels.skipJson("fals", 64, 0x65), -1);
});

test("a frame with any byte changed to any other is judged like the twin judges it", () => {
  for (const sample of accepted) {
    const bytes = utf8(sample);
    for (let at = 0; at < bytes.length; at++) {
      const original = bytes[at]!;
      for (let value = 0; value < 256; value++) {
        bytes[at] = value;
        assert.equal(
          kernels.accepts(bytes, 64, 0x22),
          parsed(bytes) !== undefined,
          `${sample}: ${value} at ${at}`,
        );
      }
      bytes[at] = original;
    }
  }
});

test("a quote, an escape, a control and a broken character are found at every distance", () => {
  for (let before = 0; before < 40; before++) {
    for (let after = 0; after < 12; after++) {
      const [a, z] = ["a".repeat(before), "z".repeat(after)];
      assert.equal(agrees(`"${a}\\n${z}"`), true);
      assert.equal(agrees(`"${a}é€😀${z}"`), true);
      assert.equal(agrees(`"${a}\u001f${z}"`), false);
      assert.equal(agrees(`"${a}"${z}"`), false);
      assert.equal(agrees(Uint8Array.from([...utf8(`"${a}`), 0xc3, ...utf8(`${z}"`)])), false);
      assert.equal(agrees(Uint8Array.from([...utf8(`"${a}`), 0xed, 0xa0, 0x80, ...utf8(`${z}"`)])), false);
    }
  }
});

test("a violation says what is wrong", () => {
  for (const sample of refused) {
    // What is only trailing, or left open, is the caller's to see.
    const expected = kernels.skipJson(sample) >= 0 ? violation.none : violation.malformed;
    assert.equal(skipOf(sample), expected, sample);
  }
  assert.equal(skipOf(Uint8Array.from([0x22, 0xff, 0x22])), violation.utf8);
  assert.equal(skipOf(Uint8Array.from([0x5b, 0xff, 0x5d])), violation.malformed);
  assert.equal(skipOf(Uint8Array.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d])), violation.utf8);
});

test("containers nest as deep as allowed and no deeper", () => {
  const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const mixed = (levels: number): string =>
    levels === 0
      ? "1"
      : levels % 2 === 0
        ? `[0,${mixed(levels - 1)},2]`
        : `{"a":0,"b":${mixed(levels - 1)},"c":[]}`;
  for (const depth of [0, 1, 2, 31, 32, 33, 63, 64]) {
    assert.equal(agrees(nested(depth), depth), depth > 0);
    if (depth > 1) assert.equal(agrees(mixed(depth - 1), depth), true);
    assert.equal(skipOf(nested(depth + 1), depth), violation.depth);
    assert.equal(skipOf(mixed(depth + 1), depth), violation.depth);
  }
  assert.equal(skipOf("1", 0), violation.none);
  assert.equal(skipOf("{}", 0), violation.depth);
  // More than one bit for each level of a u64 cannot be kept.
  assert.equal(skipOf(nested(65), 1000), violation.depth);
  assert.equal(skipOf("[".repeat(100_000), 64), violation.depth);
});

test("brackets must match their own kind at every level", () => {
  for (let level = 0; level < 64; level++) {
    const maps = Array.from({ length: 64 }, (_, i) => (i * 7) % 3 === 0);
    const open = maps.map((map) => (map ? '{"k":' : "[")).join("");
    const close = maps.map((map) => (map ? "}" : "]")).reverse();
    assert.equal(agrees(`${open}0${close.join("")}`), true);
    close[level] = close[level] === "}" ? "]" : "}";
    assert.equal(agrees(`${open}0${close.join("")}`), false);
  }
});
