/** The router's suite over several routers that work as one. */
import { peerLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { acknowledgedSuite } from "../support/router-suite-acknowledged.ts";
import { concurrencySuite } from "../support/router-suite-concurrency.ts";
import { departureSuite } from "../support/router-suite-departures.ts";
import { historySuite } from "../support/router-suite-history.ts";
import { killSuite } from "../support/router-suite-kill.ts";
import { limitSuite } from "../support/router-suite-limits.ts";
import { metaPatternSuite } from "../support/router-suite-meta-patterns.ts";
import { metaSessionSuite } from "../support/router-suite-meta-session.ts";
import { policySuite } from "../support/router-suite-policies.ts";
import { pubsubSuite } from "../support/router-suite-pubsub.ts";
import { reregisterSuite } from "../support/router-suite-reregister.ts";
import { rerouteSuite } from "../support/router-suite-reroute.ts";
import { retentionSuite } from "../support/router-suite-retention.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";
import { shardedSuite } from "../support/router-suite-sharded.ts";
import { shardedSubscriptionSuite } from "../support/router-suite-sharded-subscription.ts";
import { sharedSuite } from "../support/router-suite-shared.ts";
import { uriSuite } from "../support/router-suite-uris.ts";

/** What concerns subscriptions and registrations, with all sessions at one router. */
const suites = [
  pubsubSuite,
  rpcSuite,
  departureSuite,
  limitSuite,
  uriSuite,
  retentionSuite,
  historySuite,
  shardedSubscriptionSuite,
  acknowledgedSuite,
  sharedSuite,
  policySuite,
  concurrencySuite,
  rerouteSuite,
  reregisterSuite,
  shardedSuite,
  killSuite,
  metaSessionSuite,
  metaPatternSuite,
];

for (const place of [0, 1])
  for (const suite of suites) suite(new Suite(peerLeg(2, `at router ${place}`, () => place)));
