/** Procedures of the router's own that answer later. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { errors, WampError } from "../../src/protocol/errors.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { ProcedureHandler, RouterProcedures } from "../../src/router/procedures.ts";
import { DealerRig, type Peer } from "../support/dealer-rig.ts";
import { extendedRouter } from "../support/extended-router.ts";
import { until } from "../support/wire.ts";

/** A procedure that answers when the test says so. */
class Later {
  readonly asked: { resolve(results: readonly unknown[]): void; reject(cause: Error): void }[] = [];
  readonly handler: ProcedureHandler = () =>
    new Promise<readonly unknown[]>((resolve, reject) => this.asked.push({ resolve, reject }));
}

const uri = "spanwire.later";
const json = { serializer: Serializer.json, features: 0 };

function scene(limits = {}): { rig: DealerRig; peer: Peer; later: Later; procedures: RouterProcedures } {
  const rig = new DealerRig(limits);
  const later = new Later();
  const texts = { [uri]: { summary: "" }, "spanwire.now": { summary: "" } };
  rig.procedures.add({ [uri]: later.handler, "spanwire.now": () => ["now"] }, texts);
  return { rig, peer: rig.join(json), later, procedures: rig.procedures };
}

/** All promises that are settled have been heard. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("an answer goes out when the promise settles, in that order, once", async () => {
  const { rig, peer, later, procedures } = scene();
  for (const request of [1, 2, 3]) rig.say(peer, [Message.call, request, {}, uri]);
  await settle();
  assert.deepEqual([peer.take(), procedures.waitingCount], [[], 3]);
  later.asked[1]!.resolve(["two", 2]);
  later.asked[0]!.reject(new WampError("bondy.error.not_found", "no such thing"));
  await settle();
  assert.deepEqual(peer.take(), [
    [Message.result, 2, {}, ["two", 2]],
    [Message.error, Message.call, 1, {}, "bondy.error.not_found", ["no such thing"]],
  ]);
  later.asked[2]!.resolve([]);
  later.asked[2]!.resolve(["again"]);
  await settle();
  assert.deepEqual([peer.take(), procedures.waitingCount], [[[Message.result, 3, {}]], 0]);
});

test("a handler that does not wait is answered before the next message", () => {
  const { rig, peer } = scene();
  rig.say(peer, [Message.call, 1, {}, "spanwire.now"]);
  assert.deepEqual(peer.take(), [[Message.result, 1, {}, ["now"]]]);
});

test("an error carries the arguments that it was given, and a fault of ours says nothing of itself", async () => {
  const { rig, peer, later } = scene();
  for (const request of [1, 2, 3]) rig.say(peer, [Message.call, request, {}, uri]);
  later.asked[0]!.reject(new WampError("bondy.error.a", "text", { args: ["one", 2] }));
  later.asked[1]!.reject(new WampError("bondy.error.b", "text", { kwargs: { field: "name" } }));
  later.asked[2]!.reject(new Error("a secret"));
  await settle();
  assert.deepEqual(peer.take(), [
    [Message.error, Message.call, 1, {}, "bondy.error.a", ["one", 2], {}],
    [Message.error, Message.call, 2, {}, "bondy.error.b", ["text"], { field: "name" }],
    [
      Message.error,
      Message.call,
      3,
      {},
      errors.unavailable.uri,
      ["the router could not answer; see its log"],
    ],
  ]);
});

test("a request id is in flight until it is answered; CANCEL and timeout change nothing", async () => {
  const { rig, peer, later } = scene();
  rig.say(peer, [Message.call, 7, { timeout: 10 }, uri]);
  rig.say(peer, [Message.call, 7, {}, uri]);
  assert.deepEqual(peer.take(), [
    [Message.error, Message.call, 7, {}, errors.invalidArgument.uri, ["call 7 is still in flight"]],
  ]);
  rig.say(peer, [Message.cancel, 7, { mode: "killnowait" }]);
  rig.scheduler.advance(1_000);
  await settle();
  assert.deepEqual(peer.take(), []);
  later.asked[0]!.resolve(["done"]);
  await settle();
  rig.say(peer, [Message.call, 7, {}, "spanwire.now"]);
  assert.deepEqual(peer.take(), [
    [Message.result, 7, {}, ["done"]],
    [Message.result, 7, {}, ["now"]],
  ]);
});

test("a session may wait for so many answers, and other sessions for theirs", async () => {
  const { rig, peer, later } = scene({ waitingCallsPerSession_max: 2 });
  const other = rig.join(json);
  for (const request of [1, 2, 3]) rig.say(peer, [Message.call, request, {}, uri]);
  const [refusal, ...more] = peer.take();
  assert.deepEqual(refusal?.slice(0, 5), [Message.error, Message.call, 3, {}, errors.unavailable.uri]);
  assert.deepEqual(more, []);
  rig.say(other, [Message.call, 1, {}, uri]);
  assert.equal(later.asked.length, 3);
  later.asked[0]!.resolve([1]);
  await settle();
  rig.say(peer, [Message.call, 4, {}, uri]);
  assert.deepEqual(peer.take(), [[Message.result, 1, {}, [1]]]);
  assert.equal(later.asked.length, 4);
});

test("nothing is said to whoever comes after a caller that has left, on the same connection too", async () => {
  const later = new Later();
  let procedures: RouterProcedures | undefined;
  await using world = await extendedRouter({}, (parts) => {
    procedures = parts.procedures;
    procedures.add({ [uri]: later.handler }, { [uri]: { summary: "" } });
    return {};
  });
  const wire = await world.open().join();
  wire.call(uri);
  const gone = await world.open().join();
  gone.call(uri);
  await until("both have called", () => later.asked.length === 2);
  wire.send([Message.goodbye, {}, "wamp.close.normal"]);
  assert.equal((await wire.next())[0], Message.goodbye);
  await wire.join();
  gone.close();
  await until("one is gone", () => world.router.connectionCount === 1);
  for (const { resolve } of later.asked) resolve(["too late"]);
  await settle();
  await wire.expectQuiet();
  assert.equal(procedures?.waitingCount, 0);
});
