/** The codec of batches against its model, on what a well-behaved peer sends and on what only a broken one does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits } from "../../src/base/limits.ts";
import { Batch, type Framing, splitBatch } from "../../src/protocol/batches.ts";
import { joinModel, type Split, splitModel, terminators } from "../support/batch-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const options = { seed, numRuns: 1_000 };

const framing = fc.constantFrom(...terminators);
/** No message of JSON has a terminator in it: they are control characters. */
const message = (of: Framing): fc.Arbitrary<Uint8Array> =>
  fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map((bytes) => (of === 0 ? bytes : bytes.map((byte) => (byte === of ? byte + 1 : byte))));
const messagesOf = fc
  .tuple(framing)
  .chain(([of]) =>
    fc.record({ of: fc.constant(of), messages: fc.array(message(of), { minLength: 1, maxLength: 40 }) }),
  );

function split(batch: Uint8Array, of: Framing): Split {
  const messages: Buffer[] = [];
  let end_before = 0;
  const problem = splitBatch(batch, of, {
    onMessage(bytes, from, end) {
      assert.ok(from >= end_before && end > from && end <= batch.length, "messages lie behind each other");
      end_before = end;
      messages.push(Buffer.from(bytes.subarray(from, end)));
      return true;
    },
  });
  return { messages, whole: problem === null };
}

test("[T-03] what was joined is split into the same messages, for any messages in any framing", () => {
  const batches = new Map(terminators.map((of) => [of, new Batch(of)] as const));
  fc.assert(
    fc.property(messagesOf, ({ of, messages }) => {
      // The same memory for every run, as a connection uses it.
      const batch = batches.get(of)!;
      batch.clear();
      for (const bytes of messages) batch.add(bytes);
      assert.deepEqual(Buffer.from(batch.bytes()), joinModel(messages, of));
      assert.deepEqual(split(batch.bytes(), of), {
        messages: messages.map((bytes) => Buffer.from(bytes)),
        whole: true,
      });
    }),
    options,
  );
});

test("[T-03] messages spread over batches by fits() come back in order, and no batch of several is over its bound", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 90_000 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(framing, sizes, (of, all) => {
      const batch = new Batch(of);
      const received: Buffer[] = [];
      const flush = (): void => {
        const { messages, whole } = split(batch.bytes(), of);
        assert.ok(whole);
        assert.ok(messages.length === 1 || batch.bytes().length <= fixedLimits.batchBytes_max);
        received.push(...messages);
        batch.clear();
      };
      const sent = all.map((size, i) => Buffer.alloc(size, i % 24));
      for (const bytes of sent) {
        if (!batch.fits(bytes.length)) flush();
        batch.add(bytes);
      }
      flush();
      assert.deepEqual(received, sent);
    }),
    { seed, numRuns: 100 },
  );
});

test("[T-03] any bytes are split as the model splits them", () => {
  const small = fc.oneof(fc.constantFrom(0, 1, 2, 0x1e, 0x18), fc.integer({ min: 0, max: 255 }));
  const hostile = fc.array(small, { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(framing, hostile, (of, bytes) => {
      assert.deepEqual(split(bytes, of), splitModel(bytes, of));
    }),
    { seed, numRuns: 5_000 },
  );
});

test("[T-03] a good batch with bytes changed, cut or added is split as the model splits it", () => {
  const change = fc.record({ at: fc.nat(4_000), to: fc.integer({ min: 0, max: 255 }) });
  const cut = fc.option(fc.nat(4_000), { nil: undefined });
  fc.assert(
    fc.property(messagesOf, fc.array(change, { maxLength: 3 }), cut, ({ of, messages }, changes, end) => {
      const bytes = joinModel(messages, of).subarray(0, end);
      for (const { at, to } of changes) if (at < bytes.length) bytes[at] = to;
      assert.deepEqual(split(bytes, of), splitModel(bytes, of));
    }),
    options,
  );
});
