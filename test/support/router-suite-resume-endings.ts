/** Session resumption: what cannot be resumed, and how resumable sessions end. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { eventValues, openLink, resumeTest } from "./resuming.ts";
import type { Suite } from "./router-suite.ts";
import { unknownId, until } from "./wire.ts";

const noSession = "wamp.error.no_such_session";
const violation = "wamp.error.protocol_violation";
const roles = { caller: {} };

export function resumeEndingSuite(suite: Suite): void {
  tokens(suite);
  badHellos(suite);
  bounds(suite);
  endings(suite);
}

function tokens(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] a token works once: its successor replaces it when the client is heard again",
    async (world, join) => {
      const client = await join();
      const first = client.wire.welcome["resume_token"];
      await client.cut();
      await client.resume();
      await client.wire.expectQuiet();
      await client.refused(noSession, /id and token/, { resume_token: first });
      await client.cut();
      await client.refused(noSession, /id and token/, { resume_token: first });
      await client.resume();
      assert.equal(world.router.stats().sessions, 1);
    },
  );

  resumeTest(
    suite,
    "[S-07] a WELCOME that is lost does not shut its client out: the token before it still holds",
    async (_, join) => {
      const client = await join();
      const first = client.wire.welcome["resume_token"];
      for (let i = 0; i < 3; i++) {
        await client.cut();
        await client.resume({ resume_token: first });
      }
      await client.wire.expectQuiet();
      await client.refused(noSession, /id and token/, { resume_token: first });
    },
  );

  resumeTest(
    suite,
    "[S-07] a HELLO that arrives behind a later one does not shut its client out: what the later one was given still holds",
    async (world, join) => {
      const client = await join();
      const first = client.wire.welcome["resume_token"];
      await client.cut();
      await client.resume();
      const late = await openLink(world);
      await late.wire.resume(client.wire, { resume_token: first });
      assert.equal(late.wire.welcome["resumed"], true);
      late.cut();
      await client.resume();
      await client.wire.expectQuiet();
      const noLonger = { resume_token: late.wire.welcome["resume_token"] };
      await client.refused(noSession, /id and token/, noLonger);
    },
  );

  resumeTest(
    suite,
    "[S-07] a wrong token and an unknown session are refused alike, with ABORT where no realm is named",
    async (world, join) => {
      const [client, plain] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      await client.cut();
      const token = String(client.wire.welcome["resume_token"]);
      const [owner] = token.split(".");
      for (const wrong of [
        "",
        "x",
        `${owner}.`,
        token.slice(0, -1),
        `${token}=`,
        token.toUpperCase(),
        `other.${token}`,
      ])
        await client.refused(noSession, /id and token/, { resume_token: wrong });
      for (const id of [unknownId, plain.id, 0, -1, 1.5, 2 ** 60])
        await client.refused(noSession, /id and token/, { resume_session: id });
      await client.resume();
      await plain.expectQuiet();
    },
  );

  resumeTest(
    suite,
    "[S-07] where a realm is named a session that cannot be resumed is replaced by a new one",
    async (world, join) => {
      const client = await join();
      const { id } = client.wire;
      await client.wire.subscribe("com.a");
      await client.wire.leave();
      await client.hello();
      assert.notEqual(client.wire.id, id);
      assert.deepEqual([client.wire.welcome["resumed"], client.wire.welcome["resumable"]], [false, true]);
      assert.equal(world.router.stats().subscriptions, 0);
      // It is resumable in its turn, unless HELLO says otherwise.
      const second = client.wire.id;
      await client.cut();
      await client.resume();
      assert.equal(client.wire.id, second);
      await client.wire.leave();
      await client.hello({ resumable: false });
      assert.deepEqual(
        [client.wire.welcome["resumed"], client.wire.welcome["resumable"]],
        [false, undefined],
      );
    },
  );

  resumeTest(
    suite,
    "[S-07] a session is not resumed in another realm than its own",
    async (_, join) => {
      const client = await join();
      const { id, welcome } = client.wire;
      await client.cut();
      const elsewhere = await join({ resume_session: id, resume_token: welcome["resume_token"] }, "realm2");
      assert.deepEqual(
        [elsewhere.wire.welcome["resumed"], elsewhere.wire.welcome["realm"]],
        [false, "realm2"],
      );
      await client.resume();
    },
    { realms: ["realm1", "realm2"] },
  );
}

function badHellos(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] details of the wrong type are answered by ABORT protocol_violation",
    async (world, join) => {
      const client = await join();
      const { id, welcome } = client.wire;
      const good = { resume_session: id, resume_token: welcome["resume_token"] };
      for (const details of [
        { resumable: "yes" },
        { resumable: 1 },
        { resume_session: id },
        { resume_token: welcome["resume_token"] },
        { ...good, resume_session: String(id) },
        { ...good, resume_token: 5 },
        { ...good, resume_received: -1 },
        { ...good, resume_received: 1.5 },
        { ...good, resume_received: "all" },
        // More than was sent.
        { ...good, resume_received: 1_000 },
      ]) {
        const wire = await world.open();
        wire.send([Message.hello, "realm1", { roles, ...details }]);
        await wire.expectAbort(violation);
      }
      await client.wire.expectQuiet();
    },
  );

  suite.test(
    "[S-07] a HELLO that names no realm and resumes nothing is answered by ABORT protocol_violation",
    async (world) => {
      for (const details of [{ roles }, { roles, resumable: true }]) {
        const wire = await world.open();
        wire.send([Message.hello, null, details]);
        await wire.expectAbort(violation, /no realm/);
      }
    },
  );
}

function bounds(suite: Suite): void {
  resumeTest(
    suite,
    "[S-07] more than can be kept while the client is away ends the session: its callers and the next callee know at once",
    async (world, join) => {
      const [client, other] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      await client.wire.register("com.proc");
      const call = other.call("com.proc");
      await client.wire.invocation();
      await client.cut();
      for (let i = 0; i < 8; i++) await other.publish("com.a", {}, [i]);
      assert.equal(world.router.stats().detached, 1);
      other.send([Message.publish, other.request(), {}, "com.a", [8]]);
      await other.expectError(Message.call, call, "wamp.error.canceled");
      await other.register("com.proc");
      assert.deepEqual([world.router.stats().sessions, world.router.stats().subscriptions], [1, 0]);
      await client.refused(noSession, /id and token/);
      client.hasEnded = true;
    },
    { limits: { resumeLogFrames_max: 8 } },
  );

  resumeTest(
    suite,
    "[S-07] a resume that needs what is not kept any more fails, names the bound, and ends the session",
    async (world, join) => {
      for (const realm of [null, "realm1"]) {
        const [client, other] = [await join(), await world.join()];
        await client.wire.subscribe("com.a");
        for (let i = 0; i < 20; i++) await other.publish("com.a", {}, [i]);
        await eventValues(client.wire, 20);
        await client.cut();
        if (realm === null) {
          await client.refused(noSession, /message 13 .* begins with message 14 .*resumeLogFrames_max 8/, {
            resume_received: 12,
          });
          client.hasEnded = true;
        } else {
          const { id } = client.wire;
          await client.hello({ resume_received: 12 });
          assert.notEqual(client.wire.id, id);
          assert.equal(client.wire.welcome["resumed"], false);
        }
        await until("the session has ended", () => world.router.stats().subscriptions === 0);
        assert.equal(world.router.stats().detached, 0);
      }
    },
    { limits: { resumeLogFrames_max: 8 } },
  );

  resumeTest(
    suite,
    "[S-07] what is kept is bounded in bytes, for one session and for all",
    async (world, join) => {
      const [client, other] = [await join(), await world.join()];
      await client.wire.subscribe("com.a");
      const large = "x".repeat(1_000);
      for (let i = 0; i < 40; i++) await other.publish("com.a", {}, [large]);
      assert.equal((await eventValues(client.wire, 40)).length, 40);
      assert.ok(world.router.stats().replayBytes <= 8_192);
      await client.cut();
      for (let i = 0; i < 5; i++) await other.publish("com.a", {}, [large]);
      await client.resume();
      assert.equal((await eventValues(client.wire, 5)).length, 5);
      await client.cut();
      for (let i = 0; i < 9; i++) await other.publish("com.a", {}, [large]);
      await until("the session has ended", () => world.router.stats().detached === 0);
      await client.refused(noSession, /id and token/);
      client.hasEnded = true;
    },
    { limits: { frameBytes_max: 8_192, resumeLogBytes_max: 8_192 } },
  );

  resumeTest(
    suite,
    "[S-07] as many sessions may wait as the limits say: the next one ends with its transport",
    async (world, join) => {
      const [one, two] = [await join(), await join()];
      await one.cut();
      await two.cut();
      assert.deepEqual([world.router.stats().detached, world.router.stats().sessions], [1, 1]);
      await two.refused(noSession, /id and token/);
      two.hasEnded = true;
      await one.resume();
    },
    { limits: { detachedSessions_max: 1 } },
  );
}

function endings(suite: Suite): void {
  const grace_ms = 150;
  if (suite.isForSlowTests)
    resumeTest(
      suite,
      "[S-07 R-15] when the grace time is over the session ends: callers get ERROR canceled, callees INTERRUPT, names are free",
      async (world, join) => {
        const [client, other] = [await join(), await world.join()];
        await client.wire.subscribe("com.a");
        await client.wire.register("com.mine");
        await other.register("com.other");
        const call = other.call("com.mine");
        await client.wire.invocation();
        client.wire.call("com.other");
        const { request } = await other.invocation();
        await client.cut();
        assert.equal(world.router.stats().detached, 1);
        const ends = [await other.next(), await other.next()];
        assert.deepEqual(new Set(ends.map(([type]) => type)), new Set([Message.error, Message.interrupt]));
        for (const end of ends) {
          if (end[0] === Message.error) assert.deepEqual([end[2], end[4]], [call, "wamp.error.canceled"]);
          else assert.deepEqual(end, [Message.interrupt, request, { mode: "killnowait" }]);
        }
        await other.register("com.mine");
        assert.deepEqual([world.router.stats().sessions, world.router.stats().detached], [1, 0]);
        await client.refused(noSession, /id and token/);
        client.hasEnded = true;
      },
      { limits: { resumeGrace_ms: grace_ms } },
    );

  if (suite.isForSlowTests)
    resumeTest(
      suite,
      "[S-07] a session that was resumed in time does not end when its first grace time would have been over",
      async (world, join) => {
        const client = await join();
        await client.cut();
        await client.resume();
        await new Promise((resolve) => setTimeout(resolve, 2 * grace_ms));
        await client.wire.expectQuiet();
        assert.equal(world.router.stats().sessions, 1);
      },
      { limits: { resumeGrace_ms: grace_ms } },
    );

  resumeTest(
    suite,
    "[S-07] GOODBYE, ABORT and a violation end a resumable session for good",
    async (world, join) => {
      const ways: [name: string, ...messages: unknown[][]][] = [
        ["goodbye", [Message.goodbye, {}, "wamp.close.normal"]],
        ["goodbye, not resumable", [Message.goodbye, { resumable: false }, "wamp.close.normal"]],
        ["abort", [Message.abort, {}, "com.enough"]],
        ["violation", [Message.welcome, 1, {}]],
      ];
      for (const [name, ...messages] of ways) {
        const client = await join();
        await client.wire.subscribe("com.a");
        client.wire.send(...messages);
        await until(
          name,
          () => world.router.stats().sessions === 0 && world.router.stats().subscriptions === 0,
        );
        assert.equal(world.router.stats().detached, 0, name);
        await client.refused(noSession, /id and token/);
        client.hasEnded = true;
      }
    },
  );

  resumeTest(suite, "[S-07] GOODBYE with resumable ends a session that is not", async (world) => {
    const wire = await world.join();
    wire.send([Message.goodbye, { resumable: true }, "wamp.close.normal"]);
    await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    assert.deepEqual([world.router.stats().sessions, world.router.stats().detached], [0, 0]);
  });

  resumeTest(
    suite,
    "[S-07] a router that closes ends those that wait and says GOODBYE to the others",
    async (world, join) => {
      const [away, here] = [await join(), await join()];
      await away.wire.subscribe("com.a");
      await away.cut();
      const closed = world.router.close();
      const goodbye = await here.wire.next();
      assert.deepEqual([goodbye[0], goodbye[2]], [Message.goodbye, "wamp.close.system_shutdown"]);
      here.wire.send([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
      await here.wire.expectEnd();
      await closed;
      const { sessions, detached, subscriptions, replayBytes } = world.router.stats();
      assert.deepEqual(
        { sessions, detached, subscriptions, replayBytes },
        { sessions: 0, detached: 0, subscriptions: 0, replayBytes: 0 },
      );
      away.hasEnded = here.hasEnded = true;
    },
  );
}
