import assert from "node:assert/strict";
import test from "node:test";
import { countUnknown, slot, violation } from "../support/codec-kernels.ts";
import { JsonKernels, kind, text, tooLong, utf8 } from "../support/json-kernels.ts";
import { wellFormed } from "../support/json-model.ts";

const kernels = new JsonKernels();
const { json } = kernels;

/** The violation that a reader reports at the start of the frame; 0 when it does not fail. */
function violationOf(frame: string | Uint8Array, reader: (p: number, end: number) => number): number {
  const end = kernels.enter(frame);
  const result = reader(kernels.frame, end);
  assert.equal(result === 0, kernels.u32(slot.violation) !== violation.none, String(frame));
  return kernels.u32(slot.violation);
}

test("the kind of a value shows in its first bytes", () => {
  const kinds: [string, number][] = [
    ["null", kind.nil],
    ["true", kind.bool],
    ["false", kind.bool],
    ["0", kind.int],
    ["-12", kind.int],
    ["1.5", kind.float],
    ["-1e5", kind.float],
    ["12E5,", kind.float],
    ["12,1.5", kind.int],
    ['"a"', kind.string],
    ["[", kind.array],
    ["{", kind.map],
    [" \n[", kind.array],
    ["", kind.invalid],
    ["  ", kind.invalid],
    ["]", kind.invalid],
    ["x", kind.invalid],
    ["+1", kind.invalid],
  ];
  for (const [sample, expected] of kinds) {
    const end = kernels.enter(sample, 0x2e);
    assert.equal(json.jsonKind(kernels.frame, end), expected, sample);
    assert.equal(kernels.u32(slot.violation), violation.none);
  }
});

test("a boolean is true or false and nothing else", () => {
  for (const sample of ["true", " false"]) {
    const end = kernels.enter(sample);
    assert.equal(json.jsonBool(kernels.frame, end) >>> 0, end);
    assert.equal(kernels.u32(slot.count), Number(sample === "true"));
  }
  for (const sample of ["1", "null", '"true"', "[]", ""])
    assert.equal(violationOf(sample, json.jsonBool), violation.optionType);
  for (const sample of ["tru", "falsy", "trve"])
    assert.equal(violationOf(sample, json.jsonBool), violation.malformed);
});

test("a string without escapes is a span of the frame, one with escapes lies in the scratch region", () => {
  let end = kernels.enter(' "com.example.topic" ');
  assert.equal(json.jsonString(kernels.frame, end) >>> 0, end - 1);
  assert.equal(kernels.u32(slot.span), kernels.frame + 2);
  assert.equal(text(kernels.span()), "com.example.topic");
  end = kernels.enter('["\\u0063om.example", "b\\n"]');
  const behind = json.jsonString(kernels.frame + 1, end) >>> 0;
  assert.equal(kernels.u32(slot.span), json.SCRATCH.value);
  assert.equal(text(kernels.span()), "com.example");
  json.jsonString(behind + 1, end);
  assert.equal(kernels.u32(slot.span), json.SCRATCH.value + 11);
  assert.equal(text(kernels.span()), "b\n");
});

test("every escape is decoded, and a surrogate without a partner becomes U+FFFD", () => {
  const samples = [
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u0000\\u0041\\u007f\\u0080\\u07ff\\u0800\\uffff\\uFFFE"',
    '"\\uabcd\\uABCD\\uaBcD\\u0aF9"',
    '"\\ud83d\\ude00 \\uD83D\\uDE00 \\ud800\\udc00 \\udbff\\udfff"',
    '"\\ud83d"',
    '"\\ud83dx"',
    '"\\ud83d\\n"',
    '"\\ud83d\\u0041"',
    '"\\ude00\\ud83d"',
    '"\\ud83d\\ud83d\\ude00"',
    '"\\ude00\\ude00"',
    '"\\ud83d\\\\ude00"',
    '"\\ud83d\ude00"',
    '"äöü\\n€😀\\u20ac"',
  ];
  for (const sample of samples) {
    for (let before = 0; before < 18; before++) {
      const padded = `"${"p".repeat(before)}${sample.slice(1)}`;
      const frame = utf8(padded);
      assert.equal(kernels.decode(frame)?.value, wellFormed(JSON.parse(text(frame) ?? "")), padded);
    }
  }
});

test("what is no string, or a broken one, is not read as a string", () => {
  for (const sample of ["1", "null", "[]", "{}", "x"])
    assert.equal(violationOf(sample, json.jsonString), violation.elementType);
  for (const sample of ["", '"', '"\\q"', '"\\u12"', '"\n"'])
    assert.equal(violationOf(sample, json.jsonString), violation.malformed);
  assert.equal(violationOf(Uint8Array.from([0x22, 0x80, 0x22]), json.jsonString), violation.utf8);
});

test("strings that do not fit the scratch region any more fail as too long", () => {
  const escaped = `"${"\\n".repeat(1000)}"`;
  const end = kernels.enter(escaped);
  const room = json.SCRATCH_BYTES.value;
  let used = 0;
  while (json.jsonString(kernels.frame, end) !== 0) used += 1000;
  assert.ok(used <= room && used > room - 2000, `${used} of ${room} bytes`);
  assert.equal(kernels.u32(slot.violation), tooLong);
  assert.equal(json.jsonBinary(kernels.frame, kernels.enter('"\\u0000QQ=="')) !== 0, true);
});

/** The bytes of a binary value, or undefined when jsonBinary does not take the text for one. It never fails on valid text. */
function binary(sample: string): number[] | undefined {
  const end = kernels.enter(sample);
  const behind = json.jsonBinary(kernels.frame, end) >>> 0;
  assert.equal(kernels.u32(slot.violation), violation.none, sample);
  if (behind === 0) return undefined;
  assert.equal(behind, end, sample);
  return [...kernels.span()];
}

test("a string of U+0000 and base64 is binary", () => {
  assert.deepEqual(binary('"\\u0000"'), []);
  assert.deepEqual(binary('"\\u0000QQ=="'), [0x41]);
  assert.deepEqual(binary(' "\\u0000QUJD"'), [0x41, 0x42, 0x43]);
  assert.deepEqual(binary('"\\u0000+/+/"'), [0xfb, 0xff, 0xbf]);
  assert.deepEqual(binary('"\\u0000+\\/+\\/"'), [0xfb, 0xff, 0xbf]);
  assert.deepEqual(binary('"\\u0000\\u002B\\u002f\\u002b\\/"'), [0xfb, 0xff, 0xbf]);
});

test("a string that is not quite binary is left to be read as text", () => {
  const texts = [
    '"QQ=="',
    '""',
    '"\\u0001QQ=="',
    '"\\u0000Q"',
    '"\\u0000QQ"',
    '"\\u0000Q\\nQ="',
    '"\\u0000Q!=="',
    '"\\u0000QR=="',
  ];
  texts.push('"\\u0000\\u0000"', '"0000000"', '"\\\\u0000QQ=="', "[]", "1", "null", '"\\u0000Qä=="');
  for (const sample of texts) assert.equal(binary(sample), undefined, sample);
  assert.equal(kernels.decode('"\\u0000QQ"')?.value, "\u0000QQ");
});

test("containers say that they do not know their length, and only containers are entered", () => {
  for (const [sample, reader] of [
    [" [1]", json.jsonEnterArray],
    [" {}", json.jsonEnterMap],
  ] as const) {
    assert.equal(kernels.offset(reader(kernels.frame, kernels.enter(sample))), 2);
    assert.equal(kernels.u32(slot.count), countUnknown);
  }
  for (const sample of ["{}", "1", '"["', "null"])
    assert.equal(violationOf(sample, json.jsonEnterArray), violation.elementType);
  for (const sample of ["[]", "1", '"{"', "null"])
    assert.equal(violationOf(sample, json.jsonEnterMap), violation.elementType);
});

/** Steps to element `index` at the start of the text: the offset of the element, "end", or "malformed". */
function more(sample: string, index: number, map = false): number | string {
  const end = kernels.enter(sample, 0x2c);
  const p = json.jsonMore(kernels.frame, end, index, countUnknown, Number(map));
  if (p !== 0) return kernels.u32(slot.count) === 1 ? kernels.offset(p) : `end at ${kernels.offset(p)}`;
  assert.equal(kernels.u32(slot.violation), violation.malformed);
  return "malformed";
}

test("elements are separated by exactly one comma, and keys are strings", () => {
  assert.equal(more("1", 0), 0);
  assert.equal(more(" 1", 0), 1);
  assert.equal(more(" , 1", 1), 3);
  assert.equal(more(" ]", 0), "end at 2");
  assert.equal(more("]", 3), "end at 1");
  assert.equal(more('"k"', 0, true), 0);
  assert.equal(more(',"k"', 2, true), 1);
  assert.equal(more("}", 0, true), "end at 1");
  for (const sample of ["", " ", "1", ",", ", ", ",]", "}", ":1"])
    assert.equal(more(sample, 1), "malformed", sample);
  for (const sample of ["", "1", "]", ",", ':"k"']) assert.equal(more(sample, 0, true), "malformed", sample);
  for (const sample of [",}", ",1", ",]", '"k"', "]"])
    assert.equal(more(sample, 1, true), "malformed", sample);
});

test("a colon stands between key and value", () => {
  assert.equal(kernels.offset(json.jsonColon(kernels.frame, kernels.enter(":1"))), 1);
  assert.equal(kernels.offset(json.jsonColon(kernels.frame, kernels.enter(" : \n1"))), 4);
  for (const sample of ["", " ", "1", "=", ","])
    assert.equal(violationOf(sample, json.jsonColon), violation.malformed);
});
