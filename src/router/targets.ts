/**
 * Every place a message can go, by integer: the sessions of this router, and what stands for callees and callers of others
 * (`RouterSession.isRemote`), in slots from 1.
 */

import { Rows } from "../base/column.ts";
import type { Target } from "../base/ids.ts";
import type { RouterSession } from "./types.ts";

export class Targets<S extends RouterSession = RouterSession> {
  readonly #rows = new Rows();
  readonly #sessions: (S | null)[] = [null];

  /** Reserves a slot; `put` fills it. */
  take(): Target {
    const row = this.#rows.take();
    if (row === this.#sessions.length) this.#sessions.push(null);
    return row as Target;
  }
  put(session: S): void {
    this.#sessions[session.target] = session;
  }
  /** Takes a slot for one of another router. */
  takeRemote(make: (target: Target) => RouterSession): void {
    const target = this.take();
    // Only broker and dealer meet it, and they ask whether it is remote.
    this.#sessions[target] = make(target) as S;
  }
  /** The session in a slot. Tables only hold targets of sessions that are there. */
  get(target: Target): S {
    return this.#sessions[target]!;
  }
  free(target: Target): void {
    this.#sessions[target] = null;
    this.#rows.free(target);
  }
  get count(): number {
    return this.#rows.count;
  }
  /** What stands for those of other routers. */
  allRemote(): RouterSession[] {
    return this.#sessions.filter((session) => session?.isRemote === true) as RouterSession[];
  }
  /** The sessions of this router by slot, null for each slot that has none; others may come and go meanwhile. */
  *walk(): Generator<S | null, undefined> {
    for (let i = 1; i < this.#sessions.length; i++) {
      const session = this.#sessions[i]!;
      yield session === null || session.isRemote ? null : session;
    }
  }
  /** All sessions of this router, for shutdown and reports. */
  all(): S[] {
    return this.#sessions.filter((session): session is S => session !== null && !session.isRemote);
  }
}
