/** The uWebSockets.js adapter. Does not load on Bun, nor where the binaries need a newer glibc. */
import { test } from "node:test";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { headByBytes, runHttpExchangeSuite } from "../support/http-exchange-suite.ts";
import { runTransportSuite } from "../support/transport-suite.ts";
import { runBatchedSuite } from "../support/websocket-batched.ts";
import { webSocketSubject } from "../support/websocket-subject.ts";
import { runWebSocketSuite } from "../support/websocket-suite.ts";

const adapter = await selectWebSocketAdapter("uws").then(
  (selected) => selected.adapter,
  (cause: Error) => cause,
);

if (adapter instanceof Error) {
  test("uws: all its cases", { skip: adapter.message }, () => {});
} else {
  const subject = webSocketSubject(adapter, { idle_ms: 8_000 });
  runWebSocketSuite(subject, [
    {
      test: "a client's frame that is not masked ends the connection and reaches no session",
      reason: "uWebSockets.js of 2023 reads every frame as masked, and makes a wrong message of it",
    },
  ]);
  runHttpExchangeSuite(subject, [
    {
      test: headByBytes,
      reason:
        "uWebSockets.js of 2023 takes a request line that is cut behind the method for HTTP/1.0, and refuses it",
    },
  ]);
  const early = [
    {
      test: "messages that come in one piece with the handshake arrive",
      reason: "uWebSockets.js ends such a connection; RFC 6455 has a client wait for the server's answer",
    },
  ];
  runTransportSuite(subject, early);
  runBatchedSuite(adapter, subject, early);
}
