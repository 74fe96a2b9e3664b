/** How messages leave an HTTP transport: with the answer to a poll, or in an event stream. */
import type { HttpExchange, HttpStream } from "../ports.ts";
import type { Framing } from "../protocol/batches.ts";
import type { Answers } from "./http-answers.ts";
import {
  contentType,
  type HttpProtocol,
  joinBatch,
  sseEvents,
  sseKeepAlive,
  sseOpened,
  sseTerminated,
} from "./http-formats.ts";
import type { MessageQueue } from "./http-queue.ts";

/** Why an outlet is ended from outside: another took its place, its client closed the transport, or the transport has ended. */
export type OutletEnd = "replaced" | "closed" | "ended";

export interface Outlet {
  /** Takes from a queue that is not empty. `done`: it is over; `full`: its drain follows. */
  take(queue: MessageQueue): "done" | "more" | "full";
  /** Time passes. False: it is over. */
  tick(now_ms: number): boolean;
  end(why: OutletEnd): void;
}

export const transportEnded = {
  status: 410,
  error: "transport_closed",
  message: "this transport has ended; open another",
} as const;

/** Answers one request: with a message, with all of them where the protocol is batched, or with 204 when none came in time. */
export class Poll implements Outlet {
  readonly #exchange: HttpExchange;
  readonly #answers: Answers;
  readonly #protocol: HttpProtocol;
  readonly #framing: () => Framing;
  readonly #until_ms: number;

  /** `framing`: what a batch is written with, which is what its reader used last. */
  constructor(
    exchange: HttpExchange,
    given: { answers: Answers; protocol: HttpProtocol; framing(): Framing; until_ms: number },
  ) {
    this.#exchange = exchange;
    this.#answers = given.answers;
    this.#protocol = given.protocol;
    this.#framing = given.framing;
    this.#until_ms = given.until_ms;
  }

  take(queue: MessageQueue): "done" {
    const body = this.#protocol.batched
      ? joinBatch(queue.shiftSome(Number.POSITIVE_INFINITY), this.#framing())
      : queue.shift();
    this.#answers.messages(this.#exchange, contentType(this.#protocol), body);
    return "done";
  }

  tick(now_ms: number): boolean {
    if (now_ms < this.#until_ms) return true;
    this.#answers.empty(this.#exchange, 204);
    return false;
  }

  /** A client whose poll is replaced or that closes the transport itself has nothing to complain of. */
  end(why: OutletEnd): void {
    if (why === "ended") this.#answers.error(this.#exchange, transportEnded);
    else this.#answers.empty(this.#exchange, 204);
  }
}

/** Bytes of messages in one piece of a stream. */
const pieceBytes = 64 << 10;

export class EventStream implements Outlet {
  readonly #stream: HttpStream;
  readonly #keepAlive_ms: number;
  readonly #now_ms: () => number;
  #written_ms: number;
  #isFull: boolean;

  constructor(
    exchange: HttpExchange,
    given: { answers: Answers; keepAlive_ms: number; now_ms(): number; onDrain(): void },
  ) {
    this.#keepAlive_ms = given.keepAlive_ms;
    this.#now_ms = given.now_ms;
    this.#written_ms = given.now_ms();
    this.#stream = given.answers.events(exchange);
    this.#stream.onDrain = () => {
      this.#isFull = false;
      given.onDrain();
    };
    this.#isFull = !this.#stream.write(sseOpened);
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  take(queue: MessageQueue): "more" | "full" {
    this.#write(sseEvents(queue.shiftSome(pieceBytes)));
    return this.#isFull ? "full" : "more";
  }

  tick(now_ms: number): boolean {
    if (!this.#isFull && now_ms - this.#written_ms >= this.#keepAlive_ms) this.#write(sseKeepAlive);
    return true;
  }

  end(why: OutletEnd): void {
    if (why === "ended") this.#stream.write(sseTerminated);
    this.#stream.end();
  }

  #write(piece: Uint8Array): void {
    this.#isFull = !this.#stream.write(piece);
    this.#written_ms = this.#now_ms();
  }
}
