// The client's RawSocket, byte by byte, against a server that only plays back what is written here.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import test, { type TestContext } from "node:test";
import { connect, connectRaw } from "../../src/client/index.ts";
import { FrameCutter, frameHeader } from "../../src/client/rawsocket-frames.ts";
import { WampError } from "../../src/protocol/errors.ts";

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const frame = (kind: number, payload: string): Uint8Array =>
  Buffer.concat([
    fromHex(`0${kind}`),
    fromHex(payload.length.toString(16).padStart(6, "0")),
    Buffer.from(payload),
  ]);

/** The server's end of one connection. */
class Scripted {
  readonly socket: Socket;
  #received: Uint8Array = new Uint8Array(0);
  #wake: () => void = () => {};
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on("error", () => {});
  }
  async read(length: number): Promise<Uint8Array> {
    while (this.#received.length < length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }
  async readMessage(): Promise<string> {
    const header = await this.read(4);
    assert.equal(header[0], 0);
    return Buffer.from(await this.read((header[1]! << 16) | (header[2]! << 8) | header[3]!)).toString();
  }
}

async function serve(
  t: TestContext,
  script: (peer: Scripted) => Promise<void>,
  path?: string,
): Promise<string> {
  const server: Server = createServer((socket) => {
    void script(new Scripted(socket));
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  const address = server.address();
  return typeof address === "string" || address === null ? `unix:${path}` : `tcp://127.0.0.1:${address.port}`;
}

const wampError = (uri: string, text: RegExp) => (error: unknown) =>
  error instanceof WampError && error.uri === uri && text.test(error.message);

test("the handshake offers 16 MiB and the serializer, and messages are framed with their length", async (t) => {
  const heard: string[] = [];
  const url = await serve(t, async (peer) => {
    heard.push(hex(await peer.read(4)));
    peer.socket.write(fromHex("7ff10000"));
    heard.push(await peer.readMessage());
    peer.socket.write(frame(0, '[2,5,{"roles":{}}]'));
    heard.push(await peer.readMessage());
    peer.socket.write(frame(0, "[50,1,{},[3]]"));
    heard.push(await peer.readMessage());
    peer.socket.write(frame(0, '[6,{},"wamp.close.goodbye_and_out"]'));
    await new Promise((resolve) => peer.socket.on("end", resolve));
    peer.socket.end();
  });
  const session = await connect({ url, realm: "r", serializer: "json", roles: { caller: {} } });
  assert.deepEqual(await session.call("add", [1, 2]), { args: [3], kwargs: {} });
  await session.leave();
  assert.deepEqual(heard, [
    "7ff10000",
    '[1,"r",{"agent":"spanwire","roles":{"caller":{}},"authmethods":["anonymous"]}]',
    '[48,1,{},"add",[1,2]]',
    '[6,{},"wamp.close.close_realm"]',
  ]);
});

test("each serializer has its number in the handshake", async (t) => {
  for (const [serializer, byte] of [
    ["json", "f1"],
    ["msgpack", "f2"],
    ["cbor", "f3"],
  ] as const) {
    let request = "";
    const url = await serve(t, async (peer) => {
      request = hex(await peer.read(4));
      peer.socket.write(fromHex(`7f${byte}0000`));
    });
    const wire = await connectRaw({ url, serializer });
    assert.equal(request, `7f${byte}0000`);
    wire.close();
  }
});

test("handshake, messages, pings and pongs are understood in one packet and in single bytes", async (t) => {
  const stream = Buffer.concat([
    fromHex("7ff10000"),
    frame(0, "[1]"),
    frame(1, "ping!"),
    frame(0, "[2,[]]"),
    frame(2, "pong"),
    frame(0, `["${"x".repeat(70_000)}"]`),
  ]);
  for (const cut of [stream.length, 1, 3, 7_919]) {
    let answer = "";
    const url = await serve(t, async (peer) => {
      await peer.read(4);
      peer.socket.setNoDelay(true);
      // The large message at the end is not worth a packet per byte.
      for (let at = 0; at < stream.length; at += at < 60 ? cut : 50_000) {
        peer.socket.write(stream.subarray(at, at + (at < 60 ? cut : 50_000)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      answer = hex(await peer.read(9));
      peer.socket.end();
    });
    const wire = await connectRaw({ url, serializer: "json" });
    assert.deepEqual(await wire.next(), [1]);
    assert.deepEqual(await wire.next(), [2, []]);
    assert.deepEqual(await wire.next(), ["x".repeat(70_000)]);
    await wire.closed;
    assert.equal(answer, hex(frame(2, "ping!")));
    await assert.rejects(wire.next(), /closed/);
  }
});

test("refused handshakes say why", async (t) => {
  const cases: [string, RegExp][] = [
    ["7f100000", /serializer is not supported/],
    ["7f200000", /maximum frame length is not acceptable/],
    ["7f300000", /reserved bits/],
    ["7f400000", /as many connections/],
    ["7f900000", /error 9/],
    ["7ff10001", /reserved bits/],
    ["7ff20000", /another serializer/],
    ["48545450", /does not speak RawSocket/],
    ["7f", /closed/],
  ];
  for (const [reply, text] of cases) {
    const url = await serve(t, async (peer) => {
      await peer.read(4);
      peer.socket.end(fromHex(reply));
    });
    await assert.rejects(
      connectRaw({ url, serializer: "json" }),
      wampError("wamp.error.network_failure", text),
      reply,
    );
  }
  const silent = await serve(t, async () => {});
  await assert.rejects(
    connectRaw({ url: silent, timeout_ms: 20 }),
    wampError("wamp.error.network_failure", /too long/),
  );
  await assert.rejects(
    connectRaw({ url: "tcp://127.0.0.1:1" }),
    wampError("wamp.error.network_failure", /ECONNREFUSED|connect/i),
  );
  await assert.rejects(
    connectRaw({ url: "http://127.0.0.1:1" }),
    wampError("wamp.error.invalid_argument", /none of/),
  );
});

test("a frame that RawSocket does not have ends the connection", async (t) => {
  for (const bytes of ["03000000", "10000000", "08000001"]) {
    const url = await serve(t, async (peer) => {
      await peer.read(4);
      peer.socket.write(fromHex(`7ff10000${bytes}`));
    });
    const wire = await connectRaw({ url, serializer: "json" });
    assert.notEqual((await wire.closed).reason, "", bytes);
  }
});

test("a message over the server's limit is refused, and the connection goes on", async (t) => {
  const url = await serve(t, async (peer) => {
    await peer.read(4);
    peer.socket.write(fromHex("7f010000"));
    peer.socket.write(frame(0, await peer.readMessage()));
  });
  const wire = await connectRaw({ url, serializer: "json" });
  const fits = ["x".repeat(512 - 4)];
  assert.throws(
    () => wire.send([`${fits[0]}x`]),
    wampError("wamp.error.payload_size_exceeded", /512 bytes, not 513/),
  );
  wire.send(fits);
  assert.deepEqual(await wire.next(), fits);
  wire.close();
});

test("a Unix socket works like TCP", async (t) => {
  const folder = mkdtempSync(joinPath(tmpdir(), "spanwire-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const url = await serve(
    t,
    async (peer) => {
      await peer.read(4);
      peer.socket.write(Buffer.concat([fromHex("7ff10000"), frame(0, "[42]")]));
    },
    joinPath(folder, "s"),
  );
  for (const spelling of [url, url.replace("unix:", "unix://")]) {
    const wire = await connectRaw({ url: spelling, serializer: "json" });
    assert.deepEqual(await wire.next(), [42]);
    wire.close();
  }
});

test("a frame of exactly 2^24 bytes has its own header, both ways", () => {
  assert.equal(hex(frameHeader(0, 1 << 24)), "08000000");
  assert.equal(hex(frameHeader(0, (1 << 24) - 1)), "00ffffff");
  assert.equal(hex(frameHeader(2, 258)), "02000102");
  const cutter = new FrameCutter();
  cutter.push(fromHex("08000000"));
  const half = new Uint8Array(1 << 23).fill(7);
  cutter.push(half);
  assert.equal(cutter.next(), null);
  cutter.push(half);
  cutter.push(fromHex("00000001"));
  const large = cutter.next();
  assert.ok(large !== null && typeof large !== "string" && large.payload.length === 1 << 24);
  assert.equal(cutter.next(), null);
  cutter.push(fromHex("09"));
  assert.deepEqual(cutter.next(), { kind: 0, payload: fromHex("09") });
});
