/** A WebSocket adapter as a subject of the transport suite. */
import type { ConnectionOptions } from "node:tls";
import type { TlsOptions, WebSocketAdapter } from "../../src/ports.ts";
import { isBinary, type Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { joinModel, splitModel, terminatorFor } from "./batch-model.ts";
import type { ProbeSession } from "./transport-probe.ts";
import type { Running, Subject } from "./transport-subject.ts";
import {
  frameBytes,
  type HandshakeOptions,
  type HttpReply,
  Opcode,
  openWebSocket,
  type RawWebSocket,
  request,
} from "./ws-raw.ts";

export const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, "");

/** How messages of WAMP lie in those of WebSocket. */
interface Packing {
  readonly subprotocol: string;
  pack(message: Uint8Array): Uint8Array;
  unpack(payload: Buffer): readonly Buffer[];
}

const plain = (serializer: Serializer): Packing => ({
  subprotocol: `wamp.2.${serializerName(serializer)}`,
  pack: (message) => message,
  unpack: (payload) => [payload],
});

/** One message in each batch that is sent, as autobahn-python does. */
const batched = (serializer: Serializer): Packing => ({
  subprotocol: `wamp.2.${serializerName(serializer)}.batched`,
  pack: (message) => joinModel([message], terminatorFor(serializer)),
  unpack(payload) {
    const { messages, whole } = splitModel(payload, terminatorFor(serializer));
    if (!whole) throw new Error("the router sent a malformed batch");
    return messages;
  },
});

export function webSocketSubject(
  adapter: WebSocketAdapter,
  caps: {
    readonly idle_ms: number;
    readonly batched?: boolean;
    readonly tls?: { readonly server: TlsOptions; readonly client: ConnectionOptions };
  },
): Subject {
  const client = caps.tls === undefined ? {} : { tls: caps.tls.client };
  const server = caps.tls === undefined ? {} : { tls: caps.tls.server };
  return {
    name: adapter.name,
    caps: { pause: adapter.capabilities.pause, idle_ms: caps.idle_ms, ports: true },
    fullRefusal: "HTTP 503: This router takes no more connections at present; try again later.\n",
    listen: (options) => adapter.listen({ path: "/ws", deflate: false, ...options, ...server }),
    async connect({ url, port }, serializer, first = []) {
      const opcode = isBinary(serializer) ? Opcode.binary : Opcode.text;
      const packing = (caps.batched === true ? batched : plain)(serializer);
      const behind = Buffer.concat(
        first.map((message) => frameBytes({ opcode, payload: packing.pack(message) })),
      );
      const offer = packing.subprotocol;
      const arrived: Buffer[] = [];
      const socket = await openWebSocket({ host: hostOf(url), port, ...client, offer, behind });
      return {
        socket: socket.socket,
        closed: socket.closed,
        send: (message) => socket.send({ opcode, payload: packing.pack(message) }),
        async message() {
          while (arrived.length === 0) arrived.push(...packing.unpack(await socket.message()));
          return arrived.shift()!;
        },
        close: () => socket.close(1000),
        get answersPings() {
          return socket.answersPings;
        },
        set answersPings(answers) {
          socket.answersPings = answers;
        },
      };
    },
    async refusal({ url, port }) {
      const { reply, socket } = await request({ host: hostOf(url), port, ...client, offer: "wamp.2.json" });
      socket.destroy();
      return `HTTP ${reply.status}: ${reply.body}`;
    },
  };
}

/** Sends a request that is not to become a WebSocket, and gives the answer. */
export async function answer({ listener }: Running, options: Partial<HandshakeOptions>): Promise<HttpReply> {
  const { reply, socket } = await request({ host: hostOf(listener.url), port: listener.port, ...options });
  socket.destroy();
  return reply;
}

export async function connect(
  { listener, probe }: Running,
  offer: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ client: RawWebSocket; session: ProbeSession }> {
  const client = await openWebSocket({ host: hostOf(listener.url), port: listener.port, offer, headers });
  return { client, session: await probe.sessions.next() };
}
