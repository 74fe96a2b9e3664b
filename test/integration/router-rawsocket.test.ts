/** The router's suite over RawSocket: TCP in each serializer, and a Unix socket. */

import { Serializer } from "../../src/protocol/serializers.ts";
import { tcpLeg, unixLeg } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

// RawSocket is the same code on both runtimes: the whole suite once.
const whole = process.versions["bun"] === undefined ? Serializer.msgpack : null;
for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor])
  runRouterSuite(tcpLeg(serializer), serializer === whole ? "whole" : "core");
runRouterSuite(unixLeg(Serializer.msgpack), "core");
