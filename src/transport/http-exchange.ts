/**
 * What the three servers' exchanges have in common: that they are answered once, that their client may go away, and how a body is
 * collected within its bounds. The servers' own words are in uws-http.ts, bun-http.ts and ws-http.ts.
 */
import { STATUS_CODES } from "node:http";
import type {
  HttpBodyProblem,
  HttpExchange,
  HttpHead,
  HttpResponse,
  HttpService,
  HttpStream,
} from "../ports.ts";
import { refusals } from "./negotiate.ts";

const State = { open: 0, streaming: 1, over: 2 } as const;
type State = (typeof State)[keyof typeof State];

export abstract class Exchange implements HttpExchange {
  readonly #service: HttpService;
  abstract readonly method: string;
  abstract readonly path: string;
  abstract readonly query: string;
  abstract readonly headers: ReadonlyMap<string, string>;
  abstract readonly peer: string;
  onGone: (() => void) | null = null;
  /** For the server's half: the answer is complete, or the client gone. */
  protected onOver: (() => void) | null = null;
  #state: State = State.open;

  constructor(service: HttpService) {
    this.#service = service;
  }

  protected abstract read(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void;
  /** Sends the whole answer. Called once at most, and only while the client is there. */
  protected abstract send(response: HttpResponse): void;
  /** Sends the head; what the stream calls once it is ended is `finished`. */
  protected abstract open(head: HttpHead): HttpStream;

  /** The answer is not complete, and the client is there. */
  protected get isOpen(): boolean {
    return this.#state !== State.over;
  }

  /** Hands the request to the service; a path that is not the service's is answered 404. */
  serve(): void {
    this.#run(() => {
      if (!this.#service.handle(this)) this.respond(notFound);
    });
  }

  readBody(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    this.read(bytes_max, (body) => {
      if (this.isOpen) this.#run(() => done(body));
    });
  }

  /** A fault of the service ends its own request and nothing else. */
  #run(task: () => void): void {
    try {
      task();
    } catch (cause) {
      this.#service.failed(cause);
      this.respond(internalError);
    }
  }

  respond(response: HttpResponse): void {
    if (this.#state !== State.open) return;
    this.#end();
    this.send(response);
  }

  stream(head: HttpHead): HttpStream {
    if (this.#state !== State.open) return nowhere;
    this.#state = State.streaming;
    return this.open(head);
  }

  /** The stream has been ended. True the first time. */
  protected finished(): boolean {
    if (this.#state === State.over) return false;
    this.#end();
    return true;
  }

  /** The client is gone; whoever waits for it hears of it, unless the answer was complete. */
  protected lost(): void {
    if (this.#state === State.over) return;
    const tell = this.onGone;
    this.#end();
    tell?.();
  }

  #end(): void {
    this.#state = State.over;
    this.onGone = null;
    const tell = this.onOver;
    this.onOver = null;
    tell?.();
  }
}

const plain = (status: number, body: string): HttpResponse => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
});
const notFound = plain(refusals.notFound.status, refusals.notFound.body);
const internalError = plain(500, "The router failed to answer this request.\n");

const nowhere: HttpStream = { write: () => true, onDrain: null, end: () => {} };

/** Bytes of bodies that one listener holds while they arrive. */
export class BodyBudget {
  readonly #bytes_max: number;
  #bytes = 0;
  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
  }
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytes_max) return false;
    this.#bytes += bytes;
    return true;
  }
  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Collects the pieces of one body. Whatever it took of the budget it gives back with `release`; it takes nothing afterwards. */
export class Body {
  readonly #bytes_max: number;
  readonly #budget: BodyBudget;
  readonly #pieces: Uint8Array[] = [];
  readonly #isCopied: boolean;
  #bytes = 0;
  #isOver = false;

  /** `isCopied`: the server leaves the pieces to whoever gets them; otherwise one that must wait is copied. */
  constructor(bytes_max: number, budget: BodyBudget, isCopied: boolean) {
    this.#bytes_max = bytes_max;
    this.#budget = budget;
    this.#isCopied = isCopied;
  }

  /** What is wrong with a body that is announced with this content-length, before any of it is read. */
  problemOf(contentLength: string | undefined): HttpBodyProblem | null {
    return Number(contentLength ?? 0) > this.#bytes_max ? "too large" : null;
  }

  /** Keeps a piece. */
  push(piece: Uint8Array): HttpBodyProblem | null {
    if (this.#isOver) return null;
    if (this.#bytes + piece.length > this.#bytes_max) return "too large";
    if (!this.#budget.take(piece.length)) return "overloaded";
    this.#bytes += piece.length;
    this.#pieces.push(this.#isCopied ? piece : piece.slice());
    return null;
  }

  /** The last piece: it need not wait, so it is neither copied nor counted. Gives the whole body. */
  finish(last: Uint8Array): Uint8Array | HttpBodyProblem {
    if (this.#bytes + last.length > this.#bytes_max) return "too large";
    if (this.#pieces.length === 0) return last;
    if (this.#pieces.length === 1 && last.length === 0) return this.#pieces[0]!;
    const whole = new Uint8Array(this.#bytes + last.length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    whole.set(last, at);
    return whole;
  }

  release(): void {
    this.#isOver = true;
    this.#budget.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#pieces.length = 0;
  }
}

export const nothing: Uint8Array = new Uint8Array(0);

/** "404 Not Found": the status and the words that go with it. */
export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? "Unknown"}`;
