/** Session resumption as others see it: meta events, testaments, kills, and what waits while a session is away. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { ask, refused, resultOf, Watcher } from "./meta-calls.ts";
import { resumeTest } from "./resuming.ts";
import type { Suite, World } from "./router-suite.ts";
import type { Wire } from "./wire.ts";

const noSession = "wamp.error.no_such_session";
const add = "wamp.session.add_testament";

/** A session that may kill others. */
const chief = (world: World): Promise<Wire> => world.joinAs({ authid: "chief", authrole: "operator" });

export function resumeMetaSuite(suite: Suite): void {
  presence(suite);
  endings(suite);
  waiting(suite);
}

function presence(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] wamp.session.on_detach and on_attach tell the others, and on_leave only of the end",
    async (world, join) => {
      const [client, other] = [await join(), await world.join()];
      const { id, authid, authrole } = client.wire;
      const topics = ["wamp.session.on_detach", "wamp.session.on_attach", "wamp.session.on_leave"];
      const watcher = await Watcher.of(other, ...topics);
      await client.cut();
      await watcher.expect(["wamp.session.on_detach", [id]]);
      await client.resume();
      await watcher.expect(["wamp.session.on_attach", [id]]);
      // Taken over while its transport is alive: it was not away.
      await client.resume();
      await watcher.expect();
      await client.leave();
      await watcher.expect(["wamp.session.on_leave", [id, authid, authrole]]);
    },
  );

  resumeTest(
    suite,
    "[S-07 S-01] a session that is away is still there for the meta API",
    async (world, join) => {
      const [client, other] = [await join(), await world.join()];
      await client.cut();
      assert.equal(await resultOf(other, "wamp.session.count"), 2);
      assert.ok(((await resultOf(other, "wamp.session.list")) as unknown[]).includes(client.wire.id));
      const before = (await resultOf(other, "wamp.session.get", [client.wire.id])) as Record<string, unknown>;
      await client.resume();
      const after = (await resultOf(other, "wamp.session.get", [client.wire.id])) as Record<string, unknown>;
      assert.deepEqual({ ...after, transport: 0 }, { ...before, transport: 0 });
    },
  );
}

function endings(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07 P-10] a testament for detached is published when the transport is lost, one for destroyed at the end",
    async (world, join) => {
      const client = await join();
      const watcher = await Watcher.of(await world.join(), "com.will");
      await ask(client.wire, add, ["com.will", ["destroyed"], {}]);
      await ask(client.wire, add, ["com.will", ["detached"], {}], { scope: "detached" });
      await client.cut();
      await watcher.expect(["com.will", ["detached"]]);
      await client.resume();
      await watcher.expect();
      // Once: the next loss says nothing, unless the client leaves another.
      await client.cut();
      await watcher.expect();
      await client.resume();
      await ask(client.wire, add, ["com.will", ["detached again"], {}], { scope: "detached" });
      await client.leave();
      await watcher.expect(["com.will", ["detached again"]], ["com.will", ["destroyed"]]);
    },
  );

  resumeTest(
    suite,
    "[S-07 S-02 R-14] a session that is away can be killed: it ends at once, and cannot be resumed",
    async (world, join) => {
      const [client, other, boss] = [await join(), await world.join(), await chief(world)];
      const watcher = await Watcher.of(await world.join(), "wamp.session.on_leave", "com.will");
      const { id, authid, authrole } = client.wire;
      await ask(client.wire, add, ["com.will", ["destroyed"], {}]);
      await client.wire.subscribe("com.a");
      await client.wire.register("com.proc");
      const call = other.call("com.proc");
      await client.wire.invocation();
      await client.cut();
      await ask(boss, "wamp.session.kill", [id], { reason: "wamp.close.killed" });
      await other.expectError(Message.call, call, "wamp.error.canceled");
      await refused(boss, noSession, /./, "wamp.session.get", [id]);
      await watcher.expect(["com.will", ["destroyed"]], ["wamp.session.on_leave", [id, authid, authrole]]);
      const { detached, subscriptions, registrations, replayBytes } = world.router.stats();
      assert.deepEqual([detached, subscriptions, registrations, replayBytes], [0, 2, 0, 0]);
      await client.refused(noSession, /id and token/);
      client.hasEnded = true;
    },
  );

  resumeTest(
    suite,
    "[S-07 S-02] a resumable session that is killed hears GOODBYE, and cannot be resumed",
    async (world, join) => {
      const [client, boss] = [await join(), await chief(world)];
      await ask(boss, "wamp.session.kill", [client.wire.id]);
      assert.deepEqual((await client.wire.next()).slice(0, 3), [Message.goodbye, {}, "wamp.close.killed"]);
      // Not even before its transport is closed.
      await client.refused(noSession, /id and token/);
      client.wire.send([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
      await client.wire.expectEnd();
      client.hasEnded = true;
    },
  );
}

function waiting(suite: Suite): void {
  if (!suite.isForSlowTests) return;
  resumeTest(
    suite,
    "[S-07 P-13] an event that a session is to acknowledge is kept once while it is away, and not sent again",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a", { x_acknowledged_delivery: true });
      await client.cut();
      const publication = await publisher.publish("com.a", {}, [1]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { eventsRedelivered, eventsUndelivered } = world.router.metrics;
      assert.deepEqual([eventsRedelivered, eventsUndelivered], [0, 0]);
      const wire = await client.resume();
      assert.equal((await wire.event()).publication, publication);
      wire.send([Message.eventReceived, publication], [Message.goodbye, {}, "wamp.close.normal"]);
      // It may have been sent again just now.
      for (let message = await wire.next(); message[0] !== Message.goodbye; message = await wire.next())
        assert.deepEqual(message.slice(0, 3), [Message.event, message[1], publication]);
      client.hasEnded = true;
    },
    { limits: { redelivery_ms: 100 } },
  );
}
