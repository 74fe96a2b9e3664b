/**
 * Sessions that hold as much as they may, and leave; and many sessions that are ended together: what is left of them ends over several
 * turns, nobody is routed wrongly meanwhile, and nothing stays. What one turn does is counted, not timed.
 */
import assert from "node:assert/strict";
import type { RouterStats } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { memoryLeg, peerLeg } from "../support/router-legs.ts";
import { Suite, type World } from "../support/router-suite.ts";
import { until, type Wire } from "../support/wire.ts";

const canceled = "wamp.error.canceled";
const noProcedure = "wamp.error.no_such_procedure";
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Lets turns pass until the number is 0; by how much it fell in one of them at most. */
async function worstTurn(world: World, what: keyof RouterStats): Promise<number> {
  const number = (): number => world.router.stats()[what] as number;
  let worst = 0;
  for (let before = number(); before > 0; before = number()) {
    await turn();
    worst = Math.max(worst, before - number());
  }
  return worst;
}

/** Registers many procedures without waiting in between. */
async function registerMany(wire: Wire, count: number, name = "com.p"): Promise<void> {
  for (let i = 0; i < count; i++) wire.send([Message.register, wire.request(), {}, `${name}${i}`]);
  for (let i = 0; i < count; i++) assert.equal((await wire.next())[0], Message.registered);
}

async function nextMany(wire: Wire, count: number): Promise<unknown[][]> {
  const found: unknown[][] = [];
  for (let i = 0; i < count; i++) found.push(await wire.next());
  return found;
}

function callees(suite: Suite): void {
  suite.test("many registrations of a session that leaves end over several turns", async (world) => {
    const [callee, other] = [await world.join(), await world.join()];
    await registerMany(callee, 4_000);
    callee.close();
    await until("it has gone", () => world.router.stats().sessions === 1);
    const left = world.router.stats().registrations;
    assert.ok(left > 2_000, `${left} registrations are left at first`);
    const worst = await worstTurn(world, "registrations");
    assert.ok(worst <= 1_000, `${worst} registrations ended in one turn`);
    await registerMany(other, 10);
  });

  suite.test("what it has not given up yet can be registered by others at once", async (world) => {
    const [callee, other] = [await world.join(), await world.join()];
    await registerMany(callee, 3_000);
    callee.send([Message.goodbye, {}, "wamp.close.normal"]);
    assert.equal((await callee.next())[0], Message.goodbye);
    for (const i of [0, 1_500, 2_999, 1, 2]) other.send([Message.register, other.request(), {}, `com.p${i}`]);
    if (world.leg.start === undefined)
      for (let i = 0; i < 5; i++) assert.equal((await other.next())[0], Message.registered);
    else await nextMany(other, 5);
    // The one that has left comes back on the same connection, and finds its place free.
    await callee.join();
    await until("the rest is over", () => world.router.stats().registrations <= 5);
    await registerMany(callee, 100, "com.q");
  });

  suite.test("calls of what it has not given up yet are answered, each once", async (world) => {
    const [callee, caller] = [await world.join(), await world.join()];
    await registerMany(callee, 3_000);
    callee.close();
    await until("it has gone", () => world.router.stats().sessions === 1);
    const calls: number[] = [];
    for (let i = 0; i < 3_000; i += 3) calls.push(caller.call(`com.p${i}`));
    const answers = await nextMany(caller, calls.length);
    assert.deepEqual(
      answers.map((answer) => answer[2] as number).sort((a, b) => a - b),
      calls,
    );
    for (const answer of answers) assert.ok([canceled, noProcedure].includes(answer[4] as string));
    await caller.expectQuiet();
  });

  suite.test("many calls that it had end over several turns, each with one ERROR", async (world) => {
    const [callee, caller] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    const calls = Array.from({ length: 3_000 }, () => caller.call("com.proc", { timeout: 60_000 }));
    await nextMany(callee, 3_000);
    callee.close();
    await until("it has gone", () => world.router.stats().sessions === 1);
    const worst = await worstTurn(world, "pendingCalls");
    assert.ok(worst <= 700, `${worst} calls ended in one turn`);
    const answers = await nextMany(caller, 3_000);
    assert.deepEqual(
      answers.map((answer) => answer[2] as number).sort((a, b) => a - b),
      calls,
    );
    for (const answer of answers) assert.equal(answer[4], canceled);
    assert.equal(world.router.stats().deadlines, 0);
    await caller.expectQuiet();
  });
}

function callers(suite: Suite): void {
  suite.test("many calls of a caller that leaves are interrupted over several turns", async (world) => {
    const [callee, caller] = [await world.join(), await world.join()];
    await callee.register("com.proc");
    for (let i = 0; i < 3_000; i++) caller.call("com.proc");
    const invocations = (await nextMany(callee, 3_000)).map((message) => message[1] as number);
    caller.close();
    // Answers to calls that are not ended yet reach nobody, and end them.
    for (const invocation of invocations.slice(0, 100)) callee.yield(invocation);
    const worst = await worstTurn(world, "pendingCalls");
    assert.ok(worst <= 700, `${worst} calls ended in one turn`);
    // Those of the last turn are on their way.
    for (let i = 0; i < 2; i++) await turn();
    const interrupts = (await nextMany(callee, callee.arrivedCount)).map((message) => message[1] as number);
    assert.ok(interrupts.length >= 2_800, `${interrupts.length} INTERRUPTs`);
    assert.equal(new Set(interrupts).size, interrupts.length);
    await callee.expectQuiet();
  });

  suite.test("calls of a caller that has left do not take the place of others in a queue", async (world) => {
    const [callee, caller, other] = await world.joinMany(3);
    await callee!.register("com.proc", { concurrency: 1 });
    for (let i = 0; i < 1_000; i++) caller!.call("com.proc", {}, ["gone"]);
    const first = await callee!.invocation();
    const call = other!.call("com.proc", {}, ["other"]);
    await until("it waits", () => world.router.stats().queuedCalls === 1_000);
    caller!.close();
    callee!.yield(first.request);
    // INTERRUPT of the first may come before it is answered.
    let message = await callee!.next();
    if (message[0] === Message.interrupt) message = await callee!.next();
    assert.deepEqual([message[0], message[4]], [Message.invocation, ["other"]]);
    callee!.yield(message[1] as number);
    assert.deepEqual((await other!.next()).slice(0, 2), [Message.result, call]);
    await until("nothing waits", () => world.router.stats().pendingCalls === 0);
  });
}

function queues(suite: Suite): void {
  suite.test(
    "calls that wait when the last callee leaves end over several turns, each with one ERROR",
    async (world) => {
      const [callee, caller] = [await world.join(), await world.join()];
      const registration = await callee.register("com.proc", { concurrency: 1 });
      for (let i = 0; i < 3_001; i++) caller.call("com.proc");
      const { request } = await callee.invocation();
      await until("they wait", () => world.router.stats().queuedCalls === 3_000);
      await callee.unregister(registration);
      // Another registration may have the place of the one that is over.
      const again = await callee.register("com.proc", { concurrency: 1 });
      const second = caller.call("com.proc", {}, ["again"]);
      const worst = await worstTurn(world, "queuedCalls");
      assert.ok(worst <= 600, `${worst} calls ended in one turn`);
      const answers = await nextMany(caller, 3_000);
      assert.equal(new Set(answers.map((answer) => answer[2])).size, 3_000);
      for (const answer of answers) assert.equal(answer[4], canceled);
      callee.yield(request);
      const invocation = await callee.invocation();
      assert.deepEqual([invocation.registration, invocation.payload], [again, [["again"]]]);
      callee.yield(invocation.request);
      assert.deepEqual(
        new Set((await nextMany(caller, 2)).map((message) => message[0])),
        new Set([Message.result]),
      );
      assert.notEqual(second, 0);
    },
  );
}

const crowd = 700;
const free = { realms: [{ uri: "realm1", allowKill: true }] };

function crowds(suite: Suite): void {
  suite.testWith(
    "everybody is ended over several turns, and the answer says how many",
    free,
    async (world) => {
      const boss = await world.joinAs({ authid: "c", authrole: "chief" });
      const wires = await world.joinMany(crowd);
      const kill = boss.call("wamp.session.kill_all");
      const worst = await worstFall(world, 1);
      assert.ok(worst <= 300, `${worst} sessions ended in one turn`);
      await boss.expect([Message.result, kill, {}, [crowd]]);
      for (const wire of wires) assert.equal((await wire.next())[0], Message.goodbye);
    },
  );

  suite.testWith("who leaves while others are ended is not ended twice", free, async (world) => {
    const boss = await world.joinAs({ authid: "c", authrole: "chief" });
    const wires = await world.joinMany(crowd);
    boss.call("wamp.session.kill_by_authrole", {}, [wires[0]!.authrole]);
    for (const wire of wires.slice(-100)) wire.send([Message.goodbye, {}, "wamp.close.normal"]);
    const answer = await boss.next();
    assert.equal(answer[0], Message.result);
    for (const wire of wires) assert.equal((await wire.next())[0], Message.goodbye);
    await until("all have gone", () => world.router.stats().sessions === 1);
  });
}

/** As `worstTurn`, for sessions, until so many are left. */
async function worstFall(world: World, atLast: number): Promise<number> {
  let worst = 0;
  for (let before = world.router.stats().sessions; before > atLast; ) {
    await turn();
    const now = world.router.stats().sessions;
    worst = Math.max(worst, before - now);
    before = now;
  }
  return worst;
}

const alone = new Suite(memoryLeg(Serializer.msgpack));
for (const suite of [callees, callers, queues, crowds]) suite(alone);
callees(new Suite(peerLeg(2, "spread", (n) => n % 2)));
