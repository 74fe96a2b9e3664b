import assert from "node:assert/strict";
import test from "node:test";
import * as msgpack from "@msgpack/msgpack";
// Not "cbor-x" itself: it loads a native addon that aborts Bun.
import { Decoder } from "cbor-x/decode";
import { Encoder } from "cbor-x/encode";
import fc from "fast-check";
import { CodecKernels, writeStatus } from "../support/codec-kernels.ts";
import {
  assertFollowsTable,
  assertSays,
  decided,
  pairsOfFormats,
  written,
} from "../support/transcode-twin.ts";
import { values } from "../support/value-arbitraries.ts";
import { type Format, formats, fromBase64, plain, settled, type Value } from "../support/value-model.ts";
import { readJson } from "../support/value-read.ts";
import { picker } from "../support/value-write.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const runs = Number(process.env["RUNS"] ?? 300);
const options = { seed, numRuns: runs };
const kernels = new CodecKernels();
const about = `seed ${seed}`;

for (const [from, to] of pairsOfFormats) {
  test(`any ${from} value in any form becomes in ${to} what the table says`, (t) => {
    t.diagnostic(about);
    fc.assert(
      fc.property(values(from, { odd: true }), fc.integer(), (value, choices) => {
        const frame = written(from, value, picker(choices));
        assertFollowsTable(kernels, { value, frame, from, to }, about);
      }),
      options,
    );
  });
}

test("a value that stays in its format keeps its bytes", () => {
  for (const format of formats) {
    fc.assert(
      fc.property(values(format, { odd: true }, 2), fc.integer(), (value, choices) => {
        const frame = written(format, value, picker(choices));
        assert.deepStrictEqual(kernels.transcode(format, format, frame), { bytes: frame }, about);
      }),
      options,
    );
  }
});

/** Something in the value, or the value itself. */
function some(value: Value, is: (value: Value) => boolean): boolean {
  if (is(value)) return true;
  if (value.kind === "array") return value.items.some((item) => some(item, is));
  return value.kind === "map" && value.pairs.some((pair) => pair.some((item) => some(item, is)));
}

const notFinite = (value: Value): boolean => value.kind === "float" && !Number.isFinite(value.value);
/** Text that the binary convention of JSON takes for binary. */
const binaryLookalike = (value: Value): boolean =>
  value.kind === "text" && value.value.startsWith("\u0000") && fromBase64(value.value.slice(1)) !== undefined;

test("there and back again is where it began", () => {
  for (const [from, to] of pairsOfFormats) {
    fc.assert(
      fc.property(values(from, { odd: false }), (value) => {
        if (to === "json") fc.pre(!some(value, (v) => notFinite(v) || binaryLookalike(v)));
        const frame = written(from, value);
        const there = kernels.transcode(from, to, frame);
        assert.ok("bytes" in there, `${about}, ${from} to ${to}`);
        const back = kernels.transcode(to, from, there.bytes);
        assert.ok("bytes" in back, `${about}, ${to} back to ${from}`);
        assertSays(back.bytes, from, value, `${about}, ${from} to ${to} and back`);
      }),
      options,
    );
  }
});

test("the output stays within its bound, whatever the bound, and a bound that suffices changes nothing", () => {
  for (const [from, to] of pairsOfFormats) {
    fc.assert(
      fc.property(values(from, { odd: true }, 2), fc.integer(), (value, choices) => {
        const frame = written(from, value, picker(choices));
        const free = kernels.transcode(from, to, frame);
        const exact = "bytes" in free ? free.bytes.length : Math.min(frame.length * 6, 400);
        fc.pre(exact <= 400);
        for (let room = 0; room < exact; ++room) {
          const result = kernels.transcode(from, to, frame, room);
          // With less room the walk may end before it meets what cannot be said.
          const status = "status" in result ? result.status : writeStatus.none;
          if ("bytes" in free)
            assert.equal(status, writeStatus.tooLarge, `${about}, ${from} to ${to}, room ${room}`);
          else assert.notEqual(status, writeStatus.none, `${about}, ${from} to ${to}, room ${room}`);
        }
        if ("bytes" in free) assert.deepStrictEqual(kernels.transcode(from, to, frame, exact), free, about);
      }),
      { ...options, numRuns: Math.ceil(runs / 6) },
    );
  }
});

test("what was never validated neither traps nor leaves the bounds", () => {
  for (const [from, to] of pairsOfFormats) {
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(values(from, { odd: true }, 2), fc.nat(), fc.nat({ max: 255 })).map(([value, at, byte]) => {
        const frame = written(from, value).slice(0, 300);
        if (frame.length > 0) frame[at % frame.length] = byte;
        return frame;
      }),
    );
    fc.assert(
      fc.property(frames, (frame) => {
        for (const room of [0, 10, 100, 4000]) kernels.transcode(from, to, frame, room);
      }),
      { ...options, numRuns: runs * 2 },
    );
  }
});

// ---- against the npm libraries, whose values are JavaScript's: 5 and 5.0 are the same, and a map has each key once

const cborEncoder = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false });
const cborDecoder = new Decoder({ useRecords: false, mapsAsObjects: true });

const encode: Record<Format, (value: Value) => Uint8Array> = {
  // JSON.stringify knows neither integers of 64 bits nor binary; the slow writer does.
  json: (value) => written("json", decided(value, "msgpack", "json")!),
  msgpack: (value) => msgpack.encode(plain(value), { useBigInt64: true, ignoreUndefined: false }),
  cbor: (value) => new Uint8Array(cborEncoder.encode(plain(value))),
};

const decode: Record<Format, (bytes: Uint8Array) => unknown> = {
  json: (bytes) => plain(readJson(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))),
  msgpack: (bytes) => settled(msgpack.decode(bytes, { useBigInt64: true })),
  cbor: (bytes) => settled(cborDecoder.decode(Buffer.from(bytes))),
};

/**
 * What the libraries do not keep is left out: -0 becomes 0 in both encoders, `__proto__` is refused by one decoder and renamed by the
 * other. Nor can JSON say NaN.
 */
const beyondLibraries = (value: Value): boolean =>
  notFinite(value) ||
  (value.kind === "float" && Object.is(value.value, -0)) ||
  (value.kind === "text" && value.value === "__proto__");

/** The value as the far end of the hop should see it: through the table twice when the near end wrote JSON. */
function expectedAtFarEnd(value: Value, from: Format, to: Format): Value {
  const sent = from === "json" ? decided(value, "msgpack", "json")! : value;
  return decided(sent, from, to)!;
}

for (const [from, to] of pairsOfFormats) {
  test(`what the npm library of ${from} wrote, that of ${to} reads`, () => {
    fc.assert(
      fc.property(values("cbor", { odd: false }), (value) => {
        fc.pre(!some(value, beyondLibraries));
        const result = kernels.transcode(from, to, encode[from](value));
        assert.ok("bytes" in result, about);
        assert.deepStrictEqual(decode[to](result.bytes), plain(expectedAtFarEnd(value, from, to)), about);
      }),
      options,
    );
  });
}
