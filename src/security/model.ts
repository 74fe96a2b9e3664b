/** What everybody may ask the security model, and how it is changed. Implemented by SecurityService. Types only. */
import type { AccessPolicy } from "../ports.ts";
import type {
  AuthMethod,
  Credentials,
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

type Dict = Readonly<Record<string, unknown>>;

/** A realm with what it inherits from its prototype, and the defaults. */
export interface EffectiveRealm {
  readonly record: RealmRecord;
  readonly uri: string;
  readonly allowConnections: boolean;
  readonly securityEnabled: boolean;
  readonly authmethods: readonly AuthMethod[];
  readonly ssoRealmUri: string | null;
  readonly passwordOptions: PasswordOptions;
  readonly mostSpecific: boolean;
  /** Procedures of the realm that decide about its clients, by method. */
  readonly authenticators: NonNullable<RealmRecord["authenticators"]>;
}

/** A user as a login sees it: who it is here, and whose credentials count. */
export interface Principal {
  readonly realm: string;
  /** Canonical name, also where an alias was given. */
  readonly user: UserRecord;
  /** The record that has password and keys: of the same-sign-on realm where there is one. */
  readonly credentialRealm: string;
  readonly credentialUser: UserRecord;
  /** Here and there. */
  readonly enabled: boolean;
}

/** Synchronous, from memory. Unknown realms and names: undefined, or nothing. Names in any case. */
export interface SecurityModel extends AccessPolicy {
  realm(uri: string): EffectiveRealm | undefined;
  realms(): readonly RealmRecord[];
  user(realm: string, nameOrAlias: string): UserRecord | undefined;
  users(realm: string): readonly UserRecord[];
  principal(realm: string, nameOrAlias: string): Principal | undefined;
  /** With the prototype's; the realm's own of a name wins. */
  group(realm: string, name: string): GroupRecord | undefined;
  groups(realm: string): readonly GroupRecord[];
  /** These groups and all that contain them, each once. */
  closure(realm: string, groups: readonly string[]): readonly string[];
  /** With the prototype's for `all`. */
  sources(realm: string): readonly SourceRecord[];
  /** With the prototype's. */
  grants(realm: string): readonly GrantRecord[];
  /** Of one role, without those that it has through groups. */
  grantsOf(realm: string, role: Role): readonly GrantRecord[];
  /** The realm's authorizer and authenticators. */
  deciding(realm: string): readonly string[];
  /** Newest first, with those that verify only. */
  signingKeys(realm: string): readonly SigningKey[];
  ticket(realm: string, id: string): TicketRecord | undefined;
  /** Of one user, in no particular order. */
  tickets(realm: string, authid: string): readonly TicketRecord[];
  /** Whether an identity has a permission of any name on a concrete URI: grants of the router's own permissions and of any other. */
  isGranted(
    realm: string,
    identity: { readonly user?: string; readonly roles?: readonly string[] },
    permission: string,
    uri: string,
  ): boolean;
}

/** Told after a change is durable and visible. */
export interface SecurityChange {
  readonly kind: "realm" | "user" | "group" | "source" | "grant" | "ticket" | "keys";
  readonly action: "created" | "updated" | "deleted" | "credentials";
  readonly realm: string;
  /** Of the user, group …; the realm's URI for a realm. */
  readonly name: string;
}

/**
 * Changes. Each takes what Bondy's procedure takes, checks all of it, resolves when it is durable and in force, and rejects with a
 * WampError: wamp.error.invalid_argument, bondy.error.not_found, bondy.error.already_exists … (names in security/errors.ts).
 * They are done one after the other, in the order of the calls.
 */
export interface SecurityAdmin {
  createRealm(given: Dict): Promise<RealmRecord>;
  updateRealm(uri: string, given: Dict): Promise<RealmRecord>;
  deleteRealm(uri: string, options: { readonly force: boolean }): Promise<void>;
  setSecurityEnabled(uri: string, enabled: boolean): Promise<void>;
  /** Makes a new signing key; the others verify on for `overlap_s`. */
  rotateKeys(uri: string, overlap_s: number): Promise<SigningKey>;
  /** The key that signs; made, and kept, where there is none yet. */
  signingKey(uri: string): Promise<SigningKey>;

  addUser(realm: string, given: Dict): Promise<UserRecord>;
  updateUser(realm: string, name: string, given: Dict, mayChange?: MayChange): Promise<UserRecord>;
  deleteUser(realm: string, name: string): Promise<void>;
  setUserEnabled(realm: string, name: string, enabled: boolean): Promise<void>;
  /** `old`: must be the present one; undefined: is not asked for. */
  changePassword(
    realm: string,
    name: string,
    password: string,
    old?: string,
    mayChange?: MayChange,
  ): Promise<void>;
  /** After a login showed the password: the same password, hashed as the realm wants it now. */
  upgradeCredentials(realm: string, name: string, credentials: Credentials): Promise<void>;
  addAlias(realm: string, name: string, alias: string): Promise<void>;
  removeAlias(realm: string, name: string, alias: string): Promise<void>;
  changeUserGroups(
    realm: string,
    name: string,
    change: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
  ): Promise<void>;

  addGroup(realm: string, given: Dict): Promise<GroupRecord>;
  updateGroup(realm: string, name: string, given: Dict): Promise<GroupRecord>;
  deleteGroup(realm: string, name: string): Promise<void>;
  changeGroupGroups(
    realm: string,
    name: string,
    change: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
  ): Promise<GroupRecord>;

  /** One for each user name. */
  addSource(realm: string, given: Dict): Promise<readonly SourceRecord[]>;
  /** By all methods where none is given. */
  deleteSource(realm: string, usernames: unknown, cidr: string, authmethod?: string): Promise<void>;

  /** In both of Bondy's forms. */
  grant(realm: string, given: Dict): Promise<void>;
  /** Takes the named permissions away from the named roles on the named resources. */
  revoke(realm: string, given: Dict): Promise<void>;

  putTicket(ticket: TicketRecord): Promise<void>;
  revokeTickets(realm: string, authid: string): Promise<number>;
  revokeTicket(realm: string, id: string): Promise<boolean>;
}

/**
 * Asked about the realm that has a user's password and keys, when everything before the change is done: throws where they may not be
 * changed. What was so when the change was asked for may be otherwise by then.
 */
export type MayChange = (home: string) => void;

export interface Security extends SecurityModel, SecurityAdmin {
  /** Calls back after every change, in order. Returns how to stop. */
  onChange(listener: (change: SecurityChange) => void): () => void;
}

/** The model as a running router has it. */
export interface LiveSecurity extends Security {
  /** This router, among those that share its records. */
  readonly nodeId: string;
  /** The realm that is made because a HELLO names it; undefined: none is. */
  automaticRealm(uri: string): Promise<EffectiveRealm | undefined>;
}
