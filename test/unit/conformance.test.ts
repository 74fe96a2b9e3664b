/** The evidence machinery: reports are read, rows are counted, and disagreement with the announcements is found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decisions } from "../../src/protocol/contradictions.ts";
import { claimOf, collect, disagreements } from "../conformance/evidence.ts";
import { conformancePage } from "../conformance/page.ts";
import { profile, type Row } from "../conformance/profile.ts";
import { parseJunit, parseTap, type TestResult } from "../conformance/results.ts";

const tap = `TAP version 13
# Subtest: [R-03] outer "x"
    # Subtest: inner \\# a
    ok 1 - inner \\# a
      ---
      duration_ms: 0.7
      ...
    # Subtest: left out
    ok 2 - left out # SKIP because
      ---
      ...
    # Subtest: deeper
        # Subtest: bad
        not ok 1 - bad
          ---
          location: '/x/bad.test.js:3:1'
          error: |-
            not ok 1 - no result but a message
          ...
        1..1
    not ok 3 - deeper
      ---
      ...
    1..3
not ok 1 - [R-03] outer "x"
  ---
  ...
# Subtest: its parts pass, itself does not
    # Subtest: part
    ok 1 - part
not ok 2 - its parts pass, itself does not
# Subtest: top
ok 3 - top
1..3
# tests 8
`;

test("TAP: tests with the names of their suites, skips, failures, and no text out of a failure's message", () => {
  assert.deepEqual(parseTap(tap), [
    { path: ['[R-03] outer "x"', "inner # a"], status: "passed" },
    { path: ['[R-03] outer "x"', "left out"], status: "skipped" },
    { path: ['[R-03] outer "x"', "deeper", "bad"], status: "failed", file: "/x/bad.test.js" },
    { path: ["its parts pass, itself does not", "part"], status: "passed" },
    { path: ["its parts pass, itself does not"], status: "failed" },
    { path: ["top"], status: "passed" },
  ]);
});

const junit = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" failures="1" skipped="1">
  <testsuite name="a.test.js" file="a.test.js" tests="4">
    <testsuite name="[R-03] outer &quot;x&quot; &lt;y&gt;" file="a.test.js" tests="3">
      <testcase name="inner &amp; a > b" classname="[R-03]" time="0.001" file="a.test.js" />
      <testcase name="left out" classname="" time="0">
        <skipped />
      </testcase>
      <testcase name="bad" classname="" time="0">
        <failure type="Error" message="x&#10;y">Error: &lt;testcase name=&quot;no&quot; /&gt;</failure>
      </testcase>
    </testsuite>
    <testsuite name="empty" file="a.test.js" />
    <testcase name="top" classname="" time="0" />
  </testsuite>
</testsuites>`;

test("JUnit XML: the same, without the file that is the outermost suite", () => {
  assert.deepEqual(parseJunit(junit), [
    { path: ['[R-03] outer "x" <y>', "inner & a > b"], status: "passed", file: "a.test.js" },
    { path: ['[R-03] outer "x" <y>', "left out"], status: "skipped" },
    { path: ['[R-03] outer "x" <y>', "bad"], status: "failed" },
    { path: ["top"], status: "passed" },
  ]);
});

test("a claim stands in brackets at the start of a name, behind the leg's name, or at a suite", () => {
  const cases: readonly (readonly [path: string[], ids: string[], rule: string, socket?: string])[] = [
    [["websocket (ws) json: [R-03 R-04] a call"], ["R-03", "R-04"], "a call", "json"],
    [["unix socket msgpack: [R-03] a call"], ["R-03"], "a call", "msgpack"],
    [["rawsocket cbor", "[R-03] a call"], ["R-03"], "a call", "cbor"],
    [["memory cbor: [R-03] a call"], ["R-03"], "a call"],
    [["[2.13 #5b] [T-03] either"], ["2.13 #5b", "T-03"], "either"],
    [["[B-01] suite", "case"], ["B-01"], "suite › case"],
    [["over json", "[B-01] case"], ["B-01"], "case"],
    [["[B-01] suite", "json: [P-02] case"], ["B-01", "P-02"], "suite › case"],
    [["[O-06] an operation"], [], "[O-06] an operation"],
    [["a list of [1] and [B-01] in the text"], [], "a list of [1] and [B-01] in the text"],
    [["[Z-99] unknown"], ["Z-99"], "unknown"],
  ];
  for (const [path, ids, rule, socket] of cases)
    assert.deepEqual(claimOf(path), { ids, rule, ...(socket && { socket }) }, path.join(" > "));
});

const results: readonly TestResult[] = [
  { path: ["memory json: [P-02 B-12] a rule"], status: "passed" },
  { path: ["memory cbor: [P-02] a rule"], status: "passed" },
  { path: ["[P-02] another | rule"], status: "failed" },
  { path: ["[P-03] never ran"], status: "skipped" },
];
const rows: readonly Row[] = profile.filter(({ id }) =>
  ["B-12", "P-02", "P-03", "T-09", "A-02"].includes(id),
);

test("evidence counts results by row and leg, and names each rule once", () => {
  const evidence = collect([
    { leg: "node", results },
    { leg: "bun", results: results.slice(0, 1) },
  ]);
  assert.deepEqual(evidence.get("P-02")?.rules, ["a rule", "another | rule"]);
  assert.deepEqual(evidence.get("P-02")?.legs.get("node"), { passed: 2, failed: 1, skipped: 0 });
  assert.deepEqual(evidence.get("P-02")?.legs.get("bun"), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(evidence.get("P-03")?.rules, []);
  assert.equal(evidence.get("B-01"), undefined);
});

test("announcements without a passing test, and passing tests without an announcement, are disagreements", () => {
  const overSockets = (rule: string, serializers = ["json", "msgpack", "cbor"]): TestResult[] =>
    serializers.map((name) => ({ path: [`websocket (ws) ${name}: ${rule}`], status: "passed" }));
  const find = (node: TestResult[], bun: TestResult[], broker: string[], dealer: string[] = []): string[] =>
    disagreements({
      profile,
      decisions,
      evidence: collect([
        { leg: "node", results: node },
        { leg: "bun", results: bun },
      ]),
      announced: { broker, dealer },
      legs: ["node", "bun"],
    });
  const key = "publisher_exclusion";
  const proof = overSockets("[P-02] a rule");
  assert.deepEqual(find(proof, proof, [key]), []);
  assert.deepEqual(find([...proof, ...overSockets("[B-12] [2.13 #6] another")], proof, [key]), []);
  assert.match(
    find(proof, [], [key]).join(),
    /^WELCOME announces .* on bun over a socket in json, msgpack, cbor$/,
  );
  assert.match(find(proof, overSockets("[P-02] a rule", ["json"]), [key]).join(), /in msgpack, cbor$/);
  assert.match(find(proof, proof, []).join(), /^tests of P-02 pass on node and bun, but WELCOME does not/);
  assert.match(
    find(proof, proof, [key, "event_history"]).join(),
    /event_history.*node.*,.*event_history.*bun/,
  );
  assert.match(find([], [], [], [key]).join(), /in no row of the profile$/);
  assert.match(find(overSockets("[Z-99] a rule"), [], []).join(), /Z-99, which is neither/);
  assert.match(find(overSockets("[2.13 #99] a rule"), [], []).join(), /#99, which is neither/);
  const failing = proof.map(({ path }): TestResult => ({ path, status: "failed" }));
  assert.equal(find(failing, proof, [key]).length, 1);
  const inMemory: TestResult[] = [{ path: ["memory json: [P-02] a rule"], status: "passed" }];
  assert.equal(find(inMemory, proof, [key]).length, 1);
});

test("the page lists what ran, then what did not, then what is out of scope", () => {
  const evidence = collect([{ leg: "node", results }]);
  const announced = { broker: ["publisher_exclusion"], dealer: [] };
  const input = { profile: rows, decisions, evidence, announced, legs: ["node", "bun"], problems: [] };
  const page = conformancePage(input);
  assert.equal(page, conformancePage(input));
  const listed = page.split("\n").filter((line) => /^(\| [A-Z]-|- [A-Z]-)/.test(line));
  assert.deepEqual(
    listed.map((line) => /[A-Z]-\d+/.exec(line)?.[0]),
    ["B-12", "P-02", "P-03", "A-02", "T-09"],
  );
  assert.match(
    page,
    /\| P-02 \| .* \| `publisher_exclusion` \(broker\) \| stable \| 2 \| \*\*1 failed\*\* of 3 \| – \|/,
  );
  assert.match(page, /another \\\| rule/);
  for (const { number } of decisions) assert.ok(page.includes(`\n| #${number} | `), number);
  assert.match(conformancePage({ ...input, problems: ["they differ"] }), /- they differ\n/);
});

test("the profile has 86 rows, 79 of them in scope, and each key names a role", () => {
  assert.equal(new Set(profile.map(({ id }) => id)).size, 86);
  assert.equal(profile.filter(({ outOfScope }) => outOfScope === undefined).length, 79);
  for (const { announced } of profile) if (announced !== undefined) assert.ok(announced.roles.length > 0);
});

test("[2.13 #8] shared registration is reported as beta, sharded registration as alpha", () => {
  const status = (id: string): string | undefined => profile.find((row) => row.id === id)?.status;
  assert.deepEqual([status("R-08"), status("R-09")], ["beta", "alpha"]);
});
