/**
 * A connection without a socket: a session inside this process. Both directions cross a microtask, so that neither the router
 * nor the user's code is ever entered from within the other. Messages travel as MessagePack, like any other session's.
 */

import type { Connection, ConnectionEvents, Identity, OutgoingFrame, TransportInfo } from "../ports.ts";
import { Serializer } from "../protocol/serializers.ts";

/** The client's end: what a client session stands on. */
export interface LocalPipe {
  readonly serializer: Serializer;
  onFrame: ((bytes: Uint8Array) => void) | null;
  onClose: ((close: { readonly reason: string }) => void) | null;
  send(bytes: Uint8Array): void;
  close(): void;
}

export class LocalConnection implements Connection {
  readonly serializer = Serializer.msgpack;
  readonly info: TransportInfo = { kind: "local", peer: "in-process" };
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly identity: Identity;
  readonly #frameBytes_max: number;
  #events: ConnectionEvents | null = null;
  #toRouter: Uint8Array[] = [];
  #toClient: Uint8Array[] = [];
  #closeReason: string | null = null;
  readonly #pipe: LocalPipe;

  constructor(identity: Identity, frameBytes_max: number) {
    this.identity = identity;
    this.#frameBytes_max = frameBytes_max;
    this.#pipe = {
      serializer: Serializer.msgpack,
      onFrame: null,
      onClose: null,
      send: (bytes) => this.#enqueue(bytes),
      close: () => this.terminate(),
    };
  }

  /** Joins the two ends: the router's `events` and the returned client's end. */
  open(events: ConnectionEvents): LocalPipe {
    this.#events = events;
    return this.#pipe;
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#closeReason !== null) return;
    if (bytes.length > this.#frameBytes_max)
      throw new RangeError(`a message may have ${this.#frameBytes_max} bytes`);
    if (this.#toRouter.push(bytes.slice()) === 1) queueMicrotask(() => this.#deliverToRouter());
  }

  #deliverToRouter(): void {
    const frames = this.#toRouter;
    this.#toRouter = [];
    for (const bytes of frames) this.#events?.onFrame(bytes);
  }

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    for (let i = from; i < count; i++) {
      if (this.#toClient.push(frames[i]!.bytes.slice()) === 1) queueMicrotask(() => this.#deliverToClient());
    }
    return count;
  }

  #deliverToClient(): void {
    const frames = this.#toClient;
    this.#toClient = [];
    for (const bytes of frames) this.#pipe.onFrame?.(bytes);
  }

  bufferedBytes(): number {
    return 0;
  }

  close(_code: number, reason: string): void {
    this.#end(reason);
  }

  terminate(): void {
    this.#end("connection closed");
  }

  #end(reason: string): void {
    if (this.#closeReason !== null) return;
    this.#closeReason = reason;
    // Behind the frames that are on their way to the client.
    queueMicrotask(() => {
      this.#events?.onClose();
      this.#events = null;
      this.#pipe.onClose?.({ reason });
    });
  }
}
