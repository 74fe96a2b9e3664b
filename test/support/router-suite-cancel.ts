/** How calls end early: CANCEL in its three modes and all its races, and timeouts. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import { until, type Wire } from "./wire.ts";

const canceled = "wamp.error.canceled";
/** A callee that knows no INTERRUPT. */
export const deaf = { callee: { features: { progressive_call_results: true } } };

export interface Call {
  readonly caller: Wire;
  readonly callee: Wire;
  readonly call: number;
  readonly invocation: number;
}

/** A call that its callee has, unanswered. */
export async function inFlight(world: World, options: object = {}, roles?: object): Promise<Call> {
  const caller = await world.join();
  const callee = await world.join(roles === undefined ? {} : { roles: roles as Record<string, unknown> });
  await callee.register("com.proc");
  const call = caller.call("com.proc", options as Record<string, unknown>);
  const { request } = await callee.invocation();
  return { caller, callee, call, invocation: request };
}

export function cancelSuite(suite: Suite): void {
  modes(suite);
  races(suite);
  timeouts(suite);
}

function modes(suite: Suite): void {
  suite.test("[R-04] [2.13 #1] CANCEL skip answers the caller at once, not the callee", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, { mode: "skip" }]);
    await caller.expectError(Message.call, call, canceled);
    callee.yield(invocation, {}, ["too late"]);
    await callee.expectQuiet();
    await caller.expectQuiet();
  });

  suite.test("[R-04] CANCEL killnowait answers at once and interrupts the callee", async (world) => {
    for (const answer of ["yield", "error"]) {
      const { caller, callee, call, invocation } = await inFlight(world);
      caller.send([Message.cancel, call, { mode: "killnowait" }]);
      await caller.expectError(Message.call, call, canceled);
      await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
      if (answer === "yield") callee.yield(invocation);
      else callee.send([Message.error, Message.invocation, invocation, {}, canceled]);
      await callee.expectQuiet();
      await caller.expectQuiet();
      callee.close();
      await until("the callee is gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-04] [2.13 #10] CANCEL without a mode is killnowait", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, {}]);
    await caller.expectError(Message.call, call, canceled);
    await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
  });

  suite.test("[R-04] CANCEL kill interrupts, and the callee's answer counts: an ERROR", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
    await caller.expectQuiet();
    callee.send([Message.error, Message.invocation, invocation, {}, canceled, ["stopped"]]);
    await caller.expect([Message.error, Message.call, call, {}, canceled, ["stopped"]]);
  });

  suite.test("[R-04] CANCEL kill interrupts, and the callee's answer counts: a RESULT", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
    callee.yield(invocation, {}, ["done anyway"]);
    await caller.expect([Message.result, call, {}, ["done anyway"]]);
    await caller.expectQuiet();
  });

  suite.test("[R-04] for a callee without call_canceling every mode is skip", async (world) => {
    for (const mode of ["skip", "kill", "killnowait", undefined]) {
      const { caller, callee, call, invocation } = await inFlight(world, {}, deaf);
      caller.send([Message.cancel, call, mode === undefined ? {} : { mode }]);
      await caller.expectError(Message.call, call, canceled);
      callee.yield(invocation);
      await callee.expectQuiet();
      await caller.expectQuiet();
      callee.close();
      await until("the callee is gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-04] an unknown mode ends the call with invalid_argument, if compatible", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, { mode: "gently" }]);
    await caller.expectError(Message.call, call, "wamp.error.invalid_argument");
    await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
    callee.yield(invocation);
    await caller.expectQuiet();
  });

  const strict = { realms: [{ uri: "realm1", profile: "strict" as const }] };
  suite.testWith(
    "[R-04] an unknown mode is answered by ABORT protocol_violation in a strict realm",
    strict,
    async (world) => {
      const { caller, call } = await inFlight(world);
      caller.send([Message.cancel, call, { mode: "gently" }]);
      await caller.expectAbort("wamp.error.protocol_violation", /mode/);
    },
  );
}

function races(suite: Suite): void {
  suite.test("[R-04] CANCEL of a call that is unknown or finished is ignored", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, 999, {}], [Message.cancel, 2 ** 53, { mode: "kill" }]);
    callee.yield(invocation, {}, [1]);
    await caller.expect([Message.result, call, {}, [1]]);
    for (const mode of ["skip", "kill", "killnowait"]) caller.send([Message.cancel, call, { mode }]);
    await caller.expectQuiet();
    await callee.expectQuiet();
  });

  suite.test("[R-04] among many calls in flight exactly the one is canceled that is named", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    const count = 300;
    const calls = new Map<number, number>();
    const open = async (n: number): Promise<void> => {
      for (let i = 0; i < n; i++) {
        const call = caller.call("com.proc", {}, [i]);
        calls.set(call, (await callee.invocation()).request);
      }
    };
    await open(count);
    const order = [...calls.keys()].sort((a, b) => ((a * 7_919) % 1_009) - ((b * 7_919) % 1_009));
    for (const [i, call] of order.entries()) {
      caller.send([Message.cancel, call + 100_000, {}], [Message.cancel, call, { mode: "skip" }]);
      await caller.expectError(Message.call, call, canceled);
      if (i === count / 2) await open(50);
      if (i % 3 !== 0) continue;
      // Others end in the meantime, by an answer.
      const [other, invocation] = [...calls].find(([id]) => !order.slice(0, i + 1).includes(id)) ?? [0, 0];
      if (other === 0 || order.includes(other)) continue;
      callee.yield(invocation, {}, [other]);
      await caller.expect([Message.result, other, {}, [other]]);
      calls.delete(other);
    }
    caller.send(...order.map((call) => [Message.cancel, call, {}]));
    await caller.expectQuiet();
  });

  suite.test("[R-04] CANCEL of another session's call is ignored", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    const stranger = await world.join();
    stranger.send([Message.cancel, call, {}]);
    await stranger.expectQuiet();
    callee.yield(invocation, {}, [1]);
    await caller.expect([Message.result, call, {}, [1]]);
  });

  suite.test(
    "[R-04] a second CANCEL kill is ignored, a stronger mode ends the wait without a second INTERRUPT",
    async (world) => {
      for (const stronger of ["skip", "killnowait"]) {
        const { caller, callee, call, invocation } = await inFlight(world);
        caller.send([Message.cancel, call, { mode: "kill" }], [Message.cancel, call, { mode: "kill" }]);
        await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
        await caller.expectQuiet();
        caller.send([Message.cancel, call, { mode: stronger }]);
        await caller.expectError(Message.call, call, canceled);
        callee.yield(invocation);
        await callee.expectQuiet();
        await caller.expectQuiet();
        callee.close();
        await until("the callee is gone", () => world.router.stats().registrations === 0);
      }
    },
  );

  suite.test("[R-04 R-14] a callee that leaves while it is being killed: ERROR canceled", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
    callee.close();
    await caller.expectError(Message.call, call, canceled);
  });

  suite.test(
    "[R-04 R-15] a caller that leaves while it waits for kill: the callee is not interrupted again",
    async (world) => {
      const { caller, callee, call, invocation } = await inFlight(world);
      caller.send([Message.cancel, call, { mode: "kill" }]);
      await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
      caller.close();
      await until("the caller is gone", () => world.router.stats().sessions === 1);
      assert.equal(world.router.stats().pendingCalls, 0);
      callee.yield(invocation, {}, ["late"]);
      await callee.expectQuiet();
    },
  );

  suite.test(
    "[R-01 R-04] progress is forwarded while kill waits, and dropped after skip and killnowait",
    async (world) => {
      for (const mode of ["kill", "skip", "killnowait"]) {
        const { caller, callee, call, invocation } = await inFlight(world, { receive_progress: true });
        callee.yield(invocation, { progress: true }, [1]);
        await caller.expect([Message.result, call, { progress: true }, [1]]);
        caller.send([Message.cancel, call, { mode }]);
        if (mode !== "skip") await callee.expect([Message.interrupt, invocation, { mode }]);
        else await caller.expectError(Message.call, call, canceled);
        callee.yield(invocation, { progress: true }, [2]);
        callee.yield(invocation, {}, [3]);
        if (mode === "kill") {
          await caller.expect([Message.result, call, { progress: true }, [2]]);
          await caller.expect([Message.result, call, {}, [3]]);
        } else if (mode === "killnowait") await caller.expectError(Message.call, call, canceled);
        await callee.expectQuiet();
        await caller.expectQuiet();
        callee.close();
        await until("the callee is gone", () => world.router.stats().registrations === 0);
      }
    },
  );

  suite.test("[R-04] CANCEL and YIELD that cross: exactly one final reply", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    for (let round = 0; round < 50; round++) {
      const call = caller.call("com.proc");
      const { request } = await callee.invocation();
      const cancel = (): void => caller.send([Message.cancel, call, { mode: "killnowait" }]);
      if (round % 2 === 0) cancel();
      callee.yield(request, {}, [round]);
      if (round % 2 === 1) cancel();
      const reply = await caller.next();
      assert.ok(
        reply[0] === Message.result || (reply[0] === Message.error && reply[4] === canceled),
        JSON.stringify(reply),
      );
      await caller.expectQuiet();
      // The callee was interrupted exactly when the cancel won.
      if (reply[0] === Message.error)
        await callee.expect([Message.interrupt, request, { mode: "killnowait" }]);
      await callee.expectQuiet();
    }
  });

  suite.test("[R-04] UNREGISTER while a call is being canceled changes nothing for it", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    const registration = await callee.register("com.proc");
    const call = caller.call("com.proc");
    const { request } = await callee.invocation();
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, request, { mode: "kill" }]);
    await callee.unregister(registration);
    callee.yield(request, {}, ["last"]);
    await caller.expect([Message.result, call, {}, ["last"]]);
  });
}

function timeouts(suite: Suite): void {
  suite.test(
    "[R-03] a call whose time is over: ERROR timeout, INTERRUPT for the callee, a late answer is ignored",
    async (world) => {
      const { caller, callee, call, invocation } = await inFlight(world, { timeout: 20 });
      await caller.expectError(Message.call, call, "wamp.error.timeout");
      await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
      callee.yield(invocation, {}, ["late"]);
      await callee.expectQuiet();
      await caller.expectQuiet();
    },
  );

  suite.test("[R-03] a callee without call_canceling is not interrupted by a timeout", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world, { timeout: 20 }, deaf);
    await caller.expectError(Message.call, call, "wamp.error.timeout");
    callee.yield(invocation);
    await callee.expectQuiet();
  });

  suite.test("[R-03] timeout 0 is none, and an answer in time stops the clock", async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world, { timeout: 0 });
    assert.equal(world.router.stats().deadlines, 0);
    const timed = caller.call("com.proc", { timeout: 60_000 });
    assert.equal((await callee.invocation()).request, invocation + 1);
    assert.equal(world.router.stats().deadlines, 1);
    callee.yield(invocation + 1);
    callee.yield(invocation);
    await caller.expect([Message.result, timed, {}]);
    await caller.expect([Message.result, call, {}]);
    assert.equal(world.router.stats().deadlines, 0);
  });

  suite.slowTest("[R-01 R-03] each progressive result restarts the timeout", {}, async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world, {
      timeout: 1_000,
      receive_progress: true,
    });
    // Together longer than the timeout, each on its own much shorter.
    for (let i = 0; i < 7; i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      callee.yield(invocation, { progress: true }, [i]);
      await caller.expect([Message.result, call, { progress: true }, [i]]);
    }
    await caller.expectError(Message.call, call, "wamp.error.timeout");
    await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
  });

  suite.slowTest("[R-03 R-04] timeout while kill waits: no second INTERRUPT", {}, async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world, { timeout: 300 });
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
    await caller.expectError(Message.call, call, "wamp.error.timeout");
    callee.send([Message.error, Message.invocation, invocation, {}, canceled]);
    await callee.expectQuiet();
    await caller.expectQuiet();
  });

  suite.testWith(
    "[R-03] a longer timeout than the router allows is lowered",
    { limits: { callTimeout_ms: 20 } },
    async (world) => {
      const { caller, call } = await inFlight(world, { timeout: 2 ** 53 });
      await caller.expectError(Message.call, call, "wamp.error.timeout");
    },
  );
}
