/**
 * A file of definitions (Bondy's security_config.json): a list of realms, each with its users, groups, sources and grants. Read, and
 * checked against itself and what is there, with all problems at once as `path: what is wrong`.
 */
import { fixedLimits } from "../base/limits.ts";
import { Check, fold } from "./check.ts";
import { Draft, fileOf } from "./draft.ts";
import { invalidInput } from "./errors.ts";
import { resolveRoles, unknownUsers } from "./grants.ts";
import { cycleThrough, unknownGroups } from "./groups.ts";
import { type RealmGiven, readRealm } from "./realm-shape.ts";
import { isReservedRealm, realmProblems, realmRecord } from "./realms.ts";
import type { UserGiven } from "./shapes.ts";
import { keyOf, parseKey, type SecurityState } from "./state.ts";
import { blankUser } from "./users.ts";
import { effectiveRealm, groupOf, masterRealm } from "./view.ts";

export interface Definitions {
  /** Same-sign-on realms and prototypes before those that need them. */
  readonly realms: readonly RealmGiven[];
  /** What is there, and over it all that the file says, whether or not it will be taken. Never committed. */
  readonly whole: Draft;
}

/** Throws invalid_argument with all problems. */
export function checkDefinitions(definitions: unknown, state: SecurityState, name: string): Definitions {
  const check = new Check();
  const list = check.list(definitions, "", fixedLimits.definitions_max);
  const mostSpecific = realmsThatDeny(list, state);
  const read = list.map((entry, index) => {
    const prototype = (entry as { prototype_uri?: unknown } | null)?.prototype_uri;
    const known = { mostSpecific: typeof prototype === "string" && mostSpecific.has(fold(prototype)) };
    return readRealm(check, entry, `[${index}]`, known);
  });
  if (check.problems.length > 0) throw invalidInput(check.problems);
  const whole = new Draft(state, { fromFile: true });
  // What follows this file and is no longer in it will go: nothing may count on it.
  for (const [key, origin] of state.origins()) {
    const parsed = fileOf(origin) === name ? parseKey(key) : undefined;
    if (parsed !== undefined) whole.put(parsed.kind, parsed.realm, parsed.id, null);
  }
  checkNames(check, read, state, name);
  for (const given of read) whole.put("realm", given.uri, "", realmRecord(given, undefined));
  for (const { uri, groups, users } of read) {
    for (const { name: group, groups: parents = [], meta = {} } of groups)
      whole.put("group", uri, group, { name: group, groups: parents, meta });
    for (const user of users) {
      if (whole.get("user", uri, user.username) === undefined)
        whole.put("user", uri, user.username, blankUser(user.username));
    }
  }
  read.forEach((given, index) => {
    const record = whole.get("realm", given.uri, "")!;
    const follows = state.origin(keyOf("realm", given.uri, "")) !== null;
    const before = follows ? state.get("realm", given.uri, "") : undefined;
    for (const problem of realmProblems(whole, record, before)) check.add("", `[${index}].${problem}`);
    checkReferences(check, whole, given, `[${index}]`);
  });
  if (check.problems.length > 0) throw invalidInput(check.problems);
  const rank = ({ fields }: RealmGiven): number => (fields.is_prototype ? 0 : fields.is_sso_realm ? 1 : 2);
  return { realms: read.toSorted((a, b) => rank(a) - rank(b)), whole };
}

function realmsThatDeny(list: readonly unknown[], state: SecurityState): ReadonlySet<string> {
  const found = new Set<string>();
  for (const uri of state.realmUris())
    if (state.get("realm", uri, "")?.rbac === "most_specific") found.add(uri);
  for (const entry of list) {
    const { uri, rbac } = (entry ?? {}) as { uri?: unknown; rbac?: unknown };
    if (typeof uri === "string" && rbac === "most_specific") found.add(fold(uri));
  }
  return found;
}

/** Nothing is defined twice, here or in another file. */
function checkNames(check: Check, read: readonly RealmGiven[], state: SecurityState, name: string): void {
  const seen = new Set<string>();
  read.forEach(({ uri, groups, users }, index) => {
    const once = (key: string, path: string, what: string): void => {
      const other = state.defined.get(key);
      if (seen.has(key)) check.add(path, `${what} is defined twice`);
      else if (other !== undefined && other !== name) check.add(path, `${what} is defined in ${other} too`);
      seen.add(key);
    };
    once(keyOf("realm", uri, ""), `[${index}].uri`, `the realm ${uri}`);
    if (isReservedRealm(uri) && uri !== masterRealm)
      check.add(`[${index}].uri`, `${masterRealm} is the router's own`);
    const aliases = new Set<string>();
    groups.forEach((group, at) => {
      once(keyOf("group", uri, group.name), `[${index}].groups[${at}].name`, `the group ${group.name}`);
    });
    users.forEach((user, at) => {
      const path = `[${index}].users[${at}]`;
      once(keyOf("user", uri, user.username), `${path}.username`, `the user ${user.username}`);
      if ((user.aliases?.length ?? 0) > fixedLimits.aliases_max)
        check.add(`${path}.aliases`, `a user has ${fixedLimits.aliases_max} aliases at most`);
      for (const alias of user.aliases ?? []) {
        if (aliases.has(alias) || seen.has(keyOf("user", uri, alias)))
          check.add(`${path}.aliases`, `${alias} is another user's`);
        aliases.add(alias);
      }
      if (aliases.has(user.username)) check.add(`${path}.username`, `${user.username} is an alias too`);
    });
  });
}

function checkReferences(check: Check, whole: Draft, given: RealmGiven, path: string): void {
  const { uri } = given;
  const list = (names: readonly string[]): string => names.join(", ");
  given.groups.forEach(({ name, groups = [] }, index) => {
    const where = `${path}.groups[${index}].groups`;
    const unknown = unknownGroups(whole, uri, groups);
    if (unknown.length > 0) check.add(where, `no such groups: ${list(unknown)}`);
    const cycle = cycleThrough((group) => groupOf(whole, uri, group)?.groups ?? [], name);
    if (cycle !== undefined) check.add(where, `${cycle.join(" → ")} is a cycle`);
  });
  given.users.forEach((user, index) => {
    const where = `${path}.users[${index}]`;
    const unknown = unknownGroups(whole, uri, user.groups ?? []);
    if (unknown.length > 0) check.add(`${where}.groups`, `no such groups: ${list(unknown)}`);
    const problem = ssoProblem(whole, uri, user);
    if (problem !== undefined) check.add(`${where}.sso_realm_uri`, problem);
  });
  given.sources.forEach(({ usernames }, index) => {
    const unknown = unknownUsers(whole, uri, usernames);
    if (unknown.length > 0)
      check.add(`${path}.sources[${index}].usernames`, `no such users: ${list(unknown)}`);
  });
  given.grants.forEach(({ roles }, index) => {
    const where = `${path}.grants[${index}].roles`;
    const { unknown, duplicate } = resolveRoles(whole, uri, roles);
    if (unknown.length > 0) check.add(where, `neither user nor group: ${list(unknown)}`);
    if (duplicate.length > 0)
      check.add(where, `both a user and a group, write user/… or group/…: ${list(duplicate)}`);
  });
}

function ssoProblem(whole: Draft, realm: string, { sso_realm_uri: sso }: UserGiven): string | undefined {
  if (sso === undefined || sso === realm) return undefined;
  if (whole.get("realm", sso, "")?.is_sso_realm !== true) return `there is no same-sign-on realm ${sso}`;
  const own = effectiveRealm(whole, realm, {})?.ssoRealmUri;
  return own === sso ? undefined : `is not the one that realm ${realm} has`;
}
