/** What clients of several routers see of the directory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { busyLinks, PeerWorld, type PeerWorldOptions } from "../support/peer-world.ts";
import { attach } from "../support/router-legs.ts";
import { until, Wire } from "../support/wire.ts";

/** As many sessions as routers, one at each. */
async function sessions(
  options: Omit<PeerWorldOptions, "count">,
  body: (wires: readonly Wire[], world: PeerWorld) => Promise<void>,
): Promise<void> {
  const world = await PeerWorld.start({ count: 3, ...options });
  const alive = setInterval(() => {}, 1_000);
  try {
    const wires: Wire[] = [];
    for (let i = 0; i < 3; i++) {
      const wire = new Wire(attach(world, new MemoryConnection({ serializer: Serializer.msgpack })));
      wires.push(await wire.join());
    }
    await body(wires, world);
    for (const wire of wires) wire.close();
  } finally {
    await world.close();
    clearInterval(alive);
  }
}

test("subscriptions and registrations have one id, and meta procedures the same answers, at all routers", () =>
  sessions(busyLinks, async ([home, one, two]) => {
    const subscription = await one!.subscribe("com.topic");
    assert.equal(await two!.subscribe("com.topic"), subscription);
    const registration = await two!.register("com.proc", { invoke: "last" });
    assert.equal(await home!.register("com.proc", { invoke: "last" }), registration);
    assert.equal(await one!.register("com.proc", { invoke: "last" }), registration);
    for (const wire of [home!, one!, two!]) {
      const request = wire.call("wamp.registration.list_callees", {}, [registration]);
      await wire.expect([Message.result, request, {}, [[two!.id, home!.id, one!.id]]]);
      const lookup = wire.call("wamp.subscription.lookup", {}, ["com.topic"]);
      await wire.expect([Message.result, lookup, {}, [subscription]]);
    }
  }));

test("a procedure registered at one router is refused to sessions of the others, and free again behind UNREGISTERED", () =>
  sessions(busyLinks, async ([home, one, two]) => {
    const registration = await one!.register("com.proc");
    for (const wire of [home!, two!]) {
      const request = wire.request();
      wire.send([Message.register, request, {}, "com.proc"]);
      await wire.expectError(Message.register, request, "wamp.error.procedure_already_exists");
    }
    await one!.unregister(registration);
    assert.notEqual(await two!.register("com.proc"), registration);
  }));

test("a call of a procedure that its callee has just registered waits for REGISTERED", () =>
  sessions({}, async ([, one], world) => {
    world.links.settle();
    one!.send([Message.register, one!.request(), {}, "com.proc"]);
    const { patterns } = world.peers[1]!.core;
    await until("the router knows its callee, and not that the others do", () => {
      if (patterns.count === 0) world.links.step();
      return patterns.count > 0;
    });
    const call = one!.call("com.proc");
    await until("the call waits", () => world.stats().queuedCalls === 1);
    assert.equal(one!.arrivedCount, 0);
    const links = setInterval(() => world.links.settle(), 1);
    assert.equal((await one!.next())[0], Message.registered);
    const { request } = await one!.invocation();
    one!.yield(request);
    await one!.expect([Message.result, call, {}]);
    clearInterval(links);
  }));

test("requests that wait for other routers have a limit", () =>
  sessions({ router: { limits: { directoryPending_max: 2 } } }, async ([, one], world) => {
    for (const topic of ["com.a", "com.b", "com.c"])
      one!.send([Message.subscribe, one!.request(), {}, topic]);
    one!.send([Message.register, one!.request(), {}, "com.proc"]);
    await one!.expectError(Message.subscribe, 3, "wamp.error.unavailable");
    await one!.expectError(Message.register, 4, "wamp.error.unavailable");
    const links = setInterval(() => world.links.settle(), 1);
    for (const request of [1, 2])
      assert.deepEqual((await one!.next()).slice(0, 2), [Message.subscribed, request]);
    clearInterval(links);
  }));
