/** The end of sessions: GOODBYE in both directions, time running out, and a second session on the same transport. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { until } from "./wire.ts";

const roles = { caller: {}, callee: {}, publisher: {}, subscriber: {} };

export function goodbyeSuite(suite: Suite): void {
  goodbyes(suite);
  secondSessions(suite);
}

function goodbyes(suite: Suite): void {
  suite.test("[B-03] [2.13 #9] GOODBYE is echoed once as goodbye_and_out, for any reason", async (world) => {
    for (const reason of ["wamp.close.normal", "wamp.error.goodbye_and_out", "com.my.reason"]) {
      const wire = await world.join();
      wire.send([Message.goodbye, { message: "bye" }, reason]);
      await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    }
  });

  suite.test("[B-03 R-15] nothing is sent to a session after its GOODBYE", async (world) => {
    const [wire, other] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await other.register("com.proc");
    await wire.register("com.mine");
    wire.call("com.proc");
    wire.call("com.mine");
    const invoked = await wire.invocation();
    wire.send([Message.goodbye, {}, "wamp.close.normal"]);
    await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    other.yield((await other.invocation()).request, {}, ["too late"]);
    await other.expect([Message.interrupt, 1, { mode: "killnowait" }]);
    await other.publish("com.a");
    // The second session on this transport sees nothing of the first one's.
    await wire.join();
    await wire.expectQuiet();
    assert.equal(invoked.request, 1);
  });

  suite.test("[B-03] a router that closes says GOODBYE system_shutdown, then nothing", async (world) => {
    const [wire, other] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await other.register("com.proc");
    wire.call("com.proc");
    await other.invocation();
    const closed = world.router.close();
    const goodbye = await wire.next();
    assert.deepEqual(
      [goodbye[0], goodbye[2], goodbye.length],
      [Message.goodbye, "wamp.close.system_shutdown", 3],
    );
    // Late messages are normal here: neither answers nor violations.
    wire.send(
      [Message.publish, 1, { acknowledge: true }, "com.a"],
      [Message.call, 2, {}, "com.b"],
      [Message.hello, "realm1", {}],
    );
    wire.send([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    await wire.expectEnd();
    // Its caller has left: that is said first.
    await other.expect([Message.interrupt, 1, { mode: "killnowait" }]);
    assert.equal((await other.next())[0], Message.goodbye);
    other.send([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    await other.expectEnd();
    await closed;
    assert.equal(world.router.metrics.violations, 0);
  });

  suite.slowTest(
    "[B-03] a client that does not answer GOODBYE is closed in time",
    { limits: { goodbye_ms: 30 } },
    async (world) => {
      const [silent, waiting] = [await world.join(), await world.open()];
      const closed = world.router.close();
      assert.equal((await silent.next())[0], Message.goodbye);
      await silent.expectEnd();
      await waiting.expectEnd();
      await closed;
    },
  );

  suite.slowTest(
    "a connection that never says HELLO is closed in time",
    { limits: { handshake_ms: 400 } },
    async (world) => {
      const joined = await world.join();
      const silent = await world.open();
      const abort = await silent.next();
      assert.deepEqual([abort[0], abort[2]], [Message.abort, "wamp.error.timeout"]);
      await silent.expectEnd();
      await joined.expectQuiet();
    },
  );

  suite.slowTest(
    "one that says nothing more after GOODBYE is closed in time",
    { limits: { handshake_ms: 400 } },
    async (world) => {
      const wire = await world.join();
      await wire.leave();
      await wire.expectEnd();
    },
  );
}

function secondSessions(suite: Suite): void {
  suite.test("[B-04] after GOODBYE a second session on the same transport begins afresh", async (world) => {
    const wire = await world.join();
    const publisher = await world.join();
    const firstId = wire.id;
    await wire.subscribe("com.old");
    const registration = await wire.register("com.proc");
    const call = publisher.call("com.proc");
    assert.equal((await wire.invocation()).request, 1);
    await wire.leave();
    await publisher.expectError(Message.call, call, "wamp.error.canceled");
    await wire.join();
    assert.notEqual(wire.id, firstId);
    // Neither subscriptions nor registrations of the first session are left, and the counters begin at 1 again.
    await publisher.publish("com.old");
    wire.send([Message.unregister, wire.request(), registration]);
    await wire.expectError(Message.unregister, 1, "wamp.error.no_such_registration");
    await wire.register("com.proc");
    publisher.call("com.proc");
    assert.equal((await wire.invocation()).request, 1);
  });

  suite.test("[B-04] HELLO may follow GOODBYE in the same packet, many times over", async (world) => {
    const wire = await world.open();
    const rounds = 50;
    for (let i = 0; i < rounds; i++) {
      const last = i === rounds - 1;
      wire.send([Message.hello, "realm1", { roles }], [Message.subscribe, 1, {}, "com.a"]);
      if (!last) wire.send([Message.goodbye, {}, "wamp.close.normal"]);
    }
    const ids = new Set<unknown>();
    for (let i = 0; i < rounds; i++) {
      const [type, id] = await wire.next();
      assert.equal(type, Message.welcome);
      ids.add(id);
      assert.equal((await wire.next())[0], Message.subscribed);
      if (i < rounds - 1) assert.equal((await wire.next())[0], Message.goodbye);
    }
    assert.equal(ids.size, rounds);
    assert.equal(world.router.stats().subscriptions, 1);
  });

  suite.slowTest(
    "[B-04] GOODBYE and HELLO behind more messages than one turn takes: the second session stays open",
    { limits: { framesPerTurn_max: 16, handshake_ms: 400 } },
    async (world) => {
      const wire = await world.join();
      for (let i = 1; i <= 100; i++) wire.send([Message.subscribe, i, {}, `com.t${i}`]);
      wire.send([Message.goodbye, {}, "wamp.close.normal"], [Message.hello, "realm1", { roles }]);
      for (let i = 1; i <= 100; i++) assert.equal((await wire.next())[0], Message.subscribed);
      assert.equal((await wire.next())[0], Message.goodbye);
      assert.equal((await wire.next())[0], Message.welcome);
      // Longer than the handshake may take: a timer of the first session must not end the second.
      await new Promise((resolve) => setTimeout(resolve, 600));
      wire.send([Message.subscribe, 1, {}, "com.new"]);
      assert.equal((await wire.next())[0], Message.subscribed);
    },
  );

  suite.test(
    "[B-04] HELLO behind the GOODBYE of a session with many subscriptions waits and is answered",
    async (world) => {
      const wire = await world.join();
      const count = 5_000;
      for (let i = 1; i <= count; i++) wire.send([Message.subscribe, i, {}, `com.t${i}`]);
      for (let i = 1; i <= count; i++) assert.equal((await wire.next())[0], Message.subscribed);
      wire.send(
        [Message.goodbye, {}, "wamp.close.normal"],
        [Message.hello, "realm1", { roles }],
        [Message.subscribe, 1, {}, "com.a"],
      );
      assert.equal((await wire.next())[0], Message.goodbye);
      assert.equal((await wire.next())[0], Message.welcome);
      assert.equal((await wire.next())[0], Message.subscribed);
      assert.equal(world.router.stats().subscriptions, 1);
    },
  );

  suite.test("a session with many subscriptions may be lost at any moment of its end", async (world) => {
    const count = 5_000;
    for (const end of ["loss", "goodbye and loss", "abort", "violation"]) {
      const wire = await world.join();
      for (let i = 1; i <= count; i++) wire.send([Message.subscribe, i, {}, `com.t${i}`]);
      for (let i = 1; i <= count; i++) assert.equal((await wire.next())[0], Message.subscribed);
      if (end === "abort") wire.send([Message.abort, {}, "com.enough"]);
      if (end === "violation") wire.send([Message.welcome, 1, {}]);
      if (end === "goodbye and loss") wire.send([Message.goodbye, {}, "wamp.close.normal"]);
      if (end === "goodbye and loss") assert.equal((await wire.next())[0], Message.goodbye);
      wire.close();
      await until("its subscriptions are ended", () => world.router.stats().subscriptions === 0);
      assert.equal(world.router.stats().patterns, 0);
    }
  });
}
