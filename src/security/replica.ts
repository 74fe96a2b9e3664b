/**
 * The security model in a worker: the records of the first thread, kept up with its changes, so that every question is answered from
 * memory here. Changes are made there, and have been applied here when their promise resolves.
 */
import { type ChangeListener, ChangeListeners } from "./change-listeners.ts";
import { shared } from "./open.ts";
import type { EffectiveRealm, LiveSecurity, MayChange, SecurityAdmin, SecurityChange } from "./model.ts";
import { ModelQueries } from "./model-queries.ts";
import type { Credentials, PasswordOptions, TicketRecord } from "./records.ts";
import { parseKey, SecurityState } from "./state.ts";
import type { Dict } from "./check.ts";

/** One record with its key. */
export type KeyedRecord = readonly [key: string, value: unknown, origin: string | null];

/** What the first thread tells a worker that begins. */
export interface Snapshot {
  readonly nodeId: string;
  readonly passwordOptions: Partial<PasswordOptions>;
  readonly records: readonly KeyedRecord[];
}

/** Methods that are called there, by name. */
export type RemoteMethod = keyof SecurityAdmin | "automaticRealm";
/** Rejects with the WampError that the method there has rejected with. */
export type CallHome = (method: RemoteMethod, args: readonly unknown[]) => Promise<unknown>;

export interface ReplicaParts {
  readonly callHome: CallHome;
  /** Milliseconds since 1970. */
  wall_ms(): number;
  /** A listener to changes threw: a fault of ours. */
  failed(cause: unknown, change: SecurityChange): void;
}

export class SecurityReplica extends ModelQueries implements LiveSecurity {
  readonly nodeId: string;
  readonly #parts: ReplicaParts;
  readonly #listeners: ChangeListeners;

  static from(snapshot: Snapshot, parts: ReplicaParts): SecurityReplica {
    const state = new SecurityState();
    const pool = new Map<string, string>();
    for (const record of snapshot.records) applyTo(state, record, pool);
    return new SecurityReplica(state, snapshot, parts);
  }

  private constructor(
    state: SecurityState,
    { nodeId, passwordOptions }: Omit<Snapshot, "records">,
    parts: ReplicaParts,
  ) {
    super(state, { passwordOptions, wall_ms: () => parts.wall_ms() });
    this.nodeId = nodeId;
    this.#parts = parts;
    this.#listeners = new ChangeListeners((cause, change) => parts.failed(cause, change));
  }

  /** A commit of the first thread. */
  apply(records: readonly KeyedRecord[], changes: readonly SecurityChange[]): void {
    const pool = new Map<string, string>();
    for (const record of records) applyTo(this.state, record, pool);
    this.#listeners.tell(changes);
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  async automaticRealm(uri: string): Promise<EffectiveRealm | undefined> {
    await this.#parts.callHome("automaticRealm", [uri]);
    return this.realm(uri);
  }

  // ---- changes

  #call<M extends RemoteMethod>(
    method: M,
    ...args: readonly unknown[]
  ): ReturnType<Pick<LiveSecurity, RemoteMethod>[M]> {
    return this.#parts.callHome(method, args) as ReturnType<Pick<LiveSecurity, RemoteMethod>[M]>;
  }

  createRealm(given: Dict): ReturnType<SecurityAdmin["createRealm"]> {
    return this.#call("createRealm", given);
  }
  updateRealm(uri: string, given: Dict): ReturnType<SecurityAdmin["updateRealm"]> {
    return this.#call("updateRealm", uri, given);
  }
  deleteRealm(uri: string, options: { readonly force: boolean }): Promise<void> {
    return this.#call("deleteRealm", uri, options);
  }
  setSecurityEnabled(uri: string, enabled: boolean): Promise<void> {
    return this.#call("setSecurityEnabled", uri, enabled);
  }
  rotateKeys(uri: string, overlap_s: number): ReturnType<SecurityAdmin["rotateKeys"]> {
    return this.#call("rotateKeys", uri, overlap_s);
  }
  signingKey(uri: string): ReturnType<SecurityAdmin["signingKey"]> {
    return this.#call("signingKey", uri);
  }
  addUser(realm: string, given: Dict): ReturnType<SecurityAdmin["addUser"]> {
    return this.#call("addUser", realm, given);
  }
  updateUser(
    realm: string,
    name: string,
    given: Dict,
    mayChange?: MayChange,
  ): ReturnType<SecurityAdmin["updateUser"]> {
    return this.#asked(realm, name, mayChange, given["authorized_keys"] !== undefined, (home) =>
      this.#call("updateUser", realm, name, given, home),
    );
  }
  deleteUser(realm: string, name: string): Promise<void> {
    return this.#call("deleteUser", realm, name);
  }
  setUserEnabled(realm: string, name: string, enabled: boolean): Promise<void> {
    return this.#call("setUserEnabled", realm, name, enabled);
  }
  changePassword(
    realm: string,
    name: string,
    password: string,
    old?: string,
    mayChange?: MayChange,
  ): Promise<void> {
    return this.#asked(realm, name, mayChange, true, (home) =>
      this.#call("changePassword", realm, name, password, old ?? null, home),
    );
  }
  upgradeCredentials(realm: string, name: string, credentials: Credentials): Promise<void> {
    return this.#call("upgradeCredentials", realm, name, credentials);
  }
  addAlias(realm: string, name: string, alias: string): Promise<void> {
    return this.#call("addAlias", realm, name, alias);
  }
  removeAlias(realm: string, name: string, alias: string): Promise<void> {
    return this.#call("removeAlias", realm, name, alias);
  }
  changeUserGroups(...args: Parameters<SecurityAdmin["changeUserGroups"]>): Promise<void> {
    return this.#call("changeUserGroups", ...args);
  }
  addGroup(realm: string, given: Dict): ReturnType<SecurityAdmin["addGroup"]> {
    return this.#call("addGroup", realm, given);
  }
  updateGroup(realm: string, name: string, given: Dict): ReturnType<SecurityAdmin["updateGroup"]> {
    return this.#call("updateGroup", realm, name, given);
  }
  deleteGroup(realm: string, name: string): Promise<void> {
    return this.#call("deleteGroup", realm, name);
  }
  changeGroupGroups(
    ...args: Parameters<SecurityAdmin["changeGroupGroups"]>
  ): ReturnType<SecurityAdmin["changeGroupGroups"]> {
    return this.#call("changeGroupGroups", ...args);
  }
  addSource(realm: string, given: Dict): ReturnType<SecurityAdmin["addSource"]> {
    return this.#call("addSource", realm, given);
  }
  deleteSource(realm: string, usernames: unknown, cidr: string, authmethod?: string): Promise<void> {
    return this.#call("deleteSource", realm, usernames, cidr, authmethod ?? null);
  }
  grant(realm: string, given: Dict): Promise<void> {
    return this.#call("grant", realm, given);
  }
  revoke(realm: string, given: Dict): Promise<void> {
    return this.#call("revoke", realm, given);
  }
  putTicket(ticket: TicketRecord): Promise<void> {
    return this.#call("putTicket", ticket);
  }
  revokeTickets(realm: string, authid: string): Promise<number> {
    return this.#call("revokeTickets", realm, authid);
  }
  revokeTicket(realm: string, id: string): Promise<boolean> {
    return this.#call("revokeTicket", realm, id);
  }

  /**
   * Asks `mayChange` about the realm that has the user's credentials as far as is known here; the change is refused there if it is
   * another one by then. Null: it need not be asked, or the user is not known here, and so not allowed to be one of another realm.
   */
  async #asked<T>(
    realm: string,
    name: string,
    mayChange: MayChange | undefined,
    isAsked: boolean,
    change: (home: string | null) => Promise<T>,
  ): Promise<T> {
    if (mayChange === undefined || !isAsked) return change(null);
    const user = this.user(realm, name);
    const home = user?.sso_realm_uri ?? realm.toLowerCase();
    mayChange(home);
    return change(home);
  }
}

function applyTo(state: SecurityState, [key, value, origin]: KeyedRecord, pool: Map<string, string>): void {
  const parsed = parseKey(key);
  if (parsed !== undefined) state.apply(parsed, shared(value, pool), origin);
}
