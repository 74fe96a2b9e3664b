/** Messages as bytes, elements and options: what is malformed and ends the session, and what is tolerated. */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import type { Suite } from "./router-suite.ts";

const violation = "wamp.error.protocol_violation";
const strict = { realms: [{ uri: "realm1", profile: "strict" as const }] };

export function messageSuite(suite: Suite): void {
  malformed(suite);
  options(suite);
}

/** Bytes that are no message, per serializer. */
const noMessage: Readonly<Record<Serializer, readonly (readonly number[])[]>> = {
  // {} · 5 · "a" · empty · array of 3 with 1 · map32 of 2^32-1 · never used · str8 of invalid UTF-8 in a message
  [Serializer.msgpack]: [
    [0x80],
    [5],
    [0xa1, 0x61],
    [0x93, 0x20],
    [0xdf, 255, 255, 255, 255],
    [0xc1],
    [0x94, 0x20, 1, 0x80, 0xa1, 0xff],
  ],
  [Serializer.cbor]: [
    [0xa0],
    [5],
    [0x61, 0x61],
    [0x83, 0x18],
    [0xbf, 0xff],
    [0xff],
    [0x84, 0x18, 0x20, 1, 0xa0, 0x61, 0xff],
  ],
  [Serializer.json]: ["{}", "5", '"a"', "[32", "[32,1,{},]", '[32,01,{},"a"]', "nul", "[32,1,{},'a']"].map(
    (text) => [...new TextEncoder().encode(text)],
  ),
};

function malformed(suite: Suite): void {
  suite.test(
    "[B-07] bytes that are not one message are answered by ABORT protocol_violation, before and in a session",
    async (world) => {
      for (const bytes of noMessage[world.leg.serializer]) {
        const wire = await world.join();
        wire.sendBytes(Uint8Array.from(bytes));
        await wire.expectAbort(violation);
        const fresh = await world.open();
        fresh.sendBytes(Uint8Array.from(bytes));
        await fresh.expectAbort(violation);
      }
    },
  );

  suite.test(
    "[B-07] a frame cut short, or with bytes behind the message, is answered by ABORT protocol_violation",
    async (world) => {
      const cut = await world.join();
      cut.sendBytes(cut.encode([Message.publish, 1, {}, "com.a", ["text"]]).slice(0, -1));
      await cut.expectAbort(violation);
      const trailing = await world.join();
      const whole = trailing.encode([Message.publish, 1, {}, "com.a"]);
      trailing.sendBytes(Uint8Array.from([...whole, ...whole]));
      await trailing.expectAbort(violation);
    },
  );

  suite.test("[B-07] wrong element counts and types: ABORT protocol_violation", async (world) => {
    const messages: readonly unknown[][] = [
      [],
      ["subscribe"],
      [null],
      [0],
      [7],
      [255],
      [1000],
      [32.5],
      [-32],
      [Message.subscribe],
      [Message.subscribe, 1, {}],
      [Message.subscribe, 1, {}, "com.a", "more"],
      [Message.subscribe, "1", {}, "com.a"],
      [Message.subscribe, 1, [], "com.a"],
      [Message.subscribe, 1, "exact", "com.a"],
      [Message.subscribe, 1, {}, 5],
      [Message.subscribe, 1, {}, null],
      [Message.publish, 1, {}, "com.a", {}],
      [Message.publish, 1, {}, "com.a", "text"],
      [Message.publish, 1, {}, "com.a", [], []],
      [Message.publish, 1, {}, "com.a", [], {}, 1],
      [Message.call, 1, {}],
      [Message.call, 1, {}, "com.a", 5],
      [Message.yield, 1],
      [Message.yield, {}, {}],
      [Message.error, Message.invocation, 1, {}],
      [Message.error, "68", 1, {}, "com.error"],
      [Message.cancel, 1],
      [Message.cancel, 1, null, 5],
      [Message.unsubscribe, 1],
      [Message.unregister, 1, "x"],
      [Message.goodbye, {}],
      [Message.goodbye, "x", "wamp.close.normal"],
      [Message.abort, {}],
      [Message.hello, "realm1"],
    ];
    for (const message of messages) {
      const wire = await world.join();
      wire.send(message);
      await wire.expectAbort(violation).catch((cause: unknown) => {
        throw new Error(`after ${JSON.stringify(message)}`, { cause });
      });
    }
  });

  suite.test(
    "[B-07] values nested deeper than the limit are answered by ABORT protocol_violation",
    async (world) => {
      const nested = (depth: number): unknown => {
        let value: unknown = 1;
        for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { k: value };
        return value;
      };
      const fine = await world.join();
      await fine.publish("com.a", {}, [nested(60)]);
      await fine.publish("com.a", { x_deep: nested(60) });
      for (const message of [
        [Message.publish, 1, {}, "com.a", [nested(70)]],
        [Message.publish, 1, {}, "com.a", [], { k: nested(100) }],
        [Message.publish, 1, { x_deep: nested(100) }, "com.a"],
        [Message.publish, 1, {}, "com.a", [nested(120)]],
      ]) {
        const wire = await world.join();
        wire.send(message);
        await wire.expectAbort(violation, /deep/);
      }
      await fine.expectQuiet();
    },
  );

  suite.test(
    "args and kwargs may be null, absent or empty, and options may follow UNSUBSCRIBE",
    async (world) => {
      const wire = await world.join();
      const subscription = await wire.subscribe("com.a");
      const mine = { exclude_me: false };
      for (const [sent, received] of [
        [[], []],
        [[[]], []],
        [[null], []],
        [[null, null], []],
        [[[], {}], []],
        [
          [null, { k: 1 }],
          [[], { k: 1 }],
        ],
        [
          [[], { k: 1 }],
          [[], { k: 1 }],
        ],
        [[[1], {}], [[1]]],
        [[[1], null], [[1]]],
      ] as const) {
        wire.send([Message.publish, wire.request(), mine, "com.a", ...sent]);
        const { payload } = await wire.event();
        assert.deepEqual(payload, received, `of ${JSON.stringify(sent)}`);
      }
      const request = wire.request();
      wire.send([Message.unsubscribe, request, subscription, { forward_for: [] }]);
      await wire.expect([Message.unsubscribed, request]);
    },
  );

  suite.testWith("[2.13 #15] a strict realm takes no null or further elements", strict, async (world) => {
    for (const message of [
      [Message.publish, 1, {}, "com.a", null],
      [Message.publish, 1, {}, "com.a", null, { k: 1 }],
      [Message.publish, 1, { acknowledge: null }, "com.a"],
      [Message.unsubscribe, 1, 5, {}],
    ]) {
      const wire = await world.join();
      wire.send(message);
      await wire.expectAbort(violation);
    }
  });
}

function options(suite: Suite): void {
  suite.test(
    "[B-07] [2.13 #12] an option of the wrong type or value: ABORT protocol_violation that names it",
    async (world) => {
      const publish = (given: object): unknown[] => [Message.publish, 1, given, "com.a"];
      const cases: readonly (readonly [string, unknown[]])[] = [
        ["acknowledge", publish({ acknowledge: 1 })],
        ["exclude_me", publish({ exclude_me: "true" })],
        ["disclose_me", publish({ disclose_me: 0 })],
        ["exclude", publish({ exclude: 5 })],
        ["exclude", publish({ exclude: ["hello"] })],
        ["exclude", publish({ exclude: [1.5] })],
        ["eligible", publish({ eligible: {} })],
        ["eligible", publish({ eligible: [null] })],
        ["exclude_authid", publish({ exclude_authid: [1] })],
        ["eligible_authid", publish({ eligible_authid: "bob" })],
        ["exclude_authrole", publish({ exclude_authrole: [[]] })],
        ["eligible_authrole", publish({ eligible_authrole: [true] })],
        ["match", [Message.subscribe, 1, { match: "glob" }, "com.a"]],
        ["match", [Message.subscribe, 1, { match: 1 }, "com.a"]],
        ["match", [Message.register, 1, { match: "" }, "com.a"]],
        ["invoke", [Message.register, 1, { invoke: "some" }, "com.a"]],
        ["invoke", [Message.register, 1, { invoke: 1 }, "com.a"]],
        ["disclose_caller", [Message.register, 1, { disclose_caller: "yes" }, "com.a"]],
        ["receive_progress", [Message.call, 1, { receive_progress: 1 }, "com.a"]],
        ["timeout", [Message.call, 1, { timeout: "soon" }, "com.a"]],
        ["timeout", [Message.call, 1, { timeout: -1 }, "com.a"]],
        ["progress", [Message.yield, 1, { progress: 1 }]],
        ["mode", [Message.cancel, 1, { mode: 5 }]],
      ];
      for (const [name, message] of cases) {
        const wire = await world.join();
        wire.send(message);
        await wire.expectAbort(violation, new RegExp(`"${name}"`)).catch((cause: unknown) => {
          throw new Error(`after ${JSON.stringify(message)}`, { cause });
        });
      }
    },
  );

  suite.test("[2.13 #15] unknown options are ignored, null stands for an absent one", async (world) => {
    const wire = await world.join();
    const odd = { x_own: [1, { a: null }], _custom: "x", wizardry: true };
    await wire.subscribe("com.a", { ...odd, match: null });
    await wire.register("com.proc", { ...odd, invoke: null, disclose_caller: null });
    await wire.publish("com.a", {
      ...odd,
      exclude: null,
      eligible: null,
      exclude_me: null,
      disclose_me: null,
    });
    wire.call("com.proc", { ...odd, timeout: null, receive_progress: null });
    const { request } = await wire.invocation();
    wire.yield(request, { ...odd, progress: null }, [1]);
    assert.deepEqual((await wire.next()).slice(2), [{}, [1]]);
  });
}
