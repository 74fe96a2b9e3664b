/** Calls: REGISTER to UNREGISTER, CALL to RESULT or ERROR, order, progressive results, identification of the caller. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite } from "./router-suite.ts";

const violation = "wamp.error.protocol_violation";
const closedRealm = { realms: [{ uri: "realm1", allowDisclosure: false }] };
/** A callee that announces nothing. */
const plain = { callee: {} };

export function rpcSuite(suite: Suite): void {
  registrations(suite);
  calls(suite);
  answers(suite);
  progress(suite);
  callers(suite);
}

function registrations(suite: Suite): void {
  suite.test("[B-13] a procedure is registered once, unregistered, then free again", async (world) => {
    const [one, two] = [await world.join(), await world.join()];
    const id = await one.register("com.proc");
    for (const wire of [two, one]) {
      const request = wire.request();
      wire.send([Message.register, request, {}, "com.proc"]);
      await wire.expectError(Message.register, request, "wamp.error.procedure_already_exists");
    }
    await one.unregister(id);
    const request = one.request();
    one.send([Message.unregister, request, id]);
    await one.expectError(Message.unregister, request, "wamp.error.no_such_registration");
    assert.notEqual(await two.register("com.proc"), id);
    one.call("com.proc");
    await two.invocation();
  });

  suite.test(
    "[B-13] a call goes to whoever is registered by then, whoever was called before",
    async (world) => {
      const [caller, one, two] = [await world.join(), await world.join(), await world.join()];
      const served = async (callee: typeof one): Promise<void> => {
        // Twice: what the first one has found out, the second one uses.
        for (let i = 0; i < 2; i++) {
          const request = caller.call("com.proc", {}, [i]);
          const invocation = await callee.invocation();
          callee.yield(invocation.request, {}, [i]);
          await caller.expect([Message.result, request, {}, [i]]);
        }
      };
      const first = await one.register("com.proc");
      await served(one);
      await one.unregister(first);
      const second = await two.register("com.proc");
      await served(two);
      await two.unregister(second);
      // With conditions now, and without again.
      await one.register("com.proc", { invoke: "last" });
      await served(one);
      const last = await two.register("com.proc", { invoke: "last" });
      await served(two);
      await two.unregister(last);
      await served(one);
      one.send([Message.goodbye, {}, "wamp.close.normal"]);
      await one.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
      const nobody = caller.call("com.proc");
      await caller.expectError(Message.call, nobody, "wamp.error.no_such_procedure");
      await two.register("com.proc", { invoke: "single" });
      await served(two);
    },
  );

  suite.test("[B-13] UNREGISTER ends new calls only: those in flight go on", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    const id = await callee.register("com.proc");
    const first = caller.call("com.proc");
    const { request } = await callee.invocation();
    await callee.unregister(id);
    const second = caller.call("com.proc");
    await caller.expectError(Message.call, second, "wamp.error.no_such_procedure");
    callee.yield(request, {}, ["still"]);
    await caller.expect([Message.result, first, {}, ["still"]]);
  });

  suite.test("[B-14] REGISTERED comes before the first INVOCATION", async (world) => {
    const wire = await world.join();
    wire.send(
      [Message.call, 1, {}, "com.proc"],
      [Message.register, 2, {}, "com.proc"],
      [Message.call, 3, {}, "com.proc"],
    );
    await wire.expectError(Message.call, 1, "wamp.error.no_such_procedure");
    assert.deepEqual((await wire.next()).slice(0, 2), [Message.registered, 2]);
    assert.equal((await wire.invocation()).request, 1);
  });
}

function calls(suite: Suite): void {
  suite.test(
    "[B-13] a call becomes INVOCATION, YIELD and RESULT, each with the payload as it was given",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      const registration = await callee.register("com.proc");
      const payloads = [[], [[1, "two", null]], [[], { k: [true] }], [["a"], { b: -1.5 }]];
      for (const [i, payload] of payloads.entries()) {
        const call = caller.call("com.proc", {}, ...payload);
        await callee.expect([Message.invocation, i + 1, registration, {}, ...payload]);
        callee.yield(i + 1, {}, ...payload);
        await caller.expect([Message.result, call, {}, ...payload]);
      }
      await caller.expectQuiet();
      await callee.expectQuiet();
    },
  );

  suite.test(
    "[B-13] a procedure that nobody has registered is answered by ERROR no_such_procedure",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.proc");
      for (const name of ["com.nothing", "com.Proc", "com.proc.x", "com", "com.pro"]) {
        const call = caller.call(name);
        await caller.expectError(Message.call, call, "wamp.error.no_such_procedure");
      }
      await callee.expectQuiet();
    },
  );

  suite.test("[B-13] a session may call itself", async (world) => {
    const wire = await world.join();
    await wire.register("com.proc");
    const call = wire.call("com.proc", {}, [1]);
    const { request, payload } = await wire.invocation();
    assert.deepEqual(payload, [[1]]);
    wire.yield(request, {}, [2]);
    await wire.expect([Message.result, call, {}, [2]]);
  });

  suite.test(
    "[B-14] calls of one caller reach one callee in their order, and answers come in any order",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.a");
      await callee.register("com", { match: "prefix" });
      const count = 500;
      const requests: number[] = [];
      for (let i = 0; i < count; i++) requests.push(caller.call(i % 3 === 0 ? "com.a" : "com.b", {}, [i]));
      const invoked: number[] = [];
      for (let i = 0; i < count; i++) {
        const { request, payload } = await callee.invocation();
        assert.deepEqual([request, payload], [i + 1, [[i]]]);
        invoked.push(request);
      }
      for (const request of invoked.toReversed()) callee.yield(request, {}, [request]);
      for (let i = count; i > 0; i--) await caller.expect([Message.result, requests[i - 1], {}, [i]]);
    },
  );

  suite.test(
    "CALL with progress is a violation unless announced, and a feature not supported where it is",
    async (world) => {
      const callee = await world.join();
      await callee.register("com.proc");
      const silent = await world.join();
      silent.call("com.proc", { progress: true }, [1]);
      await silent.expectAbort(violation, /progress/);
      const roles = { caller: { features: { progressive_call_invocations: true } } };
      const caller = await world.join({ roles });
      const call = caller.call("com.proc", { progress: true }, [1]);
      await caller.expectError(Message.call, call, "wamp.error.feature_not_supported");
      await callee.expectQuiet();
      caller.call("com.proc", { progress: false });
      await callee.invocation();
    },
  );
}

function answers(suite: Suite): void {
  suite.test(
    "[B-13] ERROR of the callee goes to the caller with URI and payload, its details stay behind",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.proc");
      for (const payload of [[], [["why"]], [[], { code: 5 }], [[1], { a: [null] }]]) {
        const call = caller.call("com.proc");
        const { request } = await callee.invocation();
        callee.send([
          Message.error,
          Message.invocation,
          request,
          { secret: "stack" },
          "com.my.Error",
          ...payload,
        ]);
        const error = await caller.next();
        assert.deepEqual(error, [Message.error, Message.call, call, {}, "com.my.Error", ...payload]);
      }
      const call = caller.call("com.proc");
      const { request } = await callee.invocation();
      callee.send([Message.error, Message.invocation, request, {}, "wamp.error.invalid_argument"]);
      await caller.expect([Message.error, Message.call, call, {}, "wamp.error.invalid_argument"]);
    },
  );

  suite.test(
    "[B-13] ERROR of the callee with a URI that is none reaches the caller as invalid_uri",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.proc");
      for (const uri of ["", "no spaces please", "a..b"]) {
        const call = caller.call("com.proc");
        const { request } = await callee.invocation();
        callee.send([Message.error, Message.invocation, request, {}, uri, ["why"]]);
        await caller.expect([Message.error, Message.call, call, {}, "wamp.error.invalid_uri", ["why"]]);
      }
    },
  );

  suite.test("[B-13] a second answer to an invocation is ignored", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    const call = caller.call("com.proc");
    const { request } = await callee.invocation();
    callee.yield(request, {}, [1]);
    callee.yield(request, {}, [2]);
    callee.yield(request, { progress: true }, [3]);
    callee.send([Message.error, Message.invocation, request, {}, "com.error"]);
    await callee.expectQuiet();
    await caller.expect([Message.result, call, {}, [1]]);
    await caller.expectQuiet();
  });

  suite.test(
    "[B-05] YIELD and ERROR for an invocation never issued are answered by ABORT protocol_violation",
    async (world) => {
      for (const answer of [
        [Message.yield, 2, {}],
        [Message.yield, 2 ** 53, {}, [1]],
        [Message.yield, 2, { progress: true }],
        [Message.error, Message.invocation, 2, {}, "com.error"],
      ]) {
        const [caller, callee] = [await world.join(), await world.join()];
        await callee.register("com.proc");
        const call = caller.call("com.proc");
        assert.equal((await callee.invocation()).request, 1);
        callee.send(answer);
        await callee.expectAbort(violation);
        await caller.expectError(Message.call, call, "wamp.error.canceled");
      }
      const never = await world.join();
      never.send([Message.yield, 1, {}]);
      await never.expectAbort(violation);
    },
  );

  suite.test("[B-13] an invocation is answered by its own callee only", async (world) => {
    const [caller, callee, stranger] = [await world.join(), await world.join(), await world.join()];
    await callee.register("com.proc");
    await stranger.register("com.other");
    const call = caller.call("com.proc");
    const other = caller.call("com.other");
    assert.equal((await callee.invocation()).request, 1);
    assert.equal((await stranger.invocation()).request, 1);
    stranger.yield(1, {}, ["mine"]);
    await caller.expect([Message.result, other, {}, ["mine"]]);
    callee.yield(1, {}, ["yours"]);
    await caller.expect([Message.result, call, {}, ["yours"]]);
  });
}

function progress(suite: Suite): void {
  suite.test(
    "[R-01] progressive results reach a caller that asked for them, in order, then the final one",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.proc");
      const call = caller.call("com.proc", { receive_progress: true });
      const { request, details } = await callee.invocation();
      assert.deepEqual(details, { receive_progress: true });
      for (let i = 0; i < 100; i++) callee.yield(request, { progress: true }, [i]);
      callee.yield(request, {}, ["done"]);
      callee.yield(request, { progress: true }, ["late"]);
      for (let i = 0; i < 100; i++) await caller.expect([Message.result, call, { progress: true }, [i]]);
      await caller.expect([Message.result, call, {}, ["done"]]);
      await callee.expectQuiet();
      await caller.expectQuiet();
    },
  );

  suite.test("[R-01] progressive results nobody asked for are dropped, the call goes on", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    for (const given of [{}, { receive_progress: false }]) {
      const call = caller.call("com.proc", given);
      const { request, details } = await callee.invocation();
      assert.deepEqual(details, {});
      callee.yield(request, { progress: true }, ["some"]);
      callee.yield(request, { progress: false }, ["all"]);
      await caller.expect([Message.result, call, {}, ["all"]]);
    }
    await caller.expectQuiet();
  });

  suite.test("[R-01] a callee without the feature is not asked for progress", async (world) => {
    const [caller, callee] = [await world.join(), await world.join({ roles: plain })];
    await callee.register("com.proc");
    const call = caller.call("com.proc", { receive_progress: true });
    const { request, details } = await callee.invocation();
    assert.deepEqual(details, {});
    callee.yield(request, {}, ["done"]);
    await caller.expect([Message.result, call, {}, ["done"]]);
  });

  suite.test("[R-01] [2.13 #5] progress needs no call_canceling of the callee", async (world) => {
    const roles = { callee: { features: { progressive_call_results: true } } };
    const [caller, callee] = [await world.join(), await world.join({ roles })];
    await callee.register("com.proc");
    caller.call("com.proc", { receive_progress: true });
    assert.deepEqual((await callee.invocation()).details, { receive_progress: true });
  });

  suite.test("[R-01] [2.13 #14] ERROR may end a call after progress", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    const call = caller.call("com.proc", { receive_progress: true });
    const { request } = await callee.invocation();
    callee.yield(request, { progress: true }, [1], { k: 1 });
    callee.send([Message.error, Message.invocation, request, {}, "com.error"]);
    callee.yield(request, { progress: true }, [2]);
    await caller.expect([Message.result, call, { progress: true }, [1], { k: 1 }]);
    await caller.expect([Message.error, Message.call, call, {}, "com.error"]);
    await callee.expectQuiet();
    await caller.expectQuiet();
  });
}

function callers(suite: Suite): void {
  suite.test("[R-05] disclose_me tells the callee who calls, else nothing does", async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.a");
    await callee.register("com", { match: "prefix" });
    const who = { caller: caller.id, caller_authid: caller.authid, caller_authrole: caller.authrole };
    for (const [options, procedure, details] of [
      [{ disclose_me: true }, "com.a", who],
      [{ disclose_me: true }, "com.b", { procedure: "com.b", ...who }],
      [{ disclose_me: false }, "com.a", {}],
      [{}, "com.a", {}],
      [{}, "com.b", { procedure: "com.b" }],
      [{ disclose_me: true, receive_progress: true }, "com.a", { receive_progress: true, ...who }],
    ] as const) {
      caller.call(procedure, options);
      assert.deepEqual((await callee.invocation()).details, details);
    }
  });

  suite.test(
    "[R-05] a callee that registers with disclose_caller is told who calls, whatever the caller says",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register("com.a", { disclose_caller: true });
      await callee.register("com.b", { disclose_caller: false });
      const who = { caller: caller.id, caller_authid: caller.authid, caller_authrole: caller.authrole };
      caller.call("com.a");
      assert.deepEqual((await callee.invocation()).details, who);
      caller.call("com.a", { disclose_me: false });
      assert.deepEqual((await callee.invocation()).details, who);
      caller.call("com.b");
      assert.deepEqual((await callee.invocation()).details, {});
    },
  );

  suite.testWith(
    "[R-05] [2.13 #3] a realm without disclosure refuses disclose_me and disclose_caller",
    closedRealm,
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join()];
      const request = callee.request();
      callee.send([Message.register, request, { disclose_caller: true }, "com.proc"]);
      await callee.expectError(Message.register, request, "wamp.error.option_disallowed.disclose_me");
      await callee.register("com.proc");
      const call = caller.call("com.proc", { disclose_me: true });
      await caller.expectError(Message.call, call, "wamp.error.option_disallowed.disclose_me");
      caller.call("com.proc", { disclose_me: false });
      assert.deepEqual((await callee.invocation()).details, {});
    },
  );
}
