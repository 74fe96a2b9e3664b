/** Opens the security model on a store. */
import { type Log, silentLog } from "../base/log.ts";
import type { FillRandom, Store } from "../ports.ts";
import { ensureMasterRealm } from "./bootstrap.ts";
import { type Dict, emptyDict, emptyList } from "./check.ts";
import { Mutations } from "./mutations.ts";
import type { Credentials, PasswordOptions } from "./records.ts";
import { RecordStore } from "./record-store.ts";
import { SecurityService } from "./service.ts";
import { parseKey, SecurityState } from "./state.ts";
import { dropExpired } from "./tickets.ts";

export interface SecurityOptions {
  readonly store: Store;
  hashPassword(password: string, options: PasswordOptions): Promise<Credentials>;
  verifyPassword(password: string, credentials: Credentials): Promise<boolean>;
  /** Milliseconds since 1970. */
  wall_ms(): number;
  readonly fillRandom: FillRandom;
  /** How passwords of realms are hashed that say nothing of it. Absent: PBKDF2, 10,000 iterations, for the realm's methods. */
  readonly passwordOptions?: Partial<PasswordOptions>;
  /** A realm's definition without `uri`: a HELLO to an unknown realm makes one like it. Absent: it does not. */
  readonly automaticRealms?: Dict;
  readonly log?: Log;
}

/** Text beyond this length is hardly ever the same in two records. */
const pooled_max = 64;

/** The same record, frozen; what it has in common with others is the same in memory too. */
export function shared(value: unknown, pool: Map<string, string>): unknown {
  if (typeof value === "string") {
    if (value.length > pooled_max) return value;
    const known = pool.get(value);
    if (known === undefined) pool.set(value, value);
    return known ?? value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return value.length === 0 ? emptyList : Object.freeze(value.map((entry: unknown) => shared(entry, pool)));
  const entries = Object.entries(value);
  if (entries.length === 0) return emptyDict;
  return Object.freeze(Object.fromEntries(entries.map(([key, entry]) => [key, shared(entry, pool)])));
}

/** Resolves when all records are in memory, and the master realm is there. Rejects where the store holds what this version cannot read. */
export async function openSecurity(options: SecurityOptions): Promise<SecurityService> {
  const { store, wall_ms, fillRandom, log = silentLog } = options;
  const records = await RecordStore.open(store, { wall_ms, fillRandom });
  const state = new SecurityState();
  const pool = new Map<string, string>();
  for (const { key, value, origin } of records.entries("")) {
    const parsed = parseKey(key);
    if (parsed !== undefined) state.apply(parsed, shared(value, pool), origin);
  }
  const security = new SecurityService(state, new Mutations(state, records, log), {
    hashPassword: options.hashPassword,
    verifyPassword: options.verifyPassword,
    wall_ms,
    passwordOptions: options.passwordOptions ?? {},
    automaticRealms: options.automaticRealms ?? null,
    fillRandom,
    nodeId: records.nodeId,
    records,
  });
  await ensureMasterRealm(security);
  await security.change((draft) => dropExpired(draft, wall_ms()), { fromFile: false });
  return security;
}
