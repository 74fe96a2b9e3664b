/**
 * A bare WebSocket client over node:net: every header and every byte as the test wants it, on Node and on Bun.
 * It answers nothing by itself unless told to: neither pings nor close frames.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { Events } from "./events.ts";

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface HttpReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly final: boolean;
  readonly payload: Buffer;
}

export interface FrameOptions {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  /** Default true. */
  readonly final?: boolean;
  /** Default true, as a client must. */
  readonly masked?: boolean;
  /** The three reserved bits, default 0. */
  readonly reserved?: number;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Speak TLS, so. */
  readonly tls?: ConnectionOptions;
}

/** The bytes of one client frame. */
export function frameBytes({
  opcode,
  payload = new Uint8Array(0),
  final = true,
  masked = true,
  reserved = 0,
}: FrameOptions): Buffer {
  const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (payload.length < 126) head.push(maskBit | payload.length);
  else if (payload.length < 65_536) head.push(maskBit | 126, payload.length >> 8, payload.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(payload.length));
    head.push(maskBit | 127, ...length);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const mask = randomBytes(4);
  const body = Buffer.from(payload);
  for (let i = 0; i < body.length; i++) body[i]! ^= mask[i & 3]!;
  return Buffer.concat([Buffer.from(head), mask, body]);
}

/** A close frame's payload. */
export function closePayload(code: number, reason = ""): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

export interface HandshakeOptions extends Endpoint {
  readonly path?: string;
  readonly method?: string;
  /** The value of Sec-WebSocket-Protocol; none where left out. */
  readonly offer?: string;
  /** Added to the request, or instead of a header of the same name. "" leaves the header out. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in one piece with the request. */
  readonly behind?: Uint8Array;
  readonly before?: Uint8Array;
}

function requestText({
  host,
  port,
  path = "/ws",
  method = "GET",
  offer,
  headers = {},
}: HandshakeOptions): string {
  const all = new Map([
    ["host", `${host.includes(":") ? `[${host}]` : host}:${port}`],
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-key", randomBytes(16).toString("base64")],
    ["sec-websocket-version", "13"],
    ...(offer === undefined ? [] : [["sec-websocket-protocol", offer] as const]),
    ...Object.entries(headers),
  ]);
  const lines = [...all].filter(([, value]) => value !== "").map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** Sends an HTTP request, a WebSocket handshake by default, and gives back what was answered and the socket. */
export async function request(
  options: HandshakeOptions,
): Promise<{ reply: HttpReply; socket: Socket; rest: Buffer }> {
  const { host, port, tls } = options;
  const socket = tls === undefined ? connect(port, host) : connectTls({ host, port, ...tls });
  socket.on("error", () => {});
  socket.write(
    Buffer.concat([
      options.before ?? new Uint8Array(0),
      Buffer.from(requestText(options), "latin1"),
      options.behind ?? new Uint8Array(0),
    ]),
  );
  let text = Buffer.alloc(0);
  const reply = await new Promise<{ reply: HttpReply; rest: Buffer }>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text = Buffer.concat([text, chunk]);
      const parsed = parseReply(text);
      if (parsed === null) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.pause();
      resolve(parsed);
    };
    const onClose = (): void => reject(new Error(`closed after ${JSON.stringify(text.toString("latin1"))}`));
    socket.on("data", onData);
    socket.on("close", onClose);
  });
  return { ...reply, socket };
}

function parseReply(text: Buffer): { reply: HttpReply; rest: Buffer } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [statusLine = "", ...lines] = text.toString("latin1", 0, end).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const headers = new Map<string, string>();
  for (const line of lines)
    headers.set(line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim());
  const behind = text.subarray(end + 4);
  const bodyBytes = status === 101 ? 0 : Number(headers.get("content-length") ?? 0);
  if (behind.length < bodyBytes) return null;
  return {
    reply: { status, headers, body: behind.toString("utf8", 0, bodyBytes) },
    rest: behind.subarray(bodyBytes),
  };
}

/** Opens a WebSocket; fails where the answer is not 101. */
export async function openWebSocket(options: HandshakeOptions): Promise<RawWebSocket> {
  const { reply, socket, rest } = await request(options);
  if (reply.status !== 101) {
    socket.destroy();
    throw new Error(`the server answered ${reply.status}: ${reply.body}`);
  }
  return new RawWebSocket(socket, reply, rest);
}

export class RawWebSocket {
  readonly socket: Socket;
  readonly reply: HttpReply;
  /** Frames as they arrive; control frames among them. */
  readonly frames = new Events<ServerFrame>("frame");
  /** Settles when the connection is gone: the close code that the server sent, or 1006. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  answersPings = false;
  #bytes: Buffer = Buffer.alloc(0);
  #needed = 2;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #close = { code: 1006, reason: "" };

  constructor(socket: Socket, reply: HttpReply, rest: Buffer) {
    this.socket = socket;
    this.reply = reply;
    socket.setNoDelay(true);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.frames.end();
        resolve(this.#close);
      });
    });
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    if (rest.length > 0) this.#received(rest);
    socket.resume();
  }

  get subprotocol(): string | undefined {
    return this.reply.headers.get("sec-websocket-protocol");
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }
  send(options: FrameOptions): void {
    this.sendBytes(frameBytes(options));
  }
  sendText(text: string): void {
    this.send({ opcode: Opcode.text, payload: Buffer.from(text) });
  }
  sendBinary(payload: Uint8Array): void {
    this.send({ opcode: Opcode.binary, payload });
  }
  ping(payload: Uint8Array): void {
    this.send({ opcode: Opcode.ping, payload });
  }

  /** Sends a close frame and waits for the end of the connection. */
  close(code: number, reason = ""): Promise<{ readonly code: number; readonly reason: string }> {
    this.send({ opcode: Opcode.close, payload: closePayload(code, reason) });
    return this.closed;
  }

  /** The next text or binary frame. */
  async message(): Promise<Buffer> {
    for (;;) {
      const frame = await this.frames.next();
      if (frame.opcode === Opcode.text || frame.opcode === Opcode.binary) return frame.payload;
    }
  }

  pauseReading(): void {
    this.socket.pause();
  }
  resumeReading(): void {
    this.socket.resume();
  }
  /** Ends the TCP connection by FIN, without a close frame. */
  destroy(): void {
    this.socket.destroy();
  }
  /** Ends the TCP connection by RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #received(chunk: Buffer): void {
    // Joined only once enough is there for the next frame, so that large ones do not cost quadratic copying.
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#bytes.length + this.#chunkBytes < this.#needed) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks]);
    this.#chunks = [];
    this.#chunkBytes = 0;
    let at = 0;
    for (;;) {
      const length = this.#frameAt(at);
      if (length === 0) break;
      at += length;
    }
    this.#bytes = this.#bytes.subarray(at);
  }

  /** Takes the frame at `at`; returns its length with its header, or 0 where it is not complete. */
  #frameAt(at: number): number {
    const bytes = this.#bytes;
    const here = bytes.length - at;
    this.#needed = 2;
    if (here < 2) return 0;
    const short = bytes[at + 1]! & 0x7f;
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    this.#needed = headBytes;
    if (here < headBytes) return 0;
    const payloadBytes =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    this.#needed = headBytes + payloadBytes;
    if (here < this.#needed) return 0;
    const payload = bytes.subarray(at + headBytes, at + this.#needed);
    const length = this.#needed;
    this.#frame({ opcode: bytes[at]! & 15, final: bytes[at]! >= 128, payload });
    return length;
  }

  #frame(frame: ServerFrame): void {
    if (frame.opcode === Opcode.close && frame.payload.length >= 2) {
      this.#close = { code: frame.payload.readUInt16BE(0), reason: frame.payload.toString("utf8", 2) };
      // The server waits for this before it ends the connection.
      if (!this.socket.destroyed) this.send({ opcode: Opcode.close, payload: frame.payload.subarray(0, 2) });
    }
    if (frame.opcode === Opcode.ping && this.answersPings)
      this.send({ opcode: Opcode.pong, payload: frame.payload });
    this.frames.push(frame);
  }
}
