/**
 * Why a request is allowed or refused, for administrators: the grant that decides and how its bearer comes by it, grants that almost
 * apply, and the one grant that would allow it. Pure: it decides by the same rules as the router (decide.ts).
 */
import { contains, intersects, specificityOf } from "../protocol/cover.ts";
import { Match, matchNames } from "../protocol/messages.ts";
import { nameOfPermission } from "../protocol/permissions.ts";
import { type Bearer, compileRules, rolesOf } from "./access-rules.ts";
import { decide, type Request } from "./decide.ts";
import type { GrantRecord, Role } from "./records.ts";

/** What an explanation is made of; a SecurityModel has it all. */
export interface ExplainedRealm {
  /** With the prototype's. */
  readonly grants: readonly GrantRecord[];
  readonly mostSpecific: boolean;
  /** The procedures that decide about clients and their rights: authorizer and authenticators. */
  readonly deciding?: readonly string[];
  /** The groups that a group is a member of. */
  groupsOf(group: string): readonly string[];
}

/** A grant as `bondy.grant.create` takes it. */
export interface GrantGiven {
  readonly permissions: readonly string[];
  readonly uri: string;
  readonly match: GrantRecord["match"];
  readonly roles: readonly string[] | "all";
}

export interface NearMiss {
  readonly grant: GrantRecord;
  /** In words. */
  readonly why: string;
}

export interface Explanation {
  readonly allowed: boolean;
  /** The grant that decides; null: none speaks of it. */
  readonly grant: GrantRecord | null;
  /** From the bearer to the grant's role: user, group, group that contains it …; [] where there is no grant. */
  readonly path: readonly Role[];
  /** Of a refusal, the nearest first. */
  readonly nearMisses: readonly NearMiss[];
  /** Null: it is allowed, or no grant can allow it as long as one denies it. */
  readonly wouldAllow: GrantGiven | null;
}

const nearMisses_max = 10;
const kindOf = (match: GrantRecord["match"]): Match => matchNames.indexOf(match) as Match;
const patternOf = ({ uri, match }: GrantRecord) => ({ uri, match: kindOf(match) });

export function explainAccess(realm: ExplainedRealm, bearer: Bearer, request: Request): Explanation {
  const paths = pathsOf(realm, bearer);
  const { grants, mostSpecific } = realm;
  const rules = compileRules(grants, [...paths.keys()], mostSpecific, null, realm.deciding);
  const { allowed, rule } = decide(rules, request);
  const permission = nameOfPermission(request.permission);
  const isDeciding = (grant: GrantRecord): boolean =>
    rule !== null &&
    paths.has(grant.role) &&
    grant.uri === rule.uri &&
    kindOf(grant.match) === rule.match &&
    (grant.effect === "deny") === rule.deny &&
    grant.permissions.includes(permission);
  const grant = grants.find(isDeciding) ?? null;
  return {
    allowed,
    grant,
    path: grant === null ? [] : paths.get(grant.role)!,
    nearMisses: allowed ? [] : nearMissesOf(realm, paths, request),
    wouldAllow: allowed || isDeniedAnyway(realm, paths, request) ? null : proposal(paths, request),
  };
}

/** Each role that the bearer has, with the shortest way to it. */
function pathsOf(realm: ExplainedRealm, bearer: Bearer): Map<Role, readonly Role[]> {
  const paths = new Map<Role, readonly Role[]>();
  const direct = rolesOf((groups) => groups, bearer);
  const user = direct.find((role) => role.startsWith("user/"));
  for (const role of direct) {
    const isGroup = role.startsWith("group/");
    paths.set(role, isGroup && user !== undefined ? [user, role] : [role]);
  }
  // A Map may grow while it is walked: groups behind groups, each once.
  for (const [role, path] of paths) {
    if (!role.startsWith("group/")) continue;
    for (const above of realm.groupsOf(role.slice("group/".length))) {
      const next: Role = `group/${above}`;
      if (!paths.has(next)) paths.set(next, [...path, next]);
    }
  }
  return paths;
}

// ---- near misses

function nearMissesOf(
  { grants }: ExplainedRealm,
  paths: ReadonlyMap<Role, unknown>,
  request: Request,
): readonly NearMiss[] {
  const permission = nameOfPermission(request.permission);
  const found: { readonly rank: number; readonly miss: NearMiss }[] = [];
  for (const grant of grants) {
    if (grant.effect === "deny") continue;
    const why = missOf(grant, paths.has(grant.role), grant.permissions.includes(permission), request);
    if (why !== null) found.push({ rank: why.rank, miss: { grant, why: why.text } });
  }
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, nearMisses_max)
    .map(({ miss }) => miss);
}

/** How a grant fails to allow the request, if in one respect only. */
function missOf(
  grant: GrantRecord,
  isOwn: boolean,
  permits: boolean,
  request: Request,
): { readonly rank: number; readonly text: string } | null {
  const pattern = patternOf(grant);
  const covers = contains(pattern, request);
  if (isOwn && permits && !covers) return missedUri(grant, request);
  if (!covers) return null;
  if (permits && !isOwn) return { rank: 3, text: `it is for ${grant.role}, which the session is not` };
  if (isOwn && !permits)
    return {
      rank: 4,
      text: `it does not give ${nameOfPermission(request.permission)} but ${grant.permissions.join(", ")}`,
    };
  return null;
}

function missedUri(
  grant: GrantRecord,
  request: Request,
): { readonly rank: number; readonly text: string } | null {
  const pattern = patternOf(grant);
  for (const match of [Match.prefix, Match.wildcard, Match.exact])
    if (match !== pattern.match && grant.uri !== "" && contains({ uri: grant.uri, match }, request))
      return { rank: 0, text: `its URI would match with "match": "${matchNames[match]}"` };
  if (request.match !== Match.exact && intersects(pattern, request))
    return { rank: 1, text: "it covers a part of the pattern, and all of it would be needed" };
  const wanted = grant.uri.split(".");
  const given = request.uri.split(".");
  if (pattern.match === Match.prefix || wanted.length !== given.length) return null;
  const off = wanted.filter((part, i) => part !== "" && part !== given[i]);
  return off.length === 1 ? { rank: 2, text: `its component "${off[0]}" is another one` } : null;
}

// ---- what would allow it

/** The bearer's own role: its user, else its first group, else anonymous. */
function proposal(paths: ReadonlyMap<Role, unknown>, request: Request): GrantGiven {
  const [role = "all"] = paths.keys();
  return {
    permissions: [nameOfPermission(request.permission)],
    uri: request.uri,
    match: matchNames[request.match],
    roles: role === "all" ? "all" : [role],
  };
}

/** Whether something denies the request, or a part of it, that a grant of exactly what is asked would not overrule. */
function isDeniedAnyway(
  { grants, mostSpecific }: ExplainedRealm,
  paths: ReadonlyMap<Role, unknown>,
  request: Request,
): boolean {
  const own = specificityOf(request);
  const permission = nameOfPermission(request.permission);
  const stands = (grant: GrantRecord): boolean =>
    grant.effect === "deny" &&
    paths.has(grant.role) &&
    grant.permissions.includes(permission) &&
    intersects(patternOf(grant), request) &&
    specificityOf(patternOf(grant)) >= own;
  return mostSpecific && grants.some(stands);
}
