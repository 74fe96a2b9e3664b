/**
 * What every transport must do, whatever it runs on: the same cases over uWebSockets.js, Bun's server, `ws` and RawSocket.
 * A subject says how to listen and connect; what it cannot do is declared, and every skip carries its reason.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { Listener, TransportOptions } from "../../src/ports.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { Probe, type ProbeSession } from "./transport-probe.ts";

/** A client of the transport that does what it is told and nothing by itself. */
export interface TestClient {
  readonly socket: Socket;
  send(payload: Uint8Array): void;
  /** The next message. */
  message(): Promise<Buffer>;
  /** Says goodbye as the transport does and waits for the end. */
  close(): Promise<unknown>;
  /** Settles when the connection is gone. */
  readonly closed: Promise<unknown>;
  answersPings: boolean;
}

export interface ListenSettings extends Partial<TransportOptions> {
  readonly host?: string;
  readonly port?: number;
  /** WebSocket only. */
  readonly path?: string;
  readonly deflate?: boolean;
}

export interface Capabilities {
  readonly pause: boolean;
  /** The shortest idle time that it keeps. */
  readonly idle_ms: number;
  /** Whether it listens on ports; a Unix socket does not. */
  readonly ports: boolean;
}

export interface Subject {
  readonly name: string;
  readonly caps: Capabilities;
  listen(options: TransportOptions & { readonly host: string; readonly port: number }): Promise<Listener>;
  /** `first` is sent in one piece with the handshake. */
  connect(listener: Listener, serializer: Serializer, first?: readonly Uint8Array[]): Promise<TestClient>;
  /** Tries to connect and says how it was refused. */
  refusal(listener: Listener): Promise<string>;
  /** What `refusal` says where the router takes no more. */
  readonly fullRefusal: string;
}

export interface Skip {
  readonly test: string;
  readonly reason: string;
}

export interface Running {
  readonly subject: Subject;
  readonly listener: Listener;
  readonly probe: Probe;
  /** Connects and gives both ends. */
  open(serializer?: Serializer): Promise<{ client: TestClient; session: ProbeSession }>;
}

export type Case = readonly [name: string, run: (subject: Subject) => Promise<void>];

export const frameBytes_max = 1 << 20;

/** Listens for the time of `task`. */
export async function running(
  subject: Subject,
  settings: ListenSettings,
  task: (running: Running) => Promise<void>,
): Promise<void> {
  const probe = new Probe();
  const defaults = { host: "127.0.0.1", port: 0, frameBytes_max, idle_ms: 60_000, handshake_ms: 10_000 };
  const listener = await subject.listen({ ...defaults, accept: probe.accept, ...settings });
  const open = async (serializer: Serializer = Serializer.msgpack) => {
    const client = await subject.connect(listener, serializer);
    return { client, session: await probe.sessions.next() };
  };
  try {
    await task({ subject, listener, probe, open });
  } finally {
    await listener.close();
  }
}

/** Runs cases as tests. A skip that names no case is a mistake. */
export function runCases(subject: Subject, cases: readonly Case[], skip: readonly Skip[]): void {
  for (const { test: name, reason } of skip) {
    if (!cases.some(([known]) => known === name)) throw new Error(`no such case to skip: ${name}`);
    test(`${subject.name}: ${name}`, { skip: reason }, () => {});
  }
  for (const [name, run] of cases) {
    if (skip.some((entry) => entry.test === name)) continue;
    test(`${subject.name}: ${name}`, { timeout: 60_000 }, () => run(subject));
  }
}

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

/** Bytes that tell where they belong: a number and a pattern that follows from it. */
export function numbered(index: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  // Below 0x80, so that it may also travel as text.
  bytes.fill(index % 127);
  for (let i = 0; i < Math.min(8, byteLength); i++) bytes[i] = (index >>> (4 * (7 - i))) & 15;
  return bytes;
}

const assertNumbered = (message: Buffer, index: number, byteLength: number): void =>
  assert.ok(
    Buffer.from(numbered(index, byteLength)).equals(message),
    `message ${index} is not what was sent`,
  );

/** A round trip on a connection of its own: what was under way when it began has had its turn when it is over. */
async function aTurn({ open }: Running): Promise<void> {
  const { client, session } = await open();
  client.send(numbered(1, 4));
  await session.frames.next();
  session.post(numbered(2, 4));
  await client.message();
  await client.close();
  await session.closed;
}

const messageCases: readonly Case[] = [
  [
    "messages of every serializer come back as they were sent",
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
        const websocket = listener.url.startsWith("ws://");
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

const flowCases: readonly Case[] = [
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

const pauseCases: readonly Case[] = [
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

type Ending = (at: { client: TestClient; session: ProbeSession; listener: Listener }) => unknown;

/** By RST where there is such a thing. */
const tearOff = (socket: Socket): unknown =>
  socket.remoteAddress === undefined ? socket.destroy() : socket.resetAndDestroy();

const endings: readonly (readonly [string, Ending])[] = [
  ["the client says goodbye", ({ client }) => client.close()],
  ["the client's end is torn off", ({ client }) => tearOff(client.socket)],
  ["the client's end is closed without a word", ({ client }) => client.socket.end()],
  ["the session closes", ({ session }) => session.connection.close(1000, "done")],
  ["the session terminates", ({ session }) => session.connection.terminate()],
  ["the listener closes", ({ listener }) => listener.close()],
];

const endingCases: readonly Case[] = [
  ...endings.map(
    ([what, end]): Case => [
      `onClose comes exactly once when ${what}, and nothing after it`,
      (subject) =>
        running(subject, {}, async (all) => {
          const { listener } = all;
          const { client, session } = await all.open();
          client.send(numbered(1, 10));
          await session.frames.next();
          await end({ client, session, listener });
          await session.closed;
          client.socket.resume();
          await client.closed;
          if (what !== "the listener closes") await aTurn(all);
          assert.equal(session.closeCount, 1);
        }),
    ],
  ),
  [
    "close() and terminate() do not call onClose themselves, and harmless is what comes between",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        for (const way of ["close", "terminate"] as const) {
          const { client, session } = await open();
          const { connection } = session;
          if (way === "close") connection.close(1001, "going");
          else connection.terminate();
          assert.equal(session.closeCount, 0, `${way}() called onClose`);
          assert.equal(
            connection.send([{ bytes: numbered(1, 9) }], 0, 1),
            1,
            "what is sent now goes nowhere",
          );
          connection.bufferedBytes();
          connection.pause?.(true);
          connection.pause?.(false);
          connection.close(1000, "again");
          if (way === "close") await client.closed;
          connection.terminate();
          connection.terminate();
          await session.closed;
          assert.equal(session.closeCount, 1);
        }
      }),
  ],
  [
    "a session that closes while it handles a message gets none of those behind it",
    (subject) =>
      running(subject, {}, async ({ open, probe }) => {
        for (const way of ["close", "terminate"] as const) {
          probe.onAccept = (session) => {
            session.onFrameInstead = () => {
              if (way === "close") session.connection.close(1008, "first was wrong");
              else session.connection.terminate();
            };
          };
          const { client, session } = await open();
          // In one piece, so that one read brings them all.
          client.socket.cork();
          for (let i = 0; i < 3; i++) client.send(numbered(i, 10));
          client.socket.uncork();
          await session.closed;
          await client.closed;
          assert.equal(session.frameCount, 1);
        }
      }),
  ],
  [
    "what was sent before close() arrives before the end",
    (subject) =>
      running(subject, {}, async ({ open }) => {
        const { client, session } = await open();
        for (let i = 0; i < 20; i++) session.post(numbered(i, 5_000));
        session.connection.close(1000, "that was all");
        for (let i = 0; i < 20; i++) assertNumbered(await client.message(), i, 5_000);
        await client.closed;
      }),
  ],
  [
    "a session that closes at once in accept() is refused, and hears onClose once",
    (subject) =>
      running(subject, {}, async (all) => {
        const { probe, listener } = all;
        probe.onAccept = (session) => session.connection.close(1000, "no");
        assert.equal(await subject.refusal(listener), subject.fullRefusal);
        const session = await probe.sessions.next();
        await session.closed;
        probe.onAccept = () => {};
        await aTurn(all);
        assert.equal(session.closeCount, 1);
      }),
  ],
  [
    "a router that is full refuses politely, and keeps those that are there",
    (subject) =>
      running(subject, {}, async ({ probe, open, listener }) => {
        probe.echo();
        const { client } = await open();
        probe.full = true;
        assert.equal(await subject.refusal(listener), subject.fullRefusal);
        client.send(numbered(5, 50));
        assertNumbered(await client.message(), 5, 50);
        probe.full = false;
        await open();
      }),
  ],
  [
    "a listener that was closed takes no one, and closing it again is harmless",
    (subject) =>
      running(subject, {}, async ({ listener, open }) => {
        const { session } = await open();
        await listener.close();
        assert.equal(session.closeCount, 1, "onClose came before close() was done");
        await assert.rejects(subject.connect(listener, Serializer.json));
        await listener.close();
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
        const flag = listener.url.startsWith("ws:") ? "--port" : "--rawsocket-port";
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
