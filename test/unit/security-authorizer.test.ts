/** The procedure that a realm, or its prototype, wants asked reaches the rules of its sessions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestSecurity } from "../support/security.ts";

const bob = { authid: "bob", authrole: "", authmethod: "password", authprovider: "test", user: "bob" };

test("a realm's authorizer is in its rules: its own, else its prototype's, else none", async () => {
  const security = await new TestSecurity().open();
  await security.createRealm({ uri: "proto", is_prototype: true, authorizer: "com.proto.authorize" });
  await security.createRealm({ uri: "heir", prototype_uri: "proto" });
  await security.createRealm({ uri: "other", prototype_uri: "proto", authorizer: "com.other.authorize" });
  await security.createRealm({ uri: "plain" });
  const authorizers = ["heir", "other", "plain"].map((realm) => security.rulesFor(realm, bob)?.authorizer);
  assert.deepEqual(authorizers, ["com.proto.authorize", "com.other.authorize", undefined]);
});
