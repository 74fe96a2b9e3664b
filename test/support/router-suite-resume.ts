/** Session resumption: what a client finds when it comes back in time. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { eventValues, range, resumeTest } from "./resuming.ts";
import type { Suite } from "./router-suite.ts";
import { until } from "./wire.ts";

export function resumeSuite(suite: Suite): void {
  welcomes(suite);
  events(suite);
  calls(suite);
}

function welcomes(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] WELCOME gives a resume token where HELLO asks for one, and nowhere else",
    async (world, join) => {
      const { wire } = await join();
      const { resumable, resumed, resume_token, x_resume_received } = wire.welcome;
      assert.deepEqual(
        { resumable, resumed, x_resume_received },
        { resumable: true, resumed: false, x_resume_received: 0 },
      );
      // The owner's name, and sixteen random bytes in base64.
      assert.match(String(resume_token), /^[a-z0-9]+\.[A-Za-z0-9+/]{22}==$/);
      for (const details of [{}, { resumable: false }, { resumable: null }]) {
        const other = await world.join({ details });
        const keys = Object.keys(other.welcome).filter((key) => /resum/.test(key));
        assert.deepEqual(keys, []);
      }
      assert.notEqual((await join()).wire.welcome["resume_token"], resume_token);
    },
  );

  suite.testWith(
    "[S-07] a realm may do without: its WELCOMEs know nothing of resumption",
    { realms: [{ uri: "realm1", resumption: false }] },
    async (world) => {
      const wire = await world.join({ details: { resumable: true } });
      assert.deepEqual(
        Object.keys(wire.welcome).filter((key) => /resum/.test(key)),
        [],
      );
      wire.close();
      await until("it has ended", () => world.router.stats().sessions === 0);
    },
  );

  resumeTest(
    suite,
    "[S-07] a resumed session is the same one: id, identity, realm; the token is a new one",
    async (_, join) => {
      const client = await join();
      const { authid, authrole, realm, resume_token } = client.wire.welcome;
      await client.cut();
      const { welcome } = await client.resume();
      assert.deepEqual(
        {
          authid: welcome["authid"],
          authrole: welcome["authrole"],
          realm: welcome["realm"],
          resumable: welcome["resumable"],
        },
        { authid, authrole, realm, resumable: true },
      );
      assert.ok(welcome["roles"] && welcome["agent"]);
      assert.notEqual(welcome["resume_token"], resume_token);
      await client.wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07] the realm need not be named, and the keys may be spelt with a hyphen",
    async (_, join) => {
      const client = await join();
      await client.cut();
      const { id, welcome } = client.wire;
      await client.resume({ realm: null });
      await client.cut();
      await client.resume({
        "resume-session": id,
        "resume-token": client.wire.welcome["resume_token"],
        resume_session: undefined,
        resume_token: undefined,
      });
      assert.notEqual(client.wire.welcome["resume_token"], welcome["resume_token"]);
    },
  );
}

function events(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] events missed are replayed once and in order, and live ones follow",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      const subscription = await client.wire.subscribe("com.a");
      await publisher.publish("com.a", {}, [1]);
      assert.deepEqual(await eventValues(client.wire, 1), [1]);
      await client.cut();
      assert.deepEqual([world.router.stats().detached, world.router.stats().subscriptions], [1, 1]);
      for (let i = 2; i <= 40; i++) await publisher.publish("com.a", {}, [i]);
      await client.resume();
      assert.equal(world.router.stats().detached, 0);
      for (let i = 41; i <= 45; i++) await publisher.publish("com.a", {}, [i]);
      assert.deepEqual(await eventValues(client.wire, 44), range(2, 45));
      await publisher.publish("com.a", {}, [46]);
      assert.equal((await client.wire.event()).subscription, subscription);
      await client.wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07] what was sent and did not arrive is replayed, as the client's count says",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      for (let i = 1; i <= 10; i++) await publisher.publish("com.a", {}, [i]);
      assert.deepEqual(await eventValues(client.wire, 10), range(1, 10));
      await client.cut();
      // SUBSCRIBED and three events have arrived.
      await client.resume({ resume_received: 4 });
      assert.deepEqual(await eventValues(client.wire, 7), range(4, 10));
      await client.wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07] a client that does not count gets what came while it was away",
    async (world, join) => {
      const [client, publisher] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      await publisher.publish("com.a", {}, ["before"]);
      assert.deepEqual(await eventValues(client.wire, 1), ["before"]);
      await client.cut();
      await publisher.publish("com.a", {}, ["while away"]);
      await client.resume({ resume_received: undefined as never });
      assert.deepEqual(await eventValues(client.wire, 1), ["while away"]);
      await client.wire.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07] sessions come and go many times over, and none hears what is another's",
    async (world, join) => {
      const [one, two, publisher] = [await join(), await join(), await world.join()];
      await one.wire.subscribe("com.one");
      await two.wire.subscribe("com.two");
      for (let round = 0; round < 10; round++) {
        await one.cut();
        await publisher.publish("com.one", {}, [round]);
        await publisher.publish("com.two", {}, [round]);
        assert.deepEqual(await eventValues(two.wire, 1), [round]);
        await one.resume();
        assert.deepEqual(await eventValues(one.wire, 1), [round]);
      }
      for (const { wire } of [one, two]) await wire.expectQuiet();
    },
  );
}

function calls(suite: Suite): void {
  resumeTest(suite, "[S-07] an invocation in flight survives its callee's absence", async (world, join) => {
    const [client, caller] = [await join(), await world.join()];
    await client.wire.register("com.proc");
    const first = caller.call("com.proc", {}, ["first"]);
    const { request } = await client.wire.invocation();
    await client.cut();
    const second = caller.call("com.proc", {}, ["second"]);
    await caller.expectQuiet();
    const wire = await client.resume();
    const invocation = await wire.invocation();
    assert.deepEqual([invocation.request, invocation.payload], [request + 1, [["second"]]]);
    wire.yield(request, {}, ["one"]);
    wire.yield(invocation.request, {}, ["two"]);
    await caller.expect([Message.result, first, {}, ["one"]]);
    await caller.expect([Message.result, second, {}, ["two"]]);
  });

  resumeTest(
    suite,
    "[S-07] an INVOCATION that was lost with the transport is sent again",
    async (world, join) => {
      const [client, caller] = [await join(), await world.join()];
      await client.wire.register("com.proc");
      const call = caller.call("com.proc", {}, ["again"]);
      const lost = await client.wire.invocation();
      await client.cut();
      const wire = await client.resume({ resume_received: 1 });
      assert.deepEqual(await wire.invocation(), lost);
      wire.yield(lost.request, {}, ["done"]);
      await caller.expect([Message.result, call, {}, ["done"]]);
    },
  );

  resumeTest(
    suite,
    "[S-07 R-15] the result of its own call waits for a caller that is away; its callee is not interrupted",
    async (world, join) => {
      const [client, callee] = [await join(), await world.join()];
      await callee.register("com.proc");
      const call = client.wire.call("com.proc", { receive_progress: true });
      const { request } = await callee.invocation();
      await client.cut();
      await callee.expectQuiet();
      callee.yield(request, { progress: true }, [1]);
      callee.yield(request, {}, [2]);
      await callee.expectQuiet();
      const wire = await client.resume();
      await wire.expect([Message.result, call, { progress: true }, [1]]);
      await wire.expect([Message.result, call, {}, [2]]);
      await wire.expectQuiet();
    },
  );

  resumeTest(suite, "[S-07] the timeout of a call runs while its callee is away", async (world, join) => {
    const [client, caller] = [await join(), await world.join()];
    await client.wire.register("com.proc");
    await client.cut();
    const call = caller.call("com.proc", { timeout: 30 });
    await caller.expectError(Message.call, call, "wamp.error.timeout");
    const wire = await client.resume();
    const { request } = await wire.invocation();
    await wire.expect([Message.interrupt, request, { mode: "killnowait" }]);
  });

  resumeTest(
    suite,
    "[S-07] a registration is kept while its callee is away, and can be given up after",
    async (world, join) => {
      const [client, other] = [await join(), await world.join()];
      const registration = await client.wire.register("com.proc");
      await client.cut();
      other.send([Message.register, other.request(), {}, "com.proc"]);
      await other.expectError(Message.register, 1, "wamp.error.procedure_already_exists");
      await (await client.resume()).unregister(registration);
      await other.register("com.proc");
    },
  );
}
