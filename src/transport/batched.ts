/**
 * The batched subprotocols, over any WebSocket adapter: stands between a connection and its session, splits what comes in and
 * joins what goes out. A connection without batches knows nothing of it. Hot.
 */
import type { Accept, Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../ports.ts";
import {
  Batch,
  defaultFraming,
  Framing,
  type MessageSink,
  splitBatch,
  terminatorOf,
} from "../protocol/batches.ts";
import { Serializer } from "../protocol/serializers.ts";

/** Cuts a message out of a batch. */
export type Cut = (batch: Uint8Array, from: number, end: number) => Uint8Array;

const viewOf: Cut = (batch, from, end) => batch.subarray(from, end);

/** Makes of an accept for messages one for batches. To be called once per listener: its connections share the memory. */
export function acceptBatched(accept: Accept, cut: Cut = viewOf): Accept {
  const shared = { joiners: new Joiners(), cut };
  return (batches) => {
    const Kind = batches.pause === undefined ? BatchedConnection : PausableBatchedConnection;
    const connection = new Kind(batches, shared);
    return connection.begin(accept) ? connection : null;
  };
}

/**
 * Joins frames into batches. The last batch stays: where many sessions receive the same frames, which is what an event is to its
 * subscribers, only the first of them has it written, and on Bun turned into text.
 */
class Joiner {
  readonly #batch: Batch;
  readonly #joined: OutgoingFrame[] = [];
  readonly #frame: { bytes: Uint8Array; text: string | undefined };
  /** What a connection is given to send: the one batch. */
  readonly frames: readonly OutgoingFrame[];

  constructor(framing: Framing) {
    this.#batch = new Batch(framing);
    this.#frame = { bytes: this.#batch.bytes(), text: undefined };
    this.frames = [this.#frame];
  }

  /** Makes a batch of frames[from] and what fits behind it. Returns the index behind the last frame that is in it. */
  join(frames: readonly OutgoingFrame[], from: number, count: number): number {
    const joined = this.#joined;
    if (this.#isJoined(frames, from, count)) return from + joined.length;
    const batch = this.#batch;
    batch.clear();
    let next = from;
    do {
      const frame = frames[next]!;
      batch.add(frame.bytes);
      joined[next - from] = frame;
      next++;
    } while (next < count && batch.fits(frames[next]!.bytes.length));
    while (joined.length > next - from) joined.pop();
    this.#frame.bytes = batch.bytes();
    this.#frame.text = undefined;
    return next;
  }

  #isJoined(frames: readonly OutgoingFrame[], from: number, count: number): boolean {
    const joined = this.#joined;
    if (joined[0] !== frames[from]) return false;
    const end = from + joined.length;
    if (end > count || (end < count && this.#batch.fits(frames[end]!.bytes.length))) return false;
    for (let i = 1; i < joined.length; i++) if (joined[i] !== frames[from + i]) return false;
    return true;
  }
}

class Joiners {
  readonly #length = new Joiner(Framing.length);
  readonly #recordSeparator = new Joiner(Framing.recordSeparator);
  readonly #cancel = new Joiner(Framing.cancel);
  of(framing: Framing): Joiner {
    if (framing === Framing.length) return this.#length;
    return framing === Framing.cancel ? this.#cancel : this.#recordSeparator;
  }
}

/** What the connections of one listener share. */
interface Shared {
  readonly joiners: Joiners;
  readonly cut: Cut;
}

/** To the session a connection of messages, to the adapter a session that takes batches. */
class BatchedConnection implements Connection, ConnectionEvents, MessageSink {
  readonly serializer: Serializer;
  readonly batches: Connection;
  readonly #shared: Shared;
  #joiner: Joiner;
  #events: ConnectionEvents | null = null;
  #isOpen = true;

  constructor(batches: Connection, shared: Shared) {
    this.serializer = batches.serializer;
    this.batches = batches;
    this.#shared = shared;
    this.#joiner = shared.joiners.of(defaultFraming(batches.serializer));
  }

  begin(accept: Accept): boolean {
    this.#events = accept(this);
    return this.#events !== null;
  }

  get info(): TransportInfo {
    return { ...this.batches.info, batched: true };
  }

  get peerFrameBytes_max(): number {
    return this.batches.peerFrameBytes_max;
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    const joiner = this.#joiner;
    let next = from;
    while (next < count) {
      const end = joiner.join(frames, next, count);
      // A batch is taken whole or not at all, and so are its frames.
      if (this.batches.send(joiner.frames, 0, 1) === 0) break;
      next = end;
    }
    return next;
  }

  bufferedBytes(): number {
    return this.batches.bufferedBytes();
  }

  close(code: number, reason: string): void {
    this.#isOpen = false;
    this.batches.close(code, reason);
  }

  terminate(): void {
    this.#isOpen = false;
    this.batches.terminate();
  }

  // ---- from the adapter

  onFrame(batch: Uint8Array): void {
    let framing: Framing = Framing.length;
    if (this.serializer === Serializer.json) {
      framing = terminatorOf(batch) ?? Framing.recordSeparator;
      this.#joiner = this.#shared.joiners.of(framing);
    }
    const problem = splitBatch(batch, framing, this);
    if (problem !== null) this.#events!.onViolation(problem);
  }

  /** A session that ended in the middle of a batch does not hear the rest of it. */
  onMessage(batch: Uint8Array, from: number, end: number): boolean {
    this.#events!.onFrame(this.#shared.cut(batch, from, end));
    return this.#isOpen;
  }

  onViolation(problem: string): void {
    this.#events!.onViolation(problem);
  }

  onDrain(): void {
    this.#events!.onDrain();
  }

  onClose(): void {
    this.#isOpen = false;
    this.#events!.onClose();
  }
}

/** Where the adapter can stop reading. */
class PausableBatchedConnection extends BatchedConnection {
  pause(paused: boolean): void {
    this.batches.pause?.(paused);
  }
}
