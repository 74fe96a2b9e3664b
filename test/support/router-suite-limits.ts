/** Limits that a session can meet, each with its answer, and that nobody else is affected. */
import assert from "node:assert/strict";
import { fixedLimits } from "../../src/base/limits.ts";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite } from "./router-suite.ts";
import { until, type Wire } from "./wire.ts";

const unavailable = "wamp.error.unavailable";

export function limitSuite(suite: Suite): void {
  counts(suite);
  sizes(suite);
  floods(suite);
}

const limited = (limits: NonNullable<RouterOptions["limits"]>): RouterOptions => ({ limits });

/** Sends requests of one kind and returns the answers' error URIs, or "ok". */
async function answers(
  wire: Wire,
  type: number,
  uris: readonly string[],
  options: object = {},
): Promise<string[]> {
  const found: string[] = [];
  for (const uri of uris) {
    wire.send([type, wire.request(), options, uri]);
    const answer = await wire.next();
    found.push(answer[0] === Message.error ? String(answer[4]) : "ok");
  }
  return found;
}

function counts(suite: Suite): void {
  suite.testWith(
    "a session holds no more subscriptions than it may",
    limited({ subscriptionsPerSession_max: 2 }),
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      assert.deepEqual(await answers(wire, Message.subscribe, ["a", "b", "c", "a"]), [
        "ok",
        "ok",
        unavailable,
        "ok",
      ]);
      assert.deepEqual(await answers(other, Message.subscribe, ["c", "d"]), ["ok", "ok"]);
      await wire.unsubscribe(await wire.subscribe("a"));
      assert.deepEqual(await answers(wire, Message.subscribe, ["c", "d"]), ["ok", unavailable]);
      await wire.leave();
      await wire.join();
      assert.deepEqual(await answers(wire, Message.subscribe, ["a", "b", "c"]), ["ok", "ok", unavailable]);
    },
  );

  suite.testWith(
    "a session holds no more registrations than it may",
    limited({ registrationsPerSession_max: 2 }),
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      const first = await wire.register("a");
      assert.deepEqual(await answers(wire, Message.register, ["b", "c"]), ["ok", unavailable]);
      assert.deepEqual(await answers(other, Message.register, ["c"]), ["ok"]);
      await wire.unregister(first);
      assert.deepEqual(await answers(wire, Message.register, ["d", "e"]), ["ok", unavailable]);
    },
  );

  suite.testWith(
    "a session that does not wait for answers holds no more than it may either",
    limited({ subscriptionsPerSession_max: 2, registrationsPerSession_max: 2 }),
    async (world) => {
      const wire = await world.join();
      for (const type of [Message.subscribe, Message.register]) {
        const uris = ["a", "b", "c", "d", "e"];
        for (const uri of uris) wire.send([type, wire.request(), {}, uri]);
        const found: unknown[] = [];
        for (const _ of uris) {
          const answer = await wire.next();
          found.push(answer[0] === Message.error ? answer[4] : "ok");
        }
        assert.deepEqual(found.sort(), ["ok", "ok", unavailable, unavailable, unavailable]);
      }
      assert.equal(world.router.stats().subscriptions, 2);
      assert.equal(world.router.stats().registrations, 2);
    },
  );

  suite.testWith(
    "a caller has no more calls in flight than it may",
    limited({ callsPerSession_max: 2 }),
    async (world) => {
      const [caller, other, callee] = [await world.join(), await world.join(), await world.join()];
      await callee.register("com.proc");
      const calls = [caller.call("com.proc"), caller.call("com.proc"), caller.call("com.proc")];
      await caller.expectError(Message.call, calls[2]!, unavailable);
      other.call("com.proc");
      for (let i = 1; i <= 3; i++) assert.equal((await callee.invocation()).request, i);
      callee.yield(1);
      await caller.expect([Message.result, calls[0], {}]);
      caller.call("com.proc");
      assert.equal((await callee.invocation()).request, 4);
    },
  );

  suite.testWith(
    "a callee has no more invocations outstanding than it may, and the call does not fall back",
    limited({ invocationsPerSession_max: 2 }),
    async (world) => {
      const [caller, callee, fallback] = [await world.join(), await world.join(), await world.join()];
      await callee.register("com.proc");
      await fallback.register("com", { match: "prefix" });
      const calls = [caller.call("com.proc"), caller.call("com.proc"), caller.call("com.proc")];
      await caller.expectError(Message.call, calls[2]!, unavailable);
      for (let i = 1; i <= 2; i++) assert.equal((await callee.invocation()).request, i);
      callee.yield(2, {}, ["two"]);
      await caller.expect([Message.result, calls[1], {}, ["two"]]);
      caller.call("com.proc");
      assert.equal((await callee.invocation()).request, 3);
      await fallback.expectQuiet();
    },
  );

  suite.testWith(
    "an event matches no more patterns than it may",
    limited({ matches_max: 3 }),
    async (world) => {
      const [publisher, wire] = [await world.join(), await world.join()];
      for (const prefix of ["c", "co", "com"]) await wire.subscribe(prefix, { match: "prefix" });
      await publisher.publish("com.a");
      for (let i = 0; i < 3; i++) await wire.event();
      await wire.subscribe("com.", { match: "prefix" });
      assert.deepEqual(await answers(publisher, Message.publish, ["com.a"], { acknowledge: true }), [
        unavailable,
      ]);
      publisher.send([Message.publish, publisher.request(), {}, "com.a"]);
      await publisher.expectQuiet();
      await wire.expectQuiet();
      await publisher.publish("com");
      for (let i = 0; i < 3; i++) await wire.event();
    },
  );

  suite.test(
    "long wildcard patterns of all sessions together have so many shapes, and events go on as ever",
    async (world) => {
      const { wildcardShapes_max: shapes_max, wildcardShapeComponents_free: free } = fixedLimits;
      const [subscriber, publisher] = [await world.join(), await world.join()];
      const sessions = [await world.join(), await world.join()];
      const wildcard = { match: "wildcard" };
      const patterns = Array.from({ length: shapes_max }, (_, mask) =>
        Array.from({ length: free + 1 }, (_, i) => ((mask >>> i) & 1 ? "" : "a")).join("."),
      );
      for (const [i, half] of [patterns.slice(1, shapes_max / 2), patterns.slice(shapes_max / 2)].entries())
        assert.deepEqual(
          new Set(await answers(sessions[i]!, Message.subscribe, half, wildcard)),
          new Set(["ok"]),
        );
      await subscriber.subscribe(patterns[0]!, wildcard);
      const another = `${"a.".repeat(free)}`;
      for (const wire of [...sessions, subscriber])
        assert.deepEqual(await answers(wire, Message.subscribe, [another], wildcard), [unavailable]);
      assert.deepEqual(await answers(sessions[0]!, Message.register, [another], wildcard), ["ok"]);
      // The same shapes, few components, and everything that is no wildcard pattern.
      await subscriber.subscribe(patterns[3]!.replace(/a$/, "b"), wildcard);
      await subscriber.subscribe("a.".repeat(free - 1), wildcard);
      await subscriber.subscribe(another, { match: "prefix" });
      await publisher.publish(`${another}x`);
      await subscriber.event();
      await publisher.publish(`${another}b`);
      for (let i = 0; i < 2; i++) await subscriber.event();
      await subscriber.expectQuiet();
    },
  );

  suite.testWith(
    "no more connections are taken than there may be",
    limited({ connections_max: 2 }),
    async (world) => {
      const [one, two] = [await world.join(), await world.open()];
      await assert.rejects(world.open());
      await assert.rejects(world.open());
      two.close();
      await until("there is room", () => world.router.stats().connections === 1);
      const three = await world.join();
      await three.expectQuiet();
      await one.expectQuiet();
    },
  );

  if (suite.leg.identity.authmethod === "anonymous")
    suite.test("an authid is no longer than it may be", async (world) => {
      await world.join({ details: { authid: "x".repeat(fixedLimits.authText_max) } });
      const wire = await world.open();
      wire.send([
        Message.hello,
        "realm1",
        { roles: { caller: {} }, authid: "x".repeat(fixedLimits.authText_max + 1) },
      ]);
      await wire.expectAbort("wamp.error.protocol_violation", /authid/);
    });
}

function sizes(suite: Suite): void {
  const frameBytes_max = 4_096;

  suite.testWith(
    "a frame of the largest size passes, a larger one ends its sender only",
    limited({ frameBytes_max }),
    async (world) => {
      const [sender, receiver] = [await world.join(), await world.join()];
      await receiver.subscribe("com.a");
      const message = (size: number): unknown[] => [Message.publish, 1, {}, "com.a", ["x".repeat(size)]];
      let size = frameBytes_max;
      while (sender.encode(message(size)).length > frameBytes_max) size--;
      sender.send(message(size));
      assert.equal(((await receiver.event()).payload[0] as string[])[0]!.length, size);
      try {
        sender.send(message(size + 1));
      } catch (error) {
        // A RawSocket client knows the router's limit, and keeps the message to itself.
        assert.equal((error as { uri?: string }).uri, "wamp.error.payload_size_exceeded");
        sender.close();
      }
      await until("the sender is gone", () => world.router.stats().sessions === 1);
      await receiver.expectQuiet();
    },
  );

  suite.testWith(
    "a payload that outgrows all frames in another serializer is refused, and the rest goes on",
    limited({ frameBytes_max }),
    async (world) => {
      const isJson = suite.leg.serializer === Serializer.json;
      const there = await world.join({ serializer: isJson ? Serializer.msgpack : Serializer.json });
      const here = await world.join();
      await there.register("com.proc");
      await there.subscribe("com.a");
      // A control character grows sixfold in JSON, and the four characters of "0.1," to nine bytes out of it.
      const growing = (part: number): unknown =>
        isJson ? Array(1_000 * part).fill(0.1) : "\u0001".repeat(3_000 * part);
      const call = here.call("com.proc", {}, [growing(1)]);
      await here.expectError(Message.call, call, "wamp.error.payload_size_exceeded");
      await here.publish("com.a", {}, [growing(1)]);
      await there.expectQuiet();
      here.call("com.proc", {}, [growing(0.4)]);
      assert.deepEqual((await there.invocation()).payload, [[growing(0.4)]]);
      await here.publish("com.a", {}, [growing(0.4)]);
      assert.deepEqual((await there.event()).payload, [[growing(0.4)]]);
    },
  );
}

function floods(suite: Suite): void {
  suite.testWith(
    "messages beyond a turn's share are answered in order, and others are served meanwhile",
    limited({ framesPerTurn_max: 8 }),
    async (world) => {
      const [flooder, caller] = [await world.join(), await world.join()];
      await caller.register("com.proc");
      const count = 5_000;
      for (let i = 1; i <= count; i++) flooder.send([Message.subscribe, i, {}, `com.t${i % 50}`]);
      const call = caller.call("com.proc");
      const { request } = await caller.invocation();
      caller.yield(request, {}, ["served"]);
      await caller.expect([Message.result, call, {}, ["served"]]);
      for (let i = 1; i <= count; i++)
        assert.deepEqual((await flooder.next()).slice(0, 2), [Message.subscribed, i]);
    },
  );
}
