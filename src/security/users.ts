/** Rules of users: names and aliases are one user's, groups exist, credentials are where same sign-on has them. */
import { fixedLimits } from "../base/limits.ts";
import { emptyDict, emptyList } from "./check.ts";
import { credentialsDiffer, type Draft } from "./draft.ts";
import { alreadyExists, invalidInput, notFound, securityError } from "./errors.ts";
import { checkGroups, forgetRole } from "./groups.ts";
import type { Credentials, PasswordOptions, UserRecord } from "./records.ts";
import type { UserGiven } from "./shapes.ts";
import { effectiveRealm, userOf } from "./view.ts";

export interface PasswordParts {
  hashPassword(password: string, options: PasswordOptions): Promise<Credentials>;
  /** Milliseconds since 1970. */
  wall_ms(): number;
  /** Of realms that say nothing. */
  readonly passwordOptions: Partial<PasswordOptions>;
}

export const blankUser = (username: string): UserRecord => ({
  username,
  groups: emptyList,
  meta: emptyDict,
  aliases: emptyList,
  enabled: true,
  sso_realm_uri: null,
  authorized_keys: emptyList,
  credentials: null,
});

/** Throws notFound. By name or alias. */
export function needUser(draft: Draft, realm: string, name: string): UserRecord {
  const user = userOf(draft, realm, name);
  if (user === undefined) throw notFound(`user ${name} in ${realm}`);
  return user;
}

export function checkAliases(
  draft: Draft,
  realm: string,
  username: string,
  aliases: readonly string[],
): void {
  if (aliases.length > fixedLimits.aliases_max)
    throw securityError("propertyRangeLimit", `a user has ${fixedLimits.aliases_max} aliases at most`, {
      key: "aliases",
      limit: fixedLimits.aliases_max,
    });
  for (const alias of aliases) {
    const owner = draft.aliasOwner(realm, alias);
    if (draft.get("user", realm, alias) !== undefined || (owner !== undefined && owner !== username))
      throw alreadyExists(`a user ${alias} in ${realm}`);
  }
}

export async function hashFor(
  draft: Draft,
  parts: PasswordParts,
  realm: string,
  {
    password,
    options,
    before,
  }: { password: string; options?: Partial<PasswordOptions> | undefined; before: Credentials | null },
): Promise<Credentials> {
  const effective = effectiveRealm(draft, realm, parts.passwordOptions);
  if (effective === undefined) throw notFound(`realm ${realm}`);
  const credentials = await parts.hashPassword(password, { ...effective.passwordOptions, ...options });
  // Later than what it replaces, whatever the clock says: that is how others see that the password is another.
  const changed_ms = Math.max(parts.wall_ms(), (before?.changed_ms ?? -1) + 1);
  return Object.freeze({ ...credentials, changed_ms });
}

/** The realm that has the credentials of a user given with `sso_realm_uri`. */
function ssoRealmOf(
  draft: Draft,
  realm: string,
  given: UserGiven,
  before: UserRecord | undefined,
): string | null {
  const sso = before === undefined ? given.sso_realm_uri : (before.sso_realm_uri ?? undefined);
  if (given.sso_realm_uri !== undefined && given.sso_realm_uri !== (sso ?? realm))
    throw invalidInput(["sso_realm_uri: is that of another realm than before"]);
  if (sso === undefined || sso === realm) return null;
  if (draft.get("realm", sso, "")?.is_sso_realm !== true)
    throw invalidInput([`sso_realm_uri: ${sso} is no same-sign-on realm`]);
  if (effectiveRealm(draft, realm, {})?.ssoRealmUri !== sso)
    throw invalidInput([`sso_realm_uri: ${sso} is not the one that realm ${realm} has`]);
  return sso;
}

/** Adds the user, or changes what `given` says of it. With same sign-on both halves. */
export async function putUser(
  draft: Draft,
  parts: PasswordParts,
  realm: string,
  given: UserGiven,
): Promise<UserRecord> {
  const { username } = given;
  const before = draft.get("user", realm, username);
  if (before === undefined && draft.aliasOwner(realm, username) !== undefined)
    throw alreadyExists(`a user ${username} in ${realm}`);
  checkGroups(draft, realm, given.groups ?? []);
  checkAliases(draft, realm, username, given.aliases ?? []);
  if (given.aliases?.includes(username)) throw alreadyExists(`a user ${username} in ${realm}`);
  const sso = ssoRealmOf(draft, realm, given, before);
  const local: UserRecord = {
    ...(before ?? blankUser(username)),
    ...(given.groups && { groups: given.groups }),
    ...(given.meta && { meta: given.meta }),
    ...(given.aliases && { aliases: given.aliases }),
    ...(given.enabled !== undefined && { enabled: given.enabled }),
    sso_realm_uri: sso,
  };
  if (sso === null) return putCredentials(draft, parts, realm, given, local);
  const there = draft.get("user", sso, username);
  if (there === undefined && draft.aliasOwner(sso, username) !== undefined)
    throw alreadyExists(`a user ${username} in ${sso}`);
  if (there === undefined || given.password !== undefined || given.authorized_keys !== undefined)
    await putCredentials(draft, parts, sso, given, there ?? blankUser(username));
  storeUser(draft, realm, Object.freeze(local));
  return local;
}

async function putCredentials(
  draft: Draft,
  parts: PasswordParts,
  realm: string,
  given: UserGiven,
  user: UserRecord,
): Promise<UserRecord> {
  const { password, password_opts: options } = given;
  const record: UserRecord = Object.freeze({
    ...user,
    authorized_keys: given.authorized_keys ?? user.authorized_keys,
    credentials:
      password === undefined
        ? user.credentials
        : await hashFor(draft, parts, realm, { password, options, before: user.credentials }),
  });
  storeUser(draft, realm, record);
  return record;
}

/** Puts a user; tickets end with credentials that changed, and with `enabled`. */
export function storeUser(draft: Draft, realm: string, user: UserRecord, origin: string | null = null): void {
  const before = draft.get("user", realm, user.username);
  draft.put("user", realm, user.username, user, origin);
  if (before !== undefined && (credentialsDiffer(before, user) || (before.enabled && !user.enabled)))
    dropTickets(draft, realm, user);
}

/** Those issued to it, and of the same-sign-on realm those that were for this realm only. */
function dropTickets(draft: Draft, realm: string, { username, sso_realm_uri }: UserRecord): void {
  for (const [id, ticket] of [...draft.entries("ticket", realm)])
    if (ticket.authid === username) draft.put("ticket", realm, id, null);
  if (sso_realm_uri === null) return;
  for (const [id, ticket] of [...draft.entries("ticket", sso_realm_uri)])
    if (ticket.authid === username && ticket.scope.realm === realm)
      draft.put("ticket", sso_realm_uri, id, null);
}

/** With its tickets, its sources and what it was granted: one of the same name must not find them. */
export function removeUser(draft: Draft, realm: string, user: UserRecord): void {
  draft.put("user", realm, user.username, null);
  dropTickets(draft, realm, user);
  for (const [id, source] of [...draft.entries("source", realm)])
    if (source.username === user.username) draft.put("source", realm, id, null);
  forgetRole(draft, realm, `user/${user.username}`);
}

/** Where a user's credentials are kept, and the record that has them. */
export function credentialHome(
  draft: Draft,
  realm: string,
  name: string,
): { readonly realm: string; readonly user: UserRecord } {
  const user = needUser(draft, realm, name);
  if (user.sso_realm_uri === null) return { realm, user };
  return { realm: user.sso_realm_uri, user: needUser(draft, user.sso_realm_uri, user.username) };
}

export async function putPassword(
  draft: Draft,
  parts: PasswordParts,
  home: { readonly realm: string; readonly user: UserRecord },
  password: string,
): Promise<void> {
  const { realm, user } = home;
  const credentials = await hashFor(draft, parts, realm, { password, before: user.credentials });
  storeUser(draft, realm, Object.freeze({ ...user, credentials }));
}
