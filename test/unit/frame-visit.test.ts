/** What a visit reports beside the message's parts: URIs, matches, violations; and what it leaves behind for the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Slot, Status, UriStatus, Violation, Visit } from "../../src/wasm/abi.ts";
import { PatternIndex } from "../../src/wasm/index.ts";
import { openCodec, verdict, visited } from "../support/codec.ts";
import { codes, serializers } from "../support/messages.ts";

const codec = openCodec();

/** The verdict that all serializers must share. */
function judge(frame: readonly unknown[], flags = 0): string {
  const verdicts = serializers.map((serializer) =>
    verdict(codec, serializer, encodeMessage(serializer, frame), flags),
  );
  assert.equal(new Set(verdicts).size, 1, `${JSON.stringify(frame)}: ${verdicts}`);
  return verdicts[0]!;
}

test("a bad URI is no violation: it is reported, by the rules that the match policy asks for", () => {
  for (const [options, uri, status] of [
    [{}, "com..example", UriStatus.invalid],
    [{ match: "wildcard" }, "com..example", UriStatus.ok],
    [{ match: "prefix" }, "com.example.", UriStatus.ok],
    [{ match: "exact" }, "com.example.", UriStatus.invalid],
    [{}, "wamp.topic", UriStatus.reserved],
    [{}, "com.Example", UriStatus.ok],
  ] as const) {
    for (const code of [codes.subscribe, codes.register]) {
      assert.equal(judge([code, 1, options, uri]), "ok");
      assert.equal(codec.u(Slot.uriStatus), status, uri);
    }
  }
  assert.equal(judge([48, 1, {}, "com.Example"], Visit.strictUri), "ok");
  assert.equal(codec.u(Slot.uriStatus), UriStatus.invalid);
});

test("an escaped URI is reported unescaped", () => {
  assert.equal(
    verdict(
      codec,
      Serializer.json,
      new TextEncoder().encode('[48,1,{},"com.\\u0065xample\\/\\ud83d\\ude00"]'),
    ),
    "ok",
  );
  assert.equal(visited(codec).uri, "com.example/😀");
});

test("a visit with a realm matches by the message's own rules, and only then", () => {
  const fresh = openCodec();
  const index = new PatternIndex(fresh.core);
  const [topics, procedures] = [2 * 5, 2 * 5 + 1];
  const exactTopic = index.insertText(topics, 0, "com.example");
  const prefixTopic = index.insertText(topics, 1, "com.");
  const procedure = index.insertText(procedures, 2, "com.");
  index.insertText(2 * 6, 0, "com.example");
  const handles = (frame: readonly unknown[], realm: number): number[] => {
    assert.equal(
      fresh.visit(Serializer.msgpack, encodeMessage(Serializer.msgpack, frame), realm, 0),
      Status.ok,
    );
    return Array.from({ length: fresh.matchCount }, (_, i) => fresh.matchAt(i));
  };
  assert.deepEqual(handles([16, 1, {}, "com.example"], 5), [exactTopic, prefixTopic]);
  assert.deepEqual(handles([16, 1, {}, "com.other"], 5), [prefixTopic]);
  assert.deepEqual(handles([16, 1, {}, "com.example"], 7), []);
  assert.deepEqual(handles([16, 1, {}, "com.example"], 0), []);
  assert.deepEqual(handles([48, 1, {}, "com.example"], 5), [procedure]);
  assert.deepEqual(handles([48, 1, {}, "org.example"], 5), []);
  assert.deepEqual(handles([32, 1, { match: "prefix" }, "com."], 5), [prefixTopic]);
  assert.deepEqual(handles([32, 1, {}, "com.example"], 5), [exactTopic]);
  assert.deepEqual(handles([64, 1, { match: "wildcard" }, "com."], 5), [procedure]);
  assert.deepEqual(handles([64, 1, { match: "wildcard" }, "com.x"], 5), []);
  assert.deepEqual(handles([16, 1, {}, "com..example"], 5), [], "an invalid URI matches nothing");
  assert.deepEqual(handles([34, 1, 2], 5), [], "a message without a URI matches nothing");
});

test("a visit leaves nothing of the one before it", () => {
  const full = [16, 1, { acknowledge: true, exclude: [1] }, "com.example", [1], { a: 1 }];
  for (const serializer of serializers) {
    assert.equal(verdict(codec, serializer, encodeMessage(serializer, [...full])), "ok");
    assert.equal(verdict(codec, serializer, encodeMessage(serializer, [34, 1, 2])), "ok");
    const found = visited(codec);
    assert.deepEqual(
      [found.uri, found.uriStatus, found.id2, found.options, found.args, found.kwargs],
      ["", 0, 0, null, null, null],
    );
    assert.deepEqual(
      [codec.u(Slot.present), codec.u(Slot.true), codec.u(Slot.match), codec.matchCount],
      [0, 0, 0, 0],
    );
  }
});

test("a frame as long as the limit is read, and a longer one is refused without being copied", () => {
  const small = openCodec("release", 512);
  const frame = (length: number): Uint8Array => {
    const text = `[16,1,{},"com.example",["`;
    return new TextEncoder().encode(`${text}${"x".repeat(length - text.length - 3)}"]]`);
  };
  assert.equal(verdict(small, Serializer.json, frame(512)), "ok");
  assert.equal(verdict(small, Serializer.json, frame(513)), "tooLong");
  assert.match(small.violation(), /longer than this router accepts at byte 512/);
});

test("an unknown serializer is a violation, not a trap", () => {
  for (const format of [0, 4, 255]) assert.equal(codec.core.exports.visit(format, 3, 0, 0), Status.violation);
  assert.equal(codec.u(Slot.violation), Violation.format);
});

test("a violation is told in words that name the message, the element or option, and the byte", () => {
  const say = (frame: readonly unknown[]): string => {
    codec.visit(Serializer.msgpack, encodeMessage(Serializer.msgpack, frame), 0, 0);
    return codec.violation();
  };
  assert.equal(say([16, 1, {}, 5]), "element 3 of PUBLISH: the element has the wrong type at byte 4");
  assert.equal(
    say([16, 1, { acknowledge: 1 }, "a"]),
    'PUBLISH option "acknowledge": the value has the wrong type at byte 16',
  );
  assert.equal(say([99, 1]), "the message type is not one of WAMP at byte 1");
  assert.equal(
    say([16, 1, { acknowledge: true }, "a", 5]),
    "element 4 of PUBLISH: the element has the wrong type at byte 19",
  );
});
