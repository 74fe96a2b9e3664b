/** Publication trust levels: EVENTs say how far the realm trusts their publisher's role. */
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { ask } from "./meta-calls.ts";
import type { Suite } from "./router-suite.ts";

const options: RouterOptions = {
  realms: [
    { uri: "realm1", trustLevels: { staff: 3, guest: 1 }, history: [{ topic: "com.a", limit: 5 }] },
    "realm2",
  ],
};

export function trustSuite(suite: Suite): void {
  suite.testWith(
    "[P-04] EVENTs have the trust level of their publisher's role, 0 for one without",
    options,
    async (world) => {
      const wire = await world.join();
      const subscription = await wire.subscribe("com.a");
      await wire.subscribe("com", { match: "prefix" });
      for (const [authrole, trustlevel] of [
        ["staff", 3],
        ["guest", 1],
        ["other", 0],
      ] as const) {
        const publisher = await world.joinAs({ authid: `a ${authrole}`, authrole });
        const publication = await publisher.publish("com.a", {}, [1]);
        assert.deepEqual(await wire.event(), {
          subscription,
          publication,
          details: { trustlevel },
          payload: [[1]],
        });
        assert.deepEqual((await wire.event()).details, { topic: "com.a", trustlevel });
      }
    },
  );

  suite.testWith(
    "[R-06 R-02 R-09] INVOCATIONs have the trust level of their caller's role, to one callee or to all",
    options,
    async (world) => {
      const features = { progressive_call_invocations: true, call_canceling: true };
      const callee = await world.join({ roles: { callee: { features } } });
      await callee.register("com.one");
      await callee.register("com.all", { invoke: "all" });
      const other = await world.join({ realm: "realm2" });
      await other.register("com.one");
      for (const [authrole, trustlevel] of [
        ["staff", 3],
        ["other", 0],
      ] as const) {
        const caller = await world.joinAs({ authid: `a ${authrole}`, authrole });
        for (const procedure of ["com.one", "com.all"]) {
          const call = caller.call(procedure);
          const { request, details } = await callee.invocation();
          assert.deepEqual(details, { trustlevel });
          callee.yield(request);
          await caller.next();
          assert.ok(call > 0);
        }
      }
      const caller = await world.join({ roles: { caller: { features } } });
      const call = caller.call("com.one", { progress: true });
      const first = await callee.invocation();
      // The call of somebody else in between is of no consequence for the next part.
      (await world.joinAs({ authid: "b", authrole: "staff" })).call("com.one");
      assert.deepEqual((await callee.invocation()).details, { trustlevel: 3 });
      caller.send([Message.call, call, {}, "com.one"]);
      const last = await callee.invocation();
      assert.deepEqual([first.details, last.details], [{ trustlevel: 0, progress: true }, { trustlevel: 0 }]);
      const elsewhere = await world.join({ realm: "realm2" });
      elsewhere.call("com.one");
      assert.deepEqual((await other.invocation()).details, {});
    },
  );

  suite.testWith(
    "[P-04 P-08 P-07] a retained event and one in a history keep the trust level they were published with",
    options,
    async (world) => {
      const publisher = await world.joinAs({ authid: "alice", authrole: "staff" });
      await publisher.publish("com.a", { retain: true, disclose_me: true });
      const wire = await world.join();
      const subscription = await wire.subscribe("com.a", { get_retained: true });
      const { details } = await wire.event();
      const named = { publisher: publisher.id, publisher_authid: "alice", publisher_authrole: "staff" };
      assert.deepEqual(details, { retained: true, trustlevel: 3, ...named });
      wire.call("wamp.subscription.get_events", {}, [subscription]);
      const [, , , [event]] = (await wire.next()) as [number, number, object, [{ details: object }]];
      assert.deepEqual(event.details, { trustlevel: 3, ...named });
    },
  );

  suite.testWith(
    "[P-04 P-10] a testament has the trust level of the session that left it, disclosed or not",
    options,
    async (world) => {
      const author = await world.joinAs({ authid: "alice", authrole: "staff" });
      await ask(author, "wamp.session.add_testament", ["com.a", ["gone"], {}]);
      const wire = await world.join();
      await wire.subscribe("com.a");
      author.close();
      assert.deepEqual((await wire.event()).details, { trustlevel: 3 });
    },
  );

  suite.testWith("[P-04] a realm without trust levels tells none", options, async (world) => {
    const [publisher, wire] = [await world.join({ realm: "realm2" }), await world.join({ realm: "realm2" })];
    await wire.subscribe("com.a");
    await publisher.publish("com.a");
    assert.deepEqual((await wire.event()).details, {});
  });
}
