/** Changes one after the other: each is checked against memory, committed as a whole, and only then applied and told. */
import { fixedLimits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type ChangeListener, ChangeListeners } from "./change-listeners.ts";
import { Draft, type Put } from "./draft.ts";
import { securityError } from "./errors.ts";
import type { SecurityChange } from "./model.ts";
import type { RecordChange } from "./record-store.ts";
import type { SecurityState } from "./state.ts";

export interface Commit {
  commit(changes: readonly RecordChange[]): Promise<void>;
}

/** Resolves when others who have the same records have applied them too. */
export type Replicate = (puts: readonly Put[], changes: readonly SecurityChange[]) => Promise<void>;

export class Mutations {
  readonly #state: SecurityState;
  readonly #records: Commit;
  readonly #listeners: ChangeListeners;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Who else is to have what is changed; null: nobody. */
  replicate: Replicate | null = null;

  constructor(state: SecurityState, records: Commit, log: Log) {
    this.#state = state;
    this.#records = records;
    this.#listeners = new ChangeListeners((cause, change) =>
      log.error("security", "a listener to changes failed", { cause, ...change }),
    );
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  /** Runs `make` when all earlier ones are done. It puts what it wants into the draft; where it throws, nothing is changed. */
  run<T>(make: (draft: Draft) => T | Promise<T>, options: { readonly fromFile?: boolean } = {}): Promise<T> {
    if (this.#waiting >= fixedLimits.securityQueue_max)
      return Promise.reject(securityError("unavailable", "too many changes are waiting"));
    this.#waiting++;
    const done = this.#last
      .then(() => this.#one(make, new Draft(this.#state, options)))
      .finally(() => void this.#waiting--);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #one<T>(make: (draft: Draft) => T | Promise<T>, draft: Draft): Promise<T> {
    const result = await make(draft);
    const puts = draft.puts();
    if (puts.length === 0) return result;
    const changes = draft.changes();
    await this.#records.commit(puts.map(({ key, value, origin }) => ({ key, value, origin })));
    for (const put of puts) this.#state.apply(put, put.value, put.origin);
    this.#listeners.tell(changes);
    await this.replicate?.(puts, changes);
    return result;
  }
}
