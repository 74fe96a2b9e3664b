/** The meta API of sessions: who is there, and the events of joining and leaving. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { serializerName } from "../../src/protocol/serializers.ts";
import { ask, refused, resultOf, Watcher } from "./meta-calls.ts";
import type { Leg, Suite } from "./router-suite.ts";
import type { Dict, Wire } from "./wire.ts";
import { unknownId, until } from "./wire.ts";

const onJoin = "wamp.session.on_join";
const onLeave = "wamp.session.on_leave";
const invalid = "wamp.error.invalid_argument";
const noSession = "wamp.error.no_such_session";

const sorted = (ids: unknown): number[] => [...(ids as number[])].sort((a, b) => a - b);
const idsOf = (...wires: readonly Wire[]): number[] => sorted(wires.map((wire) => wire.id));

/** What the router says of a session of this leg, without its transport. */
const identityOf = (leg: Leg, wire: Wire): Dict => ({
  session: wire.id,
  authid: wire.authid,
  ...leg.identity,
});

function expectDetails(leg: Leg, given: unknown, wire: Wire): void {
  const { transport, ...rest } = given as Dict;
  assert.deepEqual(rest, identityOf(leg, wire));
  const { type, peer, protocol, ...more } = transport as Dict;
  assert.ok(["websocket", "rawsocket", "longpoll", "sse", "local"].includes(String(type)), String(type));
  assert.ok(typeof peer === "string" && peer.length > 0, "the peer's address");
  const batched = leg.batched === true ? ".batched" : "";
  assert.equal(protocol, `wamp.2.${serializerName(leg.serializer)}${batched}`);
  assert.deepEqual(more, {});
}

export function metaSessionSuite(suite: Suite): void {
  questions(suite);
  joining(suite);
  leaving(suite);
}

function questions(suite: Suite): void {
  suite.test(
    "[S-01] count and list tell of the sessions of the realm, with or without a filter",
    async (world) => {
      const [one, two] = [await world.join(), await world.join()];
      const [chief, clerk] = [
        await world.joinAs({ authid: "c", authrole: "chief" }),
        await world.joinAs({ authid: "d", authrole: "clerk" }),
      ];
      const role = world.leg.identity.authrole;
      for (const payload of [[], [[]], [[null]], [[], {}]]) {
        assert.equal(await resultOf(one, "wamp.session.count", ...payload), 4);
        assert.deepEqual(
          sorted(await resultOf(one, "wamp.session.list", ...payload)),
          idsOf(one, two, chief, clerk),
        );
      }
      const filters: [filter: string[], ...wires: Wire[]][] = [
        [[role], one, two],
        [["chief"], chief],
        [["chief", "clerk", "nobody"], chief, clerk],
        [["nobody"]],
        [[]],
      ];
      for (const [filter, ...wires] of filters) {
        assert.equal(await resultOf(two, "wamp.session.count", [filter]), wires.length, String(filter));
        assert.deepEqual(sorted(await resultOf(two, "wamp.session.list", [filter])), idsOf(...wires));
      }
      assert.equal(await resultOf(one, "wamp.session.count", [], { filter_authroles: ["chief"] }), 1);
      for (const procedure of ["wamp.session.count", "wamp.session.list"])
        for (const filter of ["chief", 1, { chief: true }, ["chief", 1]])
          await refused(one, invalid, /argument 1 \("filter_authroles"\)/, procedure, [filter]);
    },
  );

  suite.test("[S-01] get tells who a session is and how it is connected", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    for (const wire of [one, two])
      expectDetails(world.leg, await resultOf(one, "wamp.session.get", [wire.id]), wire);
    const clerk = await world.joinAs({ authid: "d", authrole: "clerk" });
    assert.deepEqual(await resultOf(one, "wamp.session.get", [clerk.id]), {
      session: clerk.id,
      authid: "d",
      authrole: "clerk",
      authmethod: "trust",
      authprovider: "local",
      transport: { type: "local", peer: "in-process", protocol: "wamp.2.msgpack" },
    });
  });

  suite.test("[S-01] get refuses what is no session: gone, unknown, no id, no argument", async (world) => {
    const [wire, gone] = [await world.join(), await world.join()];
    gone.close();
    await until("it is gone", () => world.router.stats().sessions === 1);
    for (const id of [gone.id, unknownId, 1, 0, -1, 1.5])
      await refused(wire, noSession, /no session/, "wamp.session.get", [id]);
    for (const id of ["1", null, true, [1], {}])
      await refused(wire, invalid, /argument 1 \("session"\) must be an id/, "wamp.session.get", [id]);
    await refused(wire, invalid, /argument 1 \("session"\) is missing/, "wamp.session.get");
    await refused(wire, "wamp.error.no_such_procedure", /no such/, "wamp.session.fetch", [wire.id]);
  });

  suite.testWith(
    "[S-01 S-04] realms do not see each other's sessions",
    { realms: ["realm1", "realm2"] },
    async (world) => {
      const [here, there] = [await world.join(), await world.join({ realm: "realm2" })];
      const watcher = await Watcher.of(there, onJoin, onLeave);
      const brief = await world.join();
      assert.equal(await resultOf(there, "wamp.session.count"), 1);
      assert.deepEqual(await resultOf(there, "wamp.session.list"), [there.id]);
      assert.deepEqual(sorted(await resultOf(here, "wamp.session.list")), idsOf(here, brief));
      await refused(there, noSession, /no session/, "wamp.session.get", [here.id]);
      await brief.leave();
      await watcher.expect();
    },
  );

  suite.testWith(
    "[S-01] a list longer than the limit is refused",
    { limits: { listed_max: 2 } },
    async (world) => {
      const wire = await world.join();
      await world.join();
      assert.equal(((await resultOf(wire, "wamp.session.list")) as unknown[]).length, 2);
      await world.joinAs({ authid: "d", authrole: "clerk" });
      const tooLarge = "wamp.error.payload_size_exceeded";
      await refused(wire, tooLarge, /2 entries/, "wamp.session.list");
      assert.equal(await resultOf(wire, "wamp.session.count"), 3);
      assert.equal(((await resultOf(wire, "wamp.session.list", [["clerk"]])) as unknown[]).length, 1);
    },
  );
}

function joining(suite: Suite): void {
  suite.test("[S-04] on_join tells the others who has joined, and not the session itself", async (world) => {
    const watcher = await Watcher.of(await world.join(), onJoin);
    const newcomer = await world.open();
    const roles = { subscriber: {} };
    newcomer.send([Message.hello, "realm1", { roles }], [Message.subscribe, 1, {}, onJoin]);
    const [type, id, details] = await newcomer.next();
    assert.equal(type, Message.welcome);
    newcomer.id = id as number;
    newcomer.welcome = details as Dict;
    assert.equal((await newcomer.next())[0], Message.subscribed);
    const [topic, args, ...more] = await watcher.next();
    assert.equal(topic, onJoin);
    assert.deepEqual(more, []);
    assert.equal((args as unknown[]).length, 1);
    expectDetails(world.leg, (args as unknown[])[0], newcomer);
    newcomer.request();
    await newcomer.expectQuiet();
    await watcher.expect();
    // The one who came later hears of the next.
    const third = await world.join();
    for (const wire of [newcomer, watcher.wire])
      assert.equal(((await wire.event()).payload[0] as Dict[])[0]!["session"], third.id);
  });

  suite.test("[S-04] a HELLO that is refused has not joined, nor left", async (world) => {
    const watcher = await Watcher.of(await world.join(), onJoin, onLeave);
    const stranger = await world.open();
    stranger.send([Message.hello, "realm9", { roles: { caller: {} } }]);
    await stranger.expectAbort("wamp.error.no_such_realm");
    await watcher.expect();
  });

  suite.test(
    "[S-04] clients may not publish the router's events, nor register its procedures",
    async (world) => {
      const wire = await world.join();
      const bad = "wamp.error.invalid_uri";
      wire.send([Message.publish, wire.request(), { acknowledge: true }, onLeave, [1]]);
      await wire.expectError(Message.publish, 1, bad);
      wire.send([Message.register, wire.request(), {}, "wamp.session.count"]);
      await wire.expectError(Message.register, 2, bad);
    },
  );
}

function leaving(suite: Suite): void {
  const ways: readonly (readonly [how: string, leave: (wire: Wire) => void])[] = [
    ["GOODBYE", (wire) => wire.send([Message.goodbye, {}, "wamp.close.normal"])],
    ["ABORT", (wire) => wire.send([Message.abort, {}, "com.enough"])],
    ["a violation", (wire) => wire.send([Message.welcome, 1, {}])],
    ["transport loss", (wire) => wire.close()],
  ];
  for (const [how, leave] of ways) {
    suite.test(`[S-04] on_leave has three arguments when a session leaves by ${how}`, async (world) => {
      const watcher = await Watcher.of(await world.join(), onLeave);
      const wire = await world.join();
      await wire.subscribe(onLeave);
      leave(wire);
      await watcher.expect([onLeave, [wire.id, wire.authid, wire.authrole]]);
    });
  }

  suite.test("[S-04] a second session on the same transport joins and leaves for itself", async (world) => {
    const watcher = await Watcher.of(await world.join(), onJoin, onLeave);
    const wire = await world.join();
    const first = wire.id;
    await wire.leave();
    await wire.join();
    await ask(wire, "wamp.session.count");
    const heard: [unknown, unknown][] = [];
    for (let i = 0; i < 3; i++) {
      const [topic, args] = await watcher.next();
      const who = (args as unknown[])[0];
      heard.push([topic, topic === onJoin ? (who as Dict)["session"] : who]);
    }
    assert.deepEqual(heard, [
      [onJoin, first],
      [onLeave, first],
      [onJoin, wire.id],
    ]);
    await watcher.expect();
  });

  suite.test(
    "[S-04 R-14 R-15] what a departing session leaves open is ended before on_leave",
    async (world) => {
      const wire = await world.join();
      const both = await world.join();
      await wire.subscribe(onLeave);
      await both.register("com.both");
      await wire.register("com.wire");
      const call = wire.call("com.both");
      await both.invocation();
      both.call("com.wire");
      const { request } = await wire.invocation();
      both.close();
      // Which of the two comes first is open; the event is the last.
      const before = [await wire.next(), await wire.next()];
      assert.deepEqual(before.find((message) => message[0] === Message.error)?.slice(0, 5), [
        Message.error,
        Message.call,
        call,
        {},
        "wamp.error.canceled",
      ]);
      assert.deepEqual(
        before.find((message) => message[0] === Message.interrupt),
        [Message.interrupt, request, { mode: "killnowait" }],
      );
      assert.deepEqual((await wire.event()).payload, [[both.id, both.authid, both.authrole]]);
      await wire.expectQuiet();
    },
  );
}
