/**
 * WebSocket on Node over uWebSockets.js: the fast adapter. It translates and does nothing else; the hot part is corked.ts.
 *
 * What this server does in its own way: it closes without a close frame on invalid UTF-8 in a text frame and on messages far
 * beyond the limit; it cannot pause reading; its HTTP handshake has ten seconds whatever `handshake_ms` says; pings go
 * out some seconds (4 to 16) before the idle time is over. A TLS handshake has about twelve seconds, and TLS 1.2 is its lowest version;
 * for each server name with a certificate of its own it prints a line or two on the standard output.
 */
import { createRequire } from "node:module";
import type { Listener, WebSocketAdapter, WebSocketListenOptions } from "../ports.ts";
import { peerAddress } from "./address.ts";
import { CorkedListener, type Driver, nativeBackpressureBytes_max } from "./corked.ts";
import { BodyBudget } from "./http-exchange.ts";
import {
  checkPath,
  idleTimeoutSeconds,
  negotiate,
  type Refusal,
  refusals,
  webSocketUrl,
} from "./negotiate.ts";
import { type HeaderOf, isOriginHeader, TrustedProxies } from "./proxies.ts";
import { Certificates } from "./tls.ts";
import { UwsExchange } from "./uws-http.ts";
import { placeAt } from "./shared-port.ts";
import { PlainServer, TlsServer } from "./uws-server.ts";
import type {
  NativeApp,
  NativeBehavior,
  NativeModule,
  NativeRequest,
  NativeResponse,
  NativeSocket,
  UwsConnection,
} from "./uws-types.ts";

/** The adapter. Throws whatever the native module throws where it cannot load. */
export function loadUwsAdapter(): WebSocketAdapter {
  const native = createRequire(import.meta.url)("uWebSockets.js") as NativeModule;
  return {
    name: "uws",
    capabilities: { pause: false, universalPort: false, clientCertificates: false, tlsVersions: false },
    listen: (options) => listen(native, options),
  };
}

/**
 * Beyond its own limit the native server drops the connection without a word. It is given some room above ours, so that
 * a message that is a little too large gets its close code.
 */
const nativeFrameBytes_max = (frameBytes_max: number): number =>
  frameBytes_max + Math.min(frameBytes_max, 1 << 20);

const driver: Driver<NativeSocket> = {
  // 0 means taken, but buffered. 2 would mean dropped, for which there is always room.
  send: (socket, { bytes }, binary, compress) => socket.send(bytes, binary, compress) === 1,
  end: (socket, code, reason) => socket.end(code, reason),
  drop: (socket) => socket.close(),
};

const refuse = (response: NativeResponse, { status, statusText, body }: Refusal): void => {
  response.writeStatus(`${status} ${statusText}`).writeHeader("content-type", "text/plain; charset=utf-8");
  if (status === refusals.upgradeRequired.status) response.writeHeader("upgrade", "websocket");
  response.end(body, true);
};

const tellDrained = (connection: UwsConnection): void => connection.drained();

const textDecoder = new TextDecoder();

/** The headers that say whom a request comes from, all lines of each: read in one go, and only if anybody asks. */
function originHeaders(request: NativeRequest): HeaderOf {
  let found: Partial<Record<string, string>> | null = null;
  return (wanted) => {
    if (found === null) {
      const lines: Partial<Record<string, string>> = {};
      request.forEach((name, value) => {
        if (!isOriginHeader(name)) return;
        const before = lines[name];
        lines[name] = before === undefined ? value : `${before}, ${value}`;
      });
      found = lines;
    }
    return found[wanted];
  };
}

function behavior(native: NativeModule, { options, listener, proxies }: Shared): NativeBehavior {
  return {
    maxPayloadLength: nativeFrameBytes_max(options.frameBytes_max),
    maxBackpressure: nativeBackpressureBytes_max,
    closeOnBackpressureLimit: false,
    idleTimeout: idleTimeoutSeconds(options.idle_ms),
    sendPingsAutomatically: options.idle_ms !== 0,
    compression: options.deflate
      ? native.SHARED_COMPRESSOR | (native.SHARED_DECOMPRESSOR ?? 0)
      : native.DISABLED,
    // Everything is read from the request and answered before this returns: it lives on the native stack.
    upgrade(response, request, context) {
      const chosen = negotiate(request.getHeader("sec-websocket-protocol"));
      if (chosen === null) return refuse(response, refusals.noSubprotocol);
      // Not what a PROXY header says, which this server takes from anyone.
      const address = peerAddress(textDecoder.decode(response.getRemoteAddressAsText()));
      const peer = proxies.clientOf(address, originHeaders(request));
      const connection = listener.connect(chosen, peer);
      if (connection === null) return refuse(response, refusals.full);
      const key = request.getHeader("sec-websocket-key");
      const extensions = request.getHeader("sec-websocket-extensions");
      response.upgrade({ connection }, key, chosen.subprotocol, extensions, context);
    },
    open(socket) {
      socket.connection = socket.getUserData().connection;
      socket.connection.opened(socket);
    },
    message: (socket, message, binary) => socket.connection.received(new Uint8Array(message), binary),
    drain({ connection }) {
      // Not at once: a send() that fills the socket inside its own drain event is never followed by another such event.
      if (connection.awaitsDrain) setImmediate(tellDrained, connection);
    },
    close: (socket) => socket.connection.lost(),
  };
}

async function listen(native: NativeModule, options: WebSocketListenOptions): Promise<Listener> {
  checkPath(options.path);
  const listener = new CorkedListener(driver, options);
  const proxies = new TrustedProxies(options.trustedProxies);
  const { tls, log, host, path } = options;
  const certificates = tls === undefined ? null : new Certificates(tls, log);
  const other = otherPaths(options, proxies);
  const routes = (app: NativeApp): void => {
    app.ws(path, behavior(native, { options, listener, proxies }));
    app.any(path, (response) => refuse(response, refusals.upgradeRequired));
    app.any("/*", other);
  };
  const server =
    certificates === null ? new PlainServer(native, routes) : new TlsServer(native, routes, certificates);
  const port = await server.listen(options);
  return {
    url: webSocketUrl(host, port, path, tls !== undefined),
    port,
    ...placeAt(port, options.shared),
    // Every close event comes inside close(); what a session's own close() announces comes before the next macrotask.
    async close() {
      if (listener.closed) return;
      listener.closed = true;
      server.close();
    },
  };
}

interface Shared {
  readonly options: WebSocketListenOptions;
  readonly listener: CorkedListener<NativeSocket>;
  readonly proxies: TrustedProxies;
}

function otherPaths(
  { http }: WebSocketListenOptions,
  proxies: TrustedProxies,
): Parameters<NativeApp["any"]>[1] {
  if (http === undefined) return (response) => refuse(response, refusals.notFound);
  const shared = { budget: new BodyBudget(http.bodiesBytes_max), proxies };
  return (response, request) => new UwsExchange({ response, request }, http, shared).serve();
}
