/** All parts of the router's suite, over one leg. */

import { test } from "node:test";
import { type Leg, Suite } from "./router-suite.ts";
import { acknowledgedSuite } from "./router-suite-acknowledged.ts";
import { cancelSuite } from "./router-suite-cancel.ts";
import { contradictionSuite } from "./router-suite-contradictions.ts";
import { departureSuite } from "./router-suite-departures.ts";
import { filterSuite } from "./router-suite-filters.ts";
import { gatherSuite } from "./router-suite-gather.ts";
import { gatherEndsSuite } from "./router-suite-gather-ends.ts";
import { gatherYieldsSuite } from "./router-suite-gather-yields.ts";
import { goodbyeSuite } from "./router-suite-goodbye.ts";
import { historySuite } from "./router-suite-history.ts";
import { hostileSuite } from "./router-suite-hostile.ts";
import { idSuite } from "./router-suite-ids.ts";
import { killSuite } from "./router-suite-kill.ts";
import { limitSuite } from "./router-suite-limits.ts";
import { messageSuite } from "./router-suite-messages.ts";
import { metaPatternSuite } from "./router-suite-meta-patterns.ts";
import { metaSessionSuite } from "./router-suite-meta-session.ts";
import { passthruSuite } from "./router-suite-passthru.ts";
import { payloadSuite } from "./router-suite-payload.ts";
import { progressiveSuite } from "./router-suite-progressive.ts";
import { pubsubSuite } from "./router-suite-pubsub.ts";
import { reflectionSuite } from "./router-suite-reflection.ts";
import { retainedProcedureSuite } from "./router-suite-retained-procedures.ts";
import { retentionLimitSuite } from "./router-suite-retention-limits.ts";
import { retentionSuite } from "./router-suite-retention.ts";
import { resumeSuite } from "./router-suite-resume.ts";
import { resumeEndingSuite } from "./router-suite-resume-endings.ts";
import { resumeMetaSuite } from "./router-suite-resume-meta.ts";
import { resumeRandomSuite } from "./router-suite-resume-random.ts";
import { resumeTransportSuite } from "./router-suite-resume-transports.ts";
import { rpcSuite } from "./router-suite-rpc.ts";
import { sessionSuite } from "./router-suite-session.ts";
import { shardedSuite } from "./router-suite-sharded.ts";
import { shardedSubscriptionSuite } from "./router-suite-sharded-subscription.ts";
import { sharedSuite } from "./router-suite-shared.ts";
import { testamentSuite } from "./router-suite-testaments.ts";
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
  retentionLimitSuite(suite);
  retainedProcedureSuite(suite);
  historySuite(suite);
  shardedSubscriptionSuite(suite);
  acknowledgedSuite(suite);
  trustSuite(suite);
  rpcSuite(suite);
  sharedSuite(suite);
  shardedSuite(suite);
  gatherSuite(suite);
  gatherYieldsSuite(suite);
  gatherEndsSuite(suite);
  cancelSuite(suite);
  departureSuite(suite);
  contradictionSuite(suite);
  resumeSuite(suite);
  resumeTransportSuite(suite);
  resumeEndingSuite(suite);
  resumeMetaSuite(suite);
  resumeRandomSuite(suite);
  hostileSuite(suite);
  payloadSuite(suite);
  progressiveSuite(suite);
  passthruSuite(suite);
  limitSuite(suite);
  metaSessionSuite(suite);
  killSuite(suite);
  metaPatternSuite(suite);
  testamentSuite(suite);
  reflectionSuite(suite);
}
