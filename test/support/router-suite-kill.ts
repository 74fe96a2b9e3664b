/** Ending other sessions: kill by id, by authid, by authrole, all; who may, what the killed are told, and what becomes of them. */
import assert from "node:assert/strict";
import { fixedLimits } from "../../src/base/limits.ts";
import { Message } from "../../src/protocol/messages.ts";
import { ask, refused, resultOf, Watcher } from "./meta-calls.ts";
import type { Suite, World } from "./router-suite.ts";
import { unknownId, until, type Wire } from "./wire.ts";

const invalid = "wamp.error.invalid_argument";
const invalidUri = "wamp.error.invalid_uri";
const noSession = "wamp.error.no_such_session";
const killed = "wamp.close.killed";
const echo = [Message.goodbye, {}, "wamp.close.goodbye_and_out"];
const free = { realms: [{ uri: "realm1", allowKill: true }] };

/** A session that may end others, whatever the leg. */
const chief = (world: World): Promise<Wire> => world.joinAs({ authid: "c", authrole: "chief" });

/** The session is told to go, answers, and its connection ends. */
async function goes(wire: Wire, reason: string, details: object = {}): Promise<void> {
  await wire.expect([Message.goodbye, details, reason]);
  wire.send(echo);
  await wire.expectEnd();
}

export function killSuite(suite: Suite): void {
  one(suite);
  many(suite);
  everybody(suite);
  rights(suite);
}

function one(suite: Suite): void {
  suite.test("[S-02] kill says GOODBYE with reason and message, and nothing after it", async (world) => {
    const boss = await chief(world);
    const cases: [kwargs: object, details: object, reason: string][] = [
      [{}, {}, killed],
      [{ reason: null, message: null }, {}, killed],
      [{ message: "go" }, { message: "go" }, killed],
      [{ reason: "com.my.reason" }, {}, "com.my.reason"],
      [{ reason: "wamp.close.logout", message: "" }, { message: "" }, "wamp.close.logout"],
    ];
    for (const [kwargs, details, reason] of cases) {
      const wire = await world.join();
      await wire.subscribe("com.a");
      assert.deepEqual(await ask(boss, "wamp.session.kill", [wire.id], kwargs), []);
      await boss.publish("com.a");
      await goes(wire, reason, details);
    }
    const wire = await world.join();
    assert.deepEqual(await ask(boss, "wamp.session.kill", [wire.id]), []);
    await goes(wire, killed);
  });

  suite.test("[S-02] a killed session has left when the call is answered", async (world) => {
    const boss = await chief(world);
    const watcher = await Watcher.of(await world.join(), "wamp.session.on_leave");
    const wire = await world.join();
    await wire.register("com.proc");
    const call = boss.call("com.proc");
    await wire.invocation();
    const kill = boss.call("wamp.session.kill", {}, [wire.id]);
    const canceled = await boss.next();
    assert.deepEqual([canceled[2], canceled[4]], [call, "wamp.error.canceled"]);
    await boss.expect([Message.result, kill, {}]);
    await refused(boss, noSession, /./, "wamp.session.get", [wire.id]);
    await refused(boss, noSession, /./, "wamp.session.kill", [wire.id]);
    assert.equal(await resultOf(boss, "wamp.session.count"), 2);
    await watcher.expect(["wamp.session.on_leave", [wire.id, wire.authid, wire.authrole]]);
    // What it still says is not heard.
    wire.send([Message.publish, wire.request(), { acknowledge: true }, "com.a"]);
    await goes(wire, killed);
  });

  suite.slowTest(
    "[S-02] a killed session that does not answer is closed",
    { limits: { goodbye_ms: 50 } },
    async (world) => {
      const boss = await chief(world);
      const wire = await world.join();
      await ask(boss, "wamp.session.kill", [wire.id]);
      await wire.expect([Message.goodbye, {}, killed]);
      const close = await wire.expectEnd();
      if (world.leg.closeCodes) assert.equal(close.code, 1001);
    },
  );

  suite.test(
    "[S-02] kill refuses the caller's own session, unknown ones, and what is no argument for it",
    async (world) => {
      const boss = await chief(world);
      const other = await world.join();
      for (const id of [boss.id, unknownId, 0, -1, 1.5])
        await refused(boss, noSession, /session/, "wamp.session.kill", [id]);
      await refused(boss, invalid, /argument 1 \("session"\) is missing/, "wamp.session.kill");
      for (const id of ["1", null, [other.id]])
        await refused(boss, invalid, /argument 1 \("session"\)/, "wamp.session.kill", [id]);
      for (const reason of ["", "com..a", "com.a b", ".", "a#b", 7, ["com.a"]])
        await refused(boss, invalidUri, /"reason"/, "wamp.session.kill", [other.id], { reason });
      for (const message of [7, ["go"], "m".repeat(fixedLimits.killMessage_max + 1)])
        await refused(boss, invalid, /"message"/, "wamp.session.kill", [other.id], { message });
      await other.expectQuiet();
    },
  );

  suite.testWith(
    "[S-02] a realm with strict URIs wants strict reasons",
    { realms: [{ uri: "realm1", strictUris: true }] },
    async (world) => {
      const boss = await chief(world);
      const wire = await world.join();
      await refused(boss, invalidUri, /URI/, "wamp.session.kill", [wire.id], { reason: "com.My-Reason" });
      await ask(boss, "wamp.session.kill", [wire.id], { reason: "com.my_reason" });
      await goes(wire, "com.my_reason");
    },
  );

  suite.testWith(
    "[S-02] sessions of other realms are none",
    { realms: [{ uri: "realm1", allowKill: true }, "realm2"] },
    async (world) => {
      const [here, there] = [await world.join(), await world.join({ realm: "realm2" })];
      await refused(here, noSession, /no session/, "wamp.session.kill", [there.id]);
      const { authid, authrole } = there;
      assert.deepEqual(await resultOf(here, "wamp.session.kill_by_authid", [authid]), []);
      assert.equal(await resultOf(here, "wamp.session.kill_by_authrole", [authrole]), 0);
      assert.equal(await resultOf(here, "wamp.session.kill_all"), 0);
      await there.expectQuiet();
    },
  );
}

function many(suite: Suite): void {
  suite.test("[S-02] kill_by_authid ends all others with it, and answers with their ids", async (world) => {
    const twin = { authid: "twin", authrole: "chief" };
    const [boss, one, two] = [await world.joinAs(twin), await world.joinAs(twin), await world.joinAs(twin)];
    const other = await world.join();
    const kwargs = { reason: "com.enough", message: "all of you" };
    const ids = (await resultOf(boss, "wamp.session.kill_by_authid", ["twin"], kwargs)) as number[];
    assert.deepEqual(new Set(ids), new Set([one.id, two.id]));
    for (const wire of [one, two]) await goes(wire, "com.enough", { message: "all of you" });
    assert.deepEqual(await resultOf(boss, "wamp.session.kill_by_authid", ["twin"]), []);
    assert.deepEqual(await resultOf(boss, "wamp.session.kill_by_authid", ["nobody"]), []);
    assert.deepEqual(await resultOf(boss, "wamp.session.kill_by_authid", [other.authid]), [other.id]);
    await goes(other, killed);
    await boss.expectQuiet();
  });

  suite.test(
    "[S-02] kill_by_authrole ends all others with it, and answers with their number",
    async (world) => {
      const boss = await chief(world);
      const clerks = [
        await world.joinAs({ authid: "1", authrole: "clerk" }),
        await world.joinAs({ authid: "2", authrole: "clerk" }),
      ];
      const equal = await chief(world);
      assert.equal(await resultOf(boss, "wamp.session.kill_by_authrole", ["clerk"], { message: "bye" }), 2);
      for (const wire of clerks) await goes(wire, killed, { message: "bye" });
      assert.equal(await resultOf(boss, "wamp.session.kill_by_authrole", ["clerk"]), 0);
      assert.equal(await resultOf(boss, "wamp.session.kill_by_authrole", ["chief"]), 1);
      await goes(equal, killed);
      await boss.expectQuiet();
    },
  );

  suite.test(
    "[S-02] kill_by_authid and kill_by_authrole refuse wrong arguments and end nobody then",
    async (world) => {
      const boss = await chief(world);
      const other = await world.join();
      for (const [procedure, argument, value] of [
        ["wamp.session.kill_by_authid", "authid", other.authid],
        ["wamp.session.kill_by_authrole", "authrole", other.authrole],
      ] as const) {
        const about = new RegExp(`argument 1 \\("${argument}"\\)`);
        await refused(boss, invalid, about, procedure);
        for (const wrong of [7, null, [value]]) await refused(boss, invalid, about, procedure, [wrong]);
        await refused(boss, invalidUri, /"reason"/, procedure, [value], { reason: "a..b" });
        await refused(boss, invalid, /"message"/, procedure, [value], { message: 1 });
      }
      await other.expectQuiet();
    },
  );
}

function everybody(suite: Suite): void {
  suite.test(
    "[S-03 P-10] kill_all ends all others, without session meta events and testaments",
    async (world) => {
      const boss = await chief(world);
      const watcher = await Watcher.of(boss, "wamp.session.on_leave", "com.will");
      const others = await world.joinMany(3);
      for (const wire of others)
        for (const scope of ["detached", "destroyed"])
          await ask(wire, "wamp.session.add_testament", ["com.will", [], {}], { scope });
      const kwargs = { reason: "com.closing", message: "good night" };
      assert.equal(await resultOf(boss, "wamp.session.kill_all", [], kwargs), 3);
      assert.equal(world.router.stats().testaments, 0);
      for (const wire of others) await goes(wire, "com.closing", { message: "good night" });
      assert.equal(await resultOf(boss, "wamp.session.kill_all"), 0);
      await watcher.expect();
      // Silence ends with it: who comes and goes afterwards is heard of.
      const late = await world.join();
      await late.leave();
      await watcher.expect(["wamp.session.on_leave", [late.id, late.authid, late.authrole]]);
    },
  );

  suite.test("[S-03] kill_all refuses wrong arguments and ends nobody then", async (world) => {
    const boss = await chief(world);
    const other = await world.join();
    await refused(boss, invalidUri, /"reason"/, "wamp.session.kill_all", [], { reason: "a..b" });
    await refused(boss, invalid, /"message"/, "wamp.session.kill_all", [], { message: 1 });
    await other.expectQuiet();
  });
}

function rights(suite: Suite): void {
  const procedures = [
    "wamp.session.kill",
    "wamp.session.kill_by_authid",
    "wamp.session.kill_by_authrole",
    "wamp.session.kill_all",
    "wamp.registration.remove_callee",
    "wamp.subscription.remove_subscriber",
  ];
  suite.test(
    "[S-02 S-03] anonymous sessions may not end others, unless their realm lets them",
    async (world) => {
      const stranger = await world.joinAs({ authid: "s", authrole: "anonymous" });
      const other = await world.join();
      for (const procedure of procedures)
        await refused(stranger, "wamp.error.not_authorized", /anonymous/, procedure, [other.id]);
      await other.expectQuiet();
    },
  );

  suite.testWith("[S-02] with allowKill every session of the realm may end others", free, async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    assert.deepEqual(await ask(one, "wamp.session.kill", [two.id]), []);
    await goes(two, killed);
    await until("it has left", () => world.router.stats().connections === 1);
  });
}
