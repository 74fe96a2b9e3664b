/** What RawSocket must do beyond the transport suite: its handshake octet by octet, its frame types, and Unix socket files. */
import assert from "node:assert/strict";
import { existsSync, linkSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { Serializer } from "../../src/protocol/serializers.ts";
import { listenRawSocket } from "../../src/transport/rawsocket.ts";
import { clientHandshake, RawSocketClient, rawFrame } from "./rawsocket-raw.ts";
import { addressOf, freshUnixPath } from "./rawsocket-subject.ts";
import { Probe, type ProbeSession } from "./transport-probe.ts";
import { type Case, numbered, type Running, running } from "./transport-subject.ts";

const hex = (text: string): Buffer => Buffer.from(text.replace(/ /g, ""), "hex");

async function handshake({ listener }: Running, octets: Uint8Array): Promise<string> {
  const client = new RawSocketClient(addressOf(listener));
  client.sendBytes(octets);
  const answer = await client.answer;
  client.socket.destroy();
  return answer.toString("hex");
}

async function connect(
  { listener, probe }: Running,
  octets: Uint8Array = clientHandshake(Serializer.msgpack),
): Promise<{ client: RawSocketClient; session: ProbeSession }> {
  const client = new RawSocketClient(addressOf(listener));
  client.sendBytes(octets);
  await client.answer;
  return { client, session: await probe.sessions.next() };
}

const handshakeCases: readonly Case[] = [
  [
    "[T-04] a handshake is answered with the serializer and the router's own limit, rounded down to a power of two",
    async (subject) => {
      const table = [
        [512, "0"],
        [1_023, "0"],
        [1 << 16, "7"],
        [700_000, "a"],
        [1 << 20, "b"],
        [1 << 24, "f"],
      ] as const;
      for (const [frameBytes_max, exponent] of table) {
        await running(subject, { frameBytes_max }, async (all) => {
          for (const serializer of [1, 2, 3]) {
            assert.equal(
              await handshake(all, clientHandshake(serializer, 5)),
              `7f${exponent}${serializer}0000`,
            );
          }
        });
      }
    },
  ],
  [
    "[T-04] a handshake may come in any pieces",
    (subject) =>
      running(subject, {}, async (all) => {
        const octets = Buffer.concat([clientHandshake(1), rawFrame(Buffer.from("[1]"))]);
        for (const cuts of [[1], [2], [3], [4], [5], [1, 2, 3, 4], [3, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
          const client = new RawSocketClient(addressOf(all.listener));
          client.socket.setNoDelay(true);
          for (const [i, cut] of [...cuts, octets.length].entries()) {
            const piece = octets.subarray(cuts[i - 1] ?? 0, cut);
            await new Promise((resolve) => client.socket.write(piece, resolve));
          }
          const session = await all.probe.sessions.next();
          assert.equal((await session.frames.next()).toString(), "[1]", `cut at ${cuts.join()}`);
        }
      }),
  ],
  [
    "[T-04] a serializer that is not known is answered with error 1, reserved octets with error 3",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const serializer of [0, 4, 5, 15]) {
          assert.equal(
            await handshake(all, clientHandshake(serializer)),
            "7f100000",
            `serializer ${serializer}`,
          );
        }
        for (const octets of ["7ff10100", "7ff10001", "7ff1ffff", "7ff00001"]) {
          assert.equal(await handshake(all, hex(octets)), "7f300000", octets);
        }
        assert.equal(all.probe.sessions.pending, 0);
      }),
  ],
  [
    "[T-04] what does not begin like RawSocket is closed at its first octet without an answer",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const octets of ["16", "47455420", "00", "7e", "ff"])
          assert.equal(await handshake(all, hex(octets)), "");
      }),
  ],
  [
    "[T-04] the client's limit is what the session may send, and no larger frame is ever sent",
    (subject) =>
      running(subject, {}, async (all) => {
        for (let exponent = 0; exponent < 16; exponent++) {
          const { session } = await connect(all, clientHandshake(2, exponent));
          assert.equal(session.connection.peerFrameBytes_max, 2 ** (exponent + 9));
        }
        const { client, session } = await connect(all, clientHandshake(2, 0));
        assert.ok(session.post(numbered(1, 512)));
        assert.throws(() => session.post(numbered(2, 513)), /assertion failed/);
        assert.equal((await client.message()).length, 512);
      }),
  ],
  [
    "[T-04] a handshake that is not finished in time is closed",
    (subject) =>
      running(subject, { handshake_ms: 400 }, async (all) => {
        for (const octets of ["", "7f", "7ff1", "7ff100"]) {
          const client = new RawSocketClient(addressOf(all.listener));
          client.sendBytes(hex(octets));
          await client.closed;
        }
        const { client, session } = await connect(all);
        client.send(numbered(1, 10));
        await session.frames.next();
      }),
  ],
];

const frameCases: readonly Case[] = [
  [
    "[T-05] a PING is answered by a PONG with its payload, in order with the messages; a PONG is only noted",
    (subject) =>
      running(subject, {}, async (all) => {
        all.probe.echo();
        const { client } = await connect(all);
        client.sendBytes(rawFrame(Buffer.from("unasked"), 2));
        for (const length of [0, 1, 200, 65_536]) {
          const payload = Buffer.from(numbered(length, length));
          client.ping(payload);
          assert.deepEqual(await client.frames.next(), { first: 2, payload });
        }
        client.send(numbered(1, 10));
        assert.deepEqual((await client.frames.next()).payload, Buffer.from(numbered(1, 10)));
      }),
  ],
  [
    "[T-05] many PINGs in one piece are all answered",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client } = await connect(all);
        client.sendBytes(Buffer.concat(Array.from({ length: 2_000 }, (_, i) => rawFrame(numbered(i, 8), 1))));
        for (let i = 0; i < 2_000; i++) {
          assert.deepEqual(await client.frames.next(), { first: 2, payload: Buffer.from(numbered(i, 8)) });
        }
      }),
  ],
  [
    "[T-05] a client that sends PINGs and does not read the answers is dropped",
    (subject) =>
      running(subject, {}, async (all) => {
        const { client, session } = await connect(all);
        client.socket.pause();
        const pings = Buffer.concat(Array.from({ length: 16 }, (_, i) => rawFrame(numbered(i, 60_000), 1)));
        let gone = false;
        const closed = session.closed.then(() => {
          gone = true;
        });
        while (!gone) {
          const flushed = new Promise<void>((resolve) => client.socket.write(pings, () => resolve()));
          await Promise.race([flushed, closed]);
          assert.ok(session.connection.bufferedBytes() < 2 << 20);
          // A write to a lost connection fails at once: the server's side needs its turn to say so.
          await new Promise(setImmediate);
        }
        client.socket.destroy();
      }),
  ],
  [
    "[T-05] a PING that is larger than 64 kB, or than what the client receives, ends the connection",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const [exponent, length] of [
          [15, 65_537],
          [0, 513],
        ] as const) {
          const { client, session } = await connect(all, clientHandshake(2, exponent));
          client.ping(numbered(1, length));
          await session.closed;
          await client.closed;
        }
      }),
  ],
  [
    "[T-04] reserved types and reserved bits end the connection",
    (subject) =>
      running(subject, {}, async (all) => {
        for (const first of [3, 4, 5, 6, 7, 0x10, 0x20, 0x40, 0x80, 0xff, 0x11]) {
          const { client, session } = await connect(all);
          client.sendBytes(Buffer.concat([rawFrame(numbered(1, 5)), rawFrame(numbered(2, 5), first)]));
          client.send(numbered(3, 5));
          await session.closed;
          await client.closed;
          assert.equal(session.frameCount, 1, `first octet ${first}`);
        }
        const { client, session } = await connect(all);
        client.sendBytes(hex("08000001 00"));
        await client.closed;
        await session.closed;
      }),
  ],
  [
    "[T-04] a frame of exactly 16 MiB travels both ways",
    (subject) =>
      running(subject, { frameBytes_max: 1 << 24 }, async (all) => {
        const { client, session } = await connect(all);
        const payload = numbered(9, 1 << 24);
        client.sendBytes(rawFrame(payload, 8));
        assert.ok(Buffer.from(payload).equals(await session.frames.next()));
        session.post(payload);
        const back = await client.frames.next();
        assert.equal(back.first, 8);
        assert.ok(Buffer.from(payload).equals(back.payload));
      }),
  ],
  [
    "[T-04] what is announced and not sent costs nothing",
    (subject) =>
      running(subject, { frameBytes_max: 1 << 24 }, async (all) => {
        const before = process.memoryUsage().arrayBuffers;
        const sessions: ProbeSession[] = [];
        for (let i = 0; i < 20; i++) {
          const { client, session } = await connect(all);
          sessions.push(session);
          // One message to know that the announcement behind it has been read.
          client.sendBytes(Buffer.concat([rawFrame(numbered(i, 5)), hex("00ffffff 01020304")]));
          await session.frames.next();
        }
        const grown = process.memoryUsage().arrayBuffers - before;
        assert.ok(grown < 8 << 20, `${grown} bytes for 320 MB of announcements`);
        assert.equal(sessions.filter((session) => session.closeCount > 0).length, 0);
      }),
  ],
];

export const rawSocketCases: readonly Case[] = [...handshakeCases, ...frameCases];

/** Listens on `path` for the time of `task`. */
async function onPath(path: string, task: () => Promise<void>): Promise<void> {
  const options = {
    unixPath: path,
    frameBytes_max: 512,
    idle_ms: 0,
    handshake_ms: 1_000,
    accept: new Probe().accept,
  };
  const listener = await listenRawSocket(options);
  try {
    assert.equal(listener.url, `unix:${path}`);
    const client = new RawSocketClient({ path });
    client.sendBytes(clientHandshake(1));
    assert.equal((await client.answer).toString("hex"), "7f010000");
    await task();
  } finally {
    await listener.close();
  }
}

/** Leaves what a program leaves that ended without cleaning up: a second name keeps the file when the first is removed. */
async function leaveStaleSocket(path: string): Promise<void> {
  const first = freshUnixPath();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first, () => resolve()));
  linkSync(first, path);
  await new Promise((resolve) => server.close(resolve));
  assert.ok(existsSync(path));
}

export const unixCases: readonly (readonly [name: string, run: () => Promise<void>])[] = [
  [
    "[T-04] a Unix socket's file is there while it listens and gone afterwards",
    async () => {
      const path = freshUnixPath();
      await onPath(path, async () => assert.ok(existsSync(path)));
      assert.ok(!existsSync(path));
    },
  ],
  [
    "[T-04] a socket file that nobody listens on any more is replaced",
    async () => {
      const path = freshUnixPath();
      await leaveStaleSocket(path);
      await onPath(path, async () => {});
    },
  ],
  [
    "[T-04] a Unix socket in use is one clear line, and stays in use",
    async () => {
      const path = freshUnixPath();
      const message = `Unix socket ${path} is already in use; stop the other program or choose another path with --unix`;
      await onPath(path, async () => {
        await assert.rejects(
          onPath(path, async () => {}),
          { message },
        );
        const client = new RawSocketClient({ path });
        client.sendBytes(clientHandshake(2));
        assert.equal((await client.answer).toString("hex"), "7f020000");
      });
    },
  ],
  [
    "[T-04] a file that is no socket is never removed",
    async () => {
      const path = freshUnixPath();
      writeFileSync(path, "mine");
      await assert.rejects(
        onPath(path, async () => {}),
        /is already in use/,
      );
      assert.equal(readFileSync(path, "utf8"), "mine");
    },
  ],
  [
    "[T-04] a folder that does not exist is one clear line",
    async () => {
      const path = "/no/such/folder/socket";
      await assert.rejects(
        onPath(path, async () => {}),
        /its folder does not exist; create it or choose another path with --unix$/,
      );
    },
  ],
];
