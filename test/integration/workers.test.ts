import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter } from "../../src/main.ts";
import { adapters } from "../support/router-legs.ts";
import { until } from "../support/wire.ts";
import { WorkersRig } from "../support/workers-rig.ts";

const listen = { websocket: { port: 0 }, rawsocket: { port: 0 } };
const timeout = 120_000;

for (const { name, ...skip } of adapters) {
  const options = { ...listen, transport: name };
  const facts = { timeout, ...skip };

  test(`${name}: every worker serves every place, and a session's id says whose it is`, facts, async () => {
    const rig = await WorkersRig.open(3, options);
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
    }
    const totals = await rig.router.totals();
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
        const rig = await WorkersRig.open(3, options);
        const [first, second, third] = await rig.joinAll();
        rig.commit({ place: 1, kind });
        await second!.expectEnd();
        for (const wire of [first!, third!]) await wire.subscribe("com.example.topic");
        // Another takes its place, and serves.
        await until("a worker has come back", () => rig.logged(/another takes its place/) !== undefined);
        const again = await rig.joinAll();
        assert.equal(rig.placeOf(again[1]!), 1);
        const fault = rig.logged(/a worker has failed/)!;
        assert.equal(fault.fields["worker"], 1);
        const { cause } = fault.fields as { readonly cause: Error };
        assert.match(cause.message, /nothing catches|nobody waits/);
        assert.match(cause.stack ?? "", /faulty-thread/);
        await rig.close();
      },
    );

  test(`${name}: connections are bounded over all workers`, facts, async () => {
    const rig = await WorkersRig.open(2, { ...options, limits: { connections_max: 6 } });
    for (let count = 0; count < 6; count++) await rig.join(count % 2);
    await assert.rejects(rig.join());
    await assert.rejects(rig.join(1));
    assert.equal(rig.router.connectionCount, 6);
    await rig.close();
  });

  test(`${name}: workers that cannot listen, or not start, leave nothing open`, facts, async () => {
    const rig = await WorkersRig.open(2, { websocket: { port: 0 }, transport: name });
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
