/** Roles of an identity, and the rules that they make together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Match } from "../../src/protocol/messages.ts";
import { Permission } from "../../src/protocol/permissions.ts";
import { compileRules, rolesOf } from "../../src/security/access-rules.ts";
import { decide } from "../../src/security/decide.ts";
import type { GrantRecord } from "../../src/security/records.ts";
import { grantOf } from "../support/access-realms.ts";

const closure = (groups: readonly string[]): readonly string[] =>
  groups.includes("staff") ? [...groups, "people"] : groups;

test("an identity has the roles of its user, its groups, those that contain them, and all", () => {
  assert.deepEqual(rolesOf(closure, { user: "bob", roles: ["staff"] }), [
    "user/bob",
    "group/staff",
    "group/people",
    "all",
  ]);
  assert.deepEqual(rolesOf(closure, { roles: ["staff"] }), ["group/staff", "group/people", "all"]);
  assert.deepEqual(rolesOf(closure, { user: "bob" }), ["user/bob", "all"]);
});

test("who is not identified is anonymous, and who is identified is not, however little is known", () => {
  assert.deepEqual(rolesOf(closure, {}), ["anonymous", "all"]);
  assert.deepEqual(rolesOf(closure, { authmethod: "anonymous", roles: [] }), ["anonymous", "all"]);
  assert.deepEqual(rolesOf(closure, { authmethod: "oauth2" }), ["all"]);
});

test("grants of one pattern become one rule, and what the router never asks for none", () => {
  const grants = [
    grantOf("all", "wamp.call", "a.b"),
    grantOf("user/bob", ["wamp.publish", "com.own"], "a.b"),
    grantOf("user/ann", "wamp.register", "a.b"),
    grantOf("all", "com.own", "a.c"),
    grantOf("all", "wamp.call", "a b"),
    grantOf("all", "wamp.call", "a.#", "prefix"),
    grantOf("all", "wamp.call", "a.b", "prefix"),
  ];
  const { rules } = compileRules(grants, ["user/bob", "all"], false);
  assert.deepEqual(rules, [
    { uri: "a.b", match: Match.exact, permissions: Permission.call | Permission.publish, deny: false },
    { uri: "a.b", match: Match.prefix, permissions: Permission.call, deny: false },
  ]);
});

test("a deny is a rule only where the most specific one decides", () => {
  const grants = [grantOf("all", "wamp.call", "a", "prefix", "deny")];
  assert.equal(compileRules(grants, ["all"], false).rules.length, 0);
  assert.deepEqual(compileRules(grants, ["all"], true).rules, [
    { uri: "a", match: Match.prefix, permissions: Permission.call, deny: true },
  ]);
});

test("the key is the same exactly where rules, mode and authorizer are", () => {
  const one = [grantOf("user/bob", "wamp.call", "a.b"), grantOf("all", "wamp.call", "b")];
  const same = [grantOf("group/g", "wamp.call", "b"), grantOf("user/ann", "wamp.call", "a.b")];
  const { key } = compileRules(one, ["user/bob", "all"], false);
  assert.equal(compileRules(same, ["group/g", "user/ann"], false).key, key);
  const others = [
    compileRules(one, ["all"], false),
    compileRules(one, ["user/bob", "all"], true),
    compileRules(one, ["user/bob", "all"], false, "com.authorizer"),
    compileRules(
      [grantOf("all", "wamp.call", "a.b"), grantOf("all", "wamp.call", "b", "prefix")],
      ["all"],
      false,
    ),
    compileRules([grantOf("all", "wamp.call", "a.b"), grantOf("all", "wamp.publish", "b")], ["all"], false),
  ];
  assert.equal(new Set([key, ...others.map((rules) => rules.key)]).size, 6);
});

test("what everybody may do in general is not meant for procedures that decide about everybody", () => {
  const deciding = "com.auth";
  const permissions = Permission.call | Permission.register;
  const withheldFrom = (...grants: GrantRecord[]) =>
    compileRules(grants, ["user/bob", "group/g", "all"], false, null, [deciding]).withheld;
  const all = { uri: deciding, permissions };
  assert.deepEqual(withheldFrom(), [all]);
  assert.deepEqual(withheldFrom(grantOf("all", "wamp.call", "com.", "prefix")), [all]);
  assert.deepEqual(withheldFrom(grantOf("group/other", "wamp.call", "com.", "prefix")), [all]);
  assert.deepEqual(withheldFrom(grantOf("group/g", "wamp.call", "com.", "prefix")), [
    { uri: deciding, permissions: Permission.register },
  ]);
  assert.deepEqual(withheldFrom(grantOf("all", "wamp.register", deciding)), [
    { uri: deciding, permissions: Permission.call },
  ]);
  const both = [grantOf("all", "wamp.register", deciding), grantOf("user/bob", "wamp.call", deciding)];
  assert.equal(withheldFrom(...both), undefined);
  const rules = compileRules([grantOf("all", "wamp.call", "com.", "prefix")], ["all"], false, null, [
    deciding,
  ]);
  const may = (uri: string, match: Match) =>
    decide(rules, { uri, match, permission: Permission.call }).allowed;
  assert.deepEqual([may(deciding, Match.exact), may("com.other", Match.exact)], [false, true]);
  assert.deepEqual([may("com.a", Match.prefix), may("com.x", Match.prefix)], [false, true]);
});
