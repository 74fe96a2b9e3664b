/**
 * A session's inbox at work: frames beyond the turn's share wait in it and are handled at the end of the turn, a larger share of a long
 * one. It exists only while something waits.
 */
import type { Limits } from "../base/limits.ts";
import type { Connection } from "../ports.ts";
import { Inbox } from "./inbox.ts";

/** Whose frames wait; a session is one of these. */
export interface BacklogOwner {
  backlog: Backlog | null;
  readonly connection: Connection;
  /** What follows waits: it is leaving, or its last message waits for a decision. */
  readonly isHeld: boolean;
  handle(bytes: Uint8Array): void;
}

export interface BacklogParts {
  readonly limits: Limits;
  readonly outbox: { afterTurn(task: () => void): void };
}

export class Backlog {
  readonly #owner: BacklogOwner;
  readonly #parts: BacklogParts;
  readonly #inbox = new Inbox();
  #scheduled = false;

  constructor(owner: BacklogOwner, parts: BacklogParts) {
    this.#owner = owner;
    this.#parts = parts;
  }

  /** False: there is no room. */
  push(bytes: Uint8Array): boolean {
    const { limits } = this.#parts;
    this.schedule();
    if (!this.#inbox.push(bytes, limits)) return false;
    if (this.#inbox.bytes * 2 > limits.inboxBytes_max) this.#owner.connection.pause?.(true);
    return true;
  }

  /** Goes on at the end of this turn; for an owner that is held no longer. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.outbox.afterTurn(() => this.#drain());
  }

  /** Empties it; its owner must have let go of it. Returns how many frames there were. */
  moveTo(take: (bytes: Uint8Array) => void): number {
    let count = 0;
    for (let bytes = this.#inbox.shift(); bytes !== undefined; bytes = this.#inbox.shift(), count++)
      take(bytes);
    return count;
  }

  #drain(): void {
    this.#scheduled = false;
    const owner = this.#owner;
    if (owner.backlog !== this || owner.isHeld) return;
    for (let left = this.#inbox.share(this.#parts.limits); left > 0 && owner.backlog === this; left--) {
      const frame = this.#inbox.shift();
      if (frame === undefined) {
        owner.backlog = null;
        owner.connection.pause?.(false);
        return;
      }
      owner.handle(frame);
      if (owner.isHeld) return;
    }
    if (owner.backlog === this) this.schedule();
  }
}
