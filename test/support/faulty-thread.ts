/** A thread of a router that does what a test asks of it, to see what becomes of the others: the module of a worker. */
import { BroadcastChannel, workerData } from "node:worker_threads";
import "../../src/main/worker-thread.ts";
import type { ThreadGiven } from "../../src/main/worker-calls.ts";

export const faultChannel = "spanwire-faults";

export interface Fault {
  readonly place: number;
  readonly kind: "throw" | "reject" | "spin" | "memory";
}

const given = workerData as ThreadGiven | null;
if (process.env["FAULT_AT_START"] === String(given?.place)) throw new Error("it does not start");

function commit({ place, kind }: Fault): void {
  if (place !== given?.place) return;
  switch (kind) {
    case "throw":
      setTimeout(() => {
        throw new Error("a fault that nothing catches");
      });
      return;
    case "reject":
      void Promise.reject(new Error("a promise that nobody waits for"));
      return;
    case "spin":
      for (;;);
    default: {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 100_000 }, (_, index) => ({ index })));
    }
  }
}

const channel = new BroadcastChannel(faultChannel);
// Typed for browsers, where it is an event.
channel.onmessage = (event: unknown) => commit((event as { readonly data: Fault }).data);
