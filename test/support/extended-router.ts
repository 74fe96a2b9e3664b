/** A router whose own procedures a test adds to, with clients in memory. */
import { loadWasm } from "../../src/host.ts";
import { buildCore, type CoreParts, layFoundation, openDoors } from "../../src/main/core.ts";
import { RouterHost } from "../../src/main/host.ts";
import type { RouterOptions } from "../../src/main.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { attach } from "./router-legs.ts";
import { until, Wire } from "./wire.ts";

export interface ExtendedRouter {
  readonly router: RouterHost;
  readonly parts: CoreParts;
  /** A connection on which nothing has been said. */
  open(): Wire;
  /** The wire is closed with the others at the end. */
  adopt(wire: Wire): Wire;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `extend` adds to the parts, and gives those that are to be others. */
export async function extendedRouter(
  options: RouterOptions,
  extend: (parts: CoreParts) => Partial<CoreParts>,
): Promise<ExtendedRouter> {
  const base = layFoundation(options);
  const deciders = { ...openDoors(base.ids), policy: options.access ?? null };
  const parts = buildCore(options, await loadWasm(), base, deciders);
  const overrides = extend(parts);
  const router = new RouterHost({ ...parts, ...overrides }, null);
  const wires: Wire[] = [];
  const adopt = (wire: Wire): Wire => {
    wires.push(wire);
    return wire;
  };
  // The router's own timers keep no process alive, and connections in memory do not either.
  const alive = setInterval(() => {}, 1_000);
  return {
    router,
    parts,
    open: () => adopt(new Wire(attach(router, new MemoryConnection({ serializer: Serializer.msgpack })))),
    adopt,
    async [Symbol.asyncDispose]() {
      for (const wire of wires) wire.close();
      await until("all connections are gone", () => router.connectionCount === 0);
      await router.close();
      clearInterval(alive);
    },
  };
}
