import assert from "node:assert/strict";
import { test } from "node:test";
import { kindRange } from "../../src/router/peers/kinds.ts";
import { Peers } from "../../src/router/peers/peers.ts";
import { MemoryLinks } from "../support/memory-links.ts";

test("all are told of a router that is gone, also where one of them fails at it", () => {
  const links = new MemoryLinks({ count: 2 });
  const peers = new Peers(links.end(0));
  const told: string[] = [];
  const onMessage = (): void => {};
  const failing = (name: string) => ({
    onMessage,
    onDown(peer: number): void {
      told.push(`${name} ${peer}`);
      throw new Error(name);
    },
  });
  peers.handle(kindRange.directory, failing("first"));
  peers.handle(kindRange.calls, failing("second"));
  peers.handle(kindRange.events, { onMessage, onDown: (peer) => void told.push(`third ${peer}`) });
  new Peers(links.end(1));
  links.settle();
  assert.ok(peers.isUp(1));
  assert.throws(() => peers.onDown(1), /first/);
  assert.deepEqual(told, ["first 1", "second 1", "third 1"]);
  assert.equal(peers.isUp(1), false);
});
