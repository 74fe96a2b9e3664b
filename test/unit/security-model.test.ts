/** Users, groups, sources, grants, keys and tickets: what changes make of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedLimits } from "../../src/base/limits.ts";
import { WampError } from "../../src/protocol/errors.ts";
import type { SecurityChange } from "../../src/security/model.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { TestSecurity, wholeModel } from "../support/security.ts";

const rejectsWith = (uri: string, text?: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof WampError, String(cause));
  assert.equal(cause.uri, uri, cause.message);
  if (text !== undefined) assert.match(cause.message, text);
  return true;
};
const invalid = (text?: RegExp) => rejectsWith("wamp.error.invalid_argument", text);
const missing = rejectsWith("bondy.error.not_found");
const exists = rejectsWith("bondy.error.already_exists");

const app = "com.acme.app";
const open = async (realm: object = {}): Promise<[TestSecurity, SecurityService]> => {
  const bench = new TestSecurity();
  const security = await bench.open();
  await security.createRealm({ uri: app, ...realm });
  return [bench, security];
};

test("what was created is there after a restart", async () => {
  const [bench, security] = await open({ description: "an app", info: { a: [1, null, { b: 2 }] } });
  await security.addGroup(app, { name: "Staff" });
  await security.addGroup("COM.acme.app", { name: "admins", groups: ["staff"] });
  const given = {
    username: "Bob",
    password: "123456",
    groups: ["admins"],
    aliases: ["bobby"],
    meta: { foo: 1 },
  };
  assert.equal((await security.addUser(app, given)).username, "bob");
  await security.addSource(app, { usernames: "all", authmethod: "wampcra", cidr: "10.1.2.3/8" });
  await security.grant(app, {
    permissions: ["wamp.call"],
    uri: "com.acme.",
    match: "prefix",
    roles: ["staff"],
  });
  await security.signingKey(app);
  assert.deepEqual(security.closure(app, ["admins"]), ["admins", "staff"]);
  assert.equal(security.user(app, "BOBBY")?.username, "bob");
  assert.equal(security.sources(app)[0]?.cidr, "10.0.0.0/8");
  assert.ok(security.isGranted(app, { user: "bob", roles: ["admins"] }, "wamp.call", "com.acme.x"));
  assert.ok(!security.isGranted(app, {}, "wamp.call", "com.acme.x"));
  assert.ok(!JSON.stringify(security.users(app)).includes("123456"));
  assert.deepEqual(wholeModel(await bench.open()), wholeModel(security));
});

test("names and aliases are one user's", async () => {
  const [, security] = await open();
  await security.addUser(app, { username: "bob", aliases: ["bobby"] });
  await assert.rejects(security.addUser(app, { username: "BOB" }), exists);
  await assert.rejects(security.addUser(app, { username: "Bobby" }), exists);
  await assert.rejects(security.addUser(app, { username: "eve", aliases: ["bobby"] }), exists);
  await assert.rejects(security.addUser(app, { username: "eve", aliases: ["eve"] }), exists);
  await assert.rejects(security.addAlias(app, "bob", "bob"), exists);
  for (const alias of ["b2", "b3", "b4", "b5"]) await security.addAlias(app, "bobby", alias);
  await assert.rejects(security.addAlias(app, "bob", "b6"), rejectsWith("bondy.error.property_range_limit"));
  await security.removeAlias(app, "bob", "bobby");
  await security.addUser(app, { username: "eve", aliases: ["bobby"] });
  assert.equal(security.user(app, "bobby")?.username, "eve");
});

test("groups exist, contain no cycle, and leave nothing behind", async () => {
  const [bench, security] = await open();
  await assert.rejects(
    security.addGroup(app, { name: "a", groups: ["b"] }),
    rejectsWith("bondy.error.no_such_groups"),
  );
  for (const name of ["a", "b", "c"]) await security.addGroup(app, { name });
  await security.changeGroupGroups(app, "a", { add: ["b"] });
  await security.updateGroup(app, "b", { groups: ["c"] });
  await assert.rejects(
    security.updateGroup(app, "c", { groups: ["a"] }),
    invalid(/c → a → b → c is a cycle/),
  );
  await assert.rejects(security.changeGroupGroups(app, "a", { add: ["a"] }), invalid(/a → a is a cycle/));
  await security.addUser(app, { username: "bob", groups: ["a", "b"] });
  await assert.rejects(
    security.changeUserGroups(app, "bob", { add: ["x"] }),
    rejectsWith("bondy.error.no_such_groups"),
  );
  await security.grant(app, { permissions: ["wamp.call"], uri: "", roles: ["b"] });
  await security.deleteGroup(app, "b");
  assert.deepEqual(security.user(app, "bob")?.groups, ["a"]);
  assert.deepEqual(security.group(app, "a")?.groups, []);
  assert.deepEqual(security.grants(app), []);
  await security.changeUserGroups(app, "bob", { add: ["C"], remove: ["a"] });
  assert.deepEqual(security.user(app, "bob")?.groups, ["c"]);
  await assert.rejects(security.deleteGroup(app, "b"), missing);
  assert.deepEqual(wholeModel(await bench.open()), wholeModel(security));
});

test("a prototype's group that goes leaves the realms that inherit it too", async () => {
  const [, security] = await open();
  await security.createRealm({ uri: "p", is_prototype: true, groups: [{ name: "g" }, { name: "h" }] });
  await security.createRealm({
    uri: "x",
    prototype_uri: "p",
    users: [{ username: "bob", groups: ["g", "h"] }],
  });
  await security.grant("x", { permissions: ["wamp.call"], uri: "", roles: ["g"] });
  await assert.rejects(
    security.updateGroup("x", "g", {}),
    rejectsWith("bondy.error.not_found", /prototype's/),
  );
  await security.addGroup("x", { name: "h" });
  await security.deleteGroup("p", "h");
  await security.deleteGroup("p", "g");
  assert.deepEqual(security.user("x", "bob")?.groups, ["h"]);
  assert.deepEqual(security.grants("x"), []);
});

test("grants of one role on one resource are one, and are taken away permission by permission", async () => {
  const [, security] = await open({
    users: [{ username: "bob" }, { username: "staff" }],
    groups: [{ name: "staff" }],
  });
  const grant = (roles: unknown, permissions: readonly string[]) => ({
    roles,
    permissions,
    uri: "com.a",
    match: "exact",
  });
  await assert.rejects(
    security.grant(app, grant(["staff"], ["wamp.call"])),
    rejectsWith("bondy.error.duplicate_roles"),
  );
  await assert.rejects(
    security.grant(app, grant(["eve"], ["wamp.call"])),
    rejectsWith("bondy.error.unknown_roles"),
  );
  await security.grant(app, grant(["bob", "group/staff"], ["wamp.call"]));
  await security.grant(app, grant(["user/bob"], ["wamp.publish", "my.own"]));
  assert.deepEqual(
    security.grantsOf(app, "user/bob").map(({ permissions }) => permissions),
    [["my.own", "wamp.call", "wamp.publish"]],
  );
  await security.revoke(app, grant(["bob"], ["wamp.call", "wamp.publish"]));
  assert.ok(security.isGranted(app, { user: "bob" }, "my.own", "com.a"));
  await security.revoke(app, grant(["bob"], ["my.own"]));
  assert.deepEqual(security.grantsOf(app, "user/bob"), []);
  const uri = `a.${"x".repeat(1_000)}`;
  for (const permission of ["wamp.call", "wamp.publish"])
    await security.grant(app, { roles: "all", permissions: [permission], uri });
  assert.deepEqual(
    security.grantsOf(app, "all").map((entry) => entry.permissions.length),
    [2],
  );
});

test("only a realm where the most specific grant decides has grants that deny", async () => {
  const [, security] = await open();
  const deny = { roles: "all", permissions: ["wamp.call"], uri: "a.b", effect: "deny" };
  await assert.rejects(security.grant(app, deny), invalid(/most_specific/));
  await security.updateRealm(app, { rbac: "most_specific" });
  await security.grant(app, deny);
  await security.grant(app, { roles: "all", permissions: ["wamp.call"], uri: "a.", match: "prefix" });
  assert.deepEqual(
    ["a.b", "a.c"].map((uri) => security.isGranted(app, {}, "wamp.call", uri)),
    [false, true],
  );
  await assert.rejects(security.updateRealm(app, { rbac: "additive" }), invalid(/grants that deny/));
});

test("sources are of users that exist, and go with them", async () => {
  const [, security] = await open({ users: [{ username: "bob" }] });
  const source = (usernames: unknown) => ({ usernames, authmethod: "password", cidr: "::/0" });
  await assert.rejects(security.addSource(app, source(["eve"])), rejectsWith("bondy.error.no_such_users"));
  assert.equal((await security.addSource(app, source(["bob", "anonymous"]))).length, 2);
  await security.deleteUser(app, "bob");
  assert.deepEqual(
    security.sources(app).map(({ username }) => username),
    ["anonymous"],
  );
  await assert.rejects(security.deleteSource(app, "anonymous", "::/0", "trust"), missing);
  await security.deleteSource(app, "anonymous", "::1/0");
  assert.deepEqual(security.sources(app), []);
});

test("credentials that change, and users that are disabled or deleted, end their tickets; other changes do not", async () => {
  const [bench, security] = await open({ users: [{ username: "bob", password: "123456" }] });
  const issue = (id: string, scope: string | null = null) =>
    security.putTicket({
      id,
      authrealm: app,
      authid: "bob",
      scope: { realm: app, client_id: scope, device_id: null },
      issued_by: "node",
      issued_at: 1,
      expires_at: 3_000_000_000,
    });
  const ids = () => security.tickets(app, "bob").map(({ id }) => id);
  await issue("1");
  await issue("2", "phone");
  await issue("3");
  assert.deepEqual(ids().sort(), ["2", "3"]);
  await security.updateUser(app, "bob", { meta: { a: 1 } });
  const { credentials } = security.user(app, "bob")!;
  await security.upgradeCredentials(app, "bob", { ...credentials!, salt: "bmV3" });
  assert.equal(security.user(app, "bob")?.credentials?.salt, "bmV3");
  assert.equal(ids().length, 2);
  assert.equal(security.ticket(app, "3")?.authid, "bob");
  await security.changePassword(app, "bob", "654321");
  assert.deepEqual(ids(), []);
  await security.upgradeCredentials(app, "bob", credentials!);
  assert.notEqual(security.user(app, "bob")?.credentials?.salt, credentials?.salt);
  await issue("4");
  assert.equal(await security.revokeTicket(app, "4"), true);
  assert.equal(await security.revokeTicket(app, "4"), false);
  await issue("5");
  await security.setUserEnabled(app, "bob", false);
  assert.deepEqual(ids(), []);
  for (let count = 0; count < fixedLimits.ticketsPerUser_max + 3; count++)
    await issue(`t${count}`, `c${count}`);
  assert.equal(ids().length, fixedLimits.ticketsPerUser_max);
  assert.equal(await security.revokeTickets(app, "bob"), fixedLimits.ticketsPerUser_max);
  await issue("6");
  assert.deepEqual(wholeModel(await bench.open()), wholeModel(security));
  bench.now_ms = 3_000_000_000_000;
  assert.deepEqual((await bench.open()).tickets(app, "bob"), []);
  await assert.rejects(issue("a b"), invalid());
});

test("keys are made when they are needed, stay, and overlap when they are rotated", async () => {
  const [bench, security] = await open();
  assert.deepEqual(security.signingKeys(app), []);
  const [first, same] = await Promise.all([security.signingKey(app), security.signingKey(app)]);
  assert.equal(first.kid, same.kid);
  const again = await bench.open();
  assert.equal((await again.signingKey(app)).kid, first.kid);
  const second = await again.rotateKeys(app, 60);
  assert.deepEqual(
    again.signingKeys(app).map(({ kid }) => kid),
    [second.kid, first.kid],
  );
  bench.now_ms += 61_000;
  assert.deepEqual(
    again.signingKeys(app).map(({ kid }) => kid),
    [second.kid],
  );
  const third = await again.rotateKeys(app, 0);
  assert.deepEqual(
    again.signingKeys(app).map(({ kid }) => kid),
    [third.kid],
  );
  await assert.rejects(again.rotateKeys(app, -1), invalid());
});

test("a change that cannot be stored changes nothing, and the next one is not held up", async () => {
  const store = new MemoryStore();
  const bench = new TestSecurity(store);
  const security = await bench.open();
  await security.createRealm({ uri: app });
  const before = wholeModel(security);
  const told: SecurityChange[] = [];
  security.onChange((change) => void told.push(change));
  const commit = store.commit.bind(store);
  store.commit = () => Promise.reject(new Error("disk full"));
  await assert.rejects(security.addUser(app, { username: "bob" }), rejectsWith("wamp.error.unavailable"));
  assert.deepEqual([wholeModel(security), told], [before, []]);
  store.commit = commit;
  await security.addUser(app, { username: "bob" });
  assert.equal(told.length, 1);
});

test("listeners are told in order, after a change is visible, and one that fails disturbs nobody", async () => {
  const [, security] = await open();
  const told: string[] = [];
  security.onChange(() => {
    throw new Error("mine");
  });
  const stop = security.onChange(({ action, name }) => {
    assert.ok(security.user(app, name) !== undefined || action === "deleted");
    told.push(`${action} ${name}`);
  });
  const all = [
    security.addUser(app, { username: "bob" }),
    security.updateUser(app, "bob", { authorized_keys: ["ab".repeat(32)] }),
    security.setUserEnabled(app, "bob", false),
    security.setUserEnabled(app, "bob", false),
    security.deleteUser(app, "bob"),
  ];
  await Promise.all(all);
  assert.deepEqual(told, ["created bob", "credentials bob", "updated bob", "deleted bob"]);
  stop();
  await security.addUser(app, { username: "eve" });
  assert.equal(told.length, 4);
});

test("more changes than may wait are refused", async () => {
  const [, security] = await open();
  const many = Array.from({ length: fixedLimits.securityQueue_max }, () =>
    security.setSecurityEnabled(app, true),
  );
  await assert.rejects(security.setSecurityEnabled(app, false), rejectsWith("wamp.error.unavailable"));
  await Promise.all(many);
  await security.setSecurityEnabled(app, false);
});
