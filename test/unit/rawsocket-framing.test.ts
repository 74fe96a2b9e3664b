/** RawSocket's handshake and frame parser, against a slow twin, in every fragmentation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  acceptance,
  bytesOfExponent,
  controlFrame,
  FrameParser,
  type FramingProblem,
  Handshake,
  HandshakeError,
  type HandshakeResult,
  lengthExponent,
  messageHeaders,
  refusal,
} from "../../src/transport/rawsocket-framing.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const limits = { frameBytes_max: 4_096, pingBytes_max: 256 };

/** What came out of a stream: `m` or `p` and the payload, and the problem at its end. */
interface Parsed {
  readonly frames: readonly string[];
  readonly problem: FramingProblem | null;
}

const text = (kind: string, bytes: Uint8Array): string => `${kind}:${Buffer.from(bytes).toString("hex")}`;

function parsed(chunks: readonly Uint8Array[]): Parsed {
  const frames: string[] = [];
  const parser = new FrameParser(limits, {
    onMessage: (bytes) => frames.push(text("m", bytes)),
    onPing: (bytes) => frames.push(text("p", bytes)),
  });
  let problem: FramingProblem | null = null;
  for (const chunk of chunks) problem = parser.push(chunk);
  return { frames, problem };
}

/** The slow twin: reads the whole stream at once, straight from the specification. */
function twin(stream: Buffer): Parsed {
  const frames: string[] = [];
  let at = 0;
  for (;;) {
    if (stream.length - at < 4) return { frames, problem: null };
    const first = stream[at]!;
    const length = stream.readUIntBE(at + 1, 3);
    const is16MiB = (first & 8) !== 0;
    if (first >> 4 !== 0 || (is16MiB && length !== 0)) return { frames, problem: "reserved bits are set" };
    if ((first & 7) > 2) return { frames, problem: "reserved frame type" };
    if (is16MiB || length > limits.frameBytes_max) return { frames, problem: "frame too large" };
    if ((first & 7) !== 0 && length > limits.pingBytes_max) return { frames, problem: "ping too large" };
    if (stream.length - at - 4 < length) return { frames, problem: null };
    const payload = stream.subarray(at + 4, at + 4 + length);
    if ((first & 7) === 0) frames.push(text("m", payload));
    if ((first & 7) === 1) frames.push(text("p", payload));
    at += 4 + length;
  }
}

function cut(stream: Buffer, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, i) => stream.subarray(start, places[i] ?? stream.length));
}

const header = (first: number, length: number): Buffer =>
  Buffer.from([first, (length >> 16) & 255, (length >> 8) & 255, length & 255]);

const payloadArb = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.integer({ min: 0, max: 4_100 }).map((length) => new Uint8Array(length).fill(length & 255)),
);
const firstArb = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0, 0, 0, 1, 2) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
);
const streamArb = fc
  .array(fc.tuple(firstArb, payloadArb), { maxLength: 12 })
  .map((frames) =>
    Buffer.concat(frames.flatMap(([first, payload]) => [header(first, payload.length), payload])),
  );

test("a stream gives the same frames and the same problem wherever its chunks begin and end", () => {
  fc.assert(
    fc.property(streamArb, fc.array(fc.nat(40_000), { maxLength: 20 }), (stream, cuts) => {
      const expected = twin(stream);
      assert.deepEqual(parsed([stream]), expected, `whole; SEED=${seed}`);
      assert.deepEqual(parsed(cut(stream, cuts)), expected, `in pieces; SEED=${seed}`);
    }),
    { seed, numRuns: 2_000 },
  );
});

test("a short stream gives the same at each of its two-piece cuts and octet by octet", () => {
  const stream = Buffer.concat([
    header(0, 5),
    Buffer.from("hello"),
    header(1, 3),
    Buffer.from("abc"),
    header(0, 0),
    header(2, 1),
    Buffer.from("x"),
    header(0, 2),
    Buffer.from("[]"),
  ]);
  const expected = { frames: ["m:68656c6c6f", "p:616263", "m:", "m:5b5d"], problem: null };
  assert.deepEqual(twin(stream), expected);
  for (let place = 0; place <= stream.length; place++)
    assert.deepEqual(parsed(cut(stream, [place])), expected);
  assert.deepEqual(parsed([...stream].map((octet) => Uint8Array.of(octet))), expected);
});

test("random octets never throw, and give what the twin says", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }), (chunks) => {
      assert.deepEqual(parsed(chunks), twin(Buffer.concat(chunks)), `SEED=${seed}`);
    }),
    { seed, numRuns: 5_000 },
  );
});

test("a frame that lies whole in its chunk is handed on as a part of it, without a copy", () => {
  const chunk = Buffer.concat([header(0, 100), Buffer.alloc(100, 7), header(0, 1), Buffer.alloc(1)]);
  const seen: Uint8Array[] = [];
  const parser = new FrameParser(limits, {
    onMessage: (bytes) => seen.push(bytes),
    onPing: () => assert.fail(),
  });
  parser.push(chunk);
  assert.equal(seen.length, 2);
  for (const bytes of seen) assert.equal(bytes.buffer, chunk.buffer);
});

test("after a problem nothing more is handed on", () => {
  const sink = { onMessage: () => assert.fail("handed on"), onPing: () => assert.fail("handed on") };
  const parser = new FrameParser(limits, sink);
  assert.equal(parser.push(header(7, 0)), "reserved frame type");
  assert.equal(parser.push(Buffer.concat([header(0, 1), Buffer.alloc(1)])), "reserved frame type");
});

test("the exponent of a limit is that of the largest power of two which is not above it", () => {
  for (let exponent = 0; exponent < 16; exponent++) {
    assert.equal(bytesOfExponent(exponent), 2 ** (exponent + 9));
    assert.equal(lengthExponent(bytesOfExponent(exponent)), exponent);
    if (exponent > 0) assert.equal(lengthExponent(bytesOfExponent(exponent) - 1), exponent - 1);
  }
});

function shaken(pieces: readonly Uint8Array[]): HandshakeResult {
  const handshake = new Handshake();
  let result: HandshakeResult = { kind: "more" };
  for (const piece of pieces) {
    assert.equal(result.kind, "more");
    result = handshake.push(piece);
  }
  return result;
}

test("every possible second octet is accepted or refused as the specification says, in one piece and octet by octet", () => {
  for (let octet = 0; octet < 256; octet++) {
    const serializer = octet & 15;
    const whole = Buffer.from([0x7f, octet, 0, 0]);
    for (const pieces of [[whole], [...whole].map((one) => Uint8Array.of(one))]) {
      const result = shaken(pieces);
      if (serializer < 1 || serializer > 3) {
        assert.deepEqual(result, { kind: "refused", error: HandshakeError.serializer });
      } else {
        assert.ok(result.kind === "accepted");
        assert.equal(result.serializer, serializer);
        assert.equal(result.peerFrameBytes_max, 2 ** ((octet >> 4) + 9));
        assert.equal(result.rest.length, 0);
      }
    }
  }
});

test("octets behind the handshake are the first frame's", () => {
  const result = shaken([Buffer.from([0x7f, 0xf1]), Buffer.from([0, 0, 1, 2, 3])]);
  assert.ok(result.kind === "accepted");
  assert.deepEqual([...result.rest], [1, 2, 3]);
});

test("a first octet that is not RawSocket's is seen at once; reserved octets are refused", () => {
  for (let octet = 0; octet < 256; octet++) {
    assert.equal(shaken([Uint8Array.of(octet)]).kind, octet === 0x7f ? "more" : "foreign");
  }
  const reserved = { kind: "refused", error: HandshakeError.reserved };
  assert.deepEqual(shaken([Buffer.from([0x7f, 0xf1, 1, 0])]), reserved);
  assert.deepEqual(shaken([Buffer.from([0x7f, 0xf1, 0, 0x80])]), reserved);
});

test("answers and headers are the specification's octets", () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  assert.equal(hex(acceptance(2, 1 << 20)), "7fb20000");
  assert.equal(hex(acceptance(1, 1 << 24)), "7ff10000");
  assert.equal(hex(refusal(HandshakeError.connections)), "7f400000");
  assert.equal(hex(controlFrame("ping", Uint8Array.of(9))), "0100000109");
  assert.equal(hex(controlFrame("pong", new Uint8Array(0))), "02000000");
  const target = new Uint8Array(12);
  assert.equal(messageHeaders.write(target, 0, 0x012345), 4);
  assert.equal(messageHeaders.write(target, 4, 1 << 24), 8);
  assert.equal(messageHeaders.write(target, 8, 0xffffff), 12);
  assert.equal(hex(target), "00012345" + "08000000" + "00ffffff");
});
