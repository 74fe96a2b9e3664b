/**
 * The router under load: order over 200,000 mixed messages, a subscriber among a thousand that does not read, and a client
 * that sends 100,000 frames in one burst.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { createRouter, type Router } from "../../src/main.ts";
import type { Connection, ConnectionEvents, OutgoingFrame } from "../../src/ports.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { heldByProcess } from "../support/garbage.ts";
import { batchedLeg, memoryLeg, tcpLeg, webSocketLegs } from "../support/router-legs.ts";
import { type Leg, Suite, type World } from "../support/router-suite.ts";
import { stallWebSocket } from "../support/stalled-websocket.ts";
import { until, type Wire } from "../support/wire.ts";

const legs: readonly Leg[] = [
  memoryLeg(Serializer.msgpack),
  ...webSocketLegs(Serializer.json),
  tcpLeg(Serializer.cbor),
];

for (const leg of legs) {
  const suite = new Suite(leg);
  suite.test("[B-14] 100,000 requests of all kinds are answered in the order they were made", ownOrder);
  suite.test("[B-14] 200,000 results, events, acknowledgements of one session keep their order", mixedOrder);
  suite.test("calls of others are answered while a client's burst of 100,000 frames is worked off", flood);
}

/** What is sent before its answers are read, so that no queue has to hold everything. */
const piece = 5_000;

/** One message that must come: its type, and the element that says which one it is. */
type Due = readonly [type: number, element: number, value: unknown];

/** A session that is publisher, subscriber, caller and callee at once: all that it gets is in the order of what it sends. */
async function ownOrder(world: World): Promise<void> {
  const wire = await world.join();
  await wire.subscribe("com.self");
  await wire.register("com.proc");
  let calls = 0;
  const lastCall = { request: 0 };
  for (let from = 0; from < 100_000; from += piece) {
    const due: Due[] = [];
    for (let i = from; i < from + piece; i++) due.push(...request(wire, i));
    for (const [type, element, value] of due) {
      const message = await wire.next();
      assert.equal(
        message[0],
        type,
        `${JSON.stringify(message)} where ${type} with ${String(value)} was due`,
      );
      assert.deepEqual(message[element], value);
    }
  }
  assert.equal(wire.arrivedCount, 0);

  function request(self: Wire, i: number): Due[] {
    const id = self.request();
    const mine = { exclude_me: false };
    switch (i % 6) {
      case 0:
        self.send([Message.publish, id, mine, "com.self", [i]]);
        return [[Message.event, 4, [i]]];
      case 1:
        self.send([Message.publish, id, { ...mine, acknowledge: true }, "com.self", [i]]);
        return [
          [Message.event, 4, [i]],
          [Message.published, 1, id],
        ];
      case 2:
        self.send([Message.subscribe, id, {}, `com.t${i % 100}`]);
        return [[Message.subscribed, 1, id]];
      case 3:
        self.send([Message.call, id, {}, "com.nothing"]);
        return [[Message.error, 2, id]];
      case 4:
        self.send([Message.call, id, {}, "com.proc", [i]]);
        lastCall.request = id;
        calls++;
        return [[Message.invocation, 1, calls]];
      default:
        self.send([Message.yield, calls, {}, [i]]);
        return [[Message.result, 1, lastCall.request]];
    }
  }
}

/** Another session's results and events of two subscriptions, numbered as it sends them, and acknowledgements in between. */
async function mixedOrder(world: World): Promise<void> {
  const [wire, other] = [await world.join(), await world.join()];
  await wire.subscribe("com.a");
  await wire.subscribe("org", { match: "prefix" });
  await other.register("com.proc");
  const calls = 50;
  for (let i = 0; i < calls; i++) wire.call("com.proc", { receive_progress: true });
  for (let i = 0; i < calls; i++) await other.invocation();
  let sent = 0;
  let seen = 0;
  const acknowledged: number[] = [];
  for (let received = 0; received < 200_000; received += piece) {
    for (let i = 0; i < piece; i++) {
      const kind = i % 4;
      if (kind === 0) other.send([Message.publish, other.request(), {}, "com.a", [sent++]]);
      else if (kind === 1) other.yield((i % calls) + 1, { progress: true }, [sent++]);
      else if (kind === 2) other.send([Message.publish, other.request(), {}, `org.t${i % 10}`, [sent++]]);
      else {
        acknowledged.push(wire.request());
        wire.send([Message.publish, acknowledged.at(-1), { acknowledge: true }, "net.nobody"]);
      }
    }
    for (let i = 0; i < piece; i++) {
      const message = await wire.next();
      if (message[0] === Message.published) assert.equal(message[1], acknowledged.shift());
      else
        assert.deepEqual(message[message[0] === Message.result ? 3 : 4], [seen++], JSON.stringify(message));
    }
    assert.deepEqual([seen, acknowledged.length], [sent, 0]);
  }
}

async function flood(world: World): Promise<void> {
  const [flooder, caller, callee] = [await world.join(), await world.join(), await world.join()];
  await callee.register("com.proc");
  const serving = (async () => {
    for (;;) {
      const message = await callee.next();
      if (message[0] !== Message.invocation) return;
      callee.yield(message[1] as number, {}, message[4]);
    }
  })();
  const count = 100_000;
  const frame = flooder.encode([Message.publish, 1, {}, "com.nobody", ["some"]]);
  for (let i = 1; i < count; i++) flooder.sendBytes(frame);
  flooder.send([Message.publish, 2, { acknowledge: true }, "com.nobody"]);
  let over = false;
  const end = flooder.next(60_000).then((message) => {
    over = true;
    assert.deepEqual(message.slice(0, 2), [Message.published, 2]);
  });
  let answered = 0;
  while (!over) {
    const call = caller.call("com.proc", {}, [answered]);
    await caller.expect([Message.result, call, {}, [answered]]);
    if (!over) answered++;
  }
  await end;
  assert.ok(answered > 0, "no call was answered before the burst was over");
  assert.ok(world.router.metrics.messagesIn >= count);
  callee.send([Message.unsubscribe, callee.request(), 2 ** 53]);
  await serving;
}

// ---- one among many that does not read

/** Takes everything, or nothing any more; counts EVENTs and looks at the number in their last six bytes. */
class CountingConnection implements Connection {
  readonly info = { kind: "local", peer: "counting" } as const;
  readonly serializer = Serializer.msgpack;
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  events: ConnectionEvents | null = null;
  reads = true;
  received = 0;
  outOfOrder = 0;
  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (!this.reads) return from;
    for (let i = from; i < count; i++) {
      const { bytes } = frames[i]!;
      if (bytes[1] !== Message.event) continue;
      const digits = bytes.subarray(bytes.length - 6);
      if (Number(String.fromCharCode(...digits)) !== this.received++) this.outOfOrder++;
    }
    return count;
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {
    this.terminate();
  }
  terminate(): void {
    const events = this.events;
    this.events = null;
    if (events !== null) queueMicrotask(() => events.onClose());
  }
}

function attachCounting(router: Router): CountingConnection {
  const connection = new CountingConnection();
  connection.events = router.accept(connection);
  const hello = [Message.hello, "realm1", { roles: { subscriber: {} } }];
  for (const message of [hello, [Message.subscribe, 1, {}, "com.a"]])
    connection.events!.onFrame(encodeMessage(Serializer.msgpack, message));
  return connection;
}

const number = (i: number): string => String(i).padStart(6, "0");

test("one subscriber in a thousand does not read: memory stays flat, and the others get every event in order", async () => {
  const outboxBytes_max = 256 << 10;
  const router = await createRouter({ limits: { frameBytes_max: 64 << 10, outboxBytes_max } });
  const alive = setInterval(() => {}, 1_000);
  const connections = Array.from({ length: 1_000 }, () => attachCounting(router));
  const publisher = attachCounting(router);
  const readers = connections.slice(1);
  const text = "e".repeat(10_000);
  let published = 0;
  const publish = async (count: number): Promise<void> => {
    for (const upTo = published + count; published < upTo; published++) {
      const message = [Message.publish, published + 2, {}, "com.a", [text, number(published)]];
      publisher.events!.onFrame(encodeMessage(Serializer.msgpack, message));
      if (published % 20 === 19)
        await until("it is written", () => readers.every(({ received }) => received > published));
    }
  };
  try {
    await until("all are subscribed", () => router.stats().subscriptions === 1_001);
    connections[0]!.reads = false;
    await publish(200);
    const before = heldByProcess();
    assert.ok(router.stats().heldBytes > outboxBytes_max / 2 && router.stats().heldBytes <= outboxBytes_max);
    // 20 MB for the one that does not read, 20 GB for all.
    await publish(2_000);
    const growth = heldByProcess() - before;
    assert.ok(growth < 8 << 20, `${growth} bytes more are held`);
    assert.ok(router.stats().heldBytes <= outboxBytes_max);
    for (const { received, outOfOrder } of readers) assert.deepEqual([received, outOfOrder], [2_200, 0]);
    assert.equal(router.metrics.eventsDroppedSlow, 2_200 - Math.floor(router.stats().heldBytes / 10_000));
    // It reads again: what was held comes, in order, and then what is new.
    connections[0]!.reads = true;
    connections[0]!.events!.onDrain();
    await until("what was held has come", () => connections[0]!.received > 20);
    assert.equal(router.stats().heldBytes, 0);
    assert.equal(connections[0]!.outOfOrder, 0);
  } finally {
    for (const connection of [...connections, publisher]) connection.terminate();
    await router.close();
    clearInterval(alive);
  }
});

for (const leg of [...webSocketLegs(Serializer.msgpack), batchedLeg(Serializer.msgpack)]) {
  new Suite(leg).testWith(
    "a client that stops reading its socket is held within its bound, and the others get every event",
    { limits: { frameBytes_max: 64 << 10, outboxBytes_max: 256 << 10 } },
    async (world) => {
      const readers = await world.joinMany(20);
      for (const wire of readers) await wire.subscribe("com.a");
      const publisher = await world.join();
      const stalled: Socket = await stallWebSocket(world.router.listeners[0]!.url, leg, "com.a");
      try {
        await until("it is subscribed", () => world.router.stats().subscriptions === 21);
        const text = "e".repeat(10_000);
        const count = 2_000;
        for (let i = 0; i < count; i += 20) {
          for (let n = i; n < i + 20; n++)
            publisher.send([Message.publish, publisher.request(), {}, "com.a", [text, n]]);
          for (const wire of readers)
            for (let n = i; n < i + 20; n++)
              assert.equal(((await wire.event()).payload[0] as unknown[])[1], n);
        }
        assert.ok(
          world.router.metrics.eventsDroppedSlow > 100,
          `${world.router.metrics.eventsDroppedSlow} dropped`,
        );
        assert.ok(world.router.stats().heldBytes <= 256 << 10);
        assert.equal(world.router.stats().sessions, 22);
      } finally {
        stalled.destroy();
      }
      await until("it is gone", () => world.router.stats().sessions === 21);
      assert.equal(world.router.stats().heldBytes, 0);
    },
  );
}
