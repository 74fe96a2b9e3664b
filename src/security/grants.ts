/** Rules of grants and sources: what is put for what was given. */
import { createHash } from "node:crypto";
import { utf8Bytes } from "./check.ts";
import type { Draft } from "./draft.ts";
import { securityError } from "./errors.ts";
import type { GrantGiven } from "./grant-shape.ts";
import type { GrantRecord, Role, SourceRecord } from "./records.ts";
import type { SourceGiven } from "./shapes.ts";
import type { Reader } from "./state.ts";
import { groupOf, sourceId } from "./view.ts";

/** One record for each; grants that meet become one. A URI that makes the key too long for the store stands there by its hash. */
export function grantId({ role, effect, match, uri }: Omit<GrantRecord, "permissions" | "meta">): string {
  const text = utf8Bytes(uri) <= 400 ? uri : `#${createHash("sha256").update(uri).digest("hex")}`;
  return `${role} ${effect} ${match} ${text}`;
}

export interface ResolvedRoles {
  readonly roles: readonly Role[];
  readonly unknown: readonly string[];
  readonly duplicate: readonly string[];
}

/** Names without `user/` or `group/` are whichever there is. */
export function resolveRoles(reader: Reader, realm: string, names: readonly string[]): ResolvedRoles {
  const roles = new Set<Role>();
  const unknown: string[] = [];
  const duplicate: string[] = [];
  for (const name of names) {
    const [, kind, plain = name] = /^(user|group)\/(.*)$/s.exec(name) ?? [];
    if (name === "all" || name === "anonymous") {
      roles.add(name);
      continue;
    }
    const isUser = kind !== "group" && reader.get("user", realm, plain) !== undefined;
    const isGroup = kind !== "user" && groupOf(reader, realm, plain) !== undefined;
    if (isUser && isGroup) duplicate.push(name);
    else if (isUser) roles.add(`user/${plain}`);
    else if (isGroup) roles.add(`group/${plain}`);
    else unknown.push(name);
  }
  return { roles: [...roles], unknown, duplicate };
}

/** Throws bondy.error.unknown_roles or .duplicate_roles. */
function rolesOfGrant(reader: Reader, realm: string, names: readonly string[]): readonly Role[] {
  const { roles, unknown, duplicate } = resolveRoles(reader, realm, names);
  if (unknown.length > 0)
    throw securityError("unknownRoles", `neither user nor group: ${unknown.join(", ")}`, { roles: unknown });
  if (duplicate.length > 0)
    throw securityError(
      "duplicateRoles",
      `both a user and a group, write user/… or group/…: ${duplicate.join(", ")}`,
      { roles: duplicate },
    );
  return roles;
}

/** One record for each role and resource. */
export function grantRecords(given: GrantGiven, roles: readonly Role[]): readonly GrantRecord[] {
  const { resources, effect, permissions, meta } = given;
  return roles.flatMap((role) =>
    resources.map(({ uri, match }) => ({ role, uri, match, effect, permissions, meta })),
  );
}

/** What both allow, or deny; the later one's meta over the earlier one's. */
export function mergeGrants(a: GrantRecord, b: GrantRecord): GrantRecord {
  const permissions = [...new Set([...a.permissions, ...b.permissions])].toSorted();
  const meta = Object.keys(b.meta).length === 0 ? a.meta : Object.freeze({ ...a.meta, ...b.meta });
  return Object.freeze({ ...b, permissions: Object.freeze(permissions), meta });
}

export function putGrant(draft: Draft, realm: string, given: GrantGiven): void {
  for (const record of grantRecords(given, rolesOfGrant(draft, realm, given.roles))) {
    const id = grantId(record);
    const before = draft.get("grant", realm, id);
    draft.put("grant", realm, id, before === undefined ? Object.freeze(record) : mergeGrants(before, record));
  }
}

/** Takes the permissions away; a grant of none goes. */
export function takeGrant(draft: Draft, realm: string, given: GrantGiven): void {
  for (const record of grantRecords(given, rolesOfGrant(draft, realm, given.roles))) {
    const id = grantId(record);
    const before = draft.get("grant", realm, id);
    if (before === undefined) continue;
    const permissions = before.permissions.filter((name) => !record.permissions.includes(name));
    if (permissions.length === before.permissions.length) continue;
    draft.put(
      "grant",
      realm,
      id,
      permissions.length === 0 ? null : Object.freeze({ ...before, permissions }),
    );
  }
}

export function sourceRecords({ usernames, authmethod, cidr, meta }: SourceGiven): readonly SourceRecord[] {
  return usernames.map((username) => Object.freeze({ username, authmethod, cidr, meta }));
}

const isSpecial = (username: string): boolean => username === "all" || username === "anonymous";

export function unknownUsers(reader: Reader, realm: string, usernames: readonly string[]): readonly string[] {
  return usernames.filter((name) => !isSpecial(name) && reader.get("user", realm, name) === undefined);
}

/** Throws bondy.error.no_such_users. */
export function putSource(draft: Draft, realm: string, given: SourceGiven): readonly SourceRecord[] {
  const unknown = unknownUsers(draft, realm, given.usernames);
  if (unknown.length > 0)
    throw securityError("noSuchUsers", `no such users: ${unknown.join(", ")}`, { users: unknown });
  const records = sourceRecords(given);
  for (const record of records) draft.put("source", realm, sourceId(record), record);
  return records;
}
