/** Users, groups and sources as they are given: unknown in, precise out, all problems on the list. */
import { fixedLimits } from "../base/limits.ts";
import type { KdfParameters } from "../ports.ts";
import { type Check, type Dict, emptyDict, fold, isGiven, shown, unique, utf8Bytes } from "./check.ts";
import { normalCidr } from "./cidr.ts";
import { type AuthMethod, authMethods, type PasswordOptions } from "./records.ts";

/** Undefined: nothing was said. */
export interface UserGiven {
  readonly username: string;
  readonly password: string | undefined;
  readonly authorized_keys: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly sso_realm_uri: string | undefined;
  readonly enabled: boolean | undefined;
  readonly meta: Dict | undefined;
  readonly aliases: readonly string[] | undefined;
  readonly password_opts: Partial<PasswordOptions> | undefined;
}

export interface GroupGiven {
  readonly name: string;
  readonly groups: readonly string[] | undefined;
  readonly meta: Dict | undefined;
}

export interface SourceGiven {
  readonly usernames: readonly string[];
  readonly authmethod: AuthMethod;
  readonly cidr: string;
  readonly meta: Dict;
}

const below = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

const userKeys = ["groups", "enabled", "meta", "aliases", "authorized_keys", "password_opts"];
const newUserKeys = ["username", "password", "sso_realm_uri", ...userKeys];

/** `name`: of the user who is changed; undefined: a whole user is given. */
export function readUser(check: Check, value: unknown, path: string, name?: string): UserGiven {
  const given = check.dict(value, path, name === undefined ? newUserKeys : userKeys);
  const at = (key: string): string => below(path, key);
  const maybe = <T>(key: string, read: (value: unknown, path: string) => T): T | undefined =>
    isGiven(given[key]) ? read(given[key], at(key)) : undefined;
  if (name === undefined && !isGiven(given["username"])) check.add(at("username"), "is missing");
  return {
    username: name ?? maybe("username", (entry, where) => check.name(entry, where, 3)) ?? "",
    password:
      name === undefined ? maybe("password", (entry, where) => readPassword(check, entry, where)) : undefined,
    authorized_keys: maybe("authorized_keys", (entry, where) => readPublicKeys(check, entry, where)),
    groups: maybe("groups", (entry, where) => check.names(entry, where)),
    sso_realm_uri:
      name === undefined
        ? maybe("sso_realm_uri", (entry, where) =>
            fold(check.uri(entry, where, fixedLimits.realmUriBytes_max)),
          )
        : undefined,
    enabled: maybe("enabled", (entry, where) => check.flag(entry, where)),
    meta: maybe("meta", (entry, where) => check.plain(entry, where)),
    aliases: maybe("aliases", (entry, where) => check.names(entry, where)),
    password_opts: maybe("password_opts", (entry, where) => readPasswordOptions(check, entry, where)),
  };
}

export function readPassword(check: Check, value: unknown, path: string): string {
  const { passwordBytes_min: least, passwordBytes_max: most } = fixedLimits;
  // The value itself is never shown.
  if (typeof value !== "string") check.add(path, "must be text");
  else if (utf8Bytes(value) < least || utf8Bytes(value) > most)
    check.add(path, `must have ${least} to ${most} bytes`);
  else return value;
  return "";
}

/** Ed25519, hex. */
function readPublicKeys(check: Check, value: unknown, path: string): readonly string[] {
  const list = check.list(value, path, fixedLimits.keysPerList_max);
  return unique(
    list.map((entry, index) => {
      const key = typeof entry === "string" ? entry.toLowerCase() : "";
      if (!/^[0-9a-f]{64}$/.test(key)) check.add(`${path}[${index}]`, "must be 64 hexadecimal digits");
      return key;
    }),
  );
}

export function readPasswordOptions(check: Check, value: unknown, path: string): Partial<PasswordOptions> {
  const given = check.dict(value, path, ["protocol", "params"]);
  const protocol = isGiven(given["protocol"])
    ? check.oneOf(given["protocol"], below(path, "protocol"), ["cra", "scram", "both"] as const)
    : undefined;
  const params = isGiven(given["params"])
    ? readKdf(check, given["params"], below(path, "params"))
    : undefined;
  if (protocol !== undefined && protocol !== "scram" && params?.kdf === "argon2id13")
    check.add(path, "argon2id13 is for protocol scram only");
  return { ...(protocol && { protocol }), ...(params && { params }) };
}

/** What the password hash may cost: enough to hinder, not so much that one login stops the others. */
const iterations = { pbkdf2: [4_096, 1_000_000], argon2id13: [1, 64] } as const;
const memoryRange_KiB = [64, 1 << 20] as const;

function readKdf(check: Check, value: unknown, path: string): KdfParameters {
  const given = check.dict(value, path, [
    "kdf",
    "iterations",
    "memory",
    "hash_function",
    "hash_length",
    "salt_length",
  ]);
  const kdf = isGiven(given["kdf"])
    ? check.oneOf(given["kdf"], below(path, "kdf"), ["pbkdf2", "argon2id13"] as const)
    : "pbkdf2";
  if (isGiven(given["hash_function"]))
    check.oneOf(given["hash_function"], below(path, "hash_function"), ["sha256"]);
  const rounds = isGiven(given["iterations"])
    ? check.integer(given["iterations"], below(path, "iterations"), iterations[kdf])
    : undefined;
  if (kdf === "pbkdf2") return { kdf, iterations: rounds ?? 10_000 };
  const memory = isGiven(given["memory"])
    ? check.integer(given["memory"], below(path, "memory"), memoryRange_KiB)
    : undefined;
  return { kdf, iterations: rounds ?? 3, memory: memory ?? 65_536 };
}

/** `name`: of the group that is changed. */
export function readGroup(check: Check, value: unknown, path: string, name?: string): GroupGiven {
  const given = check.dict(value, path, name === undefined ? ["name", "groups", "meta"] : ["groups", "meta"]);
  if (name === undefined && !isGiven(given["name"])) check.add(below(path, "name"), "is missing");
  const read = name ?? (isGiven(given["name"]) ? check.name(given["name"], below(path, "name"), 1) : "");
  // WELCOME and receiver lists join groups with commas.
  if (read.includes(",")) check.add(below(path, "name"), `${shown(read)} has a comma`);
  return {
    name: read,
    groups: isGiven(given["groups"]) ? check.names(given["groups"], below(path, "groups")) : undefined,
    meta: isGiven(given["meta"]) ? check.plain(given["meta"], below(path, "meta")) : undefined,
  };
}

/** `all`, `anonymous`, a name or a list of these. */
export function readUsernames(check: Check, value: unknown, path: string): readonly string[] {
  if (!isGiven(value)) {
    check.add(path, "is missing");
    return [];
  }
  if (typeof value === "string") return readUsernames(check, [value], path);
  const list = check.list(value, path, fixedLimits.namesPerList_max);
  if (Array.isArray(value) && value.length === 0) check.add(path, "must name at least one user");
  return unique(
    list.map((entry, index) => {
      const special = typeof entry === "string" ? fold(entry) : "";
      if (special === "all" || special === "anonymous") return special;
      return check.name(entry, `${path}[${index}]`, 1);
    }),
  );
}

export function readSource(check: Check, value: unknown, path: string): SourceGiven {
  const given = check.dict(value, path, ["usernames", "authmethod", "cidr", "meta"]);
  if (!isGiven(given["cidr"])) check.add(below(path, "cidr"), "is missing");
  return {
    usernames: readUsernames(check, given["usernames"], below(path, "usernames")),
    authmethod: check.oneOf(given["authmethod"], below(path, "authmethod"), authMethods),
    cidr: isGiven(given["cidr"]) ? readCidr(check, given["cidr"], below(path, "cidr")) : "",
    meta: isGiven(given["meta"]) ? check.plain(given["meta"], below(path, "meta")) : emptyDict,
  };
}

function readCidr(check: Check, value: unknown, path: string): string {
  const cidr = typeof value === "string" && value.length <= 64 ? normalCidr(value) : undefined;
  if (cidr === undefined)
    check.add(path, `must be a network such as 10.0.0.0/8 or fd00::/8, is ${shown(value)}`);
  return cidr ?? "";
}
