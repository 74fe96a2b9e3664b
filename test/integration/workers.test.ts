import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { adapters } from "../support/router-legs.ts";
import { until, type Wire } from "../support/wire.ts";
import { WorkersRig } from "../support/workers-rig.ts";

const listen = { websocket: { port: 0 }, rawsocket: { port: 0 } };
const timeout = 120_000;

/** Each calls a procedure of the first, which nobody else can register, wherever it is. */
async function callAll(wires: readonly Wire[]): Promise<void> {
  const callee = wires[0]!;
  const registration = await callee.register("com.example.add");
  for (const caller of wires.slice(1)) {
    const again = caller.request();
    caller.send([Message.register, again, {}, "com.example.add"]);
    await caller.expectError(Message.register, again, "wamp.error.procedure_already_exists");
    const request = caller.call("com.example.add", {}, [1, 2]);
    const invocation = await callee.invocation();
    assert.deepEqual(invocation.payload, [[1, 2]]);
    callee.yield(invocation.request, {}, [3]);
    await caller.expect([Message.result, request, {}, [3]]);
  }
  await callee.unregister(registration);
}

for (const { name, ...skip } of adapters) {
  const options = { ...listen, transport: name };
  const facts = { timeout, ...skip };

  test(`${name}: every worker serves every place, and a session's id says whose it is`, facts, async () => {
    await using rig = await WorkersRig.open(3, options);
    for (const listener of [0, 1]) {
      const wires = await rig.joinAll(listener);
      assert.deepEqual(
        wires.map((wire) => rig.placeOf(wire)),
        [0, 1, 2],
      );
      for (const wire of wires) await wire.subscribe("com.example.topic");
      for (const from of wires) {
        await from.publish("com.example.topic", {}, [from.id]);
        for (const to of wires) if (to !== from) assert.deepEqual((await to.event()).payload, [[from.id]]);
      }
      await callAll(wires);
    }
    await (await rig.join()).register("com.example.limited", { concurrency: 2 });
    const totals = await rig.router.totals();
    assert.equal(totals.limitedCallees, 1, "all workers know it, and it is one");
    assert.equal(totals.connections, rig.router.connectionCount);
    assert.equal(totals.sessions, rig.router.connectionCount);
    assert.ok(rig.router.stats().sessions < totals.sessions);
    await rig.close();
    assert.equal(rig.router.connectionCount, 0);
  });

  for (const kind of ["throw", "reject"] as const)
    test(
      `${name}: what nothing catches in a worker (${kind}) ends its sessions and no others`,
      facts,
      async () => {
        await using rig = await WorkersRig.open(3, options);
        const [first, second, third] = await rig.joinAll();
        rig.commit({ place: 1, kind });
        await second!.expectEnd();
        for (const wire of [first!, third!]) await wire.subscribe("com.example.topic");
        // Another takes its place, and serves.
        await until("a worker has come back", () => rig.logged(/another takes its place/) !== undefined);
        const again = await rig.joinAll();
        assert.equal(rig.placeOf(again[1]!), 1);
        await again[1]!.subscribe("com.example.topic");
        await again[0]!.publish("com.example.topic");
        for (const wire of [first!, again[1]!, third!]) await wire.event();
        const fault = rig.logged(/a worker has failed/)!;
        assert.equal(fault.fields["worker"], 1);
        const { cause } = fault.fields as { readonly cause: Error };
        assert.match(cause.message, /nothing catches|nobody waits/);
        assert.match(cause.stack ?? "", /faulty-thread/);
      },
    );

  test(
    `${name}: a listener that is closed is served by no worker, and the others are by all`,
    facts,
    async () => {
      await using rig = await WorkersRig.open(2, options);
      const wires = await rig.joinAll();
      await rig.router.listeners[0]!.close();
      for (const wire of wires) await wire.expectEnd();
      for (let tries = 0; tries < 6; tries++) await assert.rejects(rig.join());
      await rig.joinAll(1);
    },
  );

  test(`${name}: one that dies again and again is given more and more time`, facts, async () => {
    await using rig = await WorkersRig.open(2, options);
    for (let deaths = 0; deaths < 3; deaths++) {
      await rig.joinAll();
      rig.commit({ place: 1, kind: "throw" });
      const seen = (): number => rig.lines.filter(({ message }) => /another takes/.test(message)).length;
      await until("it has died", () => seen() === deaths + 1);
    }
    const delays = rig.lines.flatMap(({ fields }) => fields["delay_ms"] ?? []);
    assert.deepEqual(delays, [100, 200, 400]);
    await rig.joinAll();
  });

  test(`${name}: a fault in the first thread ends its sessions, and it goes on`, facts, async () => {
    await using rig = await WorkersRig.open(2, options);
    const [first, second] = await rig.joinAll();
    rig.router.fault(new Error("nothing caught it"));
    assert.deepEqual((await first!.next()).slice(0, 1), [Message.goodbye]);
    await first!.expectEnd();
    await second!.subscribe("com.example.topic");
    assert.match(String(rig.logged(/nothing caught/)?.fields["cause"]), /nothing caught it/);
    const [again] = await rig.joinAll();
    await again!.subscribe("com.example.topic");
    await again!.publish("com.example.topic");
    await second!.event();
  });

  test(`${name}: connections are bounded over all workers`, facts, async () => {
    await using rig = await WorkersRig.open(2, { ...options, limits: { connections_max: 6 } });
    for (let count = 0; count < 6; count++) await rig.join(count % 2);
    await assert.rejects(rig.join());
    await assert.rejects(rig.join(1));
    assert.equal(rig.router.connectionCount, 6);
  });

  test(`${name}: workers that cannot listen, or not start, leave nothing open`, facts, async () => {
    await using rig = await WorkersRig.open(2, { websocket: { port: 0 }, transport: name });
    const { port } = rig.router.listeners[0]!;
    const again = { websocket: { port }, transport: name, workers: 2 };
    await assert.rejects(createRouter(again), /already in use/);
    await rig.close();
    process.env["FAULT_AT_START"] = "1";
    try {
      await assert.rejects(WorkersRig.open(2, { websocket: { port }, transport: name }), /does not start/);
    } finally {
      delete process.env["FAULT_AT_START"];
    }
    await (await createRouter({ websocket: { port }, transport: name })).close();
  });
}
