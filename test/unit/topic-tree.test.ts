/** The tree of topics against the specification's matching rules, word for word, and what it finds while it changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Match } from "../../src/protocol/messages.ts";
import { TopicTree } from "../../src/router/broker/topic-tree.ts";
import { matchesOne } from "../support/pattern-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);

interface Value {
  readonly topic: string;
}

function treeOf(topics: readonly string[]): TopicTree<Value> {
  const tree = new TopicTree<Value>();
  for (const topic of topics) tree.set(topic, { topic });
  return tree;
}

const found = (tree: TopicTree<Value>, match: Match, uri: string): string[] =>
  [...tree.matching(match, uri)].flatMap((value) => (value === null ? [] : [value.topic]));

const component = fc.constantFrom("a", "b", "aa", "ab", "é");
const topic = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const pattern = fc.oneof(
  fc.record({ match: fc.constant<Match>(Match.exact), uri: topic }),
  fc.record({
    match: fc.constant<Match>(Match.prefix),
    uri: fc.tuple(topic, fc.nat({ max: 8 })).map(([text, length]) => text.slice(0, length)),
  }),
  fc.record({
    match: fc.constant<Match>(Match.wildcard),
    uri: fc
      .array(fc.oneof(component, fc.constant("")), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join(".")),
  }),
);

test("all topics that match are found, each once, and no others, also after some are deleted", (t) => {
  fc.assert(
    fc.property(fc.array(topic), fc.array(topic), fc.array(pattern), (added, deleted, patterns) => {
      const tree = treeOf(added);
      const there = new Set(added);
      for (const gone of deleted) assert.equal(tree.delete(gone), there.delete(gone));
      for (const { match, uri } of patterns)
        assert.deepEqual(
          found(tree, match, uri).sort(),
          [...there].filter((one) => matchesOne({ id: 1, match, uri }, one)).sort(),
        );
      for (const one of there) assert.equal(tree.get(one)?.topic, one);
      for (const one of there) tree.delete(one);
      assert.equal(tree.nodeCount, 0, "an empty tree holds nothing");
    }),
    { seed, numRuns: 2_000 },
  );
  t.diagnostic(`SEED=${seed}`);
});

test("a component that many topics share is held once", () => {
  const tree = treeOf(["com.a.x", "com.a.y", "com.a", "com.b"]);
  assert.equal(tree.nodeCount, 5);
  assert.equal(tree.delete("com.a"), true);
  assert.equal(tree.delete("com.a"), false);
  assert.equal(tree.delete("com"), false);
  assert.equal(tree.nodeCount, 5);
  tree.delete("com.a.x");
  tree.delete("com.a.y");
  assert.equal(tree.nodeCount, 2);
});

test("what stays is found once while the tree changes, and what goes before its turn is not", () => {
  for (const [match, uri] of [
    [Match.prefix, "com."],
    [Match.wildcard, "com..a"],
  ] as const) {
    const topics = Array.from({ length: 100 }, (_, i) => `com.n${i}.a`);
    const tree = treeOf(topics);
    const seen: string[] = [];
    for (const value of tree.matching(match, uri)) {
      if (value === null) continue;
      seen.push(value.topic);
      // Every second one goes just before it would come.
      const next = topics.indexOf(value.topic) + 1;
      if (next < 99) tree.delete(topics[next]!);
    }
    const stayed = topics.filter((_, i) => i % 2 === 0 || i === 99);
    assert.deepEqual(seen, stayed);
  }
});

test("no pattern looks at a component of the tree twice, however many wildcards it has", () => {
  const depth = 12;
  const topics = Array.from({ length: 1 << depth }, (_, i) =>
    Array.from({ length: depth }, (__, place) => ((i >> place) & 1 ? "a" : "b")).join("."),
  );
  const tree = treeOf(topics);
  const steps = (match: Match, uri: string): number => [...tree.matching(match, uri)].length;
  const every = Array.from({ length: depth }, () => "");
  assert.equal(steps(Match.wildcard, every.join(".")), tree.nodeCount);
  assert.equal(steps(Match.prefix, ""), tree.nodeCount);
  // One that finds nothing for all its wildcards, and one whose first component is not there.
  assert.ok(steps(Match.wildcard, [...every.slice(1), "c"].join(".")) <= tree.nodeCount);
  assert.ok(steps(Match.wildcard, [...every, ""].join(".")) <= tree.nodeCount);
  assert.equal(steps(Match.wildcard, ["c", ...every.slice(1)].join(".")), 0);
});

test("a topic may have the names that objects have of their own", () => {
  const tree = treeOf(["__proto__.constructor", "toString"]);
  assert.deepEqual(found(tree, Match.prefix, ""), ["__proto__.constructor", "toString"]);
  assert.equal(tree.get("hasOwnProperty"), null);
  assert.equal(tree.get("__proto__"), null);
});
