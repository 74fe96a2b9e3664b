/** RawSocket over TCP, TLS or a Unix socket as a client transport. The only file of the client that needs `node:net`. */
import { createConnection, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { errors, WampError } from "../protocol/errors.ts";
import type { Serializer } from "../protocol/serializers.ts";
import type { TlsOptions } from "./options.ts";
import { FrameCutter, FrameKind, frameHeader, handshakeRequest, readHandshake } from "./rawsocket-frames.ts";
import { channelIdOf } from "./tls-channel.ts";
import { type ClientTransport, Inbox } from "./transport.ts";

/** How long the server may take to close its side. */
const close_ms = 2_000;

class RawSocketConnection extends Inbox implements ClientTransport {
  readonly serializer: Serializer;
  readonly #socket: Socket;
  readonly #cutter: FrameCutter;
  readonly #peerFrameBytes_max: number;

  constructor(
    socket: Socket,
    cutter: FrameCutter,
    options: { serializer: Serializer; peerFrameBytes_max: number },
  ) {
    super();
    this.serializer = options.serializer;
    this.#socket = socket;
    this.#cutter = cutter;
    this.#peerFrameBytes_max = options.peerFrameBytes_max;
    socket.on("data", (chunk: Uint8Array) => {
      this.#cutter.push(chunk);
      this.#drainFrames();
    });
    socket.on("close", () => this.closed({ reason: "the connection was closed" }));
    this.#drainFrames();
  }

  #drainFrames(): void {
    while (!this.isClosed) {
      const frame = this.#cutter.next();
      if (frame === null) return;
      if (typeof frame === "string") return this.#fail(frame);
      if (frame.kind === FrameKind.message) this.receive(frame.payload);
      else if (frame.kind === FrameKind.ping) this.#write(FrameKind.pong, frame.payload);
    }
  }

  #fail(reason: string): void {
    this.#socket.destroy();
    this.closed({ reason });
  }

  #write(kind: FrameKind, payload: Uint8Array): void {
    this.#socket.cork();
    this.#socket.write(frameHeader(kind, payload.length));
    // The socket keeps what it cannot write at once, and the caller may use the memory again.
    this.#socket.write(payload.slice());
    this.#socket.uncork();
  }

  /** Throws WampError `wamp.error.payload_size_exceeded` where the server has announced a smaller limit. */
  send(bytes: Uint8Array): void {
    if (this.isClosed || this.#socket.destroyed) return;
    if (bytes.length > this.#peerFrameBytes_max) {
      const message = `the server accepts ${this.#peerFrameBytes_max} bytes, not ${bytes.length}`;
      throw new WampError(errors.payloadSizeExceeded.uri, message);
    }
    this.#write(FrameKind.message, bytes);
  }

  channelId(type: "tls-exporter" | "tls-unique"): Uint8Array | null {
    return this.#socket instanceof TLSSocket ? channelIdOf(this.#socket, type) : null;
  }

  close(): void {
    this.#socket.end();
    // A server that does not close its side would keep the connection, and so the process, for ever.
    const timer = setTimeout(() => this.#socket.destroy(), close_ms);
    this.#socket.once("close", () => clearTimeout(timer));
  }
}

export interface RawSocketOptions {
  /** `tcp://host:port`, `tcps://host:port` or `unix:/path`. */
  readonly url: string;
  readonly tls: TlsOptions | null;
  readonly serializer: Serializer;
  /** Gives up, and drops the socket, when this aborts; it must not abort later. */
  readonly signal: AbortSignal;
}

/** Rejects with WampError `wamp.error.network_failure`. */
export function connectRawSocket(options: RawSocketOptions): Promise<ClientTransport> {
  const { serializer, url } = options;
  return new Promise((resolve, reject) => {
    const isTls = url.startsWith("tcps:");
    const socket = isTls ? tlsSocket(options) : createConnection(addressOf(url));
    const cutter = new FrameCutter();
    const fail = (message: string): void => {
      socket.destroy();
      reject(new WampError(errors.networkFailure.uri, `no connection to ${url}: ${message}`));
    };
    const onData = (chunk: Uint8Array): void => {
      cutter.push(chunk);
      const reply = cutter.take(4);
      if (reply === null) return;
      const handshake = readHandshake(reply, serializer);
      if (!handshake.ok) return fail(handshake.reason);
      socket.off("data", onData);
      const { peerFrameBytes_max } = handshake;
      resolve(new RawSocketConnection(socket, cutter, { serializer, peerFrameBytes_max }));
    };
    socket.setNoDelay(true);
    socket.on("data", onData);
    socket.on("error", (cause) => fail(cause.message));
    socket.on("close", () => fail("the server closed it"));
    socket.on(isTls ? "secureConnect" : "connect", () => socket.write(handshakeRequest(serializer)));
    options.signal.addEventListener("abort", () => fail("it took too long"));
  });
}

function addressOf(url: string): { path: string } | { host: string; port: number } {
  if (url.startsWith("unix:")) return { path: url.slice("unix:".length).replace(/^\/\/(?=\/)/, "") };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** The router's certificate is checked in any case. */
function tlsSocket({ url, tls }: RawSocketOptions): TLSSocket {
  const { ca, ...given } = tls ?? {};
  const authorities = ca === undefined ? {} : { ca: [ca].flat() };
  return connectTls({ ...addressOf(url), ...given, ...authorities });
}
