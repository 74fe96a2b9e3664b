/** REGISTER.Options.concurrency: callees that take only so many calls at a time, and the calls that wait for them. */
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { otherSerializers, type Suite, type World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const canceled = "wamp.error.canceled";
const unavailable = "wamp.error.unavailable";

export function concurrencySuite(suite: Suite): void {
  waiting(suite);
  endings(suite);
  departures(suite);
  bounds(suite);
}

interface Busy {
  readonly caller: Wire;
  readonly callee: Wire;
  readonly registration: number;
  /** The call that the callee has, and its invocation. */
  readonly call: number;
  readonly invocation: number;
}

/** A callee that takes one call at a time, and has it. */
export async function busy(world: World, options: Dict = {}): Promise<Busy> {
  const [caller, callee] = [await world.join(), await world.join()];
  const registration = await callee.register("com.proc", { concurrency: 1, ...options });
  const call = caller.call("com.proc", options["invoke"] === "jch" ? { rkey: "" } : {});
  const { request } = await callee.invocation();
  return { caller, callee, registration, call, invocation: request };
}

function waiting(suite: Suite): void {
  suite.test(
    "[R-16] a callee has no more invocations outstanding than its concurrency; other calls wait in their order",
    async (world) => {
      for (const option of ["concurrency", "x_concurrency"]) {
        const [caller, callee] = [await world.join(), await world.join()];
        const procedure = `com.${option}`;
        await callee.register(procedure, { [option]: 2 });
        const calls = Array.from({ length: 6 }, (_, i) => caller.call(procedure, {}, [i]));
        const requests = [(await callee.invocation()).request, (await callee.invocation()).request];
        await callee.expectQuiet();
        assert.equal(world.router.stats().queuedCalls, 4);
        for (let i = 0; i < 4; i++) {
          // The younger of the two first: it makes room all the same.
          callee.yield(requests.pop()!, {}, ["done"]);
          const { request, payload } = await callee.invocation();
          assert.deepEqual(payload, [[i + 2]]);
          requests.push(request);
          await callee.expectQuiet();
          assert.deepEqual((await caller.next()).slice(0, 2), [Message.result, calls[i === 0 ? 1 : i + 1]]);
        }
        assert.equal(world.router.stats().queuedCalls, 0);
        for (const request of requests) callee.yield(request);
        await caller.next();
        await caller.next();
      }
    },
  );

  suite.test("[R-16] concurrency is a positive integer", async (world) => {
    const wire = await world.join();
    for (const option of ["concurrency", "x_concurrency"])
      for (const value of [0, -1, 1.5, "2", true, [1], 2 ** 32]) {
        const request = wire.request();
        wire.send([Message.register, request, { [option]: value }, "com.proc"]);
        const error = await wire.next();
        assert.deepEqual(error.slice(0, 3), [Message.error, Message.register, request]);
        assert.equal(error[4], "wamp.error.invalid_argument");
        assert.match(String((error[5] as unknown[])[0]), new RegExp(`"${option}"`));
      }
    await wire.register("com.proc", { concurrency: null, something_else: 1 });
    for (let i = 0; i < 3; i++) wire.call("com.proc");
    for (let i = 0; i < 3; i++) await wire.invocation();
  });

  suite.test("[R-16] any end of an invocation makes room for the next call", async (world) => {
    const { caller, callee, call, invocation } = await busy(world);
    for (let i = 0; i < 3; i++) caller.call("com.proc", i === 0 ? { timeout: 30 } : {}, [i]);
    callee.send([Message.error, Message.invocation, invocation, {}, "com.error"]);
    assert.deepEqual(await caller.next(), [Message.error, Message.call, call, {}, "com.error"]);
    const timed = await callee.invocation();
    await caller.expectError(Message.call, call + 1, "wamp.error.timeout");
    await callee.expect([Message.interrupt, timed.request, { mode: "killnowait" }]);
    assert.deepEqual((await callee.invocation()).payload, [[1]]);
    caller.send([Message.cancel, call + 2, { mode: "skip" }]);
    await caller.expectError(Message.call, call + 2, canceled);
    assert.deepEqual((await callee.invocation()).payload, [[2]]);
  });

  suite.test("[R-16] a progressive result makes no room", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc", { concurrency: 1 });
    caller.call("com.proc", { receive_progress: true });
    caller.call("com.proc");
    const { request } = await callee.invocation();
    callee.yield(request, { progress: true }, [1]);
    await caller.next();
    await callee.expectQuiet();
    callee.yield(request);
    await callee.invocation();
  });

  suite.test("[R-16] a call that has waited is sent as it would have been at once", async (world) => {
    for (const serializer of [world.leg.serializer, ...otherSerializers(world.leg.serializer)]) {
      const [caller, callee] = [await world.join({ serializer }), await world.join()];
      const procedure = `com.${serializer}`;
      await callee.register(procedure, { match: "prefix", concurrency: 1 });
      const options = { disclose_me: true, receive_progress: true };
      const payload = [["text", 1, null, [true]], { k: -1.5 }];
      caller.call(`${procedure}.x`, options, ...payload);
      caller.call(`${procedure}.x`, options, ...payload);
      const first = await callee.invocation();
      callee.yield(first.request);
      const second = await callee.invocation();
      assert.deepEqual(second, { ...first, request: first.request + 1 });
      assert.deepEqual(second.payload, payload);
      callee.yield(second.request, { progress: true }, ["more"]);
      await caller.next();
      await caller.expect([Message.result, 2, { progress: true }, ["more"]]);
    }
  });

  suite.test("[R-16] a call id is taken while its call waits", async (world) => {
    const { caller, call } = await busy(world);
    const waits = caller.call("com.proc");
    for (const id of [call, waits]) {
      caller.send([Message.call, id, {}, "com.proc"]);
      await caller.expectError(Message.call, id, "wamp.error.invalid_argument");
    }
  });

  suite.test("[R-16] many calls of several callers each keep their order", async (world) => {
    const callers = await world.joinMany(3);
    const callee = await world.join();
    await callee.register("com.proc", { concurrency: 7 });
    const count = 120;
    for (let i = 0; i < count; i++)
      for (const [c, caller] of callers.entries()) caller.call("com.proc", {}, [c, i]);
    const seen = [0, 0, 0];
    const open: number[] = [];
    for (let n = 0; n < count * callers.length; n++) {
      const { request, payload } = await callee.invocation();
      const [c, i] = payload[0] as [number, number];
      assert.equal(i, seen[c]!++);
      open.push(request);
      assert.ok(open.length <= 7);
      if (open.length === 7) callee.yield(open.splice((n * 5) % 7, 1)[0]!);
    }
  });
}

function endings(suite: Suite): void {
  suite.test("[R-16 R-04] CANCEL takes a waiting call out of the queue, in every mode", async (world) => {
    const { caller, callee, invocation } = await busy(world);
    const modes = ["skip", "kill", "killnowait", undefined];
    const calls = modes.map(() => caller.call("com.proc"));
    const last = caller.call("com.proc", {}, ["last"]);
    for (const [i, mode] of modes.entries()) {
      caller.send([Message.cancel, calls[i], mode === undefined ? {} : { mode }]);
      await caller.expectError(Message.call, calls[i]!, canceled);
    }
    await callee.expectQuiet();
    callee.yield(invocation);
    assert.deepEqual((await callee.invocation()).payload, [["last"]]);
    callee.yield(invocation + 1);
    await caller.next();
    await caller.expect([Message.result, last, {}]);
    await callee.expectQuiet();
  });

  suite.test("[R-16 R-03] a waiting call is over when its timeout is", async (world) => {
    const { caller, callee, invocation } = await busy(world);
    const timed = caller.call("com.proc", { timeout: 20 });
    const other = caller.call("com.proc", { timeout: 60_000 }, ["other"]);
    await caller.expectError(Message.call, timed, "wamp.error.timeout");
    await callee.expectQuiet();
    callee.yield(invocation);
    await caller.next();
    assert.deepEqual((await callee.invocation()).payload, [["other"]]);
    callee.yield(invocation + 1);
    await caller.expect([Message.result, other, {}]);
  });
}

function departures(suite: Suite): void {
  suite.test("[R-16 R-15] the waiting calls of a caller that leaves are forgotten", async (world) => {
    const { caller, callee, invocation } = await busy(world);
    const other = await world.join();
    caller.call("com.proc");
    caller.call("com.proc", { timeout: 60_000 });
    await caller.expectQuiet();
    const kept = other.call("com.proc", {}, ["kept"]);
    await other.expectQuiet();
    caller.close();
    await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
    const { request, payload } = await callee.invocation();
    assert.deepEqual(payload, [["kept"]]);
    callee.yield(request);
    await other.expect([Message.result, kept, {}]);
    await callee.expectQuiet();
  });

  suite.test(
    "[R-16 R-14] when the last callee leaves, calls that wait end with ERROR canceled",
    async (world) => {
      const { caller, callee, call } = await busy(world);
      const waits = [caller.call("com.proc"), caller.call("com.proc", { timeout: 60_000 })];
      await caller.expectQuiet();
      callee.close();
      for (const id of [call, ...waits]) await caller.expectError(Message.call, id, canceled);
      const late = caller.call("com.proc");
      await caller.expectError(Message.call, late, "wamp.error.no_such_procedure");
    },
  );

  suite.test(
    "[R-16] UNREGISTER ends calls that wait for its last callee, and none in flight",
    async (world) => {
      const { caller, callee, registration, call, invocation } = await busy(world);
      const waits = caller.call("com.proc");
      await callee.unregister(registration);
      await caller.expectError(Message.call, waits, canceled);
      // What it still has does not count against a new registration.
      await callee.register("com.proc", { concurrency: 1 });
      const again = caller.call("com.proc");
      const { request } = await callee.invocation();
      assert.equal(world.router.stats().limitedCallees, 2);
      callee.yield(invocation);
      await caller.expect([Message.result, call, {}]);
      const blocked = caller.call("com.proc");
      await callee.expectQuiet();
      callee.yield(request);
      await caller.expect([Message.result, again, {}]);
      callee.yield((await callee.invocation()).request);
      await caller.expect([Message.result, blocked, {}]);
    },
  );

  suite.test("[R-16] calls that wait go to the callees that are left", async (world) => {
    const { caller, callee } = await busy(world, { invoke: "first" });
    const other = await world.join();
    await other.register("com.proc", { invoke: "first" });
    const waits = [caller.call("com.proc", {}, [1]), caller.call("com.proc", {}, [2])];
    await other.expectQuiet();
    callee.close();
    for (const i of [1, 2]) assert.deepEqual((await other.invocation()).payload, [[i]]);
    other.yield(2);
    assert.equal((await caller.next())[4], canceled);
    await caller.expect([Message.result, waits[1], {}]);
  });

  suite.test("[R-16 R-14] a session that waits for itself leaves nothing behind", async (world) => {
    const wire = await world.join();
    await wire.register("com.proc", { concurrency: 1 });
    for (let i = 0; i < 5; i++) wire.call("com.proc", { timeout: 60_000 });
    await wire.invocation();
    wire.close();
    await until("it is gone", () => world.router.stats().sessions === 0);
    const { pendingCalls, queuedCalls, limitedCallees } = world.router.stats();
    assert.deepEqual(
      { pendingCalls, queuedCalls, limitedCallees },
      { pendingCalls: 0, queuedCalls: 0, limitedCallees: 0 },
    );
  });
}

function bounds(suite: Suite): void {
  const limited = (limits: NonNullable<RouterOptions["limits"]>): RouterOptions => ({ limits });

  /** Sends calls with this payload; returns how many of them wait, the others having been refused. */
  const fill = async (
    caller: Wire,
    count: number,
    payload: unknown,
    procedure = "com.proc",
  ): Promise<number> => {
    for (let i = 0; i < count; i++) caller.call(procedure, {}, [payload]);
    const request = caller.request();
    caller.send([Message.unsubscribe, request, 2 ** 53]);
    let refused = 0;
    for (let error = await caller.next(); error[1] !== Message.unsubscribe; error = await caller.next()) {
      assert.deepEqual([error[0], error[4]], [Message.error, unavailable]);
      refused++;
    }
    return count - refused;
  };

  suite.testWith(
    "[R-16] no more calls wait for a registration than may",
    limited({ queuedCallsPerRegistration_max: 3 }),
    async (world) => {
      const { caller, callee, invocation } = await busy(world);
      assert.equal(await fill(caller, 5, null), 3);
      callee.yield(invocation);
      await callee.invocation();
      await caller.next();
      assert.equal(await fill(caller, 2, null), 1);
    },
  );

  suite.testWith(
    "[R-16] no more calls wait for all registrations together than may",
    limited({ queuedCalls_max: 3 }),
    async (world) => {
      const { caller, callee } = await busy(world);
      await callee.register("com.other", { concurrency: 1 });
      caller.call("com.other");
      assert.equal(await fill(caller, 2, null), 2);
      assert.equal(await fill(caller, 2, null, "com.other"), 1);
    },
  );

  suite.testWith(
    "[R-16] waiting calls take no more bytes than they may",
    limited({ frameBytes_max: 1 << 12, queuedBytesPerRegistration_max: 1 << 12 }),
    async (world) => {
      const { caller } = await busy(world);
      assert.equal(await fill(caller, 5, "x".repeat(1_200)), 3);
      assert.equal(await fill(caller, 1, ""), 1);
    },
  );

  suite.testWith(
    "[R-16] waiting calls count among those that a caller may have in flight",
    limited({ callsPerSession_max: 3 }),
    async (world) => {
      const { caller } = await busy(world);
      assert.equal(await fill(caller, 4, null), 2);
    },
  );
}
