/** From a URL to a transport, and from there to a session. */
import { errors, WampError } from "../protocol/errors.ts";
import { Serializer } from "../protocol/serializers.ts";
import { connectWebSocket } from "./connection-websocket.ts";
import { type JoinOptions, joinOver } from "./join.ts";
import type { TlsOptions } from "./options.ts";
import type { ClientSession } from "./session.ts";
import type { ClientTransport } from "./transport.ts";
import { WireSession } from "./wire-session.ts";

export interface ConnectionOptions {
  /** `ws://host:port/path` and `wss://…`, or RawSocket: `tcp://host:port`, `tcps://…` over TLS, and `unix:/path`. */
  readonly url: string;
  /** `msgpack` where absent. */
  readonly serializer?: "msgpack" | "json" | "cbor";
  /** Several messages in each WebSocket message: the subprotocols `wamp.2.*.batched`. Not over RawSocket, which has none. */
  readonly batched?: boolean;
  /** For `wss:` and `tcps:`; asking for it, if only by `{}`, gives a WebSocket on Node that can bind a login to its channel. */
  readonly tls?: TlsOptions;
  /** How long to wait for the connection, and then for WELCOME; 10,000 each where absent. */
  readonly timeout_ms?: number;
}

export interface ConnectOptions extends ConnectionOptions, JoinOptions {}

/** Connects and joins. Rejects with a WampError, `wamp.error.network_failure` or the URI of the router's ABORT. */
export async function connect(options: ConnectOptions): Promise<ClientSession> {
  // Only one kind of WebSocket can bind a login to its channel.
  const tls = options.tls ?? (options.auth?.channelBinding === undefined ? undefined : {});
  return joinOver(await connectTransport(tls === undefined ? options : { ...options, tls }), options);
}

/** Gives a resumable session that is away a new connection; see ClientSession.resume. The serializer must be the one that it had. */
export async function reconnect(session: ClientSession, options: ConnectionOptions): Promise<void> {
  await session.resume(await connectTransport(options), options.timeout_ms);
}

/** Connects without joining: messages go in and out as they are. Made for tests of routers. */
export async function connectRaw(options: ConnectionOptions): Promise<WireSession> {
  return new WireSession(await connectTransport(options));
}

/** Connects a transport for `joinOver`. */
export async function connectTransport(options: ConnectionOptions): Promise<ClientTransport> {
  const serializer = Serializer[options.serializer ?? "msgpack"];
  const { url, batched = false, tls = null } = options;
  if (batched && !/^wss?:/.test(url))
    throw new WampError(errors.invalidArgument.uri, `${url} is not a WebSocket: nothing else is batched`);
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), options.timeout_ms ?? 10_000);
  try {
    if (/^wss?:/.test(url))
      return await connectWebSocket({ url, serializer, batched, tls, signal: giveUp.signal });
    if (/^(tcps?|unix):/.test(url)) {
      // Loaded where it is asked for: browsers have no sockets.
      const { connectRawSocket } = await import("./connection-rawsocket.ts");
      return await connectRawSocket({ url, serializer, tls, signal: giveUp.signal });
    }
  } finally {
    clearTimeout(timer);
  }
  throw new WampError(errors.invalidArgument.uri, `${url} is none of ws, wss, tcp, tcps and unix`);
}
