/** The address of a client behind proxies: those that are trusted are believed, anyone else is not. */
import assert from "node:assert/strict";
import { connect as connectSocket, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { somewhere } from "../../src/transport/proxies.ts";
import type { HttpService, Listener, WebSocketAdapter } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { filesOf, trust } from "../support/certificates.ts";
import { clientHandshake } from "../support/rawsocket-raw.ts";
import { adapters } from "../support/router-legs.ts";
import { Probe } from "../support/transport-probe.ts";
import { frameBytes_max } from "../support/transport-subject.ts";
import { type HandshakeOptions, openWebSocket, request } from "../support/ws-raw.ts";

const host = "127.0.0.1";
const limit = { timeout: 60_000 };
/** The tests' own connections come from a proxy, or from anybody. */
const [ours, others] = [["127.0.0.0/8", "10.0.0.0/8"], ["10.0.0.0/8"]] as const;

type Listen = (options: {
  readonly trustedProxies?: readonly string[];
  readonly handshake_ms?: number;
}) => Promise<Listener>;
const common = (probe: Probe) => ({
  host,
  port: 0,
  frameBytes_max,
  idle_ms: 60_000,
  handshake_ms: 10_000,
  accept: probe.accept,
});

async function during(listener: Listener, task: (port: number) => Promise<void>): Promise<void> {
  try {
    await task(listener.port);
  } finally {
    await listener.close();
  }
}

const addressBehind = "203.0.113.5";
/** What proxies say, and whom it means. */
const told: readonly [Record<string, string>, string][] = [
  [{ "x-forwarded-for": `1.1.1.1, ${addressBehind}, 10.0.0.9` }, addressBehind],
  [{ forwarded: `for=1.1.1.1, for="${addressBehind}:99"` }, addressBehind],
  [{ "x-real-ip": addressBehind }, addressBehind],
  [{ "x-forwarded-for": "2001:DB8:0:0::1" }, "2001:db8::1"],
  [{ "x-forwarded-for": "nonsense" }, host],
  [{}, host],
];

const proxyV1 = Buffer.from(`PROXY TCP4 ${addressBehind} 127.0.0.1 4000 5000\r\n`);
const proxyV2 = Buffer.concat([
  Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
  Buffer.from([0x21, 0x11, 0, 12, ...addressBehind.split(".").map(Number), 127, 0, 0, 1, 1, 2, 3, 4]),
]);

function webSocketTests(adapter: WebSocketAdapter, name: string): void {
  const peerOf = async (
    probe: Probe,
    options: Partial<HandshakeOptions> & { port: number },
  ): Promise<string> => {
    const client = await openWebSocket({ host, offer: "wamp.2.json", ...options });
    const session = await probe.sessions.next();
    client.destroy();
    return session.connection.info.peer;
  };

  test(
    `${name}: headers about the client are believed of proxies of ours, and of nobody else`,
    limit,
    async () => {
      for (const [trustedProxies, believed] of [
        [ours, true],
        [others, false],
        [undefined, false],
      ] as const) {
        const probe = new Probe();
        const asked: string[] = [];
        const http: HttpService = {
          handle: (exchange) => {
            asked.push(exchange.peer);
            exchange.respond({ status: 200, headers: {} });
            return true;
          },
          failed: (cause) => assert.fail(String(cause)),
          bodiesBytes_max: 1_000,
        };
        const proxies = trustedProxies === undefined ? {} : { trustedProxies };
        const where = { ...common(probe), ...proxies, path: "/ws", deflate: false, http };
        await during(await adapter.listen(where), async (port) => {
          for (const [headers, wanted] of told) {
            // Whoever comes through a proxy here is not of this machine, also where the proxy is not believed.
            const behind = Object.keys(headers).length > 0 ? somewhere : host;
            const peer = believed && wanted !== host ? wanted : behind;
            assert.equal(await peerOf(probe, { port, headers }), peer, JSON.stringify(headers));
            const plain = { "sec-websocket-key": "", upgrade: "", connection: "close", ...headers };
            const { socket } = await request({ host, port, path: "/other", headers: plain });
            socket.destroy();
            assert.equal(asked.pop(), peer);
          }
        });
      }
    },
  );

  test(`${name}: several lines of a header are one list`, limit, async () => {
    const probe = new Probe();
    const where = { ...common(probe), trustedProxies: ours, path: "/ws", deflate: false };
    await during(await adapter.listen(where), async (port) => {
      const lines = `10.0.0.9\r\nx-forwarded-for: ${addressBehind}\r\nx-forwarded-for: 10.0.0.8`;
      assert.equal(await peerOf(probe, { port, headers: { "x-forwarded-for": lines } }), addressBehind);
    });
  });

  test(`${name}: the PROXY protocol changes nobody's address on a port of WebSocket`, limit, async () => {
    const probe = new Probe();
    const where = { ...common(probe), trustedProxies: others, path: "/ws", deflate: false };
    await during(await adapter.listen(where), async (port) => {
      for (const before of [proxyV1, proxyV2])
        await peerOf(probe, { port, before }).then(
          (peer) => assert.equal(peer, host),
          (cause: Error) => assert.match(cause.message, /^(the server answered [45]|closed after)/),
        );
    });
  });
}

for (const { name, skip } of adapters) {
  if (skip !== undefined) test(`${name}: proxies`, { skip }, () => {});
  else webSocketTests((await selectWebSocketAdapter(name)).adapter, name);
}

/** Sends pieces, some time between them, and gives what is answered until the end or the first four octets. */
async function answerTo(
  port: number,
  pieces: readonly Uint8Array[],
): Promise<{ answer: string; socket: Socket }> {
  const socket = connectSocket({ port, host, noDelay: true });
  socket.on("error", () => {});
  const received: Buffer[] = [];
  const over = new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.on("data", (chunk: Buffer) => {
      received.push(chunk);
      if (Buffer.concat(received).length >= 4) resolve();
    });
  });
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await over;
  return { answer: Buffer.concat(received).toString("hex"), socket };
}

const hello = clientHandshake(Serializer.json);

function rawSocketTests(name: string, listen: (probe: Probe) => Listen): void {
  test(`${name}: a PROXY header of a proxy of ours says who the client is`, limit, async () => {
    const probe = new Probe();
    await during(await listen(probe)({ trustedProxies: ours }), async (port) => {
      for (const [header, wanted] of [
        [proxyV1, addressBehind],
        [proxyV2, addressBehind],
        [Buffer.from("PROXY UNKNOWN\r\n"), host],
        [Buffer.alloc(0), host],
      ] as const) {
        const whole = Buffer.concat([header, hello]);
        for (const pieces of [[whole], Array.from(whole, (octet) => Uint8Array.of(octet)), [header, hello]]) {
          const { answer, socket } = await answerTo(port, pieces);
          assert.match(answer, /^7f.10000$/);
          assert.equal((await probe.sessions.next()).connection.info.peer, wanted);
          socket.destroy();
        }
      }
    });
  });

  test(
    `${name}: a PROXY header of anybody else gets no session, nor one that is malformed, too long or too slow`,
    limit,
    async () => {
      const probe = new Probe();
      await during(await listen(probe)({ trustedProxies: others }), async (port) => {
        for (const header of [proxyV1, proxyV2]) {
          const { answer } = await answerTo(port, [Buffer.concat([header, hello])]);
          assert.doesNotMatch(answer, /^7f/);
        }
      });
      await during(await listen(probe)({ trustedProxies: ours, handshake_ms: 300 }), async (port) => {
        for (const header of [
          Buffer.from("PROXY TCP4 1.2.3.4\r\n"),
          Buffer.from(`PROXY ${"x".repeat(200)}`),
          Buffer.concat([proxyV2.subarray(0, 14), Uint8Array.of(0xff, 0xff)]),
          Buffer.from("PROXY TCP4 1.2.3.4 "),
          proxyV2.subarray(0, 20),
          Buffer.alloc(0),
        ])
          assert.equal((await answerTo(port, [header])).answer, "");
      });
      assert.equal(probe.sessions.pending, 0);
    },
  );
}

rawSocketTests("rawsocket", (probe) => (options) => listenRawSocket({ ...common(probe), ...options }));

const universal = adapters.find(({ name, skip }) => name === "ws" && skip === undefined);
if (universal !== undefined) {
  const { adapter } = await selectWebSocketAdapter("ws");
  const listen =
    (probe: Probe): Listen =>
    (options) =>
      adapter.listen({ ...common(probe), path: "/ws", deflate: false, rawsocket: true, ...options });
  rawSocketTests("one port", listen);

  test(
    "one port: a PROXY header counts for WebSocket too, and headers of HTTP behind it",
    limit,
    async () => {
      const probe = new Probe();
      await during(await listen(probe)({ trustedProxies: ours }), async (port) => {
        const at = { host, port, offer: "wamp.2.json" };
        const second = Buffer.from("PROXY TCP4 10.0.0.7 127.0.0.1 4000 5000\r\n");
        for (const [before, forwarded, wanted] of [
          [proxyV1, "1.1.1.1", addressBehind],
          [second, "1.1.1.1", "1.1.1.1"],
        ] as const) {
          const client = await openWebSocket({ ...at, before, headers: { "x-forwarded-for": forwarded } });
          assert.equal((await probe.sessions.next()).connection.info.peer, wanted);
          client.destroy();
        }
      });
    },
  );
}

test("rawsocket over TLS: the PROXY header comes before the handshake of TLS", limit, async () => {
  const probe = new Probe();
  const listener = await listenRawSocket({ ...common(probe), trustedProxies: ours, tls: filesOf("server") });
  await during(listener, async (port) => {
    // Alone or in one piece with what follows, or not at all.
    for (const [pieces, wanted] of [
      [[proxyV2], addressBehind],
      [[proxyV1.subarray(0, 9), proxyV1.subarray(9)], addressBehind],
      [[], host],
    ] as const)
      for (const pause_ms of [0, 100]) {
        const raw = connectSocket({ port, host });
        await new Promise((resolve) => raw.once("connect", resolve));
        for (const piece of pieces) {
          raw.write(piece);
          await new Promise((resolve) => setTimeout(resolve, pause_ms));
        }
        const socket = connectTls({ socket: raw, ...trust() });
        socket.write(hello);
        const { info } = (await probe.sessions.next()).connection;
        assert.equal(info.peer, wanted);
        assert.ok(info.tls?.channelId("tls-exporter")?.length === 32);
        socket.destroy();
      }
  });
});
