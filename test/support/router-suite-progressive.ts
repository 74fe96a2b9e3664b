/** Calls in pieces: progressive call invocations with all their races, and timeouts that the callee keeps. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const caller = {
  features: { progressive_call_invocations: true, progressive_call_results: true, call_canceling: true },
};
const callee = {
  features: {
    progressive_call_invocations: true,
    progressive_call_results: true,
    call_canceling: true,
    call_timeout: true,
  },
};
const roles = { caller, callee, publisher: {}, subscriber: {} };

/** A call that is under way, its first part with the callee. */
async function begun(world: World, options: Dict = {}, register: Dict = {}) {
  const [from, to] = [await world.join({ roles }), await world.join({ roles })];
  const registration = await to.register("com.proc", register);
  const call = from.call("com.proc", { progress: true, ...options }, [0]);
  const first = await to.invocation();
  assert.deepEqual([first.registration, first.payload], [registration, [[0]]]);
  return { from, to, call, registration, first };
}

/** Sends the next part of a call. */
const more = (from: Wire, call: number, options: Dict, ...payload: readonly unknown[]): void =>
  from.send([Message.call, call, options, "com.proc", ...payload]);

export function progressiveSuite(suite: Suite): void {
  invocations(suite);
  refusals(suite);
  races(suite);
  keptTimeouts(suite);
}

function invocations(suite: Suite): void {
  suite.test(
    "[R-02] all parts of a call reach one callee in order under one invocation id; the last one is not marked",
    async (world) => {
      const { from, to, call, registration, first } = await begun(world);
      assert.deepEqual(first.details, { progress: true });
      more(from, call, { progress: true }, [1]);
      // Another request between two parts is normal: the ids of all requests are one sequence.
      await from.subscribe("com.topic");
      more(from, call, { progress: true }, [2], { k: 2 });
      more(from, call, {}, [3]);
      for (const [details, ...payload] of [
        [{ progress: true }, [1]],
        [{ progress: true }, [2], { k: 2 }],
        [{}, [3]],
      ])
        await to.expect([Message.invocation, first.request, registration, details, ...payload]);
      to.yield(first.request, {}, ["done"]);
      await from.expect([Message.result, call, {}, ["done"]]);
      await from.expectQuiet();
    },
  );

  suite.test("[R-01 R-02] results may come while parts are still sent", async (world) => {
    const { from, to, call, first } = await begun(world, { receive_progress: true });
    assert.deepEqual(first.details, { progress: true, receive_progress: true });
    for (let i = 1; i < 20; i++) {
      to.yield(first.request, { progress: true }, [i]);
      await from.expect([Message.result, call, { progress: true }, [i]]);
      more(from, call, { progress: i < 19 }, [i]);
      const part = await to.invocation();
      assert.equal(part.request, first.request);
      assert.deepEqual(part.details, i < 19 ? first.details : { receive_progress: true });
      assert.deepEqual(part.payload, [[i]]);
    }
    to.yield(first.request);
    await from.expect([Message.result, call, {}]);
  });

  suite.test("[R-02 R-05] the options of the first CALL hold for all parts", async (world) => {
    const { from, to, call, first } = await begun(world, { disclose_me: true });
    const disclosed = { caller: from.id, caller_authid: from.authid, caller_authrole: from.authrole };
    assert.deepEqual(first.details, { progress: true, ...disclosed });
    more(from, call, { progress: true, disclose_me: false, receive_progress: true }, [1]);
    assert.deepEqual((await to.invocation()).details, { progress: true, ...disclosed });
    more(from, call, {}, [2]);
    assert.deepEqual((await to.invocation()).details, disclosed);
    to.yield(first.request, { progress: true }, ["not asked for"]);
    to.yield(first.request, {}, ["done"]);
    await from.expect([Message.result, call, {}, ["done"]]);
  });

  suite.test("[R-02 R-08] parts of a call stay with the callee that has the first", async (world) => {
    const { from, to, call, first } = await begun(world, {}, { invoke: "roundrobin" });
    const other = await world.join({ roles });
    await other.register("com.proc", { invoke: "roundrobin" });
    for (const i of [1, 2]) {
      more(from, call, { progress: true }, [i]);
      assert.deepEqual((await to.invocation()).payload, [[i]]);
    }
    // Calls of their own go round in the meantime.
    for (const callee of [to, other]) {
      const another = from.call("com.proc");
      callee.yield((await callee.invocation()).request);
      await from.expect([Message.result, another, {}]);
      more(from, call, { progress: true }, ["between"]);
      assert.equal((await to.invocation()).request, first.request);
    }
    to.yield(first.request);
    await from.expect([Message.result, call, {}]);
  });

  suite.testWith(
    "[R-02 B-06] a strict realm counts the first part of a call, and takes the others",
    { realms: [{ uri: "realm1", profile: "strict" }] },
    async (world) => {
      const { from, to, call, first } = await begun(world);
      await from.subscribe("com.topic");
      more(from, call, { progress: true }, [1]);
      more(from, call, {}, [2]);
      assert.deepEqual((await to.invocation()).payload, [[1]]);
      assert.deepEqual((await to.invocation()).payload, [[2]]);
      to.yield(first.request);
      await from.expect([Message.result, call, {}]);
      from.send([Message.call, from.request() + 1, {}, "com.proc"]);
      await from.expectAbort("wamp.error.protocol_violation", /request id/);
    },
  );
}

function refusals(suite: Suite): void {
  suite.test(
    "[R-02] a callee without the feature, or without canceling, gets no such call",
    async (world) => {
      const from = await world.join({ roles });
      for (const features of [
        {},
        { progressive_call_invocations: true },
        { call_canceling: true, progressive_call_results: true },
      ]) {
        const to = await world.join({ roles: { callee: { features } } });
        const registration = await to.register("com.proc");
        const call = from.call("com.proc", { progress: true });
        await from.expectError(Message.call, call, "wamp.error.feature_not_supported");
        // What follows on its heels belongs to a call that is over.
        more(from, call, { progress: true });
        more(from, call, {});
        await from.expectQuiet();
        await to.expectQuiet();
        await to.unregister(registration);
      }
    },
  );

  suite.test("[R-02] a caller that has not announced it is aborted", async (world) => {
    const from = await world.join({ roles: { caller: { features: {} } } });
    from.call("com.proc", { progress: true });
    await from.expectAbort("wamp.error.protocol_violation", /progressive_call_invocations/);
  });

  suite.test("[R-02] a further part of a call that was complete is a violation", async (world) => {
    const { from, to, call, first } = await begun(world);
    more(from, call, {}, [1]);
    await to.invocation();
    more(from, call, {}, [2]);
    await from.expectAbort("wamp.error.protocol_violation", /complete/);
    await to.expect([Message.interrupt, first.request, { mode: "killnowait" }]);
    await to.expectQuiet();
  });
}

function races(suite: Suite): void {
  suite.test("[R-02] parts of a call that is over are dropped without a sound", async (world) => {
    for (const end of ["result", "error", "cancel", "callee"] as const) {
      const { from, to, call, first } = await begun(world);
      if (end === "result") to.yield(first.request, {}, ["early"]);
      if (end === "error") to.send([Message.error, Message.invocation, first.request, {}, "com.error"]);
      if (end === "cancel") from.send([Message.cancel, call, {}]);
      if (end === "callee") to.close();
      const [type] = await from.next();
      assert.equal(type, end === "result" ? Message.result : Message.error);
      more(from, call, { progress: true }, [1]);
      more(from, call, {}, [2]);
      await from.expectQuiet();
      if (end === "cancel") await to.expect([Message.interrupt, first.request, { mode: "killnowait" }]);
      if (end !== "callee") await to.expectQuiet();
      to.close();
      await until("the callee is gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-02 R-15] a caller that leaves in the middle has the callee interrupted", async (world) => {
    const { from, to, call, first } = await begun(world);
    more(from, call, { progress: true }, [1]);
    await to.invocation();
    from.close();
    await to.expect([Message.interrupt, first.request, { mode: "killnowait" }]);
    to.yield(first.request);
    await to.expectQuiet();
  });

  suite.test("[R-02 R-04] while a kill is under way no further parts go to the callee", async (world) => {
    const { from, to, call, first } = await begun(world);
    from.send([Message.cancel, call, { mode: "kill" }]);
    await to.expect([Message.interrupt, first.request, { mode: "kill" }]);
    more(from, call, { progress: true }, [1]);
    more(from, call, {}, [2]);
    await to.expectQuiet();
    to.send([Message.error, Message.invocation, first.request, {}, "wamp.error.canceled"]);
    await from.expect([Message.error, Message.call, call, {}, "wamp.error.canceled"]);
  });

  suite.slowTest("[R-02 R-03] each part of a call starts its timeout anew", {}, async (world) => {
    const { from, to, call, first } = await begun(world, { timeout: 1_500 });
    for (let i = 1; i <= 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 600));
      more(from, call, { progress: true }, [i]);
      assert.deepEqual((await to.invocation()).payload, [[i]]);
    }
    await from.expectError(Message.call, call, "wamp.error.timeout");
    await to.expect([Message.interrupt, first.request, { mode: "killnowait" }]);
  });
}

function keptTimeouts(suite: Suite): void {
  suite.slowTest("[R-03] a callee that asked for timeouts is told them and keeps them", {}, async (world) => {
    const { from, to, call, first } = await begun(world, { timeout: 50 }, { forward_timeout: true });
    assert.deepEqual(first.details, { timeout: 50, progress: true });
    more(from, call, {}, [1]);
    assert.deepEqual((await to.invocation()).details, { timeout: 50 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    await from.expectQuiet();
    to.send([Message.error, Message.invocation, first.request, {}, "wamp.error.timeout"]);
    await from.expect([Message.error, Message.call, call, {}, "wamp.error.timeout"]);
  });

  suite.slowTest("[R-03] timeouts are kept by the router for a callee that cannot", {}, async (world) => {
    const from = await world.join();
    const to = await world.join({ roles: { callee: { features: {} } } });
    await to.register("com.proc", { forward_timeout: true });
    const call = from.call("com.proc", { timeout: 50 });
    assert.deepEqual((await to.invocation()).details, {});
    await from.expectError(Message.call, call, "wamp.error.timeout");
  });

  suite.test("[R-03] forward_timeout of the wrong type is refused", async (world) => {
    const wire = await world.join();
    const request = wire.request();
    wire.send([Message.register, request, { forward_timeout: 1 }, "com.proc"]);
    await wire.expectError(Message.register, request, "wamp.error.invalid_argument");
    await wire.register("com.proc", { forward_timeout: null });
  });
}
