import assert from "node:assert/strict";
import { test } from "node:test";
import { newRing, packMessage, RingReader, RingWriter, ringBytesOf } from "../../src/workers/ring.ts";

const size = 1_024;

function ring(): { readonly writer: RingWriter; readonly reader: RingReader } {
  const memory = newRing(size);
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

const readAll = (reader: RingReader): Uint8Array[] => {
  const messages: Uint8Array[] = [];
  reader.read((message) => messages.push(message.slice()));
  return messages;
};

test("a message is its front and its body, and leaves nothing in the ring", () => {
  const { writer, reader } = ring();
  assert.ok(writer.write(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)));
  assert.ok(writer.write(new Uint8Array(0), null));
  assert.equal(reader.usedBytes, ringBytesOf(5) + ringBytesOf(0));
  assert.deepEqual(readAll(reader), [Uint8Array.of(1, 2, 3, 4, 5), new Uint8Array(0)]);
  assert.equal(writer.usedBytes, 0);
  assert.ok(reader.isEmpty && !reader.read(() => {}));
});

test("a message for which there is no room is not written, in no part", () => {
  const { writer, reader } = ring();
  assert.ok(writer.write(new Uint8Array(size - 24), null));
  assert.ok(!writer.write(new Uint8Array(9), null));
  assert.ok(writer.write(new Uint8Array(4), null));
  assert.deepEqual(
    readAll(reader).map(({ length }) => length),
    [size - 24, 4],
  );
});

test("a message larger than the ring is read in the parts in which it was written", () => {
  const { writer, reader } = ring();
  const body = Uint8Array.from({ length: 3 * size + 5 }, (_, index) => index * 7);
  const packed = packMessage(Uint8Array.of(9), body);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < packed.length; ) {
    const count = writer.writePart(packed, at);
    assert.ok(count > 0 && count % 8 === 0);
    at += count;
    messages.push(...readAll(reader));
  }
  assert.deepEqual(messages, [Uint8Array.of(9, ...body)]);
});

test("a reader does not fall asleep over what was written before the writer could know", () => {
  const { writer, reader } = ring();
  writer.write(Uint8Array.of(1), null);
  assert.ok(!reader.sleep());
  assert.ok(!writer.takeSleeper(), "and nobody need wake it");
  readAll(reader);
  assert.ok(reader.sleep());
  writer.write(Uint8Array.of(2), null);
  assert.ok(writer.takeSleeper());
  assert.ok(!writer.takeSleeper(), "one wakes it, and once");
});

test("a writer does not wait for room that was made before the reader could know, and is told of half a ring", () => {
  const { writer, reader } = ring();
  writer.write(new Uint8Array(size / 2), null);
  writer.write(new Uint8Array(size / 4), null);
  assert.ok(writer.awaitRoom());
  assert.ok(!reader.takeWaiter(), "there is too little room yet");
  readAll(reader);
  assert.ok(reader.takeWaiter());
  assert.ok(!reader.takeWaiter(), "it is told once");
  assert.ok(!writer.awaitRoom());
  assert.ok(!reader.takeWaiter(), "whoever does not wait is not told");
});

test("what a handler throws has taken its message, and the next one comes behind it", () => {
  const { writer, reader } = ring();
  for (const byte of [1, 2, 3]) writer.write(Uint8Array.of(byte), null);
  assert.throws(() =>
    reader.read(() => {
      throw new Error("the first is refused");
    }),
  );
  assert.deepEqual(readAll(reader), [Uint8Array.of(2), Uint8Array.of(3)]);
});
