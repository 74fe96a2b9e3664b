/** The router's suite over WebSocket: the runtime's own adapter, and on Node the one over the ws package too. */

import { Serializer } from "../../src/protocol/serializers.ts";
import { webSocketLeg } from "../support/router-legs.ts";
import { runRouterSuite } from "../support/router-suites.ts";

const serializers = [Serializer.msgpack, Serializer.json, Serializer.cbor];
const isBun = process.versions["bun"] !== undefined;

const uws = isBun ? "it cannot load on Bun, where the adapter is Bun.serve" : await uwsProblem();
const legs = isBun ? [webSocketLegs("bun")] : [webSocketLegs("uws", uws), webSocketLegs("ws")];
for (const leg of legs.flat()) runRouterSuite(leg);

function webSocketLegs(adapter: "uws" | "bun" | "ws", skip?: string | null) {
  const given = serializers.map((serializer) => webSocketLeg(adapter, serializer));
  return given.map((leg) => (skip ? { ...leg, skip } : leg));
}

/** Why uWebSockets.js cannot be used here, or null. */
async function uwsProblem(): Promise<string | null> {
  try {
    await import("uWebSockets.js" as string);
    return null;
  } catch (cause) {
    return `uWebSockets.js does not load here: ${String(cause).slice(0, 200)}`;
  }
}
