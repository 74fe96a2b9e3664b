import assert from "node:assert/strict";
import { test } from "node:test";
import { hashId, hashKey, shardWeight } from "../../src/router/dealer/shard-hash.ts";

const utf8 = new TextEncoder();
const keyOf = (text: string): number => hashKey(utf8.encode(text));

const shardSets = {
  "letters as keys": ["a", "b", "c", "d", "e"].map(keyOf),
  "small ids": [1, 2, 3, 4, 5].map(hashId),
  "large ids": [1, 2, 3, 4, 5].map((n) => hashId(2 ** 53 - n * 2 ** 32)),
  "many keys": Array.from({ length: 50 }, (_, i) => keyOf(`node-${i}`)),
};
const keySets = {
  counted: (i: number) => keyOf(String(i)),
  addresses: (i: number) => keyOf(`user:${i}@example.com`),
  binary: (i: number) => hashKey(Uint8Array.of(i >>> 24, i >>> 16, i >>> 8, i)),
};
const keyCount = 20_000;

/** The slow twin of the choice among members: the first of the heaviest. */
function choose(shards: readonly number[], key: number): number {
  const weights = shards.map((shard) => shardWeight(shard, key));
  return weights.indexOf(Math.max(...weights));
}

/** Sum of squared deviations from an even spread: around its degrees of freedom, `counts.length - 1`, for a good hash. */
function chiSquare(counts: readonly number[], total: number): number {
  const due = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - due) ** 2 / due, 0);
}

const tally = (places: readonly number[], of: number): number[] =>
  Array.from({ length: of }, (_, i) => places.filter((place) => place === i).length);

test("[R-09] numbers of keys and shards never change: routers of different versions agree", () => {
  const keys = { "": 1159164960, a: 635161467, b: 3902840678, "customer 17": 1141042188 };
  for (const [text, number] of Object.entries(keys)) assert.equal(keyOf(text), number, text);
  assert.equal(keyOf("ü"), 2571097286);
  assert.equal(keyOf("\u{1f600}"), 3738303275);
  const ids = [1, 2, 2 ** 32, 2 ** 32 + 1, 2 ** 53];
  assert.deepEqual(ids.map(hashId), [3979630085, 65356255, 4018669076, 2602332957, 1205459899]);
  assert.equal(shardWeight(keyOf("a"), keyOf("customer 17")), 2369963566);
  assert.deepEqual([shardWeight(0, 0), shardWeight(2 ** 32 - 1, 1)], [3279785359, 4100065423]);
});

test("[R-09] a key's number is that of its bytes, wherever they lie", () => {
  const bytes = utf8.encode("before customer 17 behind");
  assert.equal(hashKey(bytes.subarray(7, 18)), keyOf("customer 17"));
});

for (const [shardsName, shards] of Object.entries(shardSets))
  for (const [keysName, keyAt] of Object.entries(keySets))
    test(`[R-09] shards (${shardsName}) take equal shares of keys (${keysName})`, () => {
      const places = Array.from({ length: keyCount }, (_, i) => choose(shards, keyAt(i)));
      const degrees = shards.length - 1;
      // Mean and deviation of the statistic: degrees of freedom, and the root of twice as many.
      const chi = chiSquare(tally(places, shards.length), keyCount);
      assert.ok(chi < degrees + 5 * Math.sqrt(2 * degrees), `chi square ${chi}`);
    });

test("[R-09] a shard that leaves moves its own keys only, in equal shares to all others", () => {
  for (const shards of Object.values(shardSets)) {
    const gone = 2;
    const rest = shards.filter((_, i) => i !== gone);
    const heirs: number[] = [];
    for (let i = 0; i < keyCount; i++) {
      const key = keySets.counted(i);
      const [before, after] = [shards[choose(shards, key)]!, rest[choose(rest, key)]!];
      if (before === shards[gone]) heirs.push(rest.indexOf(after));
      else assert.equal(after, before);
    }
    const degrees = rest.length - 1;
    const chi = chiSquare(tally(heirs, rest.length), heirs.length);
    assert.ok(heirs.length > 0 && chi < degrees + 5 * Math.sqrt(2 * degrees), `chi square ${chi}`);
  }
});

test("[R-09] keys and ids that differ a little have numbers of their own", () => {
  const texts = Array.from({ length: 50_000 }, (_, i) => keyOf(`k${i}`));
  // Among so many numbers of 32 bits one pair is as likely as not, five are not.
  assert.ok(new Set(texts).size > texts.length - 5);
  const ids = Array.from({ length: 50_000 }, (_, i) => hashId(i + 1));
  assert.equal(new Set(ids).size, ids.length, "ids below 2^32 never share a number");
});
