/**
 * What clients send on one HTTP transport: several requests may be under way at a time, on connections of their own, and their
 * messages are handed over in the order in which the requests began. What has arrived too early waits, within bounds.
 */
import type { Limits } from "../base/limits.ts";
import type { HttpBodyProblem, HttpExchange } from "../ports.ts";
import type { Answers } from "./http-answers.ts";

/** Who takes what was sent. */
export interface SendSink {
  /** The body of one request; valid until the call returns. Returns what is wrong with it, or null. */
  onSend(body: Uint8Array): string | null;
  onCloseRequest(exchange: HttpExchange): void;
  /** The status that says that a message was taken. */
  readonly acceptedStatus: number;
}

interface Send {
  readonly exchange: HttpExchange;
  /** Null while it is arriving. */
  body: Uint8Array | null;
  readonly isClose: boolean;
}

const problems = {
  "too large": { status: 413, error: "body_too_large" },
  overloaded: { status: 503, error: "overloaded" },
} as const;

export class Sends {
  readonly #sink: SendSink;
  readonly #limits: Limits;
  readonly #bodyBytes_max: number;
  readonly #answers: Answers;
  #waiting: Send[] = [];
  #heldBytes = 0;
  #isPaused = false;

  constructor(
    sink: SendSink,
    given: { readonly limits: Limits; readonly bodyBytes_max: number; readonly answers: Answers },
  ) {
    this.#sink = sink;
    this.#limits = given.limits;
    this.#bodyBytes_max = given.bodyBytes_max;
    this.#answers = given.answers;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  push(exchange: HttpExchange): void {
    if (this.#waiting.length >= this.#limits.httpSends_max)
      return this.#overloaded(exchange, `at most ${this.#limits.httpSends_max} sends at a time`);
    const send: Send = { exchange, body: null, isClose: false };
    this.#waiting.push(send);
    exchange.onGone = () => this.#withdraw(send);
    exchange.readBody(this.#bodyBytes_max, (body) => this.#arrived(send, body));
  }

  /** Closes the transport once what was sent before has been handed over. */
  pushClose(exchange: HttpExchange): void {
    this.#waiting.push({ exchange, body: new Uint8Array(0), isClose: true });
    this.#run();
  }

  /** Not from inside the session's own call: what waits is handed over at once. */
  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) queueMicrotask(() => this.#run());
  }

  /** The transport has ended: nothing more is handed over. */
  end(answer: (exchange: HttpExchange) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#heldBytes = 0;
    for (const { exchange } of waiting) answer(exchange);
  }

  #arrived(send: Send, body: Uint8Array | HttpBodyProblem): void {
    if (!this.#waiting.includes(send)) return;
    if (typeof body === "string" || body.length === 0) {
      const { status, error } =
        typeof body === "string" ? problems[body] : { status: 400, error: "message_error" };
      const message =
        body === "too large"
          ? `a body may have ${this.#bodyBytes_max} bytes`
          : body === "overloaded"
            ? "too many bytes are being sent to this router at present; try again"
            : "the body is empty: it should be a WAMP message";
      this.#answers.error(send.exchange, { status, error, message });
      return this.#withdraw(send);
    }
    // From here on it counts, whether or not its client waits for the answer.
    send.exchange.onGone = null;
    if (!this.#isPaused && this.#waiting[0] === send) {
      this.#waiting.shift();
      this.#handle(send, body);
      return this.#run();
    }
    if (this.#heldBytes + body.length > this.#limits.inboxBytes_max) {
      this.#overloaded(send.exchange, "more than the router can take from one client; try again");
      return this.#withdraw(send);
    }
    send.body = new Uint8Array(body);
    this.#heldBytes += body.length;
  }

  #run(): void {
    while (!this.#isPaused) {
      const next = this.#waiting[0];
      if (next === undefined || next.body === null) return;
      this.#waiting.shift();
      this.#heldBytes -= next.body.length;
      this.#handle(next, next.body);
    }
  }

  #handle({ exchange, isClose }: Send, body: Uint8Array): void {
    if (isClose) return this.#sink.onCloseRequest(exchange);
    const problem = this.#sink.onSend(body);
    if (problem === null) this.#answers.empty(exchange, this.#sink.acceptedStatus);
    else this.#answers.error(exchange, { status: 400, error: "message_error", message: problem });
  }

  #withdraw(send: Send): void {
    const at = this.#waiting.indexOf(send);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#run();
  }

  #overloaded(exchange: HttpExchange, message: string): void {
    this.#answers.error(exchange, { status: 503, error: "overloaded", message }, { "retry-after": "1" });
  }
}
