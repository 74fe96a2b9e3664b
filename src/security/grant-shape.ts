/** Grants as they are given, in both of Bondy's forms. */
import { fixedLimits } from "../base/limits.ts";
import {
  type Check,
  type Dict,
  emptyDict,
  fold,
  isGiven,
  isLoosePattern,
  isLooseUri,
  unique,
} from "./check.ts";
import type { GrantRecord } from "./records.ts";

export interface GrantGiven {
  /** As given, folded: `all`, `anonymous`, `user/…`, `group/…`, or a name that is one of these. */
  readonly roles: readonly string[];
  readonly resources: readonly Resource[];
  readonly permissions: readonly string[];
  readonly effect: GrantRecord["effect"];
  readonly meta: Dict;
}

export interface Resource {
  readonly uri: string;
  readonly match: GrantRecord["match"];
}

const everything: Resource = Object.freeze({ uri: "", match: "prefix" });
const matches = ["exact", "prefix", "wildcard"] as const;
const grantKeys = ["permissions", "uri", "match", "resources", "roles", "meta", "effect"];

/** `uri` and `match` as the router keeps them. */
function readResource(check: Check, value: Dict, path: string): Resource {
  const at = path === "" ? "" : `${path}.`;
  if (!isGiven(value["uri"])) {
    check.add(`${at}uri`, "is missing");
    return everything;
  }
  const given = check.text(value["uri"], `${at}uri`, fixedLimits.uriBytes_max);
  const match = isGiven(value["match"]) ? check.oneOf(value["match"], `${at}match`, matches) : undefined;
  // Bondy kept "any" where no URI would ever find it; what people mean by it is everything.
  if (given === "" || given === "*" || given === "any") {
    if (match === "wildcard" && given === "*") return { uri: "", match };
    return everything;
  }
  const uri = match === "wildcard" ? given.replace(/(^|(?<=\.))\*(?=\.|$)/g, "") : given;
  if (!isLoosePattern(uri)) check.add(`${at}uri`, "has white space or #");
  if (match === "exact" && !isLooseUri(uri))
    check.add(`${at}uri`, "has empty components, which only a wildcard has");
  if (match !== undefined) return { uri, match };
  return { uri, match: isLooseUri(uri) ? "exact" : "wildcard" };
}

function readRoles(check: Check, value: unknown, path: string): readonly string[] {
  if (typeof value === "string") return readRoles(check, [value], path);
  if (!isGiven(value)) check.add(path, "is missing");
  else {
    const list = check.list(value, path, fixedLimits.namesPerList_max);
    const roles = list.map((entry, index) => {
      const role = fold(check.text(entry, `${path}[${index}]`, fixedLimits.nameBytes_max + 6));
      if (entry === "") check.add(`${path}[${index}]`, "must not be empty");
      return role;
    });
    if (Array.isArray(value) && value.length === 0) check.add(path, "must name at least one role");
    return unique(roles);
  }
  return [];
}

/** `mayDeny`: whether the realm lets grants deny. */
export function readGrant(check: Check, value: unknown, path: string, mayDeny: boolean): GrantGiven {
  const given = check.dict(value, path, grantKeys);
  const at = path === "" ? "" : `${path}.`;
  const isSecondForm = isGiven(given["resources"]);
  if (isSecondForm && (isGiven(given["uri"]) || isGiven(given["match"])))
    check.add(path, "has resources beside uri or match; one form or the other");
  const resources = isSecondForm
    ? check
        .list(given["resources"], `${at}resources`, fixedLimits.resourcesPerGrant_max)
        .map((entry, index) => {
          const where = `${at}resources[${index}]`;
          return readResource(check, check.dict(entry, where, ["uri", "match"]), where);
        })
    : [readResource(check, given, path)];
  if (resources.length === 0) check.add(`${at}resources`, "must name at least one resource");
  const effect = isGiven(given["effect"])
    ? check.oneOf(given["effect"], `${at}effect`, ["allow", "deny"] as const)
    : "allow";
  if (effect === "deny" && !mayDeny)
    check.add(`${at}effect`, 'only a realm with rbac "most_specific" has grants that deny');
  return {
    roles: readRoles(check, given["roles"], `${at}roles`),
    resources,
    permissions: readPermissions(check, given["permissions"], `${at}permissions`),
    effect,
    meta: isGiven(given["meta"]) ? check.plain(given["meta"], `${at}meta`) : emptyDict,
  };
}

function readPermissions(check: Check, value: unknown, path: string): readonly string[] {
  if (!isGiven(value)) {
    check.add(path, "is missing");
    return [];
  }
  const list = check.list(value, path, fixedLimits.permissionsPerGrant_max);
  if (Array.isArray(value) && value.length === 0) check.add(path, "must name at least one permission");
  return unique(list.map((entry, index) => check.uri(entry, `${path}[${index}]`, 256))).toSorted();
}
