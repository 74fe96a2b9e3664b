/** URIs by the rules of their match policy, names reserved for the router, patterns and the precedence among them. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import type { Wire } from "./wire.ts";

type Policy = "exact" | "prefix" | "wildcard";
const policies: readonly Policy[] = ["exact", "prefix", "wildcard"];

/** Loose rules: whether the URI is valid as exact, as prefix, as wildcard. */
const loose: readonly (readonly [uri: string, exact: boolean, prefix: boolean, wildcard: boolean])[] = [
  ["a", true, true, true],
  ["com.myapp.Topic-1", true, true, true],
  ["com.ünïcode.\u{1f600}", true, true, true],
  ["com.a/b:c@d!{}", true, true, true],
  ["", false, true, true],
  ["a.", false, true, true],
  [".", false, false, true],
  [".a", false, false, true],
  ["a..b", false, false, true],
  ["a..", false, false, true],
  ["...", false, false, true],
  ["a b", false, false, false],
  ["a#b", false, false, false],
  ["a\n", false, false, false],
  ["a\t.b", false, false, false],
  ["a\u00a0b", false, false, false],
  ["a\u2028b", false, false, false],
  ["a.\ufeff", false, false, false],
  ["..#", false, false, false],
];
const strict: typeof loose = [
  ["com.my_app.topic1", true, true, true],
  ["9", true, true, true],
  ["com.Topic", false, false, false],
  ["com.topic-1", false, false, false],
  ["com.ü", false, false, false],
  ["com.a\n", false, false, false],
  ["com.", false, true, true],
  ["com..a", false, false, true],
  ["", false, true, true],
];

export function uriSuite(suite: Suite): void {
  validity(suite, "[B-08] the loose URI rules", loose, {});
  const strictRealm = { realms: [{ uri: "realm1", strictUris: true }] };
  validity(suite, "[B-09] the strict URI rules of a realm that has them", strict, strictRealm);
  reserved(suite);
  subscriptions(suite);
  precedence(suite);
}

async function answers(wire: Wire, type: number, options: object, uri: string): Promise<string> {
  const request = wire.request();
  wire.send([type, request, options, uri]);
  const answer = await wire.next();
  return answer[0] === Message.error ? String(answer[4]) : "ok";
}

function validity(suite: Suite, rules: string, table: typeof loose, router: object): void {
  suite.testWith(`${rules} hold for SUBSCRIBE and REGISTER by their match policy`, router, async (world) => {
    const wire = await world.join();
    for (const [uri, ...valid] of table) {
      for (const [i, match] of policies.entries()) {
        const wanted = valid[i] ? "ok" : "wamp.error.invalid_uri";
        assert.equal(
          await answers(wire, Message.subscribe, { match }, uri),
          wanted,
          `SUBSCRIBE ${match} ${JSON.stringify(uri)}`,
        );
        assert.equal(
          await answers(wire, Message.register, { match }, uri),
          wanted,
          `REGISTER ${match} ${JSON.stringify(uri)}`,
        );
      }
    }
  });

  suite.testWith(`${rules} hold for PUBLISH and CALL, which are always exact`, router, async (world) => {
    const wire = await world.join();
    for (const [uri, exact] of table) {
      const published = await answers(wire, Message.publish, { acknowledge: true }, uri);
      assert.equal(published, exact ? "ok" : "wamp.error.invalid_uri", `PUBLISH ${JSON.stringify(uri)}`);
      const called = await answers(wire, Message.call, {}, uri);
      const wanted = exact ? "wamp.error.no_such_procedure" : "wamp.error.invalid_uri";
      assert.equal(called, wanted, `CALL ${JSON.stringify(uri)}`);
      if (!exact) wire.send([Message.publish, wire.request(), {}, uri]);
    }
    // An invalid topic without acknowledgement is met with silence.
    await wire.expectQuiet();
  });
}

function reserved(suite: Suite): void {
  suite.test("[B-10] names under wamp are for subscribers, not to register or publish", async (world) => {
    const [wire, other] = [await world.join(), await world.join()];
    for (const uri of ["wamp.session.on_join", "wamp", "wamp.x"]) {
      assert.equal(await answers(wire, Message.subscribe, {}, uri), "ok");
      assert.equal(await answers(wire, Message.register, {}, uri), "wamp.error.invalid_uri");
      assert.equal(
        await answers(other, Message.publish, { acknowledge: true }, uri),
        "wamp.error.invalid_uri",
      );
      other.send([Message.publish, other.request(), {}, uri]);
    }
    await other.expectQuiet();
    await wire.expectQuiet();
    for (const uri of ["wamping.x", "wampx", "com.wamp.x", "Wamp.x"]) {
      assert.equal(await answers(wire, Message.register, {}, uri), "ok");
      assert.equal(await answers(other, Message.publish, { acknowledge: true }, uri), "ok");
    }
    for (const [match, uri] of [
      ["prefix", "wamp."],
      ["prefix", "wamp"],
      ["wildcard", "wamp..x"],
    ])
      assert.equal(await answers(wire, Message.register, { match }, uri!), "wamp.error.invalid_uri");
  });

  suite.test(
    "[B-10] a pattern registration of a client takes no calls of the router's own procedures",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("", { match: "prefix" });
      await callee.register("wam", { match: "prefix" });
      await callee.register(".session.count", { match: "wildcard" });
      await callee.register(".session.none", { match: "wildcard" });
      const call = caller.call("wamp.session.count");
      await caller.expect([Message.result, call, {}, [2]]);
      const unknown = caller.call("wamp.session.none");
      await caller.expectError(Message.call, unknown, "wamp.error.no_such_procedure");
      caller.call("wampus");
      assert.deepEqual((await callee.invocation()).details, { procedure: "wampus" });
    },
  );

  suite.test("a URI may have 1,024 bytes and 64 components, and no more", async (world) => {
    const wire = await world.join();
    const long = "x".repeat(1_024);
    const deep = Array.from({ length: 64 }, () => "c").join(".");
    for (const type of [Message.subscribe, Message.register])
      for (const match of policies)
        for (const [uri, fits] of [
          [long, true],
          [`${long}x`, false],
          [`${"ü".repeat(512)}`, true],
          [`${"ü".repeat(512)}x`, false],
          [deep, true],
          [`${deep}.c`, false],
        ] as const)
          assert.equal(await answers(wire, type, { match }, uri), fits ? "ok" : "wamp.error.invalid_uri");
    assert.equal(await answers(wire, Message.call, {}, `${long}x`), "wamp.error.invalid_uri");
    assert.equal(
      await answers(wire, Message.publish, { acknowledge: true }, `${deep}.c`),
      "wamp.error.invalid_uri",
    );
  });
}

function subscriptions(suite: Suite): void {
  suite.test("[P-05] a prefix is a prefix of bytes, not of components", async (world) => {
    const [wire, publisher] = [await world.join(), await world.join()];
    const prefix = await wire.subscribe("com.myapp.myobject1", { match: "prefix" });
    const all = await wire.subscribe("", { match: "prefix" });
    const hits = async (topic: string): Promise<number[]> => {
      await publisher.publish(topic);
      const found: number[] = [];
      const request = wire.request();
      wire.send([Message.unsubscribe, request, 2 ** 53]);
      for (;;) {
        const message = await wire.next();
        if (message[0] !== Message.event) return found.sort((a, b) => a - b);
        found.push(message[1] as number);
      }
    };
    const both = [prefix, all].sort((a, b) => a - b);
    assert.deepEqual(await hits("com.myapp.myobject1"), both);
    assert.deepEqual(await hits("com.myapp.myobject1-mysubobject1"), both);
    assert.deepEqual(await hits("com.myapp.myobject1.a.b.c"), both);
    assert.deepEqual(await hits("com.myapp.myobject"), [all]);
    assert.deepEqual(await hits("com.myapp.myObject1"), [all]);
  });

  suite.test(
    "[P-05] an empty component of a wildcard stands for exactly one component that is not empty",
    async (world) => {
      const publisher = await world.join();
      const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
        [
          "com.myapp..userevent",
          ["com.myapp.foo.userevent", "com.myapp.b-r.userevent"],
          [
            "com.myapp.userevent",
            "com.myapp.a.b.userevent",
            "com.myapp.foo.userevent.x",
            "com.myapp.foo.userevents",
          ],
        ],
        ["com.", ["com.a"], ["com", "com.a.b"]],
        [".a", ["com.a"], ["a", "com.b.a"]],
        ["", ["a", "com"], ["a.b"]],
        ["..", ["a.b.c"], ["a.b", "a.b.c.d"]],
        ["com.a", ["com.a"], ["com.b", "com.a.b"]],
      ];
      for (const [pattern, hits, misses] of cases) {
        const wire = await world.join();
        await wire.subscribe(pattern, { match: "wildcard" });
        for (const topic of [...misses, ...hits]) await publisher.publish(topic);
        for (const topic of hits) assert.deepEqual((await wire.event()).details, { topic });
        await wire.expectQuiet();
        wire.close();
      }
    },
  );

  suite.test(
    "[P-05] one EVENT comes for each matching subscription of a session, all with one publication id",
    async (world) => {
      const [wire, publisher] = [await world.join(), await world.join()];
      const topic = "com.myapp.a.event";
      const exact = await wire.subscribe(topic);
      const patterns = [
        await wire.subscribe("com.myapp", { match: "prefix" }),
        await wire.subscribe("com.myapp.a.", { match: "prefix" }),
        await wire.subscribe("com..a.event", { match: "wildcard" }),
        await wire.subscribe("...", { match: "wildcard" }),
        await wire.subscribe(topic, { match: "wildcard" }),
        await wire.subscribe(topic, { match: "prefix" }),
      ];
      const publication = await publisher.publish(topic, {}, ["x"]);
      const events = [await wire.event()];
      while (events.length <= patterns.length) events.push(await wire.event());
      assert.deepEqual(
        new Set(events.map(({ subscription }) => subscription)),
        new Set([exact, ...patterns]),
      );
      for (const event of events) {
        assert.equal(event.publication, publication);
        assert.deepEqual(event.payload, [["x"]]);
        // The topic is told to pattern subscriptions, and left out where the subscription says it already.
        assert.deepEqual(event.details, event.subscription === exact ? {} : { topic });
      }
      await wire.expectQuiet();
    },
  );
}

function precedence(suite: Suite): void {
  suite.test(
    "[R-07] a call goes to the exact registration, else the longest prefix, else the most specific wildcard",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      const exact = await callee.register("a1.b2.c3.d4.e55");
      const short = await callee.register("a1.b2.c3", { match: "prefix" });
      const long = await callee.register("a1.b2.c3.d4", { match: "prefix" });
      const early = await callee.register("a1.b2..d4.e5", { match: "wildcard" });
      const late = await callee.register("a1.b2.c33..e5", { match: "wildcard" });
      const seven = await callee.register("a1.b2..d4.e5..g7", { match: "wildcard" });
      const tie = await callee.register("a1.b2..d4..f6.g7", { match: "wildcard" });
      const expected: readonly (readonly [string, number])[] = [
        ["a1.b2.c3.d4.e55", exact],
        ["a1.b2.c3.d98.e74", short],
        ["a1.b2.c3.d4.e325", long],
        ["a1.b2.c55.d4.e5", early],
        // By the specification's example this one is 5; by its rule the prefix a1.b2.c3 matches, as in the case of myobject1.
        ["a1.b2.c33.d4.e5", short],
        ["a1.b2.c88.d4.e5.f6.g7", seven],
        ["a1.b2.c88.d4.e9.f6.g7", tie],
      ];
      for (const [procedure, registration] of expected) {
        caller.call(procedure);
        const invocation = await callee.invocation();
        assert.equal(invocation.registration, registration, procedure);
        // The procedure is told to pattern registrations only.
        assert.deepEqual(invocation.details, registration === exact ? {} : { procedure });
      }
      await callee.unregister(short);
      caller.call("a1.b2.c33.d4.e5");
      assert.equal((await callee.invocation()).registration, late);
      const call = caller.call("a1.b2.c88.d4.e5.f6.g8");
      await caller.expectError(Message.call, call, "wamp.error.no_such_procedure");
    },
  );

  suite.test("[R-07] when the chosen registration is gone, the next best takes the calls", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    const exact = await callee.register("com.a.b");
    const prefix = await callee.register("com.a", { match: "prefix" });
    const wildcard = await callee.register("com..b", { match: "wildcard" });
    for (const registration of [exact, prefix, wildcard]) {
      caller.call("com.a.b");
      assert.equal((await callee.invocation()).registration, registration);
      await callee.unregister(registration);
    }
    const call = caller.call("com.a.b");
    await caller.expectError(Message.call, call, "wamp.error.no_such_procedure");
  });
}
