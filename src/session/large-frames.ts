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
  readonly queue: { readonly bytes_max: number } | null;
}

export interface LargeFramesParts<Owner> {
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  /** It is its turn: what is queued for it is to be written now. */
  readonly wake: (owner: Owner) => void;
  /** There is to be a next turn. */
  readonly goOn: () => void;
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
/** Between two looks at the sockets, while somebody waits for them. */
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

  /** A new share; those who have waited longest are woken for it. */
  beginTurn(): void {
    this.#bytesLeft = this.#parts.limits.largeBytesPerTurn_max;
    this.#hasLooked = false;
    if (this.#waiting.size === 0 || this.#isFull) return;
    let room = Math.min(this.#bytesLeft, this.#room);
    for (const owner of this.#waiting) {
      if (room <= 0) return;
      this.#waiting.delete(owner);
      room -= owner.queue?.bytes_max ?? 0;
      this.#parts.wake(owner);
    }
  }

  /** Those who still wait get another turn, now or when sockets hold less. */
  endTurn(): void {
    if (this.#waiting.size === 0) return;
    if (this.#isFull) this.#lookLater();
    else this.#parts.goOn();
  }

  /** Whether a frame may be handed to its socket now; if so it is counted. */
  takes(length: number): boolean {
    if (this.#bytesLeft <= 0 || this.#isFull) return false;
    this.#bytesLeft -= length;
    return true;
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

  /** It is woken when it is its turn. */
  wait(owner: Owner): void {
    this.#waiting.add(owner);
  }

  /** It waits for nothing but that: its own socket may be empty. */
  isWaiting(owner: Owner): boolean {
    return this.#waiting.has(owner);
  }

  /** Its socket has drained: it has what it waited for, or is to ask again. */
  drained(owner: Owner): void {
    this.#waiting.delete(owner);
  }

  /** Its connection is gone. */
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

  /** Sockets hold as much as they may. */
  get #isFull(): boolean {
    if (this.#room > 0) return false;
    if (!this.#hasLooked) this.#count();
    return this.#room <= 0;
  }

  /** What sockets may hold beside what they do: no more than `socketBytes_max` that moves, and twice as much with what does not. */
  get #room(): number {
    const { socketBytes_max } = this.#parts.limits;
    return Math.min(socketBytes_max, 2 * socketBytes_max - this.#stalledBytes) - this.#movingBytes;
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
    this.endTurn();
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
