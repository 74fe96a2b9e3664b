/**
 * The records of the security model in memory, as tables by realm. It knows nothing of rules: what is put in was checked before. Loading
 * from the store and applying a change are the same step, so that a restart finds the same.
 */
import type {
  GrantRecord,
  GroupRecord,
  RealmRecord,
  SigningKey,
  SourceRecord,
  TicketRecord,
  UserRecord,
} from "./records.ts";

/**
 * Kinds of records. `gone` stands for one that a file of definitions has and that was deleted, or keys that were replaced, at run
 * time; its id says which, and it is the name of the file. `digests` is one for the whole store (in no realm): the key that digests of definitions are made with.
 */
export interface Kinds {
  readonly realm: RealmRecord;
  readonly keys: readonly SigningKey[];
  readonly user: UserRecord;
  readonly group: GroupRecord;
  readonly source: SourceRecord;
  readonly grant: GrantRecord;
  readonly ticket: TicketRecord;
  readonly gone: string;
  readonly digests: string;
}
export type Kind = keyof Kinds;

/** Neither realms nor names nor URIs have spaces. `id` is "" for kinds of which a realm has one. */
export const keyOf = (kind: Kind, realm: string, id: string): string =>
  id === "" ? `${kind} ${realm}` : `${kind} ${realm} ${id}`;

/** The id of the `gone` that stands for a record. */
export const goneId = (kind: Kind, id: string): string => (id === "" ? kind : `${kind} ${id}`);

const kinds: readonly string[] = [
  "realm",
  "keys",
  "user",
  "group",
  "source",
  "grant",
  "ticket",
  "gone",
  "digests",
];

export interface RecordKey {
  readonly kind: Kind;
  readonly realm: string;
  readonly id: string;
}

/** Undefined: not a key of the security model. */
export function parseKey(key: string): RecordKey | undefined {
  const first = key.indexOf(" ");
  const kind = key.slice(0, first);
  if (first < 0 || !kinds.includes(kind)) return undefined;
  const second = key.indexOf(" ", first + 1);
  if (second < 0) return { kind: kind as Kind, realm: key.slice(first + 1), id: "" };
  return { kind: kind as Kind, realm: key.slice(first + 1, second), id: key.slice(second + 1) };
}

/** What both the state and a change in the making can be asked. */
export interface Reader {
  get<K extends Kind>(kind: K, realm: string, id: string): Kinds[K] | undefined;
  entries<K extends Kind>(kind: K, realm: string): Iterable<readonly [id: string, value: Kinds[K]]>;
  /** The user who has this alias. */
  aliasOwner(realm: string, alias: string): string | undefined;
  realmUris(): Iterable<string>;
  /** Digest of the definition that a record follows, or null. */
  origin(key: string): string | null;
}

const nothing: ReadonlyMap<string, never> = new Map<string, never>();

/** One realm. Ten thousand realms at rest have few tables each: those that are empty are not there. */
class RealmTables {
  record: RealmRecord | undefined = undefined;
  keys: readonly SigningKey[] | undefined = undefined;
  user: Map<string, UserRecord> | undefined = undefined;
  group: Map<string, GroupRecord> | undefined = undefined;
  source: Map<string, SourceRecord> | undefined = undefined;
  grant: Map<string, GrantRecord> | undefined = undefined;
  ticket: Map<string, TicketRecord> | undefined = undefined;
  gone: Map<string, string> | undefined = undefined;
  aliases: Map<string, string> | undefined = undefined;
  grantsByRole: GroupIndex<GrantRecord> | undefined = undefined;
  ticketsByUser: GroupIndex<TicketRecord> | undefined = undefined;
}

/** Entries beyond which a table gets an index; fewer are looked through. */
const indexed_min = 16;

/** The rows of a table by what they belong to: grants by role, tickets by user. */
class GroupIndex<V> {
  readonly #groupOf: (id: string, row: V) => string;
  #groups: Map<string, Map<string, V>> | undefined = undefined;

  constructor(groupOf: (id: string, row: V) => string) {
    this.#groupOf = groupOf;
  }

  of(table: ReadonlyMap<string, V> | undefined, group: string): readonly V[] {
    if (table === undefined) return [];
    if (table.size <= indexed_min) {
      const found: V[] = [];
      for (const [id, row] of table) if (this.#groupOf(id, row) === group) found.push(row);
      return found;
    }
    if (this.#groups === undefined) for (const [id, row] of table) this.#add(id, row);
    return [...(this.#groups?.get(group)?.values() ?? [])];
  }

  /** After the table has changed. */
  changed(id: string, before: V | undefined, after: V | null, count: number): void {
    if (count <= indexed_min) this.#groups = undefined;
    if (this.#groups === undefined) return;
    if (before !== undefined) {
      const group = this.#groupOf(id, before);
      const rows = this.#groups.get(group);
      if (rows?.delete(id) && rows.size === 0) this.#groups.delete(group);
    }
    if (after !== null) this.#add(id, after);
  }

  #add(id: string, row: V): void {
    this.#groups ??= new Map<string, Map<string, V>>();
    const group = this.#groupOf(id, row);
    const rows = this.#groups.get(group);
    if (rows === undefined) this.#groups.set(group, new Map([[id, row]]));
    else rows.set(id, row);
  }
}

const roleOfId = (grantId: string): string => grantId.slice(0, grantId.indexOf(" "));
const userOfTicket = (_id: string, { authid }: TicketRecord): string => authid;

export class SecurityState implements Reader {
  readonly #realms = new Map<string, RealmTables>();
  readonly #origins = new Map<string, string>();
  #digestKey: string | undefined = undefined;
  /** What files of definitions have, by key, and which file; since the start. */
  readonly defined = new Map<string, string>();

  get<K extends Kind>(kind: K, realm: string, id: string): Kinds[K] | undefined {
    if (kind === "digests") return this.#digestKey as Kinds[K] | undefined;
    const tables = this.#realms.get(realm);
    if (tables === undefined) return undefined;
    if (kind === "realm") return tables.record as Kinds[K] | undefined;
    if (kind === "keys") return tables.keys as Kinds[K] | undefined;
    return this.#table(tables, kind).get(id);
  }

  entries<K extends Kind>(kind: K, realm: string): ReadonlyMap<string, Kinds[K]> {
    const tables = this.#realms.get(realm);
    return tables === undefined ? nothing : this.#table(tables, kind);
  }

  values<K extends Kind>(kind: K, realm: string): readonly Kinds[K][] {
    return [...this.entries(kind, realm).values()];
  }

  #table<K extends Kind>(tables: RealmTables, kind: K): ReadonlyMap<string, Kinds[K]> {
    if (kind === "realm" || kind === "keys" || kind === "digests") return nothing;
    return (tables[kind as "user"] ?? nothing) as ReadonlyMap<string, Kinds[K]>;
  }

  aliasOwner(realm: string, alias: string): string | undefined {
    return this.#realms.get(realm)?.aliases?.get(alias);
  }

  *realmUris(): Iterable<string> {
    for (const [uri, { record }] of this.#realms) if (record !== undefined) yield uri;
  }

  origin(key: string): string | null {
    return this.#origins.get(key) ?? null;
  }

  origins(): ReadonlyMap<string, string> {
    return this.#origins;
  }

  /** Of what a file defines, that which was deleted at run time. */
  *gone(): Iterable<{ readonly realm: string; readonly id: string; readonly file: string }> {
    for (const [realm, { gone }] of this.#realms)
      for (const [id, file] of gone ?? []) yield { realm, id, file };
  }

  grantsOfRole(realm: string, role: string): readonly GrantRecord[] {
    const tables = this.#realms.get(realm);
    return tables?.grantsByRole?.of(tables.grant, role) ?? [];
  }

  ticketsOfUser(realm: string, authid: string): readonly TicketRecord[] {
    const tables = this.#realms.get(realm);
    return tables?.ticketsByUser?.of(tables.ticket, authid) ?? [];
  }

  /** Puts one record, or removes it (null). */
  apply({ kind, realm, id }: RecordKey, value: unknown, origin: string | null): void {
    if (kind === "digests") {
      this.#digestKey = (value as string | null) ?? undefined;
      return;
    }
    let tables = this.#realms.get(realm);
    if (tables === undefined) {
      if (value === null) return;
      tables = new RealmTables();
      this.#realms.set(realm, tables);
    }
    const key = keyOf(kind, realm, id);
    if (origin === null || value === null) this.#origins.delete(key);
    else this.#origins.set(key, origin);
    if (kind === "realm") tables.record = (value as RealmRecord | null) ?? undefined;
    else if (kind === "keys") tables.keys = (value as readonly SigningKey[] | null) ?? undefined;
    else this.#applyRow(tables, kind, id, value);
    if (value === null && isEmpty(tables)) this.#realms.delete(realm);
  }

  #applyRow(
    tables: RealmTables,
    kind: Exclude<Kind, "realm" | "keys" | "digests">,
    id: string,
    value: unknown,
  ): void {
    const table = (tables[kind] ?? new Map()) as Map<string, unknown>;
    const before = table.get(id);
    if (value === null) table.delete(id);
    else table.set(id, value);
    // An empty table gives its memory back.
    tables[kind] = (table.size === 0 ? undefined : table) as never;
    if (kind === "user") realias(tables, id, before as UserRecord | undefined, value as UserRecord | null);
    else if (kind === "grant") {
      tables.grantsByRole ??= new GroupIndex<GrantRecord>(roleOfId);
      const row = before as GrantRecord | undefined;
      tables.grantsByRole.changed(id, row, value as GrantRecord | null, table.size);
    } else if (kind === "ticket") {
      tables.ticketsByUser ??= new GroupIndex<TicketRecord>(userOfTicket);
      const row = before as TicketRecord | undefined;
      tables.ticketsByUser.changed(id, row, value as TicketRecord | null, table.size);
    }
  }
}

function realias(
  tables: RealmTables,
  id: string,
  before: UserRecord | undefined,
  after: UserRecord | null,
): void {
  // In one commit an alias may pass from one user to another, in either order.
  for (const alias of before?.aliases ?? [])
    if (tables.aliases?.get(alias) === id) tables.aliases.delete(alias);
  for (const alias of after?.aliases ?? []) {
    tables.aliases ??= new Map<string, string>();
    tables.aliases.set(alias, id);
  }
}

function isEmpty(tables: RealmTables): boolean {
  const { record, keys, user, group, source, grant, ticket, gone } = tables;
  return [record, keys, user, group, source, grant, ticket, gone].every((table) => table === undefined);
}
