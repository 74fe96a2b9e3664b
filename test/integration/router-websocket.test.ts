/** The router's suite over WebSocket, by each adapter of this runtime: uws and ws on Node, Bun.serve on Bun. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { webSocketLegs } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor])
  for (const leg of webSocketLegs(serializer)) {
    // The adapter that stands in where no native one loads has nothing of its own to get wrong in the other serializers.
    const isSecond = leg.name.includes("(ws)") && serializer !== Serializer.msgpack;
    runRouterSuite(leg, isSecond ? "core" : "whole");
  }
