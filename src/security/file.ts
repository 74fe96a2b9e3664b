/**
 * Applies a file of definitions, at every start. What came from the file and was not changed since follows the file; what was changed
 * or deleted at run time stays so; what the file no longer has and nobody changed is removed. What did not change in the file is
 * not written: keys and salts stay. All of it is one commit.
 */
import { createHmac } from "node:crypto";
import { builtInName, masterRecord } from "./bootstrap.ts";
import { emptyDict, emptyList } from "./check.ts";
import { checkDefinitions } from "./definitions-check.ts";
import { type Draft, fileOf, originOf } from "./draft.ts";
import { grantId, grantRecords, mergeGrants, resolveRoles, sourceRecords } from "./grants.ts";
import { removeGroup } from "./groups.ts";
import type { RealmGiven } from "./realm-shape.ts";
import { isNeeded, putGivenKeys, realmRecord, removeRealm } from "./realms.ts";
import type { GrantRecord, SigningKey, UserRecord } from "./records.ts";
import type { SecurityParts, SecurityService } from "./service.ts";
import type { UserGiven } from "./shapes.ts";
import { goneId, type Kind, keyOf, parseKey, type SecurityState } from "./state.ts";
import { blankUser, hashFor, removeUser, storeUser } from "./users.ts";
import { closureOf, groupOf, masterRealm, sourceId } from "./view.ts";

/**
 * `definitions`: what the file says, parsed: a list of realms in Bondy's shapes. `name`: what to call the file; each name has its own
 * definitions. Rejects with wamp.error.invalid_argument, kwargs.errors has a line `path: what is wrong` for each problem.
 */
export function applyDefinitions(
  security: SecurityService,
  definitions: unknown,
  name: string,
): Promise<void> {
  return security.change(
    (draft, state, parts) => new Application(draft, state, parts, name).run(definitions),
    {
      fromFile: true,
    },
  );
}

/** Takes back what files said that are not among these any more, where nobody has changed it since. */
export async function dropOtherDefinitions(
  security: SecurityService,
  names: readonly string[],
): Promise<void> {
  const kept = new Set([...names, builtInName]);
  const found = await security.change(
    (_draft, state) => new Set([...state.origins()].map(([, origin]) => fileOf(origin))),
    { fromFile: true },
  );
  for (const name of found)
    if (name !== undefined && !kept.has(name)) await applyDefinitions(security, [], name);
}

/** Text that is the same for the same JSON, whatever the order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === "object" && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}

class Application {
  readonly #draft: Draft;
  readonly #state: SecurityState;
  readonly #parts: SecurityParts;
  readonly #name: string;
  readonly #seen = new Set<string>();
  #digestKey = "";

  constructor(draft: Draft, state: SecurityState, parts: SecurityParts, name: string) {
    this.#draft = draft;
    this.#state = state;
    this.#parts = parts;
    this.#name = name;
  }

  async run(definitions: unknown): Promise<void> {
    const { realms, whole } = checkDefinitions(definitions, this.#state, this.#name);
    this.#digestKey = this.#state.get("digests", "*", "") ?? this.#makeDigestKey();
    // A realm that was deleted at run time takes all that the file says of it along.
    const kept = realms.filter(({ uri }) => !this.#isGone(uri));
    for (const { uri } of realms) this.#seen.add(keyOf("realm", uri, ""));
    for (const given of kept) this.#realm(given);
    for (const { uri, groups } of kept) for (const group of groups) this.#group(uri, group);
    for (const [uri, users] of usersByRealm(kept, (uri) => this.#isGone(uri)))
      for (const user of users.values()) await this.#user(uri, user);
    for (const given of kept) this.#sources(given);
    for (const given of kept) this.#grants(given, whole);
    this.#removeVanished();
    const { defined } = this.#state;
    for (const [key, name] of [...defined]) if (name === this.#name) defined.delete(key);
    for (const key of this.#seen) defined.set(key, this.#name);
  }

  #makeDigestKey(): string {
    const words = new Uint32Array(8);
    this.#parts.fillRandom(words);
    const key = Buffer.from(words.buffer).toString("base64");
    this.#draft.put("digests", "*", "", key);
    return key;
  }

  /** The origin under which to write a record now; null: it stays as it is. The digest is keyed, or it would tell short passwords. */
  #wanted(kind: Kind, realm: string, id: string, content: unknown): string | null {
    const key = keyOf(kind, realm, id);
    this.#seen.add(key);
    const digest = createHmac("sha256", Buffer.from(this.#digestKey, "base64"))
      .update(canonical([key, content]))
      .digest("base64url");
    if (this.#state.get("gone", realm, goneId(kind, id)) !== undefined) return null;
    const present = this.#state.get(kind, realm, id);
    const origin = this.#state.origin(key);
    // Keys that the router made because the file had none yet are nobody's choice.
    const isChosen =
      kind !== "keys" || (present as readonly SigningKey[] | undefined)?.some((key) => key.given);
    if (present !== undefined && origin === null && isChosen === true) return null;
    return origin?.startsWith(`${digest} `) ? null : originOf(digest, this.#name);
  }

  #realm(given: RealmGiven): void {
    const { uri, fields, password_opts, private_keys } = given;
    const origin = this.#wanted("realm", uri, "", { fields, password_opts });
    if (origin !== null) {
      const base = uri === masterRealm ? masterRecord() : undefined;
      this.#draft.put("realm", uri, "", realmRecord(given, base, this.#draft), origin);
    }
    if (private_keys === undefined || private_keys.length === 0) return;
    const keysOrigin = this.#wanted("keys", uri, "", private_keys);
    if (keysOrigin !== null) putGivenKeys(this.#draft, uri, private_keys, this.#parts.wall_ms(), keysOrigin);
  }

  #group(uri: string, { name, groups = emptyList, meta = emptyDict }: RealmGiven["groups"][number]): void {
    const origin = this.#wanted("group", uri, name, { groups, meta });
    if (origin === null) return;
    // What was done at run time may have taken a parent away, or made it a child.
    const parents = groups.filter((parent) => !closureOf(this.#draft, uri, [parent]).includes(name));
    this.#draft.put("group", uri, name, Object.freeze({ name, groups: parents, meta }), origin);
  }

  async #user(uri: string, given: UserGiven): Promise<void> {
    const { username, password, password_opts: options } = given;
    const origin = this.#wanted("user", uri, username, given);
    if (origin === null) return;
    const draft = this.#draft;
    const before = draft.get("user", uri, username);
    // Somebody took the name as an alias.
    if (before === undefined && draft.aliasOwner(uri, username) !== undefined) return;
    const isFree = (alias: string): boolean =>
      draft.get("user", uri, alias) === undefined && (draft.aliasOwner(uri, alias) ?? username) === username;
    const present = before?.credentials ?? null;
    const isSame =
      password !== undefined && present !== null && (await this.#parts.verifyPassword(password, present));
    const credentials =
      password === undefined
        ? null
        : isSame
          ? present
          : await hashFor(draft, this.#parts, uri, { password, options, before: present });
    const record: UserRecord = {
      ...blankUser(username),
      groups: (given.groups ?? emptyList).filter((name) => groupOf(draft, uri, name) !== undefined),
      meta: given.meta ?? emptyDict,
      aliases: (given.aliases ?? emptyList).filter(isFree),
      enabled: given.enabled ?? true,
      sso_realm_uri: given.sso_realm_uri ?? null,
      authorized_keys: given.authorized_keys ?? emptyList,
      credentials,
    };
    storeUser(draft, uri, Object.freeze(record), origin);
  }

  #sources({ uri, sources }: RealmGiven): void {
    // One that is there twice is the latter.
    const byId = new Map(sources.flatMap(sourceRecords).map((record) => [sourceId(record), record]));
    for (const [id, record] of byId) {
      const { username } = record;
      const origin = this.#wanted("source", uri, id, record);
      const isSpecial = username === "all" || username === "anonymous";
      if (origin !== null && (isSpecial || this.#draft.get("user", uri, username) !== undefined))
        this.#draft.put("source", uri, id, record, origin);
    }
  }

  #grants({ uri, grants }: RealmGiven, whole: Draft): void {
    const merged = new Map<string, GrantRecord>();
    for (const given of grants)
      for (const record of grantRecords(given, resolveRoles(whole, uri, given.roles).roles)) {
        const before = merged.get(grantId(record));
        merged.set(
          grantId(record),
          before === undefined ? Object.freeze(record) : mergeGrants(before, record),
        );
      }
    for (const [id, record] of merged) {
      const origin = this.#wanted("grant", uri, id, record);
      // To somebody who was deleted at run time: it would be for the next of that name.
      if (origin !== null && resolveRoles(this.#draft, uri, [record.role]).unknown.length === 0)
        this.#draft.put("grant", uri, id, record, origin);
    }
  }

  #removeVanished(): void {
    const draft = this.#draft;
    const realms: string[] = [];
    for (const [key, origin] of [...this.#state.origins()]) {
      const parsed = parseKey(key);
      if (this.#seen.has(key) || parsed === undefined || fileOf(origin) !== this.#name) continue;
      const { kind, realm, id } = parsed;
      const record = draft.get(kind, realm, id);
      if (record === undefined) continue;
      if (kind === "realm") realms.push(realm);
      else if (kind === "user") removeUser(draft, realm, record as UserRecord);
      else if (kind === "group") removeGroup(draft, realm, id);
      else draft.put(kind, realm, id, null);
    }
    for (const uri of realms) this.#removeRealm(uri);
    for (const { realm, id, file } of [...this.#state.gone()]) {
      const isSaid =
        this.#seen.has(goneKey(realm, id)) ||
        (this.#isGone(realm) && this.#seen.has(keyOf("realm", realm, "")));
      if (file === this.#name && !isSaid) this.#draft.put("gone", realm, id, null);
    }
  }

  #isGone(realm: string): boolean {
    return this.#state.get("gone", realm, "realm") !== undefined;
  }

  /** One that has something of its own, or that another realm needs, stays, and is the administrators' from now on. */
  #removeRealm(uri: string): void {
    const draft = this.#draft;
    const record = draft.get("realm", uri, "");
    if (record === undefined) return;
    const has = (["user", "group", "source", "grant"] as const).some(
      (kind) => [...draft.entries(kind, uri)].length > 0,
    );
    if (uri === masterRealm || has || isNeeded(draft, uri)) draft.put("realm", uri, "", record, null);
    else removeRealm(draft, uri, true);
  }
}

/** The key that a `gone` stands for. */
function goneKey(realm: string, id: string): string {
  const space = id.indexOf(" ");
  return space < 0
    ? keyOf(id as Kind, realm, "")
    : keyOf(id.slice(0, space) as Kind, realm, id.slice(space + 1));
}

/** Each user with what all realms say of it: a same-sign-on realm has the credentials that others give. */
function usersByRealm(
  realms: readonly RealmGiven[],
  isGone: (uri: string) => boolean,
): ReadonlyMap<string, Map<string, UserGiven>> {
  const all = new Map<string, Map<string, UserGiven>>();
  const add = (uri: string, user: UserGiven): void => {
    const users = all.get(uri) ?? new Map<string, UserGiven>();
    const said = Object.entries(user).filter(([, value]) => value !== undefined);
    users.set(user.username, {
      ...nobody,
      ...users.get(user.username),
      ...(Object.fromEntries(said) as Partial<UserGiven>),
    });
    all.set(uri, users);
  };
  // Same-sign-on realms come first among `realms`.
  for (const { uri, users } of realms)
    for (const user of users) {
      const { username, password, authorized_keys, password_opts, sso_realm_uri: sso } = user;
      if (sso === undefined || sso === uri) add(uri, { ...user, sso_realm_uri: undefined });
      else {
        if (!isGone(sso)) add(sso, { ...nobody, username, password, authorized_keys, password_opts });
        add(uri, { ...user, password: undefined, authorized_keys: undefined, password_opts: undefined });
      }
    }
  return all;
}

const nobody: UserGiven = Object.freeze({
  username: "",
  password: undefined,
  authorized_keys: undefined,
  groups: undefined,
  sso_realm_uri: undefined,
  enabled: undefined,
  meta: undefined,
  aliases: undefined,
  password_opts: undefined,
});
