/**
 * The one way out: frames are queued per session by reference and written once per loop turn, each socket corked. Hot.
 *
 * A frame that every receiver takes stays in linear memory, where it was written, until the turn ends; a frame that somebody
 * could not take yet is copied out once and shared. Each session's queue is bounded, and so are all of them together: beyond, EVENTs follow the
 * slow-consumer policy, while a reply that does not fit ends the session.
 */
import { assert } from "../base/assert.ts";
import type { Limits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Connection, Scheduler } from "../ports.ts";
import type { Frame, FrameSource } from "../router/types.ts";
import { FrameLists, type Queued } from "./frame-lists.ts";
import { LargeFrames } from "./large-frames.ts";

export type SlowConsumerPolicy = "drop-newest" | "drop-oldest" | "disconnect";

/** The codec's last written frame, and the room in which frames stay for a turn; all that the outbox needs of it. */
export interface WrittenFrame {
  outFrame(length: number): Uint8Array;
  /** A view of linear memory. */
  span(address: number, length: number): Uint8Array;
  /** The address at which the frame just written stays until `releaseKept`; 0 when there is no room. */
  keep(length: number): number;
  releaseKept(): void;
}

export interface OutboxParts {
  readonly codec: WrittenFrame;
  readonly scheduler: Scheduler;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly policy: SlowConsumerPolicy;
}

/** Frames from here on get memory of their own: a few of them would fill the room that all frames of a turn share. */
const ownBytes_min = 16 << 10;

/** A frame whose bytes lie in linear memory, at `address`, until `own` copies them out; address 0: they are its own. */
export class OutboxFrame implements Frame {
  bytes: Uint8Array;
  text: string | undefined = undefined;
  readonly length: number;
  readonly droppable: boolean;
  /** Blocked sessions for which it waits. */
  holders = 0;
  #address: number;
  constructor(bytes: Uint8Array, droppable: boolean, address: number) {
    this.bytes = bytes;
    this.length = bytes.length;
    this.droppable = droppable;
    this.#address = address;
  }
  own(): void {
    if (this.#address === 0) return;
    this.bytes = this.bytes.slice();
    this.#address = 0;
  }
  /** Looks at its bytes anew, after memory grew and the old view died. */
  renew(memory: WrittenFrame): void {
    if (this.#address !== 0) this.bytes = memory.span(this.#address, this.length);
  }
}

/** What the outbox keeps per session; a session is one of these. */
export interface OutboxOwner extends Queued {
  readonly connection: Connection;
  queuedBytes: number;
  /** In the list of sessions to flush at the end of this turn. */
  dirty: boolean;
  /** The socket is full, and `onDrain` will come; or large frames have to wait for others'. */
  blocked: boolean;
  /** EVENTs dropped since the last report. */
  droppedEvents: number;
  /**
   * End the session soon, but run no router code now: a reply did not fit, the policy says so, or (with a cause) its connection
   * threw when it was written to.
   */
  overrun(cause?: unknown): void;
}

/** A session that only waits for its turn with large frames may have so many times what another may: the router is slow then, not it. */
const waitingFactor = 4;

const emptyFrame = new OutboxFrame(new Uint8Array(0), false, 0);

export class Outbox implements FrameSource {
  readonly #codec: WrittenFrame;
  readonly #scheduler: Scheduler;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #policy: SlowConsumerPolicy;
  readonly #flush = (): void => this.#endOfTurn();
  readonly #lists = new FrameLists(emptyFrame);
  #dirty: OutboxOwner[] = [];
  #spare: OutboxOwner[] = [];
  #later: (() => void)[] = [];
  #scheduled = false;
  readonly #large: LargeFrames<OutboxOwner>;
  /** Bytes queued for blocked sessions, over all of them; what several of them wait for counts once. */
  heldBytes = 0;
  /** Counts loop turns in which anything happened. */
  turn = 0;

  constructor(parts: OutboxParts) {
    this.#codec = parts.codec;
    this.#scheduler = parts.scheduler;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#policy = parts.policy;
    this.#large = new LargeFrames({
      ...parts,
      wake: (owner) => {
        this.#unblock(owner);
        this.#write(owner, true);
      },
      goOn: () => {
        if (!this.#scheduled) this.#schedule();
      },
      end: (owner) => this.#overrun(owner),
    });
  }

  /** Bytes of large frames that sockets hold. */
  get socketBytes(): number {
    return this.#large.socketBytes;
  }

  /** A frame of what a writer of the codec just wrote. */
  take(length: number, droppable: boolean): OutboxFrame {
    assert(length > 0, "a writer's failure was not handled");
    const codec = this.#codec;
    const address = length < ownBytes_min ? codec.keep(length) : 0;
    const bytes = address === 0 ? codec.outFrame(length).slice() : codec.span(address, length);
    return new OutboxFrame(bytes, droppable, address);
  }

  adopt(bytes: Uint8Array, droppable: boolean): OutboxFrame {
    return new OutboxFrame(bytes, droppable, 0);
  }

  post(owner: OutboxOwner, frame: OutboxFrame): void {
    const bytes = owner.queuedBytes + frame.length;
    if (bytes > this.#limits.outboxBytes_max || owner.blocked) return this.#hold(owner, frame, bytes);
    this.#lists.append(owner, frame);
    owner.queuedBytes = bytes;
    if (!owner.dirty) this.#markDirty(owner);
  }

  #markDirty(owner: OutboxOwner): void {
    owner.dirty = true;
    this.#dirty.push(owner);
    if (!this.#scheduled) this.#schedule();
  }

  /** For a session whose socket is full, or whose queue is. */
  #hold(owner: OutboxOwner, frame: OutboxFrame, bytes: number): void {
    if (bytes > this.#roomOf(owner) || this.#overBudget(frame)) this.#overflow(owner, frame);
    else this.#keepFor(owner, frame);
  }

  #roomOf(owner: OutboxOwner): number {
    const { outboxBytes_max } = this.#limits;
    return this.#large.isWaiting(owner) ? waitingFactor * outboxBytes_max : outboxBytes_max;
  }

  #keepFor(owner: OutboxOwner, frame: OutboxFrame): void {
    this.#lists.append(owner, frame);
    owner.queuedBytes += frame.length;
    frame.own();
    this.#retain(frame);
  }

  /** A frame waits for one more blocked session, or for one less. */
  #retain(frame: OutboxFrame): void {
    if (frame.holders++ === 0) this.heldBytes += frame.length;
  }
  #letGo(frame: OutboxFrame): void {
    if (--frame.holders === 0) this.heldBytes -= frame.length;
  }

  /** Runs a task at the end of this turn, before the flush; what it posts goes out with it. */
  afterTurn(task: () => void): void {
    this.#later.push(task);
    if (!this.#scheduled) this.#schedule();
  }

  /** Writes what one session has queued, before its connection is closed. */
  flushNow(owner: OutboxOwner): void {
    if (this.#large.isWaiting(owner)) this.onDrain(owner);
    if (owner.queue !== null && !owner.blocked) this.#write(owner, false);
  }

  /** The session's socket can take frames again. */
  onDrain(owner: OutboxOwner): void {
    if (!owner.blocked) return;
    this.#unblock(owner);
    this.#large.drained(owner);
    if (owner.queue === null) return;
    if (!owner.dirty) this.#markDirty(owner);
  }

  #unblock(owner: OutboxOwner): void {
    owner.blocked = false;
    for (let i = 0; i < owner.queueLength; i++) this.#letGo(owner.queue!.frames[i]!);
  }

  /** The session's connection is gone: forget what was queued for it. */
  discard(owner: OutboxOwner): void {
    if (owner.blocked) this.#unblock(owner);
    this.#large.forget(owner);
    this.#release(owner);
  }

  /** Takes back what is queued for a session, for another one that uses its connection from now on. */
  takeBack(owner: OutboxOwner): OutboxFrame[] {
    const frames = owner.queue === null ? [] : owner.queue.frames.slice(0, owner.queueLength);
    for (const frame of frames) frame.own();
    this.discard(owner);
    return frames;
  }

  /** Size of the largest frame queued for a session. */
  largestQueued(owner: OutboxOwner): number {
    let largest = 0;
    for (let i = 0; i < owner.queueLength; i++) largest = Math.max(largest, owner.queue!.frames[i]!.length);
    return largest;
  }

  /** Linear memory grew: frames that lie in it are looked at anew. Those that outlast a turn have memory of their own. */
  onMemoryGrown(): void {
    this.#lists.each((frame) => frame.renew(this.#codec));
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#scheduler.endOfTurn(this.#flush);
  }

  #endOfTurn(): void {
    this.turn++;
    this.#scheduled = false;
    if (this.#later.length > 0) {
      const tasks = this.#later;
      this.#later = [];
      for (const task of tasks) task();
    }
    this.#large.beginTurn();
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    for (let i = 0; i < dirty.length; i++) {
      const owner = dirty[i]!;
      owner.dirty = false;
      if (owner.queue !== null && !owner.blocked) this.#write(owner, true);
    }
    dirty.length = 0;
    this.#spare = dirty;
    this.#large.endTurn();
    this.#lists.endTurn();
    this.#codec.releaseKept();
  }

  /** Hands a session's frames to its connection: all of them, or with `paced` as far as large ones may go now. */
  #write(owner: OutboxOwner, paced: boolean): void {
    const hasLarge = owner.queue!.bytes_max >= this.#limits.largeFrameBytes;
    const upTo = hasLarge && paced ? this.#paced(owner) : owner.queueLength;
    const taken = upTo === 0 ? 0 : this.#hand(owner, upTo);
    if (hasLarge) this.#large.sent(owner);
    if (taken === owner.queueLength) return this.#release(owner);
    this.#block(owner, taken);
    if (taken === upTo) this.#large.wait(owner);
  }

  /** Its frames from this one on wait until its socket drains, or until it is its turn with large ones. */
  #block(owner: OutboxOwner, from: number): void {
    const { frames } = this.#lists.keep(owner, from);
    owner.blocked = true;
    owner.queuedBytes = 0;
    for (let i = 0; i < owner.queueLength; i++) {
      const frame = frames[i]!;
      frame.own();
      owner.queuedBytes += frame.length;
      this.#retain(frame);
    }
  }

  /** A connection that throws is broken: its session is ended, and nobody else hears of it. */
  #hand(owner: OutboxOwner, upTo: number): number {
    try {
      return owner.connection.send(owner.queue!.frames, 0, upTo);
    } catch (cause) {
      owner.overrun(cause);
      return owner.queueLength;
    }
  }

  /** How far into the queue large frames may go. */
  #paced({ queue, queueLength }: OutboxOwner): number {
    const { largeFrameBytes } = this.#limits;
    let i = 0;
    for (; i < queueLength; i++) {
      const { length } = queue!.frames[i]!;
      if (length >= largeFrameBytes && !this.#large.takes(length)) break;
    }
    return i;
  }

  #release(owner: OutboxOwner): void {
    owner.queue = null;
    owner.queueLength = 0;
    owner.queuedBytes = 0;
  }

  #overBudget(frame: OutboxFrame): boolean {
    if (!frame.droppable) return false;
    const more = frame.holders === 0 ? frame.length : 0;
    return this.heldBytes + this.#large.recentBytes + more > this.#limits.egressBytes_max;
  }

  /** The frame does not fit: write what is there if the socket may still take it, else the policy decides. */
  #overflow(owner: OutboxOwner, frame: OutboxFrame): void {
    if (!owner.blocked && owner.queue !== null) {
      this.#write(owner, frame.droppable);
      // The socket took all, or part of it, or nothing: only the last time round is the session known to be full.
      return this.post(owner, frame);
    }
    if (!frame.droppable && this.#large.isWaiting(owner)) {
      this.onDrain(owner);
      return this.post(owner, frame);
    }
    if (!frame.droppable || (this.#policy === "disconnect" && !this.#large.isWaiting(owner)))
      return this.#overrun(owner);
    if (this.#policy === "drop-oldest" && this.#makeRoom(owner, frame.length)) {
      this.#keepFor(owner, frame);
      return;
    }
    owner.droppedEvents++;
    this.#metrics.eventsDroppedSlow++;
  }

  #overrun(owner: OutboxOwner): void {
    this.#metrics.sessionsOverrun++;
    owner.overrun();
  }

  /** Drops the oldest EVENTs of a blocked session until `bytes` fit. False when only replies are left. */
  #makeRoom(owner: OutboxOwner, bytes: number): boolean {
    const queue = owner.queue;
    if (queue === null) return false;
    const { egressBytes_max } = this.#limits;
    const room = this.#roomOf(owner);
    const fits = (): boolean =>
      owner.queuedBytes + bytes <= room &&
      this.heldBytes + this.#large.recentBytes + bytes <= egressBytes_max;
    let to = 0;
    for (let i = 0; i < queue.count; i++) {
      const frame = queue.frames[i]!;
      if (frame.droppable && !fits()) {
        owner.queuedBytes -= frame.length;
        this.#letGo(frame);
        owner.droppedEvents++;
        this.#metrics.eventsDroppedSlow++;
      } else queue.frames[to++] = frame;
    }
    for (let i = to; i < queue.count; i++) queue.frames[i] = emptyFrame;
    queue.count = owner.queueLength = to;
    return fits();
  }
}
