/**
 * A connection without a socket, in any serializer, whose "socket" can be made small or full: what the router's suite runs on
 * where no transport is needed, and where a test must decide when the peer reads. Frames cross at the end of a loop turn, all of
 * a turn together, as they do over a socket.
 */
import type { ClientTransport, TransportClose } from "../../src/client/transport.ts";
import type { Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../../src/ports.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";

export interface MemoryConnectionOptions {
  readonly serializer: Serializer;
  /** What the peer accepts in one frame; Infinity where absent. */
  readonly peerFrameBytes_max?: number;
}

export class MemoryConnection implements Connection {
  readonly info: TransportInfo = { kind: "local", peer: "memory" };
  readonly serializer: Serializer;
  readonly peerFrameBytes_max: number;
  /** Bytes that the "socket" takes before it is full; at least one frame goes while any are left. */
  room = Number.POSITIVE_INFINITY;
  /** The largest frame that the router sent. */
  sentFrameBytes_max = 0;
  readonly client: ClientTransport;
  #events: ConnectionEvents | null = null;
  #full = false;
  #closedByRouter = false;
  #toRouter: Uint8Array[] = [];
  #toClient: Uint8Array[] = [];
  #close: TransportClose | null = null;

  constructor(options: MemoryConnectionOptions) {
    this.serializer = options.serializer;
    this.peerFrameBytes_max = options.peerFrameBytes_max ?? Number.POSITIVE_INFINITY;
    this.client = {
      serializer: options.serializer,
      onFrame: null,
      onClose: null,
      send: (bytes) => this.#enqueue(bytes),
      close: () => this.#end({ code: 1000, reason: "" }),
    };
  }

  open(events: ConnectionEvents): void {
    this.#events = events;
  }

  /** The peer reads again: everything, from now on. */
  resume(): void {
    this.room = Number.POSITIVE_INFINITY;
    if (!this.#full) return;
    this.#full = false;
    this.#events?.onDrain();
  }

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#closedByRouter) throw new Error("the router sends after it has closed the connection");
    if (this.#close !== null) return count;
    let next = from;
    while (next < count && this.room > 0) {
      const bytes = frames[next++]!.bytes.slice();
      this.room -= bytes.length;
      this.sentFrameBytes_max = Math.max(this.sentFrameBytes_max, bytes.length);
      if (this.#toClient.push(bytes) === 1) setImmediate(() => this.#deliverToClient());
    }
    this.#full = next < count;
    return next;
  }

  bufferedBytes(): number {
    return 0;
  }
  close(code: number, reason: string): void {
    this.#closedByRouter = true;
    this.#end({ code, reason });
  }
  terminate(): void {
    this.#closedByRouter = true;
    this.#end({ code: 1006, reason: "" });
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#close !== null) return;
    if (this.#toRouter.push(bytes.slice()) === 1) setImmediate(() => this.#deliverToRouter());
  }
  #deliverToRouter(): void {
    const frames = this.#toRouter;
    this.#toRouter = [];
    for (const bytes of frames) this.#events?.onFrame(bytes);
  }
  #deliverToClient(): void {
    const frames = this.#toClient;
    this.#toClient = [];
    for (const bytes of frames) this.client.onFrame?.(bytes);
  }

  #end(close: TransportClose): void {
    if (this.#close !== null) return;
    this.#close = close;
    // Behind what is on its way in both directions.
    setImmediate(() =>
      setImmediate(() => {
        const events = this.#events;
        this.#events = null;
        events?.onClose();
        this.client.onClose?.(close);
      }),
    );
  }
}
