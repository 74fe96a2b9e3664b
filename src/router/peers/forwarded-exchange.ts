/** A request that came to another router, in the one that answers it. Control path. */
import { fixedLimits } from "../../base/limits.ts";
import type {
  HttpBodyProblem,
  HttpExchange,
  HttpHead,
  HttpResponse,
  HttpService,
  HttpStream,
} from "../../ports.ts";
import { PeerKind } from "./kinds.ts";
import type { Peers } from "./peers.ts";

/** What the request says. */
export type Said = Pick<HttpExchange, "method" | "path" | "query" | "peer" | "headers">;

export interface ForwardedParts {
  readonly peers: Peers;
  /** Where it came to, and its id there. */
  readonly router: number;
  readonly id: number;
  readonly service: Pick<HttpService, "handle" | "failed">;
  /** It is answered, or its client gone. */
  over(): void;
}

/** Bytes of an answer in one message between routers. */
const pieceBytes = 64 << 10;
const nothing = new Uint8Array(0);
const encoder = new TextEncoder();
const internalError: HttpResponse = {
  status: 500,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "The router failed to answer this request.\n",
};

const State = { open: 0, streaming: 1, over: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class ForwardedExchange implements HttpExchange, HttpStream {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly peer: string;
  readonly headers: ReadonlyMap<string, string>;
  onGone: (() => void) | null = null;
  onDrain: (() => void) | null = null;
  readonly #parts: ForwardedParts;
  /** Valid until `serve` returns. */
  #body: Uint8Array | HttpBodyProblem;
  #state: State = State.open;
  /** Bytes of pieces that have not been taken. */
  #underWay = 0;
  #owesDrain = false;

  constructor(said: Said, body: Uint8Array | HttpBodyProblem, parts: ForwardedParts) {
    this.method = said.method;
    this.path = said.path;
    this.query = said.query;
    this.peer = said.peer;
    this.headers = said.headers;
    this.#body = body;
    this.#parts = parts;
  }

  /** Lets the service answer. False: it is not for it. */
  serve(): boolean {
    let known = true;
    this.#run(() => {
      known = this.#parts.service.handle(this);
    });
    this.#body = nothing;
    if (!known) this.#end();
    return known;
  }

  /** A fault of the service ends this request and nothing else. */
  #run(task: () => void): void {
    try {
      task();
    } catch (cause) {
      this.#parts.service.failed(cause);
      this.respond(internalError);
    }
  }

  readBody(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void {
    const body = this.#body;
    done(typeof body !== "string" && body.length > bytes_max ? "too large" : body);
  }

  respond({ status, headers, body = nothing }: HttpResponse): void {
    if (this.#state !== State.open) return;
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    const { peers, router, id } = this.#parts;
    peers.writer.begin(PeerKind.respond).u32(id).u32(bytes.length);
    this.#sendHead({ status, headers }, bytes.subarray(0, pieceBytes));
    for (let at = pieceBytes; at < bytes.length; at += pieceBytes) {
      peers.writer.begin(PeerKind.piece).u32(id);
      peers.send(router, bytes.subarray(at, at + pieceBytes), false);
    }
    this.#end();
  }

  stream(head: HttpHead): HttpStream {
    if (this.#state !== State.open) return nowhere;
    this.#state = State.streaming;
    this.#parts.peers.writer.begin(PeerKind.stream).u32(this.#parts.id);
    this.#sendHead(head, null);
    return this;
  }

  #sendHead({ status, headers }: HttpHead, body: Uint8Array | null): void {
    const { peers, router } = this.#parts;
    const list = Object.entries(headers);
    peers.writer.u32(status).u32(list.length);
    for (const [name, value] of list) {
      const lines = typeof value === "string" ? [value] : value;
      peers.writer.text(name).u32(lines.length);
      for (const line of lines) peers.writer.text(line);
    }
    peers.send(router, body, false);
  }

  write(piece: Uint8Array): boolean {
    if (this.#state !== State.streaming || piece.length === 0) return true;
    const { peers, router, id } = this.#parts;
    peers.writer.begin(PeerKind.piece).u32(id);
    peers.send(router, piece, false);
    this.#underWay += piece.length;
    this.#owesDrain = this.#underWay > fixedLimits.carriedBytes_max;
    return !this.#owesDrain;
  }

  end(): void {
    if (this.#state !== State.streaming) return;
    const { peers, router, id } = this.#parts;
    peers.writer.begin(PeerKind.end).u32(id);
    peers.send(router, null, false);
    this.#end();
  }

  // ---- from the router that it came to

  onTaken(bytes: number): void {
    this.#underWay -= bytes;
    if (!this.#owesDrain || this.#underWay * 2 > fixedLimits.carriedBytes_max) return;
    this.#owesDrain = false;
    this.#run(() => this.onDrain?.());
  }

  /** Its client, or the router that it came to, is gone. */
  lost(): void {
    const tell = this.onGone;
    this.#end();
    this.#run(() => tell?.());
  }

  #end(): void {
    if (this.#state === State.over) return;
    this.#state = State.over;
    this.onGone = null;
    this.#parts.over();
  }
}

const nowhere: HttpStream = { write: () => true, onDrain: null, end: () => {} };
