/** The router's suite over long-poll and over event streams. What differs by adapter has suites of its own. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { httpLegs } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

// The fastest adapter of this runtime, and the slowest; Bun has one.
runRouterSuite(httpLegs("longpoll", Serializer.json)[0]!, "core");
runRouterSuite(httpLegs("sse", Serializer.json).at(-1)!, "core");
