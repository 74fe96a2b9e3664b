/**
 * The pattern index against its slow twin, over small alphabets so that patterns overlap, share prefixes of every length and
 * differ late. Set SEED to repeat a run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PatternTwin } from "../../bench/pattern-twin.ts";
import type { PatternHandle } from "../../src/base/ids.ts";
import { Match } from "../../src/protocol/messages.ts";
import { insertInto, matchesOf, openIndex } from "../support/pattern-index.ts";
import { bestModel, matchModel, type Pattern, precedenceModel } from "../support/pattern-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const about = `SEED=${seed}`;

/** Components as they collide most: one letter, a few, or runs that reach over the ends of the prefix trie's levels. */
const component = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "aa", "ab") },
  { weight: 2, arbitrary: fc.constantFrom("é", "日本", "aaaaaaa", "aaaaaaaa", "aaaaaaab") },
  { weight: 1, arbitrary: fc.integer({ min: 9, max: 140 }).map((length) => "a".repeat(length)) },
);
const components = (max: number) => fc.array(component, { minLength: 1, maxLength: max });
const uri = components(5).map((parts) => parts.join("."));
/** A URI cut at any character: a prefix that as a rule ends within a component. */
const cut = fc.tuple(uri, fc.nat({ max: 160 })).map(([text, length]) => text.slice(0, length));
const withWildcards = fc
  .array(fc.oneof(component, fc.constant("")), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("."));

interface Wanted {
  readonly match: Match;
  readonly uri: string;
}
const pattern: fc.Arbitrary<Wanted> = fc.oneof(
  fc.record({ match: fc.constant(Match.exact), uri }),
  fc.record({ match: fc.constant(Match.prefix), uri: fc.oneof(uri, cut) }),
  fc.record({ match: fc.constant(Match.wildcard), uri: withWildcards }),
);
/** Now and then a URI that no validation would have let through. */
const asked = fc.oneof({ weight: 9, arbitrary: uri }, { weight: 1, arbitrary: withWildcards });

const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b);
const withoutDoubles = (wanted: readonly Wanted[]) => [
  ...new Map(wanted.map((w) => [`${w.match} ${w.uri}`, w])).values(),
];

test("[P-05 R-07] all that match are found and nothing else, the best is the best, at every stage of removal", (t) => {
  let pairs = 0;
  const scenario = fc.property(
    fc.array(pattern, { minLength: 1, maxLength: 80, size: "max" }),
    fc.array(asked, { minLength: 10, maxLength: 40, size: "max" }),
    fc.infiniteStream(fc.nat()),
    (wanted, uris, choices) => {
      const { index } = openIndex(256, [seed, wanted.length, 3, 4]);
      let live: Pattern[] = withoutDoubles(wanted).map((w) => insertInto(index, 6, w.match, w.uri));
      while (live.length > 0) {
        for (const text of uris) {
          const found = matchesOf(index, 6, text);
          assert.deepEqual(sorted(found), matchModel(live, text), `${text} ${about}`);
          assert.equal(index.best(6, text), bestModel(live, text), `${text} ${about}`);
          pairs += live.length;
        }
        for (const p of live) assert.equal(index.find(6, p.match, p.uri), p.id, about);
        const keep = (choices.next().value ?? 0) % 3;
        const gone = live.filter((_, i) => i % 3 !== keep || live.length < 3);
        for (const p of gone) assert.ok(index.remove(p.id as PatternHandle), about);
        live = live.filter((p) => !gone.includes(p));
      }
      assert.equal(index.count, 0, about);
    },
  );
  fc.assert(scenario, { seed, numRuns: 250 });
  t.diagnostic(`${about}: ${pairs} pairs of pattern and URI`);
  assert.ok(pairs >= 100_000, `only ${pairs} pairs were compared`);
});

test("the JavaScript twin that the bench compares with finds the same", (t) => {
  const scenario = fc.property(
    fc.array(pattern, { minLength: 1, maxLength: 60, size: "max" }),
    fc.array(asked, { minLength: 10, maxLength: 20, size: "max" }),
    (wanted, uris) => {
      const twin = new PatternTwin();
      let live: Pattern[] = withoutDoubles(wanted).map((w) => ({ ...w, id: twin.insert(w.match, w.uri) }));
      while (live.length > 0) {
        for (const text of uris) {
          assert.deepEqual(sorted(twin.match(text)), matchModel(live, text), `${text} ${about}`);
          assert.equal(twin.best(text), bestModel(live, text), `${text} ${about}`);
        }
        for (const p of live.filter((_, i) => i % 3 === 0)) twin.remove(p.id);
        live = live.filter((_, i) => i % 3 !== 0);
      }
    },
  );
  fc.assert(scenario, { seed, numRuns: 100 });
  t.diagnostic(about);
});

test("[R-07] literal edge before wildcard edge is the specification's order of literal runs", (t) => {
  const parts = ["a", "b", "aa", "ab", "日本", "aaaaaaab"];
  // Every pattern here matches the URI: any of its components may have been made a wildcard.
  const masks = fc.uniqueArray(fc.nat({ max: 63 }), { minLength: 2, maxLength: 64 });
  const scenario = fc.property(masks, (chosen) => {
    const { index } = openIndex(64, [seed, 7, 7, 7]);
    const patterns = chosen.map((mask) =>
      insertInto(index, 1, Match.wildcard, parts.map((p, i) => ((mask >> i) & 1 ? "" : p)).join(".")),
    );
    assert.deepEqual(matchesOf(index, 1, parts.join(".")), precedenceModel(patterns, parts.join(".")), about);
  });
  fc.assert(scenario, { seed, numRuns: 300 });
  t.diagnostic(about);
});

test("inserts and removes of several scopes, in any order, leave the index as the twin says", (t) => {
  const step = fc.record({
    scope: fc.constantFrom(2, 3, 66, 900),
    pattern,
    remove: fc.nat({ max: 9 }),
    uri: asked,
  });
  const scenario = fc.property(fc.array(step, { minLength: 50, maxLength: 300, size: "max" }), (steps) => {
    const { index } = openIndex(512, [seed, steps.length, 5, 6]);
    const live = new Map<number, (Pattern & { scope: number })[]>([2, 3, 66, 900].map((s) => [s, []]));
    for (const { scope, pattern: wanted, remove, uri: text } of steps) {
      const patterns = live.get(scope)!;
      const same = patterns.find((p) => p.match === wanted.match && p.uri === wanted.uri);
      const { id } = insertInto(index, scope, wanted.match, wanted.uri);
      if (same === undefined) patterns.push({ id, match: wanted.match, uri: wanted.uri, scope });
      else assert.equal(id, same.id, about);
      if (remove < 5 && patterns.length > 0) {
        const [gone] = patterns.splice(remove % patterns.length, 1);
        assert.ok(index.remove(gone!.id as PatternHandle), about);
      }
      assert.deepEqual(sorted(matchesOf(index, scope, text)), matchModel(patterns, text), `${text} ${about}`);
      assert.equal(index.best(scope, text), bestModel(patterns, text), `${text} ${about}`);
    }
    const all = [...live.values()].flat();
    assert.equal(index.count, all.length, about);
    for (const p of all) {
      const handle = p.id as PatternHandle;
      assert.deepEqual(
        [index.uri(handle), index.policy(handle), index.scope(handle)],
        [p.uri, p.match, p.scope],
      );
    }
  });
  fc.assert(scenario, { seed, numRuns: 60 });
  t.diagnostic(about);
});
