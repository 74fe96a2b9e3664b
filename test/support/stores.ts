/** A store as tests and their child programs want it. */
import type { Store } from "../../src/ports.ts";
import { type LmdbStoreOptions, openLmdbStore } from "../../src/store/lmdb.ts";

export const storeOptions: LmdbStoreOptions = { wrote: "spanwire test", wall_ms: () => 1_763_800_000_000 };

export const openStore = (dir: string): Promise<Store> => openLmdbStore(dir, storeOptions);

export const contentsOf = (store: Store): Map<string, string> =>
  new Map([...store.entries("")].map(([key, value]) => [key, Buffer.from(value).toString("latin1")]));

export const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
