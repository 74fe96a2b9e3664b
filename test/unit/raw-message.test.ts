import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { rawDict, rawList, rawMembers_max, rawValue } from "../../src/protocol/raw-message.ts";
import { Serializer, serializerName } from "../../src/protocol/serializers.ts";

/** Counts at which heads change their form. */
const counts = [0, 1, 2, 15, 16, 23, 24, 255, 256, 65_535];

for (const serializer of Object.values(Serializer)) {
  const name = serializerName(serializer);
  const bytesOf = (value: unknown): Uint8Array => rawValue(serializer, value);

  test(`${name}: a list of encoded members is the encoded list`, () => {
    for (const count of counts) {
      const items = Array.from({ length: count }, (_, i) => i % 40);
      const raw = rawList(
        serializer,
        items.map((item) => bytesOf(item)),
      );
      assert.deepEqual(raw, encodeMessage(serializer, items), `${count} members`);
    }
  });

  test(`${name}: a dictionary of encoded members is the encoded dictionary`, () => {
    for (const count of counts.slice(0, -1)) {
      const entries = Array.from({ length: count }, (_, i): [string, unknown] => [`k"${i}ü`, [i, null]]);
      const raw = rawDict(
        serializer,
        entries.map(([key, value]) => [key, bytesOf(value)]),
      );
      assert.deepEqual(raw, bytesOf(Object.fromEntries(entries)), `${count} members`);
    }
  });

  test(`${name}: containers lie in one another like values`, () => {
    const value = [
      50,
      7,
      {},
      [{ args: ["ü", Uint8Array.of(0, 255)], kwargs: { "": null } }, { error: "a.b" }],
    ];
    const [type, request, details] = value;
    const entry = rawDict(serializer, [
      ["args", rawList(serializer, ["ü", Uint8Array.of(0, 255)].map(bytesOf))],
      ["kwargs", rawDict(serializer, [["", bytesOf(null)]])],
    ]);
    const entries = rawList(serializer, [entry, bytesOf({ error: "a.b" })]);
    const message = rawList(serializer, [...[type, request, details].map(bytesOf), entries]);
    assert.deepEqual(message, encodeMessage(serializer, value));
  });

  test(`${name}: more members than a head can count are a fault of the router's`, () => {
    const one = bytesOf(1);
    const items = Array.from({ length: rawMembers_max + 1 }, () => one);
    if (serializer !== Serializer.json) assert.throws(() => rawList(serializer, items));
  });
}
