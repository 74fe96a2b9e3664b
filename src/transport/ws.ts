/**
 * WebSocket on Node over the `ws` package, node:http and node:tls: serves where uWebSockets.js cannot load or cannot do what is
 * needed, as looking at client certificates. `ws` shakes hands and parses;
 * what goes out is framed here, a whole batch in one write, which is where its speed comes from.
 *
 * Text frames are checked for UTF-8 by `ws`, so that a client gets close code 1007 as RFC 6455 asks.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { Accept, Listener, SharedPlace, WebSocketAdapter, WebSocketListenOptions } from "../ports.ts";
import { framingBytes_max } from "../protocol/batches.ts";
import { peerAddress } from "./address.ts";
import { BatchWriter } from "./batch-writer.ts";
import { acceptBatched } from "./batched.ts";
import { Front, type Origin } from "./front.ts";
import { listenError } from "./listen-error.ts";
import {
  checkPath,
  messageBytes_max,
  type Negotiated,
  negotiate,
  type Refusal,
  refusals,
  webSocketUrl,
} from "./negotiate.ts";
import { TrustedProxies } from "./proxies.ts";
import { RawSocketAcceptor } from "./rawsocket-acceptor.ts";
import { listenTcp } from "./shared-port.ts";
import { closing_ms, Sweep } from "./sweep.ts";
import { UniversalPort } from "./universal-port.ts";
import { binaryHeaders, textHeaders } from "./websocket-header.ts";
import { WsConnection, type WsShared } from "./ws-connection.ts";
import { NodeHttp } from "./ws-http.ts";

export function loadWsAdapter(): WebSocketAdapter {
  return {
    name: "ws",
    capabilities: { pause: true, universalPort: true, clientCertificates: true, tlsVersions: true },
    async listen(options) {
      checkPath(options.path);
      const listener = new WsListener(options);
      await listener.open();
      return listener;
    },
  };
}

class WsListener implements Listener, WsShared {
  readonly textWriter = new BatchWriter(textHeaders);
  readonly binaryWriter = new BatchWriter(binaryHeaders);
  readonly sweep: Sweep<WsConnection, Socket>;
  place: SharedPlace | null = null;
  readonly #options: WebSocketListenOptions;
  readonly #acceptBatched: Accept;
  readonly #http: Server;
  readonly #service: NodeHttp | null;
  readonly #proxies: TrustedProxies;
  /** Where RawSocket or TLS are served: they listen in place of the HTTP server. */
  readonly #front: Front | null;
  readonly #universal: UniversalPort | null;
  readonly #handshakes: WebSocketServer;
  /** The connection whose upgrade is under way: `ws` does it all before handleUpgrade() returns. */
  #upgrading: {
    readonly chosen: Negotiated;
    readonly socket: Socket;
    readonly origin: Origin;
    connection: WsConnection | null;
  } | null = null;
  #closed: Promise<void> | undefined;

  constructor(options: WebSocketListenOptions) {
    this.#options = options;
    this.#proxies = new TrustedProxies(options.trustedProxies);
    const isFronted = options.rawsocket === true || options.tls !== undefined;
    this.#front = isFronted
      ? new Front(options, (socket, origin) => this.#universal!.adopt(socket, origin))
      : null;
    this.#acceptBatched = acceptBatched(options.accept);
    this.sweep = new Sweep(options);
    this.#handshakes = new WebSocketServer(this.#handshakeOptions());
    // Told to the client with each answer, so it must not be longer than the sweep allows between two requests.
    const keepAliveTimeout = Math.min(keepAlive_ms, options.handshake_ms);
    this.#http = createServer({ noDelay: true, keepAliveTimeout }, (request, response) =>
      this.#onRequest(request, response),
    );
    this.#http.on("connection", (socket: Socket) => this.#onSocket(socket));
    this.#http.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket as Socket, head));
    const { http, handshake_ms } = options;
    const clientOf = (request: IncomingMessage): string => this.#originOf(request).peer;
    const forHttp = { deadlines: this.sweep, patience_ms: handshake_ms, clientOf };
    this.#service = http === undefined ? null : new NodeHttp(http, forHttp);
    this.#universal = isFronted ? this.#universalPort() : null;
  }

  #universalPort(): UniversalPort {
    const rawsocket = this.#options.rawsocket === true ? new RawSocketAcceptor(this.#options) : null;
    return new UniversalPort({ http: this.#http, rawsocket, deadlines: this.sweep });
  }

  get #server(): NetServer {
    return this.#front === null ? this.#http : this.#front.server;
  }

  /** Who asks, behind whatever proxies of ours. */
  #originOf({ socket, headersDistinct }: IncomingMessage): Origin {
    const origin = this.#universal?.originOf(socket) ?? { peer: peerAddress(socket.remoteAddress ?? "") };
    return {
      ...origin,
      peer: this.#proxies.clientOf(origin.peer, (name) => headersDistinct[name]?.join(",")),
    };
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  get url(): string {
    const { host, path, tls } = this.#options;
    return webSocketUrl(host, this.port, path, tls !== undefined);
  }

  async open(): Promise<void> {
    const { host, port, shared } = this.#options;
    const server = this.#server;
    try {
      this.place = await listenTcp(server, { host, port, shared });
    } catch (cause) {
      void this.sweep.stop();
      this.#front?.stop();
      void this.#universal?.stop();
      throw listenError(cause, { host, port, portFlag: "--port" });
    }
    // From here on: a connection that could not be accepted. The next one may be, so the listener stays.
    server.on("error", () => {});
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const gone = this.sweep.stop();
    this.#front?.stop();
    this.#http.closeAllConnections();
    await Promise.all([stopped, gone, this.#universal?.stop()]);
  }

  #handshakeOptions(): ServerOptions & { closeTimeout: number } {
    return {
      noServer: true,
      clientTracking: false,
      // Each connection has its own limit, which is lower without batches.
      maxPayload: this.#options.frameBytes_max + framingBytes_max,
      // Without context takeover a connection holds no compressor between two messages, as with the other adapters.
      perMessageDeflate: this.#options.deflate && {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
      },
      // This one sets a timer for each connection that is closing, and only then.
      closeTimeout: closing_ms,
      handleProtocols: () => this.#upgrading!.chosen.subprotocol,
      // Asked after `ws` has checked the whole handshake, so that no session is made for a broken one.
      verifyClient: (_info, decide) => {
        if (this.#connect()) return decide(true);
        const { status, body } = refusals.full;
        decide(false, status, body, { "content-type": contentType });
      },
    };
  }

  #connect(): boolean {
    if (this.#closed !== undefined) return false;
    const upgrading = this.#upgrading!;
    const { socket, chosen, origin } = upgrading;
    const { accept, frameBytes_max } = this.#options;
    const connection = new WsConnection(this, socket, {
      serializer: chosen.serializer,
      origin,
      messageBytes_max: messageBytes_max(chosen, frameBytes_max),
    });
    if (!connection.begin(chosen.batched ? this.#acceptBatched : accept)) return false;
    upgrading.connection = connection;
    return true;
  }

  #onSocket(socket: Socket): void {
    this.sweep.handshaking(socket);
    socket.once("close", () => this.sweep.released(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.#service !== null && !this.#isPath(request)) return this.#service.onRequest(request, response);
    const { status, statusText, body } = this.#isPath(request) ? refusals.upgradeRequired : refusals.notFound;
    const upgrade = status === refusals.upgradeRequired.status ? { upgrade: "websocket" } : {};
    response.writeHead(status, statusText, {
      connection: "close",
      "content-type": contentType,
      "content-length": Buffer.byteLength(body),
      ...upgrade,
    });
    response.end(body);
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    // node:http has taken its own listener away; what the error says, the close event says too.
    socket.on("error", () => {});
    const chosen = negotiate(request.headers["sec-websocket-protocol"] ?? "");
    if (!this.#isPath(request)) this.#refuse(socket, refusals.notFound);
    else if (chosen === null) this.#refuse(socket, refusals.noSubprotocol);
    else this.#upgrade(request, socket, head, chosen);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, chosen: Negotiated): void {
    this.#upgrading = { chosen, socket, origin: this.#originOf(request), connection: null };
    this.#handshakes.handleUpgrade(request, socket, head, (websocket) => this.#onUpgraded(websocket));
    this.#upgrading?.connection?.abandoned();
    this.#upgrading = null;
  }

  #onUpgraded(websocket: WebSocket): void {
    const { connection, socket } = this.#upgrading!;
    this.#upgrading = null;
    this.sweep.released(socket);
    connection!.opened(websocket);
  }

  #isPath(request: IncomingMessage): boolean {
    return request.url?.split("?", 1)[0] === this.#options.path;
  }

  /** The client may still be sending: the answer is only sure to arrive if the socket is read until the client has closed. */
  #refuse(socket: Socket, { status, statusText, body }: Refusal): void {
    this.sweep.closing(socket);
    socket.resume();
    socket.end(
      `HTTP/1.1 ${status} ${statusText}\r\nconnection: close\r\ncontent-type: ${contentType}\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

const keepAlive_ms = 5_000;
const contentType = "text/plain; charset=utf-8";
