// The router's suite over real threads, with sessions wherever the system puts their connections.
import { createRouter } from "../../src/main.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { webSocketLegs } from "../support/router-legs.ts";
import { type Leg, Suite } from "../support/router-suite.ts";
import { pubsubSuite } from "../support/router-suite-pubsub.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";

const workers = 2;
const ofOne = "it looks at counts that a router tells at once, which are those of one worker";
const first = webSocketLegs(Serializer.msgpack).find(({ skip }) => skip === undefined)!;
const leg: Leg = {
  ...first,
  name: `${workers} workers, ${first.name}`,
  unfit: {
    "[B-12] subscribers come and go in any order, and each gets what was published while it was there": ofOne,
    "[B-12] a session lost without GOODBYE gets nothing more, is forgotten": ofOne,
  },
  start: (options) => createRouter({ ...options, workers }),
};
for (const suite of [pubsubSuite, rpcSuite]) suite(new Suite(leg));
