/**
 * Deadlines of sessions, one at a time for each: to be opened, or closed, in time. All are on one wheel, and a session that has none keeps
 * nothing of it: most of a router's sessions are open, and wait for nothing.
 */
import { Rows } from "../base/column.ts";
import type { Scheduler } from "../ports.ts";
import { Deadlines } from "../router/deadlines.ts";

/** Who may have one; a session is one of these. */
export interface TimedOwner {
  /** The row of its deadline; 0: it has none. */
  timer: number;
  /** Its time is over. `reason`: why its connection is to be closed; null where no session was opened on it. */
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

  /** Sets a deadline in the place of the one that the owner has. */
  start(owner: TimedOwner, delay_ms: number, reason: string | null): void {
    if (owner.timer === 0) {
      owner.timer = this.#rows.take();
      this.#deadlines.ensure(owner.timer);
    }
    this.#owners[owner.timer] = owner;
    this.#reasons[owner.timer] = reason;
    this.#deadlines.set(owner.timer, delay_ms);
  }

  stop(owner: TimedOwner): void {
    const { timer } = owner;
    if (timer === 0) return;
    owner.timer = 0;
    this.#deadlines.clear(timer);
    this.#owners[timer] = null;
    this.#reasons[timer] = null;
    this.#rows.free(timer);
  }

  #onDeadline(row: number): void {
    const owner = this.#owners[row]!;
    const reason = this.#reasons[row]!;
    this.stop(owner);
    owner.onDeadline(reason);
  }
}
