/** The codec of batches, byte by byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/limits.ts";
import {
  Batch,
  defaultFraming,
  Framing,
  framingBytes,
  splitBatch,
  terminatorOf,
} from "../../src/protocol/batches.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** The messages that come out, and what was found wrong. */
function split(batch: Uint8Array, framing: Framing, most = Number.POSITIVE_INFINITY) {
  const messages: string[] = [];
  const problem = splitBatch(batch, framing, {
    onMessage(bytes, from, end) {
      messages.push(Buffer.from(bytes.subarray(from, end)).toString("latin1"));
      return messages.length < most;
    },
  });
  return { messages, problem };
}

test("[T-03] MessagePack and CBOR messages stand behind their length in four bytes, big-endian", () => {
  const batch = new Batch(Framing.length);
  batch.add(latin("abc"));
  batch.add(new Uint8Array(258).fill(7));
  const bytes = batch.bytes();
  assert.deepEqual(Buffer.from(bytes.subarray(0, 11)), Buffer.from("0000000361626300000102", "hex"));
  assert.equal(bytes.length, 4 + 3 + 4 + 258);
  const { messages, problem } = split(bytes, Framing.length);
  assert.deepEqual(messages, ["abc", "\x07".repeat(258)]);
  assert.equal(problem, null);
});

test("[T-03] JSON messages are followed by 0x1E as specified, or by autobahn-python's 0x18", () => {
  for (const [framing, code] of [
    [Framing.recordSeparator, 0x1e],
    [Framing.cancel, 0x18],
  ] as const) {
    const batch = new Batch(framing);
    batch.add(latin("[1]"));
    batch.add(latin("[2,{}]"));
    const expected = `[1]${String.fromCharCode(code)}[2,{}]${String.fromCharCode(code)}`;
    assert.equal(Buffer.from(batch.bytes()).toString("latin1"), expected);
    assert.equal(terminatorOf(batch.bytes()), framing);
    assert.deepEqual(split(batch.bytes(), framing), { messages: ["[1]", "[2,{}]"], problem: null });
  }
  assert.equal(terminatorOf(latin("[1]")), null);
  assert.equal(terminatorOf(latin("")), null);
});

test("[T-03] what is written without knowing the peer follows the specification", () => {
  assert.deepEqual([Serializer.json, Serializer.msgpack, Serializer.cbor].map(defaultFraming), [
    Framing.recordSeparator,
    Framing.length,
    Framing.length,
  ]);
  assert.deepEqual([Serializer.json, Serializer.msgpack, Serializer.cbor].map(framingBytes), [1, 4, 4]);
});

test("[T-03] a malformed batch is reported with what is wrong, behind the messages before it", () => {
  const table: readonly (readonly [Uint8Array, Framing, number, RegExp])[] = [
    [hex(""), Framing.length, 0, /at least one message/],
    [hex("00"), Framing.length, 0, /inside the length/],
    [hex("000000"), Framing.length, 0, /inside the length/],
    [hex("00000000"), Framing.length, 0, /the length 0/],
    [hex("00000001"), Framing.length, 0, /1 bytes, of which 0 are there/],
    [hex("00000002 41"), Framing.length, 0, /2 bytes, of which 1 are there/],
    [hex("ffffffff 41"), Framing.length, 0, /4294967295 bytes/],
    [hex("80000000 41"), Framing.length, 0, /2147483648 bytes/],
    [hex("00000001 41 00"), Framing.length, 1, /inside the length/],
    [hex("00000001 41 00000000"), Framing.length, 1, /the length 0/],
    [hex("00000001 41 00000001 42 00000002 43"), Framing.length, 2, /2 bytes, of which 1/],
    [latin(""), Framing.recordSeparator, 0, /at least one message/],
    [latin("\x1e"), Framing.recordSeparator, 0, /is empty/],
    [latin("[1]"), Framing.recordSeparator, 0, /ends with 0x1E, or with 0x18/],
    [latin("[1]\x1e[2]"), Framing.recordSeparator, 0, /ends with 0x1E, or with 0x18/],
    [latin("[1]\x1e\n"), Framing.recordSeparator, 0, /ends with 0x1E, or with 0x18/],
    [latin("[1]\x1e\x1e"), Framing.recordSeparator, 1, /is empty/],
    [latin("\x18[1]\x18"), Framing.cancel, 0, /is empty/],
  ];
  for (const [batch, framing, count, says] of table) {
    const { messages, problem } = split(batch, framing);
    assert.equal(messages.length, count, Buffer.from(batch).toString("hex"));
    assert.match(problem ?? "nothing was wrong", says);
  }
});

test("[T-03] one batch has one terminator: the other one stays in its messages, where no JSON reader takes it", () => {
  const { messages, problem } = split(latin("[1]\x1e[2]\x18"), Framing.cancel);
  assert.deepEqual([messages, problem], [["[1]\x1e[2]"], null]);
});

test("[T-03] who does not want the rest of a batch is not given it, malformed or not", () => {
  for (const rest of ["0000000142", "00000000", "00"])
    assert.deepEqual(split(hex(`0000000141${rest}`), Framing.length, 1), { messages: ["A"], problem: null });
  assert.deepEqual(split(latin("a\x1e\x1e"), Framing.recordSeparator, 1), { messages: ["a"], problem: null });
});

test("[T-03] a batch takes messages up to its bound, and the first whatever its size", () => {
  const bound = fixedLimits.batchBytes_max;
  const batch = new Batch(Framing.length);
  assert.ok(batch.isEmpty && batch.fits(10 * bound));
  batch.add(new Uint8Array(bound - 104));
  assert.ok(!batch.isEmpty && batch.fits(96) && !batch.fits(97));
  batch.add(new Uint8Array(96).fill(5));
  assert.equal(batch.bytes().length, bound);
  assert.ok(!batch.fits(1));
  batch.clear();
  assert.ok(batch.isEmpty);
  for (const size of [3 << 20, 5]) {
    batch.clear();
    batch.add(new Uint8Array(size).fill(9));
    assert.equal(batch.bytes().length, 4 + size);
    assert.equal(batch.bytes().at(-1), 9);
  }
});
