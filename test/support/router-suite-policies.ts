/** Policies of shared registration beyond the specification's: by load and by routing key. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import { callEach, callees } from "./router-suite-shared.ts";
import { until, type Wire } from "./wire.ts";

export function policySuite(suite: Suite): void {
  byLoad(suite);
  byKey(suite);
}

/** Gives the callee calls of a procedure of its own that it does not answer. */
async function occupy(world: World, callee: Wire, count: number): Promise<void> {
  const caller = await world.join();
  await callee.register(`com.busy${callee.id}`);
  for (let i = 0; i < count; i++) {
    caller.call(`com.busy${callee.id}`);
    await callee.invocation();
  }
}

function byLoad(suite: Suite): void {
  suite.test("[R-08] queue_least_loaded lets idle callees take turns", async (world) => {
    const wires = await callees(world, 3, "queue_least_loaded");
    const caller = await world.join();
    assert.deepEqual(await callEach(caller, wires, 7), [0, 1, 2, 0, 1, 2, 0]);
  });

  suite.test(
    "[R-08] queue_least_loaded calls the callee with the fewest invocations outstanding, of whatever procedure",
    async (world) => {
      const wires = await callees(world, 3, "queue_least_loaded");
      const caller = await world.join();
      await occupy(world, wires[0]!, 2);
      await occupy(world, wires[1]!, 1);
      const invoked: number[] = [];
      for (let n = 0; n < 5; n++) caller.call("com.proc", {}, [n]);
      // Loads 2, 1, 0 become 3, 3, 2: two calls for the last, then one more for each in turn.
      for (const i of [2, 1, 2]) invoked.push((await wires[i]!.invocation()).payload.flat()[0] as number);
      assert.deepEqual(invoked, [0, 1, 2]);
      for (const i of [0, 1]) await wires[i]!.invocation();
      for (const wire of wires) await wire.expectQuiet();
      wires[0]!.yield(3);
      await caller.next();
      caller.call("com.proc");
      assert.equal((await wires[2]!.invocation()).request, 3);
      caller.call("com.proc");
      assert.equal((await wires[0]!.invocation()).request, 4);
    },
  );

  suite.test(
    "[R-08] queue_least_loaded_sample never takes the busiest of three, and each of the others",
    async (world) => {
      const wires = await callees(world, 3, "queue_least_loaded_sample");
      const caller = await world.join();
      await occupy(world, wires[1]!, 3);
      const invoked = await callEach(caller, [wires[0]!, wires[2]!], 60);
      // Sixty draws of one of two: that one is never drawn happens once in 10^17 runs.
      assert.deepEqual(new Set(invoked), new Set([0, 1]));
    },
  );

  suite.test("[R-08] the short names qll, qlls and jch stand for the same policies", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    for (const [short, long] of [
      ["qll", "queue_least_loaded"],
      ["qlls", "queue_least_loaded_sample"],
      ["jch", "jump_consistent_hash"],
    ] as const) {
      const id = await one.register(`com.${short}`, { invoke: short });
      assert.equal(await two.register(`com.${short}`, { invoke: long }), id);
    }
  });
}

const keys = Array.from({ length: 120 }, (_, i) => `key ${i}`);

function byKey(suite: Suite): void {
  suite.test("[R-08] jump_consistent_hash gives calls with one routing key to one callee", async (world) => {
    const wires = await callees(world, 4, "jump_consistent_hash");
    const caller = await world.join();
    const home = await callEach(caller, wires, keys.length, (n) => ({ rkey: keys[n] }));
    assert.deepEqual(new Set(home), new Set([0, 1, 2, 3]));
    for (const option of ["rkey", "_routing_key"])
      assert.deepEqual(await callEach(caller, wires, keys.length, (n) => ({ [option]: keys[n] })), home);
  });

  suite.test(
    "[R-08] when a callee of jump_consistent_hash leaves, its routing keys move and no others",
    async (world) => {
      const wires = await callees(world, 4, "jump_consistent_hash");
      const caller = await world.join();
      const key = (n: number) => ({ rkey: keys[n] });
      const home = await callEach(caller, wires, keys.length, key);
      wires[1]!.close();
      await until("it is gone", () => world.router.stats().registrations === 3);
      const rest = [wires[0]!, wires[2]!, wires[3]!];
      const now = (await callEach(caller, rest, keys.length, key)).map((i) => [0, 2, 3][i]);
      for (const [n, callee] of home.entries()) if (callee !== 1) assert.equal(now[n], callee, keys[n]);
      const moved = now.filter((_, n) => home[n] === 1);
      assert.ok(new Set(moved).size > 1, "the keys of the one that left are shared out");
    },
  );

  suite.test("[R-08] jump_consistent_hash needs a routing key", async (world) => {
    const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
    for (const callee of [one, two]) {
      await callee.register("com.proc", { invoke: "jch" });
      const call = caller.call("com.proc");
      const error = await caller.next();
      assert.deepEqual(error.slice(0, 5), [
        Message.error,
        Message.call,
        call,
        {},
        "wamp.error.invalid_argument",
      ]);
      assert.match(String((error[5] as unknown[])[0]), /rkey/);
    }
    for (const callee of [one, two]) await callee.expectQuiet();
    caller.call("com.proc", { rkey: "" });
    await Promise.any([one.invocation(), two.invocation()]);
  });
}
