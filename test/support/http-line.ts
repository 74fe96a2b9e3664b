/**
 * A bare HTTP/1.1 client: one connection that is kept, one request at a time, every byte as the test wants it. Connects anew where
 * the server has closed a connection on which nothing was asked.
 */
import { connect, type Socket } from "node:net";

export interface LineReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface LineRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

const none = Buffer.alloc(0);

/** The bytes of a request. */
export function requestBytes({ method = "POST", path, headers = {}, body = "" }: LineRequest): Buffer {
  const lines = Object.entries({
    host: "test",
    "content-length": String(Buffer.byteLength(body)),
    ...headers,
  })
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
  return Buffer.concat([head, typeof body === "string" ? Buffer.from(body) : body]);
}

/** Null where the reply is not whole yet. A chunked body counts as empty. */
export function parseReply(bytes: Buffer, hasBody = true): { reply: LineReply; rest: Buffer } | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const from = end + 4;
  const to = from + (hasBody ? Number(headers.get("content-length") ?? 0) : 0);
  if (bytes.length < to) return null;
  const status = Number(statusLine.split(" ")[1]);
  return { reply: { status, headers, body: bytes.subarray(from, to) }, rest: bytes.subarray(to) };
}

export class HttpLine {
  readonly #port: number;
  readonly #host: string;
  #socket: Socket | null = null;
  #received: Buffer = none;
  #waiting: { resolve(reply: LineReply): void; reject(cause: Error): void } | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #hasBody = true;

  /** `url`: anything with a host and a port. */
  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** The connection, once there is one. */
  get socket(): Socket | null {
    return this.#socket;
  }

  /** Sends a request once those before it have been answered. Rejects when the connection ends first. */
  request(request: LineRequest): Promise<LineReply> {
    return this.exchange(requestBytes(request));
  }

  /** Sends bytes, and gives the reply that comes. */
  exchange(bytes: Uint8Array): Promise<LineReply> {
    const reply = this.#turn.then(() => this.#exchange(bytes));
    this.#turn = reply.catch(() => {});
    return reply;
  }

  /** Ends the connection, whatever is under way. */
  close(): void {
    this.#socket?.destroy();
  }

  async #exchange(bytes: Uint8Array): Promise<LineReply> {
    const isUsed = this.#socket !== null && !this.#socket.destroyed;
    try {
      return await this.#once(bytes);
    } catch (cause) {
      // The server may have closed it while nothing was asked; as browsers do, ask once more.
      if (isUsed && this.#received.length === 0) return this.#once(bytes);
      throw cause;
    }
  }

  #once(bytes: Uint8Array): Promise<LineReply> {
    if (this.#socket === null || this.#socket.destroyed) this.#connect();
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#hasBody = !Buffer.from(bytes.subarray(0, 5)).equals(Buffer.from("HEAD "));
      this.#socket!.write(bytes);
    });
  }

  #connect(): void {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    this.#socket = socket;
    this.#received = none;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#onData(chunk as Buffer));
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.reject(new Error(`closed behind ${JSON.stringify(this.#received.toString("latin1"))}`));
    });
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const parsed = parseReply(this.#received, this.#hasBody);
    if (parsed === null) return;
    this.#received = parsed.rest;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(parsed.reply);
  }
}
