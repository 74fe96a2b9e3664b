/** Realms, and what is between them: prototypes, same sign-on, realms that are made when somebody asks for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WampError } from "../../src/protocol/errors.ts";
import type { SecurityChange } from "../../src/security/model.ts";
import type { SecurityService } from "../../src/security/service.ts";
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

test("a realm that is there cannot be created, and the router's own cannot be made or deleted", async () => {
  const [, security] = await open();
  await assert.rejects(security.createRealm({ uri: "COM.ACME.app" }), exists);
  await assert.rejects(security.createRealm({ uri: "com.leapsight.bondy.x" }), invalid(/router's own/));
  await assert.rejects(security.updateRealm("b", {}), missing);
  await assert.rejects(security.deleteRealm("com.leapsight.bondy", { force: true }), invalid());
});

test("a realm inherits from its prototype, and what it says itself is stronger", async () => {
  const [, security] = await open();
  await security.createRealm({ uri: "sso", is_sso_realm: true });
  await security.createRealm({
    uri: "proto",
    is_prototype: true,
    sso_realm_uri: "sso",
    authmethods: ["wampcra", "wamp-scram"],
    groups: [{ name: "staff" }, { name: "lead", groups: ["staff"], meta: { of: "proto" } }],
    users: [{ username: "eve" }],
    sources: [
      { usernames: "all", authmethod: "wampcra", cidr: "0.0.0.0/0" },
      { usernames: "anonymous", authmethod: "anonymous", cidr: "0.0.0.0/0" },
    ],
    grants: [{ permissions: ["wamp.call"], uri: "a.", match: "prefix", roles: ["staff"] }],
  });
  await security.createRealm({
    uri: "child",
    prototype_uri: "proto",
    groups: [{ name: "lead", meta: { of: "child" } }],
  });
  const realm = security.realm("child");
  assert.equal(realm?.ssoRealmUri, "sso");
  assert.equal(realm?.allowConnections, true);
  assert.equal(security.realm("proto")?.allowConnections, false);
  assert.equal(realm?.passwordOptions.protocol, "both");
  await security.updateRealm("child", { password_opts: { params: { iterations: 5_000 } } });
  assert.deepEqual(security.realm("child")?.passwordOptions, {
    protocol: "both",
    params: { kdf: "pbkdf2", iterations: 5_000 },
  });
  assert.deepEqual(security.group("child", "lead")?.meta, { of: "child" });
  assert.deepEqual(security.closure("child", ["lead"]), ["lead"]);
  assert.deepEqual(security.closure("proto", ["lead"]), ["lead", "staff"]);
  assert.deepEqual(
    security.sources("child").map(({ username }) => username),
    ["all"],
  );
  assert.equal(security.user("child", "eve"), undefined);
  assert.ok(security.isGranted("child", { roles: ["staff"] }, "wamp.call", "a.b"));
  await security.updateRealm("child", { security_enabled: false, allow_connections: false });
  assert.equal(security.realm("child")?.allowConnections, false);
  assert.ok(security.isGranted("child", {}, "any.thing", "x"));
  await assert.rejects(security.updateRealm("child", { prototype_uri: "sso" }), invalid(/stays so/));
  await assert.rejects(security.updateRealm("proto", { is_prototype: false }), invalid(/taken back/));
  await assert.rejects(security.createRealm({ uri: "x", prototype_uri: "child" }), invalid(/no prototype/));
  await assert.rejects(security.createRealm({ uri: "x", prototype_uri: "x" }), invalid(/itself/));
  await assert.rejects(
    security.createRealm({ uri: "x", is_prototype: true, prototype_uri: "proto" }),
    invalid(),
  );
  await assert.rejects(security.createRealm({ uri: "x", sso_realm_uri: "child" }), invalid(/same-sign-on/));
  await assert.rejects(security.deleteRealm("proto", { force: true }), invalid(/another realm/));
  await security.deleteRealm("child", { force: false });
  await security.deleteRealm("proto", { force: true });
});

test("a realm with users is deleted only by force, and takes everything along", async () => {
  const [bench, security] = await open({ users: [{ username: "bob" }] });
  await security.grant(app, { permissions: ["wamp.call"], uri: "", roles: ["bob"] });
  await security.signingKey(app);
  await assert.rejects(security.deleteRealm(app, { force: false }), rejectsWith("bondy.error.active_users"));
  const told: SecurityChange[] = [];
  security.onChange((change) => void told.push(change));
  await security.deleteRealm(app, { force: true });
  assert.deepEqual(told, [{ kind: "realm", action: "deleted", realm: app, name: app }]);
  await security.createRealm({ uri: app });
  assert.deepEqual([security.users(app), security.grants(app), security.signingKeys(app)], [[], [], []]);
  assert.deepEqual(wholeModel(await bench.open()), wholeModel(security));
});

test("a user with same sign-on is in both realms at once", async () => {
  const bench = new TestSecurity();
  const security = await bench.open();
  await security.createRealm({ uri: "sso", is_sso_realm: true });
  for (const uri of ["a", "b"]) await security.createRealm({ uri, sso_realm_uri: "sso" });
  await security.createRealm({ uri: "alone" });
  await security.addUser("a", {
    username: "bob",
    password: "123456",
    sso_realm_uri: "sso",
    meta: { at: "a" },
  });
  await security.addUser("b", { username: "bob", sso_realm_uri: "sso" });
  assert.equal(security.user("a", "bob")?.credentials, null);
  assert.deepEqual(security.user("sso", "bob")?.meta, {});
  const principal = security.principal("b", "BOB");
  assert.equal(principal?.credentialRealm, "sso");
  assert.ok(principal?.credentialUser.credentials !== null && principal?.enabled);
  const told: string[] = [];
  security.onChange(({ kind, action, realm, name }) => void told.push(`${kind} ${action} ${realm} ${name}`));
  await security.changePassword("b", "bob", "654321", "123456");
  assert.deepEqual(told, ["user credentials sso bob", "user credentials a bob", "user credentials b bob"]);
  await assert.rejects(
    security.changePassword("a", "bob", "abcdef", "123456"),
    rejectsWith("bondy.error.bad_password"),
  );
  await security.setUserEnabled("a", "bob", false);
  assert.deepEqual(
    [security.principal("a", "bob")?.enabled, security.principal("b", "bob")?.enabled],
    [false, true],
  );
  await security.deleteUser("sso", "bob");
  assert.equal(security.principal("b", "bob")?.enabled, false);
  await assert.rejects(
    security.addUser("alone", { username: "bob", sso_realm_uri: "sso" }),
    invalid(/not the one/),
  );
  await assert.rejects(
    security.addUser("a", { username: "eve", sso_realm_uri: "b" }),
    invalid(/no same-sign-on/),
  );
  assert.equal(security.user("sso", "eve"), undefined);
  assert.deepEqual(wholeModel(await bench.open()), wholeModel(security));
});

test("a realm that somebody asks for is made only where that is configured, and not without end", async () => {
  const bench = new TestSecurity();
  assert.equal(await (await bench.open()).automaticRealm("com.new"), undefined);
  const security = await bench.open({ automaticRealms: { security_enabled: false } });
  const [one, other] = await Promise.all([
    security.automaticRealm("com.New"),
    security.automaticRealm("com.new"),
  ]);
  assert.equal(one?.uri, "com.new");
  assert.equal(one?.securityEnabled, false);
  assert.equal(other?.uri, "com.new");
  for (const uri of ["com.leapsight.bondy.internal", "a b", ""])
    assert.equal(await security.automaticRealm(uri), undefined);
});
