/**
 * A client that has reset its connection before the router takes it has no address any more, though what it sent can still be read. It
 * must not count as a client of this machine.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { createRouter } from "../../src/main.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

const realm = {
  uri: "com.home",
  authmethods: ["anonymous"],
  sources: [{ usernames: ["anonymous"], authmethod: "anonymous", cidr: "127.0.0.1/32" }],
  grants: [
    { permissions: ["wamp.publish"], uri: "", match: "prefix", roles: ["anonymous"] },
    { permissions: ["wamp.subscribe"], uri: "", match: "prefix", roles: ["all"] },
  ],
};

function rawFrame(message: readonly unknown[]): Buffer {
  const body = encodeMessage(Serializer.json, message);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Connects from another address than the one that is let in, says everything at once, and resets the connection; all in a thread. */
const client = `
const { connect } = require("node:net");
const { workerData } = require("node:worker_threads");
const { port, bytes, done, reset } = workerData;
const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
const end = () => { Atomics.store(done, 0, 1); Atomics.notify(done, 0); };
socket.on("error", end);
socket.on("connect", () => socket.write(Buffer.from(bytes), () => {
  if (reset) socket.resetAndDestroy();
  end();
}));
`;

for (const reset of [false, true])
  test(`a client that ${reset ? "is gone" : "stays"} is not let in from an address that has no right`, {
    timeout: 60_000,
    skip: process.platform !== "linux" && "needs a second loopback address",
  }, async () => {
    await using router = await createRouter({
      rawsocket: { port: 0 },
      security: { definitions: [{ name: "test", realms: [realm] }] },
    });
    const inside = await router.session("com.home");
    const heard: unknown[] = [];
    await inside.subscribe("com.door", (event) => void heard.push(event));
    const bytes = Buffer.concat([
      Buffer.from([0x7f, 0xf1, 0, 0]),
      rawFrame([Message.hello, "com.home", { roles: { publisher: {} }, authmethods: ["anonymous"] }]),
      rawFrame([Message.publish, 1, {}, "com.door", ["open"]]),
    ]);
    const done = new Int32Array(new SharedArrayBuffer(4));
    const { port } = router.listeners[0]!;
    const worker = new Worker(client, { eval: true, workerData: { port, bytes, done, reset } });
    // The router is busy meanwhile.
    Atomics.wait(done, 0, 0, 20_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await worker.terminate();
    assert.deepEqual(heard, []);
    assert.equal(router.stats().sessions, 1);
    await inside.leave();
  });
