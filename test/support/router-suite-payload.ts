/** Payloads: untouched within one serializer, the same values across serializers, and what cannot be said is told to the sender. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";
import { otherSerializers, type Suite } from "./router-suite.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Values that all three serializers can say, as the decoders give them. */
const values: readonly unknown[] = [
  null,
  true,
  [false, [], {}, ""],
  [0, -1, 23, 24, 127, 128, -128, -129, 255, 256, 65_535, 65_536, -32_769],
  [2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, 2 ** 53, -(2 ** 53)],
  [2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n],
  [0.1, -1.5, 1e300, 5e-324, 1 / 3, 1e21, -2.5e-8],
  ["ü", "\u{1f600}", '"\\/\b\f\n\r\t', "\u007f\u0080\u2028", "x".repeat(300), "\u0001"],
  [bytes(), bytes(0), bytes(0, 255, 128, 7), new Uint8Array(1_000).fill(170)],
  { a: { "": [null], "ü b": { c: 1 } }, "0": 5 },
  Array.from({ length: 70_000 }, (_, i) => i % 200),
];

export function payloadSuite(suite: Suite): void {
  untouched(suite);
  transcoded(suite);
  refused(suite);
}

function untouched(suite: Suite): void {
  suite.test("[B-12 B-13] a payload between equal serializers goes through bytewise", async (world) => {
    const [sender, receiver] = [await world.join(), await world.join()];
    await receiver.subscribe("com.a");
    await receiver.register("com.proc");
    // Odd but valid encodings: they must come out as they went in.
    const text = new TextEncoder();
    const odd: Readonly<Record<Serializer, readonly Uint8Array[]>> = {
      // uint32 5 · str32 "a" · float64 1 · array16 of 1 · ext 5 · map32 of 0
      [Serializer.msgpack]: [
        bytes(0xce, 0, 0, 0, 5),
        bytes(0xdb, 0, 0, 0, 1, 0x61),
        bytes(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
        bytes(0xdc, 0, 1, 0xc0),
        bytes(0xd4, 5, 9),
        bytes(0xdf, 0, 0, 0, 0),
      ],
      // uint64 5 · "a" in chunks · half 1.0 · indefinite array · tag 0 "a" · undefined
      [Serializer.cbor]: [
        bytes(0x1b, 0, 0, 0, 0, 0, 0, 0, 5),
        bytes(0x7f, 0x61, 0x61, 0xff),
        bytes(0xf9, 0x3c, 0),
        bytes(0x9f, 1, 0xff),
        bytes(0xc0, 0x61, 0x61),
        bytes(0xf7),
      ],
      [Serializer.json]: [
        "1.0",
        "1e3",
        "-0",
        '"\\u0061\\/"',
        "[ 1 ,\n2 ]",
        "12345678901234567890123",
        '{"a":1,"a":2}',
      ].map((json) => text.encode(json)),
    };
    for (const value of odd[sender.serializer]) {
      const request = sender.request();
      for (const head of [
        [Message.publish, request, {}, "com.a"],
        [Message.call, request, {}, "com.proc"],
      ]) {
        const frame = withArgs(sender.serializer, sender.encode([...head, [7]]), value);
        sender.sendBytes(frame);
        const arrived = await receiver.nextBytes();
        assert.ok(contains(arrived, value), `${value.join(" ")} in ${arrived.join(" ")}`);
      }
    }
  });

  suite.test("[S-06] [2.13 #11] an opaque payload travels with what says how to read it", async (world) => {
    const [sender, receiver] = [await world.join(), await world.join()];
    await receiver.subscribe("com.a");
    await receiver.register("com.proc");
    const options = { enc_algo: "cryptobox", enc_serializer: "cbor" };
    await sender.publish("com.a", options, bytes(1, 2, 3));
    const event = await receiver.event();
    assert.deepEqual([event.details, event.payload], [options, [bytes(1, 2, 3)]]);
    const call = sender.call("com.proc", options, "text");
    const invocation = await receiver.invocation();
    assert.deepEqual([invocation.details, invocation.payload], [options, ["text"]]);
    receiver.yield(invocation.request, options, bytes(4));
    await sender.expect([Message.result, call, options, bytes(4)]);
  });
}

/** The frame with its last element, the list [7], replaced by a list of this encoded value. */
function withArgs(serializer: Serializer, frame: Uint8Array, value: Uint8Array): Uint8Array {
  if (serializer !== Serializer.json) return Uint8Array.from([...frame.slice(0, -1), ...value]);
  return Uint8Array.from([...frame.slice(0, -3), ...value, 0x5d, 0x5d]);
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = bytes.length - part.length; at >= 0; at--)
    if (part.every((byte, i) => bytes[at + i] === byte)) return true;
  return false;
}

function transcoded(suite: Suite): void {
  for (const other of otherSerializers(suite.leg.serializer)) {
    suite.test(`[B-12 B-13] values to ${serializerName(other)} and back`, async (world) => {
      const [here, there] = [await world.join(), await world.join({ serializer: other })];
      await there.subscribe("com.a");
      await there.register("com.proc");
      for (const value of values) {
        const kwargs = { key: value };
        await here.publish("com.a", {}, [value], kwargs);
        assert.deepEqual((await there.event()).payload, [[value], kwargs]);
        const call = here.call("com.proc", {}, [value, 1], kwargs);
        const { request, payload } = await there.invocation();
        assert.deepEqual(payload, [[value, 1], kwargs]);
        there.yield(request, {}, [value]);
        await here.expect([Message.result, call, {}, [value]]);
        const second = here.call("com.proc");
        there.send([
          Message.error,
          Message.invocation,
          (await there.invocation()).request,
          {},
          "com.error",
          [],
          kwargs,
        ]);
        await here.expect([Message.error, Message.call, second, {}, "com.error", [], kwargs]);
      }
    });
  }

  suite.test("[B-15 T-10 T-11 T-12] one event reaches subscribers of all serializers", async (world) => {
    const publisher = await world.join();
    const wires = await Promise.all(
      [...Object.values(Serializer), ...Object.values(Serializer)].map((serializer) =>
        world.join({ serializer }),
      ),
    );
    for (const wire of wires) await wire.subscribe("com", { match: "prefix" });
    for (let i = 0; i < 20; i++) {
      const payload = [[i, "ü", bytes(i, 255), 2n ** 60n + BigInt(i), i / 7 + 0.01], { k: [i] }];
      await publisher.publish("com.a", { disclose_me: true }, ...payload);
      for (const wire of wires) {
        const event = await wire.event();
        assert.deepEqual(event.payload, payload);
        assert.equal(event.details["topic"], "com.a");
        assert.equal(event.details["publisher"], publisher.id);
      }
    }
  });
}

function refused(suite: Suite): void {
  if (suite.leg.serializer === Serializer.json) return;
  const nan = [Number.NaN];

  suite.test(
    "arguments that the callee's serializer cannot say: ERROR invalid_payload, and no INVOCATION",
    async (world) => {
      const [caller, callee] = [await world.join(), await world.join({ serializer: Serializer.json })];
      await callee.register("com.proc");
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, [{ deep: Number.NEGATIVE_INFINITY }]]) {
        const call = caller.call("com.proc", {}, [value]);
        await caller.expectError(Message.call, call, "wamp.error.invalid_payload");
      }
      await callee.expectQuiet();
      // Nothing was counted: the next INVOCATION is the first.
      caller.call("com.proc", {}, [1]);
      assert.equal((await callee.invocation()).request, 1);
    },
  );

  suite.test(
    "a result that the caller's serializer cannot say: ERROR invalid_payload for the caller",
    async (world) => {
      const [caller, callee] = [await world.join({ serializer: Serializer.json }), await world.join()];
      await callee.register("com.proc");
      for (const answer of ["yield", "error", "progress"]) {
        const call = caller.call("com.proc", { receive_progress: true });
        const { request } = await callee.invocation();
        if (answer === "error")
          callee.send([Message.error, Message.invocation, request, {}, "com.error", nan]);
        else callee.yield(request, answer === "progress" ? { progress: true } : {}, nan);
        await caller.expectError(Message.call, call, "wamp.error.invalid_payload");
        if (answer === "progress") await callee.expect([Message.interrupt, request, { mode: "killnowait" }]);
        callee.yield(request, {}, ["late"]);
        await callee.expectQuiet();
      }
      await caller.expectQuiet();
    },
  );

  suite.test(
    "an event that a subscriber's serializer cannot say is kept from that one and counted",
    async (world) => {
      const [publisher, same, json] = [
        await world.join(),
        await world.join(),
        await world.join({ serializer: Serializer.json }),
      ];
      for (const wire of [same, json]) await wire.subscribe("com.a");
      await publisher.publish("com.a", {}, nan);
      assert.deepEqual((await same.event()).payload, [nan]);
      await json.expectQuiet();
      assert.equal(world.router.metrics.eventsDroppedPayload, 1);
      await publisher.publish("com.a", {}, [1]);
      assert.deepEqual((await json.event()).payload, [[1]]);
    },
  );
}
