/** What every WebSocket adapter must do beyond the transport suite: the HTTP answers, subprotocols, frames and close codes. */
import assert from "node:assert/strict";
import { Serializer } from "../../src/protocol/serializers.ts";
import { type Case, numbered, runCases, running, type Skip, type Subject } from "./transport-subject.ts";
import { deflateCases } from "./websocket-deflate.ts";
import { answer, connect } from "./websocket-subject.ts";
import { frameBytes, Opcode, openWebSocket, request } from "./ws-raw.ts";

const offered =
  "wamp.2.msgpack, wamp.2.cbor, wamp.2.json, wamp.2.msgpack.batched, wamp.2.cbor.batched, wamp.2.json.batched";

const handshakeCases: readonly Case[] = [
  [
    "[T-01] of the subprotocols that a client offers the first known one is taken",
    (subject) =>
      running(subject, {}, async (all) => {
        const table: readonly (readonly [string, string, Serializer])[] = [
          ["wamp.2.json", "wamp.2.json", Serializer.json],
          ["wamp.2.cbor,wamp.2.json,wamp.2.msgpack", "wamp.2.cbor", Serializer.cbor],
          ["wamp.2.msgpack, wamp.2.json", "wamp.2.msgpack", Serializer.msgpack],
          ["wamp.2.ubjson, chat ,\twamp.2.json", "wamp.2.json", Serializer.json],
        ];
        for (const [offer, subprotocol, serializer] of table) {
          const { client, session } = await connect(all, offer);
          assert.equal(client.subprotocol, subprotocol, offer);
          assert.equal(session.connection.serializer, serializer, offer);
        }
      }),
  ],
  [
    "[T-01] a handshake without a known subprotocol is answered 400 with what there is",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const offer of [undefined, "wamp.2.ubjson", "WAMP.2.JSON", "wamp.2.ubjson.batched,soap"]) {
          const reply = await answer(all, offer === undefined ? {} : { offer });
          assert.equal(reply.status, 400, offer);
          assert.ok(reply.body.includes(offered), reply.body);
        }
        assert.equal(all.probe.sessions.pending, 0);
      }),
  ],
  [
    "[T-01] another path is answered 404, with and without an upgrade",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const path of ["/", "/w", "/ws/", "/ws2", "/WS"]) {
          assert.equal((await answer(all, { path, offer: "wamp.2.json" })).status, 404, path);
          assert.equal((await answer(all, { path, headers: notUpgrading })).status, 404, path);
        }
      }),
  ],
  [
    "[T-01] a plain request for the path is answered 426 with the subprotocols",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const method of ["GET", "POST"]) {
          const reply = await answer(all, { method, headers: { ...notUpgrading, "content-length": "0" } });
          assert.equal(reply.status, 426);
          assert.equal(reply.headers.get("upgrade"), "websocket");
          assert.ok(reply.body.includes(offered), reply.body);
        }
      }),
  ],
  [
    "[T-01] a broken handshake is refused before there is a session",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const key of ["", "too short"]) {
          const reply = await answer(all, { offer: "wamp.2.json", headers: { "sec-websocket-key": key } });
          assert.ok(reply.status >= 400 && reply.status < 500, `${reply.status}`);
        }
        assert.equal(all.probe.sessions.pending, 0);
      }),
  ],
  [
    "[T-01] a query behind the path changes nothing",
    (subject) =>
      running(subject, {}, async ({ listener, probe }) => {
        await openWebSocket({
          host: "127.0.0.1",
          port: listener.port,
          path: "/ws?a=/b",
          offer: "wamp.2.json",
        });
        await probe.sessions.next();
      }),
  ],
  [
    "[T-01] a path that a server might read as a pattern is refused at the start",
    async (subject) => {
      for (const path of ["ws", "/*", "/:any", "/a?b", "/a b"]) {
        const listening = running(subject, { path }, async () => {});
        await assert.rejects(listening, /^Error: the WebSocket path .* must start with "\/"/);
      }
    },
  ],
  [
    "[T-01] requests that are no HTTP, or half of it, leave no session and harm nobody",
    (subject) =>
      running(subject, { handshake_ms: 600 }, async (all) => {
        for (const text of [
          "\x16\x03\x01\x02\x00",
          "\x7f\xf1\x00\x00",
          "GET /ws HTTP/1.1\r\nhost",
          "NONSENSE\r\n\r\n",
        ]) {
          const { socket } = await all.open().then(({ client }) => client);
          socket.write(text);
        }
        const half = request({
          host: "127.0.0.1",
          port: all.listener.port,
          headers: { host: "x".repeat(40_000) },
        });
        await half.then(
          ({ socket }) => socket.destroy(),
          () => {},
        );
        await connect(all, "wamp.2.json");
      }),
  ],
];

const notUpgrading = {
  upgrade: "",
  connection: "close",
  "sec-websocket-key": "",
  "sec-websocket-version": "",
};

const frameCases: readonly Case[] = [
  [
    "[T-01] JSON in a binary frame, and a binary serializer in a text frame, close with 1003 and say what was expected",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const name of ["json", "msgpack", "cbor"]) {
          const { client, session } = await connect(all, `wamp.2.${name}`);
          client.send({ opcode: name === "json" ? Opcode.binary : Opcode.text, payload: Buffer.from("[1]") });
          const wanted = name === "json" ? "text" : "binary";
          assert.deepEqual(await client.closed, {
            code: 1003,
            reason: `wamp.2.${name} travels in ${wanted} frames`,
          });
          await session.closed;
          assert.equal(session.frameCount, 0);
        }
      }),
  ],
  [
    "[T-01] JSON leaves in text frames, the binary serializers in binary frames",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const name of ["json", "msgpack", "cbor"]) {
          const { client, session } = await connect(all, `wamp.2.${name}`);
          session.post(Buffer.from('["ü"]'));
          const { opcode, final, payload } = await client.frames.next();
          assert.equal(opcode, name === "json" ? Opcode.text : Opcode.binary);
          assert.ok(final);
          assert.equal(payload.toString(), '["ü"]');
        }
      }),
  ],
  [
    "[T-01] a message in fragments arrives whole, even with a ping between two of them",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json");
        const text = Buffer.from('["aé€😀",1,2]');
        // In the middle of a character too.
        const [first, second, third] = [text.subarray(0, 4), text.subarray(4, 9), text.subarray(9)];
        client.send({ opcode: Opcode.text, payload: first, final: false });
        client.send({ opcode: Opcode.continuation, payload: second, final: false });
        client.ping(Buffer.from("between"));
        client.send({ opcode: Opcode.continuation, payload: third });
        assert.deepEqual(await session.frames.next(), text);
        assert.equal((await client.frames.next()).opcode, Opcode.pong);
      }),
  ],
  [
    "[T-01] a message that comes byte by byte arrives whole",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.msgpack");
        const payload = numbered(3, 300);
        for (const byte of frameBytes({ opcode: Opcode.binary, payload }))
          client.sendBytes(Uint8Array.of(byte));
        assert.deepEqual(await session.frames.next(), Buffer.from(payload));
      }),
  ],
  [
    "[T-01] a ping is answered with its own payload",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client } = await connect(all, "wamp.2.cbor");
        for (const text of ["", "hello", "x".repeat(125)]) {
          client.ping(Buffer.from(text));
          const { opcode, payload } = await client.frames.next();
          assert.deepEqual([opcode, payload.toString()], [Opcode.pong, text]);
        }
      }),
  ],
  [
    "a client's frame that is not masked ends the connection and reaches no session",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json");
        client.send({ opcode: Opcode.text, payload: Buffer.from("[1,2,3]"), masked: false });
        await session.closed;
        assert.equal(session.frameCount, 0);
      }),
  ],
  [
    "[T-01] frames that RFC 6455 forbids end the connection and reach no session",
    (subject) =>
      running(subject, {}, async (all) => {
        const payload = Buffer.from("[1]");
        const forbidden = [
          frameBytes({ opcode: Opcode.text, payload, reserved: 4 }),
          frameBytes({ opcode: 3, payload }),
          frameBytes({ opcode: Opcode.continuation, payload }),
          frameBytes({ opcode: Opcode.ping, payload, final: false }),
        ];
        for (const bytes of forbidden) {
          const { client, session } = await connect(all, "wamp.2.json");
          client.sendBytes(bytes);
          await session.closed;
          await client.closed;
          assert.equal(session.frameCount, 0, bytes.toString("hex"));
        }
      }),
  ],
];

const closeCases: readonly Case[] = [
  [
    "[T-01] the session's close code and reason reach the client",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const [code, reason] of [
          [1000, "done"],
          [1001, "wamp.close.system_shutdown"],
          [1002, ""],
          [1013, "später"],
        ] as const) {
          const { client, session } = await connect(all, "wamp.2.json");
          session.connection.close(code, reason);
          assert.deepEqual(await client.closed, { code, reason });
        }
      }),
  ],
  [
    "[T-01] a reason that does not fit in a close frame is cut between two characters",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json");
        session.connection.close(1008, "€".repeat(60));
        assert.deepEqual(await client.closed, { code: 1008, reason: "€".repeat(41) });
      }),
  ],
  [
    "[T-01] a client's close frame is answered with its code",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const code of [1000, 1001, 4000]) {
          const { client, session } = await connect(all, "wamp.2.msgpack");
          assert.equal((await client.close(code, "bye")).code, code);
          await session.closed;
        }
      }),
  ],
  [
    "[T-01] a message that is a little too large closes with 1009",
    (subject) =>
      running(subject, { frameBytes_max: 1_024 }, async (all) => {
        const { client, session } = await connect(all, "wamp.2.msgpack");
        client.sendBinary(numbered(0, 1_025));
        assert.equal((await client.closed).code, 1009);
        await session.closed;
        const fragmented = await connect(all, "wamp.2.msgpack");
        fragmented.client.send({ opcode: Opcode.binary, payload: numbered(0, 1_000), final: false });
        fragmented.client.send({ opcode: Opcode.continuation, payload: numbered(0, 25) });
        assert.equal((await fragmented.client.closed).code, 1009);
        assert.equal(fragmented.session.frameCount + session.frameCount, 0);
      }),
  ],
  [
    "[T-01] a message that announces far too much ends the connection before it is sent",
    (subject) =>
      running(subject, { frameBytes_max: 1_024 }, async (all) => {
        const { client, session } = await connect(all, "wamp.2.msgpack");
        client.sendBytes(Buffer.from("82ff000000010000000001020304", "hex"));
        await client.closed;
        await session.closed;
      }),
  ],
  [
    "[T-01] invalid UTF-8 in a text frame ends the connection and reaches no session",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json");
        client.send({ opcode: Opcode.text, payload: Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]) });
        await session.closed;
        assert.ok([1006, 1007].includes((await client.closed).code));
        assert.equal(session.frameCount, 0);
      }),
  ],
  [
    "[T-01] a byte order mark before the text stays",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all, "wamp.2.json");
        const payload = Buffer.from("\ufeff[1]");
        client.sendBytes(frameBytes({ opcode: Opcode.text, payload }));
        assert.deepEqual(await session.frames.next(), payload);
        session.post(payload);
        assert.deepEqual(await client.message(), payload);
      }),
  ],
];

export function runWebSocketSuite(subject: Subject, skip: readonly Skip[] = []): void {
  runCases(subject, [...handshakeCases, ...frameCases, ...closeCases, ...deflateCases], skip);
}
