/** What a change of the security model does beside being made: events, and the end or another identity of sessions that are there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { type AdminRig, adminRig, master } from "../support/admin-rig.ts";
import { ask, resultOf, Watcher } from "../support/meta-calls.ts";
import type { Dict, Wire } from "../support/wire.ts";

/** GOODBYE with this reason, and a sentence that matches. */
async function ended(wire: Wire, reason: string, says: RegExp): Promise<void> {
  const [type, details, given] = await wire.next();
  assert.deepEqual([type, given], [Message.goodbye, reason]);
  assert.match(String((details as Dict)["message"]), says);
}

const killed = "wamp.close.killed";

async function hearing(rig: AdminRig, realm: string, ...topics: readonly string[]): Promise<Watcher> {
  return Watcher.of(await rig.join(realm, "boss"), ...topics);
}

test("changes are events in the realm that has changed, under both names", async () => {
  await using rig = await adminRig();
  const kinds = ["added", "updated", "deleted"];
  const users = await hearing(
    rig,
    "com.a",
    ...[...kinds, "credentials_changed", "logged_in"].map((kind) => `bondy.user.${kind}`),
  );
  const others = await hearing(
    rig,
    "com.a",
    ...["group.added", "source.added", "source.deleted", "grant.created", "grant.revoked"].map(
      (topic) => `spanwire.${topic}`,
    ),
  );
  const elsewhere = await hearing(rig, "com.b", "bondy.user.added", "spanwire.user.added");
  const boss = await rig.join("com.a", "boss");
  await users.expect(
    ["bondy.user.logged_in", ["com.a", "boss"]],
    ["bondy.user.logged_in", ["com.a", "boss"]],
  );
  await ask(boss, "bondy.user.add", ["com.a", { username: "eve", password: "evening-1" }]);
  await ask(boss, "bondy.user.update", ["com.a", "eve", { meta: { a: 1 } }]);
  await ask(boss, "bondy.user.change_password", ["com.a", "eve", "evening-2"]);
  await ask(boss, "bondy.user.delete", ["com.a", "eve"]);
  const eve = ["com.a", "eve"];
  await users.expect(
    ["bondy.user.added", eve],
    ["bondy.user.updated", eve],
    ["bondy.user.credentials_changed", eve],
    ["bondy.user.deleted", eve],
  );
  await ask(boss, "bondy.group.add", [{ name: "night" }]);
  await ask(boss, "bondy.source.add", [{ usernames: "all", cidr: "0.0.0.0/0", authmethod: "password" }]);
  await ask(boss, "bondy.source.delete", ["com.a", "all", "0.0.0.0/0"]);
  const grant = { permissions: ["wamp.call"], uri: "com.x", match: "exact", roles: ["night"] };
  await ask(boss, "bondy.grant.create", [grant]);
  await ask(boss, "bondy.grant.revoke", [grant]);
  const heard: unknown[] = [];
  for (let i = 0; i < 5; i++) heard.push((await others.next())[0]);
  assert.deepEqual(heard, [
    "spanwire.group.added",
    "spanwire.source.added",
    "spanwire.source.deleted",
    "spanwire.grant.created",
    "spanwire.grant.revoked",
  ]);
  await elsewhere.wire.expectQuiet();
});

test("changes of realms are events in the master realm", async () => {
  await using rig = await adminRig();
  const topics = ["created", "updated", "deleted"].map((kind) => `spanwire.realm.${kind}`);
  const watcher = await hearing(rig, master, ...topics);
  const root = await rig.join(master, "boss");
  await ask(root, "bondy.realm.create", [{ uri: "com.new" }]);
  await ask(root, "bondy.realm.update", ["com.new", { description: "x" }]);
  await ask(root, "bondy.realm.delete", ["com.new"]);
  await watcher.expect(...topics.map((topic) => [topic, ["com.new"]] as const));
});

test("where access control is off, clients do not hear who is added", async () => {
  await using rig = await adminRig();
  const boss = await Watcher.of(await rig.join("com.open", "boss"), "bondy.user.added");
  const nobody = await Watcher.of(await rig.join("com.open"), "bondy.user.added");
  await rig.security.addUser("com.open", { username: "eve", password: "evening-1" });
  for (const { wire } of [boss, nobody]) await wire.expectQuiet();
});

test("sessions of a user end with it, when it is disabled, and with its password", async () => {
  await using rig = await adminRig();
  const boss = await rig.join("com.a", "boss");
  const plain = (): Promise<Wire> => rig.join("com.a", "plain");
  const other = await rig.join("com.b", "plain");
  let wire = await plain();
  await ask(boss, "bondy.user.change_password", ["com.a", "plain", "another-1"]);
  await ended(wire, killed, /credentials/);
  wire = await plain();
  await ask(boss, "bondy.user.disable", ["plain"]);
  await ended(wire, killed, /disabled/);
  await ask(boss, "bondy.user.enable", ["plain"]);
  wire = await plain();
  await ask(boss, "bondy.user.update", ["plain", { meta: { a: 1 } }]);
  await wire.expectQuiet();
  await ask(boss, "bondy.user.delete", ["plain"]);
  await ended(wire, killed, /deleted/);
  await other.expectQuiet();
  await boss.expectQuiet();
});

test("a user of a same-sign-on realm ends everywhere with its credentials there", async () => {
  await using rig = await adminRig();
  const { security } = rig;
  await security.createRealm({ uri: "com.sso", is_sso_realm: true, allow_connections: false });
  await security.updateRealm("com.a", { sso_realm_uri: "com.sso" });
  const user = { username: "sam", password: "samson-1", sso_realm_uri: "com.sso" };
  await security.addUser("com.a", user);
  let sam = await rig.join("com.a", "sam");
  const stranger = await rig.join("com.b", "plain");
  await security.changePassword("com.sso", "sam", "samson-2");
  await ended(sam, killed, /credentials/);
  sam = await rig.join("com.a", "sam");
  await security.setUserEnabled("com.sso", "sam", false);
  await ended(sam, killed, /disabled/);
  await stranger.expectQuiet();
});

test("a session's groups follow its user's, or the one that it has chosen", async () => {
  await using rig = await adminRig();
  const { security } = rig;
  const plain = await rig.join("com.a", "plain");
  await security.changeUserGroups("com.a", "plain", { add: ["admins"] });
  const self = async (wire: Wire): Promise<unknown[]> => {
    const { authrole, authroles } = (await resultOf(wire, "bondy.session.self")) as Dict;
    return [authrole, authroles];
  };
  assert.deepEqual(await self(plain), ["staff,admins", ["staff", "admins"]]);
  // What it may do now it has by its groups.
  assert.equal(((await resultOf(plain, "bondy.user.list")) as unknown[]).length, 2);
  const chooser = await rig.join("com.a", "plain", "staff");
  await security.addGroup("com.a", { name: "night" });
  await security.changeUserGroups("com.a", "plain", { add: ["night"], remove: ["admins"] });
  assert.deepEqual(await self(chooser), ["staff", ["staff"]]);
  assert.deepEqual(await self(plain), ["staff,night", ["staff", "night"]]);
  await security.deleteGroup("com.a", "staff");
  await ended(chooser, killed, /group/);
  assert.deepEqual(await self(plain), ["night", ["night"]]);
  assert.ok(rig.refreshed.includes("com.a"));
});

test("what a session may do follows its groups and grants at once", async () => {
  await using rig = await adminRig();
  const boss = await rig.join("com.a", "boss");
  const plain = await rig.join("com.a", "plain");
  const mayPublish = async (): Promise<boolean> => {
    plain.send([Message.publish, plain.request(), { acknowledge: true }, "com.x.news"]);
    return (await plain.next())[0] === Message.published;
  };
  assert.equal(await mayPublish(), false);
  await ask(boss, "bondy.group.add", [{ name: "press" }]);
  const grant = { permissions: ["wamp.publish"], uri: "com.x.", match: "prefix", roles: ["press"] };
  await ask(boss, "bondy.grant.create", [grant]);
  assert.equal(await mayPublish(), false);
  await ask(boss, "bondy.user.add_group", ["plain", "press"]);
  assert.equal(await mayPublish(), true);
  await ask(boss, "bondy.grant.revoke", [grant]);
  assert.equal(await mayPublish(), false);
  await ask(boss, "bondy.grant.create", [grant]);
  assert.equal(await mayPublish(), true);
  await ask(boss, "bondy.group.delete", ["press"]);
  assert.equal(await mayPublish(), false);
});

test("rights are asked for anew in the realm, and in those made after it", async () => {
  await using rig = await adminRig();
  const { security, refreshed } = rig;
  await security.createRealm({ uri: "com.proto", is_prototype: true });
  await security.createRealm({ uri: "com.child", prototype_uri: "com.proto" });
  refreshed.length = 0;
  const grant = { permissions: ["wamp.call"], uri: "com.x", match: "exact", roles: "all" };
  await security.grant("com.proto", grant);
  assert.deepEqual(refreshed, ["com.proto", "com.child"]);
  refreshed.length = 0;
  await security.setSecurityEnabled("com.child", false);
  assert.deepEqual(refreshed, ["com.child"]);
});

test("a session that has logged in with a ticket ends when it is revoked", async () => {
  await using rig = await adminRig();
  const boss = await rig.join("com.a", "boss");
  const plain = await rig.join("com.a", "plain");
  const issue = async (client_id: string): Promise<string> =>
    String(((await resultOf(plain, "bondy.ticket.issue", [], { client_id })) as Dict)["id"]);
  const used = rig.security.ticket("com.a", await issue("phone"));
  assert.ok(used !== undefined);
  rig.ticketsInUse.set("plain", used);
  const byTicket = await rig.join("com.a", "plain");
  rig.ticketsInUse.clear();
  // Another one is revoked; then it is issued again, and goes on under another id.
  await ask(boss, "bondy.ticket.revoke", [await issue("desk")]);
  await issue("phone");
  rig.ticketsInUse.set("boss", { ...used, id: "expired", authid: "boss", expires_at: 1 });
  const expired = await rig.join("com.a", "boss");
  await ask(boss, "bondy.ticket.revoke", [await issue("desk")]);
  await expired.expectQuiet();
  assert.equal(rig.security.ticket("com.a", used.id), undefined);
  await byTicket.expectQuiet();
  await ask(boss, "bondy.ticket.revoke_all", ["plain"]);
  await ended(byTicket, killed, /ticket/);
  await plain.expectQuiet();
});

test("a realm that is deleted ends its sessions", async () => {
  await using rig = await adminRig();
  const root = await rig.join(master, "boss");
  const wires = [await rig.join("com.b"), await rig.join("com.b", "plain")];
  await ask(root, "bondy.realm.delete", ["com.b"], { force: true });
  for (const wire of wires) await ended(wire, "wamp.close.close_realm", /deleted/);
  await root.expectQuiet();
  assert.ok(!rig.router.realms.includes("com.b"));
});

test("nothing is kept of sessions that have gone", async () => {
  await using rig = await adminRig();
  const wires = [await rig.join("com.a", "plain"), await rig.join("com.a", "plain", "staff")];
  assert.equal(rig.follower.count, 2);
  for (const wire of wires) await wire.leave();
  assert.equal(rig.follower.count, 0);
});
