/** A WebSocket as a client transport: the runtime's own where it has one, otherwise the `ws` package (Node 20). */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Batch, defaultFraming, type MessageSink, splitBatch, terminatorOf } from "../protocol/batches.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { batchedSubprotocol, isBinary, type Serializer, serializerName } from "../protocol/serializers.ts";
import type { TlsOptions } from "./options.ts";
import { type ClientTransport, Inbox } from "./transport.ts";

/** The part of the standard WebSocket that is used here; `ws` has it too. */
interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: SocketEvent) => void,
  ): void;
  /** Of the `ws` package. */
  on?(event: "upgrade", listener: (response: { readonly socket: Socket }) => void): void;
}
interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}
type WebSocketConstructor = new (
  url: string,
  protocols: string[] | object,
  options?: object,
) => WebSocketLike;
type ChannelId = (type: "tls-exporter" | "tls-unique") => Uint8Array | null;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();
const normalClosure = 1000;
/** The range that the standard leaves to applications: a client may not send 1002 itself. */
const wrongFrame = 3002;

class WebSocketConnection extends Inbox implements ClientTransport {
  readonly serializer: Serializer;
  /** Set where the WebSocket shows the socket beneath. */
  channelId?: ChannelId;
  readonly #socket: WebSocketLike;

  constructor(socket: WebSocketLike, serializer: Serializer) {
    super();
    this.serializer = serializer;
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#onMessage(event.data));
    socket.addEventListener("close", (event) =>
      this.closed({ code: event.code ?? 1006, reason: event.reason ?? "" }),
    );
    // A "close" always follows, and says as much as there is to say.
    socket.addEventListener("error", () => {});
  }

  #onMessage(data: unknown): void {
    const binary = isBinary(this.serializer);
    if (binary && data instanceof ArrayBuffer) this.take(new Uint8Array(data));
    else if (!binary && typeof data === "string") this.take(textEncoder.encode(data));
    else this.fail(`a ${binary ? "text" : "binary"} frame does not fit the serializer`);
  }

  /** The content of one WebSocket message. */
  protected take(bytes: Uint8Array): void {
    this.receive(bytes);
  }

  protected fail(reason: string): void {
    this.#socket.close(wrongFrame, reason);
    this.closed({ code: wrongFrame, reason });
  }

  send(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.#socket.send(isBinary(this.serializer) ? bytes : textDecoder.decode(bytes));
  }

  close(): void {
    if (!this.isClosed) this.#socket.close(normalClosure, "");
  }
}

/** Sends all messages of one loop turn's task in one WebSocket message, and takes several from one. */
class BatchedWebSocketConnection extends WebSocketConnection implements MessageSink {
  readonly #batch: Batch;
  readonly #flush = (): void => {
    if (this.#batch.isEmpty) return;
    // A copy: some WebSockets send later than they are told to.
    super.send(this.#batch.bytes().slice());
    this.#batch.clear();
  };

  constructor(socket: WebSocketLike, serializer: Serializer) {
    super(socket, serializer);
    this.#batch = new Batch(defaultFraming(serializer));
  }

  protected override take(batch: Uint8Array): void {
    const byDefault = defaultFraming(this.serializer);
    const framing = isBinary(this.serializer) ? byDefault : (terminatorOf(batch) ?? byDefault);
    const problem = splitBatch(batch, framing, this);
    if (problem !== null) this.fail(problem);
  }

  onMessage(batch: Uint8Array, from: number, end: number): boolean {
    this.receive(batch.subarray(from, end));
    return !this.isClosed;
  }

  override send(bytes: Uint8Array): void {
    if (this.isClosed) return;
    if (!this.#batch.fits(bytes.length)) this.#flush();
    if (this.#batch.isEmpty) queueMicrotask(this.#flush);
    this.#batch.add(bytes);
  }

  override close(): void {
    this.#flush();
    super.close();
  }
}

export interface WebSocketOptions {
  readonly url: string;
  readonly serializer: Serializer;
  readonly batched: boolean;
  readonly tls: TlsOptions | null;
  /** Gives up, and closes the socket, when this aborts; it must not abort later. */
  readonly signal: AbortSignal;
}

/** Rejects with WampError `wamp.error.network_failure`. */
export async function connectWebSocket(options: WebSocketOptions): Promise<ClientTransport> {
  const plain = `wamp.2.${serializerName(options.serializer)}`;
  const subprotocol = options.batched ? batchedSubprotocol(plain) : plain;
  const Kind = options.batched ? BatchedWebSocketConnection : WebSocketConnection;
  const open = await webSocketOpener(options.url.startsWith("wss:") ? options.tls : null);
  return new Promise((resolve, reject) => {
    const fail = (message: string): void =>
      reject(new WampError(errors.networkFailure.uri, `no connection to ${options.url}: ${message}`));
    const { socket, channelId } = open(options.url, subprotocol);
    socket.binaryType = "arraybuffer";
    const connection = new Kind(socket, options.serializer);
    if (channelId !== undefined) connection.channelId = channelId;
    socket.addEventListener("error", (event) => fail(event.message ?? "the WebSocket failed"));
    socket.addEventListener("close", (event) => fail(event.reason || `closed with code ${event.code}`));
    socket.addEventListener("open", () => {
      if (socket.protocol === subprotocol) return resolve(connection);
      socket.close(normalClosure, "");
      fail(`the server did not choose the subprotocol ${subprotocol}`);
    });
    options.signal.addEventListener("abort", () => {
      fail("it took too long");
      socket.close();
    });
  });
}

interface Opened {
  readonly socket: WebSocketLike;
  readonly channelId?: ChannelId;
}

/** A runtime's own WebSocket takes no options for TLS, except Bun's. */
async function webSocketOpener(
  tls: TlsOptions | null,
): Promise<(url: string, subprotocol: string) => Opened> {
  const own = (globalThis as { WebSocket?: unknown }).WebSocket as WebSocketConstructor | undefined;
  const options = tls === null ? null : { ...tls, ...(tls.ca === undefined ? {} : { ca: [tls.ca].flat() }) };
  if (typeof own === "function" && options === null)
    return (url, subprotocol) => ({ socket: new own(url, [subprotocol]) });
  if (typeof own === "function" && "Bun" in globalThis)
    return (url, subprotocol) => ({ socket: new own(url, { protocols: [subprotocol], tls: options }) });
  const { WebSocket } = await import("ws");
  const Kind = WebSocket as unknown as WebSocketConstructor;
  if (options === null) return (url, subprotocol) => ({ socket: new Kind(url, [subprotocol]) });
  const { channelIdOf } = await import("./tls-channel.ts");
  return (url, subprotocol) => {
    const socket = new Kind(url, [subprotocol], options);
    let below: TLSSocket | null = null;
    socket.on?.("upgrade", (response) => {
      below = response.socket as TLSSocket;
    });
    return { socket, channelId: (type) => (below === null ? null : channelIdOf(below, type)) };
  };
}
