/**
 * The worst that clients can make of the pattern index, counted in buckets that one operation looks at: whatever patterns there are,
 * by whomever, the work of one match, insert and removal has a bound.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternHandle } from "../../src/base/ids.ts";
import { defaultLimits, fixedLimits } from "../../src/base/limits.ts";
import { Match } from "../../src/protocol/messages.ts";
import { IndexBound, IndexProblem } from "../../src/wasm/abi.ts";
import type { PatternIndex } from "../../src/wasm/index.ts";
import { insertInto, matchesOf, openIndex, randomFrom } from "../support/pattern-index.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const { exact, prefix, wildcard } = Match;
const { wildcardShapes_max: shapes_max, wildcardShapeComponents_free: free_components } = fixedLimits;
const { uriBytes_max, uriComponents_max } = fixedLimits;
/** Buckets of one chain: four of seven entries are far beyond what chance makes of a few million patterns. */
const chain_max = 6;

const workOf = (index: PatternIndex, operation: () => unknown): number => {
  const before = index.work;
  operation();
  return (index.work - before) >>> 0;
};

/** `a` or a wildcard at each of the first components, as the bits of `mask` say, then `a` up to the last one, which is `end`. */
const patternOf = (mask: number, components: number, end: string): string =>
  Array.from({ length: components }, (_, i) => {
    if (i === components - 1) return end;
    return i < 30 && (mask >>> i) & 1 ? "" : "a";
  }).join(".");

for (const components of [free_components + 2, 32, uriComponents_max]) {
  test(`a match of ${components} components walks a bounded number of nodes, however its patterns were chosen`, (t) => {
    const { index } = openIndex();
    // Every shape is there twice, so that nodes stand for it down to the last component.
    let taken = 0;
    for (let mask = 0; mask < 2 * shapes_max; mask++) {
      for (const end of ["x", "y"])
        if (index.insertText(2, wildcard, patternOf(mask, components, end)) !== 0) taken++;
        else assert.equal(index.problem, IndexProblem.shapes);
    }
    assert.equal(taken, 2 * shapes_max);
    const uri = patternOf(0, components, "z");
    let found = -1;
    const work = workOf(index, () => (found = index.match(2, uri)));
    t.diagnostic(`${work} buckets`);
    assert.equal(found, 0);
    const nodes_max = 2 * shapes_max + shapes_max * (components - Math.log2(shapes_max));
    assert.ok(work > nodes_max / 4, `the search was not made to walk: ${work} buckets`);
    assert.ok(work <= nodes_max * 2, `${work} buckets for ${nodes_max} nodes at most`);
    assert.ok(workOf(index, () => index.best(2, uri)) <= nodes_max * 2);
    assert.equal(index.match(2, patternOf(0, components, "x")), shapes_max);
    // Who looks in other scopes, or asks about another number of components, sees nothing of it.
    assert.ok(workOf(index, () => index.match(3, uri)) <= chain_max);
    assert.ok(workOf(index, () => index.match(2, `${uri}.a`.split(".").slice(2).join("."))) <= chain_max);
  });
}

test("one more shape finds room when the last pattern of another has gone, and only then", () => {
  const { index } = openIndex();
  const components = free_components + 2;
  const handles = Array.from({ length: shapes_max }, (_, mask) =>
    ["x", "y"].map((end) => insertInto(index, 2, wildcard, patternOf(mask, components, end)).id),
  );
  const another = patternOf(shapes_max, components, "x");
  const refused = () => {
    assert.equal(index.insertText(2, wildcard, another), 0);
    assert.equal(index.problem, IndexProblem.shapes);
  };
  refused();
  // Shapes that are there, other scopes and other numbers of components have nothing to do with it.
  insertInto(index, 2, wildcard, patternOf(5, components, "z"));
  insertInto(index, 3, wildcard, another);
  insertInto(index, 2, wildcard, `${another}.z`);
  insertInto(index, 2, exact, another);
  insertInto(index, 2, prefix, another);
  index.remove(handles[7]![0] as PatternHandle);
  refused();
  index.remove(handles[7]![1] as PatternHandle);
  const found = insertInto(index, 2, wildcard, another).id;
  assert.deepEqual(
    matchesOf(
      index,
      2,
      `${Array(components - 1)
        .fill("a")
        .join(".")}.x`,
    ).includes(found),
    true,
  );
  assert.equal(index.insertText(2, wildcard, patternOf(7, components, "x")), 0);
});

test("the router's own scopes, for what administrators have made, have no bound", () => {
  const { index } = openIndex();
  const components = free_components + 2;
  for (let mask = 0; mask < 2 * shapes_max; mask++)
    insertInto(index, IndexBound.ownScopes, wildcard, patternOf(mask, components, "x"));
  assert.equal(index.match(IndexBound.ownScopes, patternOf(0, components, "x")), 2 * shapes_max);
  for (const id of matchesOf(index, IndexBound.ownScopes, patternOf(0, components, "x")))
    assert.ok(index.remove(id as PatternHandle));
  assert.equal(index.count, 0);
});

test("patterns of few components may have their wildcards wherever they want", () => {
  const { index } = openIndex();
  for (let components = 1; components <= free_components; components++) {
    const shapes = 2 ** components;
    for (let mask = 0; mask < shapes; mask++)
      insertInto(
        index,
        2,
        wildcard,
        Array.from({ length: components }, (_, i) => ((mask >> i) & 1 ? "" : "a")).join("."),
      );
    assert.equal(index.match(2, Array(components).fill("a").join(".")), shapes);
  }
});

for (const components of [free_components, uriComponents_max]) {
  test(`no event of ${components} components matches more patterns than there is room for by default`, () => {
    const { index } = openIndex(defaultLimits.matches_max);
    const parts = Array.from({ length: components }, (_, i) => String(i % 10).repeat(15));
    parts[0] = "x".repeat(uriBytes_max - parts.slice(1).join(".").length - 1);
    const uri = parts.join(".");
    assert.equal(uri.length, uriBytes_max);
    insertInto(index, 2, exact, uri);
    for (let length = 0; length <= uri.length; length++) insertInto(index, 2, prefix, uri.slice(0, length));
    const shapes = components === free_components ? 2 ** free_components : shapes_max;
    for (let mask = 0; mask < shapes; mask++)
      insertInto(
        index,
        2,
        wildcard,
        parts.map((part, i) => (i < 30 && (mask >>> i) & 1 ? "" : part)).join("."),
      );
    const work = workOf(index, () => assert.equal(index.match(2, uri), 1 + uriBytes_max + 1 + shapes));
    assert.equal(index.overflowed, false);
    assert.ok(work <= 2 * (uriBytes_max + 2 * shapes + shapes_max * uriComponents_max), `${work} buckets`);
  });
}

test("a pattern whose components are all wildcards, up to as many as a URI can have, costs one step each", () => {
  const { index } = openIndex();
  for (let components = 1; components <= uriComponents_max; components++)
    insertInto(index, 2, wildcard, ".".repeat(components - 1));
  for (let components = 1; components <= uriComponents_max; components++) {
    const uri = Array(components).fill("a").join(".");
    assert.ok(workOf(index, () => assert.equal(index.match(2, uri), 1)) <= chain_max);
  }
});

test("insert and remove look at a bounded number of buckets, one for each component or level", (t) => {
  const { index } = openIndex();
  let worst = 0;
  const pairs = (match: Match, texts: readonly string[]) => {
    for (const text of texts)
      worst = Math.max(
        worst,
        workOf(index, () => insertInto(index, 2, match, text)),
      );
    for (const text of texts) {
      const handle = index.find(2, match, text) as PatternHandle;
      worst = Math.max(
        worst,
        workOf(index, () => index.remove(handle)),
      );
    }
  };
  const long = Array.from({ length: uriComponents_max - 1 }, (_, i) => `c${i}`.padEnd(14, "x")).join(".");
  // A second pattern makes all nodes that it shares with the first one; removing one of them takes them all away.
  for (const match of [prefix, wildcard]) pairs(match, [`${long}.a`, `${long}.b`]);
  t.diagnostic(`${worst} buckets at worst`);
  assert.ok(worst <= 8 * uriComponents_max, `${worst} buckets`);
});

test("a hundred thousand patterns under one node are found, added and removed in one step each", () => {
  for (const match of [prefix, wildcard]) {
    const { index } = openIndex();
    const text = (i: number) => (match === prefix ? `topics..n${i}`.slice(0, 8) + i : `topics..n${i}`);
    const count = 100_000;
    let worst = 0;
    for (let i = 0; i < count; i++)
      worst = Math.max(
        worst,
        workOf(index, () => insertInto(index, 2, match, text(i))),
      );
    for (let i = 0; i < count; i += 7) {
      const uri = text(i).replace("..", ".x.");
      worst = Math.max(
        worst,
        workOf(index, () => index.match(2, uri)),
      );
    }
    for (let i = 0; i < count; i++) {
      const handle = index.find(2, match, text(i)) as PatternHandle;
      worst = Math.max(
        worst,
        workOf(index, () => index.remove(handle)),
      );
    }
    assert.equal(index.count, 0);
    assert.ok(worst <= 8 * chain_max, `${worst} buckets`);
  }
});

/** Texts as somebody would choose who wants them in one bucket and does not know the key. */
const families: Readonly<Record<string, (i: number) => string>> = {
  "numbers that count up": (i) => `com.example.${i}`,
  "numbers in steps of a power of two": (i) => `com.example.${i * 65_536}`,
  "one byte changed, anywhere": (i) => {
    const at = i % 500;
    return `${"a".repeat(at)}${String.fromCharCode(0x62 + (Math.floor(i / 500) % 24))}${"a".repeat(499 - at)}${Math.floor(i / 12_000)}`;
  },
  "words that differ in one bit": (i) =>
    Array.from({ length: 16 }, (_, bit) => ((i >> bit) & 1 ? "b" : "c").repeat(4)).join(""),
  "the same words in every order": (i) => {
    const next = randomFrom(i + 1);
    return ["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd", "eeeeeeee", "ffffffff", "gggggggg", "hhhhhhhh"]
      .sort(() => next(3) - 1)
      .join("")
      .concat(String(i % 7));
  },
};

for (const [name, text] of Object.entries(families)) {
  test(`chains of buckets stay short: ${name}`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const random = randomFrom(seed);
    const key = Array.from({ length: 4 }, () => random(2 ** 32));
    const { index } = openIndex(16, key);
    const texts = new Set(Array.from({ length: 50_000 }, (_, i) => text(i)));
    for (const uri of texts) insertInto(index, 2, exact, uri);
    let worst = 0;
    for (const uri of texts)
      worst = Math.max(
        worst,
        workOf(index, () => assert.notEqual(index.find(2, exact, uri), 0)),
      );
    // One look for the scope, one chain for the text.
    assert.ok(worst <= 2 * chain_max, `${worst} buckets for one look-up`);
  });
}

test("a seeded run of inserts and removes at the bound of shapes refuses exactly what is beyond, and matches what is there", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const components = free_components + 2;
  const { index } = openIndex();
  const live = new Map<string, { readonly id: number; readonly mask: number }>();
  const byMask = new Map<number, number>();
  let refusals = 0;
  const remove = (uri: string) => {
    const { id, mask } = live.get(uri)!;
    assert.ok(index.remove(id as PatternHandle));
    live.delete(uri);
    const left = byMask.get(mask)! - 1;
    if (left === 0) byMask.delete(mask);
    else byMask.set(mask, left);
  };
  for (let step = 0; step < 30_000; step++) {
    const mask = random(1 << (components - 1));
    const uri = patternOf(mask, components, "xyz"[random(3)]!);
    if (!live.has(uri)) {
      const id: number = index.insertText(2, wildcard, uri);
      const fits = byMask.has(mask) || byMask.size < shapes_max;
      assert.equal(id !== 0, fits, uri);
      if (fits) {
        live.set(uri, { id, mask });
        byMask.set(mask, (byMask.get(mask) ?? 0) + 1);
      } else refusals++;
    } else if (random(4) === 0) remove(uri);
    // Now and then many go at once, whose handles are given again.
    if (step % 5_000 === 4_999) for (const gone of [...live.keys()].filter(() => random(3) > 0)) remove(gone);
    if (step % 100 !== 0) continue;
    const end = "xyz"[random(3)]!;
    const expected = [...live].filter(([known]) => known.endsWith(`.${end}`)).map(([, { id }]) => id);
    const found = matchesOf(index, 2, patternOf(0, components, end));
    assert.deepEqual(
      found.sort((a, b) => a - b),
      expected.sort((a, b) => a - b),
    );
  }
  assert.ok(refusals > 1_000, `only ${refusals} refusals`);
  for (const uri of [...live.keys()]) remove(uri);
  assert.equal(index.count, 0);
});
