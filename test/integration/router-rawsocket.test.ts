/** The router's suite over RawSocket: TCP in each serializer, and a Unix socket. */

import { Serializer } from "../../src/protocol/serializers.ts";
import { tcpLeg, unixLeg } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor])
  runRouterSuite(tcpLeg(serializer), serializer === Serializer.msgpack ? "whole" : "core");
runRouterSuite(unixLeg(Serializer.msgpack), "core");
