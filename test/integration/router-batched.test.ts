/** The router over the batched subprotocols: parts of its suite, and what a client can do to it with a batch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouterOptions } from "../../src/main.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { isBinary, Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { joinModel, splitModel, type Terminator, terminatorFor } from "../support/batch-model.ts";
import { batchedLeg } from "../support/router-legs.ts";
import { Suite, type World } from "../support/router-suite.ts";
import { hostileSuite } from "../support/router-suite-hostile.ts";
import { limitSuite } from "../support/router-suite-limits.ts";
import { metaSessionSuite } from "../support/router-suite-meta-session.ts";
import { pubsubSuite } from "../support/router-suite-pubsub.ts";
import { rpcSuite } from "../support/router-suite-rpc.ts";
import { Opcode, openWebSocket, type RawWebSocket } from "../support/ws-raw.ts";

const hello = [Message.hello, "realm1", { roles: { caller: {}, callee: {}, publisher: {}, subscriber: {} } }];

/** A client that decides itself what lies in which batch. */
class BatchClient {
  readonly socket: RawWebSocket;
  readonly #serializer: Serializer;
  readonly #terminator: Terminator;
  #arrived: Buffer[] = [];
  /** Batches received. */
  batchCount = 0;

  constructor(socket: RawWebSocket, serializer: Serializer, terminator: Terminator) {
    this.socket = socket;
    this.#serializer = serializer;
    this.#terminator = terminator;
  }

  /** The batch of these messages. */
  batch(...messages: readonly (readonly unknown[])[]): Buffer {
    return joinModel(
      messages.map((message) => encodeMessage(this.#serializer, message)),
      this.#terminator,
    );
  }
  send(payload: Buffer): void {
    this.socket.send({ opcode: isBinary(this.#serializer) ? Opcode.binary : Opcode.text, payload });
  }
  async next(): Promise<unknown[]> {
    while (this.#arrived.length === 0) {
      const { messages, whole } = splitModel(await this.socket.message(), this.#terminator);
      assert.ok(whole, "the router sent a malformed batch");
      this.batchCount++;
      this.#arrived = [...messages];
    }
    return decodeMessage(this.#serializer, this.#arrived.shift()!);
  }
  /** ABORT and close code 1002. */
  async expectViolation(says: RegExp): Promise<void> {
    const [type, details, reason] = await this.next();
    assert.deepEqual([type, reason], [Message.abort, "wamp.error.protocol_violation"]);
    assert.match(String((details as Record<string, unknown>)["message"]), says);
    assert.deepEqual(await this.socket.closed, { code: 1002, reason: "wamp.error.protocol_violation" });
    assert.equal(this.#arrived.length, 0);
  }
}

async function open(
  { router, leg }: World,
  terminator: Terminator = terminatorFor(leg.serializer),
): Promise<BatchClient> {
  const { hostname: host, port } = new URL(router.listeners[0]!.url);
  const offer = `wamp.2.${serializerName(leg.serializer)}.batched`;
  const socket = await openWebSocket({ host, port: Number(port), offer });
  return new BatchClient(socket, leg.serializer, terminator);
}

function batchSuite(suite: Suite): void {
  const batched = (
    rule: string,
    body: (client: BatchClient, world: World) => Promise<void>,
    options: RouterOptions = {},
  ): void =>
    suite.testWith(`[T-03] ${rule}`, options, async (world) => {
      const client = await open(world);
      await body(client, world);
      await client.socket.close(1000);
    });

  batched(
    "HELLO and what follows it may lie in one batch, and one batch answers it in order",
    async (client) => {
      client.send(
        client.batch(
          hello,
          [Message.subscribe, 1, {}, "com.a"],
          [Message.publish, 2, { acknowledge: true, exclude_me: false }, "com.a", ["ü"]],
          [Message.register, 3, {}, "com.proc"],
          [Message.call, 4, {}, "com.proc"],
        ),
      );
      const types: unknown[] = [];
      for (let i = 0; i < 6; i++) types.push((await client.next())[0]);
      // The order of EVENT and PUBLISHED is the router's choice.
      assert.deepEqual(types.slice(0, 2), [Message.welcome, Message.subscribed]);
      assert.deepEqual(new Set(types.slice(2, 4)), new Set([Message.published, Message.event]));
      assert.deepEqual(types.slice(4), [Message.registered, Message.invocation]);
      assert.equal(client.batchCount, 1);
    },
  );

  batched(
    "a malformed first batch is answered by ABORT, and the connection closed with 1002",
    async (client) => {
      client.send(Buffer.alloc(0));
      await client.expectViolation(/at least one message/);
    },
  );

  batched(
    "what came before the malformed part of a batch was heard, what came behind it is not",
    async (client, world) => {
      const witness = await world.join();
      await witness.subscribe("com.a");
      client.send(client.batch(hello));
      assert.equal((await client.next())[0], Message.welcome);
      const publish = (n: number): Buffer => client.batch([Message.publish, n, {}, "com.a", [n]]);
      const isJson = suite.leg.serializer === Serializer.json;
      const broken = isJson ? Buffer.of(0x1e) : Buffer.alloc(4);
      client.send(Buffer.concat([publish(1), publish(2), broken, publish(3)]));
      await client.expectViolation(isJson ? /is empty/ : /length 0/);
      for (const n of [1, 2]) assert.deepEqual((await witness.event()).payload, [[n]]);
      await witness.expectQuiet();
    },
  );

  batched("a message in a batch that ends its session is the last that is heard", async (client, world) => {
    const witness = await world.join();
    await witness.subscribe("com.a");
    const publish = [Message.publish, 1, {}, "com.a"];
    client.send(client.batch(hello, publish, hello, publish));
    assert.equal((await client.next())[0], Message.welcome);
    await client.expectViolation(/./);
    await witness.event();
    await witness.expectQuiet();
  });

  batched("one session may end and the next begin in one batch", async (client) => {
    client.send(client.batch(hello, [Message.goodbye, {}, "wamp.close.normal"], hello));
    const types: unknown[] = [];
    for (let i = 0; i < 3; i++) types.push((await client.next())[0]);
    assert.deepEqual(types, [Message.welcome, Message.goodbye, Message.welcome]);
  });

  batched(
    "a batch of more messages than a session may have handled in one turn is handled in order",
    async (client) => {
      const count = 500;
      const requests = Array.from({ length: count }, (_, i) => [Message.unsubscribe, i + 1, 2 ** 53]);
      client.send(client.batch(hello, ...requests));
      assert.equal((await client.next())[0], Message.welcome);
      for (let i = 1; i <= count; i++) {
        const answer = await client.next();
        assert.deepEqual(answer.slice(0, 3), [Message.error, Message.unsubscribe, i]);
      }
    },
    { limits: { framesPerTurn_max: 16 } },
  );

  batched(
    "a batch has room for one message of the largest size; a larger batch is closed with 1009",
    async (client, world) => {
      client.send(client.batch(hello));
      assert.equal((await client.next())[0], Message.welcome);
      const empty = client.batch([Message.publish, 1, { acknowledge: true }, "com.a", [""]]);
      const framing = isBinary(world.leg.serializer) ? 4 : 1;
      // A text of 256 bytes or more has a head of two more bytes in the binary formats.
      const head = isBinary(world.leg.serializer) ? 2 : 0;
      const text = "x".repeat(1_024 + framing - empty.length - head);
      const largest = client.batch([Message.publish, 1, { acknowledge: true }, "com.a", [text]]);
      assert.equal(largest.length, 1_024 + framing);
      client.send(largest);
      assert.equal((await client.next())[0], Message.published);
      client.send(Buffer.concat([client.batch([Message.publish, 2, {}, "com.a"]), largest]));
      assert.equal((await client.socket.closed).code, 1009);
    },
    { limits: { frameBytes_max: 1_024 } },
  );
}

for (const serializer of [Serializer.msgpack, Serializer.json, Serializer.cbor]) {
  const suite = new Suite(batchedLeg(serializer));
  pubsubSuite(suite);
  rpcSuite(suite);
  hostileSuite(suite);
  limitSuite(suite);
  metaSessionSuite(suite);
  batchSuite(suite);
}

new Suite(batchedLeg(Serializer.json)).test(
  "[T-03] a client that ends its JSON messages with 0x18, as autobahn-python does, is spoken to in kind, to the last ABORT",
  async (world) => {
    const client = await open(world, 0x18);
    client.send(client.batch(hello, [Message.subscribe, 1, {}, "com.a"]));
    assert.equal((await client.next())[0], Message.welcome);
    assert.equal((await client.next())[0], Message.subscribed);
    const publisher = await world.join();
    await publisher.publish("com.a", {}, [1]);
    assert.equal((await client.next())[0], Message.event);
    client.send(Buffer.from("[]\x18"));
    await client.expectViolation(/./);
  },
);

test("[T-03] the client refuses to batch where the transport has no batches", async () => {
  const { connectTransport } = await import("../../src/client/connect.ts");
  for (const url of ["tcp://127.0.0.1:1", "unix:/nowhere"])
    await assert.rejects(connectTransport({ url, batched: true }), /is not a WebSocket/);
});
