import assert from "node:assert/strict";
import test from "node:test";
import { slot, writeStatus } from "../support/codec-kernels.ts";
import { JsonKernels, text, utf8 } from "../support/json-kernels.ts";

const kernels = new JsonKernels();
const { json } = kernels;

test("every writer refuses room that is too small and writes nothing beyond it", () => {
  const long = '\u0000\u001f"\\\b\f\n\r\t/\u007fäöü€😀 plain text that is longer than eight bytes';
  kernels.visit(utf8(long));
  const [from, length] = [kernels.frame, utf8(long).length];
  const writers: [(o: number, oEnd: number) => number, string][] = [
    [(o, e) => json.jsonPutArray(o, e, 3), "["],
    [(o, e) => json.jsonPutMap(o, e, 3), "{"],
    [(o, e) => json.jsonPutEnd(o, e, 0), "]"],
    [(o, e) => json.jsonPutEnd(o, e, 1), "}"],
    [(o, e) => json.jsonPutSep(o, e, 0), ""],
    [(o, e) => json.jsonPutSep(o, e, 1), ","],
    [json.jsonPutColon, ":"],
    [json.jsonPutNil, "null"],
    [(o, e) => json.jsonPutBool(o, e, 1), "true"],
    [(o, e) => json.jsonPutBool(o, e, 0), "false"],
    [(o, e) => json.jsonPutId(o, e, 2 ** 53), "9007199254740992"],
    [(o, e) => json.jsonPutId(o, e, 0), "0"],
    [(o, e) => json.jsonPutU64(o, e, 2n ** 64n - 1n), "18446744073709551615"],
    [(o, e) => json.jsonPutI64(o, e, -(2n ** 63n)), "-9223372036854775808"],
    [(o, e) => json.jsonPutI64(o, e, -1n), "-1"],
    [(o, e) => json.jsonPutF64(o, e, 1), "1.0"],
    [(o, e) => json.jsonPutF64(o, e, -0), "-0.0"],
    [(o, e) => json.jsonPutF64(o, e, -1.2345678901234567e-6), "-0.0000012345678901234567"],
    [(o, e) => json.jsonPutF64(o, e, -1.2345678901234e-300), "-1.2345678901234e-300"],
    [(o, e) => json.jsonPutF64(o, e, 1e21), "1e21"],
    [(o, e) => json.jsonPutF64(o, e, 5e-324), "5e-324"],
    [(o, e) => json.jsonPutString(o, e, from, length), JSON.stringify(long)],
    [(o, e) => json.jsonPutString(o, e, from, 0), '""'],
    [(o, e) => json.jsonPutBinary(o, e, from, length), `"\\u0000${Buffer.from(long).toString("base64")}"`],
    [(o, e) => json.jsonPutBinary(o, e, from, 0), '"\\u0000"'],
  ];
  for (const [writer, expected] of writers) {
    const size = utf8(expected).length;
    for (let room = 0; room <= size + 30; room++) {
      kernels.exports.kernelsReset();
      const written = kernels.write(room, writer);
      assert.equal(text(written), room < size ? undefined : expected, `room ${room} for ${expected}`);
      const status = room < size ? writeStatus.tooLarge : writeStatus.none;
      assert.equal(kernels.u32(slot.writeStatus), status, `room ${room} for ${expected}`);
    }
  }
});

test("numbers that JSON cannot say are refused as unrepresentable", () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    kernels.exports.kernelsReset();
    assert.equal(
      kernels.write(64, (o, oEnd) => json.jsonPutF64(o, oEnd, value)),
      undefined,
    );
    assert.equal(kernels.u32(slot.writeStatus), writeStatus.unrepresentable);
  }
});

test("every control character is escaped as JSON.stringify does it, at every distance", () => {
  for (let code = 0; code < 0x80; code++) {
    for (let before = 0; before < 18; before++) {
      const plain = `${"a".repeat(before)}${String.fromCharCode(code)}${"z".repeat(before % 10)}`;
      assert.equal(text(kernels.writeFrom(utf8(plain), 200, "jsonPutString")), JSON.stringify(plain));
    }
  }
});

test("nothing behind the source is read, not even where memory ends with it", () => {
  for (let length = 0; length < 20; length++) {
    const plain = "ä plain text\n".repeat(2).slice(0, length);
    const bytes = utf8(plain);
    for (const writer of ["jsonPutString", "jsonPutBinary"] as const) {
      const from = kernels.enterLast(bytes);
      assert.notEqual(
        kernels.write(200, (o, oEnd) => json[writer](o, oEnd, from, bytes.length)),
        undefined,
      );
    }
  }
});
