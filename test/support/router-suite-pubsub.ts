/** Publish and subscribe: acknowledgement, events and what they carry, order, exclusion and identification of the publisher. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { until } from "./wire.ts";

const closedRealm = { realms: [{ uri: "realm1", allowDisclosure: false }] };

export function pubsubSuite(suite: Suite): void {
  events(suite);
  order(suite);
  publishers(suite);
}

function events(suite: Suite): void {
  suite.test(
    "[B-12] PUBLISH is acknowledged only when asked for, whether anybody is subscribed or not",
    async (world) => {
      const wire = await world.join();
      const one = await wire.publish("com.nobody");
      const two = await wire.publish("com.nobody", {}, [1], { k: 1 });
      assert.notEqual(one, two);
      wire.send([Message.publish, wire.request(), {}, "com.nobody"]);
      wire.send([Message.publish, wire.request(), { acknowledge: false }, "com.nobody", [1]]);
      await wire.expectQuiet();
    },
  );

  suite.test(
    "[B-12] an EVENT carries subscription, publication, empty details, and the payload as it was given",
    async (world) => {
      const [publisher, one, two] = [await world.join(), await world.join(), await world.join()];
      const subscription = await one.subscribe("com.a");
      await two.subscribe("com.a");
      const payloads = [[], [[1, "two", null]], [[], { k: { deep: [true] } }], [["a"], { b: -1 }]];
      for (const payload of payloads) {
        const publication = await publisher.publish("com.a", {}, ...payload);
        for (const wire of [one, two])
          await wire.expect([Message.event, subscription, publication, {}, ...payload]);
      }
    },
  );

  suite.test("[B-12] other topics, and topics that differ in case only, are not delivered", async (world) => {
    const [publisher, wire] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    for (const topic of ["com.b", "com.A", "com.a.b", "com", "com.aa"]) await publisher.publish(topic);
    await wire.expectQuiet();
  });

  suite.test("[B-12 B-14] no EVENT comes behind UNSUBSCRIBED, and other subscribers stay", async (world) => {
    const [publisher, gone, stays] = [await world.join(), await world.join(), await world.join()];
    const id = await gone.subscribe("com.a");
    await stays.subscribe("com.a");
    await gone.unsubscribe(id);
    const publication = await publisher.publish("com.a");
    await gone.expectQuiet();
    assert.equal((await stays.event()).publication, publication);
    gone.send([Message.unsubscribe, gone.request(), id]);
    await gone.expectError(Message.unsubscribe, 4, "wamp.error.no_such_subscription");
  });

  suite.test(
    "[B-12] subscribers come and go in any order, and each gets what was published while it was there",
    async (world) => {
      const publisher = await world.join();
      const wires = await world.joinMany(8);
      const ids = await Promise.all(wires.map((wire) => wire.subscribe("com.a")));
      assert.equal(new Set(ids).size, 1);
      let present = wires;
      for (const leaving of [3, 0, 5, 4, 0]) {
        const wire = present[leaving]!;
        present = present.filter((other) => other !== wire);
        if (leaving === 5) wire.close();
        else if (leaving === 4) wire.send([Message.abort, {}, "com.enough"]);
        else await wire.unsubscribe(ids[0]!);
        await until("it has left", () => world.router.stats().subscriptions === present.length);
        const publication = await publisher.publish("com.a");
        for (const other of present) assert.equal((await other.event()).publication, publication);
      }
      for (const wire of wires.filter((_, i) => [3, 0].includes(i))) await wire.expectQuiet();
    },
  );

  suite.test("[B-12] a session lost without GOODBYE gets nothing more, is forgotten", async (world) => {
    const [publisher, wire] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await wire.subscribe("com", { match: "prefix" });
    wire.close();
    await until("it is gone", () => world.router.stats().sessions === 1);
    await publisher.publish("com.a");
    assert.equal(world.router.metrics.events, 0);
    assert.equal(world.router.stats().patterns, 0);
  });
}

function order(suite: Suite): void {
  suite.test("[B-14] SUBSCRIBED comes before the first EVENT, UNSUBSCRIBED after", async (world) => {
    const wire = await world.join();
    const mine = { exclude_me: false };
    wire.send(
      [Message.publish, 1, mine, "com.a", ["before"]],
      [Message.subscribe, 2, {}, "com.a"],
      [Message.publish, 3, mine, "com.a", ["within"]],
    );
    const subscribed = await wire.next();
    assert.deepEqual(subscribed.slice(0, 2), [Message.subscribed, 2]);
    wire.send([Message.unsubscribe, 4, subscribed[2]], [Message.publish, 5, mine, "com.a", ["behind"]]);
    assert.deepEqual((await wire.event()).payload, [["within"]]);
    await wire.expect([Message.unsubscribed, 4]);
    wire.send([Message.publish, 6, { acknowledge: true }, "com.b"]);
    assert.equal((await wire.next())[0], Message.published);
  });

  suite.test(
    "[B-14] events of one publisher keep their order, also across topics and kinds of subscription",
    async (world) => {
      const [publisher, wire] = [await world.join(), await world.join()];
      const ids = new Map([
        [await wire.subscribe("com.a"), "com.a"],
        [await wire.subscribe("com.b"), "com.b"],
        [await wire.subscribe("org", { match: "prefix" }), "org.c"],
        [await wire.subscribe("net..x", { match: "wildcard" }), "net.d.x"],
      ]);
      const topics = [...ids.values()];
      const count = 2_000;
      for (let i = 0; i < count; i++)
        publisher.send([Message.publish, publisher.request(), {}, topics[(i * 7) % 4]!, [i]]);
      for (let i = 0; i < count; i++) {
        const event = await wire.event();
        assert.deepEqual(event.payload, [[i]]);
        assert.equal(ids.get(event.subscription), topics[(i * 7) % 4]);
      }
    },
  );

  suite.test(
    "[B-14] every subscriber sees the events of several publishers, each publisher's in order",
    async (world) => {
      const publishers = await world.joinMany(3);
      const subscribers = await world.joinMany(3);
      for (const wire of subscribers) await wire.subscribe("com.a");
      const count = 200;
      for (let i = 0; i < count; i++)
        for (const [p, wire] of publishers.entries())
          wire.send([Message.publish, wire.request(), {}, "com.a", [p, i]]);
      for (const wire of subscribers) {
        const next = publishers.map(() => 0);
        for (let n = 0; n < count * publishers.length; n++) {
          const [p, i] = (await wire.event()).payload[0] as [number, number];
          assert.equal(i, next[p]!++);
        }
      }
    },
  );
}

function publishers(suite: Suite): void {
  suite.test("[P-02] an event does not go to its publisher unless exclude_me is false", async (world) => {
    const [wire, other] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await wire.subscribe("com", { match: "prefix" });
    await other.subscribe("com.a");
    for (const given of [{}, { exclude_me: true }]) {
      const publication = await wire.publish("com.a", given);
      assert.equal((await other.event()).publication, publication);
    }
    await wire.expectQuiet();
    wire.send([Message.publish, wire.request(), { exclude_me: false }, "com.a", ["me too"]]);
    assert.deepEqual((await wire.event()).payload, [["me too"]]);
    assert.deepEqual((await wire.event()).details, { topic: "com.a" });
    assert.deepEqual((await other.event()).payload, [["me too"]]);
  });

  suite.test("[P-03] disclose_me tells subscribers who published, else nothing does", async (world) => {
    const [publisher, wire] = [await world.join(), await world.join()];
    await wire.subscribe("com.a");
    await wire.subscribe("com", { match: "prefix" });
    await publisher.publish("com.a", { disclose_me: true }, ["x"]);
    const who = {
      publisher: publisher.id,
      publisher_authid: publisher.authid,
      publisher_authrole: publisher.authrole,
    };
    assert.deepEqual((await wire.event()).details, who);
    assert.deepEqual((await wire.event()).details, { topic: "com.a", ...who });
    for (const given of [{ disclose_me: false }, {}]) {
      await publisher.publish("com.a", given);
      assert.deepEqual((await wire.event()).details, {});
      assert.deepEqual((await wire.event()).details, { topic: "com.a" });
    }
  });

  suite.testWith(
    "[P-03] [2.13 #3] a realm without disclosure refuses disclose_me, and tells only who asked",
    closedRealm,
    async (world) => {
      const [publisher, wire] = [await world.join(), await world.join()];
      await wire.subscribe("com.a");
      const request = publisher.request();
      publisher.send([Message.publish, request, { acknowledge: true, disclose_me: true }, "com.a"]);
      await publisher.expectError(Message.publish, request, "wamp.error.option_disallowed.disclose_me");
      publisher.send([Message.publish, publisher.request(), { disclose_me: true }, "com.a"]);
      await publisher.expectQuiet();
      await wire.expectQuiet();
      await publisher.publish("com.a", { disclose_me: false });
      assert.deepEqual((await wire.event()).details, {});
    },
  );
}
