import assert from "node:assert/strict";
import test from "node:test";
import { JsonKernels, text, utf8 } from "../support/json-kernels.ts";

const kernels = new JsonKernels();
const canary = 0x5a;

function encode(bytes: Uint8Array): string {
  kernels.visit(bytes);
  const memory = kernels.bytes();
  const behind = kernels.json.base64Encode(kernels.output, kernels.frame, bytes.length) >>> 0;
  return text(memory.slice(kernels.output, behind)) ?? "";
}

/** Decodes from the frame to the output region, or in place; undefined when the text was refused. */
function decode(base64: string | Uint8Array, inPlace = false): Uint8Array | undefined {
  const source = typeof base64 === "string" ? utf8(base64) : base64;
  kernels.visit(source);
  const target = inPlace ? kernels.frame : kernels.output;
  if (!inPlace) kernels.bytes().fill(canary, target + source.length, target + source.length + 16);
  const behind = kernels.json.base64Decode(target, kernels.frame, source.length) >>> 0;
  if (!inPlace) {
    for (let i = 0; i < 16; i++)
      assert.equal(kernels.bytes()[target + source.length + i], canary, "wrote too far");
  }
  return behind === 0 ? undefined : kernels.bytes().slice(target, behind);
}

const sample = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 151 + salt * 89 + (i >> 3) * 7) & 255);

test("[B-15] the vectors of RFC 4648 section 10 are encoded and decoded", () => {
  const vectors = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    fooba: "Zm9vYmE=",
    foobar: "Zm9vYmFy",
  };
  for (const [plain, base64] of Object.entries(vectors)) {
    assert.equal(encode(utf8(plain)), base64);
    assert.deepEqual(decode(base64), utf8(plain));
  }
});

test("[B-15] bytes of every length come back, decoded apart or in place", () => {
  for (let length = 0; length < 260; length++) {
    const bytes = sample(length, length);
    const expected = Buffer.from(bytes).toString("base64");
    assert.equal(encode(bytes), expected, `length ${length}`);
    assert.deepEqual(decode(expected), bytes, `length ${length}`);
    assert.deepEqual(decode(expected, true), bytes, `length ${length}, in place`);
  }
  const large = sample(700_001, 3);
  assert.equal(encode(large), Buffer.from(large).toString("base64"));
  assert.deepEqual(Buffer.from(decode(encode(large)) ?? []), Buffer.from(large));
});

test("nothing behind the source is read, not even where memory ends with it", () => {
  const { base64Encode, base64Decode } = kernels.json;
  for (let length = 0; length < 20; length++) {
    const bytes = sample(length, 1);
    assert.notEqual(base64Encode(kernels.output, kernels.enterLast(bytes), length), 0);
    const base64 = utf8(encode(bytes));
    assert.notEqual(base64Decode(kernels.output, kernels.enterLast(base64), base64.length), 0);
  }
});

test("a character outside of the alphabet is refused wherever it stands", () => {
  const good = utf8("QUJDREVGR0hJSktM");
  const alphabet = new Set(utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"));
  for (let at = 0; at < good.length; at++) {
    for (let character = 0; character < 256; character++) {
      const base64 = Uint8Array.from(good);
      base64[at] = character;
      // Not even padding in the last place: "t" before it has bits that belong to no byte.
      assert.equal(decode(base64) !== undefined, alphabet.has(character), `character ${character} at ${at}`);
    }
  }
});

test("wrong lengths, wrong padding and spare bits that are set are refused", () => {
  const refused =
    "Q QQ QUI QQ= QQ=== = == === ==== Q=== QUJD= QUJDQ QQ==QUJD QUI=QUJD Q=Q= QR== QUJ= QV== Q-_B QUJD\nQQ==".split(
      " ",
    );
  for (const base64 of refused) assert.equal(decode(base64), undefined, JSON.stringify(base64));
  for (const base64 of ["QQ==", "QUI=", "QUJD", "+/+/", "gA==", "//8="]) {
    assert.equal(encode(decode(base64) ?? new Uint8Array()), base64);
  }
});
