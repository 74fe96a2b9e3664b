/**
 * Requests and connections that come to another worker than the one they belong to, with real threads and real sockets: which worker a
 * connection comes to is the system's choice, so each test makes enough of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "../../src/base/owner-names.ts";
import { connectTransport } from "../../src/client/connect.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { connectHttp, type HttpKind, httpUrl } from "../support/http-client.ts";
import { adapters } from "../support/router-legs.ts";
import { Wire } from "../support/wire.ts";
import { WorkersRig } from "../support/workers-rig.ts";

const timeout = 120_000;
const topic = "com.example.topic";

/** A client over HTTP: it opens, sends and receives over connections of their own. */
async function joinHttp(rig: WorkersRig, kind: HttpKind): Promise<Wire> {
  const base = httpUrl(rig.router.listeners[0]!.url, kind);
  const given = { serializer: Serializer.json, protocol: "wamp.2.json" };
  return new Wire(await connectHttp(kind, base, given)).join();
}

for (const { name, ...skip } of adapters) {
  const options = { websocket: { port: 0 }, rawsocket: { port: 0 }, transport: name };
  const facts = { timeout, ...skip };

  for (const kind of ["longpoll", "sse"] as const)
    test(`${name}: ${kind} works whichever workers the requests come to`, facts, async () => {
      const rig = await WorkersRig.open(3, options);
      const wires = await Promise.all(Array.from({ length: 8 }, () => joinHttp(rig, kind)));
      for (const wire of wires) await wire.subscribe(topic);
      const speaker = wires[0]!;
      // Large enough to be carried in several pieces.
      const text = "x".repeat(100_000);
      for (let i = 0; i < 20; i++) await speaker.publish(topic, {}, [i, i % 10 === 0 ? text : ""]);
      for (const wire of wires.slice(1))
        for (let i = 0; i < 20; i++)
          assert.deepEqual((await wire.event()).payload, [[i, i % 10 === 0 ? text : ""]]);
      for (const wire of wires) await wire.leave();
      for (const wire of wires) wire.close();
      await rig.close();
      assert.equal(rig.logged(/internal error|failed/), undefined);
    });

  test(`${name}: a session is resumed whichever worker its client comes to`, facts, async () => {
    const rig = await WorkersRig.open(3, options);
    const speaker = await rig.join();
    const connect = async (round: number): Promise<Wire> =>
      new Wire(await connectTransport({ url: rig.router.listeners[round % 2]!.url, serializer: "msgpack" }));
    let wire = await (await connect(0)).join({ details: { resumable: true } });
    const { id } = wire;
    await wire.subscribe(topic);
    assert.equal(placeOf(String(wire.welcome["resume_token"])), rig.placeOf(wire));
    // On Node 20 the worker that is free takes a RawSocket connection, which is the same one for some time.
    for (let round = 1; round <= 24; round++) {
      const before = wire;
      if (round % 3 === 0) before.close();
      wire = await connect(round);
      await speaker.publish(topic, {}, [round]);
      await wire.resume(before);
      assert.deepEqual([wire.id, wire.welcome["resumed"]], [id, true]);
      assert.deepEqual((await wire.event()).payload, [[round]]);
      const call = wire.call("wamp.session.count");
      assert.equal((await wire.next())[1], call);
    }
    wire.send([Message.goodbye, {}, "wamp.close.normal"]);
    await wire.expect([Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
    wire.close();
    await rig.close();
    assert.equal(rig.logged(/internal error|failed/), undefined);
  });

  test(
    `${name}: a session that ends with its worker ends the connection that another worker has`,
    facts,
    async () => {
      const rig = await WorkersRig.open(2, options);
      const connect = async (): Promise<Wire> =>
        new Wire(await connectTransport({ url: rig.router.listeners[0]!.url, serializer: "msgpack" }));
      // Sessions of worker 1, of which some come back to worker 0.
      const owned: Wire[] = [];
      while (owned.length < 12) {
        const wire = await (await connect()).join({ details: { resumable: true } });
        if (rig.placeOf(wire) === 1) owned.push(wire);
        else wire.close();
      }
      const back = await Promise.all(owned.map(async (wire) => (await connect()).resume(wire)));
      for (const wire of back) assert.equal(wire.welcome["resumed"], true);
      rig.commit({ place: 1, kind: "throw" });
      for (const wire of back) await wire.expectEnd();
      const again = await (await connect()).resume(back[0]!);
      assert.equal(again.welcome["resumed"], false);
      again.close();
      await rig.close();
    },
  );
}
