/**
 * The security model in the plainest words: lists, walked anew for every question. It knows four realms: `proto` is the prototype of
 * `one` and `two`, `solo` stands alone.
 */
export const realms = ["proto", "one", "two", "solo"] as const;
export type RealmName = (typeof realms)[number];

export interface Resource {
  readonly uri: string;
  readonly match: "exact" | "prefix" | "wildcard";
}

interface OracleGrant extends Resource {
  readonly role: string;
  readonly permissions: Set<string>;
}

interface OracleRealm {
  secure: boolean;
  readonly groups: Map<string, string[]>;
  readonly users: Map<string, string[]>;
  readonly sources: Set<string>;
  grants: OracleGrant[];
}

/** What a change comes to: "ok", or the last component of the error's URI. */
export type Outcome =
  | "ok"
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "no_such_groups"
  | "no_such_users"
  | "unknown_roles"
  | "duplicate_roles";

function matches({ uri, match }: Resource, asked: string): boolean {
  if (match === "exact") return uri === asked;
  if (match === "prefix") return asked.startsWith(uri);
  const pattern = uri.split(".");
  const parts = asked.split(".");
  return pattern.length === parts.length && pattern.every((part, at) => part === "" || part === parts[at]);
}

export class SecurityOracle {
  readonly #realms = new Map<RealmName, OracleRealm>();

  constructor() {
    for (const name of realms)
      this.#realms.set(name, {
        secure: true,
        groups: new Map(),
        users: new Map(),
        sources: new Set(),
        grants: [],
      });
  }

  #at(realm: RealmName): OracleRealm {
    return this.#realms.get(realm)!;
  }
  #prototype(realm: RealmName): OracleRealm | undefined {
    return realm === "one" || realm === "two" ? this.#at("proto") : undefined;
  }
  #parents(realm: RealmName, group: string): readonly string[] | undefined {
    return this.#at(realm).groups.get(group) ?? this.#prototype(realm)?.groups.get(group);
  }
  #family(realm: RealmName): readonly RealmName[] {
    return realm === "proto" ? ["proto", "one", "two"] : [realm];
  }

  closure(realm: RealmName, groups: readonly string[]): ReadonlySet<string> {
    const found = new Set<string>();
    const walk = (group: string): void => {
      const parents = this.#parents(realm, group);
      if (parents === undefined || found.has(group)) return;
      found.add(group);
      parents.forEach(walk);
    };
    groups.forEach(walk);
    return found;
  }

  putGroup(realm: RealmName, name: string, parents: readonly string[], mode: "add" | "update"): Outcome {
    const { groups } = this.#at(realm);
    const before = groups.get(name);
    if (mode === "add" && before !== undefined) return "already_exists";
    if (mode === "update" && before === undefined) return "not_found";
    const undo = () => (before === undefined ? groups.delete(name) : groups.set(name, before));
    groups.set(name, [...parents]);
    const isUnknown = parents.some((parent) => this.#parents(realm, parent) === undefined);
    const isCycle =
      parents.length > 0 &&
      this.#family(realm).some((member) => this.closure(member, this.#parents(member, name)!).has(name));
    if (isUnknown || isCycle) undo();
    return isUnknown ? "no_such_groups" : isCycle ? "invalid_argument" : "ok";
  }

  deleteGroup(realm: RealmName, name: string): Outcome {
    if (!this.#at(realm).groups.delete(name)) return "not_found";
    for (const member of this.#family(realm)) {
      const { groups, users } = this.#at(member);
      if (groups.has(name)) continue;
      for (const table of [groups, users])
        for (const [key, list] of table)
          table.set(
            key,
            list.filter((entry) => entry !== name),
          );
      this.#forget(member, `group/${name}`);
    }
    return "ok";
  }

  putUser(realm: RealmName, name: string, groups: readonly string[], mode: "add" | "update"): Outcome {
    const { users } = this.#at(realm);
    if (mode === "add" && users.has(name)) return "already_exists";
    if (mode === "update" && !users.has(name)) return "not_found";
    if (groups.some((group) => this.#parents(realm, group) === undefined)) return "no_such_groups";
    users.set(name, [...groups]);
    return "ok";
  }

  deleteUser(realm: RealmName, name: string): Outcome {
    const { users, sources } = this.#at(realm);
    if (!users.delete(name)) return "not_found";
    sources.delete(name);
    this.#forget(realm, `user/${name}`);
    return "ok";
  }

  #forget(realm: RealmName, role: string): void {
    this.#at(realm).grants = this.#at(realm).grants.filter((grant) => grant.role !== role);
  }

  addSource(realm: RealmName, username: string): Outcome {
    if (username !== "all" && !this.#at(realm).users.has(username)) return "no_such_users";
    this.#at(realm).sources.add(username);
    return "ok";
  }

  changeGrant(
    realm: RealmName,
    name: string,
    what: { readonly resource: Resource; readonly permission: string; readonly give: boolean },
  ): Outcome {
    const { grants, users } = this.#at(realm);
    const isSpecial = name === "all" || name === "anonymous";
    const isUser = users.has(name);
    const isGroup = this.#parents(realm, name) !== undefined;
    if (!isSpecial && isUser && isGroup) return "duplicate_roles";
    if (!isSpecial && !isUser && !isGroup) return "unknown_roles";
    const role = isSpecial ? name : `${isUser ? "user" : "group"}/${name}`;
    const { uri, match } = what.resource;
    const found = grants.find((entry) => entry.role === role && entry.uri === uri && entry.match === match);
    if (what.give && found === undefined)
      grants.push({ role, uri, match, permissions: new Set([what.permission]) });
    else if (what.give) found?.permissions.add(what.permission);
    else found?.permissions.delete(what.permission);
    return "ok";
  }

  setSecurityEnabled(realm: RealmName, enabled: boolean): Outcome {
    this.#at(realm).secure = enabled;
    return "ok";
  }

  isGranted(realm: RealmName, user: string | undefined, asked: { permission: string; uri: string }): boolean {
    // Whether the prototype has security does not matter to a realm that says so itself; these all do.
    if (!this.#at(realm).secure) return true;
    const roles = new Set(["all"]);
    if (user === undefined) roles.add("anonymous");
    else {
      roles.add(`user/${user}`);
      for (const group of this.closure(realm, this.#at(realm).users.get(user) ?? []))
        roles.add(`group/${group}`);
    }
    return [...this.#at(realm).grants, ...(this.#prototype(realm)?.grants ?? [])].some(
      (grant) =>
        roles.has(grant.role) && grant.permissions.has(asked.permission) && matches(grant, asked.uri),
    );
  }

  /** In the order of their names. */
  groups(realm: RealmName): readonly string[] {
    const own = [...this.#at(realm).groups.keys()];
    return [...new Set([...own, ...(this.#prototype(realm)?.groups.keys() ?? [])])].sort();
  }

  users(realm: RealmName): ReadonlyMap<string, readonly string[]> {
    return this.#at(realm).users;
  }

  /** Each grant that allows something, as text. */
  grants(realm: RealmName): readonly string[] {
    return [...this.#at(realm).grants, ...(this.#prototype(realm)?.grants ?? [])]
      .filter(({ permissions }) => permissions.size > 0)
      .map(({ role, uri, match, permissions }) => `${role} ${match} ${uri} ${[...permissions].sort()}`)
      .sort();
  }

  sources(realm: RealmName): readonly string[] {
    const inherited = this.#prototype(realm)?.sources.has("all") ? ["all"] : [];
    return [...this.#at(realm).sources, ...inherited].sort();
  }
}
