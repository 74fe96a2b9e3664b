/** Several threads of one process serve one place: every way to listen, on Node and on Bun, with real threads. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { Listener } from "../../src/ports.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { selectWebSocketAdapter } from "../../src/transport/select.ts";
import { CertificateCopies } from "../support/certificate-copies.ts";
import { filesOf, trust } from "../support/certificates.ts";
import {
  addressOf,
  freshUnixPath,
  tcpSubject,
  tlsSubject,
  unixSubject,
} from "../support/rawsocket-subject.ts";
import { adapters } from "../support/router-legs.ts";
import {
  type Asked,
  type Said,
  type SharedListener,
  type SharedWay,
  serveShared,
} from "../support/shared-listener.ts";
import { nameShown } from "../support/tls-ways.ts";
import type { TestClient } from "../support/transport-subject.ts";
import { webSocketSubject } from "../support/websocket-subject.ts";

/** A thread beside the test's own. */
class Thread {
  readonly #worker: Worker;
  readonly #said: Said[] = [];
  #wake: () => void = () => {};
  readonly exited: Promise<number>;
  static readonly #running = new Set<Thread>();

  /** After a failure, so that the test's process ends. */
  static endAll(): void {
    for (const thread of Thread.#running) thread.ask("close");
  }

  constructor(way: SharedWay, index: number, { place }: Listener) {
    const told = { way, index, place };
    this.#worker = new Worker(new URL("../support/shared-listener.js", import.meta.url), {
      workerData: told,
    });
    this.#worker.on("message", (said: Said) => {
      this.#said.push(said);
      this.#wake();
    });
    Thread.#running.add(this);
    this.exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    void this.exited.then(() => Thread.#running.delete(this));
  }

  async hear(kind: Said["kind"]): Promise<Said> {
    while (this.#said.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const said = this.#said.shift()!;
    assert.equal(said.kind, kind, JSON.stringify(said));
    return said;
  }

  ask(asked: Asked): void {
    this.#worker.postMessage(asked);
  }

  /** It stops listening, and ends by itself because nothing of it is open. */
  async end(): Promise<void> {
    this.ask("close");
    await this.hear("closed");
    assert.equal(await this.exited, 0);
  }

  terminate(): Promise<number> {
    return this.#worker.terminate();
  }
}

interface Case {
  readonly way: SharedWay;
  connect(listener: Listener): Promise<TestClient>;
}

const tls = { ...filesOf("server") };
const client = trust();
const msgpack = Serializer.msgpack;

async function cases(): Promise<Case[]> {
  const tcp = (listener: Listener): Promise<TestClient> => tcpSubject().connect(listener, msgpack);
  const found: Case[] = [
    { way: { name: "rawsocket" }, connect: tcp },
    {
      way: { name: "rawsocket over TLS", tls },
      connect: (listener) => tlsSubject(tls, client).connect(listener, msgpack),
    },
    {
      way: { name: "rawsocket on a Unix socket", unixPath: freshUnixPath() },
      connect: (listener) => unixSubject().connect(listener, msgpack),
    },
  ];
  for (const { name, skip } of adapters) {
    if (skip !== undefined) continue;
    const { adapter } = await selectWebSocketAdapter(name);
    const plain = webSocketSubject(adapter, { idle_ms: 8_000 });
    const secure = webSocketSubject(adapter, { idle_ms: 8_000, tls: { server: tls, client } });
    found.push({ way: { name, adapter: name }, connect: (listener) => plain.connect(listener, msgpack) });
    found.push({
      way: { name: `${name} over TLS`, adapter: name, tls },
      connect: (listener) => secure.connect(listener, msgpack),
    });
    if (!adapter.capabilities.universalPort) continue;
    const one = { name: `${name}, one port for all`, adapter: name, universal: true } as const;
    found.push({ way: one, connect: tcp });
  }
  return found;
}

/** Which thread answers. */
async function answererOf(connected: TestClient): Promise<number> {
  connected.send(Uint8Array.of(1));
  return (await connected.message())[0]!;
}

/** Connects some more and sorts them by who answers. */
async function connectMore(of: Case, listener: Listener, count: number, by: TestClient[][]): Promise<void> {
  const more = await Promise.all(Array.from({ length: count }, () => of.connect(listener)));
  for (const connected of more) {
    const index = await answererOf(connected);
    by[index] ??= [];
    by[index].push(connected);
  }
}

const countsOf = (by: readonly (readonly unknown[] | undefined)[]): number[] =>
  [0, 1, 2, 3].map((index) => by[index]?.length ?? 0);

/** Connects until each of these has some: an even share where each has a socket of its own, more than none where the free one takes it. */
async function connectToAll(
  of: Case,
  listener: Listener,
  wanted: readonly number[],
): Promise<TestClient[][]> {
  const by: TestClient[][] = [];
  await connectMore(of, listener, 90, by);
  if (listener.place?.descriptor === null) {
    for (const index of wanted) assert.ok((by[index]?.length ?? 0) >= 8, `uneven: ${countsOf(by)}`);
    return by;
  }
  for (let round = 0; round < 20 && wanted.some((index) => by[index] === undefined); round++)
    await connectMore(of, listener, 30, by);
  for (const index of wanted) assert.ok(by[index] !== undefined, `nothing for ${index}: ${countsOf(by)}`);
  return by;
}

const drop = async (by: readonly (readonly TestClient[] | undefined)[]): Promise<void> => {
  await Promise.all(by.flatMap((some) => some ?? []).map((connected) => connected.close()));
};

/** Whether anybody listens. */
const isServed = (listener: Listener): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(addressOf(listener), () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

async function comingAndGoing(of: Case, first: SharedListener): Promise<void> {
  const { listener } = first;
  const { way } = of;
  const [one, two] = [new Thread(way, 1, listener), new Thread(way, 2, listener)];
  await Promise.all([one.hear("listening"), two.hear("listening")]);
  const before = await connectToAll(of, listener, [0, 1, 2]);
  // One goes: its connections with it, and no others.
  await one.end();
  await Promise.all(before[1]!.map((connected) => connected.closed));
  assert.equal(await answererOf(before[0]![0]!), 0);
  assert.equal(await answererOf(before[2]![0]!), 2);
  assert.equal(first.count(), before[0]!.length);
  // The place goes on being served, and another may join.
  const between = await connectToAll(of, listener, [0, 2]);
  assert.equal(between[1], undefined);
  const three = new Thread(way, 3, listener);
  await three.hear("listening");
  const after = await connectToAll(of, listener, [0, 2, 3]);
  two.ask("count");
  const said = await two.hear("count");
  const expected = before[2]!.length + between[2]!.length + after[2]!.length;
  assert.equal(said.kind === "count" && said.count, expected);
  await drop([before[0], before[2], ...between, ...after]);
  await Promise.all([two.end(), three.end()]);
}

for (const of of await cases()) {
  const { way } = of;
  test(`${way.name}: several threads serve one place, come and go`, { timeout: 120_000 }, async () => {
    const first = await serveShared(way, "first");
    const { listener } = first;
    try {
      if (listener.place === null) {
        // Then the first serves it alone, which must be no surprise.
        assert.ok(way.unixPath !== undefined && "Bun" in globalThis, "a place that cannot be shared");
        await drop(await connectToAll(of, listener, [0]));
      } else await comingAndGoing(of, first);
    } finally {
      Thread.endAll();
      await listener.close();
    }
    assert.equal(await isServed(listener), false);
  });

  if (way.unixPath !== undefined) continue;
  test(`${way.name}: a place that somebody else has is not shared with them`, {
    timeout: 60_000,
  }, async () => {
    const { listener } = await serveShared(way, "first");
    const { port } = listener;
    try {
      for (const shared of ["first", undefined] as const)
        await assert.rejects(serveShared(way, shared, { port }), /is already in use/);
    } finally {
      await listener.close();
    }
    const again = await serveShared(way, "first", { port });
    assert.equal(again.listener.port, port);
    await again.listener.close();
  });
}

for (const of of await cases()) {
  if (of.way.tls === undefined) continue;
  test(`${of.way.name}: a changed certificate is shown by every thread`, { timeout: 60_000 }, async () => {
    const files = new CertificateCopies();
    files.put("main", "server");
    const way = { ...of.way, tls: files.at("main") };
    const { listener } = await serveShared(way, "first");
    try {
      const threads = [new Thread(way, 1, listener), new Thread(way, 2, listener)];
      for (const thread of threads) await thread.hear("listening");
      const names = async (): Promise<string> =>
        String([...new Set(await Promise.all(Array.from({ length: 24 }, () => nameShown(listener.port))))]);
      assert.equal(await names(), "server");
      files.swap("main", "renewed");
      for (const giveUp_ms = performance.now() + 30_000; (await names()) !== "renewed"; )
        assert.ok(performance.now() < giveUp_ms, "some thread still shows the old one");
      const by = await connectToAll(of, listener, [0, 1, 2]);
      await drop(by);
      for (const thread of threads) await thread.end();
    } finally {
      Thread.endAll();
      await listener.close();
      files.remove();
    }
  });
}

test("a thread that ends in the middle of everything takes its connections along, and no others", {
  timeout: 60_000,
}, async () => {
  const of = (await cases())[0]!;
  const { listener } = await serveShared(of.way, "first");
  const thread = new Thread(of.way, 1, listener);
  await thread.hear("listening");
  const by = await connectToAll(of, listener, [0, 1]);
  await thread.terminate();
  await Promise.all(by[1]!.map((connected) => connected.closed));
  assert.equal(await answererOf(by[0]![0]!), 0);
  const after = await connectToAll(of, listener, [0]);
  assert.equal(after[1], undefined);
  await drop([by[0], ...after]);
  await listener.close();
});

test("a descriptor that is another socket by now is not listened on", {
  timeout: 60_000,
  skip: "Bun" in globalThis ? "Bun listens on no descriptors" : false,
}, async () => {
  const path = freshUnixPath();
  const { listener } = await serveShared({ name: "unix", unixPath: path }, "first");
  const { descriptor } = listener.place!;
  const other = await serveShared({ name: "rawsocket" }, undefined);
  await assert.rejects(
    serveShared({ name: "rawsocket" }, { port: other.listener.port, descriptor }),
    /is another socket/,
  );
  await listener.close();
  await assert.rejects(
    serveShared({ name: "unix", unixPath: path }, { port: 0, descriptor: 1_000_000 }),
    /cannot copy the descriptor/,
  );
  await other.listener.close();
});
