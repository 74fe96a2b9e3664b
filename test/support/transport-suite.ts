/**
 * What every transport must do, whatever it runs on: the same cases over uWebSockets.js, Bun's server, `ws` and RawSocket.
 * A subject says how to listen and connect; what it cannot do is declared, and every skip carries its reason.
 */
import assert from "node:assert/strict";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { endingCases } from "./transport-endings.ts";
import {
  assertNumbered,
  aTurn,
  type Case,
  frameBytes_max,
  numbered,
  runCases,
  running,
  type Skip,
  type Subject,
} from "./transport-subject.ts";

export function runTransportSuite(subject: Subject, skip: readonly Skip[] = []): void {
  const wanted: Skip[] = [...skip];
  if (!subject.caps.pause) {
    const reason = `${subject.name} has no way to stop reading`;
    for (const [name] of pauseCases) wanted.push({ test: name, reason });
  }
  if (!subject.caps.ports) {
    const reason = `${subject.name} has a path instead of a port`;
    for (const [name] of portCases) wanted.push({ test: name, reason });
  }
  runCases(
    subject,
    [...messageCases, ...flowCases, ...pauseCases, ...endingCases, ...idleCases, ...portCases],
    wanted,
  );
}

export const messageCases: readonly Case[] = [
  [
    "[T-10 T-11 T-12] messages of every serializer come back as they were sent",
    (subject) =>
      running(subject, {}, async ({ probe, open }) => {
        probe.echo();
        for (const serializer of Object.values(Serializer)) {
          const { client, session } = await open(serializer);
          assert.equal(session.connection.serializer, serializer);
          const payload = Buffer.from(serializer === Serializer.json ? '["é€😀"]' : [0x91, 0xff, 0, 0x80]);
          client.send(payload);
          assert.deepEqual(await client.message(), payload, serializerName(serializer));
        }
      }),
  ],
  [
    "messages of every length around the borders of the header come back whole, in order",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open(Serializer.json);
        const lengths = [0, 1, 2, 125, 126, 127, 65_535, 65_536, 65_537, 300_000, frameBytes_max];
        for (const [i, length] of lengths.entries()) client.send(numbered(i, length));
        for (const [i, length] of lengths.entries()) assertNumbered(await session.frames.next(), i, length);
        const back = session.sendAll(lengths.map((length, i) => ({ bytes: numbered(i, length) })));
        for (const [i, length] of lengths.entries()) assertNumbered(await client.message(), i, length);
        await back;
      }),
  ],
  [
    "a message of one byte beyond the limit ends the connection and reaches no session",
    (subject) =>
      running(subject, { frameBytes_max: 512 }, async ({ open }) => {
        const { client, session } = await open();
        client.send(numbered(0, 512));
        assertNumbered(await session.frames.next(), 0, 512);
        client.send(numbered(1, 513));
        await client.closed;
        await session.closed;
        assert.equal(session.frameCount, 1);
      }),
  ],
  [
    "messages that come in one piece with the handshake arrive",
    (subject) =>
      running(subject, {}, async ({ listener, probe }) => {
        const first = [numbered(0, 10), numbered(1, 2_000)];
        await subject.connect(listener, Serializer.msgpack, first);
        const session = await probe.sessions.next();
        assertNumbered(await session.frames.next(), 0, 10);
        assertNumbered(await session.frames.next(), 1, 2_000);
      }),
  ],
  [
    "a session learns its peer's address, the kind of transport and the largest frame that it may send",
    (subject) =>
      running(subject, {}, async ({ open, listener }) => {
        const { session } = await open();
        const { info, peerFrameBytes_max } = session.connection;
        const websocket = /^wss?:/.test(listener.url);
        assert.equal(info.kind, websocket ? "websocket" : "rawsocket");
        assert.equal(info.peer, listener.url.startsWith("unix:") ? listener.url.slice(5) : "127.0.0.1");
        assert.equal(peerFrameBytes_max, websocket ? Number.POSITIVE_INFINITY : 1 << 24);
      }),
  ],
  [
    "the memory of a frame may be used again as soon as send() has returned",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        for (const length of [10, 5_000, 200_000]) {
          const { client, session } = await open();
          const bytes = numbered(7, length);
          assert.ok(session.post(bytes));
          bytes.fill(1);
          assertNumbered(await client.message(), 7, length);
        }
      }),
  ],
];

export const flowCases: readonly Case[] = [
  [
    "ten thousand messages in one batch arrive in order",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        const frames = Array.from({ length: 10_000 }, (_, i) => ({ bytes: numbered(i, 20 + (i % 100)) }));
        const sent = session.sendAll(frames);
        for (const [i, { bytes }] of frames.entries())
          assertNumbered(await client.message(), i, bytes.length);
        await sent;
      }),
  ],
  [
    "a client that does not read stops send(); once it reads, onDrain comes and every byte arrives in order",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        client.socket.pause();
        const length = 32_000;
        const frames = Array.from({ length: 1_000 }, (_, i) => ({ bytes: numbered(i, length) }));
        const taken = session.connection.send(frames, 0, frames.length);
        assert.ok(taken < frames.length, "the kernel cannot hold 32 MB");
        assert.equal(session.connection.send(frames, taken, frames.length), taken, "full is full");
        const buffered = session.connection.bufferedBytes();
        assert.ok(buffered > 0 && buffered < 256 << 10, `${buffered} bytes are buffered`);
        client.socket.resume();
        await session.drains.next();
        const rest = session.sendAll(frames.slice(taken));
        for (let i = 0; i < frames.length; i++) assertNumbered(await client.message(), i, length);
        await rest;
      }),
  ],
  [
    "small messages one by one do not pile up behind a client that does not read",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        client.socket.pause();
        let count = 0;
        const most = 40_000;
        while (count < most && session.post(numbered(count, 1_000))) count++;
        assert.ok(count < most, "the kernel cannot hold 40 MB");
        assert.ok(
          session.connection.bufferedBytes() < 256 << 10,
          `${session.connection.bufferedBytes()} bytes`,
        );
        client.socket.resume();
        for (let i = 0; i < count; i++) assertNumbered(await client.message(), i, 1_000);
        await session.drains.next();
        assert.ok(session.post(numbered(count, 1_000)), "there is room again");
        assertNumbered(await client.message(), count, 1_000);
      }),
  ],
  [
    "a session may fill the socket while it handles a message, and again inside onDrain",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        client.socket.pause();
        const length = 60_000;
        let count = 0;
        const fill = (): void => {
          while (session.post(numbered(count, length))) count++;
        };
        session.onFrameInstead = fill;
        session.onDrainInstead = () => {
          if (count < 600) fill();
          else session.drains.push();
        };
        client.send(numbered(0, 1));
        const full = session.closed.then(() => assert.fail("the connection was lost"));
        client.socket.resume();
        for (let i = 0; i < 600; i++) assertNumbered(await Promise.race([client.message(), full]), i, length);
        await Promise.race([session.drains.next(), full]);
      }),
  ],
  [
    "a client that does not read holds up nobody else",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await all.open();
        client.socket.pause();
        while (session.post(numbered(0, 60_000)));
        await aTurn(all);
        assert.equal(session.closeCount, 0);
      }),
  ],
];

export const pauseCases: readonly Case[] = [
  [
    "a paused connection reads no more, and after it is resumed everything arrives in order",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await all.open();
        session.connection.pause!(true);
        const length = 60_000;
        const count = 500;
        for (let i = 0; i < count; i++) client.send(numbered(i, length));
        await aTurn(all);
        assert.ok(session.frameCount < count / 2, `${session.frameCount} of ${count} arrived`);
        session.connection.pause!(false);
        for (let i = 0; i < count; i++) assertNumbered(await session.frames.next(), i, length);
      }),
  ],
  [
    "a paused connection can still send, and close",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        session.connection.pause!(true);
        session.connection.pause!(true);
        assert.ok(session.post(numbered(3, 100)));
        assertNumbered(await client.message(), 3, 100);
        session.connection.close(1000, "enough");
        await client.closed;
        await session.closed;
      }),
  ],
];

const idleCases: readonly Case[] = [
  [
    "a silent peer is dropped, read or not; one that answers pings stays",
    (subject) =>
      running(subject, { idle_ms: subject.caps.idle_ms }, async ({ open }) => {
        const silent = await open();
        const deaf = await open();
        deaf.client.socket.pause();
        while (deaf.session.post(numbered(0, 60_000)));
        const alive = await open();
        alive.client.answersPings = true;
        await Promise.all([silent.session.closed, deaf.session.closed]);
        assert.equal(alive.session.closeCount, 0);
        alive.client.send(numbered(1, 20));
        assertNumbered(await alive.session.frames.next(), 1, 20);
        alive.session.post(numbered(2, 20));
        assertNumbered(await alive.client.message(), 2, 20);
      }),
  ],
];

const portCases: readonly Case[] = [
  [
    "a port in use is one clear line",
    (subject) =>
      running(subject, {}, async ({ listener }) => {
        const flag = /^wss?:/.test(listener.url) ? "--port" : "--rawsocket-port";
        const expected = `port ${listener.port} on 127.0.0.1 is already in use; stop the other program or choose another with ${flag}`;
        await assert.rejects(
          running(subject, { port: listener.port }, async () => {}),
          { message: expected },
        );
      }),
  ],
  [
    "an address that this machine does not have is one clear line",
    async (subject) => {
      const expected =
        "cannot listen on 192.0.2.1: this machine has no such address; choose another with --host";
      await assert.rejects(
        running(subject, { host: "192.0.2.1" }, async () => {}),
        { message: expected },
      );
    },
  ],
  [
    "port 0 takes a free port and says which",
    (subject) =>
      running(subject, {}, async ({ listener }) => {
        assert.ok(listener.port > 0);
        assert.ok(listener.url.includes(`//127.0.0.1:${listener.port}`), listener.url);
      }),
  ],
  [
    "it serves on the IPv6 loopback",
    (subject) =>
      running(subject, { host: "::1" }, async ({ listener, open }) => {
        assert.ok(listener.url.includes(`//[::1]:${listener.port}`), listener.url);
        const { session } = await open();
        assert.equal(session.connection.info.peer, "::1");
      }),
  ],
];
