import assert from "node:assert/strict";
import { test } from "node:test";
import { WampError } from "../../src/protocol/errors.ts";
import { TestSecurity, wholeModel } from "../support/security.ts";

const rejectsWith = (uri: string, text?: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof WampError, String(cause));
  assert.equal(cause.uri, uri, cause.message);
  if (text !== undefined) assert.match(cause.message, text);
  return true;
};
const invalid = (text?: RegExp) => rejectsWith("wamp.error.invalid_argument", text);

test("what was created is there after a restart", async () => {
  const test = new TestSecurity();
  const security = await test.open();
  await security.createRealm({
    uri: "com.Acme.app",
    description: "an app",
    info: { a: [1, null, { b: 2 }] },
  });
  await security.addGroup("com.acme.app", { name: "Staff" });
  await security.addGroup("com.acme.app", { name: "admins", groups: ["staff"] });
  const bob = await security.addUser("com.acme.app", {
    username: "Bob",
    password: "123456",
    groups: ["admins"],
    aliases: ["bobby"],
    meta: { foo: 1 },
  });
  assert.equal(bob.username, "bob");
  await security.addSource("com.acme.app", { usernames: "all", authmethod: "wampcra", cidr: "10.1.2.3/8" });
  await security.grant("com.acme.app", {
    permissions: ["wamp.call"],
    uri: "com.acme.",
    match: "prefix",
    roles: ["staff"],
  });
  await security.signingKey("com.acme.app");
  assert.deepEqual(security.closure("com.acme.app", ["admins"]), ["admins", "staff"]);
  assert.equal(security.user("com.acme.app", "BOBBY")?.username, "bob");
  assert.equal(security.sources("com.acme.app")[0]?.cidr, "10.0.0.0/8");
  assert.ok(
    security.isGranted("com.acme.app", { user: "bob", roles: ["admins"] }, "wamp.call", "com.acme.x"),
  );
  assert.ok(!security.isGranted("com.acme.app", {}, "wamp.call", "com.acme.x"));
  const again = await test.open();
  assert.deepEqual(wholeModel(again), wholeModel(security));
});

test("a realm that is there cannot be created, and the router's own cannot be made", async () => {
  const security = await new TestSecurity().open();
  await security.createRealm({ uri: "a" });
  await assert.rejects(security.createRealm({ uri: "A" }), rejectsWith("bondy.error.already_exists"));
  await assert.rejects(security.createRealm({ uri: "com.leapsight.bondy.x" }), invalid(/router's own/));
  await assert.rejects(security.updateRealm("b", {}), rejectsWith("bondy.error.not_found"));
});
