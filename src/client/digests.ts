/** SHA-256, HMAC and the derivation of keys from passwords: WebCrypto, which Node, Bun and browsers (on secure origins) have. */
import { errors, WampError } from "../protocol/errors.ts";

const textEncoder = new TextEncoder();

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export async function hmacSha256(
  key: Uint8Array<ArrayBuffer>,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, textEncoder.encode(text)));
}

/** What a router says about how a password is to be hashed. */
export interface PasswordHash {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly kdf: "pbkdf2" | "argon2id13";
  readonly iterations: number;
  /** KiB, for argon2id13. */
  readonly memory?: number;
  readonly length: number;
}

/** Beyond these a router would have its client compute for minutes, or take all of its memory. */
const iterations_max = 10_000_000;
const argonIterations_max = 64;
const argonMemoryKib_max = 1 << 20;

/** Throws WampError `wamp.error.protocol_violation` where the costs are beyond what a client should bear. */
export async function derive(password: string, hash: PasswordHash): Promise<Uint8Array<ArrayBuffer>> {
  const { iterations, kdf, length, memory = 0, salt } = hash;
  const isArgon = kdf === "argon2id13";
  if (!isWithin(iterations, 1, isArgon ? argonIterations_max : iterations_max))
    throw new WampError(errors.protocolViolation.uri, "the router asks for a strange number of iterations");
  if (!isWithin(length, 1, 64))
    throw new WampError(errors.protocolViolation.uri, "the router asks for a strange length of key");
  if (!isArgon) {
    const key = await crypto.subtle.importKey("raw", textEncoder.encode(password), "PBKDF2", false, [
      "deriveBits",
    ]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 8 * length));
  }
  if (!isWithin(memory, 8, argonMemoryKib_max) || salt.length < 8)
    throw new WampError(errors.protocolViolation.uri, "the router asks for strange costs of argon2id");
  // Loaded where it is asked for: it is large.
  const { argon2id } = await import("hash-wasm");
  const options = { password, salt, iterations, memorySize: memory, parallelism: 1, hashLength: length };
  return new Uint8Array(await argon2id({ ...options, outputType: "binary" }));
}

const isWithin = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;
