/** RawSocket, WebSocket and HTTP on one port: all suites of each over the same listener, and what tells them apart. */
import assert from "node:assert/strict";
import { connect as connectSocket, type Socket } from "node:net";
import { test } from "node:test";
import { connectTransport } from "../../src/client/connect.ts";
import { createRouter } from "../../src/main.ts";
import type { WebSocketAdapter } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { connectHttp, httpUrl } from "../support/http-client.ts";
import { runHttpExchangeSuite } from "../support/http-exchange-suite.ts";
import { tcpSubject } from "../support/rawsocket-subject.ts";
import { rawSocketCases } from "../support/rawsocket-suite.ts";
import { adapters } from "../support/router-legs.ts";
import { type Running, runCases, running, type Skip, type Subject } from "../support/transport-subject.ts";
import { runTransportSuite } from "../support/transport-suite.ts";
import { webSocketSubject } from "../support/websocket-subject.ts";
import { runWebSocketSuite } from "../support/websocket-suite.ts";
import { until, Wire } from "../support/wire.ts";

const adapter = await selectWebSocketAdapter(undefined, { universalPort: true }).then(
  (selected) => selected.adapter,
  (cause: Error) => cause,
);

if (adapter instanceof Error) {
  test("[T-06] one port: all its cases", { skip: adapter.message }, () => {});
} else {
  const websocket = subjectOf(adapter);
  // What the same port answers to those who begin otherwise.
  const otherwise: Skip[] = [
    {
      test: "[T-01] requests that are no HTTP, or half of it, leave no session and harm nobody",
      reason: "on this port a RawSocket handshake is a connection",
    },
  ];
  runWebSocketSuite(websocket, otherwise);
  runTransportSuite(websocket);
  runHttpExchangeSuite(websocket);
  const rawsocket = rawSocketSubject(adapter);
  runCases(rawsocket, rawSocketCases, [
    {
      test: "[T-04] what does not begin like RawSocket is closed at its first octet without an answer",
      reason: "on this port a letter begins an HTTP request, and TLS is told that it is not served",
    },
  ]);
  runTransportSuite(rawsocket, [
    {
      test: "a port in use is one clear line",
      reason: "the port is that of WebSocket, and so is the flag that is named",
    },
  ]);
  firstByteTests(websocket);
}

function subjectOf(universal: WebSocketAdapter): Subject {
  const subject = webSocketSubject(universal, { idle_ms: 600 });
  return {
    ...subject,
    name: "[T-06] one port, WebSocket",
    listen: (options) => universal.listen({ path: "/ws", deflate: false, ...options, rawsocket: true }),
  };
}

function rawSocketSubject(universal: WebSocketAdapter): Subject {
  return {
    ...tcpSubject(),
    name: "[T-06] one port, RawSocket",
    async listen(options) {
      const listener = await universal.listen({ path: "/ws", deflate: false, ...options, rawsocket: true });
      const url = listener.url.replace(/^ws(.*)\/ws$/, "tcp$1");
      return { url, port: listener.port, close: () => listener.close() };
    },
  };
}

/** Sends bytes, and gives all that comes until the connection ends. */
function exchange({ listener }: Running, pieces: readonly (string | number[])[]): Promise<Buffer> {
  const socket: Socket = connectSocket({ port: listener.port, host: "127.0.0.1", noDelay: true });
  const received: Buffer[] = [];
  socket.on("error", () => {});
  socket.on("data", (chunk) => received.push(chunk as Buffer));
  for (const piece of pieces) socket.write(typeof piece === "string" ? piece : Uint8Array.from(piece));
  return new Promise((resolve) => socket.on("close", () => resolve(Buffer.concat(received))));
}

function firstByteTests(subject: Subject): void {
  const cases: readonly [string, (all: Running) => Promise<void>][] = [
    [
      "a client that wants TLS is told so in its own words, and let go",
      async (all) => {
        const answer = await exchange(all, [[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]]);
        assert.equal(answer.toString("hex"), "15030100020228", "alert: fatal, handshake_failure");
      },
    ],
    [
      "a client that begins with anything else is let go without a word",
      async (all) => {
        for (const first of [0x00, 0x0a, 0x20, 0x30, 0x40, 0x5b, 0x60, 0x7b, 0x7e, 0x80, 0xff])
          assert.equal((await exchange(all, [[first, 0x41]])).length, 0, first.toString(16));
        assert.equal(all.probe.sessions.pending, 0);
      },
    ],
    [
      "a client that says nothing is let go when its time for a handshake is over",
      async (all) => {
        const began = performance.now();
        assert.equal((await exchange(all, [])).length, 0);
        assert.ok(performance.now() - began >= 290);
      },
    ],
    [
      "a listener that closes lets go of clients that have said nothing yet, or half of something",
      async (all) => {
        const ends = [[], ["G"], ["GET / HTTP/1.1\r\n"], [[0x7f, 0xf1]]].map((said) => exchange(all, said));
        await new Promise((resolve) => setTimeout(resolve, 50));
        await all.listener.close();
        for (const end of ends) assert.equal((await end).length, 0);
      },
    ],
  ];
  for (const [name, run] of cases)
    test(`[T-06] one port: ${name}`, { timeout: 60_000 }, () => running(subject, { handshake_ms: 300 }, run));
}

const onBun = process.versions["bun"] !== undefined;

test("[T-06] one port serves RawSocket, WebSocket, long-poll and event streams at once, and they talk to each other", {
  ...(onBun ? { skip: "Bun's server reads its sockets itself" } : {}),
}, async () => {
  const router = await createRouter({ websocket: { port: 0, rawsocket: true } });
  try {
    const [ws, tcp] = router.listeners;
    assert.equal(router.listeners.length, 2);
    assert.equal(tcp!.url, `tcp://127.0.0.1:${ws!.port}`);
    const json = { serializer: Serializer.json, protocol: "wamp.2.json" };
    const transports = await Promise.all([
      connectTransport({ url: ws!.url, serializer: "cbor" }),
      connectTransport({ url: tcp!.url, serializer: "msgpack" }),
      connectHttp("longpoll", httpUrl(ws!.url, "longpoll"), json),
      connectHttp("sse", httpUrl(ws!.url, "sse"), json),
    ]);
    const wires = await Promise.all(transports.map((transport) => new Wire(transport).join()));
    for (const wire of wires) await wire.subscribe("com.a");
    for (const [i, publisher] of wires.entries()) {
      await publisher.publish("com.a", {}, [i]);
      for (const wire of wires) if (wire !== publisher) assert.deepEqual((await wire.event()).payload, [[i]]);
    }
    for (const wire of wires) wire.close();
    await until("everybody is gone", () => router.stats().connections === 0);
  } finally {
    await router.close();
  }
});

test("[T-06] where the adapter cannot share its port, the router says so in one line; on Node it takes the one that can", async () => {
  const listen = { websocket: { port: 0, rawsocket: true } };
  if (onBun) {
    await assert.rejects(
      createRouter(listen),
      /^Error: RawSocket cannot share the port of WebSocket: Bun's server .*$/,
    );
    return;
  }
  for (const { name, skip } of adapters) {
    if (skip !== undefined) continue;
    const { adapter: asked } = await selectWebSocketAdapter(name);
    if (asked.capabilities.universalPort) await (await createRouter({ ...listen, transport: name })).close();
    else
      await assert.rejects(
        createRouter({ ...listen, transport: name }),
        /^Error: RawSocket cannot share the port of WebSocket: the uws adapter .*; choose the ws adapter, or .*$/,
      );
  }
});
