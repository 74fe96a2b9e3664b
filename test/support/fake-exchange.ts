/** An HTTP exchange without a server: the test is the client, and decides when the body is there and when the socket is full. */
import type { HttpBodyProblem, HttpExchange, HttpHead, HttpResponse, HttpStream } from "../../src/ports.ts";

export interface FakeRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Given as soon as it is asked for; absent: by `give`. */
  readonly body?: string | Uint8Array;
}

const decoder = new TextDecoder();
const bytesOf = (body: string | Uint8Array): Uint8Array =>
  typeof body === "string" ? new TextEncoder().encode(body) : body;

export class FakeExchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query = "";
  readonly headers: ReadonlyMap<string, string>;
  readonly peer = "192.0.2.7";
  onGone: (() => void) | null = null;
  /** The answer, once there is one. */
  response: HttpResponse | null = null;
  answers = 0;
  /** What was written to the stream, and whether it was ended. */
  head: HttpHead | null = null;
  readonly pieces: string[] = [];
  isEnded = false;
  /** While true, each piece fills the socket. */
  isFull = false;
  #body: Uint8Array | undefined;
  #bytes_max = 0;
  #done: ((body: Uint8Array | HttpBodyProblem) => void) | null = null;
  #stream: HttpStream | null = null;

  constructor({ method = "POST", path, headers = {}, body }: FakeRequest) {
    this.method = method;
    this.path = path;
    this.headers = new Map(Object.entries(headers));
    if (body !== undefined) this.#body = bytesOf(body);
  }

  get status(): number {
    return this.response?.status ?? this.head?.status ?? 0;
  }
  get text(): string {
    const body = this.response?.body ?? "";
    return typeof body === "string" ? body : decoder.decode(body);
  }
  get json(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  readBody(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    this.#bytes_max = bytes_max;
    this.#done = done;
    if (this.#body !== undefined) this.give(this.#body);
  }

  /** The body has arrived; its bytes are overwritten afterwards, as a server may do. */
  give(body: string | Uint8Array): void {
    const bytes = bytesOf(body).slice();
    this.#done?.(bytes.length > this.#bytes_max ? "too large" : bytes);
    bytes.fill(0x21);
  }

  /** The client goes away. */
  leave(): void {
    if (this.response === null && !this.isEnded) this.onGone?.();
  }

  respond(response: HttpResponse): void {
    this.answers++;
    this.response ??= response;
  }

  stream(head: HttpHead): HttpStream {
    this.head = head;
    this.#stream = {
      onDrain: null,
      write: (piece) => {
        if (!this.isEnded) this.pieces.push(decoder.decode(piece));
        return !this.isFull;
      },
      end: () => {
        this.isEnded = true;
      },
    };
    return this.#stream;
  }

  /** The socket takes more again. */
  drain(): void {
    this.isFull = false;
    this.#stream?.onDrain?.();
  }
}
