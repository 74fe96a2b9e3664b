/** All that a transport must do, over TLS: WebSocket on every adapter of this runtime, RawSocket, and both on one port. */
import { test } from "node:test";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { filesOf, trust } from "../support/certificates.ts";
import { tlsSubject } from "../support/rawsocket-subject.ts";
import { adapters } from "../support/router-legs.ts";
import { runTransportSuite } from "../support/transport-suite.ts";
import { webSocketSubject } from "../support/websocket-subject.ts";

const server = filesOf("server");
const client = trust();

runTransportSuite(tlsSubject(server, client));

for (const { name, skip } of adapters) {
  if (skip !== undefined) {
    test(`${name} over TLS: all its cases`, { skip }, () => {});
    continue;
  }
  const { adapter } = await selectWebSocketAdapter(name);
  const idle_ms = name === "ws" ? 600 : 8_000;
  const subject = {
    ...webSocketSubject(adapter, { idle_ms, tls: { server, client } }),
    name: `${name} over TLS`,
  };
  const early = {
    test: "messages that come in one piece with the handshake arrive",
    reason: "uWebSockets.js ends such a connection; RFC 6455 has a client wait for the server's answer",
  };
  runTransportSuite(subject, name === "uws" ? [early] : []);
}
