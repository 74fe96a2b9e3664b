/** All parts of the router's suite, over one leg. */

import { test } from "node:test";
import { type Leg, Suite } from "./router-suite.ts";
import { acknowledgedSuite } from "./router-suite-acknowledged.ts";
import { cancelSuite } from "./router-suite-cancel.ts";
import { concurrencySuite } from "./router-suite-concurrency.ts";
import { sharedConcurrencySuite } from "./router-suite-concurrency-shared.ts";
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
import { policySuite } from "./router-suite-policies.ts";
import { progressiveSuite } from "./router-suite-progressive.ts";
import { pubsubSuite } from "./router-suite-pubsub.ts";
import { reflectionSuite } from "./router-suite-reflection.ts";
import { reregisterSuite } from "./router-suite-reregister.ts";
import { rerouteSuite } from "./router-suite-reroute.ts";
import { resumeSuite } from "./router-suite-resume.ts";
import { resumeEndingSuite } from "./router-suite-resume-endings.ts";
import { resumeMetaSuite } from "./router-suite-resume-meta.ts";
import { resumeRandomSuite } from "./router-suite-resume-random.ts";
import { resumeTransportSuite } from "./router-suite-resume-transports.ts";
import { retainedProcedureSuite } from "./router-suite-retained-procedures.ts";
import { retentionSuite } from "./router-suite-retention.ts";
import { retentionLimitSuite } from "./router-suite-retention-limits.ts";
import { rpcSuite } from "./router-suite-rpc.ts";
import { sessionSuite } from "./router-suite-session.ts";
import { shardedSuite } from "./router-suite-sharded.ts";
import { shardedSubscriptionSuite } from "./router-suite-sharded-subscription.ts";
import { sharedSuite } from "./router-suite-shared.ts";
import { testamentSuite } from "./router-suite-testaments.ts";
import { trustSuite } from "./router-suite-trust.ts";
import { uriSuite } from "./router-suite-uris.ts";

/** What a transport could get wrong: messages of all kinds both ways, endings, and what comes of bad ones. */
const core: readonly ((suite: Suite) => void)[] = [
  sessionSuite,
  goodbyeSuite,
  messageSuite,
  idSuite,
  pubsubSuite,
  rpcSuite,
  cancelSuite,
  departureSuite,
  resumeSuite,
  hostileSuite,
  payloadSuite,
  limitSuite,
  metaSessionSuite,
];

/** Calls of registrations that have several callees, or one that takes so many calls at a time. */
export const sharedCallSuites: readonly ((suite: Suite) => void)[] = [
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
];

/** What broker and dealer do with them, whatever they came over. */
const rest: readonly ((suite: Suite) => void)[] = [
  uriSuite,
  filterSuite,
  retentionSuite,
  retentionLimitSuite,
  retainedProcedureSuite,
  historySuite,
  shardedSubscriptionSuite,
  acknowledgedSuite,
  trustSuite,
  ...sharedCallSuites,
  contradictionSuite,
  resumeTransportSuite,
  resumeEndingSuite,
  resumeMetaSuite,
  resumeRandomSuite,
  progressiveSuite,
  passthruSuite,
  killSuite,
  metaPatternSuite,
  testamentSuite,
  reflectionSuite,
];

/**
 * Runs the suite over a leg. `core` is for the further ways in: each feature is proven whole in memory, and over a socket of
 * each runtime in every serializer.
 */
export function runRouterSuite(leg: Leg, scope: "whole" | "core" = "whole"): void {
  if (leg.skip !== undefined) {
    // Said once, and not for each of its tests.
    test(`${leg.name}: the router's suite`, { skip: leg.skip }, () => {});
    return;
  }
  const suite = new Suite(leg);
  for (const part of scope === "whole" ? [...core, ...rest] : core) part(suite);
}
