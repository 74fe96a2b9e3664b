/** What only a hostile or broken client sends: frames with bytes changed at random, odd encodings where the router reads values. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite } from "./router-suite.ts";
import type { Wire } from "./wire.ts";

const roles = { caller: {}, callee: {}, publisher: {}, subscriber: {} };

/** A small generator of numbers below `n`, the same for the same seed. */
function randomFrom(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** Valid messages of every kind that a client sends. */
const messages: readonly unknown[][] = [
  [Message.hello, "realm1", { roles, authmethods: ["anonymous"], authid: "me" }],
  [Message.subscribe, 1, { match: "wildcard" }, "com..a"],
  [
    Message.publish,
    2,
    { acknowledge: true, exclude: [1, 2 ** 40], eligible_authrole: ["a"], exclude_me: false },
    "com.a.a",
    [1.5, "ü"],
  ],
  [Message.publish, 3, {}, "com.a", [[{ k: null }], new Uint8Array(3)], { kw: 2n ** 60n }],
  [Message.unsubscribe, 4, 268_435_456],
  [Message.register, 5, { invoke: "roundrobin", match: "prefix", disclose_caller: true }, "com."],
  [Message.call, 6, { receive_progress: true, timeout: 5, disclose_me: true }, "com.proc", ["x"], { y: 1 }],
  [Message.yield, 1, { progress: true }, [1]],
  [Message.error, Message.invocation, 1, {}, "com.error", ["why"]],
  [Message.cancel, 6, { mode: "kill" }],
  [Message.unregister, 7, 1],
  [Message.goodbye, { message: "m" }, "wamp.close.normal"],
  [Message.abort, {}, "wamp.close.normal"],
];

export function hostileSuite(suite: Suite): void {
  suite.test(
    "[B-07] frames with bytes changed at random end their own session at most, and never the router's calm",
    async (world) => {
      const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
      const random = randomFrom(seed);
      const witness = await world.join();
      await witness.register("com.witness");
      const frames = messages.map((message) => witness.encode(message));
      for (let round = 0; round < 60; round++) {
        const wire = await world.join();
        for (let n = 0; n < 20; n++) {
          const frame = frames[random(frames.length)]!.slice(0, random(8) === 0 ? 1 + random(20) : undefined);
          for (let changes = random(3); changes > 0; changes--) frame[random(frame.length)] = random(256);
          // In JSON a changed byte is seldom valid UTF-8, which a WebSocket in text mode could not even send.
          if (wire.serializer === Serializer.json) for (let i = 0; i < frame.length; i++) frame[i]! &= 0x7f;
          wire.sendBytes(frame);
        }
        const call = witness.call("com.witness", {}, [round]);
        const { request, payload } = await invocationOf(witness, `seed ${seed}, round ${round}`);
        assert.deepEqual(payload, [[round]]);
        witness.yield(request);
        await witness.expect([Message.result, call, {}]);
        wire.close();
      }
    },
  );

  suite.test(
    "[P-01] odd but valid encodings in HELLO and in the lists of PUBLISH are read like ordinary ones",
    async (world) => {
      const [publisher, subscriber] = [await world.open(), await world.join()];
      await subscriber.subscribe("com.a");
      publisher.sendBytes(oddHello(publisher));
      assert.equal((await publisher.next())[0], Message.welcome);
      for (const list of oddLists(publisher)) {
        publisher.sendBytes(list);
        assert.deepEqual((await publisher.next()).slice(0, 2), [Message.published, 1]);
      }
      // The subscriber is in none of the eligible lists.
      await subscriber.expectQuiet();
    },
  );
}

/** INVOCATION, past what the changed frames may have sent to a wide registration or subscription. */
async function invocationOf(wire: Wire, where: string): Promise<{ request: number; payload: unknown[] }> {
  const [type, request, , , ...payload] = await wire.next();
  assert.equal(type, Message.invocation, where);
  return { request: request as number, payload };
}

const bytes = (...parts: (readonly number[] | Uint8Array | number | string)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number"
        ? [part]
        : typeof part === "string"
          ? [...new TextEncoder().encode(part)]
          : [...part],
    ),
  );

/** HELLO with details that no known key is about: extensions, tags, keys that are no text, not-a-number, duplicates. */
function oddHello(wire: Wire): Uint8Array {
  const given = { roles };
  const details = wire.encode([given]).slice(1);
  const entries = details.slice(1);
  switch (wire.serializer) {
    case Serializer.json:
      return bytes(
        '[1.0, "\\u0072ealm1", {"x":1,"x":[NUMBER],"\\u0000!":"\\u0000AA","roles":{"caller":{}}} ]'.replace(
          "NUMBER",
          "-0.0e5",
        ),
      );
    case Serializer.msgpack:
      // {ext, 5: nil, nan, a timestamp …}
      return bytes(
        0x93,
        1,
        0xa6,
        "realm1",
        0x84,
        0xa1,
        "e",
        0xd4,
        7,
        9,
        0xa1,
        "f",
        0xcb,
        0x7f,
        0xf8,
        [0, 0, 0, 0, 0, 0],
        0xa1,
        "t",
        0xd6,
        0xff,
        [0, 0, 0, 1],
        entries,
      );
    case Serializer.cbor:
      // Indefinite containers, a tag, undefined, a half float, a text in chunks.
      return bytes(
        0x9f,
        1,
        0x7f,
        0x65,
        "realm",
        0x61,
        "1",
        0xff,
        0xbf,
        0x61,
        "t",
        0xc1,
        5,
        0x61,
        "u",
        0xf7,
        0x61,
        "h",
        0xf9,
        0x7e,
        0,
        entries,
        0xff,
        0xff,
      );
  }
}

/** PUBLISH with request 1, acknowledge, and an eligible list in an unusual form. */
function oddLists(wire: Wire): Uint8Array[] {
  switch (wire.serializer) {
    case Serializer.json:
      return [
        '"eligible":[ 1e3 ,7.0,9007199254740992 ]',
        '"eligible_authid":["\\u0061\\ud83d\\ude00","\\u0000AA==",""]',
      ].map((list) => bytes(`[16,1,{"acknowledge":true, ${list} },"com.\\u0061"]`));
    case Serializer.msgpack: {
      const head = [0x94, 16, 1, 0x82, 0xab];
      const topic = bytes(0xa5, "com.a");
      return [
        bytes(
          head,
          "acknowledge",
          0xc3,
          0xa8,
          "eligible",
          0xdd,
          [0, 0, 0, 2],
          0xcb,
          0x40,
          0x5e,
          0xc0,
          [0, 0, 0, 0, 0],
          0xd3,
          [0, 0, 0, 0, 0, 0, 0, 5],
          topic,
        ),
        bytes(head, "acknowledge", 0xc3, 0xaf, "eligible_authid", 0xdc, [0, 1], 0xda, [0, 1], "a", topic),
      ];
    }
    case Serializer.cbor: {
      const topic = bytes(0x65, "com.a");
      return [
        bytes(
          0x9f,
          16,
          1,
          0xbf,
          0x6b,
          "acknowledge",
          0xf5,
          0x68,
          "eligible",
          0x9f,
          0xf9,
          0x3c,
          0,
          0x1b,
          [0, 0, 0, 0, 0, 0, 0, 5],
          0xff,
          0xff,
          topic,
          0xff,
        ),
        bytes(
          0x84,
          16,
          1,
          0xa2,
          0x6b,
          "acknowledge",
          0xf5,
          0x6f,
          "eligible_authid",
          0x82,
          0x7f,
          0x61,
          "a",
          0x61,
          "b",
          0xff,
          0x60,
          topic,
        ),
      ];
    }
  }
}
