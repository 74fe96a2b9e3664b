/**
 * Large frames on their way out: how many bytes of them go in one loop turn, and how many sockets hold at one time. A socket copies
 * what the operating system does not take, so that an event for a thousand receivers who read slowly would be a thousand copies; what
 * waits here instead stays one frame that they share. Connections that take nothing at all keep nobody waiting, and are ended when they
 * are too many.
 */
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { Scheduler } from "../ports.ts";

/** Whose frames they are; what the outbox keeps of a session. */
export interface LargeOwner {
  readonly connection: { bufferedBytes(): number };
  readonly queuedBytes: number;
}

export interface LargeFramesParts<Owner> {
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  /** It need not wait any more. */
  readonly wake: (owner: Owner) => void;
  /** Its connection takes nothing, and too many are like it. Runs no router code. */
  readonly end: (owner: Owner) => void;
}

/** What one socket holds, and since when it is as much. */
interface Held {
  bytes: number;
  since_ms: number;
  isStalled: boolean;
}

/** A socket that holds no more is not looked at again. */
const smallBytes = 16 << 10;
/** Shares of a turn that may go in it beside its own, where they would otherwise be lost. */
const turnsAhead = 3;
/** Between two looks at the sockets, while somebody waits. */
const look_ms = 2;

export class LargeFrames<Owner extends LargeOwner> {
  readonly #parts: LargeFramesParts<Owner>;
  readonly #sockets = new Map<Owner, Held>();
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<Owner>();
  readonly #look = (): void => this.#onLook();
  #bytesLeft: number;
  #movingBytes = 0;
  #stalledBytes = 0;
  #hasLooked = false;
  #isLooking = false;

  constructor(parts: LargeFramesParts<Owner>) {
    this.#parts = parts;
    this.#bytesLeft = parts.limits.largeBytesPerTurn_max;
  }

  /** Bytes that sockets hold now. */
  get socketBytes(): number {
    this.#count();
    return this.#movingBytes + this.#stalledBytes;
  }

  /** Bytes that they held at some time of this turn. Hot. */
  get recentBytes(): number {
    if (!this.#hasLooked && this.#sockets.size > 0) this.#count();
    return this.#movingBytes + this.#stalledBytes;
  }

  beginTurn(): void {
    this.#bytesLeft = this.#parts.limits.largeBytesPerTurn_max;
    this.#hasLooked = false;
  }

  /** Whether a frame may be handed to its socket. It counts against this turn's share, and with `ahead` against what others may have. */
  takes(length: number, ahead: boolean): boolean {
    const least = ahead ? -turnsAhead * this.#parts.limits.largeBytesPerTurn_max : 0;
    if (this.#bytesLeft <= least || this.isFull) return false;
    this.#bytesLeft -= length;
    return true;
  }

  /** Sockets hold as much as they may. */
  get isFull(): boolean {
    const { socketBytes_max } = this.#parts.limits;
    if (this.#movingBytes < socketBytes_max) return false;
    if (this.#hasLooked) return true;
    this.#count();
    return this.#movingBytes >= socketBytes_max;
  }

  /** Something was handed to a connection. */
  sent(owner: Owner): void {
    const bytes = owner.connection.bufferedBytes();
    const known = this.#sockets.get(owner);
    if (bytes <= smallBytes && known === undefined) return;
    if (known !== undefined) this.#subtract(known);
    this.#movingBytes += bytes;
    this.#sockets.set(owner, { bytes, since_ms: this.#parts.scheduler.now_ms(), isStalled: false });
  }

  /** It is woken when sockets hold less. */
  wait(owner: Owner): void {
    this.#waiting.add(owner);
    this.#lookLater();
  }

  /** Its connection is gone, or it waits for something else. */
  forget(owner: Owner): void {
    this.#waiting.delete(owner);
    const held = this.#sockets.get(owner);
    if (held === undefined) return;
    this.#sockets.delete(owner);
    this.#subtract(held);
  }

  #subtract({ bytes, isStalled }: Held): void {
    if (isStalled) this.#stalledBytes -= bytes;
    else this.#movingBytes -= bytes;
  }

  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#parts.scheduler.after(look_ms, this.#look);
  }

  #onLook(): void {
    this.#isLooking = false;
    this.#count();
    this.#endStalled();
    let room = this.#parts.limits.socketBytes_max - this.#movingBytes;
    for (const owner of this.#waiting) {
      if (room <= 0) break;
      this.#waiting.delete(owner);
      room -= owner.queuedBytes;
      this.#parts.wake(owner);
    }
    if (this.#waiting.size > 0) this.#lookLater();
  }

  #count(): void {
    const now_ms = this.#parts.scheduler.now_ms();
    this.#hasLooked = true;
    this.#movingBytes = this.#stalledBytes = 0;
    for (const [owner, held] of this.#sockets) {
      const bytes = owner.connection.bufferedBytes();
      if (bytes !== held.bytes) held.since_ms = now_ms;
      held.bytes = bytes;
      held.isStalled = now_ms - held.since_ms >= fixedLimits.stalledSocket_ms;
      if (bytes <= smallBytes) this.#sockets.delete(owner);
      else if (held.isStalled) this.#stalledBytes += bytes;
      else this.#movingBytes += bytes;
    }
  }

  /** Those that take nothing may hold as much again; beyond, they end, the one first that has been so for longest. */
  #endStalled(): void {
    const { limits, end } = this.#parts;
    if (this.#stalledBytes <= limits.socketBytes_max) return;
    for (const [owner] of [...this.#sockets].sort(([, a], [, b]) => a.since_ms - b.since_ms)) {
      if (this.#stalledBytes <= limits.socketBytes_max) return;
      this.forget(owner);
      end(owner);
    }
  }
}
