/** The master realm and its administrator: there from the first start, and nobody's default. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ensureAdministrator, resetAdministrator } from "../../src/security/bootstrap.ts";
import { applyDefinitions } from "../../src/security/file.ts";
import { TestSecurity } from "../support/security.ts";

const master = "com.leapsight.bondy";

test("the first start makes an administrator with a password of its own, and only that one may do anything", async () => {
  const bench = new TestSecurity();
  const security = await bench.open();
  const made = await ensureAdministrator(security);
  assert.equal(made?.username, "admin");
  assert.ok((made?.password ?? "").length >= 22);
  assert.equal(await ensureAdministrator(security), null);
  assert.equal(await ensureAdministrator(await bench.open()), null);
  assert.ok(
    security.isGranted(
      master,
      { user: "admin", roles: ["bondy.administrators"] },
      "wamp.call",
      "bondy.realm.list",
    ),
  );
  assert.ok(!security.isGranted(master, {}, "wamp.call", "bondy.realm.list"));
  assert.ok(!security.realm(master)?.authmethods.includes("anonymous"));
  const given = await ensureAdministrator(await new TestSecurity().open(), "chosen-password");
  assert.equal(given?.password, null);
  await assert.rejects(
    ensureAdministrator(await new TestSecurity().open(), "short"),
    /must have 6 to 254 bytes/,
  );
});

test("an administrator who is locked out gets in again", async () => {
  const security = await new TestSecurity().open();
  const first = await ensureAdministrator(security);
  await security.setUserEnabled(master, "admin", false);
  await security.deleteGroup(master, "bondy.administrators");
  await security.updateRealm(master, { authmethods: [], allow_connections: false });
  const reset = await resetAdministrator(security);
  assert.notEqual(reset.password, first?.password);
  assert.equal(security.principal(master, "admin")?.enabled, true);
  assert.ok(
    security.realm(master)?.allowConnections && security.realm(master)?.authmethods.includes("wampcra"),
  );
  assert.ok(
    security.isGranted(
      master,
      { user: "admin", roles: security.user(master, "admin")?.groups ?? [] },
      "wamp.call",
      "x",
    ),
  );
});

test("an administrator in the file is one", async () => {
  const users = [{ username: "root", password: "123456", groups: ["bondy.administrators"] }];
  const security = await new TestSecurity().open();
  await applyDefinitions(security, [{ uri: master, description: "mine", users }], "file");
  assert.equal(await ensureAdministrator(security), null);
  assert.equal(security.realm(master)?.record.description, "mine");
  // What the file does not say of the master realm stays as the router made it.
  assert.ok(!security.realm(master)?.authmethods.includes("anonymous"));
});
