/** The WebSocket suite's cases of permessage-deflate (RFC 7692). */
import assert from "node:assert/strict";
import { deflateRawSync, inflateRawSync, constants as zlib } from "node:zlib";
import { joinModel } from "./batch-model.ts";
import { type Case, numbered, running } from "./transport-subject.ts";
import { connect } from "./websocket-subject.ts";
import { Opcode } from "./ws-raw.ts";

const deflateOffer = { "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" };
const tail = Buffer.from([0, 0, 0xff, 0xff]);

export const deflateCases: readonly Case[] = [
  [
    "[T-02] permessage-deflate is not agreed to unless it is asked for",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client } = await connect(all, "wamp.2.json", deflateOffer);
        assert.equal(client.reply.headers.get("sec-websocket-extensions"), undefined);
      }),
  ],
  [
    "[T-02] with permessage-deflate large messages travel compressed, both ways and in order",
    (subject) =>
      running(subject, { deflate: true }, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json", deflateOffer);
        assert.match(client.reply.headers.get("sec-websocket-extensions") ?? "", /^permessage-deflate/);
        const text = Buffer.from(JSON.stringify(["x".repeat(20_000)]));
        const deflated = deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH });
        client.send({ opcode: Opcode.text, payload: deflated.subarray(0, -4), reserved: 4 });
        assert.deepEqual(await session.frames.next(), text);
        const sent = session.sendAll([{ bytes: text }, { bytes: Buffer.from("[1]") }, { bytes: text }]);
        for (const expected of [text, Buffer.from("[1]"), text]) {
          const { payload } = await client.frames.next();
          if (expected.length === 3) assert.deepEqual(payload, expected);
          else assert.deepEqual(inflated(payload), expected);
        }
        await sent;
      }),
  ],
  [
    "[T-03] with permessage-deflate a batch is compressed as a whole, and the next one does not disturb it",
    (subject) =>
      running(subject, { deflate: true }, async (all) => {
        const { client, session } = await connect(all, "wamp.2.cbor.batched", deflateOffer);
        const batches = [1, 2, 3].map((i) => [numbered(i, 300), numbered(10 + i, 20_000)]);
        for (const messages of batches) await session.sendAll(messages.map((bytes) => ({ bytes })));
        for (const messages of batches)
          assert.deepEqual(inflated((await client.frames.next()).payload), joinModel(messages, 0));
      }),
  ],
  [
    "[T-02] a small message that inflates beyond the limit ends the connection",
    (subject) =>
      running(subject, { deflate: true, frameBytes_max: 65_536 }, async (all) => {
        const { client, session } = await connect(all, "wamp.2.msgpack", deflateOffer);
        const bomb = deflateRawSync(Buffer.alloc(4 << 20), { finishFlush: zlib.Z_SYNC_FLUSH });
        client.send({ opcode: Opcode.binary, payload: bomb.subarray(0, -4), reserved: 4 });
        await session.closed;
        await client.closed;
        assert.equal(session.frameCount, 0);
      }),
  ],
];

const inflated = (payload: Buffer): Buffer =>
  inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: zlib.Z_SYNC_FLUSH });
