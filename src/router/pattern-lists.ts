/**
 * The patterns of each kind in each realm as a list, in the order in which they were made, so that who asks about one realm does not
 * look at all patterns there are. Control path. Lists are named by their scope in the index.
 */
import { U32Records } from "../base/column.ts";
import type { PatternHandle } from "../base/ids.ts";

const Link = { next: 0, previous: 1 } as const;

interface PatternList {
  first: number;
  last: number;
}

/** Where a walk goes on. */
interface Cursor {
  next: number;
}

export class PatternLists {
  readonly #links = new U32Records(2);
  /** Of walks that are under way. */
  readonly #cursors = new Set<Cursor>();
  /** Only of scopes that have patterns. */
  readonly #lists = new Map<number, PatternList>();

  add(scope: number, handle: PatternHandle): void {
    this.#links.ensure(handle);
    const list = this.#lists.get(scope);
    this.#links.set(handle, Link.next, 0);
    this.#links.set(handle, Link.previous, list === undefined ? 0 : list.last);
    if (list === undefined) {
      this.#lists.set(scope, { first: handle, last: handle });
      return;
    }
    this.#links.set(list.last, Link.next, handle);
    list.last = handle;
  }

  remove(scope: number, handle: PatternHandle): void {
    const list = this.#lists.get(scope)!;
    const next = this.#links.get(handle, Link.next);
    const previous = this.#links.get(handle, Link.previous);
    if (previous === 0) list.first = next;
    else this.#links.set(previous, Link.next, next);
    if (next === 0) list.last = previous;
    else this.#links.set(next, Link.previous, previous);
    if (list.first === 0) this.#lists.delete(scope);
    if (this.#cursors.size === 0) return;
    for (const cursor of this.#cursors) if (cursor.next === handle) cursor.next = next;
  }

  /** Those of one scope. Any may be removed while it runs; those that are added may be among them or not. */
  *of(scope: number): Generator<PatternHandle> {
    const cursor: Cursor = { next: this.#lists.get(scope)?.first ?? 0 };
    this.#cursors.add(cursor);
    try {
      while (cursor.next !== 0) {
        const handle = cursor.next;
        cursor.next = this.#links.get(handle, Link.next);
        yield handle as PatternHandle;
      }
    } finally {
      this.#cursors.delete(cursor);
    }
  }

  /** Scopes that have patterns. */
  scopes(): readonly number[] {
    return [...this.#lists.keys()];
  }

  get bytes(): number {
    return this.#links.bytes;
  }
}
