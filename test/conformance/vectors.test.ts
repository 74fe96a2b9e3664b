/**
 * The single-message vectors of the WAMP specification through all three codecs: every listed byte form is read, with the
 * attributes it must have; what this project writes equals one of the listed forms; the validation samples are accepted or refused.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Status, UriStatus, Visit } from "../../src/wasm/abi.ts";
import type { Codec } from "../../src/wasm/codec.ts";
import { buildNames, fromHex, hex, openCodec, visited, written } from "../support/codec.ts";
import { decodeSpan, type Element, layouts, nameOf, serializers } from "../support/messages.ts";

type Attributes = Readonly<Record<string, unknown>>;
interface Form {
  readonly bytes_hex: string;
}
interface Sample {
  readonly description: string;
  readonly serializers?: Readonly<Record<string, readonly Form[]>>;
  readonly expected_attributes?: Attributes;
  readonly wmsg?: readonly [number, ...unknown[]];
  readonly expected_error?: { readonly type: string; readonly contains: string };
}

// From build/test/conformance the project's root is three folders up, and the vectors lie beside it.
const folder = fileURLToPath(new URL("../../../../shared/vectors/singlemessage/", import.meta.url));
const missing = existsSync(folder) ? false : "the specification's vectors (../shared/vectors) are not here";

function readSamples(): Sample[] {
  if (missing !== false) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".json"),
  );
  return files
    .sort()
    .flatMap((name) => (JSON.parse(readFileSync(folder + name, "utf8")) as { samples: Sample[] }).samples);
}

const samples = readSamples();
const wireSamples = samples.filter((sample) => sample.serializers !== undefined);
const checkSamples = samples.filter((sample) => sample.wmsg !== undefined);
const keys = {
  [Serializer.json]: "json",
  [Serializer.msgpack]: "msgpack",
  [Serializer.cbor]: "cbor",
} as const;
const modes = [0, Visit.strict, Visit.strict | Visit.strictUri] as const;

/** Where autobahn's attribute names, which the vectors use, keep what an element holds. */
const attributeNames: Readonly<Record<Element, readonly string[]>> = {
  request: ["request_id"],
  id: ["session_id", "subscription_id", "subscription", "publication_id", "registration_id"],
  id2: ["publication", "registration_id"],
  requestType: ["request_type"],
  dict: ["options", "details", "extra", "roles"],
  uri: ["topic", "procedure", "error", "reason", "realm"],
  text: ["method", "signature"],
  args: ["args"],
  kwargs: ["kwargs"],
};

function attribute(attributes: Attributes, element: Element): unknown {
  const name = attributeNames[element].find((candidate) => candidate in attributes);
  const value = name === undefined ? undefined : attributes[name];
  // HELLO and WELCOME list the roles instead of the details that hold them.
  return name === "roles" ? { roles: value } : value;
}

/** The message that the attributes describe, as JavaScript values. */
function messageOf(attributes: Attributes): unknown[] {
  const code = attributes.message_type as number;
  const message: unknown[] = [code];
  for (const element of layouts[nameOf(code)]) {
    const value = attribute(attributes, element);
    if (value !== undefined && value !== null) message.push(value);
  }
  if (typeof attributes.payload === "string") message.push(fromHex(attributes.payload));
  return message;
}

function formsOf(sample: Sample, serializer: Serializer): Uint8Array[] {
  return (sample.serializers?.[keys[serializer]] ?? []).map((form) => fromHex(form.bytes_hex));
}

function checkAttributes(codec: Codec, serializer: Serializer, attributes: Attributes): void {
  const found = visited(codec);
  assert.equal(found.type, attributes.message_type);
  for (const element of layouts[nameOf(found.type)]) {
    const expected = attribute(attributes, element);
    if (element === "request" || element === "id" || element === "id2")
      assert.equal(found[element], expected, element);
    if (element === "dict") assert.deepEqual(decodeSpan(serializer, found.options!), expected);
    if (element === "uri") {
      assert.equal(found.uri, expected);
      assert.notEqual(found.uriStatus, UriStatus.invalid);
    }
    if (element === "kwargs")
      assert.deepEqual(found.kwargs && decodeSpan(serializer, found.kwargs), expected ?? null);
    if (element === "args" && typeof attributes.payload === "string")
      assert.deepEqual(decodeSpan(serializer, found.args!), fromHex(attributes.payload));
    else if (element === "args")
      assert.deepEqual(found.args && decodeSpan(serializer, found.args), expected ?? null);
  }
}

for (const build of buildNames) {
  test(`[T-10 T-11 T-12] every listed byte form is read with its attributes, in the ${build} build`, {
    skip: missing,
  }, (t) => {
    const codec = openCodec(build);
    let forms = 0;
    for (const sample of wireSamples) {
      for (const serializer of serializers) {
        for (const bytes of formsOf(sample, serializer)) {
          for (const mode of modes) {
            const status = codec.visit(serializer, bytes, 0, mode);
            assert.equal(status, Status.ok, `${sample.description}: ${codec.violation()}`);
            checkAttributes(codec, serializer, sample.expected_attributes!);
          }
          ++forms;
        }
      }
    }
    t.diagnostic(`${forms} byte forms`);
    assert.ok(forms >= 129, `only ${forms} byte forms were read`);
  });

  test(`[B-07] [2.13 #12] validation samples are refused by name where due, in the ${build} build`, {
    skip: missing,
  }, (t) => {
    const codec = openCodec(build);
    const counts = { accepted: 0, refused: 0 };
    for (const sample of checkSamples) {
      for (const serializer of serializers) {
        const bytes = encodeMessage(serializer, sample.wmsg!);
        for (const mode of modes) {
          const accepted = codec.visit(serializer, bytes, 0, mode) === Status.ok;
          const text = accepted ? "" : codec.violation();
          assert.equal(accepted, sample.expected_error === undefined, `${sample.description}: ${text}`);
          assert.ok(accepted || text.includes(sample.expected_error!.contains), text);
          ++counts[accepted ? "accepted" : "refused"];
        }
      }
    }
    t.diagnostic(JSON.stringify(counts));
    assert.deepEqual(counts, { accepted: 39 * 9, refused: 28 * 9 });
  });
}

test("[T-10 T-11 T-12] the cold decoders read every listed byte form, and the encoders write one of them", {
  skip: missing,
}, () => {
  for (const sample of wireSamples) {
    const message = messageOf(sample.expected_attributes!);
    for (const serializer of serializers) {
      const forms = formsOf(sample, serializer);
      const listed = forms.map(hex);
      for (const form of forms) {
        const decoded = decodeMessage(serializer, form);
        assert.deepEqual(decoded, message, sample.description);
        // What was decoded is encoded, not `message`: the vectors do not keep the order of keys.
        assert.ok(
          listed.includes(hex(encodeMessage(serializer, decoded))),
          `${sample.description}, ${keys[serializer]}`,
        );
      }
    }
  }
});

/** Makes the data plane write the sample's message; 0 if it is not one that it writes. */
function write(codec: Codec, to: Serializer, message: readonly unknown[], from: Serializer): number {
  const [type, first, second, , last] = message as [number, number, number, unknown, string];
  const visit = (source: readonly unknown[]): void =>
    assert.equal(codec.visit(from, encodeMessage(from, source), 0, 0), Status.ok, codec.violation());
  switch (type) {
    case Message.event:
      visit([Message.publish, 1, {}, "com.example", ...message.slice(4)]);
      return codec.writeEvent(to, first, second, 0);
    case Message.invocation:
      visit([Message.call, 1, {}, "com.example", ...message.slice(4)]);
      return codec.writeInvocation(to, first, second, 0);
    case Message.result:
      visit([Message.yield, 1, {}, ...message.slice(3)]);
      return codec.writeResult(to, first, 0);
    case Message.error:
      visit([Message.error, Message.invocation, 1, {}, last, ...message.slice(5)]);
      return codec.writeError(to, first, second);
    case Message.published:
    case Message.subscribed:
    case Message.registered:
      return codec.writeAck(to, type, first, second);
    case Message.unsubscribed:
    case Message.unregistered:
      return codec.writeAck(to, type, first, -1);
    case Message.interrupt:
      return codec.writeInterrupt(to, first, 0);
    default:
      return 0;
  }
}

const isPlain = (attributes: Attributes): boolean => {
  const details = attributes.details;
  return details === undefined || Object.keys(details as object).length === 0;
};

for (const build of buildNames) {
  test(`[T-10 T-11 T-12] written messages equal a listed form, from any serializer, in the ${build} build`, {
    skip: missing,
  }, () => {
    const codec = openCodec(build);
    const types = new Set<unknown>();
    for (const sample of wireSamples.filter((candidate) => isPlain(candidate.expected_attributes!))) {
      const message = messageOf(sample.expected_attributes!);
      for (const to of serializers) {
        const listed = formsOf(sample, to).map(hex);
        for (const from of serializers) {
          const length = write(codec, to, message, from);
          if (length === 0) continue;
          types.add(message[0]);
          assert.ok(
            listed.includes(hex(written(codec, length))),
            `${sample.description}, ${keys[from]} to ${keys[to]}`,
          );
        }
      }
    }
    assert.equal(types.size, 10);
  });
}
