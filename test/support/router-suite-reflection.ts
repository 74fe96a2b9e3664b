/** Reflection: what there is, what its authors say of it, and the router's own procedures, topics and errors. */
import assert from "node:assert/strict";
import { errors } from "../../src/protocol/errors.ts";
import { ask, refused, resultOf, Watcher } from "./meta-calls.ts";
import type { Suite } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const define = "wamp.reflect.define";
const onDefine = "wamp.reflect.on_define";
const onUndefine = "wamp.reflect.on_undefine";
const types = ["procedure", "topic", "error"] as const;
type Type = (typeof types)[number];
const row = { procedure: "R-12", topic: "P-12", error: "R-12 P-12" } as const;

const describe = (wire: Wire, type: Type, uri: string): Promise<unknown> =>
  resultOf(wire, `wamp.reflection.${type}.describe`, [uri]);

/** What is listed beyond the router's own. */
async function listed(wire: Wire, type: Type): Promise<string[]> {
  const uris = (await resultOf(wire, `wamp.reflection.${type}.list`)) as string[];
  assert.deepEqual(uris, [...new Set(uris)].sort(), "in order, each once");
  return uris.filter((uri) => !/^(wamp|spanwire)\./.test(uri));
}

export function reflectionSuite(suite: Suite): void {
  for (const type of types) definitions(suite, type);
  several(suite);
  lists(suite);
  own(suite);
  refusals(suite);
  bounds(suite);
}

function definitions(suite: Suite, type: Type): void {
  suite.test(
    `[${row[type]}] what is said of one ${type}: defined, described, listed, and forgotten with its session`,
    async (world) => {
      const [author, reader] = [await world.join(), await world.join()];
      const watcher = await Watcher.of(await world.join(), onDefine, onUndefine);
      const description = { summary: "Adds", args: ["a: int", "b: int"], deep: { list: [1, null, 1.5] } };
      assert.equal(await describe(reader, type, "com.add"), null);
      assert.deepEqual(await ask(author, define, ["com.add", type, description]), []);
      await watcher.expect([onDefine, [author.id, { uri: "com.add", type, description }]]);
      assert.deepEqual(await describe(reader, type, "com.add"), description);
      assert.deepEqual(await resultOf(reader, "wamp.reflect.describe", ["com.add"]), description);
      assert.deepEqual(await resultOf(reader, "wamp.reflect.describe", ["com.add", type]), description);
      for (const other of types.filter((name) => name !== type)) {
        assert.equal(await describe(reader, other, "com.add"), null);
        assert.equal(await resultOf(reader, "wamp.reflect.describe", ["com.add", other]), null);
        assert.deepEqual(await listed(reader, other), []);
      }
      assert.deepEqual(await listed(reader, type), ["com.add"]);
      // Defined anew: the newer description of the same session.
      await ask(author, "wamp.reflection.define", ["com.add", type, { version: 2 }]);
      await watcher.expect([onDefine, [author.id, { uri: "com.add", type, description: { version: 2 } }]]);
      assert.deepEqual(await describe(reader, type, "com.add"), { version: 2 });
      author.close();
      await watcher.expect([onUndefine, [author.id, { uri: "com.add", type }]]);
      assert.equal(await describe(reader, type, "com.add"), null);
      assert.deepEqual(await listed(reader, type), []);
      assert.equal(world.router.stats().definitions, 0);
    },
  );
}

function several(suite: Suite): void {
  suite.test(
    "[R-12] null takes a definition back, and so does undefine; twice does no harm",
    async (world) => {
      const [author, other] = [await world.join(), await world.join()];
      const watcher = await Watcher.of(await world.join(), onUndefine);
      for (const undo of [
        (wire: Wire, type: Type) => ask(wire, define, ["com.add", type, null]),
        (wire: Wire, type: Type) => ask(wire, define, ["com.add", type]),
        (wire: Wire, type: Type) => ask(wire, define, ["com.add"], { type, description: null }),
        (wire: Wire, type: Type) => ask(wire, "wamp.reflection.undefine", ["com.add", type]),
      ]) {
        await ask(author, define, ["com.add", "topic", {}]);
        assert.deepEqual(
          await undo(other, "topic"),
          [],
          "what another session has defined is not taken back",
        );
        await undo(author, "error");
        assert.deepEqual(await describe(other, "topic", "com.add"), {});
        await watcher.expect();
        assert.deepEqual(await undo(author, "topic"), []);
        await undo(author, "topic");
        assert.equal(await describe(other, "topic", "com.add"), null);
        await watcher.expect([onUndefine, [author.id, { uri: "com.add", type: "topic" }]]);
      }
      assert.equal(world.router.stats().definitions, 0);
    },
  );

  suite.test("[R-12] the oldest of several descriptions is told; the next takes its place", async (world) => {
    const [one, two, three, reader] = await world.joinMany(4);
    for (const [i, wire] of [one!, two!, three!].entries())
      await ask(wire, define, ["com.add"], { description: { i } });
    assert.deepEqual(await describe(reader!, "procedure", "com.add"), { i: 0 });
    await ask(one!, define, ["com.add", null, { i: "anew" }]);
    assert.deepEqual(await describe(reader!, "procedure", "com.add"), { i: "anew" });
    two!.close();
    await until("it has left", () => world.router.stats().definitions === 2);
    assert.deepEqual(await describe(reader!, "procedure", "com.add"), { i: "anew" });
    one!.close();
    await until("it has left", () => world.router.stats().definitions === 1);
    assert.deepEqual(await describe(reader!, "procedure", "com.add"), { i: 2 });
    assert.deepEqual(await listed(reader!, "procedure"), ["com.add"]);
  });

  suite.testWith("[R-12 P-12] realms have their own", { realms: ["realm1", "realm2"] }, async (world) => {
    const [here, there] = [await world.join(), await world.join({ realm: "realm2" })];
    const watcher = await Watcher.of(await world.join({ realm: "realm2" }), onDefine, onUndefine);
    await ask(here, define, ["com.add", "procedure", { here: true }]);
    await ask(here, define, ["com.add", "topic", { here: true }]);
    await here.register("com.registered");
    assert.equal(await describe(there, "procedure", "com.add"), null);
    assert.deepEqual(await listed(there, "procedure"), []);
    assert.deepEqual(await listed(there, "topic"), []);
    await watcher.expect();
  });

  suite.test(
    "[R-12] procedure, topic and error of one name: the first is told where no type is given",
    async (world) => {
      const wire = await world.join();
      for (const type of [...types].reverse()) {
        await ask(wire, define, ["com.same", type, { type }]);
        assert.deepEqual(await resultOf(wire, "wamp.reflect.describe", ["com.same"]), { type });
      }
      for (const type of types)
        assert.deepEqual(await resultOf(wire, "wamp.reflect.describe", ["com.same"], { type }), { type });
    },
  );
}

function lists(suite: Suite): void {
  suite.test(
    "[R-12 P-12] what is registered and subscribed to is listed, patterns are not",
    async (world) => {
      const wire = await world.join();
      await wire.register("com.proc");
      await wire.register("com.p", { match: "prefix" });
      await wire.subscribe("com.topic");
      await wire.subscribe("com..w", { match: "wildcard" });
      await wire.subscribe("wamp.session.on_join");
      await wire.subscribe("wamp.of_no_meaning");
      assert.deepEqual(await listed(wire, "procedure"), ["com.proc"]);
      assert.deepEqual(await listed(wire, "topic"), ["com.topic"]);
      assert.deepEqual(await listed(wire, "error"), []);
      assert.equal(await describe(wire, "procedure", "com.proc"), null, "there, and not described");
      const topics = (await resultOf(wire, "wamp.reflection.topic.list")) as string[];
      assert.ok(!topics.includes("wamp.of_no_meaning"));
    },
  );
}

function own(suite: Suite): void {
  suite.test("[R-12 P-12] the router lists and describes all that is its own", async (world) => {
    const wire = await world.join();
    for (const type of types) {
      const uris = (await resultOf(wire, `wamp.reflection.${type}.list`)) as string[];
      assert.ok(uris.length > 10, `${type}: ${uris.length}`);
      for (const uri of uris) {
        const description = (await describe(wire, type, uri)) as Dict | null;
        assert.ok(description !== null, `${uri} is described`);
        if (type === "error") assert.deepEqual(Object.keys(description), ["uri", "retry"]);
        else assert.match(String(description["summary"]), /^[A-Z].*\.$/, uri);
      }
    }
    const procedures = (await resultOf(wire, "wamp.reflection.procedure.list")) as string[];
    // What is listed is answered: each with its own errors, none with "no such procedure".
    for (const uri of procedures.filter((name) => !name.includes("kill"))) {
      wire.call(uri);
      assert.notEqual((await wire.next())[4], errors.noSuchProcedure.uri, uri);
    }
    for (const uri of ["wamp.session.get", "wamp.session.on_join"])
      assert.ok((await resultOf(wire, "wamp.reflect.describe", [uri])) !== null);
    assert.deepEqual(await describe(wire, "procedure", "wamp.session.kill"), {
      summary: "Ends another session.",
      args: ["session: id"],
      kwargs: ["reason?: uri", "message?: string"],
    });
    assert.equal(await describe(wire, "procedure", "toString"), null);
  });
}

function refusals(suite: Suite): void {
  suite.test(
    "[R-12 P-12] wrong and missing arguments are refused, and the router's own names",
    async (world) => {
      const wire = await world.join();
      const invalid = "wamp.error.invalid_argument";
      const cases: [procedure: string, says: RegExp, args: unknown[], kwargs?: Dict][] = [
        [define, /argument 1 \("uri"\) is missing/, []],
        [define, /argument 1 \("uri"\) must be a URI/, [7, "topic", {}]],
        [define, /argument 2 \("type"\) must be one of procedure, topic, error/, ["com.a", "thing", {}]],
        [define, /keyword argument "type"/, ["com.a"], { type: 1, description: {} }],
        [define, /argument 3 \("description"\) must be a dictionary/, ["com.a", "topic", "text"]],
        [define, /argument 3/, ["com.a", "topic", [1]]],
        ["wamp.reflection.undefine", /argument 1/, []],
        ["wamp.reflection.undefine", /argument 2/, ["com.a", "thing"]],
        ["wamp.reflect.describe", /argument 1/, []],
        ["wamp.reflect.describe", /argument 2/, ["com.a", "thing"]],
        ...types.map((type): [string, RegExp, unknown[]] => [
          `wamp.reflection.${type}.describe`,
          /argument 1/,
          [1],
        ]),
      ];
      for (const [procedure, says, ...payload] of cases)
        await refused(wire, invalid, says, procedure, ...payload);
      const invalidUri = "wamp.error.invalid_uri";
      for (const uri of ["", "com..a", "com.a b"])
        await refused(wire, invalidUri, /valid/, define, [uri, null, {}]);
      for (const uri of ["wamp.session.count", "spanwire", "bondy.x"])
        await refused(wire, invalidUri, /reserved/, define, [uri, null, {}]);
      assert.equal(world.router.stats().definitions, 0);
    },
  );
}

function bounds(suite: Suite): void {
  const unavailable = "wamp.error.unavailable";
  suite.testWith(
    "[R-12] a session defines no more, in number and bytes, than it may; lists have a limit",
    { limits: { definitionsPerSession_max: 2, definitionBytes_max: 1_000, listed_max: 60 } },
    async (world) => {
      const [wire, other] = [await world.join(), await world.join()];
      await ask(wire, define, ["com.a", "procedure", { text: "x".repeat(600) }]);
      await refused(wire, unavailable, /1000 bytes/, define, ["com.b", null, { text: "x".repeat(600) }]);
      // In the place of the one before there is room.
      await ask(wire, define, ["com.a", "procedure", { text: "y".repeat(900) }]);
      await ask(wire, define, ["com.b", "procedure", {}]);
      await refused(wire, unavailable, /2 URIs/, define, ["com.b", "topic", {}]);
      await ask(other, define, ["com.b", "topic", {}]);
      for (let i = 0; i < 60; i++) await other.register(`com.p${i}`);
      await refused(wire, "wamp.error.payload_size_exceeded", /60 entries/, "wamp.reflection.procedure.list");
      assert.deepEqual(await listed(wire, "topic"), ["com.b"]);
    },
  );
}
