/**
 * WAMP over plain HTTP, for clients that have no WebSocket: long-poll (Advanced Profile, "HTTP Longpoll Transport") and event
 * streams, with the paths, words and statuses of Bondy. Finds the connection that a request is for; what happens there is in
 * http-session.ts. Control path.
 *
 *   POST <path>/open             {"protocols": [...]} → 200 {"protocol", "transport"}
 *   POST <path>/<id>/send        one WAMP message → 202
 *   POST <path>/<id>/receive     long-poll: → 200 and one message, or 204 when none came in time; with a batched protocol each
 *                                body, both ways, holds one or more
 *   GET  <path>/<id>/receive     event stream: `event: wamp`, `data: <message>`
 *   POST <path>/<id>/close       → 202
 *
 * 400 body that is no message (the session is aborted), 404 unknown transport, 405, 410 transport that has ended, 413 and 503.
 */
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { ownerName } from "../base/owner-names.ts";
import type {
  Accept,
  FillRandom,
  ForwardHttp,
  HttpBodyProblem,
  HttpExchange,
  HttpService,
  Scheduler,
} from "../ports.ts";
import { framingBytes_max } from "../protocol/batches.ts";
import { Answers } from "./http-answers.ts";
import { type HttpKind, protocolNames, readOpen } from "./http-formats.ts";
import { transportEnded } from "./http-outlets.ts";
import { HttpConnection, type HttpShared } from "./http-session.ts";
import { randomName } from "./random-name.ts";

export interface HttpTransportOptions {
  readonly accept: Accept;
  readonly limits: Limits;
  readonly scheduler: Scheduler;
  readonly fillRandom: FillRandom;
  readonly log: Log;
  /** Where each kind is served; absent: not at all. */
  readonly paths: { readonly longpoll?: string | undefined; readonly sse?: string | undefined };
  /** Pages of these origins may use them; see `Answers`. */
  readonly origins: readonly string[];
  /** Which of the routers that work together this is; 0 where it works alone. */
  readonly place?: number;
  /** Takes requests for transports of the other ones. */
  readonly forward?: ForwardHttp;
}

type Action = "open" | "send" | "receive" | "close";

/** Which router a transport belongs to, and which of its transports it is. */
const idShape = /^([A-Za-z0-9_-]{8})\.[A-Za-z0-9_-]{22}$/;
/** Seven characters. */
const lifeBytes = 5;
const secretBytes = 16;

const methodsOf = (kind: HttpKind, action: Action): "GET" | "POST" =>
  kind === "sse" && action === "receive" ? "GET" : "POST";

/**
 * The number of the specification and of Bondy, 202; but autobahn-js takes nothing but 200 and 204 for success. It is the client that
 * names a charset with its JSON.
 */
const acceptedStatus = (contentType: string | undefined): number =>
  contentType !== undefined && /^application\/json\s*;\s*charset=/i.test(contentType) ? 204 : 202;

export class HttpTransports implements HttpService, HttpShared {
  readonly limits: Limits;
  readonly answers: Answers;
  readonly bodiesBytes_max: number;
  /** Short name of this router in this life of it, the first part of its transports' ids. */
  readonly owner: string;
  readonly #options: HttpTransportOptions;
  readonly #connections = new Map<string, HttpConnection>();
  /** The last that ended. */
  readonly #ended = new Set<string>();
  /** Runs while there is a transport. */
  #stopSweeping: (() => void) | null = null;
  #isClosed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.bodiesBytes_max = options.limits.httpBodiesBytes_max;
    this.answers = new Answers(options.origins);
    this.owner = ownerName(options.place ?? 0, randomName(options.fillRandom, lifeBytes));
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  now_ms(): number {
    return this.#options.scheduler.now_ms();
  }

  ended({ id }: HttpConnection): void {
    this.#connections.delete(id);
    if (this.#connections.size === 0) this.#stopSweep();
    this.#ended.add(id);
    if (this.#ended.size <= fixedLimits.httpEnded_max) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** Ends all transports, and settles when polls and streams have been answered. */
  close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of [...this.#connections.values()]) connection.terminate();
    // Some servers write at the end of the turn what they were given in the middle of it.
    return new Promise((resolve) => this.#options.scheduler.endOfTurn(resolve));
  }

  failed(cause: unknown): void {
    this.#options.log.error("http", "internal error; the request is answered 500", { cause });
  }

  handle(exchange: HttpExchange): boolean {
    const { longpoll, sse } = this.#options.paths;
    return this.#handleBelow("longpoll", longpoll, exchange) || this.#handleBelow("sse", sse, exchange);
  }

  #handleBelow(kind: HttpKind, path: string | undefined, exchange: HttpExchange): boolean {
    if (path === undefined || !exchange.path.startsWith(`${path}/`)) return false;
    const rest = exchange.path.slice(path.length + 1);
    const [, id = "", action = rest] = /^([^/]+)\/(send|receive|close)$/.exec(rest) ?? [];
    if (id === "" && action !== "open") {
      this.answers.error(exchange, {
        status: 404,
        error: "not_found",
        message: "there is nothing at this path",
      });
      return true;
    }
    this.#route(exchange, { kind, id, action: action as Action });
    return true;
  }

  #route(exchange: HttpExchange, to: { kind: HttpKind; id: string; action: Action }): void {
    const { kind, id, action } = to;
    const method = methodsOf(kind, action);
    const allow = `${method}, OPTIONS`;
    if (exchange.method === "OPTIONS") return this.answers.options(exchange, allow);
    if (exchange.method !== method) {
      const message = `${action} takes ${method}`;
      return this.answers.error(exchange, { status: 405, error: "method_not_allowed", message }, { allow });
    }
    if (action === "open") return this.#open(exchange, kind);
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.kind !== kind) return this.#unknown(exchange, id, action);
    if (action === "send") connection.onSendRequest(exchange);
    else if (action === "receive") connection.onReceiveRequest(exchange);
    else connection.onCloseRequested(exchange);
  }

  #unknown(exchange: HttpExchange, id: string, action: Action): void {
    // Closed is what its client wants it to be.
    if (this.#ended.has(id) && action === "close")
      return this.answers.empty(exchange, acceptedStatus(exchange.headers.get("content-type")));
    if (this.#ended.has(id)) return this.answers.error(exchange, transportEnded);
    const owner = idShape.exec(id)?.[1];
    const isForeign = owner !== undefined && owner !== this.owner;
    const answer = (message: string): void =>
      this.answers.error(exchange, { status: 404, error: "transport_not_found", message });
    const none = "there is no such transport; open one";
    if (!isForeign) return answer(none);
    const bodyBytes_max = action === "send" ? this.limits.frameBytes_max + framingBytes_max : 0;
    const given = { bodyBytes_max, unknown: () => answer(none) };
    if (this.#options.forward?.(owner, exchange, given) === true) return;
    answer("this transport belongs to another router process, which cannot be reached from here");
  }

  #open(exchange: HttpExchange, kind: HttpKind): void {
    exchange.readBody(fixedLimits.httpOpenBytes_max, (body) => this.#openWith(exchange, kind, body));
  }

  #openWith(exchange: HttpExchange, kind: HttpKind, body: Uint8Array | HttpBodyProblem): void {
    const protocol = typeof body === "string" ? body : readOpen(kind, body);
    const supported = protocolNames(kind);
    if (typeof protocol === "string") return this.answers.error(exchange, openProblem(protocol, supported));
    const connection = new HttpConnection(this, {
      id: `${this.owner}.${randomName(this.#options.fillRandom, secretBytes)}`,
      kind,
      protocol,
      peer: exchange.peer,
      acceptedStatus: acceptedStatus(exchange.headers.get("content-type")),
    });
    if (this.#isClosed || !connection.begin(this.#options.accept)) {
      const message = "this router takes no more connections at present; try again later";
      return this.answers.error(exchange, { status: 503, error: "overloaded", message });
    }
    this.#connections.set(connection.id, connection);
    this.#startSweep();
    this.answers.json(exchange, 200, { protocol: protocol.name, transport: connection.id });
  }

  #startSweep(): void {
    const { poll_ms, httpIdle_ms, sseKeepAlive_ms } = this.limits;
    const interval_ms = Math.min(poll_ms, httpIdle_ms, sseKeepAlive_ms) / 16;
    this.#stopSweeping ??= this.#options.scheduler.every(Math.min(1_000, Math.max(5, interval_ms)), () =>
      this.#sweep(),
    );
  }

  #stopSweep(): void {
    this.#stopSweeping?.();
    this.#stopSweeping = null;
  }

  #sweep(): void {
    const now_ms = this.now_ms();
    for (const connection of this.#connections.values()) connection.sweep(now_ms);
  }
}

function openProblem(problem: string, supported: readonly string[]): Parameters<Answers["error"]>[1] {
  switch (problem) {
    case "too large":
      return {
        status: 413,
        error: "body_too_large",
        message: `an open request has ${fixedLimits.httpOpenBytes_max} bytes at most`,
      };
    case "overloaded":
      return { status: 503, error: "overloaded", message: "too many bytes are being sent to this router" };
    case "invalid_json":
      return {
        status: 400,
        error: problem,
        message: `the body should be {"protocols": ["${supported[0]}"]}`,
      };
    default:
      return {
        status: 400,
        error: problem,
        message: `"protocols" should list one of ${supported.join(", ")}`,
        more: { supported },
      };
  }
}
