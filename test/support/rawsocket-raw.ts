/** A bare RawSocket client over node:net: every octet as the test wants it, on Node and on Bun. */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { Events } from "./events.ts";

export interface RawSocketFrame {
  readonly first: number;
  readonly payload: Buffer;
}

/** The octets of one frame; `first` is the whole first octet. */
export function rawFrame(payload: Uint8Array, first = 0): Buffer {
  const length = payload.length & 0xffffff;
  return Buffer.concat([Buffer.from([first, length >> 16, (length >> 8) & 255, length & 255]), payload]);
}

/** A client's handshake: 2^(exponent+9) bytes is what it receives. */
export const clientHandshake = (serializer: number, exponent = 15): Buffer =>
  Buffer.from([0x7f, (exponent << 4) | serializer, 0, 0]);

export class RawSocketClient {
  readonly socket: Socket;
  /** The server's four octets, or fewer where it closed before. */
  readonly answer: Promise<Buffer>;
  readonly frames = new Events<RawSocketFrame>("frame");
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  answersPings = false;
  #bytes: Buffer = Buffer.alloc(0);
  #needed = 4;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #answered = false;
  #settleAnswer: (octets: Buffer) => void = () => {};

  /** Speaks TLS where `tls` is given. */
  constructor(where: NetConnectOpts, tls?: ConnectionOptions) {
    const socket =
      tls === undefined ? connect(where) : connectTls({ ...(where as ConnectionOptions), ...tls });
    this.socket = socket;
    this.answer = new Promise((resolve) => {
      this.#settleAnswer = resolve;
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#settleAnswer(this.#bytes);
        this.frames.end();
        resolve();
      });
    });
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }
  send(payload: Uint8Array): void {
    this.sendBytes(rawFrame(payload));
  }
  ping(payload: Uint8Array): void {
    this.sendBytes(rawFrame(payload, 1));
  }
  /** The next message, whatever control frames come before it. */
  async message(): Promise<Buffer> {
    for (;;) {
      const frame = await this.frames.next();
      if ((frame.first & 7) === 0) return frame.payload;
    }
  }
  close(): Promise<void> {
    this.socket.end();
    return this.closed;
  }

  #received(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#bytes.length + this.#chunkBytes < this.#needed) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks]);
    this.#chunks = [];
    this.#chunkBytes = 0;
    if (!this.#answered) {
      this.#answered = true;
      this.#settleAnswer(Buffer.from(this.#bytes.subarray(0, 4)));
      this.#bytes = this.#bytes.subarray(4);
    }
    let at = 0;
    for (let length = this.#frameAt(0); length > 0; length = this.#frameAt(at)) at += length;
    this.#bytes = this.#bytes.subarray(at);
  }

  /** Takes the frame at `at`; returns its length with its header, or 0 where it is not complete. */
  #frameAt(at: number): number {
    const bytes = this.#bytes;
    this.#needed = 4;
    if (bytes.length - at < 4) return 0;
    const first = bytes[at]!;
    this.#needed = 4 + ((first & 8) === 0 ? bytes.readUIntBE(at + 1, 3) : 1 << 24);
    if (bytes.length - at < this.#needed) return 0;
    const length = this.#needed;
    const payload = bytes.subarray(at + 4, at + length);
    if ((first & 7) === 1 && this.answersPings) this.sendBytes(rawFrame(payload, 2));
    this.frames.push({ first, payload });
    return length;
  }
}
