/** Explanations of access: every refusal is said with the grant that would lift it, and that grant does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Match, matchNames } from "../../src/protocol/messages.ts";
import { Permission } from "../../src/protocol/permissions.ts";
import { type ExplainedRealm, explainAccess, type GrantGiven } from "../../src/security/explain.ts";
import type { GrantRecord, Role } from "../../src/security/records.ts";
import { grantOf } from "../support/access-realms.ts";

const realmOf = (grants: readonly GrantRecord[], mostSpecific = false): ExplainedRealm => ({
  grants,
  mostSpecific,
  groupsOf: (group) => ({ staff: ["people"], people: ["everybody"] })[group] ?? [],
});
const bob = { user: "bob", roles: ["staff"], authmethod: "password" };
const call = (uri: string) => ({ permission: Permission.call, uri, match: Match.exact });

test("an explanation names the grant that decides, and the groups through which it is had", () => {
  const grant = grantOf("group/everybody", "wamp.call", "com.acme.", "prefix");
  const found = explainAccess(
    realmOf([grantOf("group/others", "wamp.call", "", "prefix"), grant]),
    bob,
    call("com.acme.add"),
  );
  assert.deepEqual(found, {
    allowed: true,
    grant,
    path: ["user/bob", "group/staff", "group/people", "group/everybody"],
    nearMisses: [],
    wouldAllow: null,
  });
});

test("a refusal comes with the grants that almost apply, the nearest first, and the one that would", () => {
  const grants = [
    grantOf("group/others", "wamp.call", "com.acme.add"),
    grantOf("group/staff", "wamp.register", "com.acme.", "prefix"),
    grantOf("all", "wamp.call", "com.acme.", "exact"),
    grantOf("user/bob", "wamp.call", "com.acme.sub"),
    grantOf("user/bob", "wamp.call", "org.other.sub"),
  ];
  const found = explainAccess(realmOf(grants), bob, call("com.acme.add"));
  assert.equal(found.allowed, false);
  assert.equal(found.grant, null);
  assert.deepEqual(found.path, []);
  assert.deepEqual(
    found.nearMisses.map(({ grant }) => grants.indexOf(grant)),
    [2, 3, 0, 1],
  );
  assert.match(found.nearMisses[0]!.why, /"match": "prefix"/);
  assert.match(found.nearMisses[1]!.why, /component "sub"/);
  assert.match(found.nearMisses[2]!.why, /group\/others/);
  assert.match(found.nearMisses[3]!.why, /wamp\.register/);
  assert.deepEqual(found.wouldAllow, {
    permissions: ["wamp.call"],
    uri: "com.acme.add",
    match: "exact",
    roles: ["user/bob"],
  });
});

test("a part of a pattern is a near miss", () => {
  const request = { permission: Permission.subscribe, uri: "com.", match: Match.prefix };
  const found = explainAccess(
    realmOf([grantOf("all", "wamp.subscribe", "com.acme.", "prefix")]),
    bob,
    request,
  );
  assert.match(found.nearMisses[0]!.why, /part of the pattern/);
});

test("who is anonymous is explained as anonymous", () => {
  const found = explainAccess(realmOf([]), { authmethod: "anonymous" }, call("a.b"));
  assert.deepEqual(found.wouldAllow?.roles, ["anonymous"]);
});

test("where the most specific rule decides, a deny is named, and no grant is proposed that it would outweigh", () => {
  const deny = grantOf("all", "wamp.call", "com.acme.add", "exact", "deny");
  const allow = grantOf("user/bob", "wamp.call", "", "prefix");
  const found = explainAccess(realmOf([allow, deny], true), bob, call("com.acme.add"));
  assert.equal(found.grant, deny);
  assert.deepEqual(found.path, ["all"]);
  assert.equal(found.wouldAllow, null);
  // One that is less specific is outweighed by a grant of exactly what is asked.
  const wide = grantOf("all", "wamp.call", "com.acme.", "prefix", "deny");
  assert.ok(explainAccess(realmOf([allow, wide], true), bob, call("com.acme.add")).wouldAllow !== null);
  // Where any grant may allow, a deny is nothing.
  assert.equal(explainAccess(realmOf([allow, deny], false), bob, call("com.acme.add")).allowed, true);
});

const recordOf = ({ permissions, uri, match, roles }: GrantGiven): GrantRecord =>
  grantOf(roles === "all" ? "all" : (roles[0] as Role), permissions, uri, match);

test("the proposed grant allows what was refused, and without a proposal no such grant does", () => {
  const uri = fc.constantFrom("a", "a.b", "a.", ".b", "a..b", "", "b.a", "ab");
  const match = fc.constantFrom(...matchNames);
  const role = fc.constantFrom<Role>(
    "all",
    "user/bob",
    "group/staff",
    "group/people",
    "group/others",
    "anonymous",
  );
  const effect = fc.constantFrom<GrantRecord["effect"]>("allow", "allow", "deny");
  const grantArb = fc
    .tuple(role, uri, match, effect, fc.constantFrom("wamp.call", "wamp.subscribe"))
    .map(([r, u, m, e, p]) => grantOf(r, p, u, m, e));
  const requestArb = fc.oneof(
    fc.constantFrom("a", "a.b", "b.a", "ab", "a.x.b").map(call),
    fc
      .constantFrom("a", "a.", "")
      .map((text) => ({ permission: Permission.subscribe, uri: text, match: Match.prefix })),
    fc
      .constantFrom("a.", ".b", "a..b")
      .map((text) => ({ permission: Permission.subscribe, uri: text, match: Match.wildcard })),
  );
  fc.assert(
    fc.property(
      fc.array(grantArb, { maxLength: 6 }),
      requestArb,
      fc.boolean(),
      (grants, request, mostSpecific) => {
        const found = explainAccess(realmOf(grants, mostSpecific), bob, request);
        assert.equal(found.allowed, found.grant !== null && found.grant.effect === "allow");
        if (found.allowed) return;
        const own = { ...call(request.uri), ...request };
        const attempt = found.wouldAllow ?? {
          permissions: ["wamp.call", "wamp.subscribe"],
          uri: own.uri,
          match: matchNames[own.match],
          roles: ["user/bob"],
        };
        const after = explainAccess(realmOf([...grants, recordOf(attempt)], mostSpecific), bob, request);
        assert.equal(after.allowed, found.wouldAllow !== null);
      },
    ),
    { numRuns: 5_000, seed: Number(process.env["SEED"] ?? Date.now() & 0x7fffffff) },
  );
});
