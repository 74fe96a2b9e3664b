/** The ways to a router that the suite runs over. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTransport } from "../../src/client/connect.ts";
import type { ClientTransport } from "../../src/client/transport.ts";
import type { Router } from "../../src/main.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { LocalConnection } from "../../src/session/local.ts";
import { type AdapterName, selectWebSocketAdapter } from "../../src/transport/select.ts";
import { connectHttp, type HttpKind, httpUrl } from "./http-client.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { busyLinks, PeerWorld } from "./peer-world.ts";
import { anonymous, type Leg, legName } from "./router-suite.ts";

/** Joins a connection in memory to the router. Throws when the router takes no more. */
export function attach(router: Pick<Router, "accept">, connection: MemoryConnection): ClientTransport {
  const events = router.accept(connection);
  if (events === null) throw new Error("the router takes no more connections");
  connection.open(events);
  return connection.client;
}

export const memoryLeg = (serializer: Serializer): Leg => ({
  name: legName("memory", serializer),
  serializer,
  listen: {},
  connect: async (router, other) => attach(router, new MemoryConnection({ serializer: other })),
  closeCodes: true,
  identity: anonymous,
});

/** `count` routers that work as one; `place` says which one takes connection number n. */
export const peerLeg = (count: number, where: string, place: (n: number) => number): Leg => ({
  ...memoryLeg(Serializer.msgpack),
  name: `${count} routers, sessions ${where}`,
  unfit: {
    "[B-03] a router that closes says GOODBYE system_shutdown, then nothing":
      "a router may close before it has heard that a caller of another one has gone",
    "no more connections are taken than there may be":
      "here each router counts its own; threads share a count",
    "messages beyond a turn's share are answered in order, and others are served meanwhile":
      "a SUBSCRIBE that waits for other routers is answered behind later ones that need not",
    "[P-11] subscription: list, lookup, get, and who belongs to it": "subscribers are told router by router",
    "[R-12] the oldest of several descriptions is told; the next takes its place":
      "what the caller's own router has is told before what others have",
    "[P-08] beyond a limit an event is delivered and acknowledged, but not retained, and counted":
      "every router counts what it does not retain",
    "[R-04] CANCEL and YIELD that cross: exactly one final reply":
      "YIELD and INTERRUPT may cross between two routers, so that a canceled call's callee is not interrupted",
    "[R-16 R-14] a session that waits for itself leaves nothing behind":
      "the other routers hear a little later that a callee has gone",
  },
  start: (router) => PeerWorld.start({ count, place, router, ...busyLinks }),
});

const trusted = { authrole: "trusted", authmethod: "trust", authprovider: "local" };

/** The connection of in-process sessions. It is always MessagePack; the other serializers join by memory. */
export const localLeg = (): Leg => ({
  name: "in-process",
  serializer: Serializer.msgpack,
  listen: {},
  async connect(router, serializer) {
    if (serializer !== Serializer.msgpack) return attach(router, new MemoryConnection({ serializer }));
    const connection = new LocalConnection({ authid: `local-${++locals}`, ...trusted }, 1 << 20);
    const events = router.accept(connection);
    if (events === null) throw new Error("the router takes no more connections");
    return connection.open(events);
  },
  closeCodes: false,
  identity: trusted,
});
let locals = 0;

/** A leg over a socket: the first listener of the router is the one to connect to. */
function socketLeg(transport: string, serializer: Serializer, leg: Pick<Leg, "listen" | "closeCodes">): Leg {
  return {
    name: legName(transport, serializer),
    serializer,
    connect: (router, other) =>
      connectTransport({ url: router.listeners[0]!.url, serializer: serializerName(other) }),
    identity: anonymous,
    ...leg,
  };
}

const isBun = process.versions["bun"] !== undefined;
/** The WebSocket adapters of this runtime, and why one of them does not load here, if so. */
export const adapters: readonly { readonly name: AdapterName; readonly skip?: string }[] = isBun
  ? [{ name: "bun" }]
  : [await uws(), { name: "ws" }];

async function uws(): Promise<{ name: AdapterName; skip?: string }> {
  try {
    await selectWebSocketAdapter("uws");
    return { name: "uws" };
  } catch (cause) {
    return { name: "uws", skip: String(cause) };
  }
}

/** A leg for each WebSocket adapter of this runtime. */
export const webSocketLegs = (serializer: Serializer): Leg[] =>
  adapters.map(({ name, ...skip }) => ({
    ...socketLeg(`websocket (${name})`, serializer, {
      listen: { websocket: { port: 0 }, transport: name },
      closeCodes: true,
    }),
    ...skip,
  }));

/** A batched leg, over the best WebSocket adapter of this runtime. */
export function batchedLeg(serializer: Serializer): Leg {
  const { name } = adapters.find(({ skip }) => skip === undefined)!;
  return {
    ...socketLeg(`batched websocket (${name})`, serializer, {
      listen: { websocket: { port: 0 }, transport: name },
      closeCodes: true,
    }),
    batched: true,
    connect: (router, other) =>
      connectTransport({
        url: router.listeners[0]!.url,
        serializer: serializerName(other),
        batched: true,
      }),
  };
}

/** A leg over plain HTTP for each adapter of this runtime. An event stream is JSON: other serializers join by WebSocket. */
export const httpLegs = (kind: HttpKind, serializer: Serializer): Leg[] =>
  webSocketLegs(serializer).map((leg) => ({
    ...leg,
    name: leg.name.replace("websocket", kind === "sse" ? "event stream" : "long-poll"),
    closeCodes: false,
    lossIsSilent: true,
    connect: (router, other) =>
      kind === "sse" && other !== Serializer.json
        ? leg.connect(router, other)
        : connectHttp(kind, httpUrl(router.listeners[0]!.url, kind), {
            serializer: other,
            protocol: `wamp.2.${serializerName(other)}`,
          }),
  }));

export const tcpLeg = (serializer: Serializer): Leg =>
  socketLeg("rawsocket", serializer, { listen: { rawsocket: { port: 0 } }, closeCodes: false });

export const unixLeg = (serializer: Serializer): Leg =>
  socketLeg("unix socket", serializer, {
    listen: { unixPath: join(tmpdir(), `spanwire-test-${process.pid}-${serializer}.sock`) },
    closeCodes: false,
  });
