/**
 * Resumption over transports that are full, narrow or broken: connections in memory, whose socket is full exactly when the test says
 * so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter, type Router, type RouterOptions } from "../../src/main.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection, type MemoryConnectionOptions } from "../support/memory-connection.ts";
import { eventValues, range } from "../support/resuming.ts";
import { attach } from "../support/router-legs.ts";
import { nothingLeft } from "../support/router-suite.ts";
import { until, Wire } from "../support/wire.ts";

interface Peer {
  readonly wire: Wire;
  readonly connection: MemoryConnection;
}
/** A connection on which nothing has been said. */
type Open = (options?: Partial<MemoryConnectionOptions>) => Peer;

function withRouter(
  rule: string,
  options: RouterOptions,
  body: (router: Router, open: Open) => Promise<void>,
): void {
  test(`[S-07] ${rule}`, async () => {
    const router = await createRouter(options);
    const alive = setInterval(() => {}, 1_000);
    const wires: Wire[] = [];
    try {
      await body(router, (given = {}) => {
        const connection = new MemoryConnection({ serializer: Serializer.msgpack, ...given });
        const wire = new Wire(attach(router, connection));
        wires.push(wire);
        return { wire, connection };
      });
      for (const wire of wires) wire.close();
      await until("all are gone", () => router.stats().connections === 0);
      assert.deepEqual(router.stats(), nothingLeft);
    } finally {
      await router.close();
      clearInterval(alive);
    }
  });
}

const resumable = { details: { resumable: true } };
const text = "x".repeat(200);

/** Publishes numbered events and returns when all are routed. */
async function publish(publisher: Wire, from: number, to: number): Promise<void> {
  for (let i = from; i <= to; i++)
    publisher.send([Message.publish, publisher.request(), {}, "com.a", [i, text]]);
  await publisher.publish("com.other");
}

/** A resumable session that is subscribed, and somebody who publishes. */
async function subscribed(open: Open): Promise<{ client: Peer; publisher: Wire }> {
  const client = open();
  await client.wire.join(resumable);
  await client.wire.subscribe("com.a");
  return { client, publisher: await open().wire.join() };
}

/** The transport is gone, and the router knows. */
async function lose(router: Router, { wire }: Peer): Promise<void> {
  wire.close();
  await until("it is detached", () => router.stats().detached === 1);
}

withRouter(
  "a replay goes as fast as the new transport takes it, and new events follow behind",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    await lose(router, client);
    await publish(publisher, 1, 600);
    const next = open();
    // WELCOME, and a few events.
    next.connection.room = 2_000;
    await next.wire.resume(client.wire);
    await publish(publisher, 601, 620);
    assert.ok(next.wire.arrivedCount < 20);
    assert.ok(router.stats().heldBytes > 0, "new events wait behind the replay");
    next.connection.resume();
    assert.deepEqual(await eventValues(next.wire, 620), range(1, 620));
    await next.wire.leave();
  },
);

withRouter(
  "a transport lost in the middle of a replay: the next one goes on from there",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    await lose(router, client);
    await publish(publisher, 1, 500);
    let from = client;
    const values: unknown[] = [];
    for (let round = 0; values.length < 500; round++) {
      const next = open();
      next.connection.room = 20_000;
      await next.wire.resume(from.wire);
      // Half of what has come is taken, the rest is lost.
      await until("some events have come", () => next.wire.arrivedCount > 40 || values.length > 400);
      values.push(...(await eventValues(next.wire, Math.min(next.wire.arrivedCount, 40 + round))));
      await lose(router, next);
      from = next;
    }
    assert.deepEqual(values, range(1, 500));
    const last = open();
    await last.wire.resume(from.wire);
    await last.wire.expectQuiet();
    await last.wire.leave();
  },
);

withRouter(
  "taken over from a transport that is full: what was queued for it goes over the new one, in order",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    await publish(publisher, 1, 10);
    assert.deepEqual(await eventValues(client.wire, 10), range(1, 10));
    client.connection.room = 0;
    await publish(publisher, 11, 30);
    assert.ok(router.stats().heldBytes > 0);
    const next = open();
    await next.wire.resume(client.wire);
    await publish(publisher, 31, 40);
    assert.deepEqual(await eventValues(next.wire, 30), range(11, 40));
    assert.equal(router.stats().heldBytes, 0);
    await next.wire.leave();
  },
);

withRouter(
  "a full transport that is lost: nothing stays queued, and nothing is lost",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    client.connection.room = 0;
    await publish(publisher, 1, 20);
    assert.ok(router.stats().heldBytes > 0);
    await lose(router, client);
    await publish(publisher, 21, 30);
    assert.equal(router.stats().heldBytes, 0);
    const next = open();
    await next.wire.resume(client.wire);
    assert.deepEqual(await eventValues(next.wire, 30), range(1, 30));
    await next.wire.leave();
  },
);

const slow = {
  limits: { frameBytes_max: 1_024, outboxBytes_max: 4_096 },
  slowConsumer: "drop-newest",
} as const;

withRouter(
  "events dropped for a transport that took no more are no longer to be had: the resume fails and says so",
  slow,
  async (router, open) => {
    for (const isNoticed of [true, false]) {
      const { client, publisher } = await subscribed(open);
      client.connection.room = 0;
      await publish(publisher, 1, 100);
      assert.ok(router.metrics.eventsDroppedSlow > 0);
      if (isNoticed) {
        client.wire.close();
        await until("the session has ended", () => router.stats().subscriptions === 0);
      }
      const { wire } = open();
      const { id, welcome } = client.wire;
      wire.send([Message.hello, null, { resume_session: id, resume_token: welcome["resume_token"] }]);
      await wire.expectAbort(
        "wamp.error.no_such_session",
        isNoticed ? /id and token/ : /\d+ events were dropped/,
      );
      await until("the session has ended", () => router.stats().subscriptions === 0);
    }
  },
);

withRouter(
  "a client that takes only small frames cannot resume what holds larger ones; another transport can",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    await lose(router, client);
    await publisher.publish("com.a", {}, [1, "y".repeat(2_000)]);
    const { id, welcome } = client.wire;
    const hello = [Message.hello, "realm1", { resume_session: id, resume_token: welcome["resume_token"] }];
    for (const peerFrameBytes_max of [1_024, 512]) {
      const { wire } = open({ peerFrameBytes_max });
      wire.send(hello);
      await wire.expectAbort("wamp.error.payload_size_exceeded", /has \d+ bytes, the client takes/);
    }
    const next = open({ peerFrameBytes_max: 4_096 });
    await next.wire.resume(client.wire);
    assert.deepEqual(await eventValues(next.wire, 1), [1]);
    // From now on this is what it takes.
    await publisher.publish("com.a", {}, [2, "y".repeat(5_000)]);
    await publisher.publish("com.a", {}, [3]);
    assert.deepEqual(await eventValues(next.wire, 1), [3]);
    assert.equal(router.metrics.eventsDroppedSize, 1);
    await next.wire.leave();
  },
);

withRouter(
  "frames queued for a full transport count: a client that takes only small ones does not take it over",
  {},
  async (_, open) => {
    const { client, publisher } = await subscribed(open);
    client.connection.room = 0;
    await publisher.publish("com.a", {}, [1, "y".repeat(2_000)]);
    const { wire } = open({ peerFrameBytes_max: 1_024 });
    const { id, welcome } = client.wire;
    wire.send([Message.hello, null, { resume_session: id, resume_token: welcome["resume_token"] }]);
    await wire.expectAbort("wamp.error.payload_size_exceeded");
    client.connection.resume();
    assert.deepEqual(await eventValues(client.wire, 1), [1]);
    await client.wire.leave();
  },
);

withRouter(
  "a transport that throws is left, and the session waits for the next one",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    const { connection } = client;
    connection.send = () => {
      throw new Error("broken pipe");
    };
    await publish(publisher, 1, 5);
    await until("it is detached", () => router.stats().detached === 1);
    await publish(publisher, 6, 8);
    const next = open();
    await next.wire.resume(client.wire);
    assert.deepEqual(await eventValues(next.wire, 8), range(1, 8));
    await next.wire.leave();
  },
);

withRouter(
  "GOODBYE with resumable to a full transport: its answer comes behind what was sent before, the rest waits",
  {},
  async (router, open) => {
    const { client, publisher } = await subscribed(open);
    client.connection.room = 1_000;
    await publish(publisher, 1, 40);
    client.wire.send([Message.goodbye, { resumable: true }, "wamp.close.normal"]);
    await until("it is detached", () => router.stats().detached === 1);
    client.connection.resume();
    const values: unknown[] = [];
    for (
      let message = await client.wire.next();
      message[0] !== Message.goodbye;
      message = await client.wire.next()
    )
      values.push((message[4] as unknown[])[0]);
    assert.ok(values.length > 0 && values.length < 40);
    await client.wire.resume(client.wire);
    assert.deepEqual([...values, ...(await eventValues(client.wire, 40 - values.length))], range(1, 40));
    await client.wire.leave();
  },
);

withRouter("HELLO behind a GOODBYE whose answer the transport has not taken yet", {}, async (_, open) => {
  const { client, publisher } = await subscribed(open);
  for (const details of [{ resumable: true }, {}, { resumable: true }]) {
    client.connection.room = 600;
    await publish(publisher, 1, 20);
    client.wire.send(
      [Message.goodbye, {}, "wamp.close.normal"],
      [Message.hello, "realm1", { roles: { caller: {} }, ...details }],
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.connection.resume();
    const types: unknown[] = [];
    for (let message = await client.wire.next(); ; message = await client.wire.next()) {
      types.push(message[0]);
      if (message[0] === Message.welcome) break;
    }
    assert.deepEqual(
      types.filter((type) => type !== Message.event),
      [Message.goodbye, Message.welcome],
    );
    await client.wire.subscribe("com.a");
  }
  await client.wire.leave();
});

withRouter(
  "what is kept for all sessions is bounded: busy ones in touch keep their share, so that one that is away has room",
  { limits: { frameBytes_max: 8_192, resumeBytes_max: 40_000 } },
  async (router, open) => {
    const { client: away, publisher } = await subscribed(open);
    const others: Peer[] = [];
    for (let i = 0; i < 4; i++) {
      const peer = open();
      await peer.wire.join(resumable);
      await peer.wire.subscribe("com.a");
      others.push(peer);
    }
    await publish(publisher, 1, 200);
    // The first may take half, and each of the others a fifth of that.
    assert.ok(router.stats().replayBytes <= 36_000, `${router.stats().replayBytes} bytes`);
    await eventValues(away.wire, 200);
    await lose(router, away);
    await publish(publisher, 201, 240);
    assert.equal(router.stats().detached, 1);
    const next = open();
    await next.wire.resume(away.wire);
    assert.deepEqual(await eventValues(next.wire, 40), range(201, 240));
    for (const { wire } of [next, ...others]) {
      if (wire !== next.wire) await eventValues(wire, 240);
      await wire.leave();
    }
  },
);

withRouter(
  "a backlog that slows its client down goes on slowing it over the next transport",
  { limits: { framesPerTurn_max: 1, frameBytes_max: 1_024, inboxBytes_max: 4_096 } },
  async (router, open) => {
    const { client } = await subscribed(open);
    const next = open();
    const said: string[] = [];
    for (const [name, { connection }] of [
      ["first", client],
      ["second", next],
    ] as const) {
      const pause = (paused: boolean): void => {
        if (said.at(-1) !== `${name} ${paused}`) said.push(`${name} ${paused}`);
      };
      Object.assign(connection, { pause });
    }
    for (let i = 0; i < 60; i++)
      client.wire.send([
        Message.subscribe,
        client.wire.request(),
        {},
        `com.some.rather.long.topic.name.${i}`,
      ]);
    // Its HELLO is read in the same turn.
    await next.wire.resume(client.wire);
    await until("all are handled", () => router.stats().subscriptions === 61 && said.length > 2);
    assert.deepEqual(said, ["first true", "second true", "second false"]);
    assert.equal(next.wire.welcome["x_resume_received"], 61);
    for (let i = 0; i < 60; i++) assert.equal((await next.wire.next())[0], Message.subscribed);
    await next.wire.leave();
  },
);

withRouter(
  "a replay of retained events waits for a client that is away, and does not fill its log",
  { limits: { resumeLogFrames_max: 1_200 } },
  async (router, open) => {
    const client = open();
    await client.wire.join(resumable);
    const publisher = await open().wire.join();
    const count = 4_000;
    for (let i = 1; i <= count; i++)
      publisher.send([Message.publish, publisher.request(), { retain: true }, `com.r${i}`, [i]]);
    await publisher.publish("com.other");
    client.connection.room = 0;
    client.wire.send([
      Message.subscribe,
      client.wire.request(),
      { match: "prefix", get_retained: true },
      "com.",
    ]);
    await until("a part of it is queued", () => router.stats().heldBytes > 0 && router.stats().replays === 1);
    await lose(router, client);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual([router.stats().detached, router.stats().replays], [1, 1]);
    const next = open();
    await next.wire.resume(client.wire);
    assert.equal((await next.wire.next())[0], Message.subscribed);
    const values = await eventValues(next.wire, count);
    assert.deepEqual(new Set(values), new Set(range(1, count)));
    await next.wire.leave();
    for (let i = 1; i <= count; i++)
      publisher.send([Message.publish, publisher.request(), { retain: true }, `com.r${i}`]);
    await publisher.publish("com.other");
  },
);
