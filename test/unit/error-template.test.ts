import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedLimits } from "../../src/base/limits.ts";
import type { RequestId } from "../../src/base/ids.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { ErrorTemplate } from "../../src/protocol/error-template.ts";
import { errors } from "../../src/protocol/errors.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Refusals } from "../../src/session/refusals.ts";
import { MemoryConnection } from "../support/memory-connection.ts";

const requests = fc.oneof(
  fc.constantFrom(0, 1, 9, 10, 23, 24, 99, 100, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1),
  fc.nat(2 ** 31 - 1),
);
const types = fc.constantFrom(Message.publish, Message.call, Message.register, Message.invocation);

test("a template writes the bytes that encodeMessage writes, for any request", () => {
  const property = fc.property(types, fc.string({ unit: "binary" }), requests, (type, text, request) => {
    for (const serializer of Object.values(Serializer)) {
      const message = [Message.error, type, request, {}, errors.unavailable.uri, [text]];
      const template = new ErrorTemplate(serializer, type, errors.unavailable.uri, text);
      assert.deepEqual(template.bytes(request), encodeMessage(serializer, message));
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test("requests of more than 32 bits are told as they are", () => {
  for (const request of [2 ** 32, 2 ** 40 + 1, 2 ** 53 - 1, 2 ** 53])
    for (const serializer of Object.values(Serializer)) {
      const template = new ErrorTemplate(serializer, Message.call, errors.unavailable.uri, "no");
      assert.equal(Number(decodeMessage(serializer, template.bytes(request))[2]), request);
    }
});

test("many kinds of ERROR take turns in few templates, and each peer is told its own in its serializer", () => {
  const refusals = new Refusals();
  for (let round = 0; round < 3; round++)
    for (let kind = 0; kind < 2 * fixedLimits.errorTemplates_max; kind++)
      for (const serializer of Object.values(Serializer)) {
        const connection = new MemoryConnection({ serializer });
        const request = (round * 100 + kind) as RequestId;
        const { bytes } = refusals.frame(connection, Message.call, request, errors.unavailable, `no ${kind}`);
        const expected = [Message.error, Message.call, request, {}, errors.unavailable.uri, [`no ${kind}`]];
        assert.deepEqual(decodeMessage(serializer, bytes), expected);
      }
});

test("a peer that takes small frames only is spared the text", () => {
  const connection = new MemoryConnection({ serializer: Serializer.json, peerFrameBytes_max: 80 });
  const text = "x".repeat(100);
  const { bytes } = new Refusals().frame(connection, Message.call, 7 as RequestId, errors.unavailable, text);
  assert.deepEqual(decodeMessage(Serializer.json, bytes), [
    Message.error,
    Message.call,
    7,
    {},
    errors.unavailable.uri,
  ]);
});
