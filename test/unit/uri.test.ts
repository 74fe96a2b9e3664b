import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Match } from "../../src/protocol/messages.ts";
import { UriStatus, Visit } from "../../src/wasm/abi.ts";
import { buildNames, openCodec } from "../support/codec.ts";
import { uriStatusModel } from "../support/uri-model.ts";

const seed = Number(process.env.SEED ?? Date.now() & 0x7fffffff);
const codec = openCodec();
const { ok, invalid, reserved } = UriStatus;
const matches = Object.values(Match);

const loose = (uri: string, match: Match = Match.exact) => codec.checkUri(uri, match, 0);
const strict = (uri: string, match: Match = Match.exact) => codec.checkUri(uri, match, Visit.strictUri);

test("[B-08] loose URIs may hold anything but white space, number signs and empty components", () => {
  for (const uri of ["a", "com.Example-1.topic", "com.$/{}", "ünï.çödé.日本.😀", "a\u0000b", "a\u0085b"])
    assert.equal(loose(uri), ok, JSON.stringify(uri));
  for (const uri of ["", ".", "a.", ".a", "a..b", "a b", "a#b", "#", " "])
    assert.equal(loose(uri), invalid, JSON.stringify(uri));
});

test("[B-08] every code point that ECMAScript calls white space is refused, wherever it stands, and no other", () => {
  const other = new Set([".", "#"]);
  for (let point = 0; point <= 0xffff; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const character = String.fromCharCode(point);
    if (other.has(character)) continue;
    const expected = /\s/.test(character) ? invalid : ok;
    assert.equal(loose(character), expected, `U+${point.toString(16)} alone`);
    assert.equal(loose(`com.example.${character}x`), expected, `U+${point.toString(16)} in a component`);
  }
});

test("[B-09] strict URIs are lower-case letters, digits and underscores", () => {
  for (let byte = 0; byte < 128; ++byte) {
    const character = String.fromCharCode(byte);
    if (character === ".") continue;
    assert.equal(
      strict(`com.a${character}`),
      /[0-9a-z_]/.test(character) ? ok : invalid,
      JSON.stringify(character),
    );
  }
  assert.equal(strict("com.é"), invalid);
});

test("[B-08 B-09] where a component may be empty depends on the match policy", () => {
  for (const check of [loose, strict]) {
    assert.deepEqual(
      ["", "a.", "a", "a.b."].map((uri) => check(uri, Match.prefix)),
      [ok, ok, ok, ok],
    );
    assert.deepEqual(
      [".", "a..", ".a", "a..b"].map((uri) => check(uri, Match.prefix)),
      [invalid, invalid, invalid, invalid],
    );
    const wildcards = ["", ".", "..", "a..b", ".a", "a.", "a"];
    for (const uri of wildcards) assert.equal(check(uri, Match.wildcard), ok, JSON.stringify(uri));
  }
});

test("[B-10] a URI is reserved when its whole first component is wamp", () => {
  assert.deepEqual(
    ["wamp", "wamp.session", "wamp.a.b"].map((uri) => loose(uri)),
    [reserved, reserved, reserved],
  );
  assert.deepEqual(
    ["wam", "wampx.a", "wamp-a", "a.wamp", "Wamp.a"].map((uri) => loose(uri)),
    [ok, ok, ok, ok, ok],
  );
  assert.equal(loose("wamp.", Match.prefix), reserved);
  assert.equal(loose("wam", Match.prefix), ok);
  assert.equal(loose("wamp..on_join", Match.wildcard), reserved);
  assert.equal(loose("wamp.."), invalid, "being malformed comes first");
});

test("a URI has at most 1,024 bytes and 64 components", () => {
  assert.equal(loose("a".repeat(1_024)), ok);
  assert.equal(loose("a".repeat(1_025)), invalid);
  assert.equal(loose("é".repeat(513)), invalid, "bytes count, not characters");
  for (const match of matches) {
    assert.equal(loose(Array(64).fill("a").join("."), match), ok);
    assert.equal(loose(Array(65).fill("a").join("."), match), invalid);
    assert.equal(strict(Array(64).fill("a").join("."), match), ok);
    assert.equal(strict(Array(65).fill("a").join("."), match), invalid);
  }
});

for (const build of buildNames) {
  test(`URI checks agree with the specification's patterns, in the ${build} build`, (t) => {
    t.diagnostic(`SEED=${seed}`);
    const built = openCodec(build);
    const piece = fc.constantFrom(
      ".",
      ".",
      "a",
      "b1",
      "_",
      "wamp",
      "Z",
      "-",
      "#",
      " ",
      "\t",
      "é",
      "\u00a0",
      "\u3000",
      "日",
      "😀",
      "abcdefgh",
    );
    const uriArb = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
    const matchArb = fc.constantFrom(...matches);
    let valid = 0;
    fc.assert(
      fc.property(uriArb, matchArb, fc.boolean(), (uri, match, isStrict) => {
        const expected = uriStatusModel(uri, match, isStrict);
        if (expected !== UriStatus.invalid) ++valid;
        assert.equal(
          built.checkUri(uri, match, isStrict ? Visit.strictUri : 0),
          expected,
          JSON.stringify(uri),
        );
      }),
      { seed, numRuns: 20_000 },
    );
    assert.ok(valid > 100, `only ${valid} URIs were valid`);
  });
}
