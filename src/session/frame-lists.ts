/**
 * What is queued for sessions in one loop turn. Sessions that are sent the same frames in the same order – subscribers of one topic –
 * share one list, each with its own length of it: to queue an EVENT for the next of them is a compare and a count. A session that is sent
 * something else gets a list that begins with what it had. Hot.
 */
import type { OutboxFrame } from "./outbox.ts";

/** Pooled: the array itself never shrinks. */
export class FrameList {
  readonly frames: OutboxFrame[] = [];
  /** Length of the longest of those who share it. */
  count = 0;
  /** Length in bytes of the largest frame in it. */
  bytes_max = 0;
  /** One session's alone; it outlasts the turn. */
  isKept = false;

  push(frame: OutboxFrame): void {
    this.frames[this.count++] = frame;
    if (frame.length > this.bytes_max) this.bytes_max = frame.length;
  }
}

/** A session's end of a list. */
export interface Queued {
  queue: FrameList | null;
  /** Frames of `queue` that are this session's: the first ones. */
  queueLength: number;
}

export class FrameLists {
  readonly #pool: FrameList[] = [];
  /** Lists of this turn: `#used` of them. */
  readonly #lists: FrameList[] = [];
  #used = 0;
  readonly #none: OutboxFrame;
  /** The list made last, and the one that it was parted from (null: it began empty) at which length. */
  #latest: FrameList | null = null;
  #from: FrameList | null = null;
  #at = 0;

  /** `none` takes the place of frames that are forgotten. */
  constructor(none: OutboxFrame) {
    this.#none = none;
  }

  append(owner: Queued, frame: OutboxFrame): void {
    const at = owner.queueLength;
    owner.queueLength = at + 1;
    const list = owner.queue;
    if (list === null) this.#turn(owner, null, at, frame);
    else if (at === list.count) list.push(frame);
    else if (list.frames[at] !== frame) this.#turn(owner, list, at, frame);
  }

  /** Nobody with the same frames has gone on with this one yet. */
  #turn(owner: Queued, from: FrameList | null, at: number, frame: OutboxFrame): void {
    const list = this.#other(from, at, frame);
    owner.queue = list;
    if (at === list.count) list.push(frame);
  }

  /** A list whose first `at` frames are those of `from`, and which can go on with `frame`. */
  #other(from: FrameList | null, at: number, frame: OutboxFrame): FrameList {
    const latest = this.#latest;
    // Where one session goes another way, the next is likely to follow.
    if (latest !== null && this.#from === from && this.#at === at && latest.frames[at] === frame)
      return latest;
    const list = this.#pool.pop() ?? new FrameList();
    this.#lists[this.#used++] = list;
    for (let i = 0; i < at; i++) list.push(from!.frames[i]!);
    this.#latest = list;
    this.#from = from;
    this.#at = at;
    return list;
  }

  /** Gives a session a list that outlasts the turn, with its frames from this one on. */
  keep(owner: Queued, from: number): FrameList {
    if (from === 0 && owner.queue!.isKept) return owner.queue!;
    const list = new FrameList();
    list.isKept = true;
    const frames = owner.queue!.frames;
    for (let i = from; i < owner.queueLength; i++) list.push(frames[i]!);
    owner.queue = list;
    owner.queueLength = list.count;
    return list;
  }

  /** All lists of this turn are done with. */
  endTurn(): void {
    const lists = this.#lists;
    for (let i = 0; i < this.#used; i++) {
      const list = lists[i]!;
      const frames = list.frames;
      for (let j = 0; j < list.count; j++) frames[j] = this.#none;
      list.count = list.bytes_max = 0;
      // A list that once held a burst is not kept: the pool's memory stays small.
      if (frames.length <= 1024 && this.#pool.length < 4096) this.#pool.push(list);
    }
    this.#used = 0;
    this.#latest = this.#from = null;
    if (lists.length > 4096) lists.length = 0;
  }

  /** Each frame of this turn, at least once. */
  each(visit: (frame: OutboxFrame) => void): void {
    for (let i = 0; i < this.#used; i++) {
      const list = this.#lists[i]!;
      for (let j = 0; j < list.count; j++) visit(list.frames[j]!);
    }
  }
}
