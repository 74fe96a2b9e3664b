/** The parts of the router's suite about events, sessions and the meta API, over routers that work as one, with the sessions spread. */
import { peerLeg } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { acknowledgedSuite } from "../support/router-suite-acknowledged.ts";
import { contradictionSuite } from "../support/router-suite-contradictions.ts";
import { filterSuite } from "../support/router-suite-filters.ts";
import { goodbyeSuite } from "../support/router-suite-goodbye.ts";
import { historySuite } from "../support/router-suite-history.ts";
import { hostileSuite } from "../support/router-suite-hostile.ts";
import { killSuite } from "../support/router-suite-kill.ts";
import { limitSuite } from "../support/router-suite-limits.ts";
import { messageSuite } from "../support/router-suite-messages.ts";
import { metaPatternSuite } from "../support/router-suite-meta-patterns.ts";
import { metaSessionSuite } from "../support/router-suite-meta-session.ts";
import { pubsubSuite } from "../support/router-suite-pubsub.ts";
import { reflectionSuite } from "../support/router-suite-reflection.ts";
import { retainedProcedureSuite } from "../support/router-suite-retained-procedures.ts";
import { retentionSuite } from "../support/router-suite-retention.ts";
import { retentionLimitSuite } from "../support/router-suite-retention-limits.ts";
import { sessionSuite } from "../support/router-suite-session.ts";
import { shardedSubscriptionSuite } from "../support/router-suite-sharded-subscription.ts";
import { testamentSuite } from "../support/router-suite-testaments.ts";
import { trustSuite } from "../support/router-suite-trust.ts";

const suites = [
  acknowledgedSuite,
  contradictionSuite,
  filterSuite,
  goodbyeSuite,
  historySuite,
  hostileSuite,
  killSuite,
  limitSuite,
  messageSuite,
  metaPatternSuite,
  metaSessionSuite,
  pubsubSuite,
  reflectionSuite,
  retainedProcedureSuite,
  retentionSuite,
  retentionLimitSuite,
  sessionSuite,
  shardedSubscriptionSuite,
  testamentSuite,
  trustSuite,
];

for (const suite of suites) suite(new Suite(peerLeg(2, "spread", (n) => n % 2)));
