/** Who is told of changes to the security model, in the order in which they came. Control path. */
import type { SecurityChange } from "./model.ts";

export type ChangeListener = (change: SecurityChange) => void;

export class ChangeListeners {
  readonly #listeners = new Set<ChangeListener>();
  readonly #failed: (cause: unknown, change: SecurityChange) => void;

  /** `failed`: a listener threw. The change is made: whoever could not take it must not undo it for the others. */
  constructor(failed: (cause: unknown, change: SecurityChange) => void) {
    this.#failed = failed;
  }

  /** Returns what ends it. */
  add(listener: ChangeListener): () => void {
    // Its own function object: the same one given twice is two listeners.
    const own: ChangeListener = (change) => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  tell(changes: readonly SecurityChange[]): void {
    for (const change of changes)
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (cause) {
          this.#failed(cause, change);
        }
      }
  }
}
