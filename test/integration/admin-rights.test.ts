/** Who may administer what: every procedure, under every name, by every kind of caller, over WAMP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AdminProcedure,
  type AdminText,
  adminProcedures,
  formerNames,
  namesOf,
} from "../../src/admin/catalogue.ts";
import { Message } from "../../src/protocol/messages.ts";
import { LocalConnection } from "../../src/session/local.ts";
import { type AdminRig, adminRig, master } from "../support/admin-rig.ts";
import { refused, resultOf } from "../support/meta-calls.ts";
import { type Dict, Wire } from "../support/wire.ts";

const denied = "wamp.error.not_authorized";
const names = Object.keys(adminProcedures) as AdminProcedure[];
const textOf = (name: AdminProcedure): AdminText => adminProcedures[name];
const takesRealm = (name: AdminProcedure): boolean => textOf(name).args?.[0]?.startsWith("realm?") === true;

/** A session inside the process, as `Router.session` makes it. */
async function inside(rig: AdminRig, realm: string, authrole: string): Promise<Wire> {
  const identity = { authid: "local", authrole, authmethod: "trust", authprovider: "local" };
  const connection = new LocalConnection(identity, 1 << 20);
  const events = rig.router.accept(connection);
  assert.ok(events !== null);
  return rig.adopt(new Wire(connection.open(events))).join({ realm });
}

/** Whether a call without any argument but the realm is refused for want of a right. */
async function isDenied(wire: Wire, uri: string, realm?: string): Promise<boolean> {
  const request = wire.call(uri, {}, [], realm === undefined ? {} : { realm });
  const [type, ...rest] = await wire.next();
  if (type === Message.result) return false;
  assert.deepEqual([type, ...rest.slice(0, 2)], [Message.error, Message.call, request], uri);
  return rest[3] === denied;
}

interface Caller {
  readonly who: string;
  readonly wire: Wire;
  /** Which procedures it may call without a realm, and with that of com.a. */
  readonly here: (name: AdminProcedure) => boolean;
  readonly onA: (name: AdminProcedure) => boolean;
}

const reach = (name: AdminProcedure): AdminText["reach"] => textOf(name).reach;
const isFor =
  (...reaches: readonly AdminText["reach"][]) =>
  (name: AdminProcedure): boolean =>
    reaches.includes(reach(name));

async function callers(rig: AdminRig): Promise<readonly Caller[]> {
  const everyone = isFor("everyone");
  const loggedIn = isFor("everyone", "identified");
  const administrator = isFor("everyone", "identified", "realm");
  const all = (): boolean => true;
  // An argument `realm` means nothing to procedures that take none.
  const away =
    (here: (name: AdminProcedure) => boolean) =>
    (name: AdminProcedure): boolean =>
      here(name) && !takesRealm(name);
  return [
    { who: "anonymous", wire: await rig.join("com.a"), here: everyone, onA: everyone },
    { who: "anonymous in the master realm", wire: await rig.join(master), here: everyone, onA: everyone },
    { who: "a user", wire: await rig.join("com.a", "plain"), here: loggedIn, onA: loggedIn },
    {
      who: "an administrator of another realm",
      wire: await rig.join("com.b", "boss"),
      here: administrator,
      onA: away(administrator),
    },
    {
      who: "an administrator",
      wire: await rig.join("com.a", "boss"),
      here: administrator,
      onA: administrator,
    },
    {
      who: "a user of the master realm",
      wire: await rig.join(master, "plain"),
      here: loggedIn,
      onA: loggedIn,
    },
    { who: "a master administrator", wire: await rig.join(master, "boss"), here: all, onA: all },
    {
      who: "an administrator where access control is off",
      wire: await rig.join("com.open", "boss"),
      here: everyone,
      onA: everyone,
    },
    { who: "the embedding program", wire: await inside(rig, "com.open", "trusted"), here: all, onA: all },
    {
      who: "a session that the program vouches for",
      wire: await inside(rig, "com.a", "admins"),
      here: everyone,
      onA: everyone,
    },
  ];
}

test("every procedure, under all its names, by every kind of caller", async () => {
  await using rig = await adminRig();
  let asked = 0;
  for (const { who, wire, here, onA } of await callers(rig))
    for (const name of names) {
      const former = Object.keys(formerNames).filter((uri) => formerNames[uri] === name);
      for (const uri of [...namesOf(name), ...former]) {
        asked += 2;
        assert.equal(await isDenied(wire, uri), !here(name), `${who}: ${uri}`);
        assert.equal(await isDenied(wire, uri, "com.a"), !onA(name), `${who}: ${uri} of com.a`);
      }
    }
  assert.ok(asked > 2_000, `${asked} calls`);
});

test("a right is of one procedure, comes through groups in groups, and goes with its grant", async () => {
  await using rig = await adminRig();
  const { security } = rig;
  const plain = await rig.join("com.a", "plain");
  assert.equal(await isDenied(plain, "bondy.user.list"), true);
  await security.addGroup("com.a", { name: "readers" });
  await security.changeGroupGroups("com.a", "staff", { add: ["readers"] });
  const grant = { permissions: ["wamp.call"], uri: "bondy.user.list", match: "exact", roles: ["readers"] };
  await security.grant("com.a", grant);
  // The canonical name is what grants name, whichever is called.
  for (const uri of ["bondy.user.list", "spanwire.user.list", "bondy.security.list_users"])
    assert.equal(await isDenied(plain, uri), false, uri);
  assert.equal(await isDenied(plain, "bondy.user.get"), true);
  await security.revoke("com.a", grant);
  assert.equal(await isDenied(plain, "bondy.user.list"), true);
});

test("a grant to everybody counts where it names the router's procedures, and never for who is anonymous", async () => {
  await using rig = await adminRig();
  const plain = await rig.join("com.a", "plain");
  const nobody = await rig.join("com.a");
  const grant = { permissions: ["wamp.call"], uri: "bondy.group.", match: "prefix", roles: "all" };
  await rig.security.grant("com.a", grant);
  assert.equal(await isDenied(plain, "bondy.group.list"), false);
  assert.equal(await isDenied(plain, "bondy.user.list"), true);
  assert.equal(await isDenied(nobody, "bondy.group.list"), true);
});

test("where grants may deny, one that denies takes the right away", async () => {
  await using rig = await adminRig();
  const boss = await rig.join("com.a", "boss");
  await rig.security.updateRealm("com.a", { rbac: "most_specific" });
  assert.equal(await isDenied(boss, "bondy.user.list"), false);
  await rig.security.grant("com.a", {
    permissions: ["wamp.call"],
    uri: "bondy.user.list",
    match: "exact",
    roles: ["user/boss"],
    effect: "deny",
  });
  assert.equal(await isDenied(boss, "bondy.user.list"), true);
  assert.equal(await isDenied(boss, "bondy.group.list"), false);
});

test("a user changes its own password with the old one, an administrator anybody's", async () => {
  await using rig = await adminRig();
  const plain = await rig.join("com.a", "plain");
  const change = "bondy.user.change_password";
  const other = await rig.join("com.a", "plain");
  await refused(plain, denied, /denial/, change, ["com.a", "boss", "another-1"]);
  await refused(plain, denied, /./, change, ["com.b", "plain", "another-1", "plain-secret"]);
  await refused(plain, "wamp.error.invalid_argument", /"old"/, change, ["com.a", "plain", "another-1"]);
  await refused(plain, "bondy.error.bad_password", /old/, change, ["com.a", "plain", "another-1", "wrong"]);
  const request = plain.call(change, {}, ["com.a", "plain", "another-1", "plain-secret"]);
  await plain.expect([Message.result, request, {}]);
  for (const wire of [plain, other]) {
    const [type, details, reason] = await wire.next();
    assert.deepEqual([type, reason], [Message.goodbye, "wamp.close.killed"]);
    assert.match(String((details as { message?: unknown }).message), /credentials/);
  }
  const boss = await rig.join("com.a", "boss");
  const again = boss.call(change, {}, ["plain", "another-2"]);
  await boss.expect([Message.result, again, {}]);
  assert.equal(await resultOf(boss, "bondy.user.is_enabled", ["plain"]), true);
});

test("a refusal is told by a number, which an administrator can look up", async () => {
  await using rig = await adminRig();
  const plain = await rig.join("com.a", "plain");
  const request = plain.call("spanwire.user.list", {}, []);
  const [, , answered, , uri, [text]] = (await plain.next()) as [0, 0, number, 0, string, string[]];
  assert.deepEqual([answered, uri], [request, denied]);
  const id = /^not authorized \(denial (\w+)\)$/.exec(text ?? "")?.[1];
  const boss = await rig.join("com.a", "boss");
  const denial = (await resultOf(boss, "bondy.explain.denial", [id])) as Dict;
  assert.deepEqual(
    [denial["authid"], denial["permission"], denial["uri"], denial["session"]],
    ["plain", "wamp.call", "bondy.user.list", plain.id],
  );
  assert.match(String(denial["note"]), /admin procedure/);
});

test("who may call everything may not end what is others'", async () => {
  await using rig = await adminRig();
  const ending = [
    "wamp.session.kill",
    "wamp.session.kill_by_authid",
    "wamp.session.kill_by_authrole",
    "wamp.session.kill_all",
    "wamp.registration.remove_callee",
    "wamp.subscription.remove_subscriber",
  ];
  const plain = await rig.join("com.a", "plain");
  const boss = await rig.join("com.a", "boss");
  for (const uri of ending) {
    assert.equal(await isDenied(plain, uri), true, uri);
    // Administrators are granted bondy.* and spanwire.*, and not these.
    assert.equal(await isDenied(boss, uri), true, uri);
  }
  const kill = { permissions: ["wamp.call"], uri: "wamp.session.", match: "prefix", roles: ["staff"] };
  await rig.security.grant("com.a", kill);
  assert.equal(await isDenied(plain, "wamp.registration.remove_callee"), true);
  assert.deepEqual(await resultOf(plain, "wamp.session.kill_by_authid", ["boss"]), [boss.id]);
  assert.equal((await boss.next())[0], Message.goodbye);
  // In a realm without access control everybody may who is not anonymous, as ever.
  assert.equal(await isDenied(await rig.join("com.open", "plain"), "wamp.session.kill_all"), false);
});
