/** Frames to begin fuzzing from: every message type, with and without options and payload, in every serializer. */
import { Serializer } from "../../src/protocol/serializers.ts";
import { codes, type Element, layouts, messageNames } from "./messages.ts";
import { array, binary, type Format, float, int, map, nil, text, type Value } from "./value-model.ts";
import { picker, writeCbor, writeJson, writeMsgpack } from "./value-write.ts";

const yes: Value = { kind: "bool", value: true };

const dicts: Readonly<Partial<Record<string, readonly Value[]>>> = {
  publish: [
    map([text("acknowledge"), yes], [text("exclude_me"), { kind: "bool", value: false }]),
    map([text("exclude"), array(int(1), int(2 ** 40))], [text("eligible_authid"), array(text("jöe"))]),
    map([text("forward_for"), array(map([text("session"), int(5)]))], [text("_x"), array(nil, float(1.5))]),
    map([text("enc_algo"), text("cryptobox")]),
    map([text("ppt_scheme"), text("wamp")], [text("ppt_keyid"), text("ü")]),
  ],
  subscribe: [map([text("match"), text("prefix")]), map([text("match"), text("wildcard")])],
  register: [map([text("invoke"), text("roundrobin")], [text("disclose_caller"), nil])],
  call: [map([text("timeout"), int(30_000)], [text("receive_progress"), yes])],
  cancel: [map([text("mode"), text("killnowait")])],
  yield: [map([text("progress"), yes])],
  event: [map([text("topic"), text("a.b")], [text("publisher"), float(7)])],
  invocation: [map([text("caller"), int(7)], [text("procedure"), text("a.b")])],
};

const plainElements: Readonly<Record<Element, Value>> = {
  request: int(300),
  id: int(70_000),
  id2: int(2 ** 53),
  requestType: int(48),
  dict: map(),
  uri: text("com.exämple.topic"),
  text: text("ticket"),
  args: array(int(-1), float(0.5), text('"\\\u0001é'), array(map()), { kind: "bool", value: false }, nil),
  kwargs: map([text("key"), array(binary(Uint8Array.of(0, 200)))], [text("ü"), int(2 ** 32)]),
};

function messages(): Value[] {
  const all: Value[] = [];
  for (const name of messageNames) {
    const layout = layouts[name];
    const build = (dict: Value, count: number): Value =>
      array(
        int(codes[name]),
        ...layout.slice(0, count).map((element) => (element === "dict" ? dict : plainElements[element])),
      );
    const required = layout.filter((element) => element !== "args" && element !== "kwargs").length;
    for (let count = required; count <= layout.length; ++count) all.push(build(map(), count));
    for (const dict of dicts[name] ?? []) all.push(build(dict, Math.min(required + 1, layout.length)));
  }
  return all;
}

/** JSON says binary by a string; the payload of the corpus says so too. */
const sayable = (value: Value): Value => {
  if (value.kind === "binary") return text(`\u0000${Buffer.from(value.value, "hex").toString("base64")}`);
  if (value.kind === "array") return array(...value.items.map(sayable));
  return value.kind === "map" ? map(...value.pairs.map(([k, v]) => [k, sayable(v)] as const)) : value;
};

export interface CorpusFrame {
  readonly serializer: Serializer;
  readonly format: Format;
  readonly bytes: Uint8Array;
}

/** All frames, each in its shortest form and in a form of longer heads, chunks and white space chosen by `seed`. */
export function corpus(seed: number): CorpusFrame[] {
  const pick = picker(seed);
  return messages().flatMap((message): CorpusFrame[] =>
    [undefined, pick].flatMap((choice): CorpusFrame[] => [
      {
        serializer: Serializer.json,
        format: "json",
        bytes: Uint8Array.from(writeJson(sayable(message), choice)),
      },
      {
        serializer: Serializer.msgpack,
        format: "msgpack",
        bytes: Uint8Array.from(writeMsgpack(message, choice)),
      },
      { serializer: Serializer.cbor, format: "cbor", bytes: Uint8Array.from(writeCbor(message, choice)) },
    ]),
  );
}
