/** Sessions of the embedding program, inside the router's process, beside clients over sockets. */
import assert from "node:assert/strict";
import { fixedLimits } from "../../src/base/limits.ts";
import type { WampEvent } from "../../src/client/options.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { webSocketLegs } from "../support/router-legs.ts";
import { Suite } from "../support/router-suite.ts";
import { until } from "../support/wire.ts";

const failsWith =
  (uri: string) =>
  (error: unknown): boolean =>
    error instanceof WampError && error.uri === uri;

for (const serializer of Object.values(Serializer)) {
  // The last adapter of a runtime always loads.
  const suite = new Suite(webSocketLegs(serializer).at(-1)!);

  suite.test("[T-18] a session inside the process serves calls from outside, and calls", async (world) => {
    const inside = await world.router.session("realm1");
    const outside = await world.join();
    await inside.register("com.inside", ({ args, kwargs }) => [...args, kwargs]);
    await outside.register("com.outside");
    const call = outside.call("com.inside", {}, [1, "ü"], { k: null });
    await outside.expect([Message.result, call, {}, [[1, "ü", { k: null }]]]);
    const answer = inside.call("com.outside", [2]);
    const { request, payload } = await outside.invocation();
    assert.deepEqual(payload, [[2]]);
    outside.yield(request, {}, ["two"]);
    assert.deepEqual((await answer).args, ["two"]);
    await assert.rejects(inside.call("com.nothing"), failsWith("wamp.error.no_such_procedure"));
    await inside.leave();
  });

  suite.test("[T-18] events cross between sessions inside and outside of the process", async (world) => {
    const inside = await world.router.session("realm1");
    const outside = await world.join();
    const events: WampEvent[] = [];
    const { unsubscribe } = await inside.subscribe("com.a", (event) => void events.push(event));
    await outside.subscribe("com.a");
    await outside.publish("com.a", {}, [1]);
    await until("the event has come", () => events.length === 1);
    assert.deepEqual(events[0]!.args, [1]);
    await inside.publish("com.a", [2], { k: 3 }, { acknowledge: true });
    assert.deepEqual((await outside.event()).payload, [[2], { k: 3 }]);
    await unsubscribe();
    await outside.publish("com.a");
    // A round trip: an event would have come before.
    await inside.publish("com.b", [], {}, { acknowledge: true });
    assert.equal(events.length, 1);
    await inside.leave();
  });

  const open = { realms: [{ uri: "realm1", allowDisclosure: true }] };
  suite.testWith("[T-18] a session inside the process is who the program says", open, async (world) => {
    const inside = await world.router.session("realm1", { authid: "clock", authrole: "service" });
    const { authid, authrole, authmethod, authprovider } = inside.details;
    assert.deepEqual(
      { authid, authrole, authmethod, authprovider },
      { authid: "clock", authrole: "service", authmethod: "trust", authprovider: "local" },
    );
    const outside = await world.join();
    await outside.subscribe("com.a");
    await inside.publish("com.a", [], {}, { discloseMe: true, acknowledge: true });
    assert.deepEqual((await outside.event()).details, {
      publisher: inside.id,
      publisher_authid: "clock",
      publisher_authrole: "service",
    });
    await inside.leave();
    await assert.rejects(world.router.session("elsewhere"), failsWith("wamp.error.no_such_realm"));
    const long = "x".repeat(fixedLimits.authText_max + 1);
    await assert.rejects(world.router.session("realm1", { authid: long }), RangeError);
    await assert.rejects(world.router.session("realm1", { authrole: long }), RangeError);
  });

  suite.test("[T-18] a session inside the process ends with the router", async (world) => {
    const inside = await world.router.session("realm1");
    await inside.register("com.proc", () => {});
    await world.router.close();
    assert.equal((await inside.closed).reason, "wamp.close.system_shutdown");
    await assert.rejects(world.router.session("realm1"), /closing/);
    await assert.rejects(inside.call("com.proc"), failsWith("wamp.error.network_failure"));
  });
}
