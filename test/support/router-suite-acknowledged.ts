/** Acknowledged event delivery: EVENTs that say they want EVENT_RECEIVED, and come again until they have it. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { ask } from "./meta-calls.ts";
import type { Suite } from "./router-suite.ts";
import { until, type Wire } from "./wire.ts";

const acknowledged = { x_acknowledged_delivery: true };

export function acknowledgedSuite(suite: Suite): void {
  delivery(suite);
  again(suite);
  endings(suite);
  hostile(suite);
}

const received = (wire: Wire, publication: number): void => wire.send([Message.eventReceived, publication]);

function delivery(suite: Suite): void {
  suite.test(
    "[P-13] EVENTs of a subscription that wants to acknowledge them say so, those of others do not",
    async (world) => {
      const [publisher, wire, other] = await world.joinMany(3);
      const subscription = await wire!.subscribe("com.a", acknowledged);
      assert.equal(await other!.subscribe("com.a", { x_acknowledged_delivery: false }), subscription);
      const publication = await publisher!.publish("com.a", {}, [1], { k: "v" });
      const payload = [[1], { k: "v" }];
      assert.deepEqual(await wire!.event(), { subscription, publication, details: acknowledged, payload });
      assert.deepEqual(await other!.event(), { subscription, publication, details: {}, payload });
      assert.equal(world.router.stats().unacknowledged, 1);
      received(wire!, publication);
      await wire!.expectQuiet();
      assert.equal(world.router.stats().unacknowledged, 0);
    },
  );

  suite.test(
    "[P-13] other details stand beside it, for patterns and for whom the publisher names itself",
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await wire!.subscribe("com", { match: "prefix", ...acknowledged });
      await publisher!.publish("com.a", { disclose_me: true });
      const { details, publication } = await wire!.event();
      assert.deepEqual([details["topic"], details["publisher"]], ["com.a", publisher!.id]);
      assert.equal(details["x_acknowledged_delivery"], true);
      received(wire!, publication);
    },
  );

  suite.test("[P-13 P-08] retained events are acknowledged like others", async (world) => {
    const [publisher, wire] = await world.joinMany(2);
    const publication = await publisher!.publish("com.a", { retain: true });
    await wire!.subscribe("com.a", { ...acknowledged, get_retained: true });
    assert.deepEqual((await wire!.event()).details, { retained: true, ...acknowledged });
    assert.equal(world.router.stats().unacknowledged, 1);
    received(wire!, publication);
    await wire!.expectQuiet();
    assert.equal(world.router.stats().unacknowledged, 0);
  });
}

function again(suite: Suite): void {
  // Long enough for an acknowledgement to arrive on a busy machine.
  const soon = { limits: { redelivery_ms: 400, deliveries_max: 3 } };

  suite.slowTest(
    "[P-13] an EVENT that is not acknowledged comes again, the same, until it is",
    soon,
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await wire!.subscribe("com.a", acknowledged);
      await publisher!.publish("com.a", {}, ["x".repeat(20_000)]);
      const first = await wire!.event();
      assert.deepEqual(await wire!.event(), first);
      received(wire!, first.publication);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await wire!.expectQuiet();
      const { eventsRedelivered, eventsUndelivered } = world.router.metrics;
      assert.deepEqual([eventsRedelivered, eventsUndelivered], [1, 0]);
    },
  );

  suite.slowTest(
    "[P-13] an EVENT that is never acknowledged is given up and counted",
    soon,
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await wire!.subscribe("com.a", acknowledged);
      const publication = await publisher!.publish("com.a");
      for (let i = 0; i < 3; i++) assert.equal((await wire!.event()).publication, publication);
      await until("it is given up", () => world.router.stats().unacknowledged === 0);
      await wire!.expectQuiet();
      assert.equal(world.router.metrics.eventsUndelivered, 1);
      received(wire!, publication);
      await wire!.expectQuiet();
    },
  );

  suite.slowTest(
    "[P-13] a publication that came by two subscriptions is acknowledged twice",
    soon,
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      await wire!.subscribe("com.a", acknowledged);
      const prefix = await wire!.subscribe("com", { match: "prefix", ...acknowledged });
      const publication = await publisher!.publish("com.a");
      await wire!.event();
      await wire!.event();
      received(wire!, publication);
      // Both are due, but one has arrived: the second one, which was not acknowledged, comes again.
      assert.equal((await wire!.event()).subscription, prefix);
      received(wire!, publication);
      await wire!.expectQuiet();
      assert.equal(world.router.stats().unacknowledged, 0);
    },
  );

  suite.testWith(
    "[P-13] what a session has not acknowledged is bounded: what comes then is dropped and counted",
    { limits: { unacknowledged_max: 2 } },
    async (world) => {
      const [publisher, wire, plain] = await world.joinMany(3);
      await wire!.subscribe("com.a", acknowledged);
      await plain!.subscribe("com.a");
      const ids: number[] = [];
      for (let i = 0; i < 3; i++) ids.push(await publisher!.publish("com.a"));
      assert.deepEqual(
        [(await wire!.event()).publication, (await wire!.event()).publication],
        ids.slice(0, 2),
      );
      await wire!.expectQuiet();
      assert.equal(world.router.metrics.eventsDroppedUnacknowledged, 1);
      received(wire!, ids[0]!);
      await wire!.expectQuiet();
      ids.push(await publisher!.publish("com.a"));
      assert.equal((await wire!.event()).publication, ids[3]);
      for (const id of ids) assert.equal((await plain!.event()).publication, id);
    },
  );
}

function endings(suite: Suite): void {
  const soon = { limits: { redelivery_ms: 400 } };

  suite.slowTest(
    "[P-13] nothing comes again behind UNSUBSCRIBED, or to a session that has left",
    // Not so soon that it could come before UNSUBSCRIBED.
    { limits: { redelivery_ms: 1_000 } },
    async (world) => {
      const [publisher, wire, other] = await world.joinMany(3);
      const subscription = await wire!.subscribe("com.a", acknowledged);
      await other!.subscribe("com.a", acknowledged);
      for (let i = 0; i < 3; i++) await publisher!.publish("com.a");
      for (let i = 0; i < 3; i++) await wire!.event();
      await wire!.unsubscribe(subscription);
      assert.equal(world.router.stats().unacknowledged, 3);
      other!.close();
      await until("the other one has left", () => world.router.stats().unacknowledged === 0);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      await wire!.expectQuiet();
    },
  );

  suite.slowTest(
    "[P-13 P-09 P-06] with a revoked subscription its deliveries end, and its shard's keys go to others",
    soon,
    async (world) => {
      const publisher = await world.joinAs({ authid: "chief", authrole: "staff" });
      const [wire, other] = await world.joinMany(2);
      const subscription = await wire!.subscribe("com.a", { ...acknowledged, nkey: "only" });
      await publisher.publish("com.a", { rkey: "key" });
      assert.equal((await wire!.event()).subscription, subscription);
      await other!.subscribe("com.a", { nkey: "next" });
      await ask(publisher, "wamp.subscription.remove_subscriber", [subscription, wire!.id]);
      await wire!.expect([Message.unsubscribed, 0, { subscription }]);
      assert.equal(world.router.stats().unacknowledged, 0);
      await publisher.publish("com.a", { rkey: "key" });
      await other!.event();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await wire!.expectQuiet();
      await other!.expectQuiet();
    },
  );

  suite.test(
    "[P-13] who subscribes again without the option need not acknowledge any more",
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      const subscription = await wire!.subscribe("com.a", acknowledged);
      await publisher!.publish("com.a");
      await wire!.event();
      assert.equal(await wire!.subscribe("com.a"), subscription);
      assert.equal(world.router.stats().unacknowledged, 0);
      await publisher!.publish("com.a");
      assert.deepEqual((await wire!.event()).details, {});
    },
  );
}

function hostile(suite: Suite): void {
  suite.test(
    "[P-13] EVENT_RECEIVED for a publication that is unknown, or another's, is ignored",
    async (world) => {
      const [publisher, wire, stranger] = await world.joinMany(3);
      await wire!.subscribe("com.a", acknowledged);
      const publication = await publisher!.publish("com.a");
      await wire!.event();
      received(stranger!, publication);
      received(stranger!, 2 ** 53);
      received(wire!, publication === 1 ? 2 : 1);
      for (const one of [stranger!, wire!]) await one.expectQuiet();
      assert.equal(world.router.stats().unacknowledged, 1);
      received(wire!, publication);
      received(wire!, publication);
      await wire!.expectQuiet();
      assert.equal(world.router.stats().unacknowledged, 0);
    },
  );

  suite.test("[P-13] a malformed EVENT_RECEIVED, or option, is a violation", async (world) => {
    for (const message of [
      [Message.eventReceived],
      [Message.eventReceived, 0],
      [Message.eventReceived, "1"],
      [Message.eventReceived, 1, {}],
      [Message.subscribe, 1, { x_acknowledged_delivery: 1 }, "com.a"],
    ]) {
      const wire = await world.join();
      wire.send(message);
      await wire.expectAbort("wamp.error.protocol_violation");
    }
  });
}
