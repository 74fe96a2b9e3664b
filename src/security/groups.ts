/** Rules of groups: what they are members of exists, and no group contains itself. */
import { emptyDict, emptyList } from "./check.ts";
import type { Draft } from "./draft.ts";
import { invalidInput, notFound, securityError } from "./errors.ts";
import type { GroupRecord, Role, UserRecord } from "./records.ts";
import type { GroupGiven } from "./shapes.ts";
import type { Reader } from "./state.ts";
import { groupOf } from "./view.ts";

export const unknownGroups = (reader: Reader, realm: string, names: readonly string[]): readonly string[] =>
  names.filter((name) => groupOf(reader, realm, name) === undefined);

/** Throws bondy.error.no_such_groups. */
export function checkGroups(reader: Reader, realm: string, names: readonly string[]): void {
  const unknown = unknownGroups(reader, realm, names);
  if (unknown.length > 0)
    throw securityError("noSuchGroups", `no such groups: ${unknown.join(", ")}`, { groups: unknown });
}

/** The groups on the way from `start` back to itself, `start` first and last; undefined: there is none. */
export function cycleThrough(
  parents: (name: string) => readonly string[],
  start: string,
): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = 0; at < queue.length; at++) {
    const name = queue[at]!;
    for (const parent of parents(name)) {
      if (parent === start) {
        const path = [start];
        for (let step: string | undefined = name; step !== undefined; step = cameFrom.get(step))
          path.unshift(step);
        return path;
      }
      if (cameFrom.has(parent)) continue;
      cameFrom.set(parent, name);
      queue.push(parent);
    }
  }
  return undefined;
}

function checkCycle(reader: Reader, realm: string, name: string): void {
  const cycle = cycleThrough((group) => groupOf(reader, realm, group)?.groups ?? [], name);
  if (cycle !== undefined) throw invalidInput([`groups: ${cycle.join(" → ")} is a cycle`]);
}

/** Realms that inherit from this one. */
export function* childrenOf(reader: Reader, realm: string): Iterable<string> {
  if (reader.get("realm", realm, "")?.is_prototype !== true) return;
  for (const uri of reader.realmUris()) if (reader.get("realm", uri, "")?.prototype_uri === realm) yield uri;
}

/** Puts all, then checks all: groups that come together may name each other. */
export function putGroups(draft: Draft, realm: string, given: readonly GroupGiven[]): readonly GroupRecord[] {
  const records = given.map(({ name, groups, meta }): GroupRecord => {
    const before = draft.get("group", realm, name);
    const record = Object.freeze({
      name,
      groups: groups ?? before?.groups ?? emptyList,
      meta: meta ?? before?.meta ?? emptyDict,
    });
    draft.put("group", realm, name, record);
    return record;
  });
  for (const { name, groups } of records) {
    checkGroups(draft, realm, groups);
    if (groups.length === 0) continue;
    checkCycle(draft, realm, name);
    for (const child of childrenOf(draft, realm)) checkCycle(draft, child, name);
  }
  return records;
}

/** With all memberships in it and all that it was granted, also in realms that inherit it and have none of their own of that name. */
export function removeGroup(draft: Draft, realm: string, name: string): void {
  if (draft.get("group", realm, name) === undefined) throw notFound(`group ${name}`);
  draft.put("group", realm, name, null);
  forgetGroup(draft, realm, name);
  for (const child of childrenOf(draft, realm))
    if (draft.get("group", child, name) === undefined) forgetGroup(draft, child, name);
}

function forgetGroup(draft: Draft, realm: string, name: string): void {
  const others = ({ groups }: GroupRecord | UserRecord) => groups.filter((group) => group !== name);
  for (const [id, user] of [...draft.entries("user", realm)])
    if (user.groups.includes(name))
      draft.putAlong("user", realm, id, Object.freeze({ ...user, groups: others(user) }));
  for (const [id, group] of [...draft.entries("group", realm)])
    if (group.groups.includes(name))
      draft.putAlong("group", realm, id, Object.freeze({ ...group, groups: others(group) }));
  forgetRole(draft, realm, `group/${name}`);
}

export function forgetRole(draft: Draft, realm: string, role: Role): void {
  for (const [id, grant] of [...draft.entries("grant", realm)])
    if (grant.role === role) draft.put("grant", realm, id, null);
}
