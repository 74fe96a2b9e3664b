import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { slot } from "../support/codec-kernels.ts";
import { frameRoom, JsonKernels, text, utf8 } from "../support/json-kernels.ts";
import { parsed, wellFormed } from "../support/json-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const runs = Number(process.env["RUNS"] ?? 2000);
const options = { seed, numRuns: runs };
const kernels = new JsonKernels();

/** A number as text, in more shapes than JSON.stringify would give it. */
const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc
    .tuple(
      fc.constantFrom("", "-"),
      fc.nat(),
      fc.option(fc.nat()),
      fc.option(fc.integer({ min: -400, max: 400 })),
    )
    .map(([sign, whole, fraction, power]) =>
      [sign, whole, fraction === null ? "" : `.${fraction}`, power === null ? "" : `e${power}`].join(""),
    ),
);

/** One character of a string's inside, spelled in one of the ways that JSON has for it. */
const spelledCharacter = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
      fc.constantFrom(
        '"',
        "\\",
        "/",
        "\b",
        "\n",
        "\u0000",
        "\u007f",
        "\ud83d\ude00",
        "\u2028",
        "plain ascii",
      ),
    ),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([raw, asHex, upper]) => {
    if (!asHex) return JSON.stringify(raw).slice(1, -1);
    const hex = Array.from(raw, (c) =>
      Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`).join(
        "",
      ),
    ).join("");
    return upper ? hex.replace(/[a-f]/g, (digit) => digit.toUpperCase()) : hex;
  });
const stringText = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: spelledCharacter },
      { weight: 1, arbitrary: fc.constantFrom("\\ud800", "\\udfff", "\\/") },
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join("")}"`);

const space = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\n", "\t", "\r\n  ") },
);

/** JSON texts of every shape, with white space anywhere. */
const { document } = fc.letrec<{ document: string; value: string }>((tie) => ({
  document: fc.tuple(space, tie("value"), space).map((parts) => parts.join("")),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "true", "false", "[]", "{}", "0"),
    numberText,
    stringText,
    fc.array(tie("document"), { maxLength: 5 }).map((items) => `[${items.join(",")}]`),
    fc
      .array(fc.tuple(space, stringText, space, tie("document")), { maxLength: 5 })
      .map((pairs) => `{${pairs.map(([a, key, b, item]) => `${a}${key}${b}:${item}`).join(",")}}`),
  ),
}));

const cursorSees = (
  expected: { readonly value: unknown } | undefined,
): { readonly value: unknown } | undefined =>
  expected === undefined ? undefined : { value: wellFormed(expected.value) };

test("a document is accepted and reads through the cursor as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.oneof(document, fc.json()), (json) => {
      const frame = utf8(json);
      const expected = parsed(frame);
      assert.equal(kernels.accepts(frame), expected !== undefined, `seed ${seed}`);
      assert.deepStrictEqual(kernels.decode(frame), cursorSees(expected), `seed ${seed}`);
      assert.equal(kernels.u32(slot.violation) === 0, expected !== undefined, `seed ${seed}`);
    }),
    options,
  );
});

/** A change to a frame: at a place (a share of its length), replace, insert, remove, double or cut. */
const change = fc.record({
  where: fc.double({ min: 0, max: 1, noNaN: true }),
  how: fc.constantFrom("replace", "insert", "remove", "repeat", "cut"),
  byte: fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(...utf8('"\\,:[]{}0-1.eE+u/ \nt'), 0x1f, 0x80, 0xc3, 0xed, 0xf4),
  ),
});

function changed(
  frame: Uint8Array,
  { where, how, byte }: { where: number; how: string; byte: number },
): Uint8Array {
  const at = Math.min(frame.length, Math.floor(where * (frame.length + 1)));
  const [front, back] = [frame.subarray(0, at), frame.subarray(at)];
  switch (how) {
    case "replace":
      return Uint8Array.from([...front, byte, ...back.subarray(1)]);
    case "insert":
      return Uint8Array.from([...front, byte, ...back]);
    case "remove":
      return Uint8Array.from([...front, ...back.subarray(1)]);
    case "repeat":
      return Uint8Array.from([...front, ...back.subarray(0, 3), ...back]);
    default:
      return front;
  }
}

test("a damaged document is accepted, skipped or read step by step, exactly when the twin accepts it", () => {
  let good = 0;
  let bad = 0;
  fc.assert(
    fc.property(document, fc.array(change, { minLength: 1, maxLength: 3 }), (json, changes) => {
      const frame = changes.reduce(changed, utf8(json));
      const expected = parsed(frame);
      for (const behind of [0x22, 0x30, 0x5d]) {
        assert.equal(
          kernels.accepts(frame, 64, behind),
          expected !== undefined,
          `seed ${seed}, frame ${Buffer.from(frame).toString("hex")}`,
        );
      }
      assert.deepStrictEqual(kernels.decode(frame, 0x22), cursorSees(expected), `seed ${seed}`);
      if (expected === undefined) bad++;
      else good++;
    }),
    { seed, numRuns: runs * 4 },
  );
  assert.ok(good > runs / 10 && bad > runs / 10, `${good} accepted and ${bad} refused prove little`);
});

test("bytes at random are accepted exactly when the twin accepts them, and no reader traps on them", () => {
  const token = fc.constantFrom(...'[]{},:"\\ \n0123456789-+.eEtrufalsn\u0000\u0080\u00ff');
  fc.assert(
    fc.property(fc.array(token, { maxLength: 24 }), (tokens) => {
      const frame = Uint8Array.from(tokens, (character) => character.charCodeAt(0));
      const expected = parsed(frame);
      assert.equal(kernels.accepts(frame), expected !== undefined, `seed ${seed}`);
      assert.deepStrictEqual(kernels.decode(frame), cursorSees(expected), `seed ${seed}`);
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
      readers.push(
        (p, end) => json.jsonMore(p, end, 0, 0, 0),
        (p, end) => json.jsonMore(p, end, 1, 0, 1),
      );
      for (const reader of readers) {
        const end = kernels.enter(frame);
        const result = reader(kernels.frame, end) >>> 0;
        if (reader === json.jsonKind || result === 0) continue;
        assert.ok(result >= kernels.frame && result <= end, `seed ${seed}: outside of the frame`);
      }
    }),
    { seed, numRuns: runs * 4 },
  );
});

test("a string is written as JSON.stringify writes it, and reads back", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc
      .array(fc.constantFrom('"', "\\", "\n", "\u0001", "é", "😀", "eight by", "nine byte"), {
        maxLength: 30,
      })
      .map((a) => a.join("")),
  );
  fc.assert(
    fc.property(anyText, fc.nat(400), (plain, room) => {
      const expected = JSON.stringify(plain);
      assert.equal(
        text(kernels.writeFrom(utf8(plain), frameRoom, "jsonPutString")),
        expected,
        `seed ${seed}`,
      );
      const tight = kernels.writeFrom(utf8(plain), room, "jsonPutString");
      assert.equal(
        text(tight),
        utf8(expected).length <= room ? expected : undefined,
        `seed ${seed}, room ${room}`,
      );
      assert.equal(kernels.decode(expected)?.value, plain, `seed ${seed}`);
    }),
    options,
  );
});

test("binary is written as U+0000 and base64, and reads back, also with its slashes and pluses escaped", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, escaped) => {
      const written = text(kernels.writeFrom(bytes, frameRoom, "jsonPutBinary")) ?? "";
      assert.equal(written, `"\\u0000${Buffer.from(bytes).toString("base64")}"`, `seed ${seed}`);
      const spelled = escaped ? written.replaceAll("/", "\\/").replaceAll("+", "\\u002B") : written;
      const end = kernels.enter(spelled);
      assert.equal(kernels.json.jsonBinary(kernels.frame, end) >>> 0, end, `seed ${seed}`);
      assert.deepEqual([...kernels.span()], [...bytes], `seed ${seed}`);
    }),
    options,
  );
});

test("a string with U+0000 in front is binary exactly when its rest is what Buffer would write as base64", () => {
  const nearly = fc
    .array(fc.constantFrom("Q", "U", "I", "=", "=", "/", "A", "-", "g"), { maxLength: 9 })
    .map((characters) => characters.join(""));
  fc.assert(
    fc.property(nearly, (rest) => {
      const expected = Buffer.from(rest, "base64").toString("base64") === rest;
      const end = kernels.enter(`"\\u0000${rest}"`);
      assert.equal(kernels.json.jsonBinary(kernels.frame, end) !== 0, expected, `seed ${seed}, ${rest}`);
      assert.equal(kernels.u32(slot.violation), 0, `seed ${seed}, ${rest}`);
    }),
    options,
  );
});
