/** Options and details: which keys each message knows, what their values must be, and what a visit reports of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { CancelMode, invokeNames, Match, RunMode } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { FSlot, Option, Slot, Visit } from "../../src/wasm/abi.ts";
import { fromHex, openCodec, verdict } from "../support/codec.ts";
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
const filler: Readonly<Record<Element, unknown>> = {
  request: 7,
  id: 8,
  id2: 9,
  requestType: 48,
  dict: {},
  uri: "com.example",
  text: "ticket",
  args: [1],
  kwargs: { a: 1 },
};

const withOptions = (name: MessageName, options: unknown): unknown[] => [
  codes[name],
  ...layouts[name].map((element) => (element === "dict" ? options : filler[element])),
];

function judge(name: MessageName, options: unknown, flags = 0): string {
  const frame = withOptions(name, options);
  const verdicts = serializers.map((serializer) =>
    verdict(codec, serializer, encodeMessage(serializer, frame), flags),
  );
  assert.equal(new Set(verdicts).size, 1, `${JSON.stringify(frame)}: ${verdicts}`);
  return verdicts[0]!;
}

/** What an option's value must be, with values that are and are not. */
interface Rule {
  readonly good: readonly unknown[];
  readonly badType: readonly unknown[];
  readonly badValue: readonly unknown[];
}
const bool: Rule = { good: [true, false], badType: [0, 1, "true", [], {}], badValue: [] };
const text: Rule = { good: ["", "abc", "é"], badType: [1, true, [], {}], badValue: [] };
const number: Rule = { good: [0, 1, 2 ** 53], badType: ["1", true, [], {}], badValue: [-1, 0.5, 2 ** 60] };
const idList: Rule = {
  good: [[], [1], [1, 2 ** 53]],
  badType: [1, "a", {}, ["a"], [1, "a"], [[1]], [true]],
  badValue: [[-1], [1, 0.5]],
};
const textList: Rule = {
  good: [[], ["a"], ["a", "b"]],
  badType: ["a", 1, {}, [1], ["a", 1], [["a"]]],
  badValue: [],
};
const mapList: Rule = {
  good: [[], [{}], [{ session: 1 }, {}]],
  badType: ["a", 1, {}, [1], [{}, []]],
  badValue: [],
};
const word = (...good: string[]): Rule => ({
  good,
  badType: [1, true, [], {}],
  badValue: ["", "Exact", `${good[0]} `],
});

const match = word("exact", "prefix", "wildcard");
const algorithm = word("cryptobox", "mqtt", "xbr", "x_mine");
const rules: Readonly<Partial<Record<MessageName, Readonly<Record<string, Rule>>>>> = {
  publish: {
    acknowledge: bool,
    exclude_me: bool,
    disclose_me: bool,
    exclude: idList,
    eligible: idList,
    exclude_authid: textList,
    exclude_authrole: textList,
    eligible_authid: textList,
    eligible_authrole: textList,
    retain: bool,
    rkey: text,
    _routing_key: text,
    transaction_hash: text,
  },
  subscribe: { match, get_retained: bool, x_acknowledged_delivery: bool },
  register: { match, invoke: word(...invokeNames, "qll", "qlls", "jch"), disclose_caller: bool },
  call: {
    receive_progress: bool,
    disclose_me: bool,
    timeout: number,
    progress: bool,
    rkey: text,
    _routing_key: text,
    runmode: word("partition", "all"),
  },
  yield: { progress: bool },
  result: { progress: bool },
  event: {
    publisher: number,
    publisher_authid: text,
    publisher_authrole: text,
    topic: text,
    retained: bool,
    transaction_hash: text,
    x_acknowledged_delivery: bool,
  },
  invocation: {
    caller: number,
    caller_authid: text,
    caller_authrole: text,
    procedure: text,
    receive_progress: bool,
    timeout: number,
    progress: bool,
  },
};
const anywhere: Readonly<Record<string, Rule>> = {
  forward_for: mapList,
  enc_algo: algorithm,
  enc_key: text,
  enc_serializer: text,
  ppt_scheme: text,
  ppt_serializer: text,
  ppt_cipher: text,
  ppt_keyid: text,
};
const ruled = messageNames.filter((name) => name in rules);

test("each known option takes values of its type and refuses all others", () => {
  for (const name of ruled) {
    for (const [key, rule] of Object.entries({ ...rules[name], ...anywhere })) {
      for (const flags of [0, Visit.strict]) {
        for (const value of rule.good)
          assert.equal(judge(name, { [key]: value }, flags), "ok", `${name} ${key}`);
        for (const value of rule.badType) {
          assert.equal(
            judge(name, { [key]: value }, flags),
            "optionType",
            `${name} ${key} ${JSON.stringify(value)}`,
          );
          assert.match(codec.violation(), new RegExp(`"${key}"`));
        }
        for (const value of rule.badValue)
          assert.equal(
            judge(name, { [key]: value }, flags),
            "optionValue",
            `${name} ${key} ${JSON.stringify(value)}`,
          );
      }
    }
  }
});

test("an option that a message type does not have is let through, whatever its value", () => {
  for (const name of ruled) {
    const known = { ...rules[name], ...anywhere };
    for (const other of ruled) {
      for (const [key, rule] of Object.entries(rules[other]!)) {
        if (key in known) continue;
        for (const value of rule.badType)
          assert.equal(judge(name, { [key]: value }, Visit.strict), "ok", `${name} ${key}`);
      }
    }
    assert.equal(
      judge(name, { _custom: [1, { a: null }], x_other: 1.5, acknowledgex: 1, "": 0 }, Visit.strict),
      "ok",
    );
    assert.equal(codec.u(Slot.present), Option.other);
  }
});

test("presence and truth of options are reported as bits", () => {
  const bits = {
    publish: {
      acknowledge: Option.acknowledge,
      exclude_me: Option.excludeMe,
      disclose_me: Option.discloseMe,
    },
    register: { disclose_caller: Option.discloseCaller },
    call: {
      receive_progress: Option.receiveProgress,
      disclose_me: Option.discloseMe,
      progress: Option.progress,
    },
    yield: { progress: Option.progress },
    result: { progress: Option.progress },
    invocation: { receive_progress: Option.receiveProgress, progress: Option.progress },
  } as const;
  for (const [name, options] of Object.entries(bits)) {
    for (const [key, bit] of Object.entries(options)) {
      for (const value of [true, false]) {
        assert.equal(judge(name as MessageName, { _before: 1, [key]: value, _behind: {} }), "ok");
        assert.equal(codec.u(Slot.present), bit | Option.other, `${name} ${key}`);
        assert.equal(codec.u(Slot.true), value ? bit : 0, `${name} ${key}`);
      }
    }
  }
});

test("the routing key of PUBLISH and CALL is reported as text", () => {
  for (const name of ["publish", "call"] as const) {
    for (const key of ["rkey", "_routing_key"]) {
      assert.equal(judge(name, { [key]: "sn-ü" }), "ok");
      assert.equal(codec.u(Slot.present), Option.rkey);
      assert.equal(codec.text(codec.u(Slot.rkey), codec.u(Slot.rkeyLen)), "sn-ü");
    }
  }
});

test("the words of match, invoke and mode are reported as numbers", () => {
  for (const [name, value] of Object.entries(Match)) {
    for (const message of ["subscribe", "register"] as const) {
      assert.equal(judge(message, { match: name }), "ok");
      assert.equal(codec.u(Slot.match), value);
      assert.equal(codec.u(Slot.present), Option.match);
    }
  }
  for (const [value, name] of invokeNames.entries()) {
    assert.equal(judge("register", { invoke: name }), "ok");
    assert.equal(codec.u(Slot.invoke), value);
  }
  for (const [name, value] of Object.entries(RunMode)) {
    if (name === "none") continue;
    assert.equal(judge("call", { runmode: name }), "ok");
    assert.equal(codec.u(Slot.mode), value);
    assert.equal(codec.u(Slot.present), Option.runmode);
  }
  for (const [name, value] of Object.entries(CancelMode)) {
    if (name === "none") continue;
    for (const message of ["cancel", "interrupt"] as const) {
      assert.equal(judge(message, { mode: name, reason: "wamp.error.canceled" }, Visit.strict), "ok");
      assert.equal(codec.u(Slot.mode), value);
    }
  }
});

test("an unknown cancel mode is reported as such, and a violation where the realm is strict", () => {
  assert.equal(judge("cancel", { mode: "gently" }), "ok");
  assert.equal(codec.u(Slot.mode), 4);
  assert.equal(judge("cancel", { mode: "gently" }, Visit.strict), "optionValue");
  assert.equal(judge("cancel", { mode: 1 }), "optionType");
  assert.equal(judge("cancel", {}), "ok");
  assert.equal(codec.u(Slot.mode), CancelMode.none);
});

test("a call's timeout is reported in milliseconds", () => {
  for (const timeout of [0, 1, 30_000, 2 ** 53]) {
    assert.equal(judge("call", { timeout }), "ok");
    assert.equal(codec.f(FSlot.timeout), timeout);
  }
  assert.equal(judge("call", {}), "ok");
  assert.equal(codec.f(FSlot.timeout), 0);
});

test("the six receiver lists are reported as spans, in their order", () => {
  const lists = {
    exclude: [1, 2],
    exclude_authid: ["a"],
    exclude_authrole: ["b", "c"],
    eligible: [],
    eligible_authid: ["é"],
    eligible_authrole: [],
  };
  for (const serializer of serializers) {
    const frame = encodeMessage(serializer, withOptions("publish", lists));
    assert.equal(verdict(codec, serializer, frame), "ok");
    const all = Object.values(lists).map((_, i) => {
      const at = codec.u(Slot.lists + 2 * i);
      return decodeSpan(serializer, codec.span(at, codec.u(Slot.lists + 2 * i + 1)).slice());
    });
    assert.deepEqual(all, Object.values(lists));
    assert.equal(codec.u(Slot.present).toString(2), "111111000");
  }
});

test("a null option counts as absent, and is a violation where the realm is strict", () => {
  for (const name of ruled) {
    for (const key of Object.keys({ ...rules[name], ...anywhere })) {
      assert.equal(judge(name, { [key]: null }), "ok", `${name} ${key}`);
      assert.equal(codec.u(Slot.present), 0, `${name} ${key}`);
      assert.equal(judge(name, { [key]: null }, Visit.strict), "optionType", `${name} ${key}`);
    }
  }
  assert.equal(judge("publish", { exclude: [null] }), "optionType");
});

test("a known option given twice is refused, an unknown one is not", () => {
  const json = (options: string): string =>
    verdict(codec, Serializer.json, new TextEncoder().encode(`[16,1,${options},"com.example"]`));
  assert.equal(json('{"acknowledge":true,"acknowledge":true}'), "optionTwice");
  assert.equal(json('{"acknowledge":true,"x":1,"ackno\\u0077ledge":false}'), "optionTwice", "escaped or not");
  assert.equal(json('{"exclude":null,"exclude":[1]}'), "optionTwice");
  assert.equal(json('{"x":1,"x":2}'), "ok");
  assert.equal(
    verdict(codec, Serializer.msgpack, fromHex("94 46 01 82 a870726f6772657373 c3 a870726f6772657373 c3 90")),
    "optionTwice",
  );
  assert.equal(
    verdict(
      codec,
      Serializer.cbor,
      fromHex("84 1846 01 bf 6870726f6772657373 f5 6870726f6772657373 f5 ff 80"),
    ),
    "optionTwice",
  );
});

test("option keys are text", () => {
  assert.equal(verdict(codec, Serializer.msgpack, fromHex("93 46 01 81 01 c3")), "optionType");
  assert.equal(verdict(codec, Serializer.cbor, fromHex("83 1846 01 a1 01 f5")), "optionType");
});

test("a key is known in every form that a serializer has for it", () => {
  // str 8, str 16, str 32.
  for (const head of ["d908", "da0008", "db00000008"]) {
    assert.equal(
      verdict(codec, Serializer.msgpack, fromHex(`93 46 01 81 ${head} 70726f6772657373 c3`)),
      "ok",
    );
    assert.equal(codec.u(Slot.true), Option.progress, head);
  }
  // A longer head, and text in chunks.
  for (const key of ["7808 70726f6772657373", "7f 6470726f67 6472657373 ff"]) {
    assert.equal(verdict(codec, Serializer.cbor, fromHex(`83 1846 01 a1 ${key} f5`)), "ok");
    assert.equal(codec.u(Slot.true), Option.progress, key);
  }
  assert.equal(
    verdict(codec, Serializer.json, new TextEncoder().encode('[70,1,{ "pr\\u006fgress" : true }]')),
    "ok",
  );
  assert.equal(codec.u(Slot.true), Option.progress);
});

test("an option that an encoder wrote as undefined counts as null in MessagePack", () => {
  // [32, 7, {match: ext 0 of one zero byte}, "a.b"], as some JavaScript encoders write {match: undefined}.
  const frame = fromHex("94200781a56d61746368d40000a3612e62");
  assert.equal(
    verdict(codec, Serializer.msgpack, frame, 0),
    verdict(codec, Serializer.msgpack, fromHex("94200781a56d61746368c0a3612e62"), 0),
  );
  assert.equal(codec.u(Slot.match), Match.exact);
  assert.notEqual(
    verdict(codec, Serializer.msgpack, frame, Visit.strict),
    verdict(codec, Serializer.msgpack, frame, 0),
  );
});
