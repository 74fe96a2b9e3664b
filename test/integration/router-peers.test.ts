/** The router's suite over several routers that work as one. */
import { peerLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { metaPatternSuite } from "../support/router-suite-meta-patterns.ts";
import { pubsubSuite } from "../support/router-suite-pubsub.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";

const suites = [pubsubSuite, rpcSuite, metaPatternSuite];

for (const [count, place] of [
  [2, 0],
  [2, 1],
] as const)
  for (const suite of suites) suite(new Suite(peerLeg(count, `at router ${place}`, () => place)));
