import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternHandle } from "../../src/base/ids.ts";
import { Match } from "../../src/protocol/messages.ts";
import { Address } from "../../src/wasm/abi.ts";
import { insertInto, matchesOf, openIndex } from "../support/pattern-index.ts";
import { precedenceModel } from "../support/pattern-model.ts";

const scope = 2;
const { exact, prefix, wildcard } = Match;

const example = [
  [exact, "a1.b2.c3.d4.e55"],
  [prefix, "a1.b2.c3"],
  [prefix, "a1.b2.c3.d4"],
  [wildcard, "a1.b2..d4.e5"],
  [wildcard, "a1.b2.c33..e5"],
  [wildcard, "a1.b2..d4.e5..g7"],
  [wildcard, "a1.b2..d4..f6.g7"],
] as const;

test("the specification's worked example chooses one registration by precedence", () => {
  const { index } = openIndex();
  const registrations = example.map(([match, uri]) => insertInto(index, scope, match, uri).id);
  const chosen = (uri: string) => registrations.indexOf(index.best(scope, uri)) + 1;
  assert.equal(chosen("a1.b2.c3.d4.e55"), 1);
  assert.equal(chosen("a1.b2.c3.d98.e74"), 2);
  assert.equal(chosen("a1.b2.c3.d4.e325"), 3);
  assert.equal(chosen("a1.b2.c55.d4.e5"), 4);
  assert.equal(chosen("a1.b2.c88.d4.e5.f6.g7"), 6);
  assert.equal(chosen("a2.b2.c2.d2.e2"), 0);
  // Here the example contradicts the rest of the specification: it says that the prefix a1.b2.c3 does not match (and expects 5),
  // but prefixes match by characters (com.myapp.myobject1 matches com.myapp.myobject1-mysubobject1). The rule wins.
  assert.equal(chosen("a1.b2.c33.d4.e5"), 2);
  index.remove(registrations[1] as PatternHandle);
  assert.equal(chosen("a1.b2.c33.d4.e5"), 5);
});

test("matches come as the exact one, prefixes from the shortest on, wildcards by precedence", () => {
  const { index } = openIndex();
  const ids = (
    [
      [wildcard, ".."],
      [wildcard, "a..c"],
      [prefix, "a.b"],
      [wildcard, "a.b."],
      [exact, "a.b.c"],
      [prefix, ""],
      [prefix, "a.b.c"],
      [wildcard, ".b.c"],
    ] as const
  ).map(([match, uri]) => insertInto(index, scope, match, uri).id);
  const order = matchesOf(index, scope, "a.b.c").map((id) => ids.indexOf(id));
  assert.deepEqual(order, [4, 5, 2, 6, 3, 1, 7, 0]);
});

test("a prefix pattern matches by bytes, not by components", () => {
  const { index } = openIndex();
  const p = insertInto(index, scope, prefix, "com.myapp.myobject1");
  assert.deepEqual(matchesOf(index, scope, "com.myapp.myobject1"), [p.id]);
  assert.deepEqual(matchesOf(index, scope, "com.myapp.myobject1-mysubobject1"), [p.id]);
  assert.deepEqual(matchesOf(index, scope, "com.myapp.myobject1.x"), [p.id]);
  assert.deepEqual(matchesOf(index, scope, "com.myapp.myobject"), []);
  assert.deepEqual(matchesOf(index, scope, "com.myapp.myobject2"), []);
});

test("the empty prefix matches every URI and loses to every longer prefix", () => {
  const { index } = openIndex();
  const all = insertInto(index, scope, prefix, "");
  assert.deepEqual(matchesOf(index, scope, "a"), [all.id]);
  assert.deepEqual(matchesOf(index, scope, "a.b.c"), [all.id]);
  assert.deepEqual(matchesOf(index, scope, ""), [all.id]);
  const longer = insertInto(index, scope, prefix, "a");
  assert.equal(index.best(scope, "a.b"), longer.id);
  assert.equal(index.best(scope, "b"), all.id);
});

test("an empty component of a wildcard pattern stands for exactly one component that is not empty", () => {
  const { index } = openIndex();
  const p = insertInto(index, scope, wildcard, "a..c");
  assert.deepEqual(matchesOf(index, scope, "a.b.c"), [p.id]);
  for (const uri of ["a.c", "a..c", "a.b.b.c", "a.b.c.", ".a.b.c", "a.b", "a.b.cc", "aa.b.c", "a", ""])
    assert.deepEqual(matchesOf(index, scope, uri), [], uri);
});

test("the wildcard pattern that is one empty component matches every URI of one component", () => {
  const { index } = openIndex();
  const p = insertInto(index, scope, wildcard, "");
  assert.deepEqual(matchesOf(index, scope, "anything"), [p.id]);
  assert.deepEqual(matchesOf(index, scope, ""), []);
  assert.deepEqual(matchesOf(index, scope, "a.b"), []);
});

test("a wildcard pattern without empty components matches only itself", () => {
  const { index } = openIndex();
  const p = insertInto(index, scope, wildcard, "a.b");
  assert.deepEqual(matchesOf(index, scope, "a.b"), [p.id]);
  assert.deepEqual(matchesOf(index, scope, "a.c"), []);
});

test("a wildcard at the front loses to a literal at the front, however long the literal run behind it", () => {
  const { index } = openIndex();
  insertInto(index, scope, wildcard, ".b.c.d.e");
  const literal = insertInto(index, scope, wildcard, "a....");
  assert.equal(index.best(scope, "a.b.c.d.e"), literal.id);
});

test("the same URI under two match policies is two patterns", () => {
  const { index } = openIndex();
  const handles = [exact, prefix, wildcard].map((match) => index.insertText(scope, match, "a.b"));
  assert.equal(new Set(handles).size, 3);
  assert.deepEqual(matchesOf(index, scope, "a.b"), handles);
  for (const match of [exact, prefix, wildcard])
    assert.equal(index.find(scope, match, "a.b"), handles[match]);
});

test("inserting a pattern again gives its handle again", () => {
  const { index } = openIndex();
  for (const match of [exact, prefix, wildcard]) {
    const first = index.insertText(scope, match, "com.example.one");
    assert.equal(index.insertText(scope, match, "com.example.one"), first);
  }
  assert.equal(index.count, 3);
});

test("handles are dense, start at 1 and are given again after removal", () => {
  const { index } = openIndex();
  const handles = Array.from({ length: 10 }, (_, i) => insertInto(index, scope, exact, `uri.${i}`).id);
  assert.deepEqual(handles, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.ok(index.remove(4 as PatternHandle));
  assert.ok(index.remove(7 as PatternHandle));
  const again = [insertInto(index, scope, prefix, "x").id, insertInto(index, scope, wildcard, "y.").id];
  assert.deepEqual(again.sort(), [4, 7]);
  assert.equal(insertInto(index, scope, exact, "z").id, 11);
});

test("patterns of different scopes never meet", () => {
  const { index } = openIndex();
  const scopes = [0, 1, 2, 3, 0xffff_ffff];
  const handles = scopes.map((s) =>
    [exact, prefix, wildcard].map((match) => insertInto(index, s, match, "a.b").id),
  );
  scopes.forEach((s, i) => {
    assert.deepEqual(matchesOf(index, s, "a.b"), handles[i]);
    assert.equal(index.scope(handles[i]![0] as PatternHandle), s);
  });
  assert.deepEqual(matchesOf(index, 77, "a.b"), []);
  for (const handle of handles[2]!) index.remove(handle as PatternHandle);
  assert.deepEqual(matchesOf(index, 2, "a.b"), []);
  assert.deepEqual(matchesOf(index, 3, "a.b"), handles[3]);
});

test("unknown handles and removed ones are answered with nothing", () => {
  const { index } = openIndex();
  const handle = insertInto(index, scope, wildcard, "a.").id as PatternHandle;
  assert.deepEqual([index.uri(handle), index.policy(handle), index.scope(handle)], ["a.", wildcard, scope]);
  assert.ok(index.remove(handle));
  for (const unknown of [handle, 0, 2, 0xffff_ffff] as PatternHandle[]) {
    assert.equal(index.remove(unknown), false);
    assert.deepEqual([index.uri(unknown), index.policy(unknown), index.scope(unknown)], ["", 0, 0]);
  }
  assert.equal(index.count, 0);
});

test("URIs are kept byte for byte, whatever they hold", () => {
  const { index } = openIndex();
  for (const uri of ["grüße.日本語.🎉", "\ufeffa.b", "a\u0001b\u0000c", `${"x".repeat(255)}.y`]) {
    for (const match of [exact, prefix, wildcard]) {
      const { id } = insertInto(index, scope, match, uri);
      assert.equal(index.uri(id as PatternHandle), uri);
      assert.equal(index.find(scope, match, uri), id);
    }
    assert.equal(index.match(scope, uri), 3);
  }
});

test("a URI of 4,096 bytes is taken and a longer one refused", () => {
  const { index } = openIndex();
  for (const match of [exact, prefix, wildcard]) {
    const { id } = insertInto(index, scope, match, "u".repeat(4_096));
    assert.equal(index.find(scope, match, "u".repeat(4_096)), id);
    assert.equal(index.insertText(scope, match, "u".repeat(4_097)), 0);
    assert.equal(index.insertText(scope, match, "u".repeat(10_000)), 0);
    assert.equal(index.find(scope, match, "u".repeat(4_097)), 0);
  }
  assert.equal(index.match(scope, "u".repeat(4_096)), 3);
  assert.equal(index.match(scope, "u".repeat(4_097)), 1);
});

test("a wildcard pattern of 64 components is taken and one of 65 refused", () => {
  const { index } = openIndex();
  const { id } = insertInto(index, scope, wildcard, ".".repeat(63));
  const uri = Array.from({ length: 64 }, (_, i) => `c${i}`).join(".");
  assert.deepEqual(matchesOf(index, scope, uri), [id]);
  assert.deepEqual(matchesOf(index, scope, `${uri}.c64`), []);
  assert.equal(index.insertText(scope, wildcard, ".".repeat(64)), 0);
  assert.equal(index.find(scope, wildcard, ".".repeat(64)), 0);
});

test("an unknown match policy is refused", () => {
  const { index } = openIndex();
  assert.equal(index.insertText(scope, 3 as Match, "a.b"), 0);
  assert.equal(index.find(scope, 3 as Match, "a.b"), 0);
  assert.equal(index.count, 0);
});

test("an invalid URI from a hostile caller matches by bytes or not at all, and harms nothing", () => {
  const { index } = openIndex();
  const p = insertInto(index, scope, prefix, "a.");
  insertInto(index, scope, wildcard, ".");
  insertInto(index, scope, wildcard, "..");
  for (const uri of ["a..", "a..b", "a.", `a.${".".repeat(5_000)}`, `a.${"x.".repeat(3_000)}`]) {
    assert.deepEqual(matchesOf(index, scope, uri), [p.id], uri.slice(0, 20));
    assert.equal(index.best(scope, uri), p.id);
  }
  for (const uri of [".", "..", ".a", "b.."]) assert.deepEqual(matchesOf(index, scope, uri), [], uri);
});

test("a component longer than any pattern is matched by a wildcard and by no literal", () => {
  const { index, core } = openIndex();
  const first = insertInto(index, scope, wildcard, "a..c");
  const second = insertInto(index, scope, wildcard, "a..");
  insertInto(index, scope, wildcard, "a.b.c");
  insertInto(index, scope, exact, "a");
  const match = (uri: string): number[] => {
    const { written } = new TextEncoder().encodeInto(
      uri,
      core.bytes.subarray(core.frameIn, core.frameIn + 65_536),
    );
    const count = core.exports.indexMatch(scope, core.frameIn, written);
    assert.equal(core.exports.indexBest(scope, core.frameIn, written), count === 0 ? 0 : core.matches[0]);
    return [...core.matches.subarray(0, count)];
  };
  assert.deepEqual(match(`a.${"b".repeat(60_000)}.c`), [first.id, second.id]);
  assert.deepEqual(match(`a.b.${"c".repeat(60_000)}`), [second.id]);
  assert.deepEqual(match(`${"a".repeat(60_000)}.b.c`), []);
  assert.deepEqual(match("a".repeat(60_000)), []);
});

test("a thousand patterns that match one URI are all found, in the order of precedence", () => {
  const { index } = openIndex();
  const parts = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
  const uri = parts.join(".");
  const patterns = Array.from({ length: 1_024 }, (_, mask) =>
    insertInto(index, scope, wildcard, parts.map((part, i) => ((mask >> i) & 1 ? "" : part)).join(".")),
  );
  const prefixes = Array.from(
    { length: uri.length + 1 },
    (_, i) => insertInto(index, scope, prefix, uri.slice(0, i)).id,
  );
  assert.deepEqual(matchesOf(index, scope, uri), [...prefixes, ...precedenceModel(patterns, uri)]);
});

test("more matches than fit are cut off, and said to be", () => {
  const { index } = openIndex(8);
  const handles = Array.from(
    { length: 8 },
    (_, i) => insertInto(index, scope, prefix, "abcdefgh".slice(0, i)).id,
  );
  assert.deepEqual(matchesOf(index, scope, "abcdefghi"), handles);
  assert.equal(index.overflowed, false);
  for (const [match, uri] of [
    [wildcard, ""],
    [prefix, "abcdefgh"],
    [exact, "abcdefghi"],
  ] as const) {
    const extra = insertInto(index, scope, match, uri).id as PatternHandle;
    assert.equal(index.match(scope, "abcdefghi"), 8);
    assert.equal(index.overflowed, true);
    assert.notEqual(index.best(scope, "abcdefghi"), 0);
    index.remove(extra);
    assert.equal(index.match(scope, "abcdefghi"), 8);
    assert.equal(index.overflowed, false);
  }
});

test("looking up does not read beyond the end of memory", () => {
  const { index, core } = openIndex();
  for (const match of [exact, prefix, wildcard]) insertInto(index, scope, match, "ab.");
  const { bytes, exports } = core;
  for (let length = 0; length <= 40; length++) {
    const at = bytes.length - length;
    bytes.fill(0x61, at);
    if (length > 2) bytes[at + 2] = 0x2e;
    exports.indexMatch(scope, at, length);
    exports.indexBest(scope, at, length);
    for (const match of [exact, prefix, wildcard]) exports.indexFind(scope, match, at, length);
  }
  assert.equal(index.match(scope, "ab.aaaa"), 2);
});

test("the URI is copied, so that the caller's memory may change", () => {
  const { index, core } = openIndex();
  const { id } = insertInto(index, scope, exact, "com.example.kept");
  core.bytes.fill(0x78, Address.text, Address.text + 64);
  assert.equal(index.uri(id as PatternHandle), "com.example.kept");
  assert.equal(index.find(scope, exact, "com.example.kept"), id);
});

test("a scope that went with its last pattern is not found where it was before", () => {
  const { index } = openIndex();
  for (const other of [66, 3]) {
    const first = insertInto(index, scope, exact, "a.b");
    assert.equal(index.best(scope, "a.b"), first.id);
    index.remove(first.id as PatternHandle);
    // Its memory now serves the other scope, which in one case is also remembered in the same place.
    const second = insertInto(index, other, exact, "a.b");
    assert.equal(index.best(scope, "a.b"), 0);
    assert.equal(index.best(other, "a.b"), second.id);
    const third = insertInto(index, scope, exact, "c.d");
    index.remove(second.id as PatternHandle);
    assert.equal(index.best(scope, "a.b"), 0);
    assert.equal(index.best(scope, "c.d"), third.id);
    assert.equal(index.best(other, "a.b"), 0);
    index.remove(third.id as PatternHandle);
  }
});
