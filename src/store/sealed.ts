/**
 * Checksums: LMDB has none, so every value is stored behind 8 bytes of SHA-256 over its key and itself, and the store's own record
 * holds the XOR of them all: a record that was altered is noticed, and so is one that is missing or too many. Against accidents; who
 * can write the file can also make checksums.
 */
import { createHash } from "node:crypto";

const sealBytes = 8;

/** What is stored for a value. */
export function seal(key: Uint8Array, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(sealBytes + value.length);
  sealed.set(checksum(key, value), 0);
  sealed.set(value, sealBytes);
  return sealed;
}

/** The value; null where checksum and record do not agree. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < sealBytes) return null;
  // A plain Uint8Array, whatever class of buffer the reader made.
  const value = new Uint8Array(sealed.buffer, sealed.byteOffset + sealBytes, sealed.length - sealBytes);
  return Buffer.compare(checksum(key, value), sealed.subarray(0, sealBytes)) === 0 ? value : null;
}

function checksum(key: Uint8Array, value: Uint8Array): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(key.length);
  return createHash("sha256").update(length).update(key).update(value).digest().subarray(0, sealBytes);
}

/** How many records there are, and the XOR of their checksums. */
export class Tally {
  records: number;
  readonly #digest: Buffer;

  constructor(records = 0, digest = "0".repeat(2 * sealBytes)) {
    this.records = records;
    this.#digest = Buffer.from(digest, "hex");
  }

  get digest(): string {
    return this.#digest.toString("hex");
  }

  copy(): Tally {
    return new Tally(this.records, this.digest);
  }

  /** A record came (1) or went (-1). */
  count(sealed: Uint8Array, difference: 1 | -1): void {
    this.records += difference;
    for (let index = 0; index < sealBytes; index++) this.#digest[index]! ^= sealed[index]!;
  }
}
