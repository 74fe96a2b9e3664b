/** Testaments: what a session leaves to be published when it has gone. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { ask, refused, Watcher } from "./meta-calls.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const add = "wamp.session.add_testament";
const flush = "wamp.session.flush_testaments";
const invalid = "wamp.error.invalid_argument";
const invalidUri = "wamp.error.invalid_uri";
const unavailable = "wamp.error.unavailable";

const leave = (wire: Wire): Promise<unknown[]> => ask(wire, add, ["com.will", ["gone"], {}]);

export function testamentSuite(suite: Suite): void {
  endings(suite);
  scopes(suite);
  options(suite);
  refusals(suite);
  bounds(suite);
}

function endings(suite: Suite): void {
  const ways: readonly (readonly [how: string, end: (wire: Wire, world: World) => unknown])[] = [
    ["GOODBYE", (wire) => wire.leave()],
    ["ABORT", (wire) => wire.send([Message.abort, {}, "com.enough"])],
    ["a violation", (wire) => wire.send([Message.welcome, 1, {}])],
    ["transport loss", (wire) => wire.close()],
    [
      "being killed",
      async (wire, world) =>
        ask(await world.joinAs({ authid: "c", authrole: "chief" }), "wamp.session.kill", [wire.id]),
    ],
  ];
  for (const [how, end] of ways) {
    suite.test(`[P-10] a testament is published once when its session ends by ${how}`, async (world) => {
      const watcher = await Watcher.of(await world.join(), "com.will", "wamp.session.on_leave");
      const wire = await world.join();
      const payload = [1, "two", null, [3.5, { four: true }]];
      assert.deepEqual(await ask(wire, add, ["com.will", payload, { k: "v", list: [] }]), []);
      assert.equal(world.router.stats().testaments, 1);
      await watcher.expect();
      await end(wire, world);
      assert.deepEqual(await watcher.next(), ["com.will", payload, { k: "v", list: [] }]);
      await watcher.expect(["wamp.session.on_leave", [wire.id, wire.authid, wire.authrole]]);
      assert.equal(world.router.stats().testaments, 0);
    });
  }

  suite.test("[P-10] a second session on the same transport has left nothing", async (world) => {
    const watcher = await Watcher.of(await world.join(), "com.will");
    const wire = await world.join();
    await leave(wire);
    await wire.leave();
    assert.deepEqual(await watcher.next(), ["com.will", ["gone"]]);
    await wire.join();
    await wire.leave();
    await watcher.expect();
  });

  suite.testWith("[P-10] a testament stays in its realm", { realms: ["realm1", "realm2"] }, async (world) => {
    const here = await Watcher.of(await world.join(), "com.will");
    const there = await Watcher.of(await world.join({ realm: "realm2" }), "com.will");
    const wire = await world.join({ realm: "realm2" });
    await leave(wire);
    wire.close();
    assert.deepEqual(await there.next(), ["com.will", ["gone"]]);
    await here.expect();
  });
}

function scopes(suite: Suite): void {
  suite.test("[P-10] detached ones first, then destroyed ones, each in the order added", async (world) => {
    const watcher = await Watcher.of(await world.join(), "com.will");
    const wire = await world.join();
    const added: [id: number, kwargs: Dict][] = [
      [1, {}],
      [2, { scope: "detached" }],
      [3, { scope: "destroyed" }],
      [4, { scope: null }],
      [5, { scope: "detached" }],
    ];
    for (const [id, kwargs] of added)
      assert.deepEqual(await ask(wire, add, ["com.will", [id], {}], kwargs), []);
    wire.close();
    for (const id of [2, 5, 1, 3, 4]) assert.deepEqual(await watcher.next(), ["com.will", [id]]);
    await watcher.expect();
  });

  suite.test(
    "[P-10] flushing forgets one scope, by default destroyed, and answers nothing",
    async (world) => {
      const watcher = await Watcher.of(await world.join(), "com.will");
      for (const [kwargs, left] of [
        [{}, [2]],
        [{ scope: "destroyed" }, [2]],
        [{ scope: "detached" }, [1]],
      ] as const) {
        const wire = await world.join();
        await ask(wire, add, ["com.will", [1], {}]);
        await ask(wire, add, ["com.will", [2], {}], { scope: "detached" });
        assert.deepEqual(await ask(wire, flush, [], kwargs), []);
        assert.equal(world.router.stats().testaments, 1);
        wire.close();
        for (const id of left) assert.deepEqual(await watcher.next(), ["com.will", [id]]);
        await watcher.expect();
      }
      const wire = await world.join();
      assert.deepEqual(await ask(wire, flush), []);
      await leave(wire);
      await ask(wire, flush);
      assert.equal(world.router.stats().testaments, 0);
      // Flushing is not the end: more may be added.
      await leave(wire);
      wire.close();
      assert.deepEqual(await watcher.next(), ["com.will", ["gone"]]);
    },
  );
}

function options(suite: Suite): void {
  suite.test("[P-10 P-01] receiver lists of publish_options are honoured", async (world) => {
    const [one, two] = [
      await Watcher.of(await world.join(), "com.will"),
      await Watcher.of(await world.joinAs({ authid: "d", authrole: "clerk" }), "com.will"),
    ];
    const cases: [publish_options: Dict, hears: Watcher[]][] = [
      [{ eligible: [one.wire.id] }, [one]],
      [{ exclude: [one.wire.id] }, [two]],
      [{ eligible_authrole: ["clerk"] }, [two]],
      [{ exclude_authid: ["d"] }, [one]],
      [{ eligible: [] }, []],
      [{ acknowledge: true, exclude_me: false, x_custom: 1 }, [one, two]],
      [{}, [one, two]],
    ];
    for (const [i, [publish_options, hears]] of cases.entries()) {
      const wire = await world.join();
      await ask(wire, add, ["com.will", [i], {}], { publish_options });
      wire.close();
      for (const watcher of hears) assert.deepEqual(await watcher.next(), ["com.will", [i]]);
      await until("it is gone", () => world.router.stats().sessions === 2);
      for (const watcher of [one, two]) await watcher.expect();
    }
  });

  suite.test("[P-10 P-03] with disclose_me the event names who left it", async (world) => {
    const [wire, subscriber] = [await world.join(), await world.join()];
    await subscriber.subscribe("com.will");
    await subscriber.subscribe("com", { match: "prefix" });
    await ask(wire, add, ["com.will", [], {}], { publish_options: { disclose_me: true } });
    wire.close();
    const disclosed = {
      publisher: wire.id,
      publisher_authid: wire.authid,
      publisher_authrole: wire.authrole,
    };
    assert.deepEqual((await subscriber.event()).details, disclosed);
    assert.deepEqual((await subscriber.event()).details, { topic: "com.will", ...disclosed });
  });

  suite.testWith(
    "[P-10 P-03] a realm without disclosure refuses such a testament",
    { realms: [{ uri: "realm1", allowDisclosure: false }] },
    async (world) => {
      const wire = await world.join();
      const kwargs = { publish_options: { disclose_me: true } };
      const refusal = "wamp.error.option_disallowed.disclose_me";
      await refused(wire, refusal, /disclose/, add, ["com.will", [], {}], kwargs);
      await ask(wire, add, ["com.will", [], {}], { publish_options: { disclose_me: false } });
    },
  );
}

function refusals(suite: Suite): void {
  suite.test("[P-10] wrong and missing arguments are refused by name, and nothing is kept", async (world) => {
    const wire = await world.join();
    const cases: [says: RegExp, args: unknown[], kwargs?: Dict][] = [
      [/argument 1 \("topic"\) is missing/, []],
      [/argument 2 \("args"\) is missing/, ["com.will"]],
      [/argument 3 \("kwargs"\) is missing/, ["com.will", []]],
      [/argument 1 \("topic"\) must be/, [7, [], {}]],
      [/argument 2 \("args"\) must be a list/, ["com.will", {}, {}]],
      [/argument 2 \("args"\) must be a list/, ["com.will", null, {}]],
      [/argument 3 \("kwargs"\) must be a dictionary/, ["com.will", [], []]],
      [/"scope" must be|"scope"\) must be/, ["com.will", [], {}], { scope: "later" }],
      [/"scope"/, ["com.will", [], {}], { scope: 1 }],
      [/"publish_options"/, ["com.will", [], {}], { publish_options: ["exclude_me"] }],
      [/"publish_options".*exclude_me/, ["com.will", [], {}], { publish_options: { exclude_me: 1 } }],
      [/"publish_options".*eligible/, ["com.will", [], {}], { publish_options: { eligible: 5 } }],
    ];
    for (const [says, ...payload] of cases) await refused(wire, invalid, says, add, ...payload);
    await refused(wire, invalid, /"scope"/, flush, [], { scope: "all" });
    for (const topic of ["", "com..will", "com.my will", "com.#"])
      await refused(wire, invalidUri, /not a valid URI/, add, [topic, [], {}]);
    for (const topic of ["wamp.session.on_leave", "wamp", "spanwire.x", "bondy.y"])
      await refused(wire, invalidUri, /reserved/, add, [topic, [], {}]);
    assert.equal(world.router.stats().testaments, 0);
  });

  suite.test("[P-10] publish_options and scope are taken by position too", async (world) => {
    const watcher = await Watcher.of(await world.join(), "com.will");
    const wire = await world.join();
    await ask(wire, add, ["com.will", [1], {}, null, "destroyed"]);
    await ask(wire, add, ["com.will", [2], {}, { eligible: [] }, "detached"]);
    await ask(wire, add, ["com.will", [3], {}, {}, "detached"]);
    wire.close();
    for (const id of [3, 1]) assert.deepEqual(await watcher.next(), ["com.will", [id]]);
    await watcher.expect();
  });
}

function bounds(suite: Suite): void {
  suite.testWith(
    "[P-10] a session leaves no more testaments than it may",
    { limits: { testamentsPerSession_max: 2 } },
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      await leave(wire);
      await ask(wire, add, ["com.will", [], {}], { scope: "detached" });
      await refused(wire, unavailable, /2 testaments/, add, ["com.will", [], {}]);
      await leave(other);
      await ask(wire, flush, [], { scope: "detached" });
      await leave(wire);
      await refused(wire, unavailable, /2 testaments/, add, ["com.will", [], {}], { scope: "detached" });
    },
  );

  suite.testWith(
    "[P-10] a session's testaments have no more bytes together than they may",
    { limits: { testamentBytes_max: 1_000, frameBytes_max: 4_096 } },
    async (world) => {
      const wire = await world.join();
      await ask(wire, add, ["com.will", ["x".repeat(600)], {}]);
      await refused(wire, unavailable, /1000 bytes/, add, ["com.will", ["x".repeat(600)], {}]);
      await ask(wire, add, ["com.will", ["x".repeat(200)], {}]);
      assert.equal(world.router.stats().testaments, 2);
    },
  );
}
