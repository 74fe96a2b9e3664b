/**
 * Deadlines of sessions, one at a time for each: to be opened, or closed, in time. All are on one wheel, and a session that has none keeps
 * nothing of it: most of a router's sessions are open, and wait for nothing.
 */
import { Rows } from "../base/column.ts";
import type { Scheduler } from "../ports.ts";
import { Deadlines } from "../router/deadlines.ts";

/** Whose time is over; a session is one of these. */
export interface TimedOwner {
  /** `reason`: why its connection is to be closed; null where it was not even opened. */
  onDeadline(reason: string | null): void;
}

export class SessionTimers {
  readonly #rows = new Rows();
  readonly #owners: (TimedOwner | null)[] = [null];
  readonly #reasons: (string | null)[] = [null];
  readonly #deadlines: Deadlines;

  constructor(scheduler: Scheduler) {
    this.#deadlines = new Deadlines(scheduler, (row) => this.#onDeadline(row));
  }

  /** Deadlines that are set. */
  get count(): number {
    return this.#deadlines.count;
  }

  /** Sets a deadline in the place of `timer`, the owner's one so far; 0: it has none. Returns the one to be stopped. */
  start(timer: number, owner: TimedOwner, delay_ms: number, reason: string | null): number {
    const row = timer === 0 ? this.#take() : timer;
    this.#owners[row] = owner;
    this.#reasons[row] = reason;
    this.#deadlines.set(row, delay_ms);
    return row;
  }

  /** Always 0: what its owner has now. */
  stop(timer: number): 0 {
    if (timer === 0) return 0;
    this.#deadlines.clear(timer);
    this.#free(timer);
    return 0;
  }

  #take(): number {
    const row = this.#rows.take();
    this.#deadlines.ensure(row);
    return row;
  }

  #free(row: number): void {
    this.#owners[row] = null;
    this.#reasons[row] = null;
    this.#rows.free(row);
  }

  /** The row stays its owner's, which stops it or starts it anew. */
  #onDeadline(row: number): void {
    this.#owners[row]!.onDeadline(this.#reasons[row]!);
  }
}
