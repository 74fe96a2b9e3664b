/** A security model in memory, with passwords that are hashed quickly: what is tested is not the hash. */
import { createHash, randomFillSync } from "node:crypto";
import type { Store } from "../../src/ports.ts";
import { type SecurityOptions, openSecurity } from "../../src/security/open.ts";
import type { Credentials, PasswordOptions } from "../../src/security/records.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { MemoryStore } from "../../src/store/memory.ts";

const digest = (password: string, salt: string): string =>
  createHash("sha256").update(`${salt}:${password}`).digest("base64");

export class TestSecurity {
  readonly store: Store;
  hashed = 0;
  now_ms = 1_700_000_000_000;

  constructor(store: Store = new MemoryStore()) {
    this.store = store;
  }

  /** The same store again: as after a restart. */
  open(more: Partial<SecurityOptions> = {}): Promise<SecurityService> {
    return openSecurity({
      store: this.store,
      hashPassword: (password, options) => this.hashPassword(password, options),
      verifyPassword: async (password, { salt, cra }) => digest(password, salt) === cra,
      wall_ms: () => this.now_ms,
      fillRandom: (words) => void randomFillSync(words),
      ...more,
    });
  }

  async hashPassword(password: string, { params, protocol }: PasswordOptions): Promise<Credentials> {
    this.hashed++;
    const salt = randomFillSync(Buffer.alloc(16)).toString("base64");
    const scram = { stored_key: digest(password, `s${salt}`), server_key: digest(password, `v${salt}`) };
    return {
      salt,
      params,
      cra: digest(password, salt),
      ...(protocol === "cra" ? {} : { scram }),
      changed_ms: this.now_ms,
    };
  }
}

/** Everything that the model says, in an order of its own: equal before and after a restart. */
export function wholeModel(security: SecurityService): unknown {
  const sorted = (list: readonly unknown[]): readonly string[] =>
    list.map((entry) => JSON.stringify(entry, ordered)).sort();
  return security
    .realms()
    .map(({ uri }) => uri)
    .sort()
    .map((uri) => ({
      realm: security.realm(uri),
      users: sorted(security.users(uri)),
      aliases: security
        .users(uri)
        .flatMap(({ aliases }) => aliases.map((alias) => [alias, security.user(uri, alias)?.username]))
        .sort(),
      groups: sorted(security.groups(uri)),
      sources: sorted(security.sources(uri)),
      grants: sorted(security.grants(uri)),
      keys: sorted(security.signingKeys(uri)),
      tickets: sorted(security.users(uri).flatMap(({ username }) => security.tickets(uri, username))),
    }));
}

/** Keys of maps in order: the store does not keep theirs. */
function ordered(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
