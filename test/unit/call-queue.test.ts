import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limits } from "../../src/base/limits.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { DealerRig, type Peer } from "../support/dealer-rig.ts";

const unavailable = "wamp.error.unavailable";
const everything = { serializer: Serializer.msgpack, features: ~0 };

/** Peers that number their requests, and turns that end when the test says so. */
class Scene {
  readonly rig: DealerRig;
  readonly #requests = new Map<Peer, number>();
  constructor(limits: Partial<Limits> = {}) {
    this.rig = new DealerRig(limits);
  }
  join(): Peer {
    return this.rig.join(everything);
  }
  #request(peer: Peer): number {
    const request = (this.#requests.get(peer) ?? 0) + 1;
    this.#requests.set(peer, request);
    return request;
  }
  register(peer: Peer, options: object = {}, procedure = "com.proc"): void {
    this.rig.say(peer, [Message.register, this.#request(peer), options, procedure]);
    assert.equal(peer.inbox.pop()?.[0], Message.registered);
  }
  call(peer: Peer, n: number, options: object = {}, procedure = "com.proc"): number {
    const request = this.#request(peer);
    this.rig.say(peer, [Message.call, request, options, procedure, [n]]);
    return request;
  }
  yield(peer: Peer, request: number): void {
    this.rig.say(peer, [Message.yield, request, {}]);
  }
  decline(peer: Peer, request: number): void {
    this.rig.say(peer, [Message.error, Message.invocation, request, {}, unavailable]);
  }
  /** False: nothing waited for the end of the turn. */
  endTurn(): boolean {
    return this.rig.scheduler.endTurn();
  }
  assertNothingLeft(...peers: readonly Peer[]): void {
    for (const peer of peers) this.rig.leave(peer);
    this.endTurn();
    assert.deepEqual(
      Object.entries(this.rig.held()).filter(([, count]) => count !== 0),
      [],
    );
  }
}

/** The first argument of each INVOCATION that came since the last time. */
const invoked = (callee: Peer): unknown[] =>
  callee.take().map((message) => {
    assert.equal(message[0], Message.invocation, JSON.stringify(message));
    return (message[4] as unknown[])[0];
  });

/** Of each answer since the last time: the request, and "ok" or the URI of the ERROR. */
const answers = (caller: Peer): unknown[] =>
  caller
    .take()
    .map((message) => (message[0] === Message.error ? [message[2], message[4]] : [message[1], "ok"]));

/** A callee that takes one call at a time, and has it. */
function busy(options: object = {}, limits: Partial<Limits> = {}) {
  const scene = new Scene(limits);
  const [caller, callee] = [scene.join(), scene.join()];
  scene.register(callee, { concurrency: 1, ...options });
  scene.call(caller, 0);
  assert.deepEqual(invoked(callee), [0]);
  return { scene, caller, callee };
}

test("[R-16] a waiting call is sent at the end of the turn in which its callee became free, not before", () => {
  const { scene, caller, callee } = busy();
  scene.call(caller, 1);
  assert.equal(scene.endTurn(), false, "nothing to do while nobody is free");
  scene.yield(callee, 1);
  assert.deepEqual(invoked(callee), []);
  assert.equal(scene.endTurn(), true);
  assert.deepEqual(invoked(callee), [1]);
  scene.yield(callee, 2);
  assert.deepEqual(answers(caller), [
    [1, "ok"],
    [2, "ok"],
  ]);
  assert.equal(scene.endTurn(), false);
  scene.assertNothingLeft(caller, callee);
});

test("[R-16] a call that comes between an answer and the end of the turn does not overtake those that wait", () => {
  const { scene, caller, callee } = busy();
  const other = scene.join();
  scene.call(caller, 1);
  scene.yield(callee, 1);
  scene.call(other, 2);
  scene.endTurn();
  assert.deepEqual(invoked(callee), [1]);
  scene.yield(callee, 2);
  scene.endTurn();
  assert.deepEqual(invoked(callee), [2]);
  scene.assertNothingLeft(callee, other, caller);
});

test("[R-16 R-03] a timeout counts from the arrival of the call, waiting or with its callee", () => {
  const { scene, caller, callee } = busy();
  const { scheduler } = scene.rig;
  scene.call(caller, 1, { timeout: 1_000 });
  scene.call(caller, 2, { timeout: 2_000 });
  scheduler.advance(900);
  assert.deepEqual(answers(caller), []);
  scene.yield(callee, 1);
  scene.endTurn();
  assert.deepEqual(invoked(callee), [1]);
  // A tenth of its time is all that is left to the callee.
  scheduler.advance(200);
  assert.deepEqual(answers(caller), [
    [1, "ok"],
    [2, "wamp.error.timeout"],
  ]);
  assert.deepEqual(callee.take(), [[Message.interrupt, 2, { mode: "killnowait" }]]);
  scene.endTurn();
  assert.deepEqual(invoked(callee), [2]);
  scheduler.advance(1_000);
  assert.deepEqual(answers(caller), [[3, "wamp.error.timeout"]]);
  callee.take();
  assert.equal(scheduler.timers, 0);
  scene.assertNothingLeft(caller, callee);
});

test("[R-16 R-03] a longer timeout than the router allows is lowered for waiting calls too", () => {
  const { scene, caller } = busy({}, { callTimeout_ms: 500 });
  scene.call(caller, 1, { timeout: 100_000 });
  scene.rig.scheduler.advance(600);
  assert.deepEqual(answers(caller), [[2, "wamp.error.timeout"]]);
});

test("[R-16 R-03] the router keeps the time of a call that has waited, also where callees would", () => {
  const { scene, caller, callee } = busy({ forward_timeout: true });
  scene.call(caller, 1, { timeout: 1_000 });
  scene.rig.scheduler.advance(400);
  scene.yield(callee, 1);
  scene.endTurn();
  assert.deepEqual(callee.take()[0]?.[3], {});
  scene.rig.scheduler.advance(700);
  assert.deepEqual(answers(caller).at(-1), [2, "wamp.error.timeout"]);
});

test("[R-11 R-03] a timeout that the first callee kept is kept by the next one, or by the router", () => {
  for (const isForwarded of [true, false]) {
    const scene = new Scene();
    const [caller, one, two] = [scene.join(), scene.join(), scene.join()];
    scene.register(one, { invoke: "first", forward_timeout: true });
    scene.register(two, { invoke: "first", forward_timeout: isForwarded });
    scene.call(caller, 1, { timeout: 1_000 });
    assert.deepEqual(one.take()[0]?.[3], { timeout: 1_000 });
    assert.equal(scene.rig.held()["deadlines"], 0);
    scene.decline(one, 1);
    assert.deepEqual(two.take()[0]?.[3], isForwarded ? { timeout: 1_000 } : {});
    assert.equal(scene.rig.held()["deadlines"], isForwarded ? 0 : 1);
    scene.rig.scheduler.advance(1_100);
    assert.deepEqual(answers(caller), isForwarded ? [] : [[1, "wamp.error.timeout"]]);
    scene.assertNothingLeft(one, two, caller);
  }
});

test("[R-11 R-16 R-03] while a declined call waits the router keeps its time", () => {
  const scene = new Scene();
  const [caller, one, two] = [scene.join(), scene.join(), scene.join()];
  for (const callee of [one, two])
    scene.register(callee, { invoke: "roundrobin", forward_timeout: true, concurrency: 1 });
  scene.call(caller, 1, { timeout: 1_000 });
  scene.call(caller, 2);
  scene.decline(one, 1);
  assert.deepEqual([scene.rig.held()["queued"], scene.rig.held()["deadlines"]], [1, 1]);
  scene.rig.scheduler.advance(1_100);
  assert.deepEqual(answers(caller), [[1, "wamp.error.timeout"]]);
  scene.assertNothingLeft(one, caller, two);
});

test("[R-16] one turn sends a share of the waiting calls, and the rest follows turn by turn", () => {
  const { scene, caller } = busy({ invoke: "roundrobin" }, { framesPerTurn_max: 4 });
  for (let i = 1; i <= 10; i++) scene.call(caller, i);
  const late = scene.join();
  scene.register(late, { invoke: "roundrobin", concurrency: 100 });
  const shares: unknown[][] = [];
  while (scene.endTurn()) shares.push(invoked(late));
  assert.deepEqual(shares, [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10],
  ]);
});

test("[R-16] a queue that is full lets nobody in until there is room, and says so", () => {
  const { scene, caller, callee } = busy({}, { queuedCallsPerRegistration_max: 2 });
  for (let i = 1; i <= 3; i++) scene.call(caller, i);
  assert.deepEqual(answers(caller), [[4, unavailable]]);
  scene.yield(callee, 1);
  scene.endTurn();
  for (let i = 4; i <= 5; i++) scene.call(caller, i);
  assert.deepEqual(answers(caller), [
    [1, "ok"],
    [6, unavailable],
  ]);
});

test("[R-16] bytes of waiting calls are given back, however they end", () => {
  const bytes = 1 << 12;
  const { scene, caller, callee } = busy(
    {},
    { queuedBytesPerRegistration_max: bytes, queuedBytes_max: bytes },
  );
  const payload = "x".repeat(1_300);
  for (let round = 0; round < 5; round++) {
    const other = scene.join();
    for (let request = 1; request <= 4; request++) {
      const [peer, options] = request === 2 ? [caller, { timeout: 100 }] : [other, {}];
      scene.rig.say(peer, [Message.call, request + round * 10 + 1, options, "com.proc", [payload]]);
    }
    assert.deepEqual(answers(other), [[5 + round * 10, unavailable]], `round ${round}`);
    scene.rig.say(other, [Message.cancel, 2 + round * 10, {}]);
    scene.rig.scheduler.advance(200);
    assert.equal(scene.rig.held()["queued"], 1);
    scene.rig.leave(other);
    assert.equal(scene.rig.held()["queued"], 0);
  }
  scene.assertNothingLeft(callee, caller);
});

test("[R-16 R-02] what continues a waiting call waits behind it, and is part of it", () => {
  const { scene, caller, callee } = busy();
  const { rig } = scene;
  const part = (progress: boolean, n: number) => [Message.call, 2, { progress }, "com.proc", [n]];
  scene.call(caller, 1, { progress: true });
  for (const [progress, n] of [
    [true, 2],
    [false, 3],
  ] as const)
    assert.ok(rig.resume(caller, part(progress, n)));
  assert.equal(rig.resume(caller, part(true, 4)), false, "the call is complete");
  scene.call(scene.join(), 5);
  assert.equal(rig.held()["queued"], 2);
  scene.yield(callee, 1);
  scene.endTurn();
  assert.deepEqual(
    callee.take().map(([type, request, , details, args]) => [type, request, details, args]),
    [
      [Message.invocation, 2, { progress: true }, [1]],
      [Message.invocation, 2, { progress: true }, [2]],
      [Message.invocation, 2, {}, [3]],
    ],
  );
  scene.yield(callee, 2);
  scene.endTurn();
  assert.deepEqual(invoked(callee), [5]);
});

test("[R-16 R-02] a waiting call ends when there is no room for what continues it", () => {
  const { scene, caller, callee } = busy({}, { queuedBytesPerRegistration_max: 1 << 12 });
  scene.call(caller, 1, { progress: true });
  const more = [Message.call, 2, { progress: true }, "com.proc", ["x".repeat(3_000)]];
  assert.ok(scene.rig.resume(caller, more));
  assert.deepEqual(answers(caller), []);
  assert.ok(scene.rig.resume(caller, more));
  assert.deepEqual(answers(caller), [[2, unavailable]]);
  assert.ok(scene.rig.resume(caller, more), "what comes later is dropped");
  scene.yield(callee, 1);
  scene.endTurn();
  assert.deepEqual(callee.take(), []);
  scene.assertNothingLeft(caller, callee);
});

test("[R-11 R-02] a call whose callee has had more than the first CALL is not rerouted", () => {
  for (const continues of [false, true]) {
    const scene = new Scene();
    const [caller, one, two] = [scene.join(), scene.join(), scene.join()];
    for (const callee of [one, two]) scene.register(callee, { invoke: "first" });
    scene.rig.say(caller, [Message.call, 1, { progress: true }, "com.proc", [1]]);
    if (continues)
      assert.ok(scene.rig.resume(caller, [Message.call, 1, { progress: true }, "com.proc", [2]]));
    scene.decline(one, 1);
    assert.deepEqual(answers(caller), continues ? [[1, unavailable]] : []);
    assert.equal(two.take().length, continues ? 0 : 1);
    if (!continues) {
      assert.ok(scene.rig.resume(caller, [Message.call, 1, {}, "com.proc", [2]]));
      assert.deepEqual(invoked(two), [2]);
    }
  }
});

test("[R-14] sessions that leave in any order leave nothing behind", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const scene = new Scene();
    const peers = Array.from({ length: 5 }, () => scene.join());
    let state = seed;
    const roll = (n: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    scene.register(peers[roll(5)]!, { concurrency: 1 }, "com.one");
    for (const [i, peer] of peers.entries())
      if (i === 0 || roll(3) > 0)
        scene.register(peer, { invoke: "roundrobin", concurrency: 1 + roll(3) }, "com.shared");
    for (let n = 0; n < 12; n++)
      for (const peer of peers) {
        const runmode = [{}, { runmode: "all" }, { runmode: "partition", rkey: String(n) }][roll(3)];
        scene.call(peer, n, n % 3 === 0 ? { ...runmode, timeout: 5_000 } : runmode, "com.shared");
        scene.call(peer, n, {}, "com.one");
      }
    for (const peer of peers)
      for (const [type, request] of peer.take())
        if (type === Message.invocation && roll(2) === 0) scene.decline(peer, request as number);
    scene.endTurn();
    while (peers.length > 1) {
      scene.rig.leave(peers.splice(roll(peers.length), 1)[0]!);
      if (roll(2) === 0) scene.endTurn();
    }
    scene.assertNothingLeft(...peers);
  }
});
