/** One RawSocket connection, once its handshake is through. Hot. */
import type { Socket } from "node:net";
import { assert } from "../base/assert.ts";
import type { Accept, Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../ports.ts";
import type { Serializer } from "../protocol/serializers.ts";
import { type BatchWriter, isFull } from "./batch-writer.ts";
import type { Origin } from "./front.ts";
import {
  bytesOfExponent,
  controlFrame,
  FrameParser,
  type FrameSink,
  lengthExponent,
} from "./rawsocket-framing.ts";
import type { Sweep, Swept } from "./sweep.ts";

export interface RawSocketShared {
  readonly serializer: Serializer;
  readonly frameBytes_max: number;
  readonly peerFrameBytes_max: number;
  readonly origin: Origin;
  readonly writer: BatchWriter;
  readonly sweep: Sweep<RawSocketConnection, Socket>;
}

/** A PING beyond this ends the connection: it exists to show life, not to store bytes in the router. */
const pingBytes_max = 64 << 10;
/** PONGs that wait because the peer does not read. Beyond it, it is flooding. */
const pongBytes_max = 256 << 10;

const pingFrame = controlFrame("ping", new Uint8Array(0));

const State = { open: 0, closing: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class RawSocketConnection implements Connection, FrameSink, Swept {
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max: number;
  readonly #socket: Socket;
  readonly #writer: BatchWriter;
  readonly #sweep: Sweep<RawSocketConnection, Socket>;
  readonly #parser: FrameParser;
  #events: ConnectionEvents | null = null;
  #state: State = State.open;
  #opened = false;
  #owesDrain = false;
  #paused = false;
  #corked = false;
  #pongBytes = 0;
  /** Bytes came, or were taken, since the last sweep. */
  #alive = true;
  #lastSeen_ms = 0;

  constructor(socket: Socket, shared: RawSocketShared) {
    this.#socket = socket;
    this.#writer = shared.writer;
    this.#sweep = shared.sweep;
    this.serializer = shared.serializer;
    this.peerFrameBytes_max = shared.peerFrameBytes_max;
    this.info = { kind: "rawsocket", ...shared.origin };
    // What was announced, which is what was asked for where that is a power of two.
    const frameBytes_max = bytesOfExponent(lengthExponent(shared.frameBytes_max));
    const limits = { frameBytes_max, pingBytes_max: Math.min(pingBytes_max, shared.peerFrameBytes_max) };
    this.#parser = new FrameParser(limits, this);
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#state !== State.open) return count;
    for (let i = from; i < count; i++) {
      assert(
        frames[i]!.bytes.length <= this.peerFrameBytes_max,
        "a frame is larger than its receiver said it accepts",
      );
    }
    let next = from;
    if (this.#opened && !isFull(this.#socket)) next = this.#writer.write(this.#socket, frames, from, count);
    if (next < count) this.#owesDrain = true;
    return next;
  }

  bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Messages that were read already still arrive. */
  pause(paused: boolean): void {
    if (this.#state !== State.open || this.#paused === paused) return;
    this.#paused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  close(): void {
    if (this.#state !== State.open) return;
    // The peer's end must be read.
    this.pause(false);
    this.#state = State.closing;
    if (!this.#opened) return;
    this.#socket.end();
    this.#sweep.closing(this.#socket);
  }

  terminate(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closing;
    if (this.#opened) this.#socket.destroy();
  }

  // ---- from the listener

  /** Asks for a session. False where there is none, or none any more. */
  begin(accept: Accept): boolean {
    const events = accept(this);
    if (events === null) return false;
    this.#events = events;
    if (this.#state === State.open) return true;
    // It has no socket: the session hears of it, but not from inside one of its own calls.
    this.#state = State.closed;
    queueMicrotask(() => events.onClose());
    return false;
  }

  /** `rest` is what came behind the handshake. */
  opened(rest: Uint8Array): void {
    this.#opened = true;
    this.#sweep.add(this);
    const socket = this.#socket;
    socket.on("data", (chunk) => this.#received(chunk as Buffer));
    socket.on("drain", () => this.#drained());
    socket.on("close", () => this.#closed());
    if (this.#paused) socket.pause();
    this.#drained();
    if (rest.length > 0) this.#received(rest);
  }

  #received(chunk: Uint8Array): void {
    this.#alive = true;
    if (this.#state !== State.open) return;
    const problem = this.#parser.push(chunk);
    if (this.#corked) this.#sendPongs();
    // RawSocket has no way to say why.
    if (problem !== null) this.terminate();
  }

  #sendPongs(): void {
    this.#corked = false;
    this.#socket.uncork();
    if (this.#socket.writableLength === 0) this.#pongBytes = 0;
    else if (this.#pongBytes > pongBytes_max) this.terminate();
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#state === State.open) this.#events!.onFrame(bytes);
  }

  onPing(payload: Uint8Array): void {
    if (this.#state !== State.open) return;
    const pong = controlFrame("pong", payload);
    this.#pongBytes += pong.length;
    // One write for all the PONGs of a chunk.
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
    }
    this.#socket.write(pong);
  }

  #drained(): void {
    // A peer that takes what we send is alive, even if it has nothing to say.
    this.#alive = true;
    if (!this.#owesDrain || this.#state !== State.open) return;
    this.#owesDrain = false;
    this.#events!.onDrain();
  }

  #closed(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#sweep.remove(this);
    this.#events!.onClose();
  }

  // ---- from the sweep

  lastSeen_ms(now_ms: number): number {
    if (this.#alive || this.#paused) {
      this.#alive = false;
      this.#lastSeen_ms = now_ms;
    }
    return this.#lastSeen_ms;
  }

  ping(): void {
    // Behind what the peer has not read yet a PING would say nothing.
    if (this.#state === State.open && this.#socket.writableLength === 0) this.#socket.write(pingFrame);
  }

  drop(): void {
    this.terminate();
  }
}
