/** Retention where something is wrong, or too much. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { late } from "./router-suite-retention.ts";

const retain = { retain: true };
const getRetained = { get_retained: true };

export function retentionLimitSuite(suite: Suite): void {
  suite.test(
    "[P-08] a time to live that is none is refused with invalid_argument, and the event goes to nobody",
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await wire!.subscribe("com.a");
      for (const ttl of ["60", -1, [1], { s: 1 }, true]) {
        for (const key of ["x_retained_ttl", "_retained_ttl"]) {
          const request = publisher!.request();
          publisher!.send(
            [Message.publish, publisher!.request(), { ...retain, [key]: ttl }, "com.a", [1]],
            [Message.publish, request, { ...retain, acknowledge: true, [key]: ttl }, "com.a", [1]],
          );
          await publisher!.expectError(Message.publish, request, "wamp.error.invalid_argument");
        }
      }
      await wire!.expectQuiet();
      await publisher!.publish("com.b", { x_retained_ttl: "60" }, [1]);
      await publisher!.publish("com.a", { ...retain, x_retained_ttl: null, _other: { deep: [1] } }, [1]);
      assert.deepEqual((await wire!.event()).payload, [[1]]);
    },
  );

  suite.test("[P-08] retain and get_retained that are no booleans are a violation", async (world) => {
    for (const message of [
      [Message.publish, 1, { retain: 1 }, "com.a"],
      [Message.subscribe, 1, { get_retained: "yes" }, "com.a"],
    ]) {
      const wire = await world.join();
      wire.send(message);
      await wire.expectAbort("wamp.error.protocol_violation", /retain/);
    }
  });

  suite.testWith(
    "[P-08] beyond a limit an event is delivered and acknowledged, but not retained, and counted",
    { limits: { retained_max: 2, retainedEventBytes_max: 1_000, retainedReplay_max: 1 } },
    async (world) => {
      const [publisher, live] = await world.joinMany(2);
      await live!.subscribe("com", { match: "prefix" });
      for (const topic of ["com.a", "com.b", "com.c"]) await publisher!.publish(topic, retain, [topic]);
      await publisher!.publish("com.a", retain, ["x".repeat(2_000)]);
      for (let i = 0; i < 4; i++) await live!.event();
      const { wire } = await late(world, "com.c");
      await wire.subscribe("com.a", getRetained);
      await wire.expectQuiet();
      await wire.subscribe("com.b", getRetained);
      assert.deepEqual((await wire.event()).payload, [["com.b"]]);
      assert.equal(world.router.metrics.eventsNotRetained, 2);
      assert.equal(world.router.metrics.retained, 1);
      await publisher!.publish("com.d", retain, [1]);
      await wire.subscribe("com", { match: "prefix", ...getRetained });
      await wire.event();
      await wire.expectQuiet();
      assert.equal(world.router.metrics.retainedReplaysCut, 1);
    },
  );
}
