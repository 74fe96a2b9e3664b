/** What everybody may ask the security model: synchronous, from memory. */
import type { AccessRules, Identity } from "../ports.ts";
import { Match } from "../protocol/messages.ts";
import { Permission } from "../protocol/permissions.ts";
import { type Bearer, compileRules, rolesOf } from "./access-rules.ts";
import { fold } from "./check.ts";
import { isAllowed } from "./decide.ts";
import type { EffectiveRealm, Principal, SecurityModel } from "./model.ts";
import type {
  GrantRecord,
  GroupRecord,
  PasswordOptions,
  RealmRecord,
  Role,
  SigningKey,
  SourceRecord,
  TicketRecord,
  UserRecord,
} from "./records.ts";
import type { SecurityState } from "./state.ts";
import { closureOf, effectiveRealm, groupOf, groupsOf, principalOf, sourcesOf, userOf } from "./view.ts";

export class ModelQueries implements SecurityModel {
  protected readonly state: SecurityState;
  readonly #passwordOptions: Partial<PasswordOptions>;
  readonly #wall_ms: () => number;

  constructor(
    state: SecurityState,
    parts: { readonly passwordOptions: Partial<PasswordOptions>; wall_ms(): number },
  ) {
    this.state = state;
    this.#passwordOptions = parts.passwordOptions;
    this.#wall_ms = () => parts.wall_ms();
  }

  realm(uri: string): EffectiveRealm | undefined {
    return effectiveRealm(this.state, fold(uri), this.#passwordOptions);
  }

  realms(): readonly RealmRecord[] {
    return [...this.state.realmUris()].map((uri) => this.state.get("realm", uri, "")!);
  }

  user(realm: string, nameOrAlias: string): UserRecord | undefined {
    return userOf(this.state, fold(realm), nameOrAlias);
  }

  users(realm: string): readonly UserRecord[] {
    return this.state.values("user", fold(realm));
  }

  principal(realm: string, nameOrAlias: string): Principal | undefined {
    return principalOf(this.state, fold(realm), nameOrAlias);
  }

  group(realm: string, name: string): GroupRecord | undefined {
    return groupOf(this.state, fold(realm), fold(name));
  }

  groups(realm: string): readonly GroupRecord[] {
    return groupsOf(this.state, fold(realm));
  }

  closure(realm: string, groups: readonly string[]): readonly string[] {
    return closureOf(this.state, fold(realm), groups);
  }

  sources(realm: string): readonly SourceRecord[] {
    return sourcesOf(this.state, fold(realm));
  }

  grants(realm: string): readonly GrantRecord[] {
    return this.#withPrototype(realm).flatMap((uri) => this.state.values("grant", uri));
  }

  grantsOf(realm: string, role: Role): readonly GrantRecord[] {
    return this.#withPrototype(realm).flatMap((uri) => this.state.grantsOfRole(uri, role));
  }

  signingKeys(realm: string): readonly SigningKey[] {
    const now_ms = this.#wall_ms();
    const keys = this.state.get("keys", fold(realm), "") ?? [];
    return keys.filter(({ expires_ms }) => expires_ms === null || expires_ms > now_ms);
  }

  ticket(realm: string, id: string): TicketRecord | undefined {
    return this.state.get("ticket", fold(realm), id);
  }

  tickets(realm: string, authid: string): readonly TicketRecord[] {
    return this.state.ticketsOfUser(fold(realm), fold(authid));
  }

  /** A realm that is not there has no rules and allows nothing; one without security allows everything. */
  rulesFor(realm: string, identity: Identity): AccessRules | null {
    const found = this.#grantsFor(realm, identity);
    if (found === null) return null;
    const { grants, roles, mostSpecific } = found;
    return compileRules(grants, roles, mostSpecific, this.#authorizerOf(realm), this.deciding(realm));
  }

  /** The procedures of a realm that decide about its clients and their rights: authorizer and authenticators. */
  deciding(realm: string): readonly string[] {
    const authorizer = this.#authorizerOf(realm);
    const authenticators = Object.values(this.realm(realm)?.record.authenticators ?? {});
    return authorizer === null ? authenticators : [...authenticators, authorizer];
  }

  isGranted(
    realm: string,
    identity: { readonly user?: string; readonly roles?: readonly string[] },
    permission: string,
    uri: string,
  ): boolean {
    const found = this.#grantsFor(realm, identity);
    if (found === null) return true;
    const asked = Permission.call;
    const rules = found.grants
      .filter(({ permissions }) => permissions.includes(permission))
      // Whatever the permission's name: as if it were one that rules know.
      .map((grant) => ({ ...grant, permissions: ["wamp.call"] }));
    return isAllowed(compileRules(rules, found.roles, found.mostSpecific), {
      permission: asked,
      uri,
      match: Match.exact,
    });
  }

  /** Null: no access control. Looks at the grants of the identity's own roles only. */
  #grantsFor(realm: string, bearer: Bearer) {
    const effective = this.realm(realm);
    if (effective !== undefined && !effective.securityEnabled) return null;
    const roles = rolesOf((groups) => this.closure(realm, groups), bearer);
    const grants = roles.flatMap((role) => this.grantsOf(realm, role));
    return { roles, grants, mostSpecific: effective?.mostSpecific ?? false };
  }

  /** The realm's own, else its prototype's. */
  #authorizerOf(realm: string): string | null {
    const named = this.#withPrototype(realm).map((uri) => this.state.get("realm", uri, "")?.authorizer);
    return named.find((procedure) => procedure != null) ?? null;
  }

  #withPrototype(realm: string): readonly string[] {
    const uri = fold(realm);
    const prototype = this.state.get("realm", uri, "")?.prototype_uri;
    return prototype == null ? [uri] : [uri, prototype];
  }
}
