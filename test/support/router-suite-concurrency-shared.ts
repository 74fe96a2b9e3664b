/** REGISTER.Options.concurrency in shared registrations: which busy callees are waited for, and which are passed over. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { busy } from "./router-suite-concurrency.ts";
import { until } from "./wire.ts";

export function sharedConcurrencySuite(suite: Suite): void {
  passedOver(suite);
  waitedFor(suite);
}

function passedOver(suite: Suite): void {
  suite.test(
    "[R-16 R-08] roundrobin passes over busy callees, and each has its own concurrency",
    async (world) => {
      const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
      await one.register("com.proc", { invoke: "roundrobin", concurrency: 1 });
      await two.register("com.proc", { invoke: "roundrobin", concurrency: 3 });
      for (let i = 0; i < 5; i++) caller.call("com.proc", {}, [i]);
      assert.deepEqual((await one.invocation()).payload, [[0]]);
      for (const i of [1, 2, 3]) assert.deepEqual((await two.invocation()).payload, [[i]]);
      await one.expectQuiet();
      await two.expectQuiet();
      two.yield(2);
      assert.deepEqual((await two.invocation()).payload, [[4]]);
      await one.expectQuiet();
    },
  );

  suite.test("[R-16 R-08] a callee without concurrency takes what the others cannot", async (world) => {
    for (const invoke of ["roundrobin", "random", "qll", "qlls"]) {
      const [caller, limited, free] = [await world.join(), await world.join(), await world.join()];
      await limited.register(`com.${invoke}`, { invoke, concurrency: 1 });
      await free.register(`com.${invoke}`, { invoke });
      for (let i = 0; i < 30; i++) caller.call(`com.${invoke}`);
      await limited.invocation();
      for (let i = 0; i < 29; i++) await free.invocation();
      await limited.expectQuiet();
      for (const wire of [limited, free]) wire.close();
      await until("they are gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-16 R-09] a call to all asks those that are not busy, and counts for them", async (world) => {
    const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
    for (const wire of [one, two]) await wire.register("com.proc", { invoke: "first", concurrency: 1 });
    caller.call("com.proc");
    const first = await one.invocation();
    const all = caller.call("com.proc", { runmode: "all", yields: "first" });
    const part = await two.invocation();
    caller.call("com.proc", {}, ["waits"]);
    await one.expectQuiet();
    one.close();
    await caller.next();
    // The policy's callee is the second one now, and it is busy with its part.
    await two.expectQuiet();
    two.yield(part.request, {}, ["part"]);
    await caller.expect([Message.result, all, {}, ["part"]]);
    assert.deepEqual((await two.invocation()).payload, [["waits"]]);
    assert.equal(first.request, 1);
  });

  suite.test("[R-16] a callee that joins takes calls that wait", async (world) => {
    const { caller } = await busy(world, { invoke: "roundrobin" });
    for (let i = 0; i < 3; i++) caller.call("com.proc", {}, [i]);
    await caller.expectQuiet();
    const late = await world.join();
    const request = late.request();
    late.send([Message.register, request, { invoke: "roundrobin", concurrency: 2 }, "com.proc"]);
    assert.equal((await late.next())[0], Message.registered);
    for (const i of [0, 1]) assert.deepEqual((await late.invocation()).payload, [[i]]);
    await late.expectQuiet();
  });
}

function waitedFor(suite: Suite): void {
  suite.test("[R-16 R-08] first and last wait for their callee while another one is idle", async (world) => {
    for (const invoke of ["first", "last"]) {
      const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
      for (const wire of [one, two]) await wire.register(`com.${invoke}`, { invoke, concurrency: 1 });
      const [chosen, other] = invoke === "first" ? [one, two] : [two, one];
      for (let i = 0; i < 3; i++) caller.call(`com.${invoke}`, {}, [i]);
      const { request } = await chosen.invocation();
      chosen.yield(request);
      assert.deepEqual((await chosen.invocation()).payload, [[1]]);
      await other.expectQuiet();
      chosen.close();
      assert.deepEqual((await other.invocation()).payload, [[2]]);
      other.close();
      await until("they are gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test(
    "[R-16 R-08] a call whose callee by routing key is busy does not hold up others",
    async (world) => {
      const { caller, callee } = await busy(world, { invoke: "jch" });
      const other = await world.join();
      await other.register("com.proc", { invoke: "jch", concurrency: 1 });
      // That none of so many keys belongs to the idle callee happens once in 10^12 runs.
      for (let i = 0; i < 40; i++) caller.call("com.proc", { rkey: `key ${i}` }, [i]);
      const first = await other.invocation();
      await callee.expectQuiet();
      other.yield(first.request);
      const second = await other.invocation();
      assert.ok((second.payload.flat()[0] as number) > (first.payload.flat()[0] as number));
      await callee.expectQuiet();
    },
  );

  suite.test("[R-16 R-09] a call to one shard waits for its callee, whatever the policy", async (world) => {
    const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
    for (const [i, wire] of [one, two].entries())
      await wire.register("com.proc", { invoke: "roundrobin", concurrency: 1, nkey: `shard ${i}` });
    const part = { runmode: "partition", rkey: "k" };
    caller.call("com.proc", part, [0]);
    const [chosen, other] = await Promise.any(
      [
        [one, two],
        [two, one],
      ].map(async ([mine, others]) => {
        await until("it is invoked", () => mine!.arrivedCount + others!.arrivedCount > 0);
        return mine!.arrivedCount > 0 ? [mine!, others!] : Promise.reject(new Error("the other one"));
      }),
    );
    const { request } = await chosen!.invocation();
    caller.call("com.proc", part, [1]);
    caller.call("com.proc", {}, [2]);
    assert.deepEqual((await other!.invocation()).payload, [[2]]);
    await chosen!.expectQuiet();
    chosen!.yield(request);
    assert.deepEqual((await chosen!.invocation()).payload, [[1]]);
  });
}
