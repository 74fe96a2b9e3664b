/** A store that lasts as long as the process: for tests, and for `--ephemeral`. */
import { assert } from "../base/assert.ts";
import type { Store, StoreChange } from "../ports.ts";
import { checkChanges, compareKeys } from "./keys.ts";

export class MemoryStore implements Store {
  readonly #values = new Map<string, Uint8Array>();
  /** In order; made anew when a key came or went. */
  #keys: readonly string[] | null = null;
  #open = true;

  get(key: string): Uint8Array | undefined {
    assert(this.#open, "the store is closed");
    return this.#values.get(key);
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    assert(this.#open, "the store is closed");
    this.#keys ??= [...this.#values.keys()].sort(compareKeys);
    const keys = this.#keys;
    for (let at = firstFrom(keys, prefix); at < keys.length; at++) {
      const key = keys[at]!;
      if (!key.startsWith(prefix)) return;
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    assert(this.#open, "the store is closed");
    checkChanges(changes);
    for (const { key, value } of changes) {
      if (value === null ? this.#values.delete(key) : !this.#values.has(key)) this.#keys = null;
      // The caller may use its bytes for something else.
      if (value !== null) this.#values.set(key, value.slice());
    }
  }

  async backup(): Promise<void> {
    throw new Error("a store in memory has no backup: start the router with a data directory");
  }

  async close(): Promise<void> {
    this.#open = false;
  }
}

/** Where the first key that is not before `prefix` stands. */
function firstFrom(keys: readonly string[], prefix: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle]!, prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
