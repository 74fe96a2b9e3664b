/** Payload passthru mode: payloads that nobody on the way reads, and the options that say how to. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { otherSerializers, type Suite } from "./router-suite.ts";
import type { Wire } from "./wire.ts";

const passthru = { payload_passthru_mode: true };
const roles = {
  caller: { features: { ...passthru, progressive_call_invocations: true } },
  callee: { features: { ...passthru, progressive_call_invocations: true, call_canceling: true } },
  publisher: { features: passthru },
  subscriber: { features: passthru },
};
const options = { ppt_scheme: "x_own", ppt_serializer: "cbor", ppt_cipher: "none", ppt_keyid: "k" };
const payload = Uint8Array.of(0, 255, 1, 254);
const violation = "wamp.error.protocol_violation";

export function passthruSuite(suite: Suite): void {
  carried(suite);
  refused(suite);
}

function carried(suite: Suite): void {
  for (const serializer of [suite.leg.serializer, ...otherSerializers(suite.leg.serializer)]) {
    suite.test(
      `[S-05 B-15] payload and ppt_ options arrive untouched at serializer ${serializer}`,
      async (world) => {
        const [here, there] = [await world.join({ roles }), await world.join({ roles, serializer })];
        await there.subscribe("com.topic");
        await there.register("com.proc");
        await here.publish("com.topic", options, [payload]);
        const event = await there.event();
        assert.deepEqual([event.details, event.payload], [options, [[payload]]]);
        const call = here.call("com.proc", options, [payload]);
        const invocation = await there.invocation();
        assert.deepEqual([invocation.details, invocation.payload], [options, [[payload]]]);
        there.yield(invocation.request, { ...options, ppt_keyid: "k2" }, [payload]);
        await here.expect([Message.result, call, { ...options, ppt_keyid: "k2" }, [payload]]);
        const second = here.call("com.proc");
        const { request } = await there.invocation();
        there.send([Message.error, Message.invocation, request, options, "com.error", [payload]]);
        await here.expect([Message.error, Message.call, second, options, "com.error", [payload]]);
      },
    );
  }

  suite.test("[S-05 R-02] what the first CALL says about its payload holds for all parts", async (world) => {
    const [here, there] = [await world.join({ roles }), await world.join({ roles })];
    await there.register("com.proc");
    const call = here.call("com.proc", { ...options, progress: true }, [payload]);
    const first = await there.invocation();
    assert.deepEqual(first.details, { ...options, progress: true });
    here.send([Message.call, call, { progress: true, ppt_keyid: "other" }, "com.proc", [payload]]);
    assert.deepEqual((await there.invocation()).details, { ...options, progress: true });
    // Another message with options of its own must not leak into the next part.
    await here.publish("com.topic", { ...options, ppt_keyid: "leak" }, [payload]);
    here.send([Message.call, call, {}, "com.proc", [payload]]);
    assert.deepEqual((await there.invocation()).details, options);
    there.yield(first.request);
    await here.expect([Message.result, call, {}]);
  });

  suite.test("[S-05] a progressive call whose ppt_ options cannot be kept is refused", async (world) => {
    const [here, there] = [await world.join({ roles }), await world.join({ roles })];
    await there.register("com.proc");
    const long = { ...options, ppt_keyid: "k".repeat(2_000) };
    const call = here.call("com.proc", { ...long, progress: true }, [payload]);
    await here.expectError(Message.call, call, "wamp.error.invalid_argument");
    here.call("com.proc", long, [payload]);
    assert.deepEqual((await there.invocation()).details, long);
  });

  suite.test("[S-05 R-09] the answers of all callees keep what says how to read them", async (world) => {
    const [caller, callee] = [await world.join({ roles }), await world.join({ roles })];
    await callee.register("com.all", { invoke: "all" });
    for (const yields of ["gather", "first"]) {
      const call = caller.call("com.all", { runmode: "all", yields, ...options }, [payload]);
      const invocation = await callee.invocation();
      assert.deepEqual([invocation.details, invocation.payload], [options, [[payload]]]);
      callee.yield(invocation.request, options, [payload]);
      if (yields === "first") await caller.expect([Message.result, call, options, [payload]]);
      else await caller.expect([Message.result, call, {}, [{ args: [payload], details: options }]]);
    }
  });

  suite.test("[S-06] the legacy form needs no announcement", async (world) => {
    const plain = { caller: {}, callee: {}, publisher: {}, subscriber: {} };
    const [here, there] = [await world.join({ roles: plain }), await world.join({ roles: plain })];
    await there.subscribe("com.topic");
    await here.publish("com.topic", { enc_algo: "cryptobox", enc_key: "key" }, payload);
    const event = await there.event();
    assert.deepEqual([event.details, event.payload], [{ enc_algo: "cryptobox", enc_key: "key" }, [payload]]);
  });
}

function refused(suite: Suite): void {
  const without = (role: keyof typeof roles) => ({ ...roles, [role]: { features: {} } });

  suite.test("[S-05] who uses it without having announced it is aborted", async (world) => {
    const callee = await world.join({ roles: without("callee") });
    await callee.register("com.proc");
    const say: readonly (readonly [keyof typeof roles, (wire: Wire) => void])[] = [
      ["publisher", (wire) => wire.send([Message.publish, wire.request(), options, "com.topic", [payload]])],
      ["caller", (wire) => void wire.call("com.proc", options, [payload])],
    ];
    for (const [role, speak] of say) {
      const wire = await world.join({ roles: without(role) });
      speak(wire);
      await wire.expectAbort(violation, /payload_passthru_mode/);
    }
    for (const answer of ["yield", "error"]) {
      const callee = await world.join({ roles: without("callee") });
      const caller = await world.join({ roles });
      await callee.register(`com.${answer}`);
      const call = caller.call(`com.${answer}`);
      const { request } = await callee.invocation();
      if (answer === "yield") callee.yield(request, options, [payload]);
      else callee.send([Message.error, Message.invocation, request, options, "com.error", [payload]]);
      await callee.expectAbort(violation, /payload_passthru_mode/);
      await caller.expectError(Message.call, call, "wamp.error.canceled");
    }
  });

  suite.test(
    "[S-05] a callee without it gets no such call, a caller without it no such result",
    async (world) => {
      const [caller, deaf] = [await world.join({ roles }), await world.join({ roles: without("callee") })];
      await deaf.register("com.deaf");
      const refusedCall = caller.call("com.deaf", options, [payload]);
      await caller.expectError(Message.call, refusedCall, "wamp.error.feature_not_supported");
      await deaf.expectQuiet();
      const [plain, callee] = [await world.join({ roles: without("caller") }), await world.join({ roles })];
      await callee.register("com.proc");
      for (const answer of ["yield", "error"]) {
        const call = plain.call("com.proc");
        const { request } = await callee.invocation();
        if (answer === "yield") callee.yield(request, options, [payload]);
        else callee.send([Message.error, Message.invocation, request, options, "com.error", [payload]]);
        await plain.expectError(Message.call, call, "wamp.error.feature_not_supported");
        await callee.expectQuiet();
      }
    },
  );
}
