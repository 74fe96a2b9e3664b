/**
 * HTTP requests that came to this router and are meant for a transport of another one. The request travels whole; its answer comes back
 * whole, or piece by piece with a bound on what is under way. Control path.
 */
import { placeOf } from "../../base/owner-names.ts";
import type {
  ForwardHttp,
  HttpBodyProblem,
  HttpExchange,
  HttpHead,
  HttpService,
  HttpStream,
} from "../../ports.ts";
import { ForwardedExchange, type Said } from "./forwarded-exchange.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { PeerHandler, Peers } from "./peers.ts";

/** What a router answers with; its own HTTP transports. */
export type OwnService = Pick<HttpService, "handle" | "failed">;

const bodyProblems: readonly (HttpBodyProblem | null)[] = [null, "too large", "overloaded"];
const nothing = new Uint8Array(0);

/** A request that was handed on, in the router that it came to. */
interface Handed {
  readonly peer: number;
  readonly exchange: HttpExchange;
  unknown(): void;
  stream: HttpStream | null;
  /** Bytes of pieces that the socket has not room for yet. */
  owed: number;
  /** Of an answer whose body comes in pieces. */
  head: HttpHead | null;
  body: Uint8Array;
  filled: number;
}

export class HttpForwarding implements PeerHandler {
  readonly #peers: Peers;
  readonly #services = new Map<string, OwnService>();
  /** By their ids, which this router gives. */
  readonly #handed = new Map<number, Handed>();
  /** By the router that they came to, and their ids there. */
  readonly #taken: Map<number, ForwardedExchange>[];
  #lastId = 0;

  constructor(peers: Peers) {
    this.#peers = peers;
    this.#taken = Array.from({ length: peers.count }, () => new Map<number, ForwardedExchange>());
    peers.handle(kindRange.requests, this);
  }

  /** Requests that were handed on and are not answered, and those that others have handed on to this router. */
  get count(): number {
    let taken = 0;
    for (const exchanges of this.#taken) taken += exchanges.size;
    return this.#handed.size + taken;
  }

  /** From now on `service` is given the requests for transports of this name. */
  serve(owner: string, service: OwnService): void {
    this.#services.set(owner, service);
  }

  // ---- in the router that a request came to

  readonly forward: ForwardHttp = (owner, exchange, { bodyBytes_max, unknown }) => {
    const peer = placeOf(owner);
    if (!this.#peers.isUp(peer)) return false;
    const id = this.#newId();
    const handed = { peer, exchange, unknown, stream: null, owed: 0, head: null, body: nothing, filled: 0 };
    this.#handed.set(id, handed);
    exchange.onGone = () => {
      this.#handed.delete(id);
      this.#say(peer, PeerKind.gone, id);
    };
    if (bodyBytes_max === 0) this.#sendRequest(id, owner, handed, nothing);
    else
      exchange.readBody(bodyBytes_max, (body) => {
        // Meanwhile the other one may have gone.
        if (this.#handed.get(id) === handed) this.#sendRequest(id, owner, handed, body);
      });
    return true;
  };

  #newId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#handed.has(this.#lastId));
    return this.#lastId;
  }

  #sendRequest(
    id: number,
    owner: string,
    { peer, exchange }: Handed,
    body: Uint8Array | HttpBodyProblem,
  ): void {
    const { writer } = this.#peers;
    const problem = typeof body === "string" ? bodyProblems.indexOf(body) : 0;
    writer.begin(PeerKind.request).u32(id).u8(problem).text(owner).text(exchange.method);
    writer.text(exchange.path).text(exchange.query).text(exchange.peer).u32(exchange.headers.size);
    for (const [name, value] of exchange.headers) writer.text(name).text(value);
    this.#peers.send(peer, typeof body === "string" ? nothing : body, false);
  }

  #say(peer: number, kind: PeerKind, id: number, bytes = 0): void {
    this.#peers.writer.begin(kind).u32(id).u32(bytes);
    this.#peers.send(peer, null, false);
  }

  #onAnswer(id: number, message: MessageReader): void {
    const handed = this.#handed.get(id);
    // Its client has gone in the meantime.
    if (handed === undefined) return;
    const { exchange } = handed;
    switch (message.kind) {
      case PeerKind.respond:
        handed.body = new Uint8Array(message.u32());
        handed.head = readHead(message);
        return this.#fill(id, handed, message.rest());
      case PeerKind.stream:
        handed.stream = exchange.stream(readHead(message));
        handed.stream.onDrain = () => {
          const { owed } = handed;
          handed.owed = 0;
          this.#say(handed.peer, PeerKind.taken, id, owed);
        };
        return;
      case PeerKind.piece:
        if (handed.stream === null) this.#fill(id, handed, message.rest());
        else this.#write(id, handed, message.rest().slice());
        return;
      case PeerKind.end:
        this.#handed.delete(id);
        return handed.stream?.end();
      default:
        this.#finish(id, handed);
        return handed.unknown();
    }
  }

  #finish(id: number, { exchange }: Handed): void {
    this.#handed.delete(id);
    exchange.onGone = null;
  }

  #fill(id: number, handed: Handed, piece: Uint8Array): void {
    handed.body.set(piece, handed.filled);
    handed.filled += piece.length;
    if (handed.filled < handed.body.length) return;
    this.#finish(id, handed);
    const { head, body, exchange } = handed;
    exchange.respond(body.length === 0 ? head! : { ...head!, body });
  }

  #write(id: number, handed: Handed, piece: Uint8Array): void {
    const hasRoom = handed.stream!.write(piece);
    if (hasRoom) this.#say(handed.peer, PeerKind.taken, id, piece.length);
    else handed.owed += piece.length;
  }

  // ---- in the router that has the transport

  #onRequest(peer: number, id: number, message: MessageReader): void {
    const problem = bodyProblems[message.u8()] ?? null;
    const owner = message.text();
    const said: Said = {
      method: message.text(),
      path: message.text(),
      query: message.text(),
      peer: message.text(),
      headers: readPairs(message),
    };
    const service = this.#services.get(owner);
    if (service === undefined) return this.#say(peer, PeerKind.unknown, id);
    const exchange = new ForwardedExchange(said, problem ?? message.rest(), {
      peers: this.#peers,
      router: peer,
      id,
      service,
      over: () => this.#taken[peer]!.delete(id),
    });
    this.#taken[peer]!.set(id, exchange);
    if (!exchange.serve()) this.#say(peer, PeerKind.unknown, id);
  }

  // ---- from the links

  onMessage(peer: number, message: MessageReader): void {
    const id = message.u32();
    const taken = this.#taken[peer]!.get(id);
    if (message.kind === PeerKind.request) this.#onRequest(peer, id, message);
    else if (message.kind === PeerKind.taken) taken?.onTaken(message.u32());
    else if (message.kind === PeerKind.gone) taken?.lost();
    else this.#onAnswer(id, message);
  }

  onDown(peer: number): void {
    for (const exchange of this.#taken[peer]!.values()) exchange.lost();
    for (const [id, handed] of this.#handed) {
      if (handed.peer !== peer) continue;
      this.#finish(id, handed);
      if (handed.stream === null) handed.unknown();
      else handed.stream.end();
    }
  }
}

/** What was sent by two texts each. */
function readPairs(message: MessageReader): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let left = message.u32(); left > 0; left--) pairs.set(message.text(), message.text());
  return pairs;
}

function readHead(message: MessageReader): HttpHead {
  const status = message.u32();
  const headers: Record<string, string | string[]> = {};
  for (let left = message.u32(); left > 0; left--) {
    const name = message.text();
    const values = Array.from({ length: message.u32() }, () => message.text());
    headers[name] = values.length === 1 ? values[0]! : values;
  }
  return { status, headers };
}
