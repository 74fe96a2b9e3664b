/** One connection of the `ws` adapter. Hot. */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Accept, Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../ports.ts";
import { isBinary, type Serializer } from "../protocol/serializers.ts";
import { type BatchWriter, isFull } from "./batch-writer.ts";
import type { Origin } from "./front.ts";
import {
  CloseCode,
  closeReason,
  deflateFromBytes,
  frameTooLargeReason,
  wrongFrameReason,
} from "./negotiate.ts";
import type { Sweep, Swept } from "./sweep.ts";
import { pingFrame } from "./websocket-header.ts";

/** The listener, as its connections see it. */
export interface WsShared {
  readonly sweep: Sweep<WsConnection, Socket>;
  readonly textWriter: BatchWriter;
  readonly binaryWriter: BatchWriter;
}

/** What the handshake settled. */
export interface WsAgreed {
  readonly serializer: Serializer;
  readonly origin: Origin;
  readonly messageBytes_max: number;
}

/** Compressed messages are queued by `ws`; beyond this the socket counts as full. */
const deflatedBytes_max = 64 << 10;

const State = { open: 0, closing: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class WsConnection implements Connection, Swept {
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly #shared: WsShared;
  readonly #messageBytes_max: number;
  readonly #socket: Socket;
  readonly #writer: BatchWriter;
  #websocket: WebSocket | null = null;
  #events: ConnectionEvents | null = null;
  #state: State = State.open;
  #owesDrain = false;
  #deflated = false;
  #paused = false;
  #bytesRead = -1;
  #lastSeen_ms = 0;
  readonly #onSent = (): void => {
    if (this.#websocket!.bufferedAmount <= deflatedBytes_max) this.#drained();
  };

  constructor(shared: WsShared, socket: Socket, { serializer, origin, messageBytes_max }: WsAgreed) {
    this.#shared = shared;
    this.#messageBytes_max = messageBytes_max;
    this.#socket = socket;
    this.serializer = serializer;
    this.#writer = isBinary(serializer) ? shared.binaryWriter : shared.textWriter;
    this.info = { kind: "websocket", ...origin };
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#state !== State.open) return count;
    let next = from;
    if (this.#websocket !== null) {
      if (this.#deflated) next = this.#sendDeflated(frames, from, count);
      else if (!isFull(this.#socket)) next = this.#writer.write(this.#socket, frames, from, count);
    }
    if (next < count) this.#owesDrain = true;
    return next;
  }

  /** `ws` compresses in the background, so each frame is copied. */
  #sendDeflated(frames: readonly OutgoingFrame[], from: number, count: number): number {
    const websocket = this.#websocket!;
    const binary = isBinary(this.serializer);
    let next = from;
    while (next < count && websocket.bufferedAmount <= deflatedBytes_max) {
      const bytes = Buffer.from(frames[next++]!.bytes);
      websocket.send(bytes, { binary, compress: bytes.length >= deflateFromBytes }, this.#onSent);
    }
    return next;
  }

  bufferedBytes(): number {
    return this.#deflated ? this.#websocket!.bufferedAmount : this.#socket.writableLength;
  }

  /** Messages that were read already still arrive. */
  pause(paused: boolean): void {
    if (this.#state !== State.open || this.#paused === paused) return;
    this.#paused = paused;
    if (paused) this.#websocket?.pause();
    else this.#websocket?.resume();
  }

  close(code: number, reason: string): void {
    if (this.#state !== State.open) return;
    // The peer's answer must be read.
    this.pause(false);
    this.#state = State.closing;
    this.#websocket?.close(code, closeReason(reason));
  }

  terminate(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closing;
    this.#socket.destroy();
  }

  // ---- from the listener

  /** Asks for a session. False where there is none, or none any more. */
  begin(accept: Accept): boolean {
    this.#events = accept(this);
    if (this.#events === null) return false;
    if (this.#state === State.open) return true;
    this.abandoned();
    return false;
  }

  opened(websocket: WebSocket): void {
    this.#websocket = websocket;
    this.#deflated = websocket.extensions !== "";
    this.#shared.sweep.add(this);
    websocket.on("message", (data, binary) => this.#received(data as Buffer, binary));
    // The close event follows.
    websocket.on("error", () => {});
    websocket.on("close", () => this.#closed());
    this.#socket.on("drain", () => {
      if (!this.#deflated) this.#drained();
    });
    if (this.#paused) websocket.pause();
    this.#drained();
  }

  /** There is no WebSocket: tells the session, but not from inside one of its own calls. */
  abandoned(): void {
    this.#state = State.closed;
    const events = this.#events!;
    queueMicrotask(() => events.onClose());
  }

  #received(bytes: Buffer, binary: boolean): void {
    if (this.#state !== State.open) return;
    if (binary !== isBinary(this.serializer)) {
      this.close(CloseCode.wrongFrameType, wrongFrameReason(this.serializer));
    } else if (bytes.length > this.#messageBytes_max) {
      this.close(CloseCode.frameTooLarge, frameTooLargeReason(this.#messageBytes_max));
    } else {
      this.#events!.onFrame(bytes);
    }
  }

  #drained(): void {
    // A peer that takes what we send is alive, even if it has nothing to say.
    this.#bytesRead = -1;
    if (!this.#owesDrain || this.#state !== State.open) return;
    this.#owesDrain = false;
    this.#events!.onDrain();
  }

  #closed(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#shared.sweep.remove(this);
    this.#events!.onClose();
  }

  // ---- from the sweep

  lastSeen_ms(now_ms: number): number {
    const bytesRead = this.#socket.bytesRead;
    if (bytesRead !== this.#bytesRead || this.#paused) {
      this.#bytesRead = bytesRead;
      this.#lastSeen_ms = now_ms;
    }
    return this.#lastSeen_ms;
  }

  ping(): void {
    // Behind what the peer has not read yet a ping would say nothing.
    if (this.#state === State.open && this.#socket.writableLength === 0) this.#socket.write(pingFrame);
  }

  drop(): void {
    this.terminate();
  }
}
