/**
 * Method `oauth2`, as Bondy has it: AUTHENTICATE's signature is an access token (JWT), of the realm itself or of an issuer that its
 * definition names.
 *
 * The realm's own tokens: ES256 by one of its signing keys, header `typ` at+jwt (RFC 9068), `iss` the realm where the user's credentials
 * are, `aud` this realm, `sub` the user, and `auth.roles`, which may leave some of the user's groups out. An issuer's: `iss`, `aud` as the
 * definition says (this realm's URI where it says none), the authid in `sub` or another claim, its groups in another: they need not
 * be those of a local user, nor need there be one.
 */
import type { JWTPayload } from "jose";
import { fixedLimits } from "../base/limits.ts";
import { errors } from "../protocol/errors.ts";
import type { Principal, SecurityModel } from "../security/model.ts";
import type { JwtIssuer } from "../security/records.ts";
import { isKeySet, type KeySets } from "./jwks.ts";
import {
  type Checked,
  check,
  type Expected,
  issuerAlgorithms,
  ownAlgorithms,
  publicKeySet,
  tokenTypes,
  unchecked,
} from "./jwt.ts";
import type { Login, Method, MethodAnswer, Proved } from "./method.ts";

export interface OAuth2Options {
  readonly model: SecurityModel;
  readonly keySets: KeySets;
  /** Milliseconds since 1970. */
  wall_ms(): number;
}

const failed = (why: string): MethodAnswer => ({ kind: "failed", why });

export class OAuth2 implements Method {
  readonly name = "oauth2";
  readonly #options: OAuth2Options;

  constructor(options: OAuth2Options) {
    this.#options = options;
  }

  /** Anybody may have a token. */
  suits(): boolean {
    return true;
  }

  begin(login: Login): MethodAnswer {
    if (login.hello.authid === undefined)
      return {
        kind: "abort",
        error: errors.authenticationFailed.uri,
        message: "oauth2 needs the authid that the token is for",
      };
    return { kind: "challenge", extra: {}, proceed: (token) => this.#verify(login, token) };
  }

  async #verify(login: Login, token: string): Promise<MethodAnswer> {
    const said = unchecked(token);
    if (said === null) return failed("the signature is no token, or too long");
    const { iss } = said.claims;
    const { realm } = login;
    if (iss !== undefined && (iss === realm.uri || iss === realm.ssoRealmUri))
      return this.#verifyOwn(login, token, iss);
    const issuer = this.#issuers(login).find((one) => one.issuer === iss);
    if (issuer === undefined) return failed("the realm does not know the issuer of the token");
    return this.#verifyIssuers(login, token, issuer);
  }

  /** A realm that says nothing has its prototype's. */
  #issuers({ realm }: Login): readonly JwtIssuer[] {
    const { issuers, prototype_uri } = realm.record;
    if (issuers !== null || prototype_uri === null) return issuers ?? [];
    return this.#options.model.realm(prototype_uri)?.record.issuers ?? [];
  }

  async #verifyOwn(login: Login, token: string, authrealm: string): Promise<MethodAnswer> {
    const keys = publicKeySet(this.#options.model.signingKeys(authrealm));
    const checked = await check(token, keys, {
      issuer: authrealm,
      audience: [login.realm.uri],
      algorithms: ownAlgorithms,
      typ: tokenTypes.access,
      wall_ms: this.#options.wall_ms(),
    });
    if (!checked.ok) return failed(checked.why);
    const { principal } = login;
    if (principal === undefined || principal.credentialRealm !== authrealm)
      return failed("the token is for a user who is not known here");
    if (!isSame(checked.claims.sub, principal.credentialUser.username))
      return failed("the token is somebody else's");
    const { auth } = checked.claims;
    const roles = typeof auth === "object" && auth !== null && "roles" in auth ? auth.roles : undefined;
    if (roles === undefined) return { kind: "proved" };
    const named = namesIn(roles);
    return { ...localUser(principal), roles: principal.user.groups.filter((group) => named.includes(group)) };
  }

  async #verifyIssuers(login: Login, token: string, issuer: JwtIssuer): Promise<MethodAnswer> {
    const checked = await this.#checkWithKeysOf(issuer, token, {
      issuer: issuer.issuer,
      audience: [issuer.audience ?? login.realm.uri],
      algorithms: issuerAlgorithms,
      wall_ms: this.#options.wall_ms(),
    });
    if (!checked.ok) return failed(checked.why);
    const authid = claimOf(checked.claims, issuer.authid_claim ?? "sub");
    if (typeof authid !== "string" || !isSame(authid, login.hello.authid ?? ""))
      return failed("the token is somebody else's");
    const { principal, realm } = login;
    const claimed = claimOf(checked.claims, issuer.role_claim ?? "roles");
    // Who is known here, and of whom the issuer says nothing, has the groups that it has here.
    if (principal !== undefined && claimed === undefined) return { kind: "proved" };
    const { model } = this.#options;
    const roles = namesIn(claimed).filter((name) => model.group(realm.uri, name) !== undefined);
    if (principal !== undefined) return { ...localUser(principal), roles };
    return { kind: "proved", authid, roles };
  }

  async #checkWithKeysOf(issuer: JwtIssuer, token: string, expected: Expected): Promise<Checked> {
    const { jwks, jwks_uri } = issuer;
    if (isKeySet(jwks)) return check(token, jwks, expected);
    const { keySets } = this.#options;
    const keys = jwks_uri === undefined ? null : await keySets.keys(jwks_uri);
    const unavailable = { ok: false, why: "the issuer's keys cannot be had", isUnknownKey: false } as const;
    if (keys === null || jwks_uri === undefined) return unavailable;
    const checked = await check(token, keys, expected);
    if (checked.ok || !checked.isUnknownKey) return checked;
    const newer = await keySets.keys(jwks_uri, true);
    return newer === null || newer === keys ? checked : check(token, newer, expected);
  }
}

/** Of whom grants may say something, and who may be disabled. */
const localUser = ({ user: { username } }: Principal): Proved => ({
  kind: "proved",
  authid: username,
  user: username,
});

const isSame = (claim: unknown, name: string): boolean =>
  typeof claim === "string" && claim.toLowerCase() === name.toLowerCase();

/** A claim of this name, or, where the name has dots, the one that they lead to. */
function claimOf(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

/** Names in lower case: of a list, or of a text with spaces or commas between them. */
function namesIn(value: unknown): readonly string[] {
  const list: readonly unknown[] =
    typeof value === "string" ? value.split(/[ ,]+/) : Array.isArray(value) ? value : [];
  const names = list.slice(0, fixedLimits.tokenRoles_max).filter((name) => typeof name === "string");
  return [...new Set(names.map((name) => name.toLowerCase()))].filter((name) => name !== "");
}
