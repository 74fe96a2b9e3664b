/**
 * Broken frames: every frame of a corpus cut at every byte and with every byte changed. A visit must neither trap nor disagree with
 * its slow twin on what a message is; what it accepts, the decoders of other projects must read the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode as decodeMsgpack } from "@msgpack/msgpack";
import { Decoder as CborDecoder } from "cbor-x/decode";
import fc from "fast-check";
import type { Serializer } from "../../src/protocol/serializers.ts";
import { Slot, Status, Visit, WriteStatus } from "../../src/wasm/abi.ts";
import type { Codec } from "../../src/wasm/codec.ts";
import { type Build, buildNames, hex, openCodec, visited } from "../support/codec.ts";
import { type CorpusFrame, corpus } from "../support/frame-corpus.ts";
import { type ModelMessage, readFrame, readMessage } from "../support/message-model.ts";
import { assertSays, decided, written as writtenAs } from "../support/transcode-twin.ts";
import { uriStatusModel } from "../support/uri-model.ts";
import { values } from "../support/value-arbitraries.ts";
import {
  array,
  type Format,
  formatNumber,
  formats,
  int,
  map,
  plain,
  settled,
  text,
  type Value,
} from "../support/value-model.ts";

const seed = Number(process.env.SEED ?? Date.now() & 0x7fffffff);
/** FUZZ=long tries every change at every byte, which takes a minute; otherwise each byte meets two of them. */
const long = process.env.FUZZ === "long";
const cborDecoder = new CborDecoder({ useRecords: false });

const libraries: Readonly<Record<Format, (bytes: Uint8Array) => unknown>> = {
  json: (bytes) => JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)),
  msgpack: (bytes) => decodeMsgpack(bytes, { useBigInt64: true }),
  cbor: (bytes) => cborDecoder.decode(bytes),
};

/** Why the libraries' reading of a value cannot be compared; null when it can. */
function exclusion(value: Value): string | null {
  switch (value.kind) {
    case "array":
      return value.items.map(exclusion).find((reason) => reason !== null) ?? null;
    case "map":
      for (const [key, item] of value.pairs) {
        if (key.kind !== "text") return "key that is no text";
        if (key.value === "__proto__") return "key __proto__";
        const inside = exclusion(item);
        if (inside !== null) return inside;
      }
      return null;
    case "int":
      return value.value > 2n ** 53n || value.value < -(2n ** 53n) ? "integer beyond 2^53" : null;
    case "tag":
    case "simple":
    case "ext":
    case "undefined":
      return value.kind;
    default:
      return null;
  }
}

interface Counts {
  accepted: number;
  refused: number;
  compared: number;
  excluded: Record<string, number>;
}

const wellFormed = (source: string): string => source.replace(/\p{Surrogate}/gu, "\ufffd");

/** The frame as its slow twin reads it. */
function modelOf(
  format: Format,
  bytes: Uint8Array,
  strict: boolean,
): { frame: Value; message: ModelMessage } | null {
  try {
    const frame = readFrame(format, bytes);
    const message = readMessage(frame, strict);
    return message === null ? null : { frame, message };
  } catch {
    return null;
  }
}

/** Asserts that the slots of the last visit say what the model says. */
function checkSlots(codec: Codec, format: Format, message: ModelMessage): void {
  const found = visited(codec);
  const parts = { type: found.type, request: found.request, id: found.id, id2: found.id2, uri: found.uri };
  const { type, request, id, id2, uri } = message;
  assert.deepEqual(parts, { type, request, id, id2, uri: wellFormed(uri) });
  const hasUri = codec.u(Slot.uriLen) !== 0 || codec.u(Slot.uri) !== 0;
  if (hasUri) assert.equal(found.uriStatus, uriStatusModel(wellFormed(uri), message.match, false));
  for (const part of ["options", "args", "kwargs"] as const) {
    const raw = found[part];
    assert.deepEqual(raw === null ? null : readFrame(format, raw), message[part], part);
  }
}

const wellFormedText = (value: Value): Value =>
  value.kind === "text" ? text(wellFormed(value.value)) : value;

/** Writes the visited payload for every serializer, and reads it back. */
function checkWriters(codec: Codec, format: Format, { args, kwargs, opaque }: ModelMessage): void {
  for (const to of formats) {
    const length = codec.writeEvent(formatNumber[to], 5, 6, 0);
    const parts = [args ?? (kwargs === null ? null : array()), kwargs].filter((part) => part !== null);
    const expected = parts.map((part) => decided(part, format, to));
    const details = map(...opaque.map(([key, value]) => [key, wellFormedText(value)] as const));
    if (expected.includes(undefined)) {
      assert.deepEqual([length, codec.writeStatus], [0, WriteStatus.unrepresentable], `to ${to}`);
      continue;
    }
    assert.notEqual(length, 0, `to ${to}: status ${codec.writeStatus}`);
    const event = readFrame(to, codec.outFrame(length));
    assert.deepEqual(event, array(int(36), int(5), int(6), details, ...(expected as Value[])), `to ${to}`);
  }
}

function compareWithLibrary(counts: Counts, format: Format, bytes: Uint8Array, frame: Value): void {
  const reason = exclusion(frame);
  if (reason !== null) {
    counts.excluded[reason] = (counts.excluded[reason] ?? 0) + 1;
    return;
  }
  let decoded: unknown;
  try {
    decoded = libraries[format](bytes);
  } catch (cause) {
    // The only well-formed input that one of them is known to refuse.
    assert.match(String(cause), /Indefinite length not supported/);
    counts.excluded["text or binary in chunks"] = (counts.excluded["text or binary in chunks"] ?? 0) + 1;
    return;
  }
  ++counts.compared;
  assert.deepEqual(settled(decoded), plain(frame));
}

function check(frame: CorpusFrame, counts: Counts, flags: number): void {
  try {
    checkFrame(frame, counts, flags);
  } catch (cause) {
    const { format, bytes } = frame;
    const shown = format === "json" ? JSON.stringify(Buffer.from(bytes).toString()) : hex(bytes);
    throw new Error(`SEED=${seed}, flags ${flags}, ${format} ${shown}`, { cause });
  }
}

function checkFrame({ serializer, format, bytes }: CorpusFrame, counts: Counts, flags: number): void {
  const model = modelOf(format, bytes, (flags & Visit.strict) !== 0);
  ++counts[model === null ? "refused" : "accepted"];
  for (const codec of codecs) {
    const accepted = codec.visit(serializer, bytes, 3, flags) === Status.ok;
    if (accepted !== (model !== null)) assert.fail(`${accepted ? "accepted" : codec.violation()}`);
    if (model === null) continue;
    checkSlots(codec, format, model.message);
    checkWriters(codec, format, model.message);
  }
  if (model !== null) compareWithLibrary(counts, format, bytes, model.frame);
}

const codecs = buildNames.map((build: Build) => openCodec(build));
const frames = corpus(seed);
const noCounts = (): Counts => ({ accepted: 0, refused: 0, compared: 0, excluded: {} });

for (const format of formats) {
  const own = frames.filter((frame) => frame.format === format);

  test(`every ${format} frame of the corpus is accepted whole, and cut at any byte refused without a trap`, (t) => {
    const counts = noCounts();
    for (const frame of own) {
      check(frame, counts, 0);
      for (let length = 0; length < frame.bytes.length; ++length)
        check({ ...frame, bytes: frame.bytes.slice(0, length) }, counts, 0);
    }
    t.diagnostic(JSON.stringify(counts));
    assert.ok(counts.accepted >= own.length && counts.compared > 0);
  });

  test(`${format} frames with any one byte changed are read as their slow twin and other decoders read them`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const counts = noCounts();
    const changes = [1, 2, 4, 8, 16, 32, 64, 128, 0x11, 0x5a, 0xff];
    let turn = seed;
    for (const frame of own) {
      for (let at = 0; at < frame.bytes.length; ++at) {
        for (let i = 0; i < (long ? changes.length : 2); ++i) {
          const bytes = frame.bytes.slice();
          bytes[at]! ^= changes[++turn % changes.length]!;
          check({ ...frame, bytes }, counts, turn % 2 === 0 ? 0 : Visit.strict);
        }
      }
    }
    t.diagnostic(JSON.stringify(counts));
    assert.ok(counts.compared > 0 && counts.refused > 0, "something was compared, and something refused");
  });

  test(`${format} frames with bytes inserted, removed and repeated are read as their slow twin reads them`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const counts = noCounts();
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 3 }),
      insert: fc.uint8Array({ maxLength: 3 }),
      repeat: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.constantFrom(...own), fc.array(edit, { minLength: 1, maxLength: 3 }), (frame, edits) => {
        let bytes: number[] = [...frame.bytes];
        for (const { at, remove, insert, repeat } of edits) {
          const start = at % (bytes.length + 1);
          const added = repeat ? bytes.slice(start, start + insert.length) : [...insert];
          bytes = [...bytes.slice(0, start), ...added, ...bytes.slice(start + remove)];
        }
        check({ ...frame, bytes: Uint8Array.from(bytes) }, counts, 0);
      }),
      { seed, numRuns: long ? 100_000 : 2_000 },
    );
    t.diagnostic(JSON.stringify(counts));
  });

  test(`random ${format} payloads reach receivers of every serializer`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const items = fc.array(values(format, { odd: false }, 3), { maxLength: 4 });
    const pairs = fc.array(fc.tuple(fc.string().map(text), values(format, { odd: false }, 3)), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(items, pairs, (args, kwargs) => {
        const message = array(int(16), int(1), map(), text("com.example"), array(...args), map(...kwargs));
        const bytes = writtenAs(format, message);
        for (const codec of codecs) {
          assert.equal(
            codec.visit(formatNumber[format] as Serializer, bytes, 0, Visit.strict),
            Status.ok,
            codec.violation(),
          );
          const model = modelOf(format, bytes, true)!;
          checkSlots(codec, format, model.message);
          checkWriters(codec, format, model.message);
          const raw = visited(codec).args;
          if (raw !== null) assertSays(raw, format, array(...args), `SEED=${seed}`);
        }
      }),
      { seed, numRuns: long ? 10_000 : 200 },
    );
  });
}
