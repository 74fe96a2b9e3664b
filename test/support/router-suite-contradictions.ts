/** Sides taken where the specification contradicts itself: what the other suites do not show already, above all in strict realms. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import type { Suite, World } from "./router-suite.ts";
import { inFlight } from "./router-suite-cancel.ts";

const strict = { realms: [{ uri: "realm1", profile: "strict" as const }] };

export function contradictionSuite(suite: Suite): void {
  suite.test("[R-04] [2.13 #2] call_cancelling is understood as call_canceling", async (world) => {
    const roles = { callee: { features: { call_cancelling: true } } };
    const { caller, callee, call, invocation } = await inFlight(world, {}, roles);
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await callee.expect([Message.interrupt, invocation, { mode: "kill" }]);
    callee.yield(invocation);
    await caller.expect([Message.result, call, {}]);
  });

  suite.test("[2.13 #2] WELCOME announces call_canceling in one spelling", async (world) => {
    const { dealer } = (await world.join()).welcome["roles"] as { dealer: { features: object } };
    const spellings = Object.keys(dealer.features).filter((key) => key.startsWith("call_cancel"));
    assert.deepEqual(spellings, ["call_canceling"]);
  });

  suite.testWith("[2.13 #1] [2.13 #10] canceling is the same in a strict realm", strict, async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world);
    caller.send([Message.cancel, call, {}]);
    await caller.expectError(Message.call, call, "wamp.error.canceled");
    await callee.expect([Message.interrupt, invocation, { mode: "killnowait" }]);
  });

  suite.testWith(
    "[R-01] [2.13 #5] a strict realm asks only callees with canceling for progress",
    strict,
    async (world) => {
      for (const canceling of [false, true]) {
        const features = { progressive_call_results: true, call_canceling: canceling };
        const [caller, callee] = [await world.join(), await world.join({ roles: { callee: { features } } })];
        const registration = await callee.register("com.proc");
        const call = caller.call("com.proc", { receive_progress: true });
        const { request, details } = await callee.invocation();
        assert.deepEqual(details, canceling ? { receive_progress: true } : {});
        callee.yield(request, {}, [1]);
        await caller.expect([Message.result, call, {}, [1]]);
        await callee.unregister(registration);
      }
    },
  );

  suite.testWith("[2.13 #9] a strict realm echoes GOODBYE of any reason", strict, async (world) => {
    for (const reason of ["wamp.close.normal", "wamp.error.goodbye_and_out", "com.my.reason"]) {
      const wire = await world.join();
      wire.send([Message.goodbye, {}, reason]);
      await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    }
  });

  suite.testWith("[2.13 #14] a strict realm ends a call after progress alike", strict, async (world) => {
    const { caller, callee, call, invocation } = await inFlight(world, { receive_progress: true });
    callee.yield(invocation, { progress: true }, [1]);
    callee.send([Message.error, Message.invocation, invocation, {}, "com.error"]);
    await caller.expect([Message.result, call, { progress: true }, [1]]);
    await caller.expect([Message.error, Message.call, call, {}, "com.error"]);
  });

  suite.testWith("[S-06] [2.13 #11] a strict realm carries opaque payloads", strict, opaquePayload);

  const closed = { realms: [{ uri: "realm1", profile: "strict" as const, allowDisclosure: false }] };
  suite.testWith("[2.13 #3] a strict realm refuses disclosure by the same URI", closed, async (world) => {
    const [caller, callee] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    const call = caller.call("com.proc", { disclose_me: true });
    await caller.expectError(Message.call, call, "wamp.error.option_disallowed.disclose_me");
    const request = caller.request();
    caller.send([Message.publish, request, { acknowledge: true, disclose_me: true }, "com.a"]);
    await caller.expectError(Message.publish, request, "wamp.error.option_disallowed.disclose_me");
  });
}

async function opaquePayload(world: World): Promise<void> {
  const [sender, receiver] = [await world.join(), await world.join()];
  await receiver.subscribe("com.a");
  await receiver.register("com.proc");
  const options = { enc_algo: "cryptobox", enc_serializer: "cbor" };
  const payload = Uint8Array.of(1, 2, 3);
  await sender.publish("com.a", options, payload);
  const event = await receiver.event();
  assert.deepEqual([event.details, event.payload], [options, [payload]]);
  const call = sender.call("com.proc", options, "text");
  const invocation = await receiver.invocation();
  assert.deepEqual([invocation.details, invocation.payload], [options, ["text"]]);
  receiver.yield(invocation.request, options, payload);
  await sender.expect([Message.result, call, options, payload]);
}
