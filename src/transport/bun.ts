/**
 * WebSocket on Bun over Bun.serve, which is the same server as uWebSockets.js inside: the twin of uws.ts. It translates and
 * does nothing else; the hot part is corked.ts.
 *
 * What it does in its own way: text arrives and leaves as JavaScript strings only, so a JSON frame, or a batch of them, is transcoded here
 * once in each direction, however many receive it; invalid UTF-8 in a text frame closes without a close frame. A TLS handshake has
 * about twelve seconds, whatever `handshake_ms` says.
 */
import type { Listener, OutgoingFrame, WebSocketAdapter, WebSocketListenOptions } from "../ports.ts";
import { framingBytes_max } from "../protocol/batches.ts";
import { BunExchange, clientOf } from "./bun-http.ts";
import {
  type BunGlobal,
  type BunServeOptions,
  type BunServer,
  type BunSocket,
  type BunTls,
  bunGlobal,
} from "./bun-types.ts";
import { CorkedListener, type Driver, nativeBackpressureBytes_max } from "./corked.ts";
import { BodyBudget } from "./http-exchange.ts";
import { listenError } from "./listen-error.ts";
import {
  checkPath,
  idleTimeoutSeconds,
  negotiate,
  type Refusal,
  refusals,
  webSocketUrl,
} from "./negotiate.ts";
import { TrustedProxies } from "./proxies.ts";
import { placeAt, portToShare } from "./shared-port.ts";
import { Certificates } from "./tls.ts";
import type { TlsMaterial } from "./tls-files.ts";

/** The adapter. Throws where the runtime is not Bun. */
export function loadBunAdapter(): WebSocketAdapter {
  const bun = bunGlobal();
  if (bun === undefined) throw new Error("this is not Bun");
  const pause = canPause(bun.version);
  const capabilities = { pause, universalPort: false, clientCertificates: false, tlsVersions: true };
  return { name: "bun", capabilities, listen: (options) => listen(bun, pause, options) };
}

/** By version, because there is no socket to look at before the first client connects. */
function canPause(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major * 1e6 + minor * 1e3 + patch >= 1_004_003;
}

const keptTextBytes_max = 256 << 10;

/** Turns received strings back into UTF-8, in one buffer that is used again for the next. */
class TextBytes {
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(4_096);

  /** Valid until the next call. */
  from(text: string): Uint8Array {
    const bytes_max = text.length * 3;
    if (bytes_max > keptTextBytes_max) return this.#encoder.encode(text);
    if (bytes_max > this.#bytes.length) this.#bytes = new Uint8Array(keptTextBytes_max);
    return this.#bytes.subarray(0, this.#encoder.encodeInto(text, this.#bytes).written);
  }
}

/** Only binary frames can be sent as bytes. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decoded for the first receiver of a frame, and kept for the others. */
function textOf(frame: OutgoingFrame): string {
  frame.text ??= decoder.decode(frame.bytes);
  return frame.text;
}

/** Arrays up to this size lie within JavaScriptCore's own heap. */
const heapBytes_max = 1_000;

const driver: Driver<BunSocket> = {
  // The first view of such an array moves it out of the heap, which costs four times as much as a copy of it.
  cut: (batch, from, end) =>
    end - from <= heapBytes_max ? batch.slice(from, end) : batch.subarray(from, end),
  // -1 means taken, but buffered. 0 means that the frame was empty: none is dropped, there is always room.
  send: (socket, frame, binary, compress) =>
    (binary ? socket.sendBinary(frame.bytes, compress) : socket.sendText(textOf(frame), compress)) >= 0,
  end: (socket, code, reason) => socket.close(code, reason),
  drop: (socket) => socket.terminate(),
};

const pausingDriver: Driver<BunSocket> = {
  ...driver,
  pause: (socket, paused) => (paused ? socket.pause?.() : socket.resume?.()),
};

const refuse = ({ status, statusText, body }: Refusal): Response =>
  new Response(body, {
    status,
    statusText,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      connection: "close",
      ...(status === refusals.upgradeRequired.status ? { upgrade: "websocket" } : {}),
    },
  });

/** The URL is made of the client's Host header, which may be anything; the path is not. */
const pathOf = (url: string): string => /^(?:[a-z]+:\/\/[^/]*)?([^?#]*)/.exec(url)![1]!;

/** Checked before there is a session; the server itself checks it afterwards. */
const isHandshake = ({ headers }: Request): boolean =>
  headers.get("upgrade")?.toLowerCase() === "websocket" &&
  /^[+/0-9A-Za-z]{22}==$/.test(headers.get("sec-websocket-key") ?? "");

function fetchHandler(
  options: WebSocketListenOptions,
  listener: CorkedListener<BunSocket>,
): BunServeOptions["fetch"] {
  const proxies = new TrustedProxies(options.trustedProxies);
  const other = otherPaths(options, proxies);
  return (request, server) => {
    const path = pathOf(request.url);
    if (path !== options.path) return other(request, server, path);
    if (!isHandshake(request)) return refuse(refusals.upgradeRequired);
    const chosen = negotiate(request.headers.get("sec-websocket-protocol") ?? "");
    if (chosen === null) return refuse(refusals.noSubprotocol);
    const connection = listener.connect(chosen, clientOf(request, server, proxies));
    if (connection === null) return refuse(refusals.full);
    const headers = { "sec-websocket-protocol": chosen.subprotocol };
    if (server.upgrade(request, { data: connection, headers })) return undefined;
    connection.abandoned();
    return refuse(refusals.upgradeRequired);
  };
}

/** Seconds, as this server counts them. */
const patience_s = ({ handshake_ms }: WebSocketListenOptions): number =>
  Math.min(255, Math.max(1, Math.ceil(handshake_ms / 1_000)));

function otherPaths(
  options: WebSocketListenOptions,
  proxies: TrustedProxies,
): (request: Request, server: BunServer, path: string) => Response | Promise<Response> {
  const { http } = options;
  if (http === undefined) return () => refuse(refusals.notFound);
  const shared = { budget: new BodyBudget(http.bodiesBytes_max), proxies, patience_s: patience_s(options) };
  return (request, server, path) => {
    const exchange = new BunExchange({ request, server, path, ...shared }, http);
    exchange.serve();
    return exchange.answer();
  };
}

async function listen(bun: BunGlobal, pausable: boolean, options: WebSocketListenOptions): Promise<Listener> {
  checkPath(options.path);
  const { host, path, tls, log } = options;
  const listener = new CorkedListener(pausable ? pausingDriver : driver, options);
  const certificates = tls === undefined ? null : new Certificates(tls, log);
  const open = serving(bun, options, listener);
  const { shared } = options;
  const wanted = shared === undefined ? options.port : await portToShare({ ...options, shared });
  const server = open(wanted, certificates?.material);
  const { port } = server;
  /** Of earlier certificates; each goes by itself with its last connection. */
  const servers = new Set([server]);
  certificates?.follow((material) => replace({ servers, open, port }, certificates.material, material));
  return {
    url: webSocketUrl(host, port, path, tls !== undefined),
    port,
    ...placeAt(port, shared),
    async close() {
      if (listener.closed) return;
      listener.closed = true;
      certificates?.stop();
      await Promise.all([...servers].map((each) => each.stop(true)));
    },
  };
}

interface Serving {
  /** The latest is the one that listens. */
  readonly servers: Set<BunServer>;
  readonly open: Open;
  readonly port: number;
}

/** The server keeps the certificates that it began with: it stops listening, keeps its connections, and another takes the port. */
function replace({ servers, open, port }: Serving, before: TlsMaterial, after: TlsMaterial): void {
  const old = [...servers].at(-1)!;
  void old.stop(false).then(() => servers.delete(old));
  try {
    servers.add(open(port, after));
  } catch (cause) {
    servers.add(open(port, before));
    throw cause;
  }
}

function tlsOf({ standard, servers }: TlsMaterial, { tls }: WebSocketListenOptions): BunTls[] {
  const minVersion = tls?.minVersion === "TLSv1.3" ? 0x0304 : 0x0303;
  const { cert, key } = standard;
  return [
    { cert, key, minVersion },
    ...[...servers].map(([serverName, pair]) => ({ serverName, cert: pair.cert, key: pair.key, minVersion })),
  ];
}

type Open = (port: number, material: TlsMaterial | undefined) => BunServer;

function serving(bun: BunGlobal, options: WebSocketListenOptions, listener: CorkedListener<BunSocket>): Open {
  const { host } = options;
  const common = {
    hostname: host,
    reusePort: options.shared !== undefined,
    idleTimeout: patience_s(options),
    fetch: fetchHandler(options, listener),
    websocket: webSocketHandlers(options),
  };
  return (port, material) => {
    try {
      const tls = material === undefined ? {} : { tls: tlsOf(material, options) };
      return bun.serve({ ...common, port, ...tls });
    } catch (cause) {
      throw listenError(cause, { host, port, portFlag: "--port" });
    }
  };
}

function webSocketHandlers(options: WebSocketListenOptions): BunServeOptions["websocket"] {
  const text = new TextBytes();
  return {
    // Each connection has its own limit, which is lower without batches.
    maxPayloadLength: options.frameBytes_max + framingBytes_max,
    backpressureLimit: nativeBackpressureBytes_max,
    closeOnBackpressureLimit: false,
    idleTimeout: idleTimeoutSeconds(options.idle_ms),
    sendPings: options.idle_ms !== 0,
    perMessageDeflate: options.deflate,
    open(socket) {
      socket.binaryType = "uint8array";
      socket.data.opened(socket);
    },
    message: (socket, message) =>
      typeof message === "string"
        ? socket.data.received(text.from(message), false)
        : socket.data.received(message, true),
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.lost(),
  };
}
