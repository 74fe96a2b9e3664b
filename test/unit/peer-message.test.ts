/** Messages between routers: what is written is read, and finds its handler. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import type { PeerEvents, PeerLinks } from "../../src/ports.ts";
import { kindRange, PeerKind } from "../../src/router/peers/kinds.ts";
import { MessageReader, MessageWriter } from "../../src/router/peers/message.ts";
import { Peers } from "../../src/router/peers/peers.ts";

test("a message is read as it was written, also beyond the writer's first room", () => {
  const writer = new MessageWriter();
  const long = "ü".repeat(3_000);
  writer
    .begin(7)
    .u8(255)
    .u32(2 ** 32 - 1)
    .f64(2 ** 53)
    .text(long)
    .bytes(new Uint8Array([1, 2]));
  const reader = new MessageReader().begin(new Uint8Array([...writer.head(), 9, 8]));
  assert.equal(reader.kind, 7);
  assert.deepEqual([reader.u8(), reader.u32(), reader.f64()], [255, 2 ** 32 - 1, 2 ** 53]);
  assert.equal(reader.text(), long);
  assert.deepEqual([...reader.bytes()], [1, 2]);
  assert.deepEqual([...reader.rest()], [9, 8]);
});

test("a short frame is copied from words to words, wherever the fields before it end", () => {
  const memory = new Int32Array(64).map((_, index) => index * 0x01030507);
  const bytes = new Uint8Array(memory.buffer);
  const writer = new MessageWriter();
  for (const fields of [0, 1, 7, 8]) {
    for (const length of [1, 3, 4, 130]) {
      writer.begin(9);
      for (let at = 0; at < fields; at++) writer.u8(at);
      assert.ok(writer.frame(memory, 3, length));
      const there = new Uint8Array(1_024);
      // In words, and not: then nothing is copied, and the frame is a view.
      for (const from of [16, 17]) {
        there.set(writer.head(), from);
        const reader = new MessageReader().begin(there.subarray(from, from + writer.head().length));
        for (let at = 0; at < fields; at++) assert.equal(reader.u8(), at);
        const target = new Int32Array(64);
        assert.equal(reader.takeFrame(target, 2), from === 16 ? length : 0);
        const copied = new Uint8Array(target.buffer, 8, length);
        if (from === 16) assert.deepEqual(copied, bytes.slice(12, 12 + length));
        assert.deepEqual(reader.frame().slice(), bytes.slice(12, 12 + length));
      }
    }
  }
});

test("a message goes to all that are up, and to the handler of its kind there", () => {
  const sent: [number, number][] = [];
  let events: PeerEvents | undefined;
  const links: PeerLinks = {
    self: 1,
    count: 4,
    isUp: () => true,
    queuedBytes: () => 0,
    connect(given) {
      events = given;
    },
    send: (peer, head) => sent.push([peer, head[0]!]) > 0,
  };
  const peers = new Peers(links);
  const heard: string[] = [];
  peers.handle(kindRange.calls, {
    onMessage: (peer, message) => heard.push(`${peer}: ${message.kind} ${message.text()}`),
    onUp: (peer) => heard.push(`${peer} up`),
    onDown: (peer) => heard.push(`${peer} down`),
  });
  for (const peer of [0, 2, 3]) events!.onUp(peer);
  events!.onDown(2);
  peers.writer.begin(PeerKind.yield).text("here");
  peers.broadcast(null);
  assert.deepEqual(sent, [
    [0, PeerKind.yield],
    [3, PeerKind.yield],
  ]);
  events!.onMessage(3, peers.writer.head().slice());
  assert.deepEqual(heard, ["0 up", "2 up", "3 up", "2 down", `3: ${PeerKind.yield} here`]);
});

test("a fault in one message is logged and ends nothing else, but in the directory it does", () => {
  let events: PeerEvents | undefined;
  const links: PeerLinks = {
    self: 0,
    count: 2,
    isUp: () => true,
    queuedBytes: () => 0,
    connect(given) {
      events = given;
    },
    send: () => true,
  };
  const errors: string[] = [];
  const peers = new Peers(links, { ...silentLog, error: (_, message) => void errors.push(message) });
  const fail = (): never => {
    throw new Error("broken");
  };
  peers.handle(kindRange.events, { onMessage: fail });
  peers.handle(kindRange.directory, { onMessage: fail });
  events!.onMessage(1, peers.writer.begin(PeerKind.publish).head().slice());
  assert.equal(errors.length, 1);
  assert.throws(() => events!.onMessage(1, peers.writer.begin(PeerKind.apply).head().slice()), /broken/);
});
