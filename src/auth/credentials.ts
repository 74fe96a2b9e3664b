/**
 * Stored passwords: what each protocol needs of them and nothing that gives them back. WAMP-CRA takes the salt as text, as its clients
 * do; WAMP-SCRAM takes the bytes that the text stands for. Control path.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { fixedLimits } from "../base/limits.ts";
import type { FillRandom, KdfParameters, KeyDerivation } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import type { Credentials, PasswordOptions } from "../security/records.ts";
import { kdfProblem, keyBytes } from "./kdf.ts";
import { saslprep } from "../protocol/saslprep.ts";

/** Octets of a salt (WAMP-SCRAM, "Argon2": 128 bits are recommended). */
export const saltBytes = 16;

export const hmac = (key: Uint8Array | string, text: Uint8Array | string): Buffer =>
  createHmac("sha256", key).update(text).digest();

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

const fromBase64 = (text: string): Buffer => Buffer.from(text, "base64");
const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Random bytes as base64. */
export function randomBase64(fillRandom: FillRandom, bytes: 16 | 32): string {
  const words = new Uint32Array(bytes / 4);
  fillRandom(words);
  return toBase64(new Uint8Array(words.buffer));
}

/** What is wrong with a realm's password options; undefined: nothing. */
function passwordOptionsProblem({ protocol, params }: PasswordOptions): string | undefined {
  if (protocol !== "cra" && protocol !== "scram" && protocol !== "both") {
    return "protocol is cra, scram or both";
  }
  // A client of WAMP-CRA is told a salt, iterations and a length, and knows no other function.
  if (protocol !== "scram" && params.kdf !== "pbkdf2") return `protocol ${protocol} needs kdf pbkdf2`;
  return kdfProblem(params);
}

/** StoredKey and ServerKey of RFC 5802 section 3, from the salted password. */
export function scramKeys(saltedPassword: Uint8Array): { storedKey: Buffer; serverKey: Buffer } {
  return {
    storedKey: sha256(hmac(saltedPassword, "Client Key")),
    serverKey: hmac(saltedPassword, "Server Key"),
  };
}

/** What WAMP-CRA's clients derive: the salt is taken as the text that it is in CHALLENGE. */
const deriveCra = (
  kdf: KeyDerivation,
  password: string,
  salt: string,
  params: KdfParameters,
): Promise<Uint8Array> => kdf.derive(password, Buffer.from(salt, "utf8"), params);

const deriveScram = (
  kdf: KeyDerivation,
  password: string,
  salt: string,
  params: KdfParameters,
): Promise<Uint8Array> => kdf.derive(password, fromBase64(salt), params);

/**
 * Hashes a password with a fresh salt. One derivation per protocol. `wall_ms` is when it was changed.
 * Rejects with wamp.error.invalid_argument where the options or, for SCRAM, the characters of the password do not do.
 */
export async function hashPassword(
  kdf: KeyDerivation,
  password: string,
  options: PasswordOptions,
  fillRandom: FillRandom,
  wall_ms: number,
): Promise<Credentials> {
  const { protocol, params } = options;
  const problem = passwordOptionsProblem(options) ?? passwordProblem(password, protocol !== "cra");
  if (problem !== undefined) throw new WampError(errors.invalidArgument.uri, problem);
  const salt = randomBase64(fillRandom, saltBytes);
  const [cra, scram] = await Promise.all([
    protocol === "scram" ? undefined : deriveCra(kdf, password, salt, params),
    protocol === "cra" ? undefined : deriveScram(kdf, saslprep(password)!, salt, params),
  ]);
  return {
    salt,
    params,
    ...(cra === undefined ? {} : { cra: toBase64(cra) }),
    ...(scram === undefined ? {} : { scram: storedScram(scram) }),
    changed_ms: wall_ms,
  };
}

function storedScram(saltedPassword: Uint8Array): { stored_key: string; server_key: string } {
  const { storedKey, serverKey } = scramKeys(saltedPassword);
  return { stored_key: toBase64(storedKey), server_key: toBase64(serverKey) };
}

const hasLength = (password: string): boolean =>
  password !== "" && Buffer.byteLength(password) <= fixedLimits.hashedSecretBytes_max;

function passwordProblem(password: string, prepares: boolean): string | undefined {
  if (!hasLength(password)) return `a password has 1 to ${fixedLimits.hashedSecretBytes_max} bytes`;
  if (prepares && !hasLength(saslprep(password) ?? "")) {
    return "the password has control characters or others that WAMP-SCRAM forbids (RFC 4013)";
  }
  return undefined;
}

/** What is derived where no password could be right: an attempt costs the same whatever it is. */
const placeholder = "-";

/** Whether this is the password: one derivation whatever it is, compared in constant time. */
export async function verifyPassword(
  kdf: KeyDerivation,
  password: string,
  credentials: Credentials,
): Promise<boolean> {
  const { salt, params, cra, scram } = credentials;
  const prepared = cra !== undefined || !hasLength(password) ? password : (saslprep(password) ?? "");
  const acceptable = hasLength(prepared) && (cra ?? scram) !== undefined;
  const tried = acceptable ? prepared : placeholder;
  if (cra !== undefined) {
    return same(await deriveCra(kdf, tried, salt, params), fromBase64(cra)) && acceptable;
  }
  const { storedKey } = scramKeys(await deriveScram(kdf, tried, salt, params));
  const expected = scram === undefined ? Buffer.alloc(keyBytes) : fromBase64(scram.stored_key);
  return same(storedKey, expected) && acceptable;
}

/** Whether the realm would hash this password in another way today. */
export function needsUpgrade(
  { params, cra, scram }: Credentials,
  { protocol, params: wanted }: PasswordOptions,
): boolean {
  const has = cra === undefined ? "scram" : scram === undefined ? "cra" : "both";
  if (has !== protocol || params.kdf !== wanted.kdf || params.iterations !== wanted.iterations) return true;
  return params.kdf === "argon2id13" && wanted.kdf === "argon2id13" && params.memory !== wanted.memory;
}

/** Compares in a time that depends on the lengths only. */
export const same = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
