// Ed25519 natively and by tweetnacl: the same answer to everything, the stricter one where they would differ.
import assert from "node:assert/strict";
import { createPublicKey, randomBytes, verify as nativeVerify } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import nacl from "tweetnacl";
import { type Ed25519, nativeEd25519, portableEd25519 } from "../../src/auth/ed25519.ts";

const native = nativeEd25519();
const sides: readonly Ed25519[] = native === null ? [portableEd25519] : [portableEd25519, native];
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

/** All y coordinates of small order, those that have a second spelling in both; and with the sign bit set. */
const smallOrder = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
].flatMap((text) => {
  const signed = hex(text);
  signed[31]! |= 0x80;
  return [hex(text), signed];
});

const rawNative = (message: Buffer, signature: Buffer, key: Uint8Array): boolean => {
  const spki = Buffer.concat([hex("302a300506032b6570032100"), key]);
  return nativeVerify(null, message, createPublicKey({ key: spki, format: "der", type: "spki" }), signature);
};

/** The same signature with S + L in place of S. */
function secondSpelling(signature: Uint8Array): Buffer {
  const changed = Buffer.from(signature);
  let s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + groupOrder;
  for (let index = 32; index < 64; index++, s >>= 8n) changed[index] = Number(s & 255n);
  return changed;
}

test("both runtimes of these tests have Ed25519 of their own", () => assert.equal(native?.name, "native"));

test("RFC 8032's first vectors", () => {
  const vectors = [
    [
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
  ] as const;
  for (const side of sides)
    for (const [key, publicKey, message, signature] of vectors) {
      assert.equal(Buffer.from(side.publicKeyOf(hex(key))).toString("hex"), publicKey);
      assert.equal(Buffer.from(side.sign(hex(message), hex(key))).toString("hex"), signature);
      assert.equal(side.verify(hex(message), hex(signature), hex(publicKey)), true);
    }
});

test("each side verifies what the other signs, and neither a changed bit of it", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(32), fc.uint8Array({ maxLength: 80 }), fc.nat(), (key, message, bit) => {
      const signatures = sides.map((side) => Buffer.from(side.sign(message, key)));
      for (const signature of signatures) {
        assert.deepEqual(signature, signatures[0]);
        const publicKey = portableEd25519.publicKeyOf(key);
        const changed = Buffer.from(signature);
        changed[(bit >> 3) % 64]! ^= 1 << (bit & 7);
        const longer = Uint8Array.from([...message, 0]);
        for (const side of sides) {
          assert.equal(side.verify(message, signature, publicKey), true);
          assert.equal(side.verify(message, changed, publicKey), false);
          assert.equal(side.verify(longer, signature, publicKey), false);
        }
      }
    }),
    { seed, numRuns: 20 },
  );
});

test("random signatures and keys are refused by both alike", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 30, maxLength: 34 }),
      fc.uint8Array({ minLength: 62, maxLength: 66 }),
      (publicKey, signature) => {
        for (const side of sides) assert.equal(side.verify(publicKey, signature, publicKey), false);
      },
    ),
    { seed, numRuns: 50 },
  );
});

test("keys of small order, for which anybody can sign, are refused in every spelling, although both libraries take them", () => {
  let taken = 0;
  for (const key of smallOrder) {
    for (const point of smallOrder) {
      const message = randomBytes(32);
      const signature = Buffer.concat([point, Buffer.alloc(32)]);
      if (nacl.sign.detached.verify(message, signature, key)) taken++;
      for (const side of sides) assert.equal(side.verify(message, signature, key), false);
    }
  }
  assert.ok(taken > 0, "tweetnacl refuses them by itself now");
});

test("a signature has one spelling: S + L is refused, which tweetnacl alone would take", () => {
  const { publicKey, secretKey } = nacl.sign.keyPair();
  const message = randomBytes(32);
  const signature = secondSpelling(nacl.sign.detached(message, secretKey));
  assert.equal(nacl.sign.detached.verify(message, signature, publicKey), true);
  assert.equal(rawNative(message, signature, publicKey), false);
  for (const side of sides) assert.equal(side.verify(message, signature, publicKey), false);
});
