/** The router's suite over long-poll and over event streams, by each adapter of this runtime. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { httpLegs } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

for (const leg of httpLegs("longpoll", Serializer.json)) runRouterSuite(leg);
for (const leg of httpLegs("sse", Serializer.json)) runRouterSuite(leg);
