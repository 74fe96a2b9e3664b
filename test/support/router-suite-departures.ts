/** Sessions that leave, in every way there is, with calls in flight on either side. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { deaf, inFlight } from "./router-suite-cancel.ts";
import { until, type Wire } from "./wire.ts";

const canceled = "wamp.error.canceled";

type Departure = readonly [how: string, leave: (wire: Wire) => void];
const waysToLeave: readonly Departure[] = [
  ["GOODBYE", (wire) => wire.send([Message.goodbye, {}, "wamp.close.normal"])],
  ["ABORT", (wire) => wire.send([Message.abort, {}, "com.enough"])],
  ["a violation", (wire) => wire.send([Message.welcome, 1, {}])],
  ["transport loss", (wire) => wire.close()],
];

export function departureSuite(suite: Suite): void {
  for (const [how, leave] of waysToLeave) {
    suite.test(`[R-14] a callee that leaves by ${how}: ERROR canceled for all its calls`, async (world) => {
      const { caller, callee, call } = await inFlight(world);
      const second = caller.call("com.proc", { timeout: 60_000 });
      await callee.invocation();
      leave(callee);
      const errors = [await caller.next(), await caller.next()];
      assert.deepEqual(new Set(errors.map((error) => error[2])), new Set([call, second]));
      for (const error of errors) assert.deepEqual([error[0], error[1], error[4]], [8, 48, canceled]);
      await caller.expectQuiet();
      assert.equal(world.router.stats().deadlines, 0);
    });

    suite.test(
      `[R-15] a caller that leaves by ${how}: INTERRUPT for each of its calls, answers are ignored`,
      async (world) => {
        const { caller, callee, invocation } = await inFlight(world);
        caller.call("com.proc", { timeout: 60_000 });
        await callee.invocation();
        leave(caller);
        const interrupts = [await callee.next(), await callee.next()];
        assert.deepEqual(
          new Set(interrupts.map((message) => message[1])),
          new Set([invocation, invocation + 1]),
        );
        for (const message of interrupts) assert.deepEqual(message, [69, message[1], { mode: "killnowait" }]);
        callee.yield(invocation);
        callee.yield(invocation + 1, { progress: true });
        callee.yield(invocation + 1);
        await callee.expectQuiet();
        assert.equal(world.router.stats().pendingCalls, 0);
      },
    );

    suite.test(`[R-14 R-15] a session that calls itself leaves nothing behind by ${how}`, async (world) => {
      const wire = await world.join();
      await wire.register("com.proc");
      for (let i = 0; i < 3; i++) wire.call("com.proc", { timeout: 60_000 });
      for (let i = 0; i < 3; i++) await wire.invocation();
      leave(wire);
      await until("it is gone", () => world.router.stats().sessions === 0);
      const { pendingCalls, deadlines } = world.router.stats();
      assert.deepEqual({ pendingCalls, deadlines }, { pendingCalls: 0, deadlines: 0 });
      await until("its registration is gone", () => world.router.stats().registrations === 0);
    });
  }

  suite.test("[R-15] a callee without call_canceling is not told that its caller left", async (world) => {
    const { caller, callee, invocation } = await inFlight(world, {}, deaf);
    caller.close();
    await until("the caller is gone", () => world.router.stats().sessions === 1);
    callee.yield(invocation);
    await callee.expectQuiet();
  });

  suite.test("[R-14 R-15] two that call each other leave nothing behind", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    await one.register("com.one");
    await two.register("com.two");
    for (let i = 0; i < 20; i++) {
      one.call("com.two", { timeout: 60_000 });
      two.call("com.one");
    }
    for (let i = 0; i < 20; i++) await Promise.all([one.invocation(), two.invocation()]);
    one.close();
    two.close();
    await until("both are gone", () => world.router.stats().sessions === 0);
    assert.equal(world.router.stats().pendingCalls, 0);
  });
}
