/** HTTP: what an adapter carries beside WebSocket. The same seam on every server; no node:http, no Request, no uWebSockets. */

export interface HttpHead {
  readonly status: number;
  /** Names in lower case; a list stands for several lines of the same name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

export interface HttpResponse extends HttpHead {
  /** Absent: no body. */
  readonly body?: string | Uint8Array;
}

/** Why a body could not be read: it is larger than allowed, or the listener holds as many bytes of bodies as it may. */
export type HttpBodyProblem = "too large" | "overloaded";

/**
 * One request and its answer. A handler is given it when the request's head is there, and answers with respond() or stream(), once,
 * at any later time. When the client goes away before the answer is complete, `onGone` is called, and what is sent then goes nowhere.
 */
export interface HttpExchange {
  /** In upper case. */
  readonly method: string;
  /** As the client wrote it, percent signs and all, without the query. */
  readonly path: string;
  /** What stands behind the first "?", "" where there is none. */
  readonly query: string;
  /** By name in lower case; of several lines with one name the values, joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  /** Remote address as text. */
  readonly peer: string;
  /**
   * Reads the whole body, and calls `done` once unless the client goes away first. To be called before the handler returns; a body
   * that nobody reads is skipped. The bytes are valid until `done` returns.
   */
  readBody(bytes_max: number, done: (body: Uint8Array | HttpBodyProblem) => void): void;
  respond(response: HttpResponse): void;
  /** Answers piece by piece; the head goes out with the first of them at the latest. */
  stream(head: HttpHead): HttpStream;
  onGone: (() => void) | null;
}

/** The body of an answer on its way out. */
export interface HttpStream {
  /** Sends one piece, in order; it must not be changed afterwards. False: it is taken, but the socket is full: `onDrain` follows. */
  write(piece: Uint8Array): boolean;
  /** The socket can take pieces again. */
  onDrain: (() => void) | null;
  /** Ends the answer. */
  end(): void;
}

/** Answers a request, now or later; false where the path is not one of its own, and nothing was answered. */
export type HttpHandler = (exchange: HttpExchange) => boolean;

export interface HttpService {
  readonly handle: HttpHandler;
  /** Told when the handler, or what it left behind, threw: a fault of ours. The request is answered 500. */
  failed(cause: unknown): void;
  /** Bytes of bodies that may be held while they arrive, over all requests of a listener. */
  readonly bodiesBytes_max: number;
}

/**
 * Hands a request to the router whose transport it is meant for, with its body if that is not to be skipped. False: no such router is
 * there. `unknown` is called where it does not know the transport either, or ends before it has answered; the request is still to be
 * answered then.
 */
export type ForwardHttp = (
  owner: string,
  exchange: HttpExchange,
  given: {
    /** 0: the body is skipped. */
    readonly bodyBytes_max: number;
    unknown(): void;
  },
) => boolean;
