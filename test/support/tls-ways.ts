/** The ways to a listener with TLS, for tests that are about TLS itself. */
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { Listener, TlsOptions, TransportOptions, WebSocketAdapter } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { filesOf, trust } from "./certificates.ts";
import { clientHandshake, RawSocketClient } from "./rawsocket-raw.ts";
import { adapters } from "./router-legs.ts";
import { Probe, type ProbeSession } from "./transport-probe.ts";
import { frameBytes_max } from "./transport-subject.ts";
import { openWebSocket, type RawWebSocket } from "./ws-raw.ts";

type Listen = (options: TransportOptions & { readonly tls: TlsOptions }) => Promise<Listener>;
const where = { host: "127.0.0.1", port: 0 };
const overWebSocket =
  (adapter: WebSocketAdapter, rawsocket = false): Listen =>
  (options) =>
    adapter.listen({ ...where, path: "/ws", deflate: false, ...options, rawsocket });

/** A client's connection, of either transport. */
export interface TlsClient {
  readonly socket: unknown;
  send(payload: Uint8Array): void;
  message(): Promise<Buffer>;
}

export interface Way {
  readonly name: string;
  readonly listen: Listen;
  readonly capabilities: Pick<WebSocketAdapter["capabilities"], "clientCertificates" | "tlsVersions">;
  /** Connects a session that speaks MessagePack. */
  connect(port: number, tls: ConnectionOptions): Promise<TlsClient>;
}

async function connectRawSocket(port: number, tls: ConnectionOptions): Promise<TlsClient> {
  const client = new RawSocketClient({ port, host: "127.0.0.1" }, tls);
  client.sendBytes(clientHandshake(Serializer.msgpack));
  if ((await client.answer).length < 4) throw new Error("no answer");
  return client;
}

async function connectWebSocket(port: number, tls: ConnectionOptions): Promise<TlsClient> {
  const client: RawWebSocket = await openWebSocket({ host: "127.0.0.1", port, tls, offer: "wamp.2.msgpack" });
  return {
    socket: client.socket,
    send: (payload) => client.sendBinary(payload),
    message: () => client.message(),
  };
}

async function waysOfThisRuntime(): Promise<Way[]> {
  const ways: Way[] = [
    {
      name: "rawsocket",
      listen: (options) => listenRawSocket({ ...where, ...options }),
      capabilities: { clientCertificates: true, tlsVersions: true },
      connect: connectRawSocket,
    },
  ];
  for (const { name, skip } of adapters) {
    if (skip !== undefined) continue;
    const { adapter } = await selectWebSocketAdapter(name);
    const { capabilities } = adapter;
    ways.push({ name, listen: overWebSocket(adapter), capabilities, connect: connectWebSocket });
    if (!capabilities.universalPort) continue;
    const listen = overWebSocket(adapter, true);
    ways.push({ name: "one port, WebSocket", listen, capabilities, connect: connectWebSocket });
    ways.push({ name: "one port, RawSocket", listen, capabilities, connect: connectRawSocket });
  }
  return ways;
}

export const ways = await waysOfThisRuntime();

export interface Served {
  readonly listener: Listener;
  readonly probe: Probe;
}

/** Listens for the time of `task`. */
export async function serving(
  way: Way,
  tls: Partial<TlsOptions>,
  task: (served: Served) => Promise<void>,
  options: Partial<TransportOptions> = {},
): Promise<void> {
  const probe = new Probe();
  const defaults = { frameBytes_max, idle_ms: 60_000, handshake_ms: 10_000, accept: probe.accept };
  const listener = await way.listen({ ...defaults, ...options, tls: { ...filesOf("server"), ...tls } });
  try {
    await task({ listener, probe });
  } finally {
    await listener.close();
  }
}

/** Shakes hands of TLS; gives the socket, or the error's code. */
export function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket | string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: "127.0.0.1", port, ...trust(), ...options }, () => resolve(socket));
    socket.on("error", (cause: Error & { code?: string }) => resolve(cause.code ?? cause.message));
    socket.on("close", () => resolve("closed"));
  });
}

/** The common name of the certificate that a client gets, or the error's code. */
export async function nameShown(port: number, options: ConnectionOptions = {}): Promise<unknown> {
  const socket = await handshake(port, { checkServerIdentity: () => undefined, ...options });
  if (typeof socket === "string") return socket;
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

/** A session over TLS, both ends. */
export async function session(
  way: Way,
  { listener, probe }: Served,
  tls: ConnectionOptions = {},
): Promise<{ client: TlsClient; socket: TLSSocket; session: ProbeSession }> {
  const client = await way.connect(listener.port, { ...trust(), ...tls });
  return { client, socket: client.socket as TLSSocket, session: await probe.sessions.next() };
}
