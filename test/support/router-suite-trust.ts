/** Publication trust levels: EVENTs say how far the realm trusts their publisher's role. */
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/main.ts";
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

  suite.testWith("[P-04] a realm without trust levels tells none", options, async (world) => {
    const [publisher, wire] = [await world.join({ realm: "realm2" }), await world.join({ realm: "realm2" })];
    await wire.subscribe("com.a");
    await publisher.publish("com.a");
    assert.deepEqual((await wire.event()).details, {});
  });
}
