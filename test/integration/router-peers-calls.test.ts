/** The parts of the router's suite about calls, over several routers that work as one, with the sessions of each test spread over them. */
import { peerLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { cancelSuite } from "../support/router-suite-cancel.ts";
import { departureSuite } from "../support/router-suite-departures.ts";
import { idSuite } from "../support/router-suite-ids.ts";
import { passthruSuite } from "../support/router-suite-passthru.ts";
import { payloadSuite } from "../support/router-suite-payload.ts";
import { progressiveSuite } from "../support/router-suite-progressive.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";
import { uriSuite } from "../support/router-suite-uris.ts";
import { sharedCallSuites } from "../support/router-suites.ts";

const suites = [
  rpcSuite,
  cancelSuite,
  departureSuite,
  idSuite,
  payloadSuite,
  uriSuite,
  ...sharedCallSuites,
  progressiveSuite,
  passthruSuite,
];

// The same code on both runtimes: three of them once.
for (const count of process.versions["bun"] === undefined ? [2, 3] : [2])
  for (const suite of suites) suite(new Suite(peerLeg(count, "spread", (n) => n % count)));
