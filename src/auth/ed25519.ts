/**
 * Ed25519 (RFC 8032) with one answer on every runtime: the runtime's own where it has it (0.06 ms a signature), otherwise tweetnacl
 * (some ms). Both take public keys of small order, for which anybody can make signatures, and tweetnacl takes a signature in several
 * spellings (S + L): what either of them should not take is refused here before they are asked.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import nacl from "tweetnacl";

export const publicKeyBytes = 32;
export const signatureBytes = 64;
const seedBytes = 32;

export interface Ed25519 {
  readonly name: "native" | "tweetnacl";
  /** False for whatever is wrong, lengths too. */
  verify(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean;
  /** 64 bytes. Both of 32 bytes: `seed` is the private key. */
  sign(message: Uint8Array, seed: Uint8Array): Uint8Array;
  publicKeyOf(seed: Uint8Array): Uint8Array;
}

const fieldPrime = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The y coordinates of the eight points of small order. */
const smallOrder: readonly bigint[] = [
  0n,
  1n,
  fieldPrime - 1n,
  littleEndian(Buffer.from("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "hex")),
  littleEndian(Buffer.from("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "hex")),
];

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

/** Whether 32 bytes may stand for a point: spelled in the one way, and not of small order. */
function isSoundPoint(bytes: Uint8Array): boolean {
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  return y < fieldPrime && !smallOrder.includes(y);
}

const isSound = (signature: Uint8Array, publicKey: Uint8Array): boolean =>
  publicKey.length === publicKeyBytes &&
  signature.length === signatureBytes &&
  littleEndian(signature.subarray(32)) < groupOrder &&
  isSoundPoint(signature.subarray(0, 32)) &&
  isSoundPoint(publicKey);

// What stands before the bytes of a key in DER: SubjectPublicKeyInfo and PKCS #8 of RFC 8410.
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");

const nativePublicKey = (bytes: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([spkiHead, bytes]), format: "der", type: "spki" });
const nativePrivateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: "der", type: "pkcs8" });

const native: Ed25519 = {
  name: "native",
  verify(message, signature, publicKey) {
    if (!isSound(signature, publicKey)) return false;
    try {
      return verify(null, message, nativePublicKey(publicKey), signature);
    } catch {
      return false;
    }
  },
  sign: (message, seed) => sign(null, message, nativePrivateKey(seed)),
  publicKeyOf: (seed) =>
    createPublicKey(nativePrivateKey(seed)).export({ format: "der", type: "spki" }).subarray(spkiHead.length),
};

export const portableEd25519: Ed25519 = {
  name: "tweetnacl",
  verify: (message, signature, publicKey) =>
    isSound(signature, publicKey) && nacl.sign.detached.verify(message, signature, publicKey),
  sign: (message, seed) => nacl.sign.detached(message, nacl.sign.keyPair.fromSeed(seed).secretKey),
  publicKeyOf: (seed) => nacl.sign.keyPair.fromSeed(seed).publicKey,
};

/** The runtime's own; null where it cannot do what it is asked to. */
export function nativeEd25519(): Ed25519 | null {
  try {
    const seed = new Uint8Array(seedBytes).fill(7);
    const signature = native.sign(seed, seed);
    return native.verify(seed, signature, native.publicKeyOf(seed)) ? native : null;
  } catch {
    return null;
  }
}

export const ed25519: Ed25519 = nativeEd25519() ?? portableEd25519;
