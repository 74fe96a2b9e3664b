// The client's WebSocket against a plain server of the `ws` package that plays back what is written here.
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { connect, connectRaw } from "../../src/client/index.ts";
import { WampError } from "../../src/protocol/errors.ts";

interface Heard {
  readonly data: Buffer;
  readonly binary: boolean;
}

async function serve(
  t: TestContext,
  onMessage: (socket: WebSocket, heard: Heard) => void,
  choose: (offered: string) => string | false = (offered) => offered,
): Promise<string> {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    handleProtocols: (offered) => choose([...offered].join(",")),
  });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => onMessage(socket, { data: data as Buffer, binary }));
    socket.on("error", () => {});
  });
  await new Promise((resolve) => server.on("listening", resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
}

const networkFailure = (text: RegExp) => (error: unknown) =>
  error instanceof WampError && error.uri === "wamp.error.network_failure" && text.test(error.message);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("JSON travels in text frames under wamp.2.json", async (t) => {
  const heard: [string, boolean][] = [];
  let offered = "";
  const url = await serve(
    t,
    (socket, { data, binary }) => {
      heard.push([data.toString(), binary]);
      const type = JSON.parse(data.toString())[0];
      if (type === 1) socket.send('[2,5,{"roles":{}}]');
      if (type === 48) socket.send('[50,1,{},["ü"]]');
      if (type === 6) socket.send('[6,{},"wamp.close.goodbye_and_out"]');
    },
    (names) => {
      offered = names;
      return names;
    },
  );
  const session = await connect({ url, realm: "r", serializer: "json", roles: { caller: {} } });
  assert.equal(offered, "wamp.2.json");
  assert.deepEqual((await session.call("p", ["ä"])).args, ["ü"]);
  await session.leave();
  assert.deepEqual(heard, [
    ['[1,"r",{"agent":"spanwire","roles":{"caller":{}},"authmethods":["anonymous"]}]', false],
    ['[48,1,{},"p",["ä"]]', false],
    ['[6,{},"wamp.close.close_realm"]', false],
  ]);
});

test("MessagePack and CBOR travel in binary frames under their own names", async (t) => {
  for (const [serializer, request, reply] of [
    ["msgpack", "93300180", "9332 01 80"],
    ["cbor", "83183001a0", "83 1832 01 a0"],
  ] as const) {
    let heard: Heard | undefined;
    const url = await serve(
      t,
      (socket, message) => {
        heard = message;
        socket.send(Buffer.from(reply.replaceAll(" ", ""), "hex"));
      },
      (names) => (names === `wamp.2.${serializer}` ? names : false),
    );
    const wire = await connectRaw({ url, serializer });
    wire.send([48, 1, {}]);
    assert.deepEqual(await wire.next(), [50, 1, {}]);
    assert.equal(hex(heard!.data), request);
    assert.equal(heard!.binary, true);
    wire.close();
    assert.equal((await wire.closed).code, 1000);
  }
});

test("a frame of the wrong type ends the connection", async (t) => {
  const url = await serve(t, (socket, { binary }) => socket.send(binary ? "[1]" : Buffer.from([0x91, 1])));
  for (const serializer of ["json", "msgpack"] as const) {
    const wire = await connectRaw({ url, serializer });
    wire.send([1]);
    assert.match((await wire.closed).reason, /does not fit the serializer/);
  }
});

test("a server that ends the connection is reported with its code and reason", async (t) => {
  const url = await serve(t, (socket) => socket.close(4001, "enough"));
  const wire = await connectRaw({ url });
  wire.send([1]);
  assert.deepEqual(await wire.closed, { code: 4001, reason: "enough" });
  await assert.rejects(wire.next(), /4001 enough/);
});

test("messages that came before anybody asked are kept in order", async (t) => {
  const url = await serve(t, (socket) => {
    for (let i = 0; i < 100; i++) socket.send(`[${i}]`);
    socket.close(1000);
  });
  const wire = await connectRaw({ url, serializer: "json" });
  wire.send([]);
  await wire.closed;
  assert.equal(wire.arrivedCount, 100);
  for (let i = 0; i < 100; i++) assert.deepEqual(await wire.next(), [i]);
});

test("no server, no subprotocol and no answer each reject with what was wrong", async (t) => {
  await assert.rejects(connectRaw({ url: "ws://127.0.0.1:1/ws" }), networkFailure(/127\.0\.0\.1:1/));
  const url = await serve(
    t,
    () => {},
    () => false,
  );
  await assert.rejects(connectRaw({ url }), networkFailure(/no connection/));
  const mute = await serve(t, () => {});
  await assert.rejects(
    connect({ url: mute, realm: "r", timeout_ms: 300 }),
    networkFailure(/did not answer HELLO|too long/),
  );
});

test("[T-03] batched: what one task sends travels in one message, under the subprotocol's name", async (t) => {
  for (const [serializer, expected, answer] of [
    ["msgpack", "00000003923001 00000003923002 00000003923003", "00000003923201 00000003923202"],
    ["cbor", "0000000482183001 0000000482183002 0000000482183003", "0000000482183201 0000000482183202"],
    ["json", "5b34382c315d1e 5b34382c325d1e 5b34382c335d1e", "5b35302c315d18 5b35302c325d18"],
  ] as const) {
    const heard: Heard[] = [];
    let offered = "";
    const url = await serve(
      t,
      (socket, message) => {
        heard.push(message);
        const bytes = Buffer.from(answer.replaceAll(" ", ""), "hex");
        socket.send(serializer === "json" ? bytes.toString() : bytes);
      },
      (names) => {
        offered = names;
        return names;
      },
    );
    const wire = await connectRaw({ url, serializer, batched: true });
    assert.equal(offered, `wamp.2.${serializer}.batched`);
    wire.send([48, 1], [48, 2]);
    wire.send([48, 3]);
    assert.deepEqual(await wire.next(), [50, 1]);
    assert.deepEqual(await wire.next(), [50, 2]);
    assert.equal(heard.length, 1);
    assert.equal(hex(heard[0]!.data), expected.replaceAll(" ", ""));
    assert.equal(heard[0]!.binary, serializer !== "json");
    // The last words go out before the close frame.
    wire.send([48, 4]);
    wire.close();
    await wire.closed;
    assert.equal(heard.length, 2);
  }
});

test("[T-03] batched: a batch ends at its bound, and a malformed one ends the connection", async (t) => {
  const sizes: number[] = [];
  const url = await serve(t, (socket, { data }) => {
    sizes.push(data.length);
    if (sizes.length === 4) socket.send(Buffer.from("000000019100", "hex"));
  });
  const wire = await connectRaw({ url, batched: true });
  for (const size of [40_000, 40_000, 100_000, 10, 20]) wire.sendBytes(new Uint8Array(size));
  const { code, reason } = await wire.closed;
  assert.deepEqual(sizes, [40_004, 40_004, 100_004, 38]);
  assert.deepEqual([code, reason], [3002, "a batch ends inside the length of a message"]);
  assert.equal(hex(await wire.nextBytes()), "91");
});
