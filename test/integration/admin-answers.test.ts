/** What all admin procedures have in common: arguments that are checked, texts for reflection, answers without secrets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdminProcedure, adminProcedures, adminTopics, namesOf } from "../../src/admin/catalogue.ts";
import { administrators, adminRig, passwordOf } from "../support/admin-rig.ts";
import { refused, resultOf } from "../support/meta-calls.ts";
import type { Dict } from "../support/wire.ts";

const invalid = "wamp.error.invalid_argument";

test("arguments that are missing, too many, or of another kind are named", async () => {
  await using rig = await adminRig();
  const { boss, root } = await administrators(rig);
  await refused(boss, invalid, /argument 1 \("name"\) is missing/, "bondy.user.get");
  await refused(boss, invalid, /argument 2 \("name"\) must be a string/, "bondy.user.get", ["com.a", 7]);
  await refused(boss, invalid, /\("realm"\) must be a URI/, "bondy.user.get", [7, "plain"]);
  await refused(boss, invalid, /\("realm"\)/, "bondy.user.list", [], { realm: 7 });
  await refused(boss, invalid, /argument 3/, "bondy.user.get", ["com.a", "plain", "more"]);
  await refused(boss, invalid, /"groups"/, "bondy.user.add_groups", ["plain", "staff"]);
  await refused(boss, invalid, /"user"/, "bondy.user.add", ["com.a", "plain"]);
  await refused(boss, invalid, /"role"/, "bondy.grant.list", ["com.a", "nobody"]);
  await refused(root, invalid, /"uri"/, "bondy.realm.get");
  await refused(root, invalid, /"force"/, "bondy.realm.delete", ["com.a"], { force: "yes" });
  await refused(root, invalid, /"backup"/, "bondy.backup.create", [{ file: "x" }]);
  await refused(root, "wamp.error.unavailable", /no backup/, "bondy.backup.create", [{ path: "/tmp/a" }]);
  assert.equal(await resultOf(boss, "bondy.ping"), "pong");
});

test("the router's load, for the master realm's administrators", async () => {
  await using rig = await adminRig();
  const { boss, root } = await administrators(rig);
  const load = (await resultOf(root, "spanwire.router.load")) as Dict;
  const { loopDelay_ms, ...rest } = load;
  assert.deepEqual(rest, { level: "normal", backlogBytes: 0, shed: { connections: 0, publications: 0 } });
  assert.deepEqual(Object.keys(loopDelay_ms as Dict).sort(), ["max", "p50", "p99"]);
  await refused(boss, "wamp.error.not_authorized", /./, "bondy.router.load");
});

test("reflection tells of every procedure and topic", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const procedures = (await resultOf(boss, "wamp.reflection.procedure.list")) as string[];
  const topics = (await resultOf(boss, "wamp.reflection.topic.list")) as string[];
  for (const name of Object.keys(adminProcedures) as AdminProcedure[])
    for (const uri of namesOf(name)) assert.ok(procedures.includes(uri), uri);
  for (const uri of Object.keys(adminTopics).flatMap(namesOf)) assert.ok(topics.includes(uri), uri);
  assert.deepEqual(await resultOf(boss, "wamp.reflection.procedure.describe", ["bondy.user.get"]), {
    summary: "What a user is.",
    args: ["realm?: uri", "name: string"],
    result: [...adminProcedures["user.get"].result],
  });
  const former = await resultOf(boss, "wamp.reflection.procedure.describe", ["bondy.security.find_user"]);
  assert.match(String((former as Dict)["summary"]), /bondy\.user\.get/);
});

/** Every text in a value, and the names of members. */
function textsIn(value: unknown, names: Set<string>): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    names.add(name);
    return textsIn(item, names);
  });
}

test("no answer contains a password, a hash, a private key or a secret", async () => {
  await using rig = await adminRig();
  const { security } = rig;
  const { root } = await administrators(rig);
  const jwk = { kty: "oct", k: "jwk-k-hidden", kid: "public-kid" };
  const issuers = [{ issuer: "https://i", jwks: { keys: [jwk] } }];
  await security.updateRealm("com.a", { issuers }).catch(() => undefined);
  await security.rotateKeys("com.a", 60);
  const answers = [
    await resultOf(root, "bondy.realm.list"),
    await resultOf(root, "bondy.realm.get", ["com.a"]),
    await resultOf(root, "bondy.realm.update", ["com.a", { description: "d" }]),
    await resultOf(root, "bondy.realm.rotate_keys", ["com.a"]),
    await resultOf(root, "bondy.user.list", ["com.a"]),
    await resultOf(root, "bondy.user.get", ["com.a", "plain"]),
    await resultOf(root, "bondy.user.update", ["com.a", "plain", { meta: { a: 1 } }]),
    await resultOf(root, "bondy.user.add", ["com.a", { username: "new", password: passwordOf("new") }]),
    await resultOf(root, "bondy.session.list", ["com.a"]),
    await resultOf(root, "bondy.grant.list", ["com.a"]),
    await resultOf(root, "bondy.group.list", ["com.a"]),
  ];
  const secrets = security.realms().flatMap(({ uri }) => [
    ...security.users(uri).flatMap(({ username, credentials }) => {
      const { salt, cra, scram } = credentials!;
      return [passwordOf(username), salt, cra, scram?.stored_key, scram?.server_key];
    }),
    ...security.signingKeys(uri).map(({ jwk: { d } }) => d),
  ]);
  const hidden = new Set([...secrets, "idp-client-hidden", jwk.k].filter((text) => text !== undefined));
  assert.ok(hidden.size > 20, `${hidden.size} secrets`);
  const names = new Set<string>();
  const said = textsIn(answers, names);
  assert.ok(said.includes("https://idp") && said.length > 100, "the answers say something");
  assert.deepEqual(
    said.filter((text) => [...hidden].some((secret) => text.includes(secret))),
    [],
  );
  for (const name of ["credentials", "password", "salt", "private_keys", "client_secret", "d", "k"])
    assert.ok(!names.has(name), name);
});
