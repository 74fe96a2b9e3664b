/** Messages in and out with no session behind them: what a test of a router needs. Nothing here is automatic. */
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import type { Serializer } from "../protocol/serializers.ts";
import { hello, type JoinOptions } from "./join.ts";
import type { ClientTransport, TransportClose } from "./transport.ts";

export class WireSession {
  readonly serializer: Serializer;
  /** Resolves when the transport is gone. */
  readonly closed: Promise<TransportClose>;
  readonly #transport: ClientTransport;
  readonly #arrived: Uint8Array[] = [];
  #waiting: (() => void) | null = null;
  #end: TransportClose | null = null;

  constructor(transport: ClientTransport) {
    this.serializer = transport.serializer;
    this.#transport = transport;
    this.closed = new Promise((resolve) => {
      transport.onClose = (close) => {
        this.#end = close;
        resolve(close);
        this.#waiting?.();
      };
    });
    transport.onFrame = (bytes) => {
      this.#arrived.push(bytes.slice());
      this.#waiting?.();
    };
  }

  send(...messages: readonly (readonly unknown[])[]): void {
    for (const message of messages) this.#transport.send(encodeMessage(this.serializer, message));
  }

  /** Sends one frame of the transport with these bytes, whatever they are. */
  sendBytes(bytes: Uint8Array): void {
    this.#transport.send(bytes);
  }

  /** Sends HELLO and returns what the router answers. */
  hello(options: Omit<JoinOptions, "auth">): Promise<unknown[]> {
    this.send(hello(options));
    return this.next();
  }

  /** The next message. Rejects when the transport is gone or `timeout_ms` has passed. One caller at a time. */
  async next(timeout_ms = 5_000): Promise<unknown[]> {
    return decodeMessage(this.serializer, await this.nextBytes(timeout_ms));
  }

  /** The next message as it came. */
  async nextBytes(timeout_ms = 5_000): Promise<Uint8Array> {
    if (this.#arrived.length === 0 && this.#end === null) await this.#arrival(timeout_ms);
    const bytes = this.#arrived.shift();
    if (bytes !== undefined) return bytes;
    const { code, reason } = this.#end ?? { reason: "" };
    throw new Error(
      this.#end === null ? `no message for ${timeout_ms} ms` : `closed: ${code ?? ""} ${reason}`,
    );
  }

  /** Messages that have arrived and were not taken with `next`. */
  get arrivedCount(): number {
    return this.#arrived.length;
  }

  close(): void {
    this.#transport.close();
  }

  #arrival(timeout_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = null;
        resolve();
      };
      const timer = setTimeout(done, timeout_ms);
      this.#waiting = done;
    });
  }
}
