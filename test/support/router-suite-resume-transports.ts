/** Session resumption: from one transport to the next, in both directions, and what the transport serves afterwards. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { eventValues, range, resumeTest } from "./resuming.ts";
import type { Suite } from "./router-suite.ts";
import { until, type Wire } from "./wire.ts";

export function resumeTransportSuite(suite: Suite): void {
  messagesOfTheClient(suite);
  pipelined(suite);
  transports(suite);
}

function messagesOfTheClient(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] WELCOME says how many of the client's messages have arrived",
    async (world, join) => {
      const client = await join();
      assert.equal(client.wire.welcome["x_resume_received"], 0);
      await client.wire.subscribe("com.a");
      await client.wire.expectQuiet();
      await client.cut();
      await client.resume();
      assert.equal(client.wire.welcome["x_resume_received"], 2);
      await client.wire.expectQuiet();
      await client.cut();
      await client.resume();
      assert.equal(client.wire.welcome["x_resume_received"], 3);
      assert.equal(world.router.metrics.violations, 0);
    },
  );

  resumeTest(
    suite,
    "[S-07] request ids go on where they were, also in a strict realm",
    async (_, join) => {
      const client = await join();
      await client.wire.subscribe("com.a");
      await client.cut();
      await client.resume();
      await client.wire.subscribe("com.b");
      await client.wire.expectQuiet();
    },
    { realms: [{ uri: "realm1", profile: "strict" }] },
  );

  resumeTest(
    suite,
    "[S-07] messages that the router had not come to when the transport was lost are handled",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      const count = 100;
      for (let i = 1; i <= count; i++)
        client.wire.send([Message.subscribe, client.wire.request(), {}, `com.t${i}`]);
      await until("some have arrived", () => world.router.metrics.messagesIn >= 8);
      await client.cut();
      const wire = await client.resume();
      const arrived = Number(wire.welcome["x_resume_received"]);
      assert.ok(arrived <= count);
      // The client sends the rest again.
      for (let i = arrived + 1; i <= count; i++) wire.send([Message.subscribe, i, {}, `com.t${i}`]);
      for (let i = 1; i <= count; i++)
        assert.deepEqual((await wire.next()).slice(0, 2), [Message.subscribed, i]);
      await wire.expectQuiet();
      await publisher.publish(`com.t${count}`);
      await wire.event();
    },
    { limits: { framesPerTurn_max: 4 } },
  );
}

function pipelined(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] messages behind HELLO in the same packet are handled and counted, however many came before",
    async (world) => {
      const roles = { subscriber: {} };
      const subscribe = (from: number, to: number): unknown[][] =>
        range(from, to).map((i) => [Message.subscribe, i, {}, `com.t${i}`]);
      const subscribed = async (wire: Wire, from: number, to: number): Promise<void> => {
        for (let i = from; i <= to; i++)
          assert.deepEqual((await wire.next()).slice(0, 2), [Message.subscribed, i]);
      };
      let state: Record<string, unknown> = { resumable: true };
      for (const [from, to] of [
        [1, 50],
        [51, 100],
        [101, 110],
      ] as const) {
        const wire = await world.open();
        // A session that is over before: it leaves no room in this turn.
        wire.send([Message.hello, "realm1", { roles }], ...subscribe(1, 20));
        wire.send([Message.goodbye, {}, "wamp.close.normal"]);
        wire.send([Message.hello, "realm1", { roles, ...state }], ...subscribe(from, to));
        assert.equal((await wire.next())[0], Message.welcome);
        await subscribed(wire, 1, 20);
        assert.equal((await wire.next())[0], Message.goodbye);
        const [, session, welcome] = await wire.next();
        const { resume_token, resumed, x_resume_received } = welcome as Record<string, unknown>;
        assert.deepEqual([resumed, x_resume_received], [from > 1, from - 1]);
        await subscribed(wire, from, to);
        state = { resume_session: session, resume_token, resume_received: to };
        if (to === 110) await wire.leave();
        else wire.close();
      }
    },
    { limits: { framesPerTurn_max: 8 } },
  );
}

function transports(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] a session whose old transport still seems alive is taken over, and nothing is lost",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      await client.wire.register("com.proc");
      await publisher.publish("com.a", {}, [1]);
      const old = client.wire;
      // The event has been sent to the old transport, which nobody reads any more.
      const wire = await client.resume();
      for (let i = 2; i <= 5; i++) await publisher.publish("com.a", {}, [i]);
      assert.deepEqual(await eventValues(wire, 5), range(1, 5));
      await until("the old transport is dropped", () => world.router.stats().connections === 2);
      // What the old one still says is not heard.
      old.send([Message.goodbye, {}, "wamp.close.normal"]);
      const call = publisher.call("com.proc");
      wire.yield((await wire.invocation()).request);
      await publisher.expect([Message.result, call, {}]);
      assert.equal(world.router.stats().sessions, 2);
    },
  );

  resumeTest(
    suite,
    "[S-07] another serializer cannot replay: the resume is refused, and the session goes on waiting",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      await client.cut();
      const [other] = [1, 2, 3].filter((serializer) => serializer !== world.leg.serializer) as [1];
      await client.refused("wamp.error.feature_not_supported", /serializer/, { realm: "realm1" }, other);
      await publisher.publish("com.a", {}, [1]);
      assert.deepEqual(await eventValues(await client.resume(), 1), [1]);
    },
  );

  resumeTest(
    suite,
    "[S-07 B-04] GOODBYE with resumable keeps the session, and the same transport can resume it",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      for (let round = 1; round <= 3; round++) {
        client.wire.send([Message.goodbye, { resumable: true }, "wamp.close.normal"]);
        await client.wire.expect([Message.goodbye, { resumable: true }, "wamp.close.goodbye_and_out"]);
        assert.equal(world.router.stats().detached, 1);
        await publisher.publish("com.a", {}, [round]);
        await client.wire.resume(client.wire);
        assert.equal(client.wire.welcome["resumed"], true);
        assert.deepEqual(await eventValues(client.wire, 1), [round]);
      }
      await client.wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07 B-04] after GOODBYE the transport serves the next session, resumable or not, also in one packet",
    async (world) => {
      const wire = await world.open();
      const roles = { subscriber: {} };
      const rounds = 12;
      for (let i = 0; i < rounds; i++) {
        const details = { roles, ...(i % 3 === 0 ? {} : { resumable: true }) };
        wire.send([Message.hello, "realm1", details], [Message.subscribe, 1, {}, "com.a"]);
        wire.send([Message.goodbye, i % 4 === 1 ? { resumable: false } : {}, "wamp.close.normal"]);
      }
      const ids = new Set<unknown>();
      for (let i = 0; i < rounds; i++) {
        const [type, id, welcome] = await wire.next();
        assert.deepEqual(
          [type, (welcome as Record<string, unknown>)["resumable"]],
          [Message.welcome, i % 3 === 0 ? undefined : true],
        );
        ids.add(id);
        assert.equal((await wire.next())[0], Message.subscribed);
        await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
      }
      assert.equal(ids.size, rounds);
      assert.deepEqual([world.router.stats().sessions, world.router.stats().detached], [0, 0]);
      await wire.join();
      await wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07 B-04] many subscriptions of a resumable session end before the next HELLO is answered",
    async (world, join) => {
      const { wire } = await join();
      const count = 5_000;
      for (let i = 1; i <= count; i++) wire.send([Message.subscribe, i, {}, `com.t${i}`]);
      for (let i = 1; i <= count; i++) assert.equal((await wire.next())[0], Message.subscribed);
      wire.send(
        [Message.goodbye, {}, "wamp.close.normal"],
        [Message.hello, "realm1", { roles: { subscriber: {} } }],
        [Message.subscribe, 1, {}, "com.a"],
      );
      for (const type of [Message.goodbye, Message.welcome, Message.subscribed])
        assert.equal((await wire.next())[0], type);
      assert.deepEqual([world.router.stats().subscriptions, world.router.stats().replayBytes], [1, 0]);
    },
  );
}
