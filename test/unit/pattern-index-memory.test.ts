/** The pattern index with very many patterns, and what becomes of the memory of those that go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternHandle } from "../../src/base/ids.ts";
import { Match } from "../../src/protocol/messages.ts";
import type { PatternIndex } from "../../src/wasm/index.ts";
import { insertInto, openIndex, randomFrom } from "../support/pattern-index.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const scope = 4;
const { exact, prefix, wildcard } = Match;

/** Pattern number `i` of a large population: a third of each policy, alike in their beginnings. */
const patternAt = (i: number): { match: Match; uri: string } => {
  const kind = i % 3;
  if (kind === 0) return { match: exact, uri: `com.example.plant${i % 97}.machine${i}.temperature` };
  if (kind === 1) return { match: prefix, uri: `com.example.plant${i % 97}.machine${i}.` };
  return { match: wildcard, uri: `com.example..machine${i}.temperature` };
};
const uriAt = (i: number): string => `com.example.plant${i % 97}.machine${i}.temperature`;

const fill = (index: PatternIndex, count: number): Uint32Array => {
  const handles = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const { match, uri } = patternAt(i);
    handles[i] = index.insertText(scope, match, uri);
  }
  return handles;
};

test("a million patterns are all found, cost at most 100 bytes each beside their URIs, and leave nothing behind", () => {
  const count = 1_000_000;
  const { index } = openIndex();
  const empty_bytes = index.bytes;
  const handles = fill(index, count);
  assert.equal(index.count, count);
  let uriBytes = 0;
  for (let i = 0; i < count; i++) {
    const { match, uri } = patternAt(i);
    uriBytes += uri.length;
    // Everything about the URI that made the pattern leads to it and to nothing else.
    if (i % 4 !== 0) continue;
    assert.equal(index.find(scope, match, uri), handles[i], uri);
    assert.equal(index.match(scope, uriAt(i)), 1, uri);
    assert.equal(index.matched(0), handles[i], uri);
    assert.equal(index.best(scope, uriAt(i)), handles[i], uri);
  }
  const each_bytes = (index.bytes - empty_bytes - uriBytes) / count;
  assert.ok(each_bytes <= 100, `${each_bytes} bytes per pattern beside its URI`);
  for (const handle of handles) assert.ok(index.remove(handle as PatternHandle));
  assert.equal(index.count, 0);
  // What is left are the handles' own four bytes each, in whole pages of 16,384.
  assert.ok(index.bytes - empty_bytes <= count * 4 + 16_384, `${index.bytes - empty_bytes} bytes are left`);
  assert.equal(index.match(scope, uriAt(1)), 0);
});

test("inserting and removing for ever takes no more memory than the patterns that are there at one time", (t) => {
  const random = randomFrom(seed);
  t.diagnostic(`SEED=${seed}`);
  const { index, core } = openIndex();
  const empty_bytes = index.bytes;
  const live: PatternHandle[] = [];
  const word = () => "abcdefgh".slice(random(8)).repeat(1 + random(random(10) === 0 ? 20 : 2));
  const churn = (steps: number): void => {
    for (let i = 0; i < steps; i++) {
      const match = random(3) as Match;
      const parts = Array.from({ length: 1 + random(6) }, () =>
        match === wildcard && random(3) === 0 ? "" : word(),
      );
      const known = index.find(scope, match, parts.join("."));
      if (known === 0) live.push(insertInto(index, scope, match, parts.join(".")).id as PatternHandle);
      while (live.length > 2_000) {
        const at = random(live.length);
        assert.ok(index.remove(live[at]!));
        live[at] = live[live.length - 1]!;
        live.pop();
      }
    }
  };
  churn(40_000);
  const grown_bytes = index.bytes;
  const memory_bytes = core.exports.memory.buffer.byteLength;
  churn(200_000);
  assert.equal(core.exports.memory.buffer.byteLength, memory_bytes);
  // Pages are kept per size of object; their number may wander a little, but not away.
  assert.ok(index.bytes < grown_bytes * 1.25, `${grown_bytes} bytes became ${index.bytes}`);
  for (const handle of live) assert.ok(index.remove(handle));
  assert.equal(index.bytes, empty_bytes);
});

test("growing and shrinking in waves keeps every pattern that is left in reach", (t) => {
  const random = randomFrom(seed);
  t.diagnostic(`SEED=${seed}`);
  const { index } = openIndex();
  const empty_bytes = index.bytes;
  let live = new Map<number, number>();
  for (const size of [30_000, 100, 12_000, 1, 20_000, 0]) {
    for (let i = 0; live.size < size; i++) {
      const { match, uri } = patternAt(i);
      if (!live.has(i)) live.set(i, insertInto(index, scope, match, uri).id);
    }
    const order = [...live.keys()].sort(() => random(3) - 1);
    for (const i of order.slice(size)) assert.ok(index.remove(live.get(i) as PatternHandle));
    live = new Map(order.slice(0, size).map((i) => [i, live.get(i)!]));
    assert.equal(index.count, size);
    for (const [i, handle] of live) {
      const { match, uri } = patternAt(i);
      assert.equal(index.find(scope, match, uri), handle);
      assert.equal(index.match(scope, uriAt(i)), 1);
    }
  }
  assert.ok(index.bytes - empty_bytes <= 30_000 * 4 + 16_384);
});

test("patterns that share very long beginnings cost no more than a small multiple of their length", () => {
  const components = Array.from({ length: 62 }, (_, i) => `component${i}`).join(".");
  for (const match of [exact, prefix, wildcard]) {
    const { index } = openIndex();
    const empty_bytes = index.bytes;
    let uriBytes = 0;
    for (let i = 0; i < 500; i++) {
      for (const end of ["x", "y"]) {
        const uri = `${i}.${components}.${end}`;
        insertInto(index, scope, match, uri);
        uriBytes += uri.length;
      }
    }
    const times = (index.bytes - empty_bytes) / uriBytes;
    assert.ok(times < 5, `${times} times the bytes of the URIs for policy ${match}`);
  }
});

test("a scope that lost its last pattern costs nothing, however many there were", () => {
  const { index } = openIndex();
  const empty_bytes = index.bytes;
  for (let round = 0; round < 3; round++) {
    const handles: PatternHandle[] = [];
    for (let s = 0; s < 1_000; s++) {
      for (const match of [exact, prefix, wildcard])
        handles.push(insertInto(index, s * 7_919, match, "a.b").id as PatternHandle);
    }
    for (let s = 0; s < 1_000; s++) assert.equal(index.match(s * 7_919, "a.b"), 3);
    for (const handle of handles) assert.ok(index.remove(handle));
    assert.equal(index.bytes, empty_bytes);
  }
});
