import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryLinks } from "../support/memory-links.ts";
import { linksSuite } from "../support/links-suite.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const linkBytes_max = 100_000;

linksSuite({
  name: "links in one thread",
  count: 3,
  bytes_max: 50_000,
  linkBytes_max,
  runs: 300,
  open(below) {
    const net = new MemoryLinks({ count: 3, below, linkBytes_max });
    return {
      end: (place) => net.end(place),
      takeDown: (place) => net.takeDown(place),
      bringUp: (place) => net.bringUp(place),
      advance() {
        for (let steps = below(10); steps > 0 && net.step(); steps--);
      },
      settle: async () => net.settle(),
      close() {},
    };
  },
});

test("links in one thread deliver at the end of the turn, and overwrite what they have delivered", () => {
  const scheduler = new VirtualScheduler();
  const net = new MemoryLinks({ count: 2, endOfTurn: (task) => scheduler.endOfTurn(task) });
  const heard: string[] = [];
  const kept: Uint8Array[] = [];
  for (const place of [0, 1])
    net.end(place).connect({
      onUp: (peer) => heard.push(`${place}: ${peer} is up`),
      onDown: (peer) => heard.push(`${place}: ${peer} is down`),
      onMessage(peer, message) {
        heard.push(`${place}: ${peer} says ${message.join(" ")}`);
        kept.push(message);
      },
    });
  scheduler.settle();
  assert.ok(net.end(0).send(1, Uint8Array.of(1, 2), Uint8Array.of(3), false));
  assert.deepEqual(heard.toSorted(), ["0: 1 is up", "1: 0 is up"]);
  assert.equal(net.end(0).queuedBytes(1), 3);
  scheduler.settle();
  net.takeDown(0);
  scheduler.settle();
  assert.deepEqual(heard.slice(2), ["1: 0 says 1 2 3", "1: 0 is down"]);
  assert.deepEqual(kept, [Uint8Array.of(0xee, 0xee, 0xee)]);
});
