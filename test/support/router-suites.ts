/** All parts of the router's suite, over one leg. */

import { test } from "node:test";
import { type Leg, Suite } from "./router-suite.ts";
import { acknowledgedSuite } from "./router-suite-acknowledged.ts";
import { cancelSuite } from "./router-suite-cancel.ts";
import { departureSuite } from "./router-suite-departures.ts";
import { filterSuite } from "./router-suite-filters.ts";
import { goodbyeSuite } from "./router-suite-goodbye.ts";
import { historySuite } from "./router-suite-history.ts";
import { hostileSuite } from "./router-suite-hostile.ts";
import { idSuite } from "./router-suite-ids.ts";
import { limitSuite } from "./router-suite-limits.ts";
import { messageSuite } from "./router-suite-messages.ts";
import { payloadSuite } from "./router-suite-payload.ts";
import { pubsubSuite } from "./router-suite-pubsub.ts";
import { retainedProcedureSuite } from "./router-suite-retained-procedures.ts";
import { retentionSuite } from "./router-suite-retention.ts";
import { rpcSuite } from "./router-suite-rpc.ts";
import { sessionSuite } from "./router-suite-session.ts";
import { shardedSubscriptionSuite } from "./router-suite-sharded-subscription.ts";
import { sharedSuite } from "./router-suite-shared.ts";
import { trustSuite } from "./router-suite-trust.ts";
import { uriSuite } from "./router-suite-uris.ts";

export function runRouterSuite(leg: Leg): void {
  if (leg.skip !== undefined) {
    // Said once, and not for each of its tests.
    test(`${leg.name}: the router's suite`, { skip: leg.skip }, () => {});
    return;
  }
  const suite = new Suite(leg);
  sessionSuite(suite);
  goodbyeSuite(suite);
  messageSuite(suite);
  idSuite(suite);
  uriSuite(suite);
  pubsubSuite(suite);
  filterSuite(suite);
  retentionSuite(suite);
  retainedProcedureSuite(suite);
  historySuite(suite);
  shardedSubscriptionSuite(suite);
  acknowledgedSuite(suite);
  trustSuite(suite);
  rpcSuite(suite);
  sharedSuite(suite);
  cancelSuite(suite);
  departureSuite(suite);
  hostileSuite(suite);
  payloadSuite(suite);
  limitSuite(suite);
}
