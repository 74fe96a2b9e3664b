/** What every WebSocket adapter must do for the batched subprotocols; and the transport suite's messages once more, in batches. */
import assert from "node:assert/strict";
import type { WebSocketAdapter } from "../../src/ports.ts";
import { isBinary, Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { joinModel, splitModel, terminatorFor } from "./batch-model.ts";
import { type Case, numbered, runCases, running, type Skip, type Subject } from "./transport-subject.ts";
import { flowCases, messageCases, pauseCases } from "./transport-suite.ts";
import { connect, webSocketSubject } from "./websocket-subject.ts";
import { Opcode, type RawWebSocket } from "./ws-raw.ts";

const all = [Serializer.msgpack, Serializer.cbor, Serializer.json] as const;
const subprotocol = (serializer: Serializer): string => `wamp.2.${serializerName(serializer)}.batched`;
const opcode = (serializer: Serializer): number => (isBinary(serializer) ? Opcode.binary : Opcode.text);

const send = (client: RawWebSocket, serializer: Serializer, payload: Uint8Array): void =>
  client.send({ opcode: opcode(serializer), payload });

/** Messages that are valid text, so that they may travel in JSON's frames. */
const texts = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`["é€😀",${i}]`));

const batchCases: readonly Case[] = [
  [
    "[T-03] a batched subprotocol is taken in the client's order, and named in the answer",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const [offer, chosen, serializer] of [
          ["wamp.2.cbor.batched,wamp.2.cbor,wamp.2.msgpack.batched", "wamp.2.cbor.batched", Serializer.cbor],
          ["wamp.2.ubjson.batched, wamp.2.json.batched", "wamp.2.json.batched", Serializer.json],
          ["wamp.2.msgpack.batched", "wamp.2.msgpack.batched", Serializer.msgpack],
          ["wamp.2.json,wamp.2.json.batched", "wamp.2.json", Serializer.json],
        ] as const) {
          const { client, session } = await connect(running, offer);
          assert.equal(client.subprotocol, chosen);
          assert.equal(session.connection.serializer, serializer);
        }
      }),
  ],
  [
    "[T-03] several messages in one batch arrive one by one, and all of one send() leave in one WebSocket message",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const serializer of all) {
          const { client, session } = await connect(running, subprotocol(serializer));
          const messages = texts(50);
          send(client, serializer, joinModel(messages, terminatorFor(serializer)));
          for (const message of messages) assert.deepEqual(await session.frames.next(), message);
          await session.sendAll(messages.map((bytes) => ({ bytes })));
          const frame = await client.frames.next();
          assert.equal(frame.opcode, opcode(serializer));
          assert.deepEqual(frame.payload, joinModel(messages, terminatorFor(serializer)));
        }
      }),
  ],
  [
    "[T-03] JSON is answered with the terminator that the client uses, 0x1E or 0x18",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const terminator of [0x18, 0x1e] as const) {
          const { client, session } = await connect(running, "wamp.2.json.batched");
          client.sendText(joinModel(texts(2), terminator).toString());
          assert.deepEqual(await session.frames.next(), texts(2)[0]);
          session.post(Buffer.from("[1]"));
          assert.deepEqual(await client.message(), joinModel([Buffer.from("[1]")], terminator));
        }
      }),
  ],
  [
    "[T-03] a malformed batch is a violation behind its good messages, and what it is stands in the report",
    (subject) =>
      running(subject, {}, async (running) => {
        const good = Buffer.from("[1]");
        for (const serializer of all) {
          const framed = joinModel([good], terminatorFor(serializer));
          const isJson = serializer === Serializer.json;
          const table: readonly (readonly [Buffer, number, RegExp])[] = [
            [Buffer.alloc(0), 0, /at least one message/],
            [good, 0, isJson ? /ends with 0x1E/ : /inside the length/],
            [Buffer.concat([framed, good]), isJson ? 0 : 1, isJson ? /ends with/ : /inside the length/],
            [joinModel([good, Buffer.alloc(0)], terminatorFor(serializer)), 1, /is empty|length 0/],
          ];
          for (const [payload, count, says] of table) {
            const { client, session } = await connect(running, subprotocol(serializer));
            send(client, serializer, payload);
            assert.match(await session.violations.next(), says);
            assert.equal(session.frameCount, count);
          }
        }
      }),
  ],
  [
    "[T-03] a session that closes in the middle of a batch is not given the rest",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const serializer of all) {
          const { client, session } = await connect(running, subprotocol(serializer));
          session.onFrameInstead = () => session.connection.close(1000, "enough");
          send(client, serializer, joinModel(texts(3), terminatorFor(serializer)));
          assert.deepEqual(await client.closed, { code: 1000, reason: "enough" });
          await session.closed;
          assert.equal(session.frameCount, 1);
          assert.equal(session.violations.pending, 0);
        }
      }),
  ],
  [
    "[T-03] a batch may have the size of the largest message with its framing; beyond, it is closed with 1009",
    (subject) =>
      running(subject, { frameBytes_max: 1_024 }, async (running) => {
        for (const serializer of all) {
          const terminator = terminatorFor(serializer);
          const { client, session } = await connect(running, subprotocol(serializer));
          send(client, serializer, joinModel([numbered(1, 1_024)], terminator));
          assert.equal((await session.frames.next()).length, 1_024);
          send(client, serializer, joinModel([numbered(1, 10), numbered(2, 1_014)], terminator));
          assert.equal((await client.closed).code, 1009);
          await session.closed;
          assert.equal(session.frameCount, 1);
        }
      }),
  ],
  [
    "[T-03] without batches the limit is as it was, to the byte",
    (subject) =>
      running(subject, { frameBytes_max: 1_024 }, async (running) => {
        for (const extra of [1, 4]) {
          const { client, session } = await connect(running, "wamp.2.cbor");
          client.sendBinary(numbered(1, 1_024));
          await session.frames.next();
          client.sendBinary(numbered(1, 1_024 + extra));
          assert.deepEqual(await client.closed, { code: 1009, reason: "a message may have 1024 bytes" });
          await session.closed;
          assert.equal(session.frameCount, 1);
        }
      }),
  ],
  [
    "[T-03] the wrong type of frame closes with 1003, batched or not",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const serializer of all) {
          const { client, session } = await connect(running, subprotocol(serializer));
          const wrong = isBinary(serializer) ? Opcode.text : Opcode.binary;
          client.send({ opcode: wrong, payload: joinModel(texts(1), 0x1e) });
          assert.equal((await client.closed).code, 1003);
          await session.closed;
          assert.equal(session.frameCount, 0);
        }
      }),
  ],
  [
    "[T-03] a frame that many receive reaches each of them, whatever else each is sent",
    (subject) =>
      running(subject, {}, async (running) => {
        for (const serializer of all) {
          const peers: Awaited<ReturnType<typeof connect>>[] = [];
          for (let i = 0; i < 3; i++) peers.push(await connect(running, subprotocol(serializer)));
          const shared = texts(3).map((bytes) => ({ bytes }));
          const own = peers.map((_, i) => ({ bytes: Buffer.from(`["own",${i}]`) }));
          for (const [i, { session }] of peers.entries()) {
            await session.sendAll(shared);
            await session.sendAll([shared[0]!, own[i]!]);
            await session.sendAll([shared[0]!]);
          }
          for (const [i, { client }] of peers.entries()) {
            const received: string[] = [];
            for (let n = 0; n < 3; n++) {
              const { messages } = splitModel(await client.message(), terminatorFor(serializer));
              received.push(...messages.map(String));
            }
            const expected = [...shared, shared[0]!, own[i]!, shared[0]!];
            assert.deepEqual(
              received,
              expected.map(({ bytes }) => bytes.toString()),
            );
          }
        }
      }),
  ],
];

/** The adapter as a subject whose clients speak in batches: one message in each, as autobahn-python does. */
function batchedSubject(adapter: WebSocketAdapter, plain: Subject): Subject {
  return {
    ...plain,
    ...webSocketSubject(adapter, { idle_ms: plain.caps.idle_ms, batched: true }),
    name: `${adapter.name} batched`,
  };
}

/** These send messages without a single byte, which have no place in a batch. */
const emptyMessages = "messages of every length around the borders of the header come back whole, in order";

export function runBatchedSuite(adapter: WebSocketAdapter, plain: Subject, skip: readonly Skip[] = []): void {
  runCases(plain, batchCases, []);
  const subject = batchedSubject(adapter, plain);
  const cases = [...messageCases, ...flowCases, ...(subject.caps.pause ? pauseCases : [])];
  const wanted = cases.filter(([name]) => name !== emptyMessages);
  runCases(subject, wanted, skip);
}
