/** Retained events: what a late subscriber gets and what it does not, for each match policy, exactly once, and for how long. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { ask, refused } from "./meta-calls.ts";
import { otherSerializers, type Suite, type World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const retain = { retain: true };
const getRetained = { get_retained: true };

export function retentionSuite(suite: Suite): void {
  delivery(suite);
  patterns(suite);
  once(suite);
  receivers(suite);
  testaments(suite);
  times(suite);
}

/** A session that subscribes now; what is retained for it comes behind SUBSCRIBED. */
export async function late(
  world: World,
  topic: string,
  options: Dict = {},
): Promise<{ wire: Wire; subscription: number }> {
  const wire = await world.join();
  const subscription = await wire.subscribe(topic, { ...getRetained, ...options });
  return { wire, subscription };
}

function delivery(suite: Suite): void {
  suite.test(
    "[P-08] a late subscriber that asks gets the retained event behind SUBSCRIBED, with its first publication id",
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", retain, ["old"]);
      const publication = await publisher.publish("com.a", retain, [1, "é"], { key: [true, null] });
      const { wire, subscription } = await late(world, "com.a");
      assert.deepEqual(await wire.event(), {
        subscription,
        publication,
        details: { retained: true },
        payload: [[1, "é"], { key: [true, null] }],
      });
      await publisher.publish("com.a", {}, ["live"]);
      assert.deepEqual((await wire.event()).details, {});
      await wire.expectQuiet();
    },
  );

  suite.test(
    "[P-08] nothing is retained unless the publisher says so, and nothing sent unless the subscriber asks",
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", { retain: false }, [1]);
      await publisher.publish("com.b", {}, [1]);
      await publisher.publish("com.c", retain, [1]);
      const wire = await world.join();
      await wire.subscribe("com.a", getRetained);
      await wire.subscribe("com.b", getRetained);
      await wire.subscribe("com.c");
      await wire.subscribe("com", { match: "prefix", get_retained: false });
      await wire.expectQuiet();
    },
  );

  suite.test("[P-08] an event that is not retained does not replace the one that is", async (world) => {
    const publisher = await world.join();
    const publication = await publisher.publish("com.a", retain, ["kept"]);
    await publisher.publish("com.a", {}, ["passing"]);
    const { wire } = await late(world, "com.a");
    assert.equal((await wire.event()).publication, publication);
    await wire.expectQuiet();
  });

  suite.test(
    "[P-08] a retained event outlives its publisher, who is named if it wanted to be",
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", { ...retain, disclose_me: true }, []);
      await publisher.publish("com.b", retain, []);
      const { id, authid, authrole } = publisher;
      await publisher.leave();
      const { wire } = await late(world, "com", { match: "prefix" });
      const named = { publisher: id, publisher_authid: authid, publisher_authrole: authrole };
      assert.deepEqual((await wire.event()).details, { retained: true, topic: "com.a", ...named });
      assert.deepEqual((await wire.event()).details, { retained: true, topic: "com.b" });
    },
  );

  for (const other of otherSerializers(suite.leg.serializer)) {
    suite.test(
      `[P-08] a retained event is told in the subscriber's own serializer (${other})`,
      async (world) => {
        const features = { payload_passthru_mode: true };
        const publisher = await world.join({ serializer: other, roles: { publisher: { features } } });
        const payload = [[1.5, -7, "text", { list: [] }], { key: "value" }];
        await publisher.publish("com.a", { ...retain, enc_algo: "x_own", enc_key: "k1" }, ...payload);
        const { wire } = await late(world, "com.a");
        const { details, payload: received } = await wire.event();
        assert.deepEqual(received, payload);
        assert.deepEqual(details, { retained: true, enc_algo: "x_own", enc_key: "k1" });
      },
    );
  }

  suite.testWith(
    "[P-08] realms have retained events of their own",
    { realms: ["realm1", "realm2"] },
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", retain, [1]);
      const stranger = await world.join({ realm: "realm2" });
      await stranger.subscribe("com.a", getRetained);
      await stranger.subscribe("com", { match: "prefix", ...getRetained });
      await stranger.expectQuiet();
    },
  );
}

/** Topics of the EVENTs that come before the wire is quiet; all must be retained ones of this subscription. */
async function retainedTopics(wire: Wire, subscription: number): Promise<string[]> {
  const topics: string[] = [];
  const request = wire.request();
  wire.send([Message.unsubscribe, request, 2 ** 53]);
  for (let message = await wire.next(); message[0] !== Message.error; message = await wire.next()) {
    const { topic, ...rest } = message[3] as Dict;
    assert.deepEqual([message[0], message[1], rest], [Message.event, subscription, { retained: true }]);
    topics.push(String(topic));
  }
  return topics;
}

function patterns(suite: Suite): void {
  suite.test(
    "[P-08] a pattern subscriber gets one retained event for each topic that matches",
    async (world) => {
      const publisher = await world.join();
      const topics = ["com.a.x", "com.a.y", "com.ab.x", "com.b.x", "com.a", "org.a.x"];
      for (const topic of topics) await publisher.publish(topic, retain, [topic]);
      const cases: readonly [uri: string, match: string, expected: readonly string[]][] = [
        ["com.a", "prefix", ["com.a", "com.a.x", "com.a.y", "com.ab.x"]],
        ["com.a.", "prefix", ["com.a.x", "com.a.y"]],
        ["", "prefix", [...topics].sort()],
        ["com..x", "wildcard", ["com.a.x", "com.ab.x", "com.b.x"]],
        [".a.", "wildcard", ["com.a.x", "com.a.y", "org.a.x"]],
        ["com.a", "wildcard", ["com.a"]],
        ["net", "prefix", []],
        ["...", "wildcard", []],
      ];
      for (const [uri, match, expected] of cases) {
        const { wire, subscription } = await late(world, uri, { match });
        assert.deepEqual((await retainedTopics(wire, subscription)).sort(), expected, `${match} ${uri}`);
      }
    },
  );

  suite.test(
    "[P-08] many retained events come each once, none behind UNSUBSCRIBED, and hold up nobody",
    async (world) => {
      const publisher = await world.join();
      const count = 3_000;
      for (let i = 0; i < count; i++)
        publisher.send([Message.publish, publisher.request(), retain, `com.n${i}.a`, [i]]);
      await publisher.publish("com.done");
      const [all, fleeting] = await world.joinMany(2);
      const first = await all!.subscribe("com.", { match: "prefix", ...getRetained });
      const topics = await retainedUpTo(all!, first, count);
      assert.equal(new Set(topics).size, count);
      await all!.expectQuiet();

      const request = fleeting!.request();
      fleeting!.send([Message.subscribe, request, { match: "wildcard", ...getRetained }, "com..a"]);
      const [, , subscription] = await fleeting!.next();
      fleeting!.send([Message.unsubscribe, fleeting!.request(), subscription]);
      let message = await fleeting!.next();
      for (; message[0] === Message.event; message = await fleeting!.next())
        assert.equal(message[1], subscription);
      assert.equal(message[0], Message.unsubscribed);
      await fleeting!.expectQuiet();
      assert.equal(world.router.stats().replays, 0);
    },
  );

  suite.test(
    "[P-08] a subscriber that leaves amid many retained events leaves nothing behind",
    async (world) => {
      const publisher = await world.join();
      for (let i = 0; i < 3_000; i++)
        publisher.send([Message.publish, publisher.request(), retain, `com.n${i}`, ["x".repeat(200)]]);
      await publisher.publish("com.done");
      for (let i = 0; i < 3; i++) {
        const wire = await world.join();
        await wire.subscribe("com", { match: "prefix", ...getRetained });
        wire.close();
      }
      await until("they are gone", () => world.router.stats().connections === 1);
      await until("their replays are over", () => world.router.stats().replays === 0);
    },
  );
}

/** As many retained EVENTs as are due, with payloads that fit their topics. */
async function retainedUpTo(wire: Wire, subscription: number, count: number): Promise<string[]> {
  const topics: string[] = [];
  while (topics.length < count) {
    const event = await wire.event();
    assert.equal(event.subscription, subscription);
    assert.equal(event.details["retained"], true);
    assert.equal(event.details["topic"], `com.n${(event.payload[0] as number[])[0]}.a`);
    topics.push(String(event.details["topic"]));
  }
  return topics;
}

function once(suite: Suite): void {
  suite.test(
    "[P-08] who is subscribed gets a retained event once, as it is published, and who subscribes behind it once, as retained",
    async (world) => {
      const wire = await world.join();
      const own = { ...retain, exclude_me: false };
      wire.send(
        [Message.subscribe, wire.request(), getRetained, "com.a"],
        [Message.publish, wire.request(), own, "com.a", [1]],
        [Message.publish, wire.request(), own, "com.b", [2]],
        [Message.subscribe, wire.request(), getRetained, "com.b"],
        [Message.subscribe, wire.request(), { match: "prefix", ...getRetained }, "com.b"],
      );
      assert.equal((await wire.next())[0], Message.subscribed);
      assert.deepEqual((await wire.event()).details, {});
      assert.equal((await wire.next())[0], Message.subscribed);
      assert.deepEqual((await wire.event()).details, { retained: true });
      assert.equal((await wire.next())[0], Message.subscribed);
      assert.deepEqual((await wire.event()).details, { retained: true, topic: "com.b" });
      await wire.expectQuiet();
    },
  );

  suite.test(
    "[P-08] each SUBSCRIBE that asks is answered, also a second one of the same session",
    async (world) => {
      const publisher = await world.join();
      const publication = await publisher.publish("com.a", retain, [1]);
      const { wire, subscription } = await late(world, "com.a");
      assert.equal((await wire.event()).publication, publication);
      assert.equal(await wire.subscribe("com.a", getRetained), subscription);
      assert.equal((await wire.event()).publication, publication);
      assert.equal(await wire.subscribe("com.a"), subscription);
      await wire.expectQuiet();
    },
  );

  suite.test(
    "[P-08] what is published amid many retained events is not told again as retained",
    async (world) => {
      const [publisher, wire] = await world.joinMany(2);
      const count = 2_000;
      for (let i = 0; i < count; i++)
        publisher!.send([Message.publish, publisher!.request(), retain, `com.n${i}`, [i]]);
      await publisher!.publish("com.done");
      const request = wire!.request();
      wire!.send(
        [Message.subscribe, request, { match: "prefix", ...getRetained }, "com.n"],
        // In the same turn: the replay has hardly begun.
        [Message.publish, wire!.request(), { ...retain, exclude_me: false }, `com.n${count - 1}`, ["live"]],
      );
      assert.deepEqual((await wire!.next()).slice(0, 2), [Message.subscribed, request]);
      const seen = new Map<unknown, unknown>();
      for (let i = 0; i < count; i++) {
        const { details, payload } = await wire!.event();
        assert.ok(!seen.has(details["topic"]), `${details["topic"]} came twice`);
        seen.set(details["topic"], [details["retained"] ?? false, payload[0]]);
      }
      assert.deepEqual(seen.get(`com.n${count - 1}`), [false, ["live"]]);
      assert.deepEqual(seen.get("com.n7"), [true, [7]]);
      await wire!.expectQuiet();
    },
  );
}

function receivers(suite: Suite): void {
  suite.test(
    "[P-08 P-01] receiver lists hold for late subscribers: each gets the last event that it would have received",
    async (world) => {
      const publisher = await world.join();
      const [alice, bob] = [
        await world.joinAs({ authid: "alice", authrole: "staff" }),
        await world.joinAs({ authid: "bob", authrole: "guest" }),
      ];
      const forAll = await publisher.publish("com.a", retain, ["all"]);
      const forStaff = await publisher.publish("com.a", { ...retain, eligible_authrole: ["staff"] }, [
        "staff",
      ]);
      await publisher.publish("com.a", { ...retain, exclude: [alice.id, bob.id] }, ["others"]);
      await publisher.publish("com.a", { ...retain, eligible: [] }, ["nobody"]);
      await publisher.publish("com.b", { ...retain, exclude_authid: ["bob"] }, ["not bob"]);
      for (const options of [{}, { match: "prefix" }]) {
        await alice.subscribe("com.a", { ...getRetained, ...options });
        assert.equal((await alice.event()).publication, forStaff);
        await bob.subscribe("com.a", { ...getRetained, ...options });
        assert.equal((await bob.event()).publication, forAll);
        await bob.subscribe("com.b", { ...getRetained, ...options });
        for (const wire of [alice, bob]) await wire.expectQuiet();
      }
    },
  );

  suite.test(
    "[P-08 P-02] a publisher gets back its own retained event only where it would have received it",
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", retain, ["mine"]);
      await publisher.subscribe("com.a", getRetained);
      await publisher.expectQuiet();
      await publisher.publish("com.b", { ...retain, exclude_me: false }, ["mine too"]);
      await publisher.subscribe("com.b", getRetained);
      assert.deepEqual((await publisher.event()).payload, [["mine too"]]);
    },
  );
}

function testaments(suite: Suite): void {
  const leave = async (wire: Wire, publish_options: Dict): Promise<void> =>
    assert.deepEqual(
      await ask(wire, "wamp.session.add_testament", ["com.a", ["gone"], {}], { publish_options }),
      [],
    );

  suite.test("[P-08 P-10] a testament is retained like any event, for all but its author", async (world) => {
    const author = await world.join();
    await leave(author, { ...retain, disclose_me: true });
    await refused(
      author,
      "wamp.error.invalid_argument",
      /x_retained_ttl/,
      "wamp.session.add_testament",
      ["com.a", [], {}],
      { publish_options: { ...retain, x_retained_ttl: "long" } },
    );
    const { id, authid, authrole } = author;
    await author.leave();
    await until("it is published", () => world.router.metrics.retained === 1);
    const { wire } = await late(world, "com.a");
    const { details, payload } = await wire.event();
    const named = { publisher: id, publisher_authid: authid, publisher_authrole: authrole };
    assert.deepEqual(details, { retained: true, ...named });
    assert.deepEqual(payload[0], ["gone"]);
  });
}

function times(suite: Suite): void {
  suite.slowTest("[P-08] a retained event is not delivered after its time to live", {}, async (world) => {
    const publisher = await world.join();
    await publisher.publish("com.a", { ...retain, x_retained_ttl: 0.05 }, [1]);
    await publisher.publish("com.b", { ...retain, _retained_ttl: 0.05 }, [1]);
    await publisher.publish("com.c", { ...retain, _retained_ttl: 60 }, [1]);
    await publisher.publish("com.d", { ...retain, x_retained_ttl: 60, _retained_ttl: 0.05 }, [1]);
    await new Promise((resolve) => setTimeout(resolve, 80));
    const { wire, subscription } = await late(world, "com", { match: "prefix" });
    assert.deepEqual(await retainedTopics(wire, subscription), ["com.c", "com.d"]);
    await wire.subscribe("com.a", getRetained);
    await wire.expectQuiet();
    await until("they are evicted", () => world.router.metrics.retained === 2);
  });

  suite.slowTest(
    "[P-08] a realm's own time to live holds for events that do not say",
    { realms: [{ uri: "realm1", retainedTtl_s: 0.1 }] },
    async (world) => {
      const publisher = await world.join();
      await publisher.publish("com.a", retain, [1]);
      await publisher.publish("com.b", { ...retain, x_retained_ttl: 0 }, [1]);
      await new Promise((resolve) => setTimeout(resolve, 150));
      const { wire, subscription } = await late(world, "com", { match: "prefix" });
      assert.deepEqual(await retainedTopics(wire, subscription), ["com.b"]);
    },
  );
}
