/** Calls to all callees that end early – CANCEL, timeout, departures – and the limits that they can meet. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite } from "./router-suite.ts";
import { deaf } from "./router-suite-cancel.ts";
import { allOf, assertMade, callAgain, callAll, fail, type GroupCall } from "./router-suite-gather.ts";
import { until } from "./wire.ts";

const canceled = "wamp.error.canceled";
const killnowait = { mode: "killnowait" };
const allYields = ["gather", "first", "progressive"] as const;

const optionsFor = (yields: (typeof allYields)[number]) => ({
  ...allOf,
  yields,
  ...(yields === "progressive" ? { receive_progress: true } : {}),
});

/** Whatever the callees say now, nobody hears it, and nobody is told anything more. */
async function expectOver({ caller, callees, invocations }: GroupCall): Promise<void> {
  for (const [i, callee] of callees.entries()) callee.yield(invocations[i]!, {}, ["late"]);
  for (const wire of [caller, ...callees]) await wire.expectQuiet();
}

export function gatherEndsSuite(suite: Suite): void {
  cancels(suite);
  kills(suite);
  departures(suite);
  timeouts(suite);
  counts(suite);
  sizes(suite);
}

function cancels(suite: Suite): void {
  for (const mode of ["skip", "killnowait", undefined])
    suite.test(
      `[R-09] CANCEL ${mode ?? "without a mode"} ends a call to all callees at once`,
      async (world) => {
        const { caller, callees } = await callAll(world, allOf, 4, [undefined, deaf]);
        for (const yields of allYields) {
          // The call that `callAll` made is still there: this one's end is not its end.
          const again = { caller, callees, ...(await callAgain(caller, callees, optionsFor(yields))) };
          const { call, invocations } = again;
          fail(callees[2]!, invocations[2]!, "com.broken");
          await callees[2]!.expectQuiet();
          caller.send([Message.cancel, call, mode === undefined ? {} : { mode }]);
          await caller.expectError(Message.call, call, canceled);
          if (mode !== "skip")
            for (const i of [0, 3]) await callees[i]!.expect([Message.interrupt, invocations[i], killnowait]);
          await expectOver(again);
        }
      },
    );

  suite.test(
    "[R-09] an unknown cancel mode ends a call to all callees with invalid_argument",
    async (world) => {
      const group = await callAll(world, allOf, 2);
      const { caller, callees, call, invocations } = group;
      caller.send([Message.cancel, call, { mode: "gently" }]);
      await caller.expectError(Message.call, call, "wamp.error.invalid_argument");
      for (const [i, callee] of callees.entries())
        await callee.expect([Message.interrupt, invocations[i], killnowait]);
      await expectOver(group);
    },
  );
}

function kills(suite: Suite): void {
  suite.test(
    "[R-09] CANCEL kill waits for the callees that can be interrupted; the others count as canceled",
    async (world) => {
      const group = await callAll(world, allOf, 4, [undefined, deaf]);
      const { caller, callees, call, invocations } = group;
      callees[3]!.yield(invocations[3]!, {}, ["done"]);
      await callees[3]!.expectQuiet();
      caller.send([Message.cancel, call, { mode: "kill" }], [Message.cancel, call, { mode: "kill" }]);
      for (const i of [0, 2]) await callees[i]!.expect([Message.interrupt, invocations[i], { mode: "kill" }]);
      for (const wire of [caller, ...callees]) await wire.expectQuiet();
      fail(callees[0]!, invocations[0]!, canceled, ["stopped"]);
      callees[2]!.yield(invocations[2]!, {}, ["anyway"]);
      const [type, request, , entries] = await caller.next();
      assert.deepEqual([type, request], [Message.result, call]);
      const [stopped, uninterrupted, ...finished] = entries as unknown[];
      assert.deepEqual(stopped, { error: canceled, args: ["stopped"] });
      assertMade(uninterrupted, canceled);
      assert.deepEqual(finished, [{ args: ["anyway"] }, { args: ["done"] }]);
      await expectOver(group);
    },
  );

  suite.test("[R-09] CANCEL kill where nobody can be interrupted is skip", async (world) => {
    for (const yields of allYields) {
      const group = await callAll(world, optionsFor(yields), 2, [deaf, deaf]);
      group.caller.send([Message.cancel, group.call, { mode: "kill" }]);
      await group.caller.expectError(Message.call, group.call, canceled);
      await expectOver(group);
      for (const callee of group.callees) callee.close();
      await until("they are gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-09] after CANCEL kill nobody is interrupted again, however the call ends", async (world) => {
    const { caller, callees } = await callAll(world, allOf, 2);
    for (const ending of ["skip", "killnowait", "first"]) {
      const options = optionsFor(ending === "first" ? "first" : "gather");
      const group = { caller, callees, ...(await callAgain(caller, callees, options)) };
      const { call, invocations } = group;
      caller.send([Message.cancel, call, { mode: "kill" }]);
      for (const [i, callee] of callees.entries())
        await callee.expect([Message.interrupt, invocations[i], { mode: "kill" }]);
      if (ending === "first") {
        callees[1]!.yield(invocations[1]!, {}, ["won"]);
        await caller.expect([Message.result, call, {}, ["won"]]);
      } else {
        caller.send([Message.cancel, call, { mode: ending }]);
        await caller.expectError(Message.call, call, canceled);
      }
      await expectOver(group);
    }
  });
}

function departures(suite: Suite): void {
  suite.test(
    "[R-09] a caller that leaves: the callees that are still at it are interrupted",
    async (world) => {
      for (const killed of [false, true]) {
        const { caller, callees, call, invocations } = await callAll(world, allOf, 3, [undefined, deaf]);
        callees[2]!.yield(invocations[2]!, {}, ["done"]);
        await callees[2]!.expectQuiet();
        if (killed) {
          caller.send([Message.cancel, call, { mode: "kill" }]);
          await callees[0]!.expect([Message.interrupt, invocations[0], { mode: "kill" }]);
        }
        caller.close();
        await until("it is gone", () => world.router.stats().sessions === 3);
        assert.equal(world.router.stats().pendingCalls, 0);
        if (!killed) await callees[0]!.expect([Message.interrupt, invocations[0], killnowait]);
        for (const [i, callee] of callees.entries()) {
          if (i < 2) callee.yield(invocations[i]!, {}, ["late"]);
          await callee.expectQuiet();
          callee.close();
        }
        await until("all are gone", () => world.router.stats().sessions === 0);
        assert.equal(world.router.stats().heldBytes, 0);
      }
    },
  );

  suite.test("[R-09] a callee that leaves while it is being killed is not waited for", async (world) => {
    const { caller, callees, call, invocations } = await callAll(world, allOf, 2);
    caller.send([Message.cancel, call, { mode: "kill" }]);
    for (const callee of callees) await callee.next();
    callees[0]!.close();
    await until("it is gone", () => world.router.stats().registrations === 1);
    await caller.expectQuiet();
    callees[1]!.yield(invocations[1]!, {}, ["last"]);
    const [, request, , entries] = await caller.next();
    assert.equal(request, call);
    assertMade((entries as unknown[])[0], canceled);
    assert.deepEqual((entries as unknown[])[1], { args: ["last"] });
  });

  suite.test(
    "[R-09] a caller that is one of the callees leaves: nothing is left of its call",
    async (world) => {
      for (const yields of allYields) {
        const { caller, callees } = await callAll(world, allOf, 1);
        await caller.register("com.proc", { invoke: "all" });
        const { invocations } = await callAgain(caller, [callees[0]!, caller], optionsFor(yields));
        if (yields !== "first") callees[0]!.yield(invocations[0]!);
        await callees[0]!.expectQuiet();
        caller.close();
        await until("it is gone", () => world.router.stats().sessions === 1);
        assert.equal(world.router.stats().pendingCalls, 0);
        callees[0]!.close();
        await until("all are gone", () => world.router.stats().sessions === 0);
      }
    },
  );
}

function timeouts(suite: Suite): void {
  suite.test(
    "[R-09] a call to all callees whose time is over: ERROR timeout, INTERRUPT for those at it",
    async (world) => {
      for (const yields of allYields) {
        const options = { ...optionsFor(yields), timeout: 40 };
        const group = await callAll(world, options, 3, [undefined, deaf]);
        const { caller, callees, call, invocations } = group;
        fail(callees[2]!, invocations[2]!, "com.broken");
        await caller.expectError(Message.call, call, "wamp.error.timeout");
        await callees[0]!.expect([Message.interrupt, invocations[0], killnowait]);
        assert.equal(world.router.stats().deadlines, 0);
        await expectOver(group);
        for (const callee of callees) callee.close();
        await until("they are gone", () => world.router.stats().registrations === 0);
      }
    },
  );

  suite.slowTest(
    "[R-09] each forwarded RESULT restarts the timeout of a call to all callees",
    {},
    async (world) => {
      const options = { ...optionsFor("progressive"), timeout: 1_000 };
      const { caller, callees, call, invocations } = await callAll(world, options, 2);
      for (let i = 0; i < 7; i++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        callees[i % 2]!.yield(invocations[i % 2]!, { progress: true }, [i]);
        await caller.expect([Message.result, call, { progress: true }, [i]]);
      }
      for (const [i, callee] of callees.entries()) {
        callee.yield(invocations[i]!);
        await caller.expect([Message.result, call, { progress: true }]);
      }
      await caller.expect([Message.result, call, {}, [2, 0]]);
      assert.equal(world.router.stats().deadlines, 0);
    },
  );
}

function counts(suite: Suite): void {
  suite.testWith(
    "[R-09] a call reaches no more callees than it may",
    { limits: { calleesPerCall_max: 2 } },
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, allOf, 2);
      const third = await world.join();
      await third.register("com.proc", { invoke: "all" });
      await caller.expectError(Message.call, caller.call("com.proc"), "wamp.error.unavailable");
      for (const callee of [...callees, third]) await callee.expectQuiet();
      for (const [i, callee] of callees.entries()) callee.yield(invocations[i]!);
      await caller.expect([Message.result, call, {}, [{ args: [] }, { args: [] }]]);
    },
  );

  suite.testWith(
    "[R-09] a call to all callees is one of its caller's calls in flight",
    { limits: { callsPerSession_max: 2 } },
    async (world) => {
      const { caller, callees } = await callAll(world, allOf, 3);
      await callAgain(caller, callees);
      await caller.expectError(Message.call, caller.call("com.proc"), "wamp.error.unavailable");
    },
  );

  suite.testWith(
    "[R-09] a callee with too many calls outstanding counts as one that failed",
    { limits: { invocationsPerSession_max: 1 } },
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, allOf, 2);
      callees[1]!.yield(invocations[1]!);
      await callees[1]!.expectQuiet();
      const second = caller.call("com.proc");
      const { request } = await callees[1]!.invocation();
      callees[1]!.yield(request, {}, ["free"]);
      const [type, id, , entries] = await caller.next();
      assert.deepEqual([type, id], [Message.result, second]);
      assertMade((entries as unknown[])[0], "wamp.error.unavailable");
      assert.deepEqual((entries as unknown[])[1], { args: ["free"] });
      // With nobody free the call ends at once.
      const third = caller.call("com.proc");
      await callees[1]!.invocation();
      const fourth = caller.call("com.proc");
      const refused = await caller.next();
      assert.deepEqual(refused.slice(0, 5), [
        Message.error,
        Message.call,
        fourth,
        {},
        "wamp.error.unavailable",
      ]);
      for (const entry of refused[5] as unknown[]) assertMade(entry, "wamp.error.unavailable");
      assert.deepEqual([call, third], [1, 3]);
    },
  );
}

function sizes(suite: Suite): void {
  const exceeded = "wamp.error.payload_size_exceeded";

  suite.testWith(
    "[R-09] a call that is too large to be sent to all its callees is sent to none",
    { limits: { callBytesToAll_max: 4_000 } },
    async (world) => {
      const { caller, callees } = await callAll(world, allOf, 3);
      await caller.expectError(Message.call, caller.call("com.proc", {}, ["x".repeat(2_000)]), exceeded);
      for (const callee of callees) await callee.expectQuiet();
    },
  );

  suite.testWith(
    "[R-09] answers that are too large together end the call, and the callees that are still at it are told",
    { limits: { gatherBytes_max: 3_000 } },
    async (world) => {
      const { caller, callees } = await callAll(world, allOf, 4);
      for (const answer of ["yield", "error"]) {
        const group = { caller, callees, ...(await callAgain(caller, callees)) };
        const { call, invocations } = group;
        const large = ["x".repeat(1_200)];
        for (const i of [0, 1, 2])
          if (answer === "yield") callees[i]!.yield(invocations[i]!, {}, large);
          else fail(callees[i]!, invocations[i]!, "com.large", large);
        await caller.expectError(Message.call, call, exceeded);
        await callees[3]!.expect([Message.interrupt, invocations[3], killnowait]);
        await expectOver(group);
      }
    },
  );

  suite.testWith(
    "[R-09] the router holds no more answers than it may, over all calls",
    { limits: { gatherBytesTotal_max: 3_000 } },
    async (world) => {
      const { caller, callees, call: first, invocations: firstIds } = await callAll(world, allOf, 2);
      const { call, invocations } = await callAgain(caller, callees);
      callees[0]!.yield(firstIds[0]!, {}, ["x".repeat(2_000)]);
      callees[0]!.yield(invocations[0]!, {}, ["x".repeat(2_000)]);
      await caller.expectError(Message.call, call, "wamp.error.unavailable");
      await callees[1]!.expect([Message.interrupt, invocations[1], killnowait]);
      callees[1]!.yield(firstIds[1]!);
      await caller.expect([Message.result, first, {}, [{ args: ["x".repeat(2_000)] }, { args: [] }]]);
      assert.equal(world.router.stats().heldBytes, 0);
    },
  );

  suite.testWith(
    "[R-09] an answer that grows beyond the largest frame is that callee's error",
    { limits: { frameBytes_max: 1_024, gatherBytes_max: 8_192 } },
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, allOf, 3);
      // Fits in MessagePack and CBOR, and not in Base64; the callee that writes JSON sends less.
      const sizeOf = (serializer: Serializer): number => (serializer === Serializer.json ? 9 : 780);
      for (const [i, callee] of callees.entries())
        callee.yield(invocations[i]!, {}, [new Uint8Array(sizeOf(callee.serializer))]);
      const [type, request, , entries] = await caller.next();
      assert.deepEqual([type, request], [Message.result, call]);
      for (const [i, { serializer }] of callees.entries()) {
        const entry = (entries as unknown[])[i];
        const grows = caller.serializer === Serializer.json && serializer !== Serializer.json;
        if (grows) assertMade(entry, exceeded);
        else assert.deepEqual(entry, { args: [new Uint8Array(sizeOf(serializer))] });
      }
    },
  );
}
