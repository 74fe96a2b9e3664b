/**
 * A connection over a server that is uWebSockets inside, whether on Node or in Bun: what uws.ts and bun.ts share. Hot.
 * The runtime's own calls are behind `Driver`; only one driver is loaded in a process, so that its calls stay inlined.
 */
import type {
  Accept,
  Connection,
  ConnectionEvents,
  OutgoingFrame,
  TransportInfo,
  WebSocketListenOptions,
} from "../ports.ts";
import { isBinary, type Serializer } from "../protocol/serializers.ts";
import { acceptBatched, type Cut } from "./batched.ts";
import {
  CloseCode,
  closeReason,
  deflateFromBytes,
  frameTooLargeReason,
  messageBytes_max,
  type Negotiated,
  wrongFrameReason,
} from "./negotiate.ts";

export interface CorkableSocket {
  getBufferedAmount(): number;
  /** Calls `task` before it returns. */
  cork(task: () => void): void;
}

/** What the runtimes call differently. */
export interface Driver<Socket extends CorkableSocket> {
  /** Returns false where the server has taken the frame, but the socket is full behind it. It never drops one. */
  send(socket: Socket, frame: OutgoingFrame, binary: boolean, compress: boolean): boolean;
  /** Sends a close frame; `lost()` comes before it returns. */
  end(socket: Socket, code: number, reason: string): void;
  /** Drops the connection; `lost()` comes before it returns. */
  drop(socket: Socket): void;
  /** Where a view is not the cheapest way to cut a message out of a batch. */
  readonly cut?: Cut;
  /** Where the runtime can stop reading. */
  pause?(socket: Socket, paused: boolean): void;
}

/** The native server must never drop a message by itself: send() stops at the first that does not go out at once. */
export const nativeBackpressureBytes_max = 1 << 30;

/** A socket counts as drained once no more than this is buffered; not 0, so that the pipe never runs dry. */
const drainedBytes = 16 << 10;

/** What the connections of one listener share. */
export class CorkedListener<Socket extends CorkableSocket> {
  readonly driver: Driver<Socket>;
  readonly writer: CorkedWriter<Socket>;
  readonly frameBytes_max: number;
  readonly accept: Accept;
  readonly acceptBatched: Accept;
  closed = false;
  #lastPeer = "";

  constructor(driver: Driver<Socket>, { accept, deflate, frameBytes_max }: WebSocketListenOptions) {
    this.driver = driver;
    this.writer = new CorkedWriter(driver, deflate);
    this.frameBytes_max = frameBytes_max;
    this.accept = accept;
    this.acceptBatched = acceptBatched(accept, driver.cut);
  }

  /** Asks for a session before the upgrade. Null where the router is full or the session closed it at once. */
  connect(chosen: Negotiated, peer: string): CorkedConnection<Socket> | null {
    if (this.closed) return null;
    const Kind = this.driver.pause === undefined ? CorkedConnection : PausableConnection;
    // Clients behind one proxy share the text of its address.
    if (peer !== this.#lastPeer) this.#lastPeer = peer;
    const connection = new Kind(this, chosen, this.#lastPeer);
    return connection.begin(chosen.batched ? this.acceptBatched : this.accept) ? connection : null;
  }
}

/** Writes one batch under cork. Its callback is made once, so that a batch costs no closure, and a connection none either. */
class CorkedWriter<Socket extends CorkableSocket> {
  readonly #driver: Driver<Socket>;
  readonly #deflate: boolean;
  #socket: Socket | null = null;
  #frames: readonly OutgoingFrame[] = [];
  #next = 0;
  #count = 0;
  #binary = true;
  readonly #run = (): void => {
    const socket = this.#socket!;
    while (this.#next < this.#count) {
      const frame = this.#frames[this.#next++]!;
      const compress = this.#deflate && frame.bytes.length >= deflateFromBytes;
      if (!this.#driver.send(socket, frame, this.#binary, compress)) return;
    }
  };

  constructor(driver: Driver<Socket>, deflate: boolean) {
    this.#driver = driver;
    this.#deflate = deflate;
  }

  /** Sends one frame; false where the socket took it, but is full behind it. */
  writeOne(socket: Socket, frame: OutgoingFrame, binary: boolean): boolean {
    const compress = this.#deflate && frame.bytes.length >= deflateFromBytes;
    return this.#driver.send(socket, frame, binary, compress);
  }

  /** Sends frames[from..count-1] until the socket is full; returns the index behind the last one taken. */
  write(
    socket: Socket,
    frames: readonly OutgoingFrame[],
    from: number,
    count: number,
    binary: boolean,
  ): number {
    this.#socket = socket;
    this.#frames = frames;
    this.#next = from;
    this.#count = count;
    this.#binary = binary;
    socket.cork(this.#run);
    this.#socket = null;
    return this.#next;
  }
}

const State = { open: 0, closing: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class CorkedConnection<Socket extends CorkableSocket> implements Connection {
  readonly serializer: Serializer;
  readonly #listener: CorkedListener<Socket>;
  readonly #messageBytes_max: number;
  readonly #peer: string;
  #events: ConnectionEvents | null = null;
  /** Null until the upgrade is through, and again from the native close event on: no method may touch a dead socket. */
  #socket: Socket | null = null;
  #state: State = State.open;
  /** A send() returned less than it was given; onDrain is owed. */
  #owesDrain = false;
  #mayBeFull = false;

  constructor(listener: CorkedListener<Socket>, chosen: Negotiated, peer: string) {
    this.#listener = listener;
    this.serializer = chosen.serializer;
    this.#messageBytes_max = messageBytes_max(chosen, listener.frameBytes_max);
    this.#peer = peer;
  }

  get peerFrameBytes_max(): number {
    return Number.POSITIVE_INFINITY;
  }

  get info(): TransportInfo {
    return { kind: "websocket", peer: this.#peer };
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#state !== State.open) return count;
    const socket = this.#socket;
    let next = from;
    // The socket is asked only where it may be full: the question costs as much as a small frame.
    if (socket !== null && (!this.#mayBeFull || socket.getBufferedAmount() <= drainedBytes)) {
      const binary = isBinary(this.serializer);
      if (count - from === 1) {
        // One frame needs no cork, and its answer can be trusted.
        this.#mayBeFull = !this.#listener.writer.writeOne(socket, frames[from]!, binary);
        next = count;
      } else {
        // Under cork the socket takes into the cork's buffer whatever its own is like, and says nothing when that is flushed.
        next = this.#listener.writer.write(socket, frames, from, count, binary);
        this.#mayBeFull = true;
      }
    }
    if (next < count) this.#owesDrain = true;
    return next;
  }

  bufferedBytes(): number {
    return this.#socket === null ? 0 : this.#socket.getBufferedAmount();
  }

  close(code: number, reason: string): void {
    if (this.#state !== State.open) return;
    // A paused socket would not see that the peer closes its side.
    this.setPaused(false);
    this.#state = State.closing;
    if (this.#socket !== null) this.#listener.driver.end(this.#socket, code, closeReason(reason));
  }

  terminate(): void {
    // After close() the native socket no longer answers to us; the server drops it by itself when the peer stays silent.
    if (this.#state !== State.open) return;
    this.#state = State.closing;
    if (this.#socket !== null) this.#listener.driver.drop(this.#socket);
  }

  protected setPaused(paused: boolean): void {
    if (this.#state !== State.open || this.#socket === null) return;
    this.#listener.driver.pause?.(this.#socket, paused);
  }

  // ---- from the native server

  /** False where there is no session, or none any more. */
  begin(accept: Accept): boolean {
    const events = accept(this);
    if (events === null) return false;
    this.#events = events;
    if (this.#state === State.open) return true;
    this.abandoned();
    return false;
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    this.drained();
  }

  received(bytes: Uint8Array, binary: boolean): void {
    if (this.#state !== State.open) return;
    if (binary !== isBinary(this.serializer)) {
      this.close(CloseCode.wrongFrameType, wrongFrameReason(this.serializer));
    } else if (bytes.length > this.#messageBytes_max) {
      this.close(CloseCode.frameTooLarge, frameTooLargeReason(this.#messageBytes_max));
    } else {
      this.#events!.onFrame(bytes);
    }
  }

  get awaitsDrain(): boolean {
    return this.#owesDrain;
  }

  /** The native event comes at every progress; the session hears of it once there is room. */
  drained(): void {
    if (!this.#owesDrain || this.#state !== State.open) return;
    if (this.#socket!.getBufferedAmount() > drainedBytes) return;
    this.#owesDrain = false;
    this.#events!.onDrain();
  }

  /** The native socket is gone, by the peer or inside our own close() or terminate(). */
  lost(): void {
    this.#socket = null;
    if (this.#state === State.closed) return;
    // Inside close() the session is in the middle of something: it hears of the end when that is over.
    if (this.#state === State.closing) {
      this.abandoned();
    } else {
      this.#state = State.closed;
      this.#events!.onClose();
    }
  }

  /** There is no socket, or none any more: tells the session, but not from inside one of its own calls. */
  abandoned(): void {
    this.#state = State.closed;
    const events = this.#events!;
    queueMicrotask(() => events.onClose());
  }
}

/** Where the runtime can stop reading: a method that does nothing would promise what it cannot keep. */
class PausableConnection<Socket extends CorkableSocket> extends CorkedConnection<Socket> {
  /** Messages that were read already still arrive. */
  pause(paused: boolean): void {
    this.setPaused(paused);
  }
}
