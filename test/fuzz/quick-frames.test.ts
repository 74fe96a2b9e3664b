/**
 * The quick way through MessagePack frames against the way that any frame can go: whatever the frame, both leave the same in every
 * slot, find the same patterns, and say the same of a violation.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Serializer } from "../../src/protocol/serializers.ts";
import { Address, FSlot, Slot, Visit } from "../../src/wasm/abi.ts";
import { buildNames, hex } from "../support/codec.ts";
import { CodecKernels } from "../support/codec-kernels.ts";
import { corpus } from "../support/frame-corpus.ts";
import { type Pick, picker } from "../support/value-write.ts";

const seed = Number(process.env.SEED ?? Date.now() & 0x7fffffff);
/** FUZZ=long tries twenty times as many frames. */
const rounds = process.env.FUZZ === "long" ? 8_000 : 400;
const flagSets = [0, Visit.strictUri, Visit.strict, Visit.strictUri | Visit.strict];
const utf8 = new TextEncoder();
const slotsEnd = Address.headerU32 + 71 * 4;
/** What a cursor read last: nobody looks at it behind a visit. */
const scratchU32 = [Slot.span, Slot.spanLen, Slot.count];

const topics = 0;
const procedures = 1;
const known = [
  "a",
  "com.example.proc",
  "com.example.proc.deeper",
  `com.${"x".repeat(120)}.y`,
  "wamp.session.get",
  "12345678",
];

/** Realm 33: its scopes are 64 from those of realm 1. */
const realmBy64 = 66;
const realms = [0, 1, 2, 3, 33];

/** Realm 1 has exact patterns, realm 2 those of every policy, realm 3 none. */
function open(build: (typeof buildNames)[number]): CodecKernels {
  const kernels = new CodecKernels(build);
  const { exports } = kernels;
  exports.kernelsInit(1 << 16);
  assert.equal(exports.indexInit(1, 2, 3, 4), 1);
  const insert = (scope: number, policy: number, uri: string): void => {
    const { written } = utf8.encodeInto(
      uri,
      kernels.bytes().subarray(exports.TEXT.value, exports.TEXT.value + 2_048),
    );
    assert.notEqual(exports.indexInsert(scope, policy, exports.TEXT.value, written), 0);
  };
  for (const kind of [topics, procedures]) {
    for (const uri of known) insert(2 | kind, 0, uri);
    for (const uri of known.slice(0, 3)) insert(4 | kind, 0, uri);
    insert(realmBy64 | kind, 0, "com.example.proc");
    for (const uri of ["com.", "com.example.p", "wamp."]) insert(4 | kind, 1, uri);
    for (const uri of ["com..proc", "..", "com.example."]) insert(4 | kind, 2, uri);
  }
  return kernels;
}

interface Visited {
  readonly status: number;
  readonly slots: Uint8Array;
  readonly matches: Uint8Array;
}

/** Visits one frame by the way that `exports[way]` takes, out of slots that all said something before. */
function visitBy(
  kernels: CodecKernels,
  way: "visit" | "visitAny",
  frame: Uint8Array,
  behind: Uint8Array,
  realm: number,
  flags: number,
): Visited {
  const memory = kernels.bytes();
  memory.set(behind, kernels.frame);
  memory.set(frame, kernels.frame);
  memory.fill(0xa5, Address.header, slotsEnd);
  const u32 = new Uint32Array(memory.buffer, Address.headerU32);
  u32[Slot.format] = Serializer.msgpack;
  u32[Slot.length] = frame.length;
  const matchesAt = kernels.exports.MATCHES.value >>> 0;
  memory.fill(0xa5, matchesAt, matchesAt + 64);
  const status = kernels.exports[way](Serializer.msgpack, frame.length, realm, flags);
  for (const slot of scratchU32) u32[slot] = 0;
  new Float64Array(memory.buffer, Address.header)[FSlot.value] = 0;
  return {
    status,
    slots: memory.slice(Address.header, slotsEnd),
    matches: memory.slice(matchesAt, matchesAt + 64),
  };
}

/** Fails unless both ways say the same of the frame, with `behind` in the bytes from its start on that it does not reach. */
function compare(kernels: CodecKernels, frame: Uint8Array, behind: Uint8Array, pick: Pick): void {
  const realm = realms[pick(realms.length)]!;
  const flags = flagSets[pick(4)]!;
  const quick = visitBy(kernels, "visit", frame, behind, realm, flags);
  const any = visitBy(kernels, "visitAny", frame, behind, realm, flags);
  assert.deepEqual(quick, any, `${hex(frame)} in realm ${realm} with flags ${flags}`);
}

// ---- frames

const bytesOf = (value: bigint, width: number): number[] =>
  Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn));

function id(pick: Pick): number[] {
  const width = pick(5);
  if (width === 4) return [1 + pick(127)];
  const edges = [
    0n,
    1n,
    0xffn,
    0x100n,
    0xffffn,
    0xffffffffn,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 64n - 1n,
  ];
  const value = pick(3) === 0 ? edges[pick(edges.length)]! : BigInt(1 + pick(250));
  return [0xcc + width, ...bytesOf(value, 1 << width)];
}

function textOf(bytes: readonly number[], pick: Pick): number[] {
  const long = [0xda, bytes.length >> 8, bytes.length & 0xff, ...bytes];
  if (bytes.length > 255 || pick(20) === 0) return long;
  return bytes.length > 31 || pick(8) === 0
    ? [0xd9, bytes.length, ...bytes]
    : [0xa0 | bytes.length, ...bytes];
}

const letters = "abcxyz0189_.ABZ-~!#\u0020\t\u007f";
const wide = ["é", "ü", "\u00a0", "\u2028", "漢", "😀", "\ufeff"];

function uri(pick: Pick): number[] {
  if (pick(2) === 0) return textOf([...utf8.encode(known[pick(known.length)]!)], pick);
  if (pick(10) === 0) return textOf([...utf8.encode(`${"a.".repeat(60 + pick(8))}a`)], pick);
  const first = ["", "", "wamp", "spanwire", "bondy", "wamp.", "spanwire.x", "bondy.", "wampx", "."][
    pick(10)
  ]!;
  // Most texts are of few characters, so that most of them are URIs.
  const alphabet = pick(4) === 0 ? letters.length : 12;
  const length = pick(5) === 0 ? pick(300) : pick(24);
  let text = first;
  for (let i = 0; i < length; ++i)
    text += pick(60) === 0 && alphabet !== 12 ? wide[pick(wide.length)]! : letters[pick(alphabet)]!;
  return textOf([...utf8.encode(text)], pick);
}

function value(pick: Pick, depth: number): number[] {
  const raw = (length: number): number[] => Array.from({ length }, () => pick(256));
  if (pick(50) === 0) return [...new Array<number>(58 + pick(8)).fill(0x91), 1];
  switch (pick(depth > 0 ? 14 : 11)) {
    case 0:
      return [pick(128)];
    case 1:
      return [0xe0 + pick(32)];
    case 2:
      return [0xc0 + 2 * pick(2)];
    case 3:
      return [0xca + pick(2), ...raw(4)];
    case 4:
      return [0xcc + pick(8), ...raw(8)].slice(0, 2 + pick(8));
    case 5: {
      const length = pick(40);
      return [0xc4, length, ...raw(length)];
    }
    case 6: {
      const length = pick(300);
      return [0xc5, length >> 8, length & 0xff, ...raw(length)];
    }
    case 7:
      return [0xd4 + pick(5), ...raw(3)];
    case 8:
      return textOf([...utf8.encode("é漢😀".repeat(pick(4)) + "x".repeat(pick(20)))], pick);
    case 9:
      return textOf(raw(pick(12)), pick);
    case 10:
      return textOf(
        Array.from({ length: pick(pick(4) === 0 ? 260 : 30) }, () => pick(128)),
        pick,
      );
    case 11: {
      const count = pick(4);
      return [0x90 | count, ...Array.from({ length: count }, () => value(pick, depth - 1)).flat()];
    }
    case 12:
      return [0x81, ...textOf([0x61], pick), ...value(pick, depth - 1)];
    default:
      return [0xdc, 0, 1, ...value(pick, depth - 1)];
  }
}

const dicts = [
  [0x81, 0xa7, ...utf8.encode("timeout"), 0xcd, 3, 232],
  [0x81, 0xa8, ...utf8.encode("progress"), 0xc3],
  [0x82, 0xab, ...utf8.encode("acknowledge"), 0xc3, 0xa7, ...utf8.encode("exclude"), 0x92, 1, 2],
  [0x82, 0xaa, ...utf8.encode("ppt_scheme"), 0xa1, 0x78, 0xa4, ...utf8.encode("rkey"), 0xa1, 0x79],
  [0x81, 0xa7, ...utf8.encode("timeout"), 0xa1, 0x78],
  [0x82, 0xa1, 0x61, 1, 0xa1, 0x62, 0xc0],
  [0xde, 0, 0],
  [0xc0],
];

/** A frame much like those that clients send; `odd` ones break a rule now and then. */
function frameOf(pick: Pick, odd: boolean): Uint8Array {
  const types = [16, 48, 70, 8];
  const type = odd && pick(10) === 0 ? pick(128) : types[pick(4)]!;
  if (pick(10) === 0) return Uint8Array.from([0x92, 0xcd, 1, 81, ...(odd ? id(pick) : [0xcd, 2, pick(256)])]);
  const hasUri = type !== 70;
  const parts = pick(4) === 0 ? 0 : 1 + (pick(3) % 2);
  const dict = odd && pick(3) === 0 ? dicts[pick(dicts.length)]! : [0x80];
  const count = odd ? pick(5) : pick(4);
  const args = [
    0x90 | count,
    ...Array.from({ length: count }, () => (odd ? value(pick, 2) : [0xa2, 0x68, 0x69])).flat(),
  ];
  const kwargs = [[0x80], [0x81, 0xa1, 0x6b, ...(odd ? value(pick, 1) : [5])], [0x81, 5, 5], [0xc0]][
    odd ? pick(4) : pick(2)
  ]!;
  const elements = [
    type === 16 && odd && pick(20) === 0 ? [0xcc, 16] : [type],
    ...(type === 8 ? [odd && pick(10) === 0 ? id(pick) : [68]] : []),
    odd ? id(pick) : [0xcd, 1, pick(256)],
    dict,
    ...(hasUri ? [odd ? uri(pick) : textOf([...utf8.encode(known[pick(known.length)]!)], () => 1)] : []),
    ...(parts > 0 ? [odd && pick(12) === 0 ? [0xc0] : args] : []),
    ...(parts > 1 ? [kwargs] : []),
  ];
  return Uint8Array.from([0x90 | elements.length, ...elements.flat()]);
}

function changed(frame: Uint8Array, pick: Pick): Uint8Array {
  const copy = [...frame];
  const at = pick(frame.length);
  const way = pick(4);
  if (way === 0) copy.splice(at, 1);
  else if (way === 1) copy.splice(at, 0, pick(256));
  else if (way === 2) copy[at] = copy[at]! ^ (1 << pick(8));
  else copy[at] = pick(256);
  return Uint8Array.from(copy);
}

for (const build of buildNames) {
  test(`what clients send as a rule is read in the quick way, and says the same (${build})`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const pick = picker(seed);
    const kernels = open(build);
    for (let i = 0; i < rounds; ++i) {
      const frame = frameOf(pick, false);
      kernels.bytes().set(frame, kernels.frame);
      assert.equal(kernels.exports.isQuick(frame.length, 0), 1, hex(frame));
      compare(kernels, frame, frame, pick);
    }
  });

  test(`any frame, cut anywhere or damaged, leaves the same in all slots by either way (${build})`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const pick = picker(seed + 1);
    const kernels = open(build);
    let quick = 0;
    for (let i = 0; i < rounds; ++i) {
      const frame = frameOf(pick, true);
      kernels.bytes().set(frame, kernels.frame);
      quick += kernels.exports.isQuick(frame.length, 0);
      for (let length = 0; length <= frame.length; ++length)
        compare(kernels, frame.subarray(0, length), frame, pick);
      for (let change = 0; change < 20; ++change) {
        const damaged = changed(frame, pick);
        compare(kernels, damaged, Uint8Array.from([...damaged, 0xc0]), pick);
      }
      compare(kernels, Uint8Array.from([...frame, pick(256)]), frame, pick);
    }
    t.diagnostic(`${quick} of ${rounds} frames were read in the quick way`);
    assert.ok(quick > rounds / 10 && quick < rounds);
  });

  test(`frames of every message type leave the same in all slots by either way (${build})`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const pick = picker(seed + 2);
    const kernels = open(build);
    for (const { serializer, bytes } of corpus(seed)) {
      if (serializer !== Serializer.msgpack) continue;
      for (let length = 0; length <= bytes.length; ++length)
        compare(kernels, bytes.subarray(0, length), bytes, pick);
    }
  });
}
