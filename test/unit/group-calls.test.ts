/** Calls to all callees where a message is larger than its receiver takes, which no client on a WebSocket is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientFeature } from "../../src/protocol/features.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { DealerRig, type Peer } from "../support/dealer-rig.ts";

const exceeded = "wamp.error.payload_size_exceeded";
const features = ClientFeature.calleeCanceling | ClientFeature.calleeProgress;
const json = { serializer: Serializer.json, features };
const large = "x".repeat(300);

interface Scene {
  readonly rig: DealerRig;
  readonly caller: Peer;
  readonly callees: readonly Peer[];
}

/** Two callees of one procedure; each peer takes frames up to so many bytes. */
function scene(sizes: { readonly caller?: number; readonly callees?: readonly number[] }): Scene {
  const rig = new DealerRig();
  const join = (peerFrameBytes_max = Number.POSITIVE_INFINITY): Peer =>
    rig.join({ ...json, peerFrameBytes_max });
  const caller = join(sizes.caller);
  const callees = [0, 1].map((i) => join(sizes.callees?.[i]));
  for (const callee of callees) {
    rig.say(callee, [Message.register, 1, { invoke: "all" }, "com.proc"]);
    callee.take();
  }
  return { rig, caller, callees };
}

function call({ rig, caller, callees }: Scene, yields: string, payload: unknown = 0): void {
  const options = { yields, receive_progress: true };
  rig.say(caller, [Message.call, 1, options, "com.proc", [payload]]);
  for (const callee of callees) callee.take();
}

function assertNothingLeft({ rig, caller, callees }: Scene): void {
  for (const peer of [caller, ...callees]) rig.leave(peer);
  const held = Object.entries(rig.held()).filter(([, count]) => count !== 0);
  assert.deepEqual(held, []);
}

/** The URI and the rest of an entry that the router made. */
const errorOf = (entry: unknown): unknown => (entry as { error?: unknown }).error;

test("[R-09] a callee that takes no frame as large as the INVOCATION counts as one that failed", () => {
  const world = scene({ callees: [200] });
  const { rig, caller, callees } = world;
  call(world, "gather", large);
  rig.say(callees[1]!, [Message.yield, 1, {}, ["heard"]]);
  const [[type, , , entries] = []] = caller.take();
  assert.equal(type, Message.result);
  assert.equal(errorOf((entries as unknown[])[0]), exceeded);
  assert.deepEqual((entries as unknown[])[1], { args: ["heard"] });
  assert.equal(callees[0]!.lastInvocation, 0, "no invocation id is used up");
  assertNothingLeft(world);
});

test("[R-09] an answer that its caller cannot take is that callee's error", () => {
  const world = scene({ caller: 250 });
  const { rig, caller, callees } = world;
  call(world, "gather");
  rig.say(callees[0]!, [Message.yield, 1, {}, [large]]);
  rig.say(callees[1]!, [Message.error, Message.invocation, 1, {}, "com.large", [large]]);
  const [[type, , , , uri, entries] = []] = caller.take();
  assert.deepEqual([type, uri], [Message.error, exceeded]);
  assert.deepEqual((entries as unknown[]).map(errorOf), [exceeded, exceeded]);
  assertNothingLeft(world);
});

test("[R-09] answers that their caller can take alone, but not together: ERROR payload_size_exceeded", () => {
  const world = scene({ caller: 400 });
  const { rig, caller, callees } = world;
  call(world, "gather");
  for (const callee of callees) rig.say(callee, [Message.yield, 1, {}, [large]]);
  const replies = caller.take();
  assert.deepEqual(
    replies.map((reply) => reply.slice(0, 5)),
    [[Message.error, Message.call, 1, {}, exceeded]],
  );
  assertNothingLeft(world);
});

test("[R-09] yields first: a RESULT that its caller cannot take loses to one that it can", () => {
  const world = scene({ caller: 250 });
  const { rig, caller, callees } = world;
  call(world, "first");
  rig.say(callees[0]!, [Message.yield, 1, {}, [large]]);
  assert.deepEqual(caller.take(), []);
  rig.say(callees[1]!, [Message.yield, 1, {}, ["small"]]);
  assert.deepEqual(caller.take(), [[Message.result, 1, {}, ["small"]]]);
  assertNothingLeft(world);
});

test("[R-09] yields progressive: a callee whose progress is too large is interrupted and counts as failed", () => {
  const world = scene({ caller: 250 });
  const { rig, caller, callees } = world;
  call(world, "progressive");
  rig.say(callees[0]!, [Message.yield, 1, { progress: true }, [large]]);
  assert.deepEqual(callees[0]!.take(), [[Message.interrupt, 1, { mode: "killnowait" }]]);
  rig.say(callees[0]!, [Message.yield, 1, {}, ["late"]]);
  rig.say(callees[1]!, [Message.yield, 1, {}, [1]]);
  const [progress, final] = caller.take();
  assert.deepEqual(progress, [Message.result, 1, { progress: true }, [1]]);
  const [type, , , counts, reported] = final ?? [];
  assert.deepEqual([type, counts], [Message.result, [1, 1]]);
  assert.deepEqual((reported as { errors: unknown[] }).errors.map(errorOf), [exceeded]);
  assertNothingLeft(world);
});
