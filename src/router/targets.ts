/**
 * Every place a message can go, by integer. Sessions of this router have slots from 1; a peer (worker, node) will have a slot
 * with `peerBit` set and answer to the same interface, so that nobody here assumes that a receiver is local.
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
  /** All sessions, for shutdown and reports. */
  all(): S[] {
    return this.#sessions.filter((session): session is S => session !== null);
  }
}
