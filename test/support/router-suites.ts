/** All parts of the router's suite, over one leg. */
import { goodbyeSuite } from "./router-suite-goodbye.ts";
import { messageSuite } from "./router-suite-messages.ts";
import { idSuite } from "./router-suite-ids.ts";
import { filterSuite } from "./router-suite-filters.ts";
import { pubsubSuite } from "./router-suite-pubsub.ts";
import { uriSuite } from "./router-suite-uris.ts";
import { sessionSuite } from "./router-suite-session.ts";
import { type Leg, Suite } from "./router-suite.ts";

export function runRouterSuite(leg: Leg): void {
  const suite = new Suite(leg);
  sessionSuite(suite);
  goodbyeSuite(suite);
  messageSuite(suite);
  idSuite(suite);
  uriSuite(suite);
  pubsubSuite(suite);
  filterSuite(suite);
}
