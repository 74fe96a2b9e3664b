/** Shared registrations: the specification's policies, who may join, and callees that come and go while calls are spread. */
import assert from "node:assert/strict";
import { invokeNames, Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";
import { until } from "./wire.ts";

type Policy = Exclude<(typeof invokeNames)[number], "all">;
/** Those that choose one callee for a call. */
const policies = invokeNames.filter((name): name is Policy => name !== "all");

/** Callees of one procedure, in the order of their registration. */
export async function callees(world: World, count: number, invoke: Policy): Promise<Wire[]> {
  const wires = await world.joinMany(count);
  for (const wire of wires) await wire.register("com.proc", { invoke });
  return wires;
}

/** Calls, and tells which of the callees was invoked; each answers with its own number. */
export async function callEach(
  caller: Wire,
  wires: readonly Wire[],
  count: number,
  optionsOf: (n: number) => Dict = () => ({}),
): Promise<number[]> {
  const invoked: number[] = [];
  const served = wires.map(async (wire, i) => {
    for (;;) {
      const message = await wire.next();
      if (message[0] !== Message.invocation) return;
      wire.yield(message[1] as number, {}, [i]);
    }
  });
  for (let n = 0; n < count; n++) {
    caller.call("com.proc", optionsOf(n));
    const result = await caller.next();
    assert.equal(result[0], Message.result, JSON.stringify(result));
    invoked.push((result[3] as number[])[0]!);
  }
  for (const wire of wires) wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
  await Promise.all(served);
  return invoked;
}

export function sharedSuite(suite: Suite): void {
  spreading(suite);
  joining(suite);
  leaving(suite);
}

function spreading(suite: Suite): void {
  suite.test("[R-08] roundrobin calls the callees in turn, as they registered", async (world) => {
    const wires = await callees(world, 3, "roundrobin");
    const caller = await world.join();
    assert.deepEqual(await callEach(caller, wires, 7), [0, 1, 2, 0, 1, 2, 0]);
  });

  suite.test(
    "[R-08] first calls the callee that registered first, last the one that registered last",
    async (world) => {
      const caller = await world.join();
      const first = await callees(world, 3, "first");
      assert.deepEqual(await callEach(caller, first, 3), [0, 0, 0]);
      for (const wire of first) wire.close();
      await until("they are gone", () => world.router.stats().registrations === 0);
      const last = await callees(world, 3, "last");
      assert.deepEqual(await callEach(caller, last, 3), [2, 2, 2]);
    },
  );

  suite.test(
    "[R-08] random calls every callee sooner or later, and none much more than the others",
    async (world) => {
      const wires = await callees(world, 4, "random");
      const caller = await world.join();
      const invoked = await callEach(caller, wires, 400);
      // 400 draws among 4: below 50 or above 150 happens once in some 10^8 runs.
      for (const i of wires.keys()) {
        const share = invoked.filter((callee) => callee === i).length;
        assert.ok(share > 50 && share < 150, `callee ${i} had ${share} of 400 calls`);
      }
      assert.ok(
        new Set(invoked.slice(0, 100).map((callee, i) => (callee - i + 400) % 4)).size > 1,
        "not in turn",
      );
    },
  );

  suite.test("[R-07 R-08] policies hold for pattern registrations too", async (world) => {
    const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
    for (const wire of [one, two]) await wire.register("com", { match: "prefix", invoke: "roundrobin" });
    for (let i = 0; i < 2; i++) {
      caller.call("com.proc");
      caller.call("com.other");
      assert.deepEqual((await one.invocation()).details, { procedure: "com.proc" });
      assert.deepEqual((await two.invocation()).details, { procedure: "com.other" });
    }
  });
}

function joining(suite: Suite): void {
  suite.test("[R-08] callees share a procedure by the same policy only, never single", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    for (const [i, policy] of policies.entries()) {
      const procedure = `com.proc${i}`;
      const id = await one.register(procedure, policy === "single" ? {} : { invoke: policy });
      for (const other of policies) {
        const request = two.request();
        two.send([Message.register, request, { invoke: other }, procedure]);
        if (other === policy && policy !== "single") {
          await two.expect([Message.registered, request, id]);
          await two.unregister(id);
        } else await two.expectError(Message.register, request, "wamp.error.procedure_already_exists");
      }
    }
  });

  suite.test("[R-08] a session registers a shared procedure once", async (world) => {
    const wire = await world.join();
    for (const policy of policies.slice(1)) {
      await wire.register(`com.${policy}`, { invoke: policy });
      const request = wire.request();
      wire.send([Message.register, request, { invoke: policy }, `com.${policy}`]);
      await wire.expectError(Message.register, request, "wamp.error.procedure_already_exists");
    }
  });

  suite.test("[R-08] when all callees have left, the next one chooses the policy anew", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    const id = await one.register("com.proc", { invoke: "roundrobin" });
    assert.equal(await two.register("com.proc", { invoke: "roundrobin" }), id);
    await one.unregister(id);
    await two.unregister(id);
    assert.notEqual(await one.register("com.proc", { invoke: "last" }), id);
    assert.ok((await two.register("com.proc", { invoke: "last" })) > 0);
  });

  suite.test("[R-08] a callee that joins a rotation takes its turn at the end", async (world) => {
    const wires = await callees(world, 2, "roundrobin");
    const caller = await world.join();
    assert.deepEqual(await callEach(caller, wires, 3), [0, 1, 0]);
    const late = await world.join();
    await late.register("com.proc", { invoke: "roundrobin" });
    assert.deepEqual(await callEach(caller, [...wires, late], 6), [1, 2, 0, 1, 2, 0]);
  });
}

function leaving(suite: Suite): void {
  suite.test(
    "[R-08] a callee that leaves in the middle of a rotation is passed over, the others keep their turns",
    async (world) => {
      const wires = await callees(world, 4, "roundrobin");
      const caller = await world.join();
      assert.deepEqual(await callEach(caller, wires, 2), [0, 1]);
      const gone = wires[2]!;
      gone.close();
      await until("it is gone", () => world.router.stats().registrations === 3);
      const rest = wires.filter((wire) => wire !== gone);
      assert.deepEqual(await callEach(caller, rest, 4), [2, 0, 1, 2]);
      rest[2]!.close();
      await until("it is gone", () => world.router.stats().registrations === 2);
      assert.deepEqual(await callEach(caller, rest.slice(0, 2), 3), [0, 1, 0]);
    },
  );

  suite.test("[R-08] first and last move on when their callee leaves", async (world) => {
    const caller = await world.join();
    for (const [policy, order] of [
      ["first", [0, 1, 2]],
      ["last", [2, 1, 0]],
    ] as const) {
      const wires = await callees(world, 3, policy);
      let here = wires;
      for (const i of order) {
        assert.equal(here[(await callEach(caller, here, 1))[0]!], wires[i]);
        wires[i]!.close();
        here = here.filter((wire) => wire !== wires[i]);
        await until("it is gone", () => world.router.stats().registrations === here.length);
      }
    }
    const call = caller.call("com.proc");
    await caller.expectError(Message.call, call, "wamp.error.no_such_procedure");
  });

  suite.test(
    "[R-08 R-14] the calls of a shared callee that leaves are canceled, those of the others go on",
    async (world) => {
      const [one, two] = (await callees(world, 2, "roundrobin")) as [Wire, Wire];
      const caller = await world.join();
      const calls = [caller.call("com.proc"), caller.call("com.proc"), caller.call("com.proc")];
      assert.equal((await one.invocation()).request, 1);
      assert.equal((await two.invocation()).request, 1);
      assert.equal((await one.invocation()).request, 2);
      one.close();
      const lost = [await caller.next(), await caller.next()];
      assert.deepEqual(new Set(lost.map((error) => error[2])), new Set([calls[0], calls[2]]));
      for (const error of lost) assert.equal(error[4], "wamp.error.canceled");
      two.yield(1, {}, ["mine"]);
      await caller.expect([Message.result, calls[1], {}, ["mine"]]);
    },
  );
}
