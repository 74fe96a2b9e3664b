/**
 * HTTP beside WebSocket on Bun.serve.
 *
 * What this server does in its own way: a path's dot segments are resolved before anybody sees it; a stream that ends before its first
 * piece has left is sent as an answer with a length.
 */
import type { HttpBodyProblem, HttpHead, HttpResponse, HttpService, HttpStream } from "../ports.ts";
import { peerAddress } from "./address.ts";
import type { BunServer } from "./bun-types.ts";
import { Body, type BodyBudget, Exchange, nothing } from "./http-exchange.ts";
import type { TrustedProxies } from "./proxies.ts";

export interface BunExchangeParts {
  readonly request: Request;
  readonly server: BunServer;
  readonly path: string;
  readonly budget: BodyBudget;
  readonly proxies: TrustedProxies;
  /** Seconds in which a client may neither send the rest of its body nor read its answer. */
  readonly patience_s: number;
}

/** The address that a request comes from. */
export const clientOf = (request: Request, server: BunServer, proxies: TrustedProxies): string =>
  proxies.clientOf(
    peerAddress(server.requestIP(request)?.address ?? ""),
    (name) => request.headers.get(name) ?? undefined,
  );

/** A stream takes as much ahead of the socket. */
const streamBytes = 16 << 10;

export class BunExchange extends Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly peer: string;
  readonly #request: Request;
  readonly #server: BunServer;
  readonly #budget: BodyBudget;
  readonly #patience_s: number;
  /** Made when somebody asks. */
  #headers: ReadonlyMap<string, string> | undefined;
  #answer: Response | null = null;
  #settle: ((answer: Response) => void) | null = null;

  constructor(
    { request, server, path, budget, proxies, patience_s }: BunExchangeParts,
    service: HttpService,
  ) {
    super(service);
    const { url } = request;
    const at = url.indexOf("?");
    this.method = request.method;
    this.path = path;
    this.query = at < 0 ? "" : url.slice(at + 1);
    this.peer = clientOf(request, server, proxies);
    this.#request = request;
    this.#server = server;
    this.#budget = budget;
    this.#patience_s = patience_s;
    request.signal.addEventListener("abort", () => this.#abandon());
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map(this.#request.headers.entries());
    return this.#headers;
  }

  /** What Bun waits for; the answer itself where it is there already. */
  answer(): Response | Promise<Response> {
    if (this.#answer !== null) return this.#answer;
    // However long the handler takes: it has bounds of its own.
    this.#server.timeout(this.#request, 0);
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  #give(answer: Response): void {
    if (this.#settle === null) this.#answer = answer;
    else this.#settle(answer);
  }

  /** Nobody gets this answer; but what waits for one would be kept for ever. */
  #abandon(): void {
    this.lost();
    this.#give(new Response(null));
  }

  protected read(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    const body = new Body(bytes_max, this.#budget, true);
    const problem = body.problemOf(this.#request.headers.get("content-length") ?? undefined);
    if (problem !== null) return done(problem);
    const stream = this.#request.body;
    if (stream === null) return done(body.finish(nothing));
    this.onOver = () => body.release();
    void this.#collect(stream, body).then(
      (result) => {
        if (this.isOpen) this.#server.timeout(this.#request, 0);
        done(result);
        body.release();
      },
      // The client went away in the middle of its body, of which the signal tells.
      () => body.release(),
    );
  }

  async #collect(stream: ReadableStream<Uint8Array>, body: Body): Promise<Uint8Array | HttpBodyProblem> {
    // Read later than answer() is called, which is where the patience is turned off.
    await null;
    this.#server.timeout(this.#request, this.#patience_s);
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return body.finish(nothing);
      const problem = body.push(value);
      if (problem !== null) return problem;
    }
  }

  protected send({ status, headers, body }: HttpResponse): void {
    this.#server.timeout(this.#request, this.#patience_s);
    this.#give(new Response(body ?? null, { status, headers: listOf(headers) }));
  }

  protected open({ status, headers }: HttpHead): HttpStream {
    this.#server.timeout(this.#request, 0);
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    let owesDrain = false;
    const stream: HttpStream = {
      onDrain: null,
      write: (piece) => {
        if (!this.isOpen || controller === undefined) return true;
        controller.enqueue(piece);
        owesDrain = (controller.desiredSize ?? 1) <= 0;
        return !owesDrain;
      },
      end: () => {
        if (!this.finished()) return;
        this.#server.timeout(this.#request, this.#patience_s);
        controller?.close();
      },
    };
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: streamBytes });
    const body = new ReadableStream<Uint8Array>(
      {
        start: (given) => {
          controller = given;
        },
        pull: () => {
          if (!owesDrain || !this.isOpen) return;
          owesDrain = false;
          stream.onDrain?.();
        },
        cancel: () => this.lost(),
      },
      strategy,
    );
    this.#give(new Response(body, { status, headers: listOf(headers) }));
    return stream;
  }
}

function listOf(headers: HttpHead["headers"]): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value]] : value.map((line): [string, string] => [name, line]),
  );
}
