/**
 * Peers that read slowly, or not at all, or take only small frames: what is queued for them is bounded, what is dropped is
 * counted, a reply is never dropped without a word, and nobody else notices. Over connections in memory, whose socket is full
 * exactly when the test says so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import type { Connection } from "../../src/ports.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { attach } from "../support/router-legs.ts";
import { nothingLeft } from "../support/router-suite.ts";
import { until, Wire } from "../support/wire.ts";

interface Peer {
  readonly wire: Wire;
  readonly connection: MemoryConnection;
}

/** A router and a way to join it; proves at the end that nothing is left of anybody. */
function withRouter(
  rule: string,
  options: RouterOptions,
  body: (router: Router, join: Join) => Promise<void>,
): void {
  test(rule, async () => {
    const router = await createRouter(options);
    const alive = setInterval(() => {}, 1_000);
    const peers: Peer[] = [];
    const join: Join = async (given = {}) => {
      const connection = new MemoryConnection({ serializer: Serializer.msgpack, ...given });
      const wire = new Wire(attach(router, connection));
      peers.push({ wire, connection });
      await wire.join();
      return { wire, connection };
    };
    try {
      await body(router, join);
      for (const { wire } of peers) wire.close();
      await until("all are gone", () => router.stats().connections === 0);
      assert.deepEqual(router.stats(), nothingLeft);
    } finally {
      await router.close();
      clearInterval(alive);
    }
  });
}
type Join = (options?: Partial<ConstructorParameters<typeof MemoryConnection>[0]>) => Promise<Peer>;

const small = { frameBytes_max: 1_024, outboxBytes_max: 4_096, inboxBytes_max: 1 << 20 };
const text = "x".repeat(200);

/** Publishes `count` numbered events and returns when all are routed. */
async function publishMany(publisher: Wire, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++)
    publisher.send([Message.publish, publisher.request(), {}, "com.a", [i, text]]);
  await publisher.publish("com.other");
}

async function numbers(wire: Wire): Promise<number[]> {
  const found: number[] = [];
  const request = wire.request();
  wire.send([Message.unsubscribe, request, 2 ** 53]);
  for (let message = await wire.next(); message[0] === Message.event; message = await wire.next())
    found.push((message[4] as number[])[0]!);
  return found;
}

withRouter(
  "drop-newest: a full session keeps the oldest events, the later ones are dropped and counted",
  { limits: small, slowConsumer: "drop-newest" },
  async (router, join) => {
    const [publisher, slow, quick] = [await join(), await join(), await join()];
    for (const { wire } of [slow, quick]) await wire.subscribe("com.a");
    slow.connection.room = 0;
    await publishMany(publisher.wire, 100);
    assert.deepEqual(
      await numbers(quick.wire),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.ok(router.stats().heldBytes <= small.outboxBytes_max && router.stats().heldBytes > 3_000);
    const dropped = router.metrics.eventsDroppedSlow;
    assert.ok(dropped > 50 && dropped < 100);
    slow.connection.resume();
    const received = await numbers(slow.wire);
    assert.deepEqual(
      received,
      Array.from({ length: 100 - dropped }, (_, i) => i),
    );
    // It reads again, and gets all that comes now.
    await publishMany(publisher.wire, 10, 100);
    assert.deepEqual(
      await numbers(slow.wire),
      Array.from({ length: 10 }, (_, i) => 100 + i),
    );
    assert.equal(router.metrics.eventsDroppedSlow, dropped);
  },
);

withRouter(
  "a reader that asked for it, and no other, is told how many events it has lost",
  { limits: small, slowConsumer: "drop-newest" },
  async (router, join) => {
    const [publisher, slow, other] = [await join(), await join(), await join()];
    await slow.wire.subscribe("com.a");
    const notices = await slow.wire.subscribe("spanwire.session.on_events_dropped");
    await other.wire.subscribe("spanwire.session.on_events_dropped");
    slow.connection.room = 0;
    await publishMany(publisher.wire, 100);
    const dropped = router.metrics.eventsDroppedSlow;
    assert.ok(dropped > 0);
    slow.connection.resume();
    const received: unknown[][] = [];
    while (received.at(-1)?.[1] !== notices) received.push(await slow.wire.next());
    assert.equal(received.length, 100 - dropped + 1);
    assert.deepEqual(received.at(-1)?.slice(4), [[dropped]]);
    await other.wire.expectQuiet();
    assert.equal(router.metrics.eventsDroppedSlow, dropped);
  },
);

withRouter(
  "drop-oldest: a full session keeps the newest events",
  { limits: small, slowConsumer: "drop-oldest" },
  async (router, join) => {
    const [publisher, slow] = [await join(), await join()];
    await slow.wire.subscribe("com.a");
    slow.connection.room = 0;
    await publishMany(publisher.wire, 100);
    assert.ok(router.stats().heldBytes <= small.outboxBytes_max);
    slow.connection.resume();
    const received = await numbers(slow.wire);
    assert.equal(received.length + router.metrics.eventsDroppedSlow, 100);
    assert.equal(received.at(-1), 99);
    assert.deepEqual(
      received,
      Array.from({ length: received.length }, (_, i) => 100 - received.length + i),
    );
  },
);

withRouter(
  "disconnect: a full session is ended, with all that it held",
  { limits: small, slowConsumer: "disconnect" },
  async (router, join) => {
    const [publisher, slow, quick] = [await join(), await join(), await join()];
    for (const { wire } of [slow, quick]) await wire.subscribe("com.a");
    await slow.wire.register("com.proc");
    slow.connection.room = 0;
    await publishMany(publisher.wire, 100);
    await until("the slow one is gone", () => router.stats().sessions === 2);
    assert.equal(router.metrics.sessionsOverrun, 1);
    assert.equal(router.stats().heldBytes, 0);
    assert.equal((await numbers(quick.wire)).length, 100);
    const call = quick.wire.call("com.proc");
    await quick.wire.expectError(Message.call, call, "wamp.error.no_such_procedure");
  },
);

withRouter(
  "a reply that does not fit ends the session, once, whatever the policy",
  { limits: small, slowConsumer: "drop-newest" },
  async (router, join) => {
    const [caller, callee] = [await join(), await join()];
    await callee.wire.register("com.proc");
    caller.connection.room = 0;
    for (let i = 0; i < 40; i++) caller.wire.call("com.proc");
    for (let i = 0; i < 40; i++) callee.wire.yield((await callee.wire.invocation()).request, {}, [text]);
    await caller.wire.expectEnd();
    assert.equal(router.metrics.sessionsOverrun, 1);
    assert.equal(router.stats().pendingCalls, 0);
    await callee.wire.expectQuiet();
  },
);

withRouter(
  "a burst larger than the outbox is no reason to end a session whose socket takes part of it",
  { limits: small, slowConsumer: "drop-newest" },
  async (router, join) => {
    const [caller, callee] = [await join(), await join()];
    await callee.wire.register("com.proc");
    for (let i = 0; i < 40; i++) caller.wire.call("com.proc");
    const invoked: number[] = [];
    for (let i = 0; i < 40; i++) invoked.push((await callee.wire.invocation()).request);
    // All answers arrive in one turn; the socket takes the larger part, and what is left fits.
    caller.connection.room = 6_000;
    for (const request of invoked) callee.wire.yield(request, {}, [request, text]);
    await callee.wire.expectQuiet();
    assert.equal(router.metrics.sessionsOverrun, 0);
    caller.connection.resume();
    for (const request of invoked) assert.deepEqual((await caller.wire.next())[3], [request, text]);
  },
);

withRouter(
  "replies behind events: the events are dropped, the replies come",
  { limits: small, slowConsumer: "drop-oldest" },
  async (router, join) => {
    const [publisher, slow] = [await join(), await join()];
    await slow.wire.subscribe("com.a");
    slow.connection.room = 0;
    await publishMany(publisher.wire, 10);
    slow.wire.send([Message.subscribe, 2, {}, "com.b"], [Message.subscribe, 3, {}, "com.c"]);
    await publishMany(publisher.wire, 100, 10);
    slow.connection.resume();
    const types: unknown[] = [];
    for (let i = 0; i < 110 - router.metrics.eventsDroppedSlow + 2; i++)
      types.push((await slow.wire.next())[0]);
    assert.equal(types.filter((type) => type === Message.subscribed).length, 2);
  },
);

withRouter(
  "the router's budget bounds what is held for all sessions together",
  { limits: { ...small, egressBytes_max: 8_192 } },
  async (router, join) => {
    const publisher = await join();
    const slow = await Promise.all(Array.from({ length: 8 }, () => join()));
    for (const { wire, connection } of slow) {
      await wire.subscribe("com.a");
      connection.room = 0;
    }
    const quick = await join();
    await quick.wire.subscribe("com.a");
    for (let i = 0; i < 10; i++) await publishMany(publisher.wire, 10, i * 10);
    assert.equal((await numbers(quick.wire)).length, 100);
    // Each alone could hold 4,096 bytes. What came in one turn is held before it is known that the socket is full.
    assert.ok(router.stats().heldBytes <= 8 * 2_500, `${router.stats().heldBytes} bytes held`);
    for (const { connection } of slow) connection.resume();
    await until("all is written", () => router.stats().heldBytes === 0);
    await publishMany(publisher.wire, 1, 100);
    for (const { wire } of slow) assert.equal((await numbers(wire)).at(-1), 100);
  },
);

withRouter(
  "large events go out over several turns, whole and in order, and small replies of others do not wait",
  { limits: { largeFrameBytes: 10_000, largeBytesPerTurn_max: 50_000 } },
  async (_router, join) => {
    const publisher = await join();
    const many = await Promise.all(Array.from({ length: 20 }, () => join()));
    for (const { wire } of many) await wire.subscribe("com", { match: "prefix" });
    const large = "y".repeat(30_000);
    for (let i = 0; i < 20; i++)
      publisher.wire.send([
        Message.publish,
        publisher.wire.request(),
        {},
        "com.a",
        [i, i % 3 === 0 ? large : "small"],
      ]);
    await publisher.wire.publish("org.other");
    assert.ok(
      many.some(({ wire }) => wire.arrivedCount < 20),
      "the publisher was answered while events waited",
    );
    for (const { wire } of many)
      for (let i = 0; i < 20; i++)
        assert.deepEqual((await wire.event()).payload, [[i, i % 3 === 0 ? large : "small"]]);
  },
);

withRouter("a frame larger than its receiver takes is not sent to it", {}, async (router, join) => {
  const [sender, receiver] = [await join(), await join({ peerFrameBytes_max: 2_048 })];
  const long = "z".repeat(3_000);
  await receiver.wire.subscribe("com.a");
  await receiver.wire.register("com.proc");
  await sender.wire.register("com.back");
  await sender.wire.publish("com.a", {}, [long]);
  await receiver.wire.expectQuiet();
  assert.equal(router.metrics.eventsDroppedSize, 1);
  const call = sender.wire.call("com.proc", {}, [long]);
  await sender.wire.expectError(Message.call, call, "wamp.error.payload_size_exceeded");
  for (const kind of ["result", "error", "progress"]) {
    const back = receiver.wire.call("com.back", { receive_progress: true });
    const { request } = await sender.wire.invocation();
    if (kind === "error")
      sender.wire.send([Message.error, Message.invocation, request, {}, "com.error", [long]]);
    else sender.wire.yield(request, kind === "progress" ? { progress: true } : {}, [long]);
    await receiver.wire.expectError(Message.call, back, "wamp.error.payload_size_exceeded");
    if (kind === "progress") await sender.wire.expect([Message.interrupt, request, { mode: "killnowait" }]);
  }
  assert.ok(receiver.connection.sentFrameBytes_max <= 2_048);
});

for (const serializer of Object.values(Serializer))
  withRouter(
    `a peer that takes 512 bytes a frame is never sent more (serializer ${serializer})`,
    {},
    async (router, join) => {
      const connection = new MemoryConnection({ serializer, peerFrameBytes_max: 512 });
      const wire = new Wire(attach(router, connection));
      wire.send([Message.hello, "realm1", { roles: { caller: {} } }]);
      const answer = await wire.next();
      // WELCOME may be too large for it; then it is told so, and let go.
      if (answer[0] === Message.abort) assert.equal(answer[2], "wamp.error.payload_size_exceeded");
      else {
        assert.equal(answer[0], Message.welcome);
        // The router's sentence quotes the URI, with each character escaped twice over at worst.
        for (const uri of ["#".repeat(1_000), "\u0001 ".repeat(400), "com.nothing"]) {
          wire.send([Message.call, wire.request(), {}, uri]);
          assert.equal((await wire.next())[0], Message.error);
        }
        wire.send([Message.subscribe, 1, { match: "\u0001".repeat(300) }, "com.a"]);
        assert.equal((await wire.next())[0], Message.abort);
      }
      assert.ok(connection.sentFrameBytes_max <= 512, `${connection.sentFrameBytes_max} bytes`);
      wire.close();
      const other = await join();
      await other.wire.expectQuiet();
    },
  );

withRouter(
  "a connection that throws when it is written to is dropped, and the others are served",
  {},
  async (router, join) => {
    const [publisher, broken, fine] = [await join(), await join(), await join()];
    for (const { wire } of [broken, fine]) await wire.subscribe("com.a");
    (broken.connection as { send: Connection["send"] }).send = () => {
      throw new Error("broken pipe");
    };
    for (let i = 0; i < 5; i++) await publisher.wire.publish("com.a", {}, [i]);
    for (let i = 0; i < 5; i++) assert.deepEqual((await fine.wire.event()).payload, [[i]]);
    await until("the broken one is gone", () => router.stats().sessions === 2);
  },
);

withRouter(
  "an inbox that overflows: ABORT unavailable for the flooder, and the others go on",
  { limits: { framesPerTurn_max: 16, inboxBytes_max: 8_192, frameBytes_max: 1_024 } },
  async (router, join) => {
    const [flooder, other] = [await join(), await join()];
    for (let i = 1; i <= 2_000; i++) flooder.wire.send([Message.publish, i, {}, "com.a", ["payload"]]);
    await flooder.wire.expectAbort("wamp.error.unavailable");
    assert.equal(router.metrics.sessionsOverrun, 1);
    await other.wire.expectQuiet();
  },
);

withRouter(
  "a client whose inbox fills is told to pause, and to go on when it is empty",
  {},
  async (_router, join) => {
    const { wire, connection } = await join();
    const paused: boolean[] = [];
    (connection as { pause?: (on: boolean) => void }).pause = (on) => paused.push(on);
    const big = "p".repeat(100_000);
    // 2,048 are handled at once; 60 large ones behind them are more than half of the inbox.
    for (let i = 1; i <= 2_048; i++) wire.send([Message.subscribe, i, {}, "com.a"]);
    for (let i = 1; i <= 60; i++) wire.send([Message.publish, i, {}, "com.b", [big]]);
    wire.send([Message.subscribe, 5_000, {}, "com.a"]);
    for (let i = 1; i <= 2_049; i++) assert.equal((await wire.next())[0], Message.subscribed);
    assert.ok(paused.includes(true));
    assert.equal(paused.at(-1), false);
  },
);
