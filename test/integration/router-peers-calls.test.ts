/** The parts of the router's suite about calls, over several routers that work as one, with the sessions of each test spread over them. */
import { peerLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { cancelSuite } from "../support/router-suite-cancel.ts";
import { concurrencySuite } from "../support/router-suite-concurrency.ts";
import { sharedConcurrencySuite } from "../support/router-suite-concurrency-shared.ts";
import { departureSuite } from "../support/router-suite-departures.ts";
import { gatherSuite } from "../support/router-suite-gather.ts";
import { gatherEndsSuite } from "../support/router-suite-gather-ends.ts";
import { gatherYieldsSuite } from "../support/router-suite-gather-yields.ts";
import { idSuite } from "../support/router-suite-ids.ts";
import { passthruSuite } from "../support/router-suite-passthru.ts";
import { payloadSuite } from "../support/router-suite-payload.ts";
import { policySuite } from "../support/router-suite-policies.ts";
import { progressiveSuite } from "../support/router-suite-progressive.ts";
import { reregisterSuite } from "../support/router-suite-reregister.ts";
import { rerouteSuite } from "../support/router-suite-reroute.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";
import { shardedSuite } from "../support/router-suite-sharded.ts";
import { sharedSuite } from "../support/router-suite-shared.ts";
import { uriSuite } from "../support/router-suite-uris.ts";

const suites = [
  rpcSuite,
  cancelSuite,
  departureSuite,
  idSuite,
  payloadSuite,
  uriSuite,
  sharedSuite,
  policySuite,
  concurrencySuite,
  sharedConcurrencySuite,
  rerouteSuite,
  reregisterSuite,
  shardedSuite,
  gatherSuite,
  gatherYieldsSuite,
  gatherEndsSuite,
  progressiveSuite,
  passthruSuite,
];

// The same code on both runtimes: three of them once.
for (const count of process.versions["bun"] === undefined ? [2, 3] : [2])
  for (const suite of suites) suite(new Suite(peerLeg(count, "spread", (n) => n % count)));
