/** The MessagePack cursor, through whole frames: YIELD with one argument, and UNSUBSCRIBE for its ids. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { Serializer } from "../../src/protocol/serializers.ts";
import { FSlot } from "../../src/wasm/abi.ts";
import { buildNames, fromHex, hex, openCodec, verdict } from "../support/codec.ts";
import { readMsgpack } from "../support/msgpack-model.ts";
import { Malformed } from "../support/value-read.ts";

const seed = Number(process.env.SEED ?? Date.now() & 0x7fffffff);
const codec = openCodec();

/** The verdict on a value as the only argument of a message. */
const judge = (value: Uint8Array, on = codec): string =>
  verdict(on, Serializer.msgpack, Uint8Array.from([0x94, 0x46, 0x01, 0x80, 0x91, ...value]));
const judgeHex = (value: string): string => judge(fromHex(value));

/** The id that these bytes stand for, or the violation. */
function idOf(bytes: string): number | string {
  const result = verdict(codec, Serializer.msgpack, fromHex(`93 22 01 ${bytes}`));
  return result === "ok" ? codec.f(FSlot.id) : result;
}

test("every marker is known, and 0xc1 is reserved", () => {
  const tails = new Map<number, string>([
    [0xc4, "01 00"],
    [0xc5, "0001 00"],
    [0xc6, "00000001 00"],
    [0xc7, "01 05 00"],
    [0xc8, "0001 05 00"],
    [0xc9, "00000001 05 00"],
    [0xd9, "01 61"],
    [0xda, "0001 61"],
    [0xdb, "00000001 61"],
    [0xdc, "0001 00"],
    [0xdd, "00000001 00"],
    [0xde, "0001 00 00"],
    [0xdf, "00000001 00 00"],
  ]);
  for (let marker = 0; marker < 256; ++marker) {
    if (marker === 0xc1) continue;
    const tail = tails.get(marker) ?? "00".repeat(40);
    const bytes = fromHex(marker.toString(16).padStart(2, "0") + tail);
    const value = bytes.slice(0, readMsgpack(bytes, 8).length);
    assert.equal(judge(value), "ok", hex(value));
    for (let length = 0; length < value.length; ++length)
      assert.equal(judge(value.slice(0, length)), "malformed", `${hex(value)} cut to ${length} bytes`);
    assert.equal(judge(Uint8Array.from([...value, 0xc0])), "trailing", hex(value));
  }
  assert.equal(judgeHex("c1"), "malformed");
});

test("lengths that promise more than the frame holds are refused at once, however large", () => {
  for (const bytes of [
    "c6 ffffffff",
    "c9 ffffffff 01",
    "db ffffffff 61",
    "dd ffffffff 00",
    "df ffffffff 00",
    "df 80000000 00",
    "df 7fffffff 00",
    "dd 00000002 00",
  ])
    assert.equal(judgeHex(bytes), "malformed", bytes);
});

test("ids are read from every numeric form", () => {
  for (const [bytes, value] of [
    ["01", 1],
    ["7f", 127],
    ["cc ff", 255],
    ["cd ffff", 65_535],
    ["ce ffffffff", 2 ** 32 - 1],
    ["cf 0020000000000000", 2 ** 53],
    ["d0 7f", 127],
    ["d1 7fff", 32_767],
    ["d2 7fffffff", 2 ** 31 - 1],
    ["d3 0020000000000000", 2 ** 53],
    ["ca 3f800000", 1],
    ["cb 4340000000000000", 2 ** 53],
  ] as const)
    assert.equal(idOf(bytes), value, bytes);
});

test("numbers that are no ids are refused in every numeric form", () => {
  for (const bytes of [
    "ff",
    "d0 ff",
    "d1 ffff",
    "d2 ffffffff",
    "d3 ffffffffffffffff",
    "cf 0020000000000001",
    "cf ffffffffffffffff",
    "d3 7fffffffffffffff",
    "ca 3fc00000",
    "cb 4340000000000001",
    "cb 7ff8000000000000",
    "cb 7ff0000000000000",
    "cb fff0000000000000",
    "cb bff0000000000000",
    "00",
    "cb 8000000000000000",
  ])
    assert.equal(idOf(bytes), "idRange", bytes);
  for (const bytes of ["c0", "c3", "a131", "c40131", "90", "80", "d40100"])
    assert.equal(idOf(bytes), "elementType", bytes);
});

test("an id cut short is malformed, whatever follows in memory", () => {
  for (const bytes of [
    "cc01",
    "cd0001",
    "ce00000001",
    "cf0000000000000001",
    "d001",
    "d10001",
    "d200000001",
    "ca3f800000",
  ]) {
    const whole = fromHex(`93 22 01 ${bytes}`);
    assert.equal(verdict(codec, Serializer.msgpack, whole), "ok");
    for (let length = 3; length < whole.length; ++length)
      assert.equal(
        verdict(codec, Serializer.msgpack, whole.slice(0, length)),
        "malformed",
        `${bytes} cut to ${length}`,
      );
  }
});

for (const build of buildNames) {
  test(`the cursor and its slow twin agree on arbitrary bytes, in the ${build} build`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const built = openCodec(build);
    // Small markers and lengths, so that containers and strings often close properly.
    const byte = fc.oneof(
      {
        arbitrary: fc.constantFrom(0x90, 0x91, 0x92, 0x80, 0x81, 0xa0, 0xa1, 0xa2, 0x61, 0xc3, 0xa9),
        weight: 4,
      },
      { arbitrary: fc.constantFrom(0, 1, 2, 3, 0xc4, 0xc7, 0xd9, 0xdc, 0xde, 0xd4, 0xcc, 0xcd), weight: 3 },
      { arbitrary: fc.integer({ min: 0, max: 255 }), weight: 1 },
    );
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3 }),
        fc.array(byte, { minLength: 1, maxLength: 24 }),
        (front, rest) => {
          const bytes = Uint8Array.from(front.length === 3 ? [...front, ...rest] : rest);
          let end = -1;
          try {
            end = readMsgpack(bytes, 62).length;
          } catch (cause) {
            if (!(cause instanceof Malformed)) throw cause;
          }
          ++counts[end < 0 ? "refused" : "accepted"];
          // What lies behind the value would be a second element of the message.
          const value = end < 0 ? bytes : bytes.slice(0, end);
          assert.equal(judge(value, built) === "ok", end >= 0, hex(bytes));
        },
      ),
      { seed, numRuns: 20_000 },
    );
    t.diagnostic(JSON.stringify(counts));
    assert.ok(counts.accepted > 1_000 && counts.refused > 1_000, "both outcomes were met");
  });

  test(`every value that an encoder makes is accepted, and no part of it, in the ${build} build`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const built = openCodec(build);
    const value = fc.anything({
      withBigInt: false,
      withNullPrototype: false,
      maxDepth: 4,
      withTypedArray: false,
    });
    fc.assert(
      fc.property(value, fc.nat(), (sample, cut) => {
        const bytes = encode(sample, { ignoreUndefined: true });
        assert.equal(judge(bytes, built), "ok", hex(bytes));
        assert.notEqual(judge(bytes.slice(0, cut % bytes.length), built), "ok", hex(bytes));
      }),
      { seed, numRuns: 5_000 },
    );
  });
}
