/** Rules of realms: what may be set once, prototypes and same sign-on of one level. */
import { fixedLimits } from "../base/limits.ts";
import { emptyDict } from "./check.ts";
import type { Draft } from "./draft.ts";
import { invalidInput, notFound, securityError } from "./errors.ts";
import { putGrant, putSource } from "./grants.ts";
import { childrenOf, putGroups } from "./groups.ts";
import { keyFromPem } from "./keys.ts";
import type { RealmGiven } from "./realm-shape.ts";
import type { RealmRecord, SigningKey } from "./records.ts";
import type { Reader } from "./state.ts";
import { type PasswordParts, putUser } from "./users.ts";
import {
  defaultAuthMethods,
  defaultKdf,
  effectiveRealm,
  masterRealm,
  protocolFor,
  prototypeOf,
} from "./view.ts";

const blank = (uri: string): RealmRecord => ({
  uri,
  description: "",
  is_prototype: false,
  prototype_uri: null,
  is_sso_realm: false,
  sso_realm_uri: null,
  allow_connections: null,
  authmethods: null,
  security_enabled: null,
  password_opts: null,
  rbac: null,
  authorizer: null,
  authenticators: null,
  issuers: null,
  info: emptyDict,
  options: emptyDict,
});

/** Names of the router's own realms; a client makes none of them. */
export const isReservedRealm = (uri: string): boolean =>
  uri === masterRealm || uri.startsWith(`${masterRealm}.`);

export function needRealm(reader: Reader, uri: string): RealmRecord {
  const record = reader.get("realm", uri, "");
  if (record === undefined) throw notFound(`realm ${uri}`);
  return record;
}

/** What `given` makes of the realm. Without the checks that need other realms; `reader` has the prototype. */
export function realmRecord(
  given: RealmGiven,
  before: RealmRecord | undefined,
  reader?: Reader,
): RealmRecord {
  const said = Object.entries(given.fields).filter(([, value]) => value !== undefined);
  const base = before ?? blank(given.uri);
  const record = { ...base, ...(Object.fromEntries(said) as Partial<RealmRecord>) };
  if (given.password_opts === undefined) return Object.freeze(record);
  const prototype = reader && prototypeOf(reader, record);
  const protocol = protocolFor(record.authmethods ?? prototype?.authmethods ?? defaultAuthMethods);
  const password_opts = { protocol, params: defaultKdf, ...before?.password_opts, ...given.password_opts };
  return Object.freeze({ ...record, password_opts });
}

/** Problems of a realm among the others, as `key: what is wrong`. */
export function realmProblems(
  reader: Reader,
  record: RealmRecord,
  before: RealmRecord | undefined,
): readonly string[] {
  const { uri, prototype_uri, sso_realm_uri } = record;
  const problems: string[] = [];
  if (before !== undefined) {
    if (before.is_prototype && !record.is_prototype) problems.push("is_prototype: cannot be taken back");
    if (before.is_sso_realm && !record.is_sso_realm) problems.push("is_sso_realm: cannot be taken back");
    if (before.prototype_uri !== null && before.prototype_uri !== prototype_uri)
      problems.push(`prototype_uri: is ${before.prototype_uri} and stays so`);
  }
  if (prototype_uri !== null) {
    if (prototype_uri === uri) problems.push("prototype_uri: is the realm itself");
    else if (record.is_prototype) problems.push("prototype_uri: a prototype has none");
    else if (reader.get("realm", prototype_uri, "")?.is_prototype !== true)
      problems.push(`prototype_uri: there is no prototype ${prototype_uri}`);
  }
  if (sso_realm_uri !== null) {
    if (sso_realm_uri === uri) problems.push("sso_realm_uri: is the realm itself");
    else if (record.is_sso_realm) problems.push("sso_realm_uri: a same-sign-on realm has none");
    else if (reader.get("realm", sso_realm_uri, "")?.is_sso_realm !== true)
      problems.push(`sso_realm_uri: there is no same-sign-on realm ${sso_realm_uri}`);
  }
  return problems;
}

function checkDenials(reader: Reader, record: RealmRecord): void {
  for (const uri of [record.uri, ...childrenOf(reader, record.uri)]) {
    if (effectiveRealm(reader, uri, {})?.mostSpecific === true) continue;
    for (const [, grant] of reader.entries("grant", uri))
      if (grant.effect === "deny") throw invalidInput([`rbac: ${uri} has grants that deny`]);
  }
}

/** The realm, and what its lists say: each entry is added, or changed where it is already there. */
export async function putRealm(draft: Draft, parts: PasswordParts, given: RealmGiven): Promise<RealmRecord> {
  const { uri } = given;
  const before = draft.get("realm", uri, "");
  const record = realmRecord(given, before, draft);
  const problems = realmProblems(draft, record, before);
  if (problems.length > 0) throw invalidInput(problems);
  draft.put("realm", uri, "", record);
  if (before !== undefined) checkDenials(draft, record);
  if (given.private_keys !== undefined) putGivenKeys(draft, uri, given.private_keys, parts.wall_ms());
  putGroups(draft, uri, given.groups);
  for (const user of given.users) await putUser(draft, parts, uri, user);
  for (const source of given.sources) putSource(draft, uri, source);
  for (const grant of given.grants) putGrant(draft, uri, grant);
  return record;
}

/** Keys that were made before the first were given verify on for as long as a ticket may last. */
const handover_ms = 30 * 24 * 3_600_000;

/** The first of them signs. Those that were given before and are not among them verify no more. */
export function putGivenKeys(
  draft: Draft,
  uri: string,
  pems: readonly string[],
  now_ms: number,
  origin: string | null = null,
): void {
  const given = pems.map((pem) => keyFromPem(pem, now_ms)).filter((key) => key !== undefined);
  const names = new Set(given.map(({ kid }) => kid));
  const made = (draft.get("keys", uri, "") ?? [])
    .filter((key) => !key.given && !names.has(key.kid) && (key.expires_ms ?? Infinity) > now_ms)
    .map((key) => ({ ...key, expires_ms: key.expires_ms ?? now_ms + handover_ms }));
  const keys = [...given, ...made].slice(0, fixedLimits.signingKeys_max);
  draft.put("keys", uri, "", keys.length === 0 ? null : keys, origin);
}

/** With `key` before the others, which end within `overlap_ms`. */
export function withNewKey(
  keys: readonly SigningKey[],
  key: SigningKey,
  { now_ms, overlap_ms }: { readonly now_ms: number; readonly overlap_ms: number },
): readonly SigningKey[] {
  const end_ms = now_ms + overlap_ms;
  const others = keys
    .filter(({ expires_ms }) => overlap_ms > 0 && (expires_ms === null || expires_ms > now_ms))
    .map((other) => ({ ...other, expires_ms: Math.min(other.expires_ms ?? end_ms, end_ms) }));
  return [key, ...others].slice(0, fixedLimits.signingKeys_max);
}

/** Whether it is another realm's prototype or same-sign-on realm. */
export function isNeeded(reader: Reader, uri: string): boolean {
  for (const other of reader.realmUris()) {
    const record = reader.get("realm", other, "");
    if (record?.prototype_uri === uri || record?.sso_realm_uri === uri) return true;
  }
  return false;
}

/** Throws bondy.error.active_users where there are users and no `force`. */
export function removeRealm(draft: Draft, uri: string, force: boolean): void {
  needRealm(draft, uri);
  if (uri === masterRealm) throw invalidInput([`the realm ${masterRealm} is always there`]);
  if (isNeeded(draft, uri)) throw invalidInput([`another realm is made after ${uri}, or signs on there`]);
  for (const _ of draft.entries("user", uri)) {
    if (force) break;
    throw securityError("activeUsers", `the realm ${uri} has users`);
  }
  for (const kind of ["user", "group", "source", "grant", "ticket"] as const)
    for (const [id] of [...draft.entries(kind, uri)]) draft.put(kind, uri, id, null);
  if (draft.get("keys", uri, "") !== undefined) draft.put("keys", uri, "", null);
  draft.put("realm", uri, "", null);
}
