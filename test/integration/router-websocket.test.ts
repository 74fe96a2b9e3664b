/** The router's suite over WebSocket, by each adapter of this runtime: uws and ws on Node, Bun.serve on Bun. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { webSocketLegs } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

// Each adapter runs all of it in one serializer, and in the others what a transport could get wrong.

for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor])
  for (const leg of webSocketLegs(serializer)) {
    const own = leg.name.includes("(ws)") ? Serializer.json : Serializer.msgpack;
    runRouterSuite(leg, serializer === own ? "whole" : "core");
  }
