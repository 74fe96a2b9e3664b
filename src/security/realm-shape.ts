/** Realms as they are given: unknown in, precise out, all problems on the list. */
import { fixedLimits } from "../base/limits.ts";
import { type Check, type Dict, fold, isGiven, shown, unique } from "./check.ts";
import { type GrantGiven, readGrant } from "./grant-shape.ts";
import { keyFromPem } from "./keys.ts";
import { readRealmOptions } from "./realm-options.ts";
import {
  type AuthMethod,
  authMethods,
  type JwtIssuer,
  type PasswordOptions,
  type RealmRecord,
} from "./records.ts";
import {
  type GroupGiven,
  readGroup,
  readPasswordOptions,
  readSource,
  readUser,
  type SourceGiven,
  type UserGiven,
} from "./shapes.ts";

/** Undefined: nothing was said. */
type RealmFields = {
  readonly [K in Exclude<keyof RealmRecord, "uri" | "password_opts">]: RealmRecord[K] | undefined;
};

export interface RealmGiven {
  readonly uri: string;
  readonly fields: RealmFields;
  readonly password_opts: Partial<PasswordOptions> | undefined;
  readonly users: readonly UserGiven[];
  readonly groups: readonly GroupGiven[];
  readonly sources: readonly SourceGiven[];
  readonly grants: readonly GrantGiven[];
  /** PEM, of EC P-256. */
  readonly private_keys: readonly string[] | undefined;
}

const fieldKeys = [
  "description",
  "is_prototype",
  "prototype_uri",
  "is_sso_realm",
  "sso_realm_uri",
  "allow_connections",
  "authmethods",
  "security_enabled",
  "password_opts",
  "rbac",
  "authorizer",
  "authenticators",
  "issuers",
  "info",
  "options",
] as const;
const listKeys = ["users", "groups", "sources", "grants", "private_keys"] as const;
/** Of Bondy: what it encrypts with, which nothing here does, and what it only shows. */
const ignoredKeys = ["encryption_keys", "public_keys"];
const updateKeys: readonly string[] = [...fieldKeys, ...listKeys, ...ignoredKeys];
const realmKeys: readonly string[] = ["uri", ...updateKeys];

/** `uri`: of the realm that is changed; undefined: a whole realm is given. `mostSpecific`: whether grants may deny, if it says nothing. */
export function readRealm(
  check: Check,
  value: unknown,
  path: string,
  known: { readonly uri?: string; readonly mostSpecific?: boolean } = {},
): RealmGiven {
  const given = check.dict(value, path, known.uri === undefined ? realmKeys : updateKeys);
  const at = (key: string): string => (path === "" ? key : `${path}.${key}`);
  if (known.uri === undefined && !isGiven(given["uri"])) check.add(at("uri"), "is missing");
  const fields = readFields(check, given, at);
  const mayDeny = fields.rbac === "most_specific" || known.mostSpecific === true;
  const list = <T>(key: string, read: (value: unknown, path: string) => T): readonly T[] =>
    isGiven(given[key])
      ? check
          .list(given[key], at(key), fixedLimits.definitions_max)
          .map((entry, index) => read(entry, `${at(key)}[${index}]`))
      : [];
  return {
    uri: known.uri ?? (isGiven(given["uri"]) ? readRealmUri(check, given["uri"], at("uri")) : ""),
    fields,
    password_opts: isGiven(given["password_opts"])
      ? readPasswordOptions(check, given["password_opts"], at("password_opts"))
      : undefined,
    users: list("users", (entry, where) => readUser(check, entry, where)),
    groups: list("groups", (entry, where) => readGroup(check, entry, where)),
    sources: list("sources", (entry, where) => readSource(check, entry, where)),
    grants: list("grants", (entry, where) => readGrant(check, entry, where, mayDeny)),
    private_keys: isGiven(given["private_keys"])
      ? readPrivateKeys(check, given["private_keys"], at("private_keys"))
      : undefined,
  };
}

function readRealmUri(check: Check, value: unknown, path: string): string {
  return fold(check.uri(value, path, fixedLimits.realmUriBytes_max));
}

function readFields(check: Check, given: Dict, at: (key: string) => string): RealmFields {
  const maybe = <T>(key: string, read: (value: unknown, path: string) => T): T | undefined =>
    isGiven(given[key]) ? read(given[key], at(key)) : undefined;
  const flag = (value: unknown, path: string) => check.flag(value, path);
  const realmUri = (value: unknown, path: string) => readRealmUri(check, value, path);
  return {
    description: maybe("description", (value, path) =>
      check.text(value, path, fixedLimits.descriptionBytes_max),
    ),
    is_prototype: maybe("is_prototype", flag),
    prototype_uri: maybe("prototype_uri", realmUri),
    is_sso_realm: maybe("is_sso_realm", flag),
    sso_realm_uri: maybe("sso_realm_uri", realmUri),
    allow_connections: maybe("allow_connections", flag),
    authmethods: maybe("authmethods", (value, path) => readAuthMethods(check, value, path)),
    security_enabled: maybe("security_enabled", flag),
    rbac: maybe("rbac", (value, path) => check.oneOf(value, path, ["additive", "most_specific"] as const)),
    authorizer: maybe("authorizer", (value, path) => check.uri(value, path)),
    authenticators: maybe("authenticators", (value, path) => readAuthenticators(check, value, path)),
    issuers: maybe("issuers", (value, path) =>
      check
        .list(value, path, fixedLimits.keysPerList_max)
        .map((entry, index) => readIssuer(check, entry, `${path}[${index}]`)),
    ),
    info: maybe("info", (value, path) => check.plain(value, path)),
    options: maybe("options", (value, path) => readRealmOptions(check, value, path)),
  };
}

function readAuthMethods(check: Check, value: unknown, path: string): readonly AuthMethod[] {
  const list = check.list(value, path, authMethods.length * 2);
  return unique(list.map((entry, index) => check.oneOf(entry, `${path}[${index}]`, authMethods)));
}

function readAuthenticators(check: Check, value: unknown, path: string): RealmRecord["authenticators"] {
  const given = check.dict(value, path, authMethods);
  const entries = Object.entries(given).filter(([, uri]) => isGiven(uri));
  return Object.freeze(
    Object.fromEntries(entries.map(([name, uri]) => [name, check.uri(uri, `${path}.${name}`)])),
  );
}

const issuerKeys = ["issuer", "audience", "jwks_uri", "jwks", "authid_claim", "role_claim"];

function readIssuer(check: Check, value: unknown, path: string): JwtIssuer {
  const given = check.dict(value, path, issuerKeys);
  const text = (key: string): Dict =>
    isGiven(given[key]) ? { [key]: check.text(given[key], `${path}.${key}`, fixedLimits.uriBytes_max) } : {};
  if (!isGiven(given["issuer"])) check.add(`${path}.issuer`, "is missing");
  if (isGiven(given["jwks_uri"]) === isGiven(given["jwks"]))
    check.add(path, "has either jwks_uri or jwks, which say where its keys are");
  if (isGiven(given["jwks_uri"]) && !/^https?:\/\//.test(String(given["jwks_uri"])))
    check.add(`${path}.jwks_uri`, "must be an http or https URL");
  const jwks = isGiven(given["jwks"]) ? { jwks: check.plain(given["jwks"], `${path}.jwks`) } : {};
  const others = ["audience", "jwks_uri", "authid_claim", "role_claim"].map(text);
  return Object.freeze(Object.assign({ issuer: "", ...text("issuer"), ...jwks }, ...others) as JwtIssuer);
}

function readPrivateKeys(check: Check, value: unknown, path: string): readonly string[] {
  const list = check.list(value, path, fixedLimits.signingKeys_max);
  return list.map((entry, index) => {
    if (typeof entry !== "string" || keyFromPem(entry, 0) === undefined)
      check.add(
        `${path}[${index}]`,
        `must be a private key of EC P-256 in PEM${typeof entry === "string" ? "" : `, is ${shown(entry)}`}`,
      );
    return typeof entry === "string" ? entry : "";
  });
}
