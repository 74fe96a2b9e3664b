/** Ids: their range, request ids lenient and strict, and the scopes of all others. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite } from "./router-suite.ts";

const violation = "wamp.error.protocol_violation";
const strict = { realms: [{ uri: "realm1", profile: "strict" as const }] };

export function idSuite(suite: Suite): void {
  requests(suite);
  scopes(suite);
}

function requests(suite: Suite): void {
  suite.test("[B-11] [2.13 #6] a compatible realm takes request ids of any order", async (world) => {
    const wire = await world.join();
    const ids = [7, 3, 3, 2 ** 53, 2 ** 53 - 1, 2 ** 32, 2 ** 32 + 1, 1];
    for (const id of ids) {
      wire.send([Message.subscribe, id, {}, "com.a"]);
      assert.deepEqual((await wire.next()).slice(0, 2), [Message.subscribed, id]);
    }
    if (wire.serializer !== Serializer.json) {
      // 1.0 as a 64-bit float, in place of a one-byte 1.
      const head = wire.serializer === Serializer.msgpack ? [0x94, 0x20, 0xcb] : [0x84, 0x18, 0x20, 0xfb];
      const uri = wire.encode(["com.a"]).slice(1);
      const map = wire.serializer === Serializer.msgpack ? 0x80 : 0xa0;
      wire.sendBytes(Uint8Array.from([...head, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, map, ...uri]));
    } else wire.sendBytes(new TextEncoder().encode('[32,1.0,{},"com.a"]'));
    assert.deepEqual((await wire.next()).slice(0, 2), [Message.subscribed, 1]);
  });

  suite.test("[B-11] ids outside 1..2^53 are answered by ABORT protocol_violation", async (world) => {
    for (const id of [0, -1, 1.5, 2 ** 53 + 2, 2n ** 63n]) {
      const wire = await world.join();
      wire.send([Message.subscribe, id, {}, "com.a"]);
      await wire.expectAbort(violation);
    }
    const wire = await world.join();
    wire.send([Message.unsubscribe, 1, 0]);
    await wire.expectAbort(violation);
  });

  suite.testWith("[B-06] [2.13 #6] a strict realm counts all requests 1, 2, 3 …", strict, async (world) => {
    const wire = await world.join();
    const subscription = await wire.subscribe("com.a");
    const registration = await wire.register("com.proc");
    wire.send([Message.publish, wire.request(), {}, "com.a"]);
    await wire.publish("com.a");
    const call = wire.call("com.proc");
    const { request } = await wire.invocation();
    // These carry ids of other messages, and count for nothing.
    wire.send([Message.cancel, 1_000, {}]);
    wire.yield(request);
    assert.deepEqual(await wire.next(), [Message.result, call, {}]);
    await wire.unsubscribe(subscription);
    await wire.unregister(registration);
    await wire.leave();
    await wire.join();
    await wire.subscribe("com.a");
  });

  suite.testWith(
    "[B-06] [2.13 #6] a strict realm answers a request id out of sequence by ABORT protocol_violation",
    strict,
    async (world) => {
      for (const [first, second] of [
        [2, 3],
        [1, 3],
        [1, 1],
        [1, 2 ** 53],
      ] as const) {
        const wire = await world.join();
        wire.send([Message.subscribe, first, {}, "com.a"], [Message.publish, second, {}, "com.b"]);
        if (first === 1) assert.equal((await wire.next())[0], Message.subscribed);
        await wire.expectAbort(violation, /request id/);
      }
    },
  );

  suite.test(
    "[B-13] a CALL that reuses the id of one in flight is refused, and a free id is taken again",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.proc");
      caller.send([Message.call, 9, {}, "com.proc", ["first"]]);
      const { request } = await callee.invocation();
      caller.send([Message.call, 9, {}, "com.proc", ["second"]]);
      await caller.expectError(Message.call, 9, "wamp.error.invalid_argument");
      callee.yield(request, {}, ["done"]);
      await caller.expect([Message.result, 9, {}, ["done"]]);
      caller.send([Message.call, 9, {}, "com.proc", ["third"]]);
      assert.deepEqual((await callee.invocation()).payload, [["third"]]);
    },
  );
}

function scopes(suite: Suite): void {
  suite.test("[B-11] INVOCATION ids count 1, 2, 3 … for each callee session of its own", async (world) => {
    const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
    await one.register("com.one");
    await two.register("com.two");
    for (let i = 1; i <= 3; i++) {
      caller.call("com.one");
      assert.equal((await one.invocation()).request, i);
    }
    caller.call("com.two");
    assert.equal((await two.invocation()).request, 1);
    caller.call("com.one");
    assert.equal((await one.invocation()).request, 4);
  });

  suite.test("[B-11 B-12 P-05] topic and match policy make one subscription id for all", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    const exact = await one.subscribe("com.a");
    assert.equal(await two.subscribe("com.a"), exact);
    assert.equal(await one.subscribe("com.a"), exact, "also a second time by the same session");
    assert.equal(await two.subscribe("com.a", { match: "exact" }), exact);
    const prefix = await one.subscribe("com.a", { match: "prefix" });
    const wildcard = await one.subscribe("com.a", { match: "wildcard" });
    assert.equal(new Set([exact, prefix, wildcard, await one.subscribe("com.b")]).size, 4);
  });

  suite.test("[B-12] one UNSUBSCRIBE ends a subscription, however often it was asked for", async (world) => {
    const wire = await world.join();
    const id = await wire.subscribe("com.a");
    await wire.subscribe("com.a");
    await wire.unsubscribe(id);
    wire.send([Message.publish, wire.request(), { exclude_me: false }, "com.a"]);
    await wire.expectQuiet();
  });

  suite.test("[B-11 R-07 R-08] shared callees have one registration id per match policy", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    const id = await one.register("com.p", { invoke: "roundrobin" });
    assert.equal(await two.register("com.p", { invoke: "roundrobin" }), id);
    assert.notEqual(await one.register("com.p", { match: "prefix" }), id);
    assert.notEqual(await one.register("com.p", { match: "wildcard" }), id);
  });

  suite.test(
    "[B-11] a subscription id that is over is not good for the next one, nor for a registration",
    async (world) => {
      const wire = await world.join();
      const stale = await wire.subscribe("com.a");
      await wire.unsubscribe(stale);
      const fresh = await wire.subscribe("com.a");
      assert.notEqual(fresh, stale);
      const staleRegistration = await wire.register("com.p");
      await wire.unregister(staleRegistration);
      const freshRegistration = await wire.register("com.p");
      assert.notEqual(freshRegistration, staleRegistration);
      for (const id of [stale, freshRegistration, staleRegistration]) {
        const request = wire.request();
        wire.send([Message.unsubscribe, request, id]);
        await wire.expectError(Message.unsubscribe, request, "wamp.error.no_such_subscription");
      }
      for (const id of [stale, fresh, staleRegistration]) {
        const request = wire.request();
        wire.send([Message.unregister, request, id]);
        await wire.expectError(Message.unregister, request, "wamp.error.no_such_registration");
      }
      await wire.unsubscribe(fresh);
      await wire.unregister(freshRegistration);
    },
  );

  suite.test("[B-12 B-13] UNSUBSCRIBE and UNREGISTER want an id that this session holds", async (world) => {
    const [owner, stranger] = [await world.join(), await world.join()];
    const subscription = await owner.subscribe("com.a");
    const registration = await owner.register("com.p");
    stranger.send([Message.unsubscribe, stranger.request(), subscription]);
    await stranger.expectError(Message.unsubscribe, 1, "wamp.error.no_such_subscription");
    stranger.send([Message.unregister, stranger.request(), registration]);
    await stranger.expectError(Message.unregister, 2, "wamp.error.no_such_registration");
    await stranger.publish("com.a");
    assert.equal((await owner.event()).subscription, subscription);
    stranger.call("com.p");
    assert.equal((await owner.invocation()).registration, registration);
  });
}
