/**
 * HTTP beside WebSocket on uWebSockets.js.
 *
 * What this server does in its own way: a client that neither sends the rest of its body nor reads its answer for some ten seconds is
 * dropped; so is one that sends a second request on a connection whose first is not answered yet.
 */
import type { HttpBodyProblem, HttpHead, HttpResponse, HttpService, HttpStream } from "../ports.ts";
import { peerAddress } from "./address.ts";
import { Body, type BodyBudget, Exchange, nothing, statusLine } from "./http-exchange.ts";
import type { TrustedProxies } from "./proxies.ts";
import type { NativeRequest, NativeResponse } from "./uws-types.ts";

const decoder = new TextDecoder();

export class UwsExchange extends Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly peer: string;
  readonly #response: NativeResponse;
  readonly #budget: BodyBudget;

  /** Everything is read from the request now: it lives on the native stack. */
  constructor(
    native: { readonly response: NativeResponse; readonly request: NativeRequest },
    service: HttpService,
    { budget, proxies }: { readonly budget: BodyBudget; readonly proxies: TrustedProxies },
  ) {
    super(service);
    const { response, request } = native;
    response.onAborted(() => this.lost());
    this.#response = response;
    this.#budget = budget;
    this.method = request.getMethod().toUpperCase();
    this.path = request.getUrl();
    this.query = request.getQuery() ?? "";
    const headers = new Map<string, string>();
    request.forEach((name, value) => {
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    });
    this.headers = headers;
    const peer = peerAddress(decoder.decode(response.getRemoteAddressAsText()));
    this.peer = proxies.clientOf(peer, (name) => headers.get(name));
  }

  protected read(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    const body = new Body(bytes_max, this.#budget, false);
    let isDone = false;
    const end = (result: Uint8Array | HttpBodyProblem): void => {
      isDone = true;
      done(result);
      body.release();
    };
    const problem = body.problemOf(this.headers.get("content-length"));
    if (problem !== null) return end(problem);
    this.onOver = () => body.release();
    this.#response.onData((chunk, isLast) => {
      if (isDone) return;
      const piece = new Uint8Array(chunk);
      const result = isLast ? body.finish(piece) : body.push(piece);
      if (result !== null) end(result);
    });
  }

  protected send({ status, headers, body }: HttpResponse): void {
    const response = this.#response;
    response.cork(() => {
      this.#writeHead({ status, headers });
      if (status === 204 || status === 304) response.endWithoutBody();
      else if (body === undefined) response.endWithoutBody(0);
      else if (this.method === "HEAD") response.endWithoutBody(Buffer.byteLength(body));
      else response.end(body);
    });
  }

  #writeHead({ status, headers }: HttpHead): void {
    const response = this.#response;
    response.writeStatus(statusLine(status));
    for (const [name, value] of Object.entries(headers))
      for (const line of typeof value === "string" ? [value] : value) response.writeHeader(name, line);
  }

  protected open(head: HttpHead): HttpStream {
    const response = this.#response;
    let owesDrain = false;
    const stream: HttpStream = {
      onDrain: null,
      write: (piece) => {
        if (!this.isOpen || piece.length === 0) return true;
        let hasRoom = true;
        response.cork(() => {
          hasRoom = response.write(piece);
        });
        owesDrain = !hasRoom;
        return hasRoom;
      },
      end: () => {
        if (this.finished()) response.cork(() => response.end(nothing));
      },
    };
    response.onWritable(() => {
      if (owesDrain) {
        owesDrain = false;
        // Not at once: what is written inside the event itself is never followed by another.
        setImmediate(() => this.isOpen && stream.onDrain?.());
      }
      return true;
    });
    response.cork(() => this.#writeHead(head));
    return stream;
  }
}
