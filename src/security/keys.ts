/** Signing keys of realms: EC P-256, as JWK. */
import { createHash, createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { SigningKey } from "./records.ts";

const generate = promisify(generateKeyPair);

/** RFC 7638: the key's name follows from the key. */
function thumbprint(jwk: Readonly<Record<string, string>>): string {
  const { crv, kty, x, y } = jwk;
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

function fromKeyObject(key: KeyObject): Omit<SigningKey, "given" | "created_ms"> | undefined {
  const { kty, crv, x, y, d } = key.export({ format: "jwk" });
  if (kty !== "EC" || crv !== "P-256" || x === undefined || y === undefined || d === undefined)
    return undefined;
  const jwk = Object.freeze({ kty, crv, x, y, d });
  return { kid: thumbprint(jwk), jwk, expires_ms: null };
}

/** A private key that somebody gave, SEC 1 or PKCS #8; undefined: it is not one of EC P-256. */
export function keyFromPem(pem: string, now_ms: number): SigningKey | undefined {
  try {
    const key = fromKeyObject(createPrivateKey(pem));
    return key && Object.freeze({ ...key, given: true, created_ms: now_ms });
  } catch {
    // Why it cannot be read may quote it.
    return undefined;
  }
}

export async function makeKey(now_ms: number): Promise<SigningKey> {
  const { privateKey } = await generate("ec", { namedCurve: "P-256" });
  const key = fromKeyObject(privateKey);
  if (key === undefined) throw new Error("a generated key is not of the kind asked for");
  return Object.freeze({ ...key, given: false, created_ms: now_ms });
}
