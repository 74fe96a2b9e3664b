/** Logins under way in this thread: from HELLO to the answer, or to the end of their time. */
import type { Limits } from "../base/limits.ts";
import type { LoginPlaces } from "./login-counts.ts";

export type PendingLimits = Pick<Limits, "handshake_ms">;

interface PendingLogin {
  readonly source: string;
  readonly expires_ms: number;
}

/** Each has a place among those that there may be. A client that goes without a word is noticed by the end of its time only. */
export class PendingLogins {
  readonly #handshake_ms: number;
  readonly #places: LoginPlaces;
  /** In the order in which they expire, because all live equally long. */
  readonly #logins = new Map<number, PendingLogin>();
  #lastId = 0;

  constructor({ handshake_ms }: PendingLimits, places: LoginPlaces) {
    this.#handshake_ms = handshake_ms;
    this.#places = places;
  }

  /** Null: there are too many. */
  open(source: string, now_ms: number): number | null {
    for (const [id, { expires_ms }] of this.#logins) {
      if (expires_ms > now_ms) break;
      this.close(id);
    }
    if (!this.#places.take(source)) return null;
    this.#logins.set(++this.#lastId, { source, expires_ms: now_ms + this.#handshake_ms });
    return this.#lastId;
  }

  isOpen(id: number, now_ms: number): boolean {
    return (this.#logins.get(id)?.expires_ms ?? 0) > now_ms;
  }

  close(id: number): void {
    const login = this.#logins.get(id);
    if (login === undefined) return;
    this.#logins.delete(id);
    this.#places.giveBack(login.source);
  }
}
