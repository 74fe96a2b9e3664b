/**
 * Patterns as sets of URIs against the sets themselves, written out over a small alphabet; and the two forms of a decision – rule by
 * rule, and by whoever enumerates – against each other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  contains,
  headOf,
  intersects,
  matches,
  specificityOf,
  type UriPattern,
} from "../../src/protocol/cover.ts";
import { Match } from "../../src/protocol/messages.ts";
import { Permission } from "../../src/protocol/permissions.ts";
import { decide } from "../../src/security/decide.ts";
import { matchesOne } from "../support/pattern-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
/** Enough that there are some of every kind. */
const numRuns = Math.max(2_000, Number(process.env["RUNS"] ?? 20_000));

/** All components of one or two letters, and "ab" + "c": one more than any pattern names, so that no pattern holds all by accident. */
const components = ["a", "b", "c", "aa", "ab", "ac", "ba", "bb", "bc", "abc"];
/** Every URI of up to three of them. */
const universe = [1, 2, 3].reduce<{ all: string[]; last: string[] }>(
  ({ all, last }) => {
    const next = last.flatMap((head) => components.map((part) => (head === "" ? part : `${head}.${part}`)));
    return { all: [...all, ...next], last: next };
  },
  { all: [], last: [""] },
).all;

const part = fc.constantFrom("a", "b", "aa", "ab");
const open = fc.constantFrom("a", "b", "aa", "ab", "", "");
const list = (of: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.array(of, { minLength: 1, maxLength: 3 });
const patternArb: fc.Arbitrary<UriPattern> = fc.oneof(
  list(part).map((parts) => ({ uri: parts.join("."), match: Match.exact })),
  list(open).map((parts) => ({ uri: parts.join("."), match: Match.wildcard })),
  // Of a prefix, three components of which the last goes on would have hardly a URI in the universe.
  fc.tuple(fc.array(part, { maxLength: 2 }), fc.boolean()).map(([parts, dot]) => ({
    uri: parts.join(".") + (dot && parts.length > 0 ? "." : ""),
    match: Match.prefix,
  })),
);

const setOf = (pattern: UriPattern): Set<string> =>
  new Set(universe.filter((uri) => matchesOne({ id: 0, ...pattern }, uri)));

/** Patterns are drawn again and again; their sets are made once. */
const sets = new Map<string, Set<string>>();
function knownSet(pattern: UriPattern): Set<string> {
  const key = `${pattern.match}${pattern.uri}`;
  const known = sets.get(key) ?? setOf(pattern);
  sets.set(key, known);
  return known;
}

/** Sets of patterns with any number of components are cut off at three: there a wildcard pattern holds none of them. */
const isCut = (outer: UriPattern, inner: UriPattern): boolean =>
  inner.match === Match.prefix && outer.match !== Match.prefix;

test("matches() says what the specification says", () => {
  const uris = fc.constantFrom(...universe);
  fc.assert(
    fc.property(patternArb, uris, (pattern, uri) =>
      assert.equal(matches(pattern, uri), matchesOne({ id: 0, ...pattern }, uri)),
    ),
    { seed, numRuns },
  );
});

test("a pattern contains another exactly if every URI of that one is its own", () => {
  let held = 0;
  fc.assert(
    fc.property(patternArb, patternArb, (outer, inner) => {
      const whole = knownSet(outer);
      const part = [...knownSet(inner)];
      assert.ok(part.length > 0);
      const expected = part.every((uri) => whole.has(uri)) && !isCut(outer, inner);
      assert.equal(contains(outer, inner), expected);
      if (expected) held++;
    }),
    { seed, numRuns },
  );
  assert.ok(held > numRuns / 50, `only ${held} pairs hold one another`);
});

test("two patterns intersect exactly if they have a URI in common", () => {
  let met = 0;
  fc.assert(
    fc.property(patternArb, patternArb, (a, b) => {
      const other = knownSet(b);
      const expected = [...knownSet(a)].some((uri) => other.has(uri));
      assert.equal(intersects(a, b), expected);
      assert.equal(intersects(b, a), expected);
      const [one, two] = [headOf(a), headOf(b)];
      if (expected) assert.ok(one.startsWith(two) || two.startsWith(one));
      if (expected) met++;
    }),
    { seed, numRuns },
  );
  assert.ok(met > numRuns / 50 && met < numRuns, `${met} pairs met`);
});

test("what lies within another pattern and is not equal to it is the more specific", () => {
  fc.assert(
    fc.property(patternArb, patternArb, (outer, inner) => {
      fc.pre(contains(outer, inner));
      const difference = specificityOf(inner) - specificityOf(outer);
      if (contains(inner, outer)) assert.equal(difference, 0);
      else assert.ok(difference > 0);
    }),
    { seed, numRuns: numRuns / 10 },
  );
});

const ruleArb = fc
  .tuple(patternArb, fc.boolean(), fc.integer({ min: 1, max: 3 }))
  .map(([pattern, deny, permissions]) => ({ ...pattern, deny, permissions }));

test("a decision about one URI is that of the most specific rule, and deny before allow", () => {
  const uris = fc.constantFrom(...universe.slice(0, 110));
  fc.assert(
    fc.property(fc.array(ruleArb, { maxLength: 6 }), uris, fc.boolean(), (rules, uri, mostSpecific) => {
      const permission = Permission.call;
      const covering = rules.filter((rule) => (rule.permissions & permission) !== 0 && matches(rule, uri));
      const top = Math.max(...covering.map(specificityOf));
      const deciding = covering.filter((rule) => specificityOf(rule) === top);
      const expected = mostSpecific
        ? deciding.length > 0 && deciding.every(({ deny }) => !deny)
        : covering.some(({ deny }) => !deny);
      const { allowed } = decide({ key: "", rules, mostSpecific }, { uri, match: Match.exact, permission });
      assert.equal(allowed, expected);
    }),
    { seed, numRuns },
  );
});

test("who may ask about a pattern may ask about each of its URIs", () => {
  let allowedCount = 0;
  fc.assert(
    fc.property(
      fc.array(ruleArb, { maxLength: 6 }),
      patternArb,
      fc.boolean(),
      (rules, pattern, mostSpecific) => {
        const permission = Permission.call;
        const rulesOf = { key: "", rules, mostSpecific };
        if (!decide(rulesOf, { ...pattern, permission }).allowed) return;
        allowedCount++;
        for (const uri of knownSet(pattern))
          assert.ok(decide(rulesOf, { uri, match: Match.exact, permission }).allowed, `${uri} is refused`);
      },
    ),
    { seed, numRuns: numRuns / 4 },
  );
  assert.ok(allowedCount > numRuns / 100, `only ${allowedCount} patterns were allowed`);
});
