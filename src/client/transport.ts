/**
 * What a client session stands on: whole messages as bytes, both ways. The network connections of this folder implement it,
 * and so may anything else that carries messages, such as a router in the same process.
 */
import type { Serializer } from "../protocol/serializers.ts";

export interface TransportClose {
  /** WebSocket close code, where there is one. */
  readonly code?: number;
  readonly reason: string;
}

export interface ClientTransport {
  readonly serializer: Serializer;
  /** Set by the session, once. Called with one whole message; `bytes` is valid until the call returns. */
  onFrame: ((bytes: Uint8Array) => void) | null;
  /** Set by the session, once. Called once, when the transport is gone for whatever reason; nothing follows. */
  onClose: ((close: TransportClose) => void) | null;
  /** Sends one whole message. Has copied the bytes when it returns. Does nothing once closed. Throws WampError. */
  send(bytes: Uint8Array): void;
  /** Sends what was taken, then closes. `onClose` follows. */
  close(): void;
  /**
   * 32 bytes that both ends of the TLS connection beneath know: the exporter of RFC 9266, or the SHA-256 of RFC 5929's `tls-unique`.
   * Null, or no such method: there is no TLS, or it cannot tell.
   */
  channelId?(type: "tls-exporter" | "tls-unique"): Uint8Array | null;
}

/**
 * The receiving half of a network connection. What arrives before the session has set its handlers waits here, so that a
 * message in the same packet as the handshake's answer is not lost.
 */
export class Inbox {
  #waiting: Uint8Array[] = [];
  #closed: TransportClose | null = null;
  #onFrame: ((bytes: Uint8Array) => void) | null = null;
  #onClose: ((close: TransportClose) => void) | null = null;

  get onFrame(): ((bytes: Uint8Array) => void) | null {
    return this.#onFrame;
  }

  set onFrame(handler: ((bytes: Uint8Array) => void) | null) {
    this.#onFrame = handler;
    if (handler === null) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) handler(bytes);
  }

  get onClose(): ((close: TransportClose) => void) | null {
    return this.#onClose;
  }

  set onClose(handler: ((close: TransportClose) => void) | null) {
    this.#onClose = handler;
    if (handler !== null && this.#closed !== null) handler(this.#closed);
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  protected receive(bytes: Uint8Array): void {
    if (this.#closed !== null) return;
    if (this.#onFrame === null) this.#waiting.push(bytes.slice());
    else this.#onFrame(bytes);
  }

  /** The first reason counts; later ones are its consequences. */
  protected closed(close: TransportClose): void {
    if (this.#closed !== null) return;
    this.#closed = close;
    this.#onClose?.(close);
  }
}
