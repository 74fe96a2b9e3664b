/** The writers: each frame read back by the cold decoders, for every pair of serializers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { CancelMode, Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Detail, Status, WriteStatus } from "../../src/wasm/abi.ts";
import type { Codec } from "../../src/wasm/codec.ts";
import { buildNames, fromHex, hex, openCodec, visited, written } from "../support/codec.ts";
import { serializers } from "../support/messages.ts";

const codec = openCodec();
const id = 2 ** 53 - 1;

function visit(on: Codec, serializer: Serializer, message: readonly unknown[]): void {
  const frame = encodeMessage(serializer, message);
  assert.equal(on.visit(serializer, frame, 0, 0), Status.ok, on.violation());
}

const read = (serializer: Serializer, length: number, from = codec): unknown[] =>
  decodeMessage(serializer, written(from, length));

/** Payloads as a client sends them, and as they must go on. */
const payloads: readonly (readonly [sent: readonly unknown[], forwarded: readonly unknown[]])[] = [
  [[], []],
  [[[]], []],
  [[[], {}], []],
  [[["a", 1, -1, 1.5, true, null, [], {}]], [["a", 1, -1, 1.5, true, null, [], {}]]],
  [
    [["é"], { a: { b: [1] } }],
    [["é"], { a: { b: [1] } }],
  ],
  [
    [[], { a: 1 }],
    [[], { a: 1 }],
  ],
  [
    [null, { a: 1 }],
    [[], { a: 1 }],
  ],
  [[null, null], []],
  [[[1], {}], [[1]]],
  [[[1], null], [[1]]],
  [[[Uint8Array.of(0, 255)]], [[Uint8Array.of(0, 255)]]],
];

for (const build of buildNames) {
  test(`payloads go on unchanged between all serializers, with nothing empty behind, in the ${build} build`, () => {
    const built = openCodec(build);
    for (const from of serializers) {
      for (const to of serializers) {
        for (const [sent, forwarded] of payloads) {
          visit(built, from, [Message.publish, 1, {}, "com.example", ...sent]);
          assert.deepEqual(read(to, built.writeEvent(to, 5, id, 0), built), [36, 5, id, {}, ...forwarded]);
          visit(built, from, [Message.call, 1, {}, "com.example", ...sent]);
          assert.deepEqual(read(to, built.writeInvocation(to, 6, 7, 0), built), [68, 6, 7, {}, ...forwarded]);
          visit(built, from, [Message.yield, 1, {}, ...sent]);
          assert.deepEqual(read(to, built.writeResult(to, 8, 0), built), [50, 8, {}, ...forwarded]);
          visit(built, from, [Message.error, 68, 1, { x: 1 }, "com.error", ...sent]);
          assert.deepEqual(read(to, built.writeError(to, 48, 9), built), [
            8,
            48,
            9,
            {},
            "com.error",
            ...forwarded,
          ]);
          assert.deepEqual(read(to, built.writeError(to, 48, 9, false), built), [8, 48, 9, {}, "com.error"]);
        }
      }
    }
  });
}

test("with the same serializer the payload's bytes go on as they came", () => {
  const odd = '[16,1,{},"a.b",[ 1.0 , "\\u0061" ] , {"k" :1e2}]';
  assert.equal(codec.visit(Serializer.json, new TextEncoder().encode(odd), 0, 0), Status.ok);
  const event = new TextDecoder().decode(written(codec, codec.writeEvent(Serializer.json, 2, 3, 0)));
  assert.equal(event, '[36,2,3,{},[ 1.0 , "\\u0061" ],{"k" :1e2}]');
  assert.equal(
    codec.visit(Serializer.msgpack, fromHex("95 10 01 80 a3612e62 dc0001 d90161"), 0, 0),
    Status.ok,
  );
  assert.equal(hex(written(codec, codec.writeEvent(Serializer.msgpack, 2, 3, 0))), "9524020380dc0001d90161");
  assert.equal(codec.visit(Serializer.cbor, fromHex("85 10 01 a0 63612e62 9f7f6161ffff"), 0, 0), Status.ok);
  assert.equal(hex(written(codec, codec.writeEvent(Serializer.cbor, 2, 3, 0))), "8518240203a09f7f6161ffff");
});

test("the payload of one visit can be written again and again, for any serializer in any order", () => {
  const message = [Message.publish, 1, {}, "com.example", ["x".repeat(300), '\u0001"\\'], { a: [1.5] }];
  for (const from of serializers) {
    visit(codec, from, message);
    for (const to of [...serializers, ...serializers.toReversed(), ...serializers])
      assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, 0)), [36, 1, 2, {}, ...message.slice(4)]);
    visit(codec, from, [Message.publish, 1, {}, "com.example", ["another"]]);
    for (const to of serializers)
      assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, 0)), [36, 1, 2, {}, ["another"]]);
    visit(codec, from, [Message.publish, 1, {}, "com.example"]);
    for (const to of serializers) assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, 0)), [36, 1, 2, {}]);
  }
});

test("an opaque payload stays one element, and what the options say about it goes on as details", () => {
  const payload = Uint8Array.of(1, 2, 250);
  const about = { enc_algo: "cryptobox", enc_key: "k\u00e9y", enc_serializer: "json" };
  const passthru = {
    ppt_scheme: "x_mine",
    ppt_serializer: "cbor",
    ppt_cipher: "xsalsa20poly1305",
    ppt_keyid: "7",
  };
  for (const options of [about, passthru, { enc_algo: "mqtt" }, { ppt_scheme: "wamp" }]) {
    for (const from of serializers) {
      visit(codec, from, [Message.publish, 1, { acknowledge: true, ...options }, "com.example", payload]);
      for (const to of serializers) {
        assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, 0)), [36, 1, 2, options, payload]);
        const named = { ...options, topic: "com.example" };
        assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, Detail.uri)), [36, 1, 2, named, payload]);
      }
      visit(codec, from, [Message.call, 1, options, "com.example", [payload]]);
      for (const to of serializers)
        assert.deepEqual(read(to, codec.writeInvocation(to, 1, 2, 0)), [68, 1, 2, options, [payload]]);
      visit(codec, from, [Message.yield, 1, options, payload]);
      for (const to of serializers)
        assert.deepEqual(read(to, codec.writeResult(to, 1, 0)), [50, 1, options, payload]);
      visit(codec, from, [Message.error, 68, 1, options, "com.error", payload]);
      for (const to of serializers) {
        assert.deepEqual(read(to, codec.writeError(to, 48, 1)), [8, 48, 1, options, "com.error", payload]);
        assert.deepEqual(read(to, codec.writeError(to, 48, 1, false)), [8, 48, 1, {}, "com.error"]);
      }
    }
  }
  visit(codec, Serializer.json, [Message.publish, 1, { enc_key: "k", ppt_cipher: "c" }, "com.example", [1]]);
  assert.deepEqual(read(Serializer.json, codec.writeEvent(Serializer.json, 1, 2, 0)), [36, 1, 2, {}, [1]]);
});

test("details are written under the names of the message they are in", () => {
  codec.putIdentity(id, "jöe", 'ro"le');
  codec.putTimeout(30_000);
  const cases: readonly (readonly [details: number, event: object, invocation: object])[] = [
    [Detail.uri, { topic: "com.exämple" }, { procedure: "com.exämple" }],
    [Detail.progress, { progress: true }, { progress: true }],
    [Detail.receiveProgress, { receive_progress: true }, { receive_progress: true }],
    [Detail.timeout, { timeout: 30_000 }, { timeout: 30_000 }],
    [
      Detail.disclose,
      { publisher: id, publisher_authid: "jöe", publisher_authrole: 'ro"le' },
      { caller: id, caller_authid: "jöe", caller_authrole: 'ro"le' },
    ],
  ];
  for (let chosen = 0; chosen < 1 << cases.length; ++chosen) {
    const picked = cases.filter((_, i) => (chosen & (1 << i)) !== 0);
    const bits = picked.reduce((sum, [details]) => sum | details, 0);
    const event = Object.assign({}, ...picked.map(([, details]) => details));
    const invocation = Object.assign({}, ...picked.map(([, , details]) => details));
    for (const to of serializers) {
      visit(codec, Serializer.msgpack, [Message.call, 1, {}, "com.exämple", [1]]);
      assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, bits)), [36, 1, 2, event, [1]]);
      assert.deepEqual(read(to, codec.writeInvocation(to, 1, 2, bits)), [68, 1, 2, invocation, [1]]);
    }
  }
  visit(codec, Serializer.json, [Message.yield, 1, {}, [1]]);
  for (const to of serializers)
    assert.deepEqual(read(to, codec.writeResult(to, 1, Detail.progress)), [50, 1, { progress: true }, [1]]);
});

test("a session without authid and authrole is disclosed by its id alone", () => {
  codec.putIdentity(5, "", "");
  visit(codec, Serializer.msgpack, [Message.publish, 1, {}, "com.example"]);
  for (const to of serializers)
    assert.deepEqual(read(to, codec.writeEvent(to, 1, 2, Detail.disclose)), [36, 1, 2, { publisher: 5 }]);
});

test("a URI put by the router takes the place of the message's own", () => {
  visit(codec, Serializer.msgpack, [Message.error, 68, 1, {}, "not a uri", [1]]);
  codec.putUri("wamp.error.invalid_uri");
  for (const to of serializers)
    assert.deepEqual(read(to, codec.writeError(to, 48, 2)), [8, 48, 2, {}, "wamp.error.invalid_uri", [1]]);
  assert.throws(() => codec.putUri("x".repeat(4_000)), /fits its place/);
  assert.throws(() => codec.putIdentity(1, "x".repeat(3_000), ""), /fits its place/);
});

test("acknowledgements carry their ids in the shortest form", () => {
  const sizes: readonly (readonly [value: number, msgpack: string, cbor: string])[] = [
    [1, "01", "01"],
    [23, "17", "17"],
    [24, "18", "1818"],
    [127, "7f", "187f"],
    [128, "cc80", "1880"],
    [255, "ccff", "18ff"],
    [256, "cd0100", "190100"],
    [65_535, "cdffff", "19ffff"],
    [65_536, "ce00010000", "1a00010000"],
    [2 ** 32 - 1, "ceffffffff", "1affffffff"],
    [2 ** 32, "cf0000000100000000", "1b0000000100000000"],
    [2 ** 53, "cf0020000000000000", "1b0020000000000000"],
  ];
  for (const type of [Message.subscribed, Message.registered, Message.published]) {
    for (const [value, msgpack, cbor] of sizes) {
      const head = {
        msgpack: `93${type.toString(16)}`,
        cbor: `83${type < 24 ? "" : "18"}${type.toString(16)}`,
      };
      assert.equal(
        hex(written(codec, codec.writeAck(Serializer.msgpack, type, value, value))),
        head.msgpack + msgpack + msgpack,
      );
      assert.equal(
        hex(written(codec, codec.writeAck(Serializer.cbor, type, value, value))),
        head.cbor + cbor + cbor,
      );
      assert.deepEqual(read(Serializer.json, codec.writeAck(Serializer.json, type, value, value)), [
        type,
        value,
        value,
      ]);
    }
  }
  for (const type of [Message.unsubscribed, Message.unregistered]) {
    for (const to of serializers) assert.deepEqual(read(to, codec.writeAck(to, type, 300, -1)), [type, 300]);
  }
});

test("an INTERRUPT names its mode, or none", () => {
  for (const to of serializers) {
    for (const [name, mode] of Object.entries(CancelMode)) {
      const options = mode === CancelMode.none ? {} : { mode: name };
      assert.deepEqual(read(to, codec.writeInterrupt(to, id, mode)), [69, id, options]);
    }
  }
});

test("what a serializer cannot say is refused as unrepresentable, and the other serializers still get it", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    visit(codec, Serializer.msgpack, [Message.publish, 1, {}, "com.example", [value]]);
    assert.equal(codec.writeEvent(Serializer.json, 1, 2, 0), 0);
    assert.equal(codec.writeStatus, WriteStatus.unrepresentable);
    assert.deepEqual(read(Serializer.cbor, codec.writeEvent(Serializer.cbor, 1, 2, 0)), [
      36,
      1,
      2,
      {},
      [value],
    ]);
    assert.equal(codec.writeStatus, WriteStatus.none);
    assert.equal(codec.writeEvent(Serializer.json, 1, 2, 0), 0, "asked again, it is refused again");
    assert.equal(codec.writeStatus, WriteStatus.unrepresentable);
  }
});

test("a payload that grows beyond twice the largest frame is refused as too large", () => {
  const small = openCodec("release", 1_024);
  visit(small, Serializer.msgpack, [Message.publish, 1, {}, "com.example", ["\u0001".repeat(900)]]);
  assert.equal(
    small.writeEvent(Serializer.json, 1, 2, 0),
    0,
    "every control character takes six bytes in JSON",
  );
  assert.equal(small.writeStatus, WriteStatus.tooLarge);
  const length = small.writeEvent(Serializer.cbor, 1, 2, 0);
  assert.deepEqual(read(Serializer.cbor, length, small)[4], ["\u0001".repeat(900)]);
});

test("heads at their longest fit around the largest payload", () => {
  const small = openCodec("release", 4_096);
  const uri = "\u0001".repeat(1_024);
  const frame = encodeMessage(Serializer.json, [Message.publish, 1, {}, "a.b", ["x".repeat(4_000)]]);
  for (const to of serializers) {
    assert.equal(small.visit(Serializer.json, frame, 0, 0), Status.ok);
    small.putUri(uri);
    small.putIdentity(id, "\u0001".repeat(2_000), "\u0002".repeat(2_000));
    const message = read(to, small.writeEvent(to, id, id, Detail.uri | Detail.disclose), small);
    assert.equal((message[3] as { topic: string }).topic, uri);
  }
});

test("a kept frame stays where it is while others are written, until all are released", () => {
  const frames: { view: Uint8Array; copy: Uint8Array }[] = [];
  let total = 0;
  for (let i = 0; ; i++) {
    visit(codec, Serializer.msgpack, [Message.publish, 1, {}, "com.example", ["x".repeat(i % 300)]]);
    const length = codec.writeEvent(serializers[i % 3]!, i + 1, 2, 0);
    const view = codec.outFrame(length);
    frames.push({ view, copy: view.slice() });
    const address = codec.keep(length);
    if (address === 0) break;
    assert.deepEqual(codec.span(address, length), view);
    total += length;
  }
  assert.ok(total <= 1 << 20 && total > (1 << 20) - 400, `${total} bytes were kept`);
  for (const { view, copy } of frames) assert.deepEqual(view, copy);
  codec.releaseKept();
  visit(codec, Serializer.msgpack, [Message.publish, 1, {}, "com.example", [1]]);
  const length = codec.writeEvent(Serializer.msgpack, 1, 2, 0);
  assert.equal(codec.outFrame(length).byteOffset, frames[0]!.view.byteOffset);
});

/** Ids at both ends of every length that MessagePack has for them. */
const edges = [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53];

for (const build of buildNames) {
  test(`payloads of any length go on behind the shortest head, and leave kept frames alone, in the ${build} build`, () => {
    const built = openCodec(build);
    const kept: { readonly address: number; readonly frame: Uint8Array }[] = [];
    const keeps = (length: number, expected: readonly unknown[]): void => {
      const frame = encodeMessage(Serializer.msgpack, expected);
      assert.equal(hex(written(built, length)), hex(frame));
      kept.push({ address: built.keep(length), frame });
    };
    for (let bytes = 0; bytes < 600; bytes += bytes < 300 ? 1 : 37) {
      const payload: unknown[] = bytes % 5 === 4 ? [] : [[new Uint8Array(bytes).fill(bytes)]];
      if (bytes % 3 === 0 && payload.length > 0) payload.push({ k: bytes });
      const first = edges[bytes % 10]!;
      const second = edges[(bytes * 7 + 3) % 10]!;
      visit(built, Serializer.msgpack, [Message.publish, 1, {}, "a.b", ...payload]);
      keeps(built.writeEvent(Serializer.msgpack, first, second, 0), [36, first, second, {}, ...payload]);
      visit(built, Serializer.msgpack, [Message.call, 1, {}, "a.b", ...payload]);
      keeps(built.writeInvocation(Serializer.msgpack, first, second, 0), [68, first, second, {}, ...payload]);
      visit(built, Serializer.msgpack, [Message.yield, 1, {}, ...payload]);
      keeps(built.writeResult(Serializer.msgpack, first, 0), [50, first, {}, ...payload]);
      keeps(built.writeAck(Serializer.msgpack, 17, first, second), [17, first, second]);
      keeps(built.writeAck(Serializer.msgpack, 35, first, -1), [35, first]);
    }
    for (const { address, frame } of kept) assert.equal(hex(built.span(address, frame.length)), hex(frame));
  });
}

test("an unknown serializer is refused, not trapped on", () => {
  visit(codec, Serializer.msgpack, [Message.publish, 1, {}, "com.example", [1]]);
  for (const format of [0, 4]) assert.equal(codec.core.exports.writeEvent(format, 1, 2, 0), 0);
  assert.deepEqual(visited(codec).uri, "com.example");
});
