/** `options` of a realm: the router's own rules for its sessions, as RealmOptions declares them, checked before they are kept. */
import { fixedLimits } from "../base/limits.ts";
import { type Check, type Dict, isGiven } from "./check.ts";

const flags = [
  "strictUris",
  "allowDisclosure",
  "allowKill",
  "forceReregister",
  "repeatedRegistration",
  "callReroute",
  "resumption",
] as const;
const keys = [...flags, "profile", "trustLevels", "retainedTtl_s", "history"];
const historyKeys = ["topic", "match", "limit"];
const count = [0, Number.MAX_SAFE_INTEGER] as const;

export function readRealmOptions(check: Check, value: unknown, path: string): Dict {
  const given = check.dict(value, path, keys);
  const at = (key: string): string => `${path}.${key}`;
  for (const key of flags) if (isGiven(given[key])) check.flag(given[key], at(key));
  const { profile, trustLevels, retainedTtl_s, history } = given;
  if (isGiven(profile)) check.oneOf(profile, at("profile"), ["strict", "compat"]);
  if (isGiven(trustLevels))
    for (const [role, level] of Object.entries(check.plain(trustLevels, at("trustLevels"))))
      check.integer(level, `${at("trustLevels")}.${role}`, count);
  if (isGiven(retainedTtl_s) && !(Number.isFinite(retainedTtl_s) && Number(retainedTtl_s) >= 0))
    check.add(at("retainedTtl_s"), "must be seconds, 0 or more");
  if (isGiven(history)) {
    for (const [index, entry] of check.list(history, at("history"), fixedLimits.realmHistories_max).entries())
      readHistory(check, entry, `${at("history")}[${index}]`);
  }
  const present = Object.entries(given).filter(([, entry]) => isGiven(entry));
  return check.plain(Object.fromEntries(present), path);
}

function readHistory(check: Check, value: unknown, path: string): void {
  const { topic, match, limit } = check.dict(value, path, historyKeys);
  check.uri(topic, `${path}.topic`);
  if (isGiven(match)) check.oneOf(match, `${path}.match`, ["exact", "prefix", "wildcard"]);
  check.integer(limit, `${path}.limit`, [1, Number.MAX_SAFE_INTEGER]);
}
