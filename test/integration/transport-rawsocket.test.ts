/** RawSocket over TCP and over a Unix socket, on Node and on Bun. */
import { test } from "node:test";
import { tcpSubject, unixSubject } from "../support/rawsocket-subject.ts";
import { rawSocketCases, unixCases } from "../support/rawsocket-suite.ts";
import { runCases } from "../support/transport-subject.ts";
import { runTransportSuite } from "../support/transport-suite.ts";

for (const subject of [tcpSubject(), unixSubject()]) {
  runCases(subject, rawSocketCases, []);
  runTransportSuite(subject);
}

for (const [name, run] of unixCases) test(name, { timeout: 60_000 }, run);
