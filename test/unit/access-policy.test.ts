import assert from "node:assert/strict";
import { test } from "node:test";
import { accessPolicy } from "../../src/main/access-policy.ts";
import { TestSecurity } from "../support/security.ts";

const anonymous = { authid: "a", authrole: "anonymous", authmethod: "anonymous", authprovider: "spanwire" };

test("the rules of anonymous sessions are looked up once, and anew when the model has changed", async () => {
  const security = await new TestSecurity().open();
  await security.createRealm({ uri: "com.realm" });
  const policy = accessPolicy(security);
  const before = policy.rulesFor("com.realm", anonymous);
  assert.notEqual(before, null);
  assert.equal(policy.rulesFor("com.realm", { ...anonymous, authid: "b" }), before);
  await security.grant("com.realm", {
    permissions: ["wamp.call"],
    uri: "com.shop",
    match: "prefix",
    roles: "anonymous",
  });
  const after = policy.rulesFor("com.realm", anonymous);
  assert.deepEqual(after, security.rulesFor("com.realm", anonymous));
  assert.notDeepEqual(after, before);
});

test("who is in a group, is known, or comes from the program itself has rules of its own", async () => {
  const security = await new TestSecurity().open();
  await security.createRealm({ uri: "com.realm" });
  const policy = accessPolicy(security);
  const ofAll = policy.rulesFor("com.realm", anonymous);
  for (const more of [{ roles: ["readers"] }, { user: "joe" }, { authmethod: "ticket", user: "joe" }]) {
    const identity = { ...anonymous, ...more };
    assert.notEqual(policy.rulesFor("com.realm", identity), ofAll);
    assert.deepEqual(policy.rulesFor("com.realm", identity), security.rulesFor("com.realm", identity));
  }
  assert.equal(
    policy.rulesFor("com.realm", { ...anonymous, authrole: "trusted", authprovider: "local" }),
    null,
  );
});
