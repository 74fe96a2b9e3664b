/** Message layouts: what a visit accepts, what it refuses, and what it reports. Everything holds in all three serializers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Slot, Visit } from "../../src/wasm/abi.ts";
import { fromHex, openCodec, verdict, visited } from "../support/codec.ts";
import {
  codes,
  decodeSpan,
  type Element,
  layouts,
  type MessageName,
  messageNames,
  serializers,
} from "../support/messages.ts";

const codec = openCodec();

/** A value of the right type for each element. */
const good: Readonly<Record<Element, unknown>> = {
  request: 7,
  id: 8,
  id2: 9,
  requestType: 48,
  dict: {},
  uri: "com.example.topic",
  text: "ticket",
  args: [1],
  kwargs: { a: 1 },
};
const optional: readonly Element[] = ["args", "kwargs"];
const ids: readonly Element[] = ["request", "id", "id2"];

const message = (name: MessageName, replaced: Partial<Record<Element, unknown>> = {}): unknown[] => [
  codes[name],
  ...layouts[name].map((element) => (element in replaced ? replaced[element] : good[element])),
];

/** The verdict that all serializers must share. */
function judge(frame: readonly unknown[], flags = 0): string {
  const verdicts = serializers.map((serializer) =>
    verdict(codec, serializer, encodeMessage(serializer, frame), flags),
  );
  assert.equal(new Set(verdicts).size, 1, `${JSON.stringify(frame)}: ${verdicts}`);
  return verdicts[0]!;
}

test("each message is read with and without its optional elements, and its parts are reported", () => {
  for (const name of messageNames) {
    const full = message(name);
    const elements = layouts[name];
    const shortest = full.length - elements.filter((element) => optional.includes(element)).length;
    for (let length = shortest; length <= full.length; ++length) {
      for (const serializer of serializers) {
        assert.equal(
          verdict(codec, serializer, encodeMessage(serializer, full.slice(0, length)), Visit.strict),
          "ok",
          name,
        );
        const found = visited(codec);
        assert.equal(found.type, codes[name]);
        assert.equal(found.uri, elements.includes("uri") ? good.uri : "");
        for (const id of ["request", "id", "id2"] as const)
          assert.equal(found[id], elements.includes(id) ? good[id] : 0, `${name} ${id}`);
        assert.equal(codec.u(Slot.requestType), elements.includes("requestType") ? 48 : 0);
        for (const [element, raw] of [
          ["dict", found.options],
          ["args", found.args],
          ["kwargs", found.kwargs],
        ] as const) {
          const isThere = elements.slice(0, length - 1).includes(element);
          assert.deepEqual(
            raw && decodeSpan(serializer, raw),
            isThere ? good[element] : null,
            `${name} ${element}`,
          );
        }
      }
    }
    assert.equal(judge(full.slice(0, shortest - 1)), shortest === 1 ? "type" : "elementCount", name);
  }
});

test("a message with an element too many is refused", () => {
  for (const name of messageNames) {
    const extra = [...message(name), {}];
    const tolerated: readonly MessageName[] = ["unsubscribe", "unregister", "unsubscribed", "unregistered"];
    assert.equal(judge(extra), tolerated.includes(name) ? "ok" : "elementCount", name);
    assert.equal(judge([...extra, {}]), "elementCount", name);
  }
});

test("options behind UNSUBSCRIBE and UNREGISTER are tolerated unless the realm is strict", () => {
  for (const name of ["unsubscribe", "unregister"] as const) {
    assert.equal(judge([...message(name), { forward_for: [] }], Visit.strict), "elementCount");
    assert.equal(judge([...message(name), []]), "elementType");
  }
});

test("a revocation names request 0 and carries details", () => {
  assert.equal(judge([35, 0, { subscription: 5 }], Visit.strict), "ok");
  assert.equal(judge([67, 0, { registration: 5, reason: "wamp.close.normal" }], Visit.strict), "ok");
  assert.equal(judge([35, 0, "reason"]), "elementType");
});

test("an element of the wrong type is refused wherever it stands", () => {
  const samples: readonly unknown[] = [true, "text", [], {}, 5, 1.5, null];
  const right: Readonly<Record<Element, (value: unknown) => boolean>> = {
    request: (value) => value === 5,
    id: (value) => value === 5,
    id2: (value) => value === 5,
    requestType: (value) => value === 5,
    dict: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    uri: (value) => typeof value === "string",
    text: (value) => typeof value === "string",
    args: (value) => Array.isArray(value) || value === null,
    kwargs: (value) => typeof value === "object" && !Array.isArray(value),
  };
  for (const name of messageNames) {
    for (const element of layouts[name]) {
      for (const sample of samples) {
        const wrong =
          sample === 1.5 && (ids.includes(element) || element === "requestType") ? "idRange" : "elementType";
        // The realm of a HELLO that resumes a session.
        const mayBeNull = name === "hello" && element === "uri" && sample === null;
        const expected = mayBeNull || right[element](sample) ? "ok" : wrong;
        assert.equal(
          judge(message(name, { [element]: sample })),
          expected,
          `${name} ${element} ${JSON.stringify(sample)}`,
        );
      }
    }
  }
});

test("a null realm is for HELLO alone, and not for strict eyes", () => {
  assert.equal(judge([1, null, {}]), "ok");
  assert.equal(visited(codec).uri, "");
  assert.equal(judge([1, null, {}], Visit.strict), "elementType");
  assert.equal(judge([1, null]), "elementCount");
  assert.equal(judge([16, 1, {}, null]), "elementType");
});

test("ids are integers from 1 to 2^53", () => {
  for (const [value, expected] of [
    [1, "ok"],
    [2 ** 53, "ok"],
    [2 ** 53 + 2, "idRange"],
    [0, "idRange"],
    [-1, "idRange"],
    [0.5, "idRange"],
  ] as const) {
    for (const name of messageNames) {
      for (const element of layouts[name].filter((candidate) => ids.includes(candidate))) {
        // Only the answer to request 0 is lawful, as a revocation.
        const lawful = value === 0 && (name === "unsubscribed" || name === "unregistered");
        assert.equal(
          judge(message(name, { [element]: value })),
          lawful ? "ok" : expected,
          `${name} ${element} ${value}`,
        );
      }
    }
  }
});

test("the first element is a known message code", () => {
  for (const code of [
    0,
    7,
    9,
    18,
    71,
    256,
    336,
    338,
    1023,
    1024,
    65_536 + 16,
    2 ** 32 + 16,
    -16,
    16.5,
    "16",
    null,
    [16],
    {},
    true,
  ])
    assert.equal(judge([code, 1, {}, "com.example"]), "type", JSON.stringify(code));
});

test("what is not one whole array is refused", () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  for (const value of ["{}", "16", '"a"', "null", "", " "])
    assert.equal(verdict(codec, Serializer.json, text(value)), "notArray", value);
  for (const value of ["80", "10", "a161", "c0", ""])
    assert.equal(verdict(codec, Serializer.msgpack, fromHex(value)), "notArray", value);
  for (const value of ["a0", "10", "6161", "f6", "", "c180"])
    assert.equal(verdict(codec, Serializer.cbor, fromHex(value)), "notArray", value);
  assert.equal(judge([]), "elementCount");
  for (const serializer of serializers) {
    const frame = encodeMessage(serializer, message("publish"));
    assert.equal(verdict(codec, serializer, Uint8Array.from([...frame, 0x30])), "trailing");
    for (let length = 1; length < frame.length; ++length)
      assert.notEqual(verdict(codec, serializer, frame.slice(0, length)), "ok", `cut to ${length} bytes`);
  }
  assert.equal(
    verdict(codec, Serializer.json, text(" \t\r\n[34 , 1 ,\n2 ] ")),
    "ok",
    "white space around JSON is no content",
  );
});

test("values nest 64 deep, the message itself included", () => {
  const nested = (depth: number): unknown =>
    depth === 0 ? 1 : depth % 2 === 0 ? { a: nested(depth - 1) } : [nested(depth - 1)];
  assert.equal(judge(message("publish", { args: [nested(62)] })), "ok");
  assert.equal(judge(message("publish", { args: [nested(63)] })), "depth");
  assert.equal(judge(message("publish", { kwargs: { a: nested(62) } })), "ok");
  assert.equal(judge(message("publish", { kwargs: { a: nested(63) } })), "depth");
  assert.equal(judge(message("publish", { dict: { _x: nested(62) } })), "ok");
  assert.equal(judge(message("publish", { dict: { _x: nested(63) } })), "depth");
});

test("text must be UTF-8 everywhere", () => {
  const marks: readonly Element[] = ["dict", "uri", "args", "kwargs"];
  for (const serializer of serializers) {
    for (const element of marks) {
      const wrapped = {
        dict: { _key: "<MARK>" },
        uri: "com.<MARK>",
        args: ["<MARK>"],
        kwargs: { "<MARK>": 1 },
      };
      const frame = encodeMessage(serializer, message("publish", { [element]: wrapped[element as "dict"] }));
      const at = Buffer.from(frame).indexOf("<MARK>");
      for (const bad of ["80", "c0af", "eda080", "f4908080", "e282", "ff"]) {
        const broken = frame.slice();
        broken.set(fromHex(bad), at);
        assert.equal(verdict(codec, serializer, broken), "utf8", `${element} ${bad}`);
      }
    }
  }
});

test("null for arguments counts as absent, unless the realm is strict", () => {
  assert.equal(judge([16, 1, {}, "com.example", null], Visit.strict), "elementType");
  assert.equal(judge([16, 1, {}, "com.example", [], null], Visit.strict), "elementType");
  for (const serializer of serializers) {
    assert.equal(
      verdict(codec, serializer, encodeMessage(serializer, [16, 1, {}, "com.example", null, { a: 1 }])),
      "ok",
    );
    assert.equal(visited(codec).args, null);
    assert.deepEqual(decodeSpan(serializer, visited(codec).kwargs!), { a: 1 });
    assert.equal(
      verdict(codec, serializer, encodeMessage(serializer, [16, 1, {}, "com.example", [1], null])),
      "ok",
    );
    assert.deepEqual(decodeSpan(serializer, visited(codec).args!), [1]);
    assert.equal(visited(codec).kwargs, null);
  }
});

test("empty arguments count as absent", () => {
  for (const serializer of serializers) {
    for (const rest of [[[]], [[], {}], [null, {}]]) {
      assert.equal(verdict(codec, serializer, encodeMessage(serializer, [70, 1, {}, ...rest])), "ok");
      assert.deepEqual([visited(codec).args, visited(codec).kwargs], [null, null]);
    }
  }
  for (const empty of ["dc0000", "dd00000000"]) {
    assert.equal(verdict(codec, Serializer.msgpack, fromHex(`94 46 01 80 ${empty}`)), "ok", empty);
    assert.equal(visited(codec).args, null, empty);
  }
  assert.equal(verdict(codec, Serializer.json, new TextEncoder().encode("[70,1,{},[ \t ],{ }]")), "ok");
  assert.deepEqual([visited(codec).args, visited(codec).kwargs], [null, null]);
  for (const empty of ["80", "9800", "9b0000000000000000", "9fff"]) {
    assert.equal(verdict(codec, Serializer.cbor, fromHex(`84 1846 01 a0 ${empty}`)), "ok", empty);
    assert.equal(visited(codec).args, null, empty);
  }
});

test("the payload is one text or binary only where the options say that it is encrypted or passed through", () => {
  const binary = Uint8Array.of(1, 2, 3);
  for (const payload of ["opaque", binary]) {
    for (const dict of [{ enc_algo: "cryptobox" }, { ppt_scheme: "wamp", ppt_serializer: "cbor" }]) {
      for (const name of ["publish", "call", "yield", "result", "event", "invocation", "error"] as const) {
        const frame = message(name, { dict, args: payload }).slice(0, -1);
        for (const serializer of serializers) {
          assert.equal(
            verdict(codec, serializer, encodeMessage(serializer, frame), Visit.strict),
            "ok",
            name,
          );
          assert.deepEqual(decodeSpan(serializer, visited(codec).args!), payload);
        }
      }
    }
    assert.equal(judge([16, 1, {}, "com.example", payload]), "elementType");
  }
  assert.equal(judge([16, 1, { enc_algo: "cryptobox" }, "com.example", 5]), "elementType");
});

test("keyword arguments have text keys", () => {
  assert.equal(verdict(codec, Serializer.msgpack, fromHex("95 46 01 80 90 81 01 02")), "elementType");
  assert.equal(verdict(codec, Serializer.cbor, fromHex("85 1846 01 a0 80 a1 01 02")), "elementType");
  assert.equal(
    verdict(codec, Serializer.msgpack, fromHex("94 46 01 80 91 81 01 02")),
    "ok",
    "deeper maps are the peers' own affair",
  );
});

test("ids written as floats are read when they are integral", () => {
  assert.equal(verdict(codec, Serializer.json, new TextEncoder().encode("[34,1.0,2e3]")), "ok");
  assert.equal(visited(codec).id, 2000);
  assert.equal(verdict(codec, Serializer.msgpack, fromHex("93 22 cb3ff0000000000000 ca44fa0000")), "ok");
  assert.deepEqual([visited(codec).request, visited(codec).id], [1, 2000]);
  assert.equal(verdict(codec, Serializer.cbor, fromHex("83 1822 f93c00 fb409f400000000000")), "ok");
  assert.deepEqual([visited(codec).request, visited(codec).id], [1, 2000]);
});
