/**
 * The connection of a resumable session, whatever transport is behind it at the moment, or none. Frames handed to a transport are
 * numbered and kept for a while, so that what got lost with one transport is sent again over the next; without a transport they are
 * taken and kept, so that the outbox needs to know nothing of it.
 */
import type { Limits } from "../base/limits.ts";
import { ReplayLog } from "../base/replay-log.ts";
import type { Connection, TransportInfo } from "../ports.ts";
import type { Serializer } from "../protocol/serializers.ts";
import type { OutboxFrame } from "./outbox.ts";

/** What all replay logs of a router hold together. */
export interface ReplayTotals {
  bytes: number;
  /** Resumable sessions, attached or not. */
  sessions: number;
}

/** Told what the session must hear of; none of it from inside the handling of a message. */
export interface ResumableOwner {
  /** The transport can take frames of the session again. */
  onReady(): void;
  /** A frame that no transport has taken did not fit into the log: the session cannot go on. */
  onOverflow(bound: string): void;
  /** The transport threw when it was written to. */
  onBroken(wire: Connection, cause: unknown): void;
  /** It was closed while it had no transport. */
  onClosed(): void;
}

/** Frames handed to a transport at a time when they are sent again. */
const batchFrames = 256;

export class ResumableConnection implements Connection {
  readonly serializer: Serializer;
  readonly #owner: ResumableOwner;
  readonly #limits: Limits;
  readonly #totals: ReplayTotals;
  readonly #log = new ReplayLog<OutboxFrame>();
  #info: TransportInfo;
  #peerFrameBytes_max: number;
  #wire: Connection | null = null;
  /** What the transport has to take before anything else: WELCOME, mostly. */
  #preamble: OutboxFrame[] = [];
  /** Number of the last frame that a transport took. */
  #sent = 0;
  #trimmedBy = "";
  #paused = false;
  /** The session has left its realm: nothing will be replayed any more. */
  #ended = false;

  constructor(owner: ResumableOwner, wire: Connection, limits: Limits, totals: ReplayTotals) {
    this.#owner = owner;
    this.#limits = limits;
    this.#totals = totals;
    this.serializer = wire.serializer;
    this.#info = wire.info;
    this.#peerFrameBytes_max = wire.peerFrameBytes_max;
    totals.sessions++;
  }

  /** Of the transport, or of the last one. */
  get info(): TransportInfo {
    return this.#info;
  }
  get peerFrameBytes_max(): number {
    return this.#peerFrameBytes_max;
  }

  // ---- from the session

  /** The outbox sends nothing but frames of its own. */
  send(frames: readonly OutboxFrame[], from: number, count: number): number {
    const wire = this.#wire;
    if (wire === null) {
      this.#record(frames, from, count);
      return count;
    }
    if (!this.#isReady()) return from;
    try {
      const taken = wire.send(frames, from, count);
      this.#record(frames, from, taken);
      return taken;
    } catch (cause) {
      // Nobody knows what it took. All are kept, and go out over the next transport unless the client says that it has them.
      this.#record(frames, from, count, this.#sent);
      this.#owner.onBroken(wire, cause);
      return count;
    }
  }

  bufferedBytes(): number {
    return this.#wire?.bufferedBytes() ?? 0;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#wire?.pause?.(paused);
  }

  close(code: number, reason: string): void {
    if (this.#wire === null) this.#owner.onClosed();
    else this.#wire.close(code, reason);
  }

  terminate(): void {
    if (this.#wire === null) this.#owner.onClosed();
    else this.#wire.terminate();
  }

  // ---- from its owner

  /** Puts a transport behind it. First go the frames of `preamble`, which are not numbered, then those numbered from `received` + 1 on. */
  attach(wire: Connection, preamble: OutboxFrame[], received: number | undefined): void {
    this.#wire = wire;
    this.#info = wire.info;
    this.#peerFrameBytes_max = wire.peerFrameBytes_max;
    this.#preamble = preamble;
    if (received !== undefined) {
      this.#forget(received);
      this.#sent = received;
    }
    if (this.#paused) wire.pause?.(true);
    this.onDrain();
  }

  /** Takes the transport away. Returns what it has not taken of its preamble. */
  detach(): OutboxFrame[] {
    const rest = this.#preamble;
    this.#wire = null;
    this.#preamble = [];
    return rest;
  }

  /** The transport can take frames again. */
  onDrain(): void {
    const wire = this.#wire;
    if (wire === null) return;
    try {
      if (this.#replay(wire)) this.#owner.onReady();
    } catch (cause) {
      this.#owner.onBroken(wire, cause);
    }
  }

  /** Forgets everything: the session will not be resumed. */
  end(): void {
    this.#clear();
    this.#totals.sessions--;
  }

  /** Why the messages behind the first `received` cannot be replayed: they are not in the log any more. Null: they can. */
  gap(received: number | undefined): string | null {
    const next = (received ?? this.#sent) + 1;
    if (next >= this.#log.first) return null;
    return `message ${next} is due, but the replay log begins with message ${this.#log.first} (${this.#trimmedBy})`;
  }

  /** Number of the last message of this session. */
  get last(): number {
    return this.#log.last;
  }

  /** Size of the largest frame that would be replayed. */
  largest(received: number | undefined): number {
    const next = Math.max((received ?? this.#sent) + 1, this.#log.first);
    return this.#log.from(next, this.#log.length).reduce((most, { length }) => Math.max(most, length), 0);
  }

  // ---- the log

  #isReady(): boolean {
    return this.#preamble.length === 0 && this.#sent === this.#log.last;
  }

  /** Hands over what comes before new frames. True: that is all of it. */
  #replay(wire: Connection): boolean {
    const preamble = this.#preamble;
    if (preamble.length > 0) preamble.splice(0, wire.send(preamble, 0, preamble.length));
    if (preamble.length > 0) return false;
    while (this.#sent < this.#log.last) {
      const batch = this.#log.from(this.#sent + 1, batchFrames);
      const taken = wire.send(batch, 0, batch.length);
      this.#sent += taken;
      if (taken < batch.length) return false;
    }
    return true;
  }

  /** Keeps frames[from..to-1]. `sent`: the last one that a transport took; by default all, if there is a transport. */
  #record(frames: readonly OutboxFrame[], from: number, to: number, sent?: number): void {
    if (this.#ended) return;
    for (let i = from; i < to; i++) {
      const frame = frames[i]!;
      frame.own();
      this.#log.append(frame);
      this.#totals.bytes += frame.length;
    }
    if (this.#wire !== null) this.#sent = sent ?? this.#log.last;
    this.#trim();
  }

  /** Which bound is exceeded, or null. What lies ready for a client in touch takes at most half of what all may take. */
  #exceeded(): string | null {
    const { resumeLogFrames_max, resumeLogBytes_max, resumeBytes_max } = this.#limits;
    const { bytes, sessions } = this.#totals;
    const log = this.#log;
    if (log.length === 0) return null;
    if (log.length > resumeLogFrames_max) return `resumeLogFrames_max ${resumeLogFrames_max}`;
    if (log.bytes > resumeLogBytes_max) return `resumeLogBytes_max ${resumeLogBytes_max}`;
    const share = resumeBytes_max / 2 / sessions;
    const greedy = this.#wire !== null && bytes * 2 > resumeBytes_max && log.bytes > share;
    return greedy || bytes > resumeBytes_max ? `resumeBytes_max ${resumeBytes_max}` : null;
  }

  /** Drops the oldest frames; one that no transport has taken may not be dropped. */
  #trim(): void {
    for (let bound = this.#exceeded(); bound !== null; bound = this.#exceeded()) {
      this.#trimmedBy = bound;
      if (this.#log.first > this.#sent) {
        this.#clear();
        return this.#owner.onOverflow(bound);
      }
      this.#forget(this.#log.first);
    }
  }

  #clear(): void {
    this.#ended = true;
    this.#forget(this.#log.last);
    this.#sent = this.#log.last;
  }

  #forget(upTo: number): void {
    const before = this.#log.bytes;
    this.#log.forget(upTo);
    this.#totals.bytes -= before - this.#log.bytes;
  }
}
