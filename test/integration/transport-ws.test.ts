/** The adapter over the `ws` package. Runs on Node only, whichever version. */
import { test } from "node:test";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { runHttpExchangeSuite } from "../support/http-exchange-suite.ts";
import { runTransportSuite } from "../support/transport-suite.ts";
import { runBatchedSuite } from "../support/websocket-batched.ts";
import { webSocketSubject } from "../support/websocket-subject.ts";
import { runWebSocketSuite } from "../support/websocket-suite.ts";

const adapter = await selectWebSocketAdapter("ws").then(
  (selected) => selected.adapter,
  (cause: Error) => cause,
);

if (adapter instanceof Error) {
  test("ws: all its cases", { skip: adapter.message }, () => {});
} else {
  const subject = webSocketSubject(adapter, { idle_ms: 600 });
  runWebSocketSuite(subject);
  runHttpExchangeSuite(subject);
  runTransportSuite(subject);
  runBatchedSuite(adapter, subject);
}
