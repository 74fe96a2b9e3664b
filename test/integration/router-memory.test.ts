/** The router's suite without sockets: a connection in memory in each serializer, and the in-process session of the library. */

import { Serializer } from "../../src/protocol/serializers.ts";
import { localLeg, memoryLeg } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

// Over WebSocket all of it runs in each serializer.
for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor])
  runRouterSuite(memoryLeg(serializer), serializer === Serializer.msgpack ? "whole" : "core");
runRouterSuite(localLeg(), "core");
