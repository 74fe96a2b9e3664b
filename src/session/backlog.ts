/**
 * A session's inbox at work: frames beyond the turn's share wait in it and are handled at the end of the turn, a larger share of a long
 * one. It exists only while something waits.
 */
import type { Connection } from "../ports.ts";
import { Inbox } from "./inbox.ts";
import { type Intake, type IntakeOwner, Progress, type Waiting } from "./intake.ts";

/** Whose frames wait; a session is one of these. */
export interface BacklogOwner extends IntakeOwner {
  backlog: Backlog | null;
  readonly connection: Connection;
  /** What follows waits: it is leaving, or its last message waits for a decision. */
  readonly isHeld: boolean;
  handle(bytes: Uint8Array): void;
}

export class Backlog implements Waiting {
  readonly #owner: BacklogOwner;
  readonly #intake: Intake;
  readonly #inbox = new Inbox();
  #scheduled = false;

  constructor(owner: BacklogOwner, intake: Intake) {
    this.#owner = owner;
    this.#intake = intake;
  }

  /** False: there is no room. */
  push(bytes: Uint8Array): boolean {
    const { limits } = this.#intake;
    const owner = this.#owner;
    this.schedule();
    let before = this.#inbox.bytes;
    while (!this.#inbox.push(bytes, limits)) {
      // It may wait for its large frames only, and not have sent more of them than it may.
      if (owner.isHeld || !this.#intake.admitsFrame(owner)) return false;
      owner.handle(this.#shift()!);
      if (owner.backlog !== this) return true;
      before = this.#inbox.bytes;
    }
    this.#intake.bytes += this.#inbox.bytes - before;
    if (this.#inbox.bytes * 2 > limits.inboxBytes_max) owner.connection.pause?.(true);
    return true;
  }

  /** Goes on at the end of this turn; for an owner that is held no longer. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#intake.schedule(this);
  }

  /** Its owner hears nothing more: what waits is forgotten. */
  drop(): void {
    this.#owner.backlog = null;
    this.#intake.bytes -= this.#inbox.bytes;
  }

  /** Empties it; its owner must have let go of it. Returns how many frames there were. */
  moveTo(take: (bytes: Uint8Array) => void): number {
    let count = 0;
    for (let bytes = this.#shift(); bytes !== undefined; bytes = this.#shift(), count++) take(bytes);
    return count;
  }

  drain(): Progress {
    const owner = this.#owner;
    const intake = this.#intake;
    this.#scheduled = false;
    if (owner.backlog !== this || owner.isHeld) return Progress.done;
    const share = this.#inbox.share(intake.limits);
    intake.begin(owner);
    for (let left = share; left > 0 && owner.backlog === this; left--) {
      // A long inbox gets a larger share of frames, but no larger one of what costs more.
      if (owner.framesLeft <= 0) return this.#again(Progress.more);
      const length = this.#inbox.nextLength;
      if (length >= intake.limits.largeFrameBytes && !intake.admitsLarge(length))
        return this.#again(left === share ? Progress.starved : Progress.more);
      const frame = this.#shift();
      if (frame === undefined) {
        owner.backlog = null;
        owner.connection.pause?.(false);
        return Progress.done;
      }
      owner.handle(frame);
      if (owner.isHeld) return Progress.done;
    }
    return owner.backlog === this ? this.#again(Progress.more) : Progress.done;
  }

  #again(progress: Progress): Progress {
    // Something that was handled may have had it scheduled already.
    if (this.#scheduled) return Progress.done;
    this.#scheduled = true;
    return progress;
  }

  #shift(): Uint8Array | undefined {
    const before = this.#inbox.bytes;
    const frame = this.#inbox.shift();
    this.#intake.bytes -= before - this.#inbox.bytes;
    return frame;
  }
}
