/** What an identity may do, out of the grants of its realm: its roles, and the rules that they make together. Pure. */
import type { AccessRule, AccessRules } from "../ports.ts";
import { Match } from "../protocol/messages.ts";
import { matches as covers } from "../protocol/cover.ts";
import { Permission, permissionNames } from "../protocol/permissions.ts";
import type { GrantRecord, Role } from "./records.ts";

/** Who asks, as grants may name it. */
export interface Bearer {
  readonly user?: string;
  readonly roles?: readonly string[];
  readonly authmethod?: string;
}

const matches: Readonly<Record<GrantRecord["match"], Match>> = {
  exact: Match.exact,
  prefix: Match.prefix,
  wildcard: Match.wildcard,
};

/**
 * The roles of an identity: its user, its groups and all groups that contain them, `all`; of one that nobody has identified
 * `anonymous` and `all`, unless a procedure of its realm has given it groups. `closure` gives groups and what contains them, each once (SecurityModel.closure of its realm).
 */
export function rolesOf(closure: (groups: readonly string[]) => readonly string[], bearer: Bearer): Role[] {
  const { user, roles = [], authmethod } = bearer;
  const isUnknown = authmethod === undefined && user === undefined && roles.length === 0;
  const isAnonymous = authmethod === "anonymous" && (roles.length === 0 || roles.includes("anonymous"));
  const groups = closure(roles).map((name): Role => `group/${name}`);
  if (isAnonymous || isUnknown) return ["anonymous", ...groups, "all"];
  return user === undefined ? [...groups, "all"] : [`user/${user}`, ...groups, "all"];
}

/** `Permission` bits of those among the names that the router asks for. */
const permissionBits = (names: readonly string[]): number =>
  names.reduce((bits, name) => bits | (permissionNames[name] ?? 0), 0);

/** What is in no URI: a grant on it is a grant on nothing. */
const noUri = /[\s#]/;

/**
 * Procedures that decide who is who, and who may do what, answer the router with secrets and are believed by it: to register or call one
 * takes a grant to the user or a group of its, or one that names it; what everybody may do in general is not meant so.
 */
function withheldFrom(grants: readonly GrantRecord[], has: ReadonlySet<Role>, deciding: readonly string[]) {
  const withheld = new Map<string, number>();
  for (const uri of deciding) {
    let permissions: number = Permission.call | Permission.register;
    for (const grant of grants) {
      const isGeneral = grant.role === "all" || grant.role === "anonymous";
      if (grant.effect === "deny" || !has.has(grant.role) || (isGeneral && grant.match !== "exact")) continue;
      if (covers({ uri: grant.uri, match: matches[grant.match] }, uri))
        permissions &= ~permissionBits(grant.permissions);
    }
    if (permissions !== 0) withheld.set(uri, permissions);
  }
  return [...withheld].map(([uri, permissions]) => ({ uri, permissions }));
}

/**
 * The rules of whoever has these roles. Grants of permissions that the router never asks for make no rule. Without `mostSpecific` a
 * grant that denies makes none: where any grant may allow, nothing can be taken away. `key` is the rules themselves as text, so
 * that equal rules share it whoever has them. `deciding`: the realm's authorizer and authenticators.
 */
export function compileRules(
  grants: readonly GrantRecord[],
  roles: readonly Role[],
  mostSpecific: boolean,
  authorizer: string | null = null,
  deciding: readonly string[] = [],
): AccessRules {
  const has = new Set<Role>(roles);
  const byPattern = new Map<string, AccessRule>();
  for (const { role, uri, match, effect, permissions } of grants) {
    const deny = effect === "deny";
    const bits = permissionBits(permissions);
    if (!has.has(role) || bits === 0 || (deny && !mostSpecific) || noUri.test(uri)) continue;
    const pattern = `${deny ? "-" : "+"}${matches[match]}${uri}`;
    const known = byPattern.get(pattern)?.permissions ?? 0;
    byPattern.set(pattern, { uri, match: matches[match], permissions: known | bits, deny });
  }
  const entries = [...byPattern].sort(([a], [b]) => (a < b ? -1 : 1));
  // No rule has white space.
  const parts = entries.map(([pattern, { permissions }]) => `${pattern} ${permissions}`);
  const withheld = withheldFrom(grants, has, deciding);
  for (const { uri, permissions } of withheld) parts.push(`!${uri} ${permissions}`);
  return {
    key: [mostSpecific ? "most_specific" : "additive", authorizer ?? "", ...parts].join("\n"),
    rules: entries.map(([, rule]) => rule),
    mostSpecific,
    ...(authorizer === null ? {} : { authorizer }),
    ...(withheld.length === 0 ? {} : { withheld }),
  };
}
