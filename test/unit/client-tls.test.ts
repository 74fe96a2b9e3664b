// Our client over TLS, against plain node:tls and ws servers: certificates both ways, and what channel binding binds to.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { type ConnectionOptions, connectTransport } from "../../src/client/connect.ts";
import { wampError } from "../support/client-peer.ts";
import { shown, trust } from "../support/certificates.ts";

const isBun = "Bun" in globalThis;
const authority = trust().ca;
const files = { ca: authority, ...shown("server") };

interface Serving {
  readonly url: string;
  /** The server's end of the latest connection. */
  peer(): TLSSocket;
  close(): void;
}

/** RawSocket's handshake over TLS, and nothing behind it. */
async function rawSocketServer(options: object): Promise<Serving> {
  const sockets: TLSSocket[] = [];
  const server = createServer({ ...files, ...options }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => socket.write(Uint8Array.of(0x7f, 0xf2, 0, 0)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `tcps://localhost:${(server.address() as AddressInfo).port}`,
    peer: () => sockets.at(-1)!,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function webSocketServer(options: object): Promise<Serving> {
  const server = createHttpsServer({ ...files, ...options });
  const sockets: TLSSocket[] = [];
  const webSockets = new WebSocketServer({ server });
  webSockets.on("connection", (_, request) => sockets.push(request.socket as TLSSocket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `wss://localhost:${(server.address() as AddressInfo).port}`,
    peer: () => sockets.at(-1)!,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const kinds = { "RawSocket over TLS": rawSocketServer, "WebSocket over TLS": webSocketServer };
const networkFailure = wampError("wamp.error.network_failure");
const exported = (socket: TLSSocket): Buffer =>
  socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));

for (const [kind, serve] of Object.entries(kinds)) {
  test(`${kind}: the router's certificate must come from the given authority, and have the right name`, async (t) => {
    const server = await serve({});
    t.after(() => server.close());
    const options: ConnectionOptions = { url: server.url };
    const transport = await connectTransport({ ...options, tls: { ca: authority } });
    transport.close();
    await assert.rejects(connectTransport({ ...options, tls: {} }), networkFailure);
    const named = { ca: authority, servername: "other.example.com" };
    // Bun's WebSocket does not take another name than the URL's.
    if (kind.startsWith("Raw") || !isBun)
      await assert.rejects(connectTransport({ ...options, tls: named }), networkFailure);
  });

  test(`${kind}: the client shows its certificate`, async (t) => {
    const server = await serve({ requestCert: true, rejectUnauthorized: true });
    t.after(() => server.close());
    const tls = { ca: authority, ...shown("device-7") };
    const transport = await connectTransport({ url: server.url, tls });
    // Bun's HTTP server checks the certificate, and does not show it.
    if (!(isBun && kind.startsWith("Web")))
      assert.equal(server.peer().getPeerCertificate().subject.CN, "device-7");
    transport.close();
    await assert.rejects(connectTransport({ url: server.url, tls: { ca: authority } }), networkFailure);
  });

  const noSocket = isBun && kind.startsWith("Web") ? "Bun's WebSocket does not show its socket" : false;
  const noExporter = isBun ? "Bun's TLS sockets do not tell" : noSocket;
  test(`${kind}: channel binding by tls-exporter of TLS 1.3`, { skip: noExporter }, async (t) => {
    const server = await serve({ minVersion: "TLSv1.3" });
    t.after(() => server.close());
    const transport = await connectTransport({ url: server.url, tls: { ca: authority } });
    assert.deepEqual(transport.channelId?.("tls-exporter"), exported(server.peer()));
    assert.equal(transport.channelId?.("tls-unique"), null);
    transport.close();
  });

  test(`${kind}: channel binding by tls-unique of TLS 1.2`, { skip: noExporter }, async (t) => {
    const server = await serve({ maxVersion: "TLSv1.2" });
    t.after(() => server.close());
    const transport = await connectTransport({ url: server.url, tls: { ca: authority } });
    const finished = server.peer().getPeerFinished()!;
    assert.deepEqual(transport.channelId?.("tls-unique"), createHash("sha256").update(finished).digest());
    assert.equal(transport.channelId?.("tls-exporter"), null);
    transport.close();
  });
}

test("Bun tells no channel binding, rather than a wrong one", {
  skip: isBun ? false : "Node has it",
}, async (t) => {
  for (const serve of Object.values(kinds)) {
    const server = await serve({});
    t.after(() => server.close());
    const transport = await connectTransport({ url: server.url, tls: { ca: authority } });
    const id = transport.channelId?.("tls-exporter") ?? null;
    if (id !== null) assert.deepEqual(id, exported(server.peer()));
    transport.close();
  }
});
