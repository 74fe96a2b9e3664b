/**
 * Payloads of many megabytes over real sockets: what sockets hold of them is bounded however many receivers do not read, and small
 * messages pass them – of the same session in order, of others in between. Counted in messages, not in time.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { batchedLeg, tcpLeg, webSocketLegs } from "../support/router-legs.ts";
import { Suite, type World } from "../support/router-suite.ts";
import { stallWebSocket } from "../support/stalled-websocket.ts";
import { until, type Wire } from "../support/wire.ts";

const frameBytes_max = 1 << 24;
const patience_ms = 60_000;
const webSockets = [...webSocketLegs(Serializer.msgpack), batchedLeg(Serializer.msgpack)];

for (const leg of [...webSockets, webSocketLegs(Serializer.json)[0]!, tcpLeg(Serializer.cbor)]) {
  new Suite(leg).testWith(
    "calls of others are answered while 15 MB events go through, and small events of their publisher keep their place",
    // Room for all that is sent to the one who subscribes: on a busy machine it reads late.
    { limits: { frameBytes_max, outboxBytes_max: 1 << 27 } },
    passing,
  );
}

async function passing(world: World): Promise<void> {
  const [subscriber, caller, callee] = [await world.join(), await world.join(), await world.join()];
  const publishers = await world.joinMany(2);
  await subscriber.subscribe("com.a");
  await callee.register("com.proc");
  const text = "l".repeat(15_000_000);
  const each = 3;
  for (const [who, publisher] of publishers.entries()) {
    for (let i = 0; i < each; i++) {
      publisher.send([Message.publish, publisher.request(), {}, "com.a", [who, 2 * i, text]]);
      publisher.send([Message.publish, publisher.request(), {}, "com.a", [who, 2 * i + 1]]);
    }
  }
  let answered = 0;
  let isOver = false;
  const calling = (async () => {
    while (!isOver) {
      const call = caller.call("com.proc", {}, [answered]);
      const { request } = await callee.invocation();
      callee.yield(request, {}, [answered]);
      await caller.expect([Message.result, call, {}, [answered]]);
      answered++;
    }
  })();
  calling.catch(() => {});
  const next = publishers.map(() => 0);
  /** Calls that had been answered when each of the large ones arrived. */
  const answeredBy: number[] = [];
  for (let i = 0; i < publishers.length * 2 * each; i++) {
    const [, , , , payload] = await subscriber.next(patience_ms);
    const [who, number, large] = payload as [number, number, string?];
    assert.equal(number, next[who]!++);
    assert.equal(large?.length, number % 2 === 0 ? text.length : undefined);
    if (large !== undefined) answeredBy.push(answered);
  }
  isOver = true;
  await calling;
  // A turn of the loop that all share here may be long: one in the middle of each publisher's at least.
  assert.ok(
    answeredBy.at(-1)! - answeredBy[0]! >= publishers.length,
    `answered by then: ${answeredBy.join(" ")}`,
  );
  assert.equal(world.router.metrics.eventsDroppedSlow, 0);
}

const socketBytes_max = 16 << 20;

for (const leg of webSockets) {
  new Suite(leg).testWith(
    "8 MB events for clients that do not read: sockets hold no more than they may, and those who read get every event",
    { limits: { frameBytes_max, socketBytes_max } },
    async (world) => {
      const { router } = world;
      const url = router.listeners[0]!.url;
      const stalled: Socket[] = [];
      for (let i = 0; i < 8; i++) stalled.push(await stallWebSocket(url, leg, "com.a"));
      await until("they are subscribed", () => router.stats().subscriptions === stalled.length);
      const readers = await world.joinMany(2);
      for (const wire of readers) await wire.subscribe("com.a");
      const publisher = await world.join();
      const payload = new Uint8Array(8_000_000);
      const most = { sockets: 0, held: 0 };
      const watch = setInterval(() => {
        const { socketBytes, heldBytes } = router.stats();
        most.sockets = Math.max(most.sockets, socketBytes);
        most.held = Math.max(most.held, heldBytes);
      }, 1);
      try {
        for (let i = 0; i < 3; i++) {
          await publisher.publish("com.a", {}, [i, payload]);
          for (const wire of readers) assert.equal(await numberOf(wire), i);
        }
      } finally {
        clearInterval(watch);
        for (const socket of stalled) socket.destroy();
      }
      const frameBytes = payload.length + 100;
      assert.ok(most.sockets > socketBytes_max, `${most.sockets} bytes`);
      assert.ok(most.sockets <= 2 * socketBytes_max + frameBytes, `${most.sockets} bytes in sockets`);
      assert.ok(most.held <= 3 * frameBytes, `${most.held} bytes wait, where three events are shared`);
      assert.ok(
        router.metrics.sessionsOverrun > 0,
        "those who take nothing are ended when they are too many",
      );
      await until("they are gone", () => router.stats().sessions === readers.length + 1);
    },
  );
}

async function numberOf(wire: Wire): Promise<unknown> {
  const [type, , , , payload] = await wire.next(patience_ms);
  assert.equal(type, Message.event);
  return (payload as unknown[])[0];
}
