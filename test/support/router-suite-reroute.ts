/** Call rerouting: a callee that answers wamp.error.unavailable, and the next one that gets the call in its place. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { otherSerializers, type Suite, type World } from "./router-suite.ts";
import { type Dict, until, type Wire } from "./wire.ts";

const unavailable = "wamp.error.unavailable";
const noCallee = "wamp.error.no_available_callee";

const decline = (callee: Wire, invocation: number, ...payload: readonly unknown[]): void =>
  callee.send([Message.error, Message.invocation, invocation, {}, unavailable, ...payload]);

/** Callees of com.proc, in the order of their registration. */
async function share(world: World, count: number, options: Dict): Promise<Wire[]> {
  const wires = await world.joinMany(count);
  for (const wire of wires) await wire.register("com.proc", options);
  return wires;
}

/** Answers every invocation with unavailable; the order in which the callees were asked goes to `asked`. */
async function declineAll(wires: readonly Wire[], asked: number[]): Promise<void> {
  await Promise.all(
    wires.map(async (wire, i) => {
      for (;;) {
        const message = await wire.next();
        if (message[0] !== Message.invocation) return;
        asked.push(i);
        decline(wire, message[1] as number);
      }
    }),
  );
}

export function rerouteSuite(suite: Suite): void {
  next(suite);
  exhausted(suite);
  passedOn(suite);
  races(suite);
}

function next(suite: Suite): void {
  suite.test(
    "[R-11] a call whose callee is unavailable goes to the next one, unchanged, and the caller does not notice",
    async (world) => {
      const [first, second] = (await share(world, 2, { invoke: "first", match: "wildcard" })) as [Wire, Wire];
      for (const serializer of [world.leg.serializer, ...otherSerializers(world.leg.serializer)]) {
        const caller = await world.join({ serializer });
        const payload = [[1, "two", null, [-0.5]], { k: { deep: true } }];
        const call = caller.call("com.proc", { disclose_me: true, receive_progress: true }, ...payload);
        const one = await first.invocation();
        decline(first, one.request, ["not now"]);
        const two = await second.invocation();
        assert.deepEqual({ ...two, request: one.request }, one);
        assert.deepEqual(two.payload, payload);
        assert.equal(world.router.stats().reroutedCalls, 1);
        second.yield(two.request, { progress: true }, ["half"]);
        second.yield(two.request, {}, ["done"]);
        await caller.expect([Message.result, call, { progress: true }, ["half"]]);
        await caller.expect([Message.result, call, {}, ["done"]]);
        await caller.expectQuiet();
      }
    },
  );

  suite.test("[R-11] each call is rerouted for itself, among many in flight", async (world) => {
    const wires = await share(world, 3, { invoke: "roundrobin" });
    const caller = await world.join();
    const count = 60;
    for (let i = 0; i < count; i++) caller.call("com.proc", {}, [i]);
    const served = wires.map(async (wire, w) => {
      for (;;) {
        const [type, request, , , args] = await wire.next();
        if (type !== Message.invocation) return;
        const [i] = args as [number];
        // Two thirds of the calls are declined by one callee, and a third of those by two.
        if (i % 3 === w || (i % 9 === w && i % 3 !== 2)) decline(wire, request as number);
        else wire.yield(request as number, {}, [i, w]);
      }
    });
    const answers = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const result = await caller.next();
      assert.equal(result[0], Message.result, JSON.stringify(result));
      answers.set(result[1] as number, result[3] as number[]);
    }
    for (const [request, [i, w]] of answers) {
      assert.equal(i, request - 1);
      assert.notEqual(i! % 3, w);
    }
    for (const wire of wires) wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
    await Promise.all(served);
  });
}

function exhausted(suite: Suite): void {
  const policies = ["roundrobin", "random", "first", "last", "qll", "qlls", "jch"] as const;

  suite.test(
    "[R-11 R-08] by every policy all callees are asked, each once; then ERROR no_available_callee",
    async (world) => {
      const caller = await world.join();
      for (const invoke of policies) {
        const wires = await share(world, 4, { invoke });
        const asked: number[] = [];
        const served = declineAll(wires, asked);
        const calls = Array.from({ length: 3 }, () => caller.call("com.proc", { rkey: "k" }));
        const answers = [await caller.next(), await caller.next(), await caller.next()];
        for (const answer of answers) assert.equal(answer[4], noCallee, invoke);
        assert.deepEqual(new Set(answers.map((answer) => answer[2])), new Set(calls));
        assert.equal(asked.length, 12, invoke);
        for (const i of wires.keys()) assert.equal(asked.filter((other) => other === i).length, 3, invoke);
        for (const wire of wires) wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
        await served;
        for (const wire of wires) wire.close();
        await until("they are gone", () => world.router.stats().registrations === 0);
      }
    },
  );

  suite.test("[R-11] first and last ask in their order, roundrobin in turn", async (world) => {
    const caller = await world.join();
    for (const [invoke, order] of [
      ["first", [0, 1, 2]],
      ["last", [2, 1, 0]],
      ["roundrobin", [0, 1, 2]],
    ] as const) {
      const wires = await share(world, 3, { invoke });
      const asked: number[] = [];
      const served = declineAll(wires, asked);
      const call = caller.call("com.proc");
      await caller.expectError(Message.call, call, noCallee);
      assert.deepEqual(asked, order, invoke);
      for (const wire of wires) wire.send([Message.unsubscribe, wire.request(), 2 ** 53]);
      await served;
      for (const wire of wires) wire.close();
      await until("they are gone", () => world.router.stats().registrations === 0);
    }
  });

  suite.test("[R-11] a call does not fall back to a less specific registration", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const [caller, fallback] = [await world.join(), await world.join()];
    await fallback.register("com", { match: "prefix" });
    const call = caller.call("com.proc");
    for (const wire of [one, two]) decline(wire, (await wire.invocation()).request);
    await caller.expectError(Message.call, call, noCallee);
    await fallback.expectQuiet();
  });

  suite.test("[R-11] when the other callees have left, or all, nobody is available", async (world) => {
    const [one, two] = (await world.joinMany(2)) as [Wire, Wire];
    const registration = await one.register("com.proc", { invoke: "first" });
    await two.register("com.proc", { invoke: "first" });
    const caller = await world.join();
    const calls = [caller.call("com.proc"), caller.call("com.proc")];
    const requests = [(await one.invocation()).request, (await one.invocation()).request];
    two.close();
    await until("it is gone", () => world.router.stats().registrations === 1);
    decline(one, requests[0]!);
    await caller.expectError(Message.call, calls[0]!, noCallee);
    // The name is registered anew, but not by anybody who could have had this call.
    await one.unregister(registration);
    const late = await world.join();
    await late.register("com.proc", { invoke: "first" });
    decline(one, requests[1]!);
    await caller.expectError(Message.call, calls[1]!, noCallee);
    await late.expectQuiet();
  });
}

function passedOn(suite: Suite): void {
  const expectPassedOn = async (caller: Wire, call: number): Promise<void> =>
    caller.expect([Message.error, Message.call, call, {}, unavailable, ["why"]]);

  suite.test("[R-11] unavailable from the only callee is the caller's answer", async (world) => {
    for (const invoke of ["single", "roundrobin"]) {
      const [caller, callee] = [await world.join(), await world.join()];
      await callee.register(`com.${invoke}`, { invoke });
      const call = caller.call(`com.${invoke}`);
      decline(callee, (await callee.invocation()).request, ["why"]);
      await expectPassedOn(caller, call);
    }
  });

  suite.test("[R-11] other errors are the caller's answer", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    for (const uri of [
      "com.error",
      "wamp.error.canceled",
      "wamp.error.unavailablE",
      "wamp.error.unavailabl",
    ]) {
      const call = caller.call("com.proc");
      const { request } = await one.invocation();
      one.send([Message.error, Message.invocation, request, {}, uri]);
      const answer = await caller.next();
      assert.deepEqual(answer.slice(0, 3), [Message.error, Message.call, call]);
      assert.notEqual(answer[4], noCallee);
    }
    await two.expectQuiet();
  });

  suite.test("[R-11] a call whose caller has had progress stays where it is", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    const call = caller.call("com.proc", { receive_progress: true });
    const { request } = await one.invocation();
    one.yield(request, { progress: true }, [1]);
    decline(one, request, ["why"]);
    await caller.expect([Message.result, call, { progress: true }, [1]]);
    await expectPassedOn(caller, call);
    await two.expectQuiet();
  });

  suite.test("[R-11 R-04] unavailable in answer to CANCEL kill is the caller's answer", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    const call = caller.call("com.proc");
    const { request } = await one.invocation();
    caller.send([Message.cancel, call, { mode: "kill" }]);
    await one.expect([Message.interrupt, request, { mode: "kill" }]);
    decline(one, request, ["why"]);
    await expectPassedOn(caller, call);
    await two.expectQuiet();
  });

  const off = { realms: [{ uri: "realm1", callReroute: false }] };
  for (const [what, options] of [
    ["a realm without rerouting passes unavailable on", off],
    ["a router that keeps no calls passes unavailable on", { limits: { rerouteBytes_max: 0 } }],
  ] as const)
    suite.testWith(`[R-11] ${what}`, options, async (world) => {
      const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
      const caller = await world.join();
      const call = caller.call("com.proc");
      decline(one, (await one.invocation()).request, ["why"]);
      await expectPassedOn(caller, call);
      await two.expectQuiet();
    });

  suite.testWith(
    "[R-11] a call too long ago, or too large, is not rerouted; later ones are",
    { limits: { rerouteBytes_max: 1 << 13 } },
    async (world) => {
      const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
      const caller = await world.join();
      const old = caller.call("com.proc", {}, ["old"]);
      const count = 40;
      for (let i = 0; i < count; i++) caller.call("com.proc", {}, ["x".repeat(300), i]);
      const large = caller.call("com.proc", {}, ["x".repeat(600)]);
      for (let i = 0; i < count + 2; i++) await one.invocation();
      decline(one, 1, ["why"]);
      await expectPassedOn(caller, old);
      decline(one, count + 2, ["why"]);
      await expectPassedOn(caller, large);
      // The ring holds some twenty of them.
      for (let i = 0; i < 10; i++) decline(one, count + 1 - i);
      for (let i = 0; i < 10; i++)
        assert.deepEqual((await two.invocation()).payload, [["x".repeat(300), count - 1 - i]]);
      await two.expectQuiet();
    },
  );
}

function races(suite: Suite): void {
  suite.test("[R-11] a callee that declined is not heard any more, and cannot be blamed", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    const call = caller.call("com.proc");
    const { request } = await one.invocation();
    decline(one, request);
    decline(one, request);
    one.yield(request, {}, ["after all"]);
    one.yield(request, { progress: true });
    const second = await two.invocation();
    await one.expectQuiet();
    one.close();
    await until("it is gone", () => world.router.stats().registrations === 1);
    two.yield(second.request, {}, ["mine"]);
    await caller.expect([Message.result, call, {}, ["mine"]]);
    await caller.expectQuiet();
    await two.expectQuiet();
  });

  suite.test("[R-11 R-04] a rerouted call is canceled at the callee that has it", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    const call = caller.call("com.proc");
    decline(one, (await one.invocation()).request);
    const { request } = await two.invocation();
    caller.send([Message.cancel, call, { mode: "killnowait" }]);
    await caller.expectError(Message.call, call, "wamp.error.canceled");
    await two.expect([Message.interrupt, request, { mode: "killnowait" }]);
    await one.expectQuiet();
    assert.equal(world.router.stats().reroutedCalls, 0);
  });

  suite.test("[R-11 R-03] the timeout counts from the CALL, whoever has it", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const caller = await world.join();
    const call = caller.call("com.proc", { timeout: 50 });
    decline(one, (await one.invocation()).request);
    const { request } = await two.invocation();
    await caller.expectError(Message.call, call, "wamp.error.timeout");
    await two.expect([Message.interrupt, request, { mode: "killnowait" }]);
    await one.expectQuiet();
  });

  suite.test("[R-11 R-14 R-15] rerouted calls end when either side leaves", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "first" })) as [Wire, Wire];
    const [caller, other] = [await world.join(), await world.join()];
    const call = caller.call("com.proc");
    other.call("com.proc");
    for (let i = 0; i < 2; i++) decline(one, (await one.invocation()).request);
    const mine = await two.invocation();
    const others = await two.invocation();
    assert.equal(world.router.stats().reroutedCalls, 2);
    other.close();
    const left = await two.next();
    assert.ok([mine.request, others.request].includes(left[1] as number));
    assert.deepEqual(left, [Message.interrupt, left[1], { mode: "killnowait" }]);
    two.close();
    await caller.expectError(Message.call, call, "wamp.error.canceled");
    assert.equal(world.router.stats().reroutedCalls, 0);
    await one.expectQuiet();
  });

  suite.test(
    "[R-11 R-16] a declined call waits for a busy callee, before those that came later",
    async (world) => {
      const [one, two] = (await share(world, 2, { invoke: "roundrobin", concurrency: 1 })) as [Wire, Wire];
      const caller = await world.join();
      for (let i = 0; i < 4; i++) caller.call("com.proc", {}, [i]);
      const first = await one.invocation();
      const second = await two.invocation();
      assert.deepEqual([first.payload, second.payload], [[[0]], [[1]]]);
      decline(one, first.request);
      // It makes room for the next of those that wait, and its own call waits for the other callee.
      assert.deepEqual((await one.invocation()).payload, [[2]]);
      await two.expectQuiet();
      two.yield(second.request);
      const again = await two.invocation();
      assert.deepEqual(again.payload, [[0]]);
      decline(two, again.request);
      assert.deepEqual((await two.invocation()).payload, [[3]]);
      await caller.expect([Message.result, 2, {}]);
      await caller.expectError(Message.call, 1, noCallee);
    },
  );

  suite.test("[R-11 R-16] a declined call that waits ends when nobody is left to ask", async (world) => {
    const [one, two] = (await share(world, 2, { invoke: "roundrobin", concurrency: 1 })) as [Wire, Wire];
    const caller = await world.join();
    const calls = [caller.call("com.proc"), caller.call("com.proc")];
    const { request } = await one.invocation();
    await two.invocation();
    decline(one, request);
    await one.expectQuiet();
    assert.equal(world.router.stats().queuedCalls, 1);
    two.close();
    await caller.expectError(Message.call, calls[1]!, "wamp.error.canceled");
    await caller.expectError(Message.call, calls[0]!, noCallee);
    await one.expectQuiet();
  });
}
