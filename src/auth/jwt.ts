/** What tickets and access tokens share: JSON Web Tokens (RFC 7519), checked under an explicit list of algorithms. Control path. */
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors as joseErrors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import { fixedLimits } from "../base/limits.ts";
import type { SigningKey } from "../security/records.ts";

/** The only algorithm of the realms' own keys. */
export const ownAlgorithms: readonly string[] = ["ES256"];
/** Signatures with a private key only: never `none`, never one that a public key could be abused for as a secret. */
export const issuerAlgorithms: readonly string[] = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
];

/** Header `typ`: one kind of token is never taken for another. */
export const tokenTypes = { access: "at+jwt", ticket: "ticket+jwt" } as const;

export type Checked =
  | { readonly ok: true; readonly claims: JWTPayload }
  /** `isUnknownKey`: none of the keys is the one that the token names. */
  | { readonly ok: false; readonly why: string; readonly isUnknownKey: boolean };

export interface Expected {
  readonly issuer: string;
  /** One of these. */
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** Header `typ`; absent: any. */
  readonly typ?: string;
  readonly wall_ms: number;
}

/** Whether a text has the form of a token; says nothing about what is in it. */
export const looksLikeToken = (text: string): boolean =>
  text.length <= fixedLimits.tokenText_max && /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(text);

/** What a token says, unchecked: to find the keys by which to check it. Null: it is none. */
export function unchecked(
  token: string,
): { readonly header: { readonly typ?: string; readonly kid?: string }; readonly claims: JWTPayload } | null {
  if (!looksLikeToken(token)) return null;
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return null;
  }
}

/** The public halves of a realm's keys. */
export const publicKeySet = (keys: readonly SigningKey[]): JSONWebKeySet => ({
  keys: keys.map(({ kid, jwk }) => {
    const { kty = "", crv = "", x = "", y = "" } = jwk;
    return { kid, kty, crv, x, y, alg: "ES256", use: "sig" };
  }),
});

/** Checks signature, issuer, audience and times. Never rejects: what jose says is not the client's business, and never quotes a token. */
export async function check(token: string, keys: JSONWebKeySet, expected: Expected): Promise<Checked> {
  const options: JWTVerifyOptions = {
    algorithms: [...expected.algorithms],
    // As lists: jose takes an empty text for no wish.
    issuer: [expected.issuer],
    audience: [...expected.audience],
    clockTolerance: fixedLimits.tokenSkew_s,
    currentDate: new Date(expected.wall_ms),
    requiredClaims: ["exp"],
    ...(expected.typ === undefined ? {} : { typ: expected.typ }),
  };
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), options);
    return { ok: true, claims: payload };
  } catch (cause) {
    if (cause instanceof joseErrors.JWKSMultipleMatchingKeys) return tryEach(token, cause, options);
    return refused(cause);
  }
}

/** The token does not say which key has signed it, and several could have. */
async function tryEach(
  token: string,
  candidates: joseErrors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<Checked> {
  let left = fixedLimits.tokenKeys_max;
  for await (const key of candidates) {
    if (left-- === 0) break;
    try {
      return { ok: true, claims: (await jwtVerify(token, key, options)).payload };
    } catch (cause) {
      if (!(cause instanceof joseErrors.JWSSignatureVerificationFailed)) return refused(cause);
    }
  }
  return { ok: false, why: "no key of the issuer has signed the token", isUnknownKey: true };
}

function refused(cause: unknown): Checked {
  const isUnknownKey = cause instanceof joseErrors.JWKSNoMatchingKey;
  const claim = cause instanceof joseErrors.JWTClaimValidationFailed ? ` (${cause.claim})` : "";
  const code = cause instanceof joseErrors.JOSEError ? cause.code : "a key that cannot be used";
  return { ok: false, why: `the token is refused: ${code}${claim}`, isUnknownKey };
}
