/** The security model: asked from memory, changed through checks and one commit each. Rules are in the files beside this one. */
import { fixedLimits } from "../base/limits.ts";
import type { FillRandom } from "../ports.ts";
import { Check, type Dict, fold, utf8Bytes } from "./check.ts";
import { normalCidr } from "./cidr.ts";
import type { Draft } from "./draft.ts";
import { alreadyExists, invalidInput, notFound, securityError } from "./errors.ts";
import { readGrant } from "./grant-shape.ts";
import { putGrant, putSource, takeGrant } from "./grants.ts";
import { putGroups, removeGroup } from "./groups.ts";
import { makeKey } from "./keys.ts";
import type { EffectiveRealm, LiveSecurity, MayChange, SecurityChange } from "./model.ts";
import { ModelQueries } from "./model-queries.ts";
import type { Mutations, Replicate } from "./mutations.ts";
import { readRealm } from "./realm-shape.ts";
import type { RecordStore } from "./record-store.ts";
import { isReservedRealm, needRealm, putRealm, removeRealm, withNewKey } from "./realms.ts";
import type {
  Credentials,
  GroupRecord,
  PasswordOptions,
  RealmRecord,
  SigningKey,
  SourceRecord,
  TicketRecord,
  UserRecord,
} from "./records.ts";
import { readGroup, readPassword, readSource, readUsernames, readUser } from "./shapes.ts";
import type { SecurityState } from "./state.ts";
import { putTicket } from "./tickets.ts";
import {
  checkAliases,
  credentialHome,
  needUser,
  type PasswordParts,
  putPassword,
  putUser,
  removeUser,
  storeUser,
} from "./users.ts";
import { effectiveRealm, groupOf, masterRealm } from "./view.ts";

export interface SecurityParts extends PasswordParts {
  /** This router, among those that will share its records. */
  readonly nodeId: string;
  verifyPassword(password: string, credentials: Credentials): Promise<boolean>;
  readonly passwordOptions: Partial<PasswordOptions>;
  /** What an unknown realm that a HELLO names is made after; null: none is made. */
  readonly automaticRealms: Dict | null;
  readonly fillRandom: FillRandom;
  readonly records: Pick<RecordStore, "entries">;
}

type Names = { readonly add?: readonly string[]; readonly remove?: readonly string[] };

/** Reads an input, or throws all that is wrong with it. */
function reading<T>(read: (check: Check) => T): T {
  const check = new Check();
  const result = read(check);
  if (check.problems.length > 0) throw invalidInput(check.problems);
  return result;
}

const nameList = (value: unknown, path: string): readonly string[] =>
  reading((check) => check.names(value, path));

export class SecurityService extends ModelQueries implements LiveSecurity {
  readonly #parts: SecurityParts;
  readonly #mutations: Mutations;

  constructor(state: SecurityState, mutations: Mutations, parts: SecurityParts) {
    super(state, parts);
    this.#mutations = mutations;
    this.#parts = parts;
  }

  get nodeId(): string {
    return this.#parts.nodeId;
  }

  onChange(listener: (change: SecurityChange) => void): () => void {
    return this.#mutations.onChange(listener);
  }

  /** Has every change wait until `replicate` has resolved, before anybody is told that it is made. */
  replicateBy(replicate: Replicate): void {
    this.#mutations.replicate = replicate;
  }

  /** All records, for a replica. */
  *records(): Iterable<{ readonly key: string; readonly value: unknown; readonly origin: string | null }> {
    yield* this.#parts.records.entries("");
  }

  get passwordOptions(): Partial<PasswordOptions> {
    return this.#parts.passwordOptions;
  }

  /** What `make` puts, as one change. `fromFile`: it is what a file of definitions says. */
  change<T>(
    make: (draft: Draft, state: SecurityState, parts: SecurityParts) => T | Promise<T>,
    options: { readonly fromFile: boolean },
  ): Promise<T> {
    return this.#mutations.run((draft) => make(draft, this.state, this.#parts), options);
  }

  /** Of a realm that is there; its URI is folded. */
  #in<T>(realm: string, make: (draft: Draft, uri: string) => T | Promise<T>): Promise<T> {
    return this.#mutations.run((draft) => {
      const uri = fold(realm);
      needRealm(draft, uri);
      return make(draft, uri);
    });
  }

  createRealm(given: Dict): Promise<RealmRecord> {
    return this.#mutations.run((draft) => {
      const read = reading((check) => readRealm(check, given, ""));
      if (isReservedRealm(read.uri)) throw invalidInput([`uri: ${masterRealm} is the router's own`]);
      if (draft.get("realm", read.uri, "") !== undefined) throw alreadyExists(`a realm ${read.uri}`);
      return putRealm(draft, this.#parts, read);
    });
  }

  updateRealm(realm: string, given: Dict): Promise<RealmRecord> {
    return this.#in(realm, (draft, uri) => {
      const mostSpecific = effectiveRealm(draft, uri, {})?.mostSpecific === true;
      return putRealm(
        draft,
        this.#parts,
        reading((check) => readRealm(check, given, "", { uri, mostSpecific })),
      );
    });
  }

  deleteRealm(realm: string, { force }: { readonly force: boolean }): Promise<void> {
    return this.#in(realm, (draft, uri) => removeRealm(draft, uri, force));
  }

  setSecurityEnabled(realm: string, enabled: boolean): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const record = needRealm(draft, uri);
      if (record.security_enabled !== enabled)
        draft.put("realm", uri, "", Object.freeze({ ...record, security_enabled: enabled }));
    });
  }

  rotateKeys(realm: string, overlap_s: number): Promise<SigningKey> {
    return this.#in(realm, async (draft, uri) => {
      if (!Number.isFinite(overlap_s) || overlap_s < 0)
        throw invalidInput(["overlap_s: must be a number of seconds, 0 or more"]);
      return this.#newKey(draft, uri, overlap_s * 1_000);
    });
  }

  async signingKey(realm: string): Promise<SigningKey> {
    const present = this.signingKeys(realm)[0];
    if (present?.expires_ms === null) return present;
    return this.#in(realm, (draft, uri) => {
      const made = draft.get("keys", uri, "")?.[0];
      return made?.expires_ms === null ? made : this.#newKey(draft, uri, 0);
    });
  }

  async #newKey(draft: Draft, uri: string, overlap_ms: number): Promise<SigningKey> {
    const now_ms = this.#parts.wall_ms();
    const key = await makeKey(now_ms);
    draft.put("keys", uri, "", withNewKey(draft.get("keys", uri, "") ?? [], key, { now_ms, overlap_ms }));
    return key;
  }

  /**
   * The realm of that name, made after the configured template where there is none. Resolves to undefined where none is made: not
   * configured, a name that no realm has, or too many of them.
   */
  async automaticRealm(realm: string): Promise<EffectiveRealm | undefined> {
    const uri = fold(realm);
    const template = this.#parts.automaticRealms;
    const present = this.realm(uri);
    if (present !== undefined || template === null || isReservedRealm(uri)) return present;
    const check = new Check();
    const read = readRealm(check, { ...template, uri }, "");
    if (check.problems.length > 0) return undefined;
    await this.#mutations.run(async (draft) => {
      if (draft.get("realm", uri, "") !== undefined) return;
      let made = 0;
      for (const other of draft.realmUris())
        if (draft.get("realm", other, "")?.info["automatically_created"] === true) made++;
      if (made >= fixedLimits.automaticRealms_max) return;
      const record = await putRealm(draft, this.#parts, read);
      const info = Object.freeze({ ...record.info, automatically_created: true });
      draft.put("realm", uri, "", Object.freeze({ ...record, info }));
    });
    return this.realm(uri);
  }

  addUser(realm: string, given: Dict): Promise<UserRecord> {
    return this.#in(realm, (draft, uri) => {
      const read = reading((check) => readUser(check, given, ""));
      if (draft.get("user", uri, read.username) !== undefined)
        throw alreadyExists(`a user ${read.username} in ${uri}`);
      return putUser(draft, this.#parts, uri, read);
    });
  }

  updateUser(realm: string, name: string, given: Dict, mayChange?: MayChange): Promise<UserRecord> {
    return this.#in(realm, (draft, uri) => {
      const { username, sso_realm_uri } = needUser(draft, uri, name);
      const read = reading((check) => readUser(check, given, "", username));
      if (read.authorized_keys !== undefined) mayChange?.(sso_realm_uri ?? uri);
      return putUser(draft, this.#parts, uri, read);
    });
  }

  deleteUser(realm: string, name: string): Promise<void> {
    return this.#in(realm, (draft, uri) => removeUser(draft, uri, needUser(draft, uri, name)));
  }

  setUserEnabled(realm: string, name: string, enabled: boolean): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const user = needUser(draft, uri, name);
      if (user.enabled !== enabled) storeUser(draft, uri, Object.freeze({ ...user, enabled }));
    });
  }

  changePassword(
    realm: string,
    name: string,
    password: string,
    old?: string,
    mayChange?: MayChange,
  ): Promise<void> {
    return this.#in(realm, async (draft, uri) => {
      const given = reading((check) => readPassword(check, password, "password"));
      const home = credentialHome(draft, uri, name);
      mayChange?.(home.realm);
      const { credentials } = home.user;
      const known =
        old === undefined || (credentials !== null && (await this.#parts.verifyPassword(old, credentials)));
      if (!known) throw securityError("badPassword", "the old password is not the present one");
      await putPassword(draft, this.#parts, home, given);
    });
  }

  /** Nothing happens where `changed_ms` says that the password is no longer the one that was shown. */
  upgradeCredentials(realm: string, name: string, credentials: Credentials): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const home = credentialHome(draft, uri, name);
      if (home.user.credentials?.changed_ms !== credentials.changed_ms) return;
      const user = Object.freeze({ ...home.user, credentials: Object.freeze({ ...credentials }) });
      draft.putAlong("user", home.realm, user.username, user);
    });
  }

  addAlias(realm: string, name: string, alias: string): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const user = needUser(draft, uri, name);
      const [added = ""] = nameList([alias], "alias");
      if (user.aliases.includes(added)) return;
      const aliases = [...user.aliases, added];
      checkAliases(draft, uri, user.username, aliases);
      storeUser(draft, uri, Object.freeze({ ...user, aliases }));
    });
  }

  removeAlias(realm: string, name: string, alias: string): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const user = needUser(draft, uri, name);
      const aliases = user.aliases.filter((entry) => entry !== fold(alias));
      if (aliases.length < user.aliases.length) storeUser(draft, uri, Object.freeze({ ...user, aliases }));
    });
  }

  changeUserGroups(realm: string, name: string, change: Names): Promise<void> {
    return this.#in(realm, async (draft, uri) => {
      const { username, groups } = needUser(draft, uri, name);
      await putUser(draft, this.#parts, uri, {
        ...reading((check) => readUser(check, {}, "", username)),
        groups: changed(groups, change),
      });
    });
  }

  addGroup(realm: string, given: Dict): Promise<GroupRecord> {
    return this.#in(realm, (draft, uri) => {
      const read = reading((check) => readGroup(check, given, ""));
      if (draft.get("group", uri, read.name) !== undefined)
        throw alreadyExists(`a group ${read.name} in ${uri}`);
      return putGroups(draft, uri, [read])[0]!;
    });
  }

  updateGroup(realm: string, name: string, given: Dict): Promise<GroupRecord> {
    return this.#in(realm, (draft, uri) => {
      const own = needGroup(draft, uri, name);
      return putGroups(draft, uri, [reading((check) => readGroup(check, given, "", own.name))])[0]!;
    });
  }

  deleteGroup(realm: string, name: string): Promise<void> {
    return this.#in(realm, (draft, uri) => removeGroup(draft, uri, fold(name)));
  }

  changeGroupGroups(realm: string, name: string, change: Names): Promise<GroupRecord> {
    return this.#in(realm, (draft, uri) => {
      const own = needGroup(draft, uri, name);
      return putGroups(draft, uri, [
        { name: own.name, groups: changed(own.groups, change), meta: undefined },
      ])[0]!;
    });
  }

  addSource(realm: string, given: Dict): Promise<readonly SourceRecord[]> {
    return this.#in(realm, (draft, uri) =>
      putSource(
        draft,
        uri,
        reading((check) => readSource(check, given, "")),
      ),
    );
  }

  deleteSource(realm: string, usernames: unknown, cidr: string, authmethod?: string): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const names = reading((check) => readUsernames(check, usernames, "usernames"));
      const network = normalCidr(cidr);
      let found = false;
      for (const [id, source] of [...draft.entries("source", uri)]) {
        if (!names.includes(source.username) || source.cidr !== network) continue;
        if (authmethod !== undefined && source.authmethod !== authmethod) continue;
        draft.put("source", uri, id, null);
        found = true;
      }
      if (!found) throw notFound("such source");
    });
  }

  grant(realm: string, given: Dict): Promise<void> {
    return this.#in(realm, (draft, uri) => {
      const mayDeny = effectiveRealm(draft, uri, {})?.mostSpecific === true;
      putGrant(
        draft,
        uri,
        reading((check) => readGrant(check, given, "", mayDeny)),
      );
    });
  }

  revoke(realm: string, given: Dict): Promise<void> {
    return this.#in(realm, (draft, uri) =>
      takeGrant(
        draft,
        uri,
        reading((check) => readGrant(check, given, "", true)),
      ),
    );
  }

  putTicket(ticket: TicketRecord): Promise<void> {
    return this.#in(ticket.authrealm, (draft, uri) =>
      putTicket(draft, ticket, this.tickets(uri, ticket.authid), this.#parts.wall_ms()),
    );
  }

  revokeTickets(realm: string, authid: string): Promise<number> {
    return this.#in(realm, (draft, uri) => {
      const tickets = this.tickets(uri, authid);
      for (const { id } of tickets) draft.put("ticket", uri, id, null);
      return tickets.length;
    });
  }

  revokeTicket(realm: string, id: string): Promise<boolean> {
    return this.#in(realm, (draft, uri) => {
      if (utf8Bytes(id) > fixedLimits.nameBytes_max || draft.get("ticket", uri, id) === undefined)
        return false;
      draft.put("ticket", uri, id, null);
      return true;
    });
  }
}

function changed(present: readonly string[], { add = [], remove = [] }: Names): readonly string[] {
  const added = nameList(add, "groups");
  const removed = nameList(remove, "groups");
  return Object.freeze([...new Set([...present, ...added])].filter((name) => !removed.includes(name)));
}

/** The realm's own; one of the prototype is changed there. */
function needGroup(draft: Draft, realm: string, name: string): GroupRecord {
  const own = draft.get("group", realm, fold(name));
  if (own !== undefined) return own;
  const inherited = groupOf(draft, realm, fold(name)) !== undefined;
  throw notFound(`group ${name} in ${realm}${inherited ? ": it is its prototype's" : ""}`);
}
