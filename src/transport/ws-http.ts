/** HTTP beside WebSocket on node:http, for the `ws` adapter. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HttpBodyProblem, HttpHead, HttpResponse, HttpService, HttpStream } from "../ports.ts";
import { Body, BodyBudget, Exchange, nothing } from "./http-exchange.ts";

/** Bounds the time between the requests of a connection. */
export interface Deadlines {
  handshaking(socket: Socket): void;
  released(socket: Socket): void;
}

export interface NodeHttpParts {
  readonly deadlines: Deadlines;
  readonly patience_ms: number;
  /** The address that a request comes from. */
  clientOf(request: IncomingMessage): string;
}

/** Carries the requests of one node:http server to a service. */
export class NodeHttp {
  readonly #service: HttpService;
  readonly #deadlines: Deadlines;
  readonly #shared: Pick<NodeExchangeParts, "budget" | "patience_ms">;
  readonly #clientOf: NodeHttpParts["clientOf"];
  /** Requests of a connection that are not answered yet; a client need not wait for one before it sends the next. */
  readonly #unanswered = new Map<Socket, number>();

  constructor(service: HttpService, { deadlines, patience_ms, clientOf }: NodeHttpParts) {
    this.#service = service;
    this.#deadlines = deadlines;
    this.#clientOf = clientOf;
    this.#shared = { budget: new BodyBudget(service.bodiesBytes_max), patience_ms };
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#deadlines.released(socket);
    this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 0) + 1);
    response.once("close", () => this.#answered(socket));
    const peer = this.#clientOf(request);
    new NodeExchange({ request, response, peer, ...this.#shared }, this.#service).serve();
  }

  #answered(socket: Socket): void {
    const left = this.#unanswered.get(socket)! - 1;
    if (left > 0) {
      this.#unanswered.set(socket, left);
      return;
    }
    this.#unanswered.delete(socket);
    if (!socket.destroyed) this.#deadlines.handshaking(socket);
  }
}

export interface NodeExchangeParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly peer: string;
  readonly budget: BodyBudget;
  /** How long a client may neither send the rest of its body nor read its answer. */
  readonly patience_ms: number;
}

class NodeExchange extends Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly peer: string;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #budget: BodyBudget;
  readonly #patience_ms: number;
  /** Made when somebody asks. */
  #headers: ReadonlyMap<string, string> | undefined;

  constructor({ request, response, peer, budget, patience_ms }: NodeExchangeParts, service: HttpService) {
    super(service);
    const { url = "/", method = "GET", socket } = request;
    const at = url.indexOf("?");
    this.method = method;
    this.path = at < 0 ? url : url.slice(0, at);
    this.query = at < 0 ? "" : url.slice(at + 1);
    this.peer = peer;
    this.#request = request;
    this.#response = response;
    this.#socket = socket;
    this.#budget = budget;
    this.#patience_ms = patience_ms;
    response.on("close", () => this.lost());
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map(
      Object.entries(this.#request.headersDistinct).map(([name, values = []]) => [name, values.join(", ")]),
    );
    return this.#headers;
  }

  protected read(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    const body = new Body(bytes_max, this.#budget, true);
    const end = (result: Uint8Array | HttpBodyProblem): void => {
      this.#request.off("data", onData).off("end", onEnd);
      // What is still to come is skipped; the server keeps no silent connection for long once it has answered.
      this.#request.resume();
      this.#socket.setTimeout(0);
      done(result);
      body.release();
    };
    const onData = (chunk: Buffer): void => {
      const problem = body.push(chunk);
      if (problem !== null) end(problem);
    };
    const onEnd = (): void => end(body.finish(nothing));
    const problem = body.problemOf(this.#request.headers["content-length"]);
    if (problem !== null) return end(problem);
    this.onOver = () => body.release();
    this.#socket.setTimeout(this.#patience_ms);
    this.#request.on("data", onData).on("end", onEnd);
  }

  protected send({ status, headers, body }: HttpResponse): void {
    const hasLength = status !== 204 && status !== 304;
    this.#socket.setTimeout(this.#patience_ms);
    this.#response.writeHead(status, {
      ...headers,
      ...(hasLength ? { "content-length": body === undefined ? 0 : Buffer.byteLength(body) } : {}),
    } as Record<string, string | string[] | number>);
    this.#response.end(body);
  }

  protected open({ status, headers }: HttpHead): HttpStream {
    const response = this.#response;
    response.writeHead(status, headers as Record<string, string | string[]>);
    response.flushHeaders();
    const stream: HttpStream = {
      onDrain: null,
      write: (piece) => !this.isOpen || response.write(piece),
      end: () => {
        if (!this.finished()) return;
        this.#socket.setTimeout(this.#patience_ms);
        response.end();
      },
    };
    response.on("drain", () => this.isOpen && stream.onDrain?.());
    return stream;
  }
}
