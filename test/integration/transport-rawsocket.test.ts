/** RawSocket over TCP and over a Unix socket, on Node and on Bun. */
import { runTransportSuite } from "../support/transport-suite.ts";
import { tcpSubject, unixSubject } from "../support/rawsocket-subject.ts";

runTransportSuite(tcpSubject());
runTransportSuite(unixSubject());
