/** Sharded registration, calls to one shard: `runmode` "partition", routing keys, and the shards of callees that come and go. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const invalid = "wamp.error.invalid_argument";
const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`);

/** Callees of one procedure, in the order of their registration; each with the shard key of its place, unless there are none. */
async function shards(world: World, nkeys: readonly (string | undefined)[]): Promise<Wire[]> {
  const wires = await world.joinMany(nkeys.length);
  for (const [i, nkey] of nkeys.entries()) await registerShard(wires[i]!, nkey);
  return wires;
}

const registerShard = (wire: Wire, nkey?: string, options: Dict = {}): Promise<number> =>
  wire.register("com.proc", {
    invoke: "roundrobin",
    ...options,
    ...(nkey === undefined ? {} : { nkey }),
  });

/** Calls once with each routing key. Returns which wire was invoked for each; they all answer. */
async function placesOf(caller: Wire, wires: readonly Wire[], rkeys: readonly string[]): Promise<number[]> {
  const places: number[] = [];
  const served = wires.map(async (wire, place) => {
    for (;;) {
      const message = await wire.next();
      if (message[0] !== Message.invocation) return;
      wire.yield(message[1] as number, {}, [place]);
    }
  });
  for (const rkey of rkeys) {
    const call = caller.call("com.proc", { runmode: "partition", rkey });
    const [type, request, , args] = await caller.next();
    assert.deepEqual([type, request], [Message.result, call]);
    places.push((args as number[])[0]!);
    await caller.expectQuiet();
  }
  for (const wire of wires) wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
  await Promise.all(served);
  return places;
}

export function shardedSuite(suite: Suite): void {
  placing(suite);
  moving(suite);
  refusing(suite);
}

function placing(suite: Suite): void {
  suite.test(
    "[R-09] calls with one routing key go to one callee, whichever caller makes them; every callee has its keys",
    async (world) => {
      const [caller, other] = [await world.join(), await world.join()];
      const wires = await shards(world, ["a", "b", "c"]);
      const places = await placesOf(caller, wires, keys);
      assert.deepEqual(await placesOf(other, wires, keys), places);
      assert.deepEqual(new Set(places), new Set([0, 1, 2]));
    },
  );

  suite.test("[R-09] callees without a shard key share the routing keys as well", async (world) => {
    const caller = await world.join();
    const wires = await shards(world, [undefined, undefined, undefined]);
    const places = await placesOf(caller, wires, keys);
    assert.deepEqual(await placesOf(caller, wires, keys), places);
    assert.deepEqual(new Set(places), new Set([0, 1, 2]));
  });

  suite.test("[R-09] the shard of a key depends on nothing but the shard keys", async (world) => {
    const caller = await world.join();
    const first = await shards(world, ["a", "b", "ü", ""]);
    const places = await placesOf(caller, first, keys);
    for (const wire of first) wire.close();
    await until("they are gone", () => world.router.stats().registrations === 0);
    // Another order of registration, other sessions.
    const second = await shards(world, ["", "ü", "b", "a"]);
    const mirrored = places.map((place) => 3 - place);
    assert.deepEqual(await placesOf(caller, second, keys), mirrored);
  });

  suite.test(
    "[R-09] runmode partition works with every policy, and for pattern registrations",
    async (world) => {
      const caller = await world.join();
      const wires = await world.joinMany(3);
      for (const invoke of ["single", "roundrobin", "random", "first", "last", "all"]) {
        const here = invoke === "single" ? wires.slice(0, 1) : wires;
        for (const [i, wire] of here.entries())
          await wire.register(`com.${invoke}`, { match: "prefix", invoke, nkey: `shard ${i}` });
        const invoked = new Set<number>();
        for (const rkey of keys.slice(0, 20)) {
          const calls = [1, 2].map(() => caller.call(`com.${invoke}.proc`, { runmode: "partition", rkey }));
          const place = await soleReceiver(here);
          invoked.add(place);
          for (const call of calls) {
            const { request, details } = await here[place]!.invocation();
            assert.deepEqual(details, { procedure: `com.${invoke}.proc` });
            here[place]!.yield(request);
            await caller.expect([Message.result, call, {}]);
          }
        }
        assert.equal(invoked.size, here.length, `${invoke}: ${[...invoked].join()}`);
      }
    },
  );

  suite.test("[R-09] a routing key may be empty, and may be sent as _routing_key", async (world) => {
    const caller = await world.join();
    const wires = await shards(world, ["a", "b", "c", "d"]);
    for (const rkey of ["", ...keys.slice(0, 10)]) {
      caller.call("com.proc", { runmode: "partition", rkey });
      const call = caller.call("com.proc", { runmode: "partition", _routing_key: rkey });
      const callee = wires[await soleReceiver(wires)]!;
      callee.yield((await callee.invocation()).request);
      callee.yield((await callee.invocation()).request, {}, ["same"]);
      await caller.next();
      await caller.expect([Message.result, call, {}, ["same"]]);
    }
  });

  suite.test(
    "[R-09] a call to one shard is a call like any other: CANCEL, and a callee that leaves",
    async (world) => {
      const caller = await world.join();
      const [callee] = (await shards(world, ["a"])) as [Wire];
      const options = { runmode: "partition", rkey: "k" };
      const killed = caller.call("com.proc", options);
      const { request } = await callee.invocation();
      caller.send([Message.cancel, killed, { mode: "kill" }]);
      await callee.expect([Message.interrupt, request, { mode: "kill" }]);
      callee.send([Message.error, Message.invocation, request, {}, "com.stopped"]);
      await caller.expect([Message.error, Message.call, killed, {}, "com.stopped"]);
      const lost = caller.call("com.proc", options);
      await callee.invocation();
      callee.close();
      await caller.expectError(Message.call, lost, "wamp.error.canceled");
    },
  );
}

/** Waits until something has come for one of the wires, and nothing for the others. */
async function soleReceiver(wires: readonly Wire[]): Promise<number> {
  await until("somebody is called", () => wires.some((wire) => wire.arrivedCount > 0));
  assert.equal(wires.filter((wire) => wire.arrivedCount > 0).length, 1);
  return wires.findIndex((wire) => wire.arrivedCount > 0);
}

function moving(suite: Suite): void {
  for (const [what, nkeys] of [
    ["with shard keys", ["a", "b", "c", "d"]],
    ["without", [undefined, undefined, undefined, undefined]],
  ] as const)
    suite.test(
      `[R-09] a callee that leaves gives up its keys and moves no other: callees ${what}`,
      async (world) => {
        const caller = await world.join();
        const wires = await shards(world, nkeys);
        const before = await placesOf(caller, wires, keys);
        wires[1]!.close();
        await until("it is gone", () => world.router.stats().registrations === 3);
        const rest = wires.filter((_, i) => i !== 1);
        const after = (await placesOf(caller, rest, keys)).map((place) => (place === 0 ? 0 : place + 1));
        for (const [i, place] of after.entries())
          if (before[i] !== 1) assert.equal(place, before[i], keys[i]);
        const heirs = new Set(after.filter((_, i) => before[i] === 1));
        assert.ok(heirs.size > 1, "the others share its keys");
      },
    );

  suite.test(
    "[R-09] a callee that comes back with its shard key takes its keys again, and no others",
    async (world) => {
      const caller = await world.join();
      const wires = await shards(world, ["a", "b", "c"]);
      const before = await placesOf(caller, wires, keys);
      wires[1]!.close();
      await until("it is gone", () => world.router.stats().registrations === 2);
      const back = await world.join();
      await registerShard(back, "b");
      assert.deepEqual(await placesOf(caller, [wires[0]!, back, wires[2]!], keys), before);
    },
  );

  suite.test(
    "[R-09] of callees with one shard key the first is called, and the next stands in for it",
    async (world) => {
      const caller = await world.join();
      const wires = await shards(world, ["a", "b", "b"]);
      const before = await placesOf(caller, wires, keys);
      assert.deepEqual(new Set(before), new Set([0, 1]));
      wires[1]!.close();
      await until("it is gone", () => world.router.stats().registrations === 2);
      assert.deepEqual(await placesOf(caller, [wires[0]!, wires[2]!], keys), before);
    },
  );
}

function refusing(suite: Suite): void {
  suite.test(
    "[R-09] runmode partition without a routing key: invalid_argument that names the option",
    async (world) => {
      const caller = await world.join();
      const [callee] = (await shards(world, ["a"])) as [Wire];
      for (const options of [{}, { rkey: null }]) {
        const call = caller.call("com.proc", { runmode: "partition", ...options });
        const [, , request, , uri, args] = await caller.next();
        assert.deepEqual([request, uri], [call, invalid]);
        assert.match(String((args as unknown[])[0]), /"rkey"/);
      }
      await callee.expectQuiet();
      // The request id is free again.
      const call = caller.call("com.proc", { rkey: "unused" });
      callee.yield((await callee.invocation()).request);
      await caller.expect([Message.result, call, {}]);
    },
  );

  suite.test(
    "[R-09] an unknown runmode, and a routing key that is no text, are violations",
    async (world) => {
      await shards(world, ["a"]);
      for (const options of [{ runmode: "some" }, { runmode: "partition", rkey: 5 }]) {
        const caller = await world.join();
        caller.call("com.proc", options);
        await caller.expectAbort("wamp.error.protocol_violation", /runmode|rkey/);
      }
    },
  );

  suite.test(
    "[R-09] a shard key that is no text: invalid_argument, and nothing is registered",
    async (world) => {
      const callee = await world.join();
      for (const nkey of [5, true, ["a"], { a: 1 }]) {
        const request = callee.request();
        callee.send([Message.register, request, { nkey }, "com.proc"]);
        await callee.expectError(Message.register, request, invalid);
      }
      assert.equal(world.router.stats().patterns, 0);
      await callee.register("com.proc", { nkey: null });
    },
  );

  suite.test("[R-09] the dealer announces sharded_registration", async (world) => {
    const { welcome } = await world.join();
    const { dealer } = welcome["roles"] as { dealer: { features: Dict } };
    assert.equal(dealer.features["sharded_registration"], true);
  });
}
