/**
 * A change in the making: what it will put, over what is there. Rules look at the draft, so that several records that come together are
 * checked together; nothing is changed until all of it is committed.
 */
import type { SecurityChange } from "./model.ts";
import type { SigningKey, UserRecord } from "./records.ts";
import {
  goneId,
  type Kind,
  type Kinds,
  keyOf,
  type Reader,
  type RecordKey,
  type SecurityState,
} from "./state.ts";

export interface Put extends RecordKey {
  readonly key: string;
  readonly value: unknown | null;
  readonly origin: string | null;
}

type Value = Kinds[Kind];

export class Draft implements Reader {
  readonly #state: SecurityState;
  /** By kind and realm, then by id. */
  readonly #rows = new Map<string, Map<string, Value | null>>();
  readonly #puts = new Map<string, Put>();
  readonly #aliases = new Map<string, string | null>();
  /** Whether this is what a file of definitions says, and not a change that wins over it. */
  readonly #fromFile: boolean;

  constructor(state: SecurityState, { fromFile = false }: { readonly fromFile?: boolean } = {}) {
    this.#state = state;
    this.#fromFile = fromFile;
  }

  get<K extends Kind>(kind: K, realm: string, id: string): Kinds[K] | undefined {
    const row = this.#rows.get(`${kind} ${realm}`)?.get(id);
    if (row === undefined) return this.#state.get(kind, realm, id);
    return (row ?? undefined) as Kinds[K] | undefined;
  }

  *entries<K extends Kind>(kind: K, realm: string): Iterable<readonly [id: string, value: Kinds[K]]> {
    const rows = this.#rows.get(`${kind} ${realm}`);
    for (const entry of this.#state.entries(kind, realm)) if (!rows?.has(entry[0])) yield entry;
    for (const [id, row] of rows ?? []) if (row !== null) yield [id, row as Kinds[K]];
  }

  aliasOwner(realm: string, alias: string): string | undefined {
    const owner = this.#aliases.get(`${realm} ${alias}`);
    return owner === undefined ? this.#state.aliasOwner(realm, alias) : (owner ?? undefined);
  }

  *realmUris(): Iterable<string> {
    const seen = new Set<string>();
    for (const { kind, realm, value } of this.#puts.values())
      if (kind === "realm") {
        seen.add(realm);
        if (value !== null) yield realm;
      }
    for (const uri of this.#state.realmUris()) if (!seen.has(uri)) yield uri;
  }

  origin(key: string): string | null {
    const put = this.#puts.get(key);
    return put === undefined ? this.#state.origin(key) : put.origin;
  }

  /** Null deletes. `origin`: digest of the definition that the record follows from now on; null: it was changed at run time. */
  put<K extends Kind>(
    kind: K,
    realm: string,
    id: string,
    value: Kinds[K] | null,
    origin: string | null = null,
  ): void {
    if (kind === "user") {
      const before = this.get("user", realm, id);
      for (const alias of before?.aliases ?? [])
        if (this.aliasOwner(realm, alias) === id) this.#aliases.set(`${realm} ${alias}`, null);
      for (const alias of (value as UserRecord | null)?.aliases ?? [])
        this.#aliases.set(`${realm} ${alias}`, id);
    }
    const table = `${kind} ${realm}`;
    const rows = this.#rows.get(table) ?? new Map<string, Value | null>();
    this.#rows.set(table, rows.set(id, value));
    const key = keyOf(kind, realm, id);
    this.#puts.set(key, { key, kind, realm, id, value, origin });
    if (!this.#fromFile && (value === null || kind === "keys")) this.#markGone({ kind, realm, id }, key);
  }

  /** The file must not bring back what it defines. */
  #markGone({ kind, realm, id }: RecordKey, key: string): void {
    const file = fileOf(this.#state.origin(key)) ?? this.#state.defined.get(key);
    if (kind === "gone" || file === undefined) return;
    if (this.get("gone", realm, goneId(kind, id)) === undefined)
      this.put("gone", realm, goneId(kind, id), file);
  }

  /** As a consequence of another change: it goes on following its definition. */
  putAlong<K extends Kind>(kind: K, realm: string, id: string, value: Kinds[K]): void {
    this.put(kind, realm, id, value, this.origin(keyOf(kind, realm, id)));
  }

  /** Only what makes a difference. */
  puts(): readonly Put[] {
    return [...this.#puts.values()].filter((put) => {
      const before = this.#state.get(put.kind, put.realm, put.id) ?? null;
      return before !== put.value || (put.value !== null && this.#state.origin(put.key) !== put.origin);
    });
  }

  /** What listeners are told, in the order of the puts. */
  changes(): readonly SecurityChange[] {
    return this.puts().flatMap((put) => this.#changesOf(put));
  }

  #changesOf(put: Put): readonly SecurityChange[] {
    const { kind, realm, id, value } = put;
    const before = this.#state.get(kind, realm, id) ?? null;
    if (kind === "gone" || kind === "digests" || before === value) return [];
    // Of a realm that goes one hears once.
    if (kind !== "realm" && this.get("realm", realm, "") === undefined) return [];
    const name = kind === "realm" ? realm : kind === "keys" ? newestKid(value ?? before) : id;
    const action = value === null ? "deleted" : before === null ? "created" : "updated";
    if (kind !== "user") return [{ kind, action, realm, name }];
    if (action !== "updated" || !credentialsDiffer(before as UserRecord, value as UserRecord))
      return [{ kind, action, realm, name }, ...this.#ofLinked(put, action)];
    return [{ kind, action: "credentials", realm, name }, ...this.#ofLinked(put, "credentials")];
  }

  /** Of a user of a same-sign-on realm: the users of the other realms whose credentials these are. */
  *#ofLinked({ realm, id }: Put, action: SecurityChange["action"]): Iterable<SecurityChange> {
    const record = this.#state.get("realm", realm, "");
    if (record?.is_sso_realm !== true || action === "created") return;
    const told = action === "deleted" ? "updated" : action;
    for (const other of this.#state.realmUris()) {
      if (this.#state.get("user", other, id)?.sso_realm_uri === realm)
        yield { kind: "user", action: told, realm: other, name: id };
    }
  }
}

/** An origin is a digest, and the name of the file. */
export const originOf = (digest: string, file: string): string => `${digest} ${file}`;
export const fileOf = (origin: string | null): string | undefined => origin?.slice(origin.indexOf(" ") + 1);

const newestKid = (keys: unknown): string => (keys as readonly SigningKey[] | null)?.[0]?.kid ?? "";

/** A password that was hashed anew is the same password: only `changed_ms` says that it is another. */
export function credentialsDiffer(a: UserRecord, b: UserRecord): boolean {
  return (
    a.credentials?.changed_ms !== b.credentials?.changed_ms ||
    a.authorized_keys.join() !== b.authorized_keys.join()
  );
}
