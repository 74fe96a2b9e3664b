/** A visited frame goes to another router, and is visited again there, whatever its length and although WASM memory grows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { kindRange, PeerKind } from "../../src/router/peers/kinds.ts";
import { Peers } from "../../src/router/peers/peers.ts";
import { VisitedFrames } from "../../src/router/peers/visited-frames.ts";
import { FSlot, Slot, Status } from "../../src/wasm/abi.ts";
import { MemoryLinks } from "../support/memory-links.ts";
import { openCodec } from "../support/codec.ts";

test("a frame of any length is visited again as it was, also when memory has grown", () => {
  const links = new MemoryLinks({ count: 2 });
  const [from, to] = [openCodec(), openCodec()];
  const [sender, receiver] = [new Peers(links.end(0)), new Peers(links.end(1))];
  const [sent, taken] = [new VisitedFrames(from), new VisitedFrames(to)];
  const heard: (readonly [request: number, payload: string, label: string])[] = [];
  receiver.handle(kindRange.calls, {
    onMessage(_, message) {
      const label = message.text();
      taken.visit(message, Serializer.json, 0);
      const payload = to.text(to.u(Slot.args), to.u(Slot.argsLen));
      heard.push([to.f(FSlot.request), payload, label]);
    },
  });
  links.settle();
  const expected: (readonly [number, string, string])[] = [];
  for (let length = 0, request = 1; length < 700; length += 7, request++) {
    // The first growth of each comes between two frames: the views of before are empty then.
    if (request === 20) assert.ok(from.core.reserve(8 << 20) > 0);
    if (request === 25) assert.ok(to.core.reserve(8 << 20) > 0);
    const text = "x".repeat(length);
    const label = "l".repeat(request % 9);
    const frame = encodeMessage(Serializer.json, [Message.yield, request, {}, [text]]);
    assert.equal(from.visit(Serializer.json, frame, 0, 0), Status.ok);
    sender.writer.begin(PeerKind.yield).text(label);
    assert.ok(sent.send(sender, 1));
    links.settle();
    expected.push([request, JSON.stringify([text]), label]);
  }
  assert.deepEqual(heard, expected);
});
