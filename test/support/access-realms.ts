/** Who may do what, in memory: realms with grants of their own and of a prototype, users in groups that contain one another. */
import type { AccessPolicy, AccessRules, Identity } from "../../src/ports.ts";
import { compileRules, rolesOf } from "../../src/security/access-rules.ts";
import type { GrantRecord, Role } from "../../src/security/records.ts";

interface AccessRealm {
  grants: GrantRecord[];
  mostSpecific: boolean;
  /** False: no access control. */
  isOn: boolean;
}

export const grantOf = (
  role: Role,
  permissions: string | readonly string[],
  uri: string,
  match: GrantRecord["match"] = "exact",
  effect: GrantRecord["effect"] = "allow",
): GrantRecord => ({ role, uri, match, effect, permissions: [permissions].flat(), meta: {} });

export class AccessRealms implements AccessPolicy {
  readonly realms = new Map<string, AccessRealm>();
  /** Grants that all realms have beside their own. */
  prototype: GrantRecord[] = [];
  /** Groups by user, and groups that contain a group. */
  readonly users = new Map<string, readonly string[]>();
  readonly groups = new Map<string, readonly string[]>();
  authorizer: string | null = null;

  constructor(...uris: readonly string[]) {
    for (const uri of uris) this.realms.set(uri, { grants: [], mostSpecific: false, isOn: true });
  }

  realm(uri: string): AccessRealm {
    const realm = this.realms.get(uri);
    if (realm === undefined) throw new Error(`no realm ${uri}`);
    return realm;
  }

  closure(groups: readonly string[]): readonly string[] {
    const all = new Set(groups);
    for (const name of all) for (const above of this.groups.get(name) ?? []) all.add(above);
    return [...all];
  }

  /** The router's own sessions may do everything. */
  rulesFor(uri: string, { user, authmethod, authprovider }: Identity): AccessRules | null {
    if (authprovider === "local") return null;
    const { grants, mostSpecific, isOn } = this.realm(uri);
    if (!isOn) return null;
    const bearer = { authmethod, ...(user === undefined ? {} : { user, roles: this.users.get(user) ?? [] }) };
    const roles = rolesOf((names) => this.closure(names), bearer);
    return compileRules([...grants, ...this.prototype], roles, mostSpecific, this.authorizer);
  }
}
