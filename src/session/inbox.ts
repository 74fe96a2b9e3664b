/**
 * What one session sent beyond its share of a loop turn: copies, in order, bounded in bytes. It exists only while it holds
 * something. A long inbox is worked off in larger pieces, so that a client that only sends fast is slowed and not ended.
 */
import type { Limits } from "../base/limits.ts";

export class Inbox {
  readonly #frames: Uint8Array[] = [];
  #from = 0;
  bytes = 0;
  /** Its session will come back to it at the end of the turn. */
  drainScheduled = false;

  /** False: it is full. */
  push(frame: Uint8Array, limits: Limits): boolean {
    if (this.bytes + frame.length > limits.inboxBytes_max) return false;
    this.#frames.push(frame.slice());
    this.bytes += frame.length;
    return true;
  }
  get length(): number {
    return this.#frames.length - this.#from;
  }
  shift(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    const frame = this.#frames[this.#from]!;
    this.#from++;
    if (this.#from >= 1024 && this.#from * 2 >= this.#frames.length) {
      this.#frames.splice(0, this.#from);
      this.#from = 0;
    }
    this.bytes -= frame.length;
    return frame;
  }
  /** Frames to handle in one turn: the usual share, or half of what waits. */
  share(limits: Limits): number {
    return Math.max(limits.framesPerTurn_max, this.length >>> 1);
  }
}
