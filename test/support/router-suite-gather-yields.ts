/** Sharded registration, calls to all callees that want something else than one list: `yields` first and progressive. */
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";
import { deaf } from "./router-suite-cancel.ts";
import { allOf, callAgain, callAll, fail } from "./router-suite-gather.ts";
import { until } from "./wire.ts";

const canceled = "wamp.error.canceled";

export function gatherYieldsSuite(suite: Suite): void {
  firsts(suite);
  progressing(suite);
}

function firsts(suite: Suite): void {
  const first = { ...allOf, yields: "first" };

  suite.test(
    "[R-09] yields first: the first RESULT is the caller's, the others are interrupted and not heard",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, first, 4, [
        undefined,
        undefined,
        deaf,
      ]);
      fail(callees[0]!, invocations[0]!, "com.broken");
      for (const wire of [callees[0]!, caller]) await wire.expectQuiet();
      callees[1]!.yield(invocations[1]!, {}, ["won"], { k: 2 });
      await caller.expect([Message.result, call, {}, ["won"], { k: 2 }]);
      await callees[3]!.expect([Message.interrupt, invocations[3]!, { mode: "killnowait" }]);
      callees[2]!.yield(invocations[2]!, {}, ["late"]);
      fail(callees[3]!, invocations[3]!, canceled);
      for (const wire of [caller, ...callees]) await wire.expectQuiet();
    },
  );

  suite.test(
    "[R-09] yields first: when every callee fails, the ERROR that came first is the caller's",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, first);
      for (const i of [1, 2, 0]) {
        fail(callees[i]!, invocations[i]!, `com.error${i}`, [i], { k: i });
        await callees[i]!.expectQuiet();
      }
      await caller.expect([Message.error, Message.call, call, {}, "com.error1", [1], { k: 1 }]);
      const again = await callAgain(caller, callees, first);
      callees[2]!.close();
      await until("it is gone", () => world.router.stats().registrations === 2);
      for (const i of [0, 1]) fail(callees[i]!, again.invocations[i]!, "com.later");
      await caller.expectError(Message.call, again.call, canceled);
    },
  );

  suite.test("[R-09] progress is asked for and forwarded with yields progressive only", async (world) => {
    for (const yields of ["first", "gather"]) {
      const options = { ...allOf, yields, receive_progress: true };
      const { caller, callees, call, invocations } = await callAll(world, options, 1);
      callees[0]!.yield(invocations[0]!, { progress: true }, ["dropped"]);
      callees[0]!.yield(invocations[0]!, {}, ["final"]);
      const args = yields === "first" ? ["final"] : [{ args: ["final"] }];
      await caller.expect([Message.result, call, {}, args]);
      callees[0]!.close();
      await until("it is gone", () => world.router.stats().registrations === 0);
    }
  });
}

function progressing(suite: Suite): void {
  const progressive = { ...allOf, yields: "progressive", receive_progress: true };

  suite.test(
    "[R-09] yields progressive: every RESULT as it comes, and their count at the end",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, progressive);
      const expected: [number, boolean][] = [
        [2, true],
        [0, true],
        [2, false],
        [1, false],
        [0, true],
        [0, false],
      ];
      for (const [i, progress] of expected) {
        callees[i]!.yield(invocations[i]!, progress ? { progress } : {}, [i], { progress });
        await caller.expect([Message.result, call, { progress: true }, [i], { progress }]);
      }
      await caller.expect([Message.result, call, {}, [3, 0]]);
      for (const wire of [caller, ...callees]) await wire.expectQuiet();
    },
  );

  suite.test("[R-09] yields progressive: errors are reported at the end", async (world) => {
    const { caller, callees, call, invocations } = await callAll(world, progressive);
    fail(callees[2]!, invocations[2]!, "com.two", [2]);
    callees[1]!.yield(invocations[1]!, {}, [1]);
    await caller.expect([Message.result, call, { progress: true }, [1]]);
    fail(callees[0]!, invocations[0]!, "com.zero");
    const reported = [
      { error: "com.zero", args: [] },
      { error: "com.two", args: [2] },
    ];
    await caller.expect([Message.result, call, {}, [1, 2], { errors: reported }]);
  });

  suite.test(
    "[R-09] yields progressive: when no callee gives a final RESULT, the end is an ERROR",
    async (world) => {
      const { caller, callees, call, invocations } = await callAll(world, progressive, 2);
      callees[0]!.yield(invocations[0]!, { progress: true }, ["begun"]);
      await caller.expect([Message.result, call, { progress: true }, ["begun"]]);
      fail(callees[1]!, invocations[1]!, "com.one");
      fail(callees[0]!, invocations[0]!, "com.zero");
      const entries = [
        { error: "com.zero", args: [] },
        { error: "com.one", args: [] },
      ];
      await caller.expect([Message.error, Message.call, call, {}, "com.zero", entries]);
    },
  );
}
