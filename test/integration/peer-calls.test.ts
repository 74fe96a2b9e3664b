/** Calls between routers that work as one, where it matters which router has whom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { busyLinks, PeerWorld, type PeerWorldOptions } from "../support/peer-world.ts";
import { attach } from "../support/router-legs.ts";
import { nothingLeft } from "../support/router-suite.ts";
import { until, Wire } from "../support/wire.ts";

const canceled = "wamp.error.canceled";

/** Routers, and sessions that the test puts on them. */
class Scene {
  readonly #at: number[];
  readonly world: PeerWorld;
  readonly #wires: Wire[] = [];

  private constructor(world: PeerWorld, at: number[]) {
    this.world = world;
    this.#at = at;
  }
  static async start(options: Omit<PeerWorldOptions, "count"> = {}): Promise<Scene> {
    const at: number[] = [];
    const place = (): number => at.shift()!;
    return new Scene(await PeerWorld.start({ count: 3, ...busyLinks, place, ...options }), at);
  }
  /** A session at this router. */
  async join(router: number, serializer: Serializer = Serializer.msgpack): Promise<Wire> {
    this.#at.push(router);
    const wire = await new Wire(attach(this.world, new MemoryConnection({ serializer }))).join();
    this.#wires.push(wire);
    return wire;
  }
  async end(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    await until("all connections are gone", () => this.world.stats().connections === 0);
    await until("all know it", () => this.world.stats().patterns === 0);
    assert.deepEqual(this.world.stats(), nothingLeft);
    await this.world.close();
  }
}

/** Which of the callees the next invocations go to, one after the other; each is answered at once. */
async function callEach(
  callers: readonly Wire[],
  callees: readonly Wire[],
  count: number,
): Promise<number[]> {
  const invoked: number[] = [];
  for (let n = 0; n < count; n++) {
    const caller = callers[n % callers.length]!;
    const call = caller.call("com.proc");
    await until("a callee is invoked", () => callees.some(({ arrivedCount }) => arrivedCount > 0));
    const callee = callees.findIndex(({ arrivedCount }) => arrivedCount > 0);
    callees[callee]!.yield((await callees[callee]!.invocation()).request);
    await caller.expect([Message.result, call, {}]);
    invoked.push(callee);
  }
  return invoked;
}

test("a payload of nearly 16 MB reaches a callee of another router, and comes back, in each serializer", async () => {
  const scene = await Scene.start({
    router: { limits: { frameBytes_max: 1 << 24, outboxBytes_max: 1 << 26 } },
  });
  const caller = await scene.join(1);
  const large = "x".repeat(15 << 20);
  for (const serializer of Object.values(Serializer)) {
    const callee = await scene.join(2, serializer);
    const registration = await callee.register("com.proc");
    const call = caller.call("com.proc", {}, [large]);
    const { request, payload } = await callee.invocation();
    assert.equal((payload[0] as string[])[0], large);
    callee.yield(request, {}, [large]);
    const result = await caller.next();
    assert.deepEqual(result.slice(0, 2), [Message.result, call]);
    assert.equal((result[3] as string[])[0], large);
    await callee.unregister(registration);
  }
  await scene.end();
});

test("a call that the callee's router cannot write for it is refused, and the callee hears nothing", async () => {
  const scene = await Scene.start();
  const [caller, callee] = [await scene.join(0), await scene.join(1, Serializer.json)];
  await callee.register("com.proc");
  const call = caller.call("com.proc", {}, [Number.POSITIVE_INFINITY]);
  await caller.expectError(Message.call, call, "wamp.error.invalid_payload");
  await callee.expectQuiet();
  await scene.end();
});

test("a callee has no more invocations outstanding than it may, over all routers", async () => {
  const scene = await Scene.start({ router: { limits: { invocationsPerSession_max: 3 } } });
  const callee = await scene.join(2);
  await callee.register("com.proc");
  const callers = [await scene.join(0), await scene.join(1), await scene.join(2)];
  const requests: number[] = [];
  for (const caller of callers) {
    caller.call("com.proc");
    requests.push((await callee.invocation()).request);
  }
  for (const caller of callers) {
    const call = caller.call("com.proc");
    await caller.expectError(Message.call, call, "wamp.error.unavailable");
  }
  for (const request of requests) callee.yield(request);
  for (const caller of callers) assert.equal((await caller.next())[0], Message.result);
  await scene.end();
});

test("round robin goes on from router to router", async () => {
  const scene = await Scene.start();
  const callees = [await scene.join(0), await scene.join(1), await scene.join(2), await scene.join(1)];
  for (const callee of callees) await callee.register("com.proc", { invoke: "roundrobin" });
  const callers = [await scene.join(2), await scene.join(0), await scene.join(1)];
  assert.deepEqual(await callEach(callers, callees, 9), [0, 1, 2, 3, 0, 1, 2, 3, 0]);
  await scene.end();
});

test("who registers twice has two turns among those of all routers, until it unregisters or is busy", async () => {
  const router = { realms: [{ uri: "realm1", repeatedRegistration: true }] };
  const scene = await Scene.start({ router });
  const callees = [await scene.join(0), await scene.join(1), await scene.join(2)];
  const shared = { invoke: "roundrobin" };
  await callees[0]!.register("com.proc", shared);
  await callees[1]!.register("com.proc", { ...shared, concurrency: 1 });
  const callers = [await scene.join(1), await scene.join(2)];
  assert.deepEqual(await callEach(callers, callees, 3), [0, 1, 0]);
  const registration = await callees[1]!.register("com.proc", { ...shared, concurrency: 1 });
  await callees[2]!.register("com.proc", shared);
  assert.deepEqual(await callEach(callers, callees, 7), [1, 1, 2, 0, 1, 1, 2]);
  for (let n = 0; n < 2; n++) callers[0]!.call("com.proc");
  const first = await callees[0]!.invocation();
  const held = await callees[1]!.invocation();
  assert.deepEqual(await callEach([callers[1]!], callees, 3), [2, 0, 2], "both turns of the busy one pass");
  callees[0]!.yield(first.request);
  callees[1]!.yield(held.request);
  for (let n = 0; n < 2; n++) assert.equal((await callers[0]!.next())[0], Message.result);
  await callees[1]!.unregister(registration);
  const after = await callEach(callers, callees, 6);
  assert.deepEqual(
    [0, 1, 2].map((one) => after.filter((callee) => callee === one).length),
    [2, 2, 2],
  );
  await scene.end();
});

test("the least loaded callee is found by the calls of all routers", async () => {
  const scene = await Scene.start();
  const callees = [await scene.join(0), await scene.join(1)];
  for (const callee of callees) await callee.register("com.proc", { invoke: "queue_least_loaded" });
  await callees[0]!.register("com.other");
  // Two calls of routers 1 and 2 are with the first callee when a caller at router 2 chooses.
  for (const router of [1, 2]) {
    const caller = await scene.join(router);
    caller.call("com.other");
    await callees[0]!.invocation();
  }
  const caller = await scene.join(2);
  const calls = [caller.call("com.proc"), caller.call("com.proc")];
  for (const call of calls) {
    callees[1]!.yield((await callees[1]!.invocation()).request);
    await caller.expect([Message.result, call, {}]);
  }
  await scene.end();
});

test("callees of the own router are preferred where that is wished, and others called while these are busy", async () => {
  const scene = await Scene.start({ preferLocal: true });
  const callees = [await scene.join(0), await scene.join(1), await scene.join(1)];
  for (const callee of callees) await callee.register("com.proc", { invoke: "roundrobin", concurrency: 1 });
  const [here, there] = [await scene.join(1), await scene.join(2)];
  assert.deepEqual(await callEach([here], callees, 4), [1, 2, 1, 2]);
  assert.deepEqual(new Set(await callEach([there], callees, 6)), new Set([0, 1, 2]));
  for (let n = 0; n < 3; n++) here.call("com.proc");
  const open: number[] = [];
  for (const callee of callees) open.push((await callee.invocation()).request);
  for (const [i, callee] of callees.entries()) callee.yield(open[i]!);
  for (let n = 0; n < 3; n++) assert.equal((await here.next())[0], Message.result);
  await scene.end();
});

test("places at a callee with a limit are shared among the callers of all routers", async () => {
  const scene = await Scene.start();
  const callee = await scene.join(0);
  await callee.register("com.proc", { concurrency: 2 });
  const callers = [await scene.join(0), await scene.join(1), await scene.join(2)];
  const count = 20;
  for (let n = 0; n < count; n++)
    for (const [c, caller] of callers.entries()) caller.call("com.proc", {}, [c, n]);
  const seen = [0, 0, 0];
  const open: number[] = [];
  for (let n = 0; n < count * callers.length; n++) {
    const { request, payload } = await callee.invocation();
    const [c, number] = payload[0] as [number, number];
    assert.equal(number, seen[c]!++, "each caller's calls come in their order");
    open.push(request);
    assert.ok(open.length <= 2);
    // Nobody waits until all others have been served.
    if (n === 30) assert.ok(Math.min(...seen) >= 5, `served ${seen.join(", ")}`);
    if (open.length === 2) callee.yield(open.shift()!);
  }
  for (const request of open) callee.yield(request);
  for (const caller of callers)
    for (let n = 0; n < count; n++) assert.equal((await caller.next())[0], Message.result);
  await scene.end();
});

test("a callee that takes more calls than before gets those that wait elsewhere", async () => {
  const router = { realms: [{ uri: "realm1", repeatedRegistration: true }] };
  const scene = await Scene.start({ router });
  const callee = await scene.join(0);
  const shared = { invoke: "roundrobin" };
  await callee.register("com.proc", { ...shared, concurrency: 1 });
  const [here, there] = [await scene.join(0), await scene.join(1)];
  here.call("com.proc");
  const first = await callee.invocation();
  const call = there.call("com.proc");
  await callee.expectQuiet();
  await callee.register("com.proc", { ...shared, concurrency: 2 });
  callee.yield((await callee.invocation()).request);
  await there.expect([Message.result, call, {}]);
  callee.yield(first.request);
  assert.equal((await here.next())[0], Message.result);
  await scene.end();
});

test("a router that dies: calls to its callees end, its callers' callees are interrupted, the rest goes on", async () => {
  const scene = await Scene.start();
  const { world } = scene;
  const [caller, callee] = [await scene.join(0), await scene.join(1)];
  const [doomedCaller, doomedCallee] = [await scene.join(2), await scene.join(2)];
  await callee.register("com.proc");
  await doomedCallee.register("com.doomed");
  const lost = caller.call("com.doomed");
  await doomedCallee.invocation();
  doomedCaller.call("com.proc");
  const { request } = await callee.invocation();
  const kept = caller.call("com.proc");
  const other = await callee.invocation();
  world.takeDown(2);
  await caller.expectError(Message.call, lost, canceled);
  await callee.expect([Message.interrupt, request, { mode: "killnowait" }]);
  callee.yield(other.request, {}, ["answer"]);
  await caller.expect([Message.result, kept, {}, ["answer"]]);
  await caller.expectError(Message.call, caller.call("com.doomed"), "wamp.error.no_such_procedure");
  for (const wire of [doomedCaller, doomedCallee]) wire.close();
  await until("its sessions are gone", () => world.peers[2]!.host.stats().connections === 0);
  world.bringUp(2);
  const again = await scene.join(2);
  await again.register("com.doomed");
  const call = caller.call("com.doomed");
  again.yield((await again.invocation()).request, {}, ["again"]);
  await caller.expect([Message.result, call, {}, ["again"]]);
  await scene.end();
});
