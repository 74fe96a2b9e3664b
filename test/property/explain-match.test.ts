/** What bondy.explain.match says against the rules of matching, word for word. Set SEED to repeat a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { explainMatch, nearlyMatches } from "../../src/admin/explain-match.ts";
import { Match } from "../../src/protocol/messages.ts";
import { matchesOne, precedenceModel } from "../support/pattern-model.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const about = `SEED=${seed}`;

const component = fc.constantFrom("a", "b", "aa", "A");
const uriOf = (of: fc.Arbitrary<string>) =>
  fc.array(of, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const pattern = fc.oneof(
  fc.record({ match: fc.constant(Match.exact), uri: uriOf(component) }),
  fc.record({ match: fc.constant(Match.prefix), uri: uriOf(component) }),
  fc.record({ match: fc.constant(Match.wildcard), uri: uriOf(fc.oneof(component, fc.constant(""))) }),
);
const patternsArb = fc
  .uniqueArray(pattern, { maxLength: 20, selector: ({ match, uri }) => `${match} ${uri}` })
  .map((all) => all.map((one, i) => ({ ...one, id: i + 1 })));

test(`exactly the patterns that match, in the order in which they take a call (${about})`, () => {
  const property = fc.property(patternsArb, uriOf(component), (patterns, uri) => {
    const steps = explainMatch(patterns, uri, 3);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    const { matching, near } = step.value;
    assert.deepEqual(
      matching.map(({ id }) => id),
      precedenceModel(patterns, uri),
    );
    assert.ok(near.length <= 3);
    for (const one of near) assert.ok(!matchesOne(one, uri), `${one.uri} matches`);
    for (const { why } of [...matching, ...near]) assert.ok(why.length > 0);
  });
  fc.assert(property, { seed, numRuns: 2_000 });
});

test("what keeps a pattern from matching is named where it is little", () => {
  const { exact, prefix, wildcard } = Match;
  const cases: readonly [match: Match, pattern: string, uri: string, says: RegExp | null][] = [
    [exact, "com.a", "com.A", /case/],
    [exact, "com.a", "com.a.b", /match: prefix/],
    [exact, "com..b", "com.a.b", /match: wildcard/],
    [exact, "com.a.b", "com.a.c", /component 3 is "b", in the URI "c"/],
    [exact, "com.a.b", "com.c.d", null],
    [exact, "com", "org", null],
    [prefix, "com.a.b", "com.a", /longer/],
    [prefix, "com.b.c", "com.a.c.d", /component 2/],
    [prefix, "org.x", "com.a.b", null],
    [wildcard, "com..b", "com.a.c", /component 3/],
    [wildcard, "com..b", "com.a.b.c", /3 components, the URI has 4/],
    [wildcard, "..", "a.b", null],
    [wildcard, "com..b", "com.a.b", null],
  ];
  for (const [match, uri, asked, says] of cases) {
    const problem = nearlyMatches({ match, uri }, asked);
    if (says === null) assert.equal(problem, null, `${uri} and ${asked}`);
    else assert.match(String(problem), says, `${uri} and ${asked}`);
  }
});
