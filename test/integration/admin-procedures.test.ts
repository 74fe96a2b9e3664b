/** What the admin procedures do and answer, over WAMP and the real security model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Message } from "../../src/protocol/messages.ts";
import { administrators, adminRig, master } from "../support/admin-rig.ts";
import { ask, refused, resultOf } from "../support/meta-calls.ts";
import type { Dict } from "../support/wire.ts";

const notFound = "bondy.error.not_found";
const invalid = "wamp.error.invalid_argument";

/** What is there of the fields that are named. */
const pick = (from: unknown, ...fields: readonly string[]): Dict =>
  Object.fromEntries(fields.map((field) => [field, (from as Dict)[field]]));

const namesIn = (list: unknown, field: string): unknown[] =>
  (list as Dict[]).map((entry) => entry[field]).sort();

test("users: added, shown, changed, listed, disabled, deleted", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const eve = {
    username: "Eve",
    password: "evening-1",
    groups: ["staff"],
    meta: { desk: 1 },
    aliases: ["e"],
  };
  const added = await resultOf(boss, "bondy.user.add", ["com.a", eve]);
  const shown = {
    type: "user",
    version: "1.1",
    username: "eve",
    groups: ["staff"],
    meta: { desk: 1 },
    aliases: ["e"],
    enabled: true,
    sso_realm_uri: null,
    has_password: true,
    has_authorized_keys: false,
  };
  assert.deepEqual(added, shown);
  await refused(boss, "bondy.error.already_exists", /eve/, "bondy.user.add", ["com.a", eve]);
  for (const name of ["eve", "EVE", "e"])
    assert.deepEqual(await resultOf(boss, "spanwire.user.get", [name]), shown, name);
  assert.deepEqual(namesIn(await resultOf(boss, "bondy.user.list"), "username"), ["boss", "eve", "plain"]);
  const updated = await resultOf(boss, "bondy.user.update", ["com.a", "eve", { meta: { desk: 2 } }]);
  assert.deepEqual(updated, { ...shown, meta: { desk: 2 } });
  for (const [procedure, args] of [
    ["add_alias", ["eve", "night"]],
    ["remove_alias", ["eve", "e"]],
    ["add_group", ["eve", "admins"]],
    ["remove_group", ["eve", "staff"]],
    ["add_groups", ["eve", ["staff"]]],
    ["remove_groups", ["eve", ["admins"]]],
    ["disable", ["eve"]],
  ] as const)
    assert.deepEqual(await ask(boss, `bondy.user.${procedure}`, ["com.a", ...args]), [], procedure);
  assert.equal(await resultOf(boss, "bondy.user.is_enabled", ["eve"]), false);
  assert.deepEqual(pick(await resultOf(boss, "bondy.user.get", ["eve"]), "groups", "aliases", "enabled"), {
    groups: ["staff"],
    aliases: ["night"],
    enabled: false,
  });
  await ask(boss, "bondy.user.enable", ["eve"]);
  assert.equal(await resultOf(boss, "bondy.user.is_enabled", [null, "eve"]), true);
  await ask(boss, "bondy.security.delete_user", ["com.a", "eve"]);
  await refused(boss, notFound, /eve/, "bondy.user.get", ["eve"]);
  await refused(boss, notFound, /eve/, "bondy.user.delete", ["eve"]);
});

test("groups: added, nested, listed, deleted", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const group = { type: "group", version: "1.1", name: "night", groups: ["staff"], meta: {} };
  assert.deepEqual(await resultOf(boss, "bondy.group.add", [{ name: "night", groups: ["staff"] }]), group);
  assert.deepEqual(await resultOf(boss, "bondy.group.get", ["com.a", "night"]), group);
  assert.deepEqual(await resultOf(boss, "bondy.group.update", ["night", { meta: { a: 1 } }]), {
    ...group,
    meta: { a: 1 },
  });
  const groups = async (): Promise<unknown> =>
    pick(await resultOf(boss, "bondy.group.get", ["night"]), "groups");
  await ask(boss, "bondy.group.add_group", ["night", "admins"]);
  assert.deepEqual(await groups(), { groups: ["staff", "admins"] });
  await ask(boss, "bondy.group.remove_groups", ["night", ["admins", "staff"]]);
  await ask(boss, "bondy.group.add_groups", ["night", ["staff"]]);
  await ask(boss, "bondy.group.remove_group", ["night", "staff"]);
  assert.deepEqual(await groups(), { groups: [] });
  assert.deepEqual(namesIn(await resultOf(boss, "bondy.group.list"), "name"), ["admins", "night", "staff"]);
  await ask(boss, "bondy.group.delete", ["night"]);
  await refused(boss, notFound, /night/, "bondy.group.get", ["night"]);
});

test("grants: made, listed in the form in which they can be taken away, and asked", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const may = (): Promise<unknown> =>
    resultOf(boss, "bondy.rbac.authorize", ["plain", "wamp.publish", "com.a.news"]);
  assert.equal(await may(), false);
  const grant = { permissions: ["wamp.publish"], uri: "com.a.", match: "prefix", roles: ["plain", "staff"] };
  await ask(boss, "bondy.grant.create", ["com.a", grant]);
  assert.equal(await may(), true);
  const [own] = (await resultOf(boss, "bondy.user.grants", ["plain"])) as Dict[];
  assert.deepEqual(own, { ...grant, roles: ["user/plain"], effect: "allow", meta: {} });
  const listed = (await resultOf(boss, "bondy.grant.list", ["com.a", "user/plain"])) as Dict[];
  assert.deepEqual(listed, [own]);
  const all = (await resultOf(boss, "bondy.grant.list")) as Dict[];
  assert.equal(all.length, rig.security.grants("com.a").length);
  await ask(boss, "bondy.grant.revoke", [own]);
  assert.equal(await may(), true);
  assert.deepEqual(namesIn(await resultOf(boss, "bondy.group.grants", ["staff"]), "uri"), ["com.", "com.a."]);
  await ask(boss, "bondy.grant.revoke", [{ ...grant, roles: ["group/staff"] }]);
  assert.equal(await may(), false);
  await refused(boss, notFound, /ghost/, "bondy.rbac.authorize", ["ghost", "wamp.call", "com.a"]);
  assert.equal(await resultOf(boss, "bondy.rbac.authorize", ["anonymous", "wamp.call", "com.a"]), true);
});

test("sources: added, matched by user and address, the most specific first, deleted", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const add = (usernames: unknown, cidr: string, authmethod: string): Promise<unknown> =>
    resultOf(boss, "bondy.source.add", [{ usernames, cidr, authmethod }]);
  const both = await add(["plain", "boss"], "10.0.0.0/8", "wampcra");
  assert.deepEqual(pick(both, "usernames", "cidr", "authmethod"), {
    usernames: ["plain", "boss"],
    cidr: "10.0.0.0/8",
    authmethod: "wampcra",
  });
  await add("all", "0.0.0.0/0", "password");
  await add(["plain"], "10.1.0.0/16", "ticket");
  const matched = async (...args: unknown[]): Promise<unknown[]> =>
    ((await resultOf(boss, "bondy.source.match", ["com.a", ...args])) as Dict[]).map(({ cidr }) => cidr);
  assert.deepEqual(await matched("plain", "10.1.2.3"), ["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
  assert.deepEqual(await matched("plain", "::ffff:10.2.2.3"), ["10.0.0.0/8", "0.0.0.0/0"]);
  assert.deepEqual(await matched("plain", "fe80::1"), []);
  assert.deepEqual(await matched(), ["0.0.0.0/0"]);
  assert.deepEqual(await matched("anonymous", "10.1.2.3"), []);
  assert.equal(((await resultOf(boss, "bondy.source.list")) as unknown[]).length, 4);
  const one = await resultOf(boss, "bondy.source.get", ["com.a", "plain", "10.1.2.3/16"]);
  assert.deepEqual(pick(one, "usernames", "authmethod"), { usernames: ["plain"], authmethod: "ticket" });
  await ask(boss, "bondy.source.delete", ["com.a", ["plain"], "10.0.0.0/8"]);
  await ask(boss, "bondy.source.delete", ["com.a", "all", "0.0.0.0/0", "password"]);
  assert.deepEqual(await matched("plain", "10.1.2.3"), ["10.1.0.0/16"]);
  await refused(boss, notFound, /plain/, "bondy.source.get", ["com.a", "plain", "10.0.0.0/8"]);
  await refused(boss, invalid, /address/, "bondy.source.match", ["com.a", "plain", "10.1"]);
});

test("realms: made, changed, switched, keys rotated, deleted, from the master realm", async () => {
  await using rig = await adminRig();
  const { root } = await administrators(rig);
  const made = await resultOf(root, "bondy.realm.create", [{ uri: "com.New", description: "a new one" }]);
  const form = { uri: "com.new", description: "a new one", security_status: "enabled" };
  assert.deepEqual(pick(made, "uri", "description", "security_status"), form);
  const got = await resultOf(root, "bondy.realm.get", ["com.new"]);
  assert.deepEqual(pick(got, "uri", "description", "security_status"), form);
  assert.deepEqual(namesIn(await resultOf(root, "bondy.realm.list"), "uri"), [
    "com.a",
    "com.b",
    master,
    "com.new",
    "com.open",
  ]);
  const updated = await resultOf(root, "bondy.realm.update", ["com.new", { description: "newer" }]);
  assert.equal((updated as Dict)["description"], "newer");
  const status = async (): Promise<unknown[]> => [
    await resultOf(root, "bondy.realm.security.status", ["com.new"]),
    await resultOf(root, "bondy.realm.security.is_enabled", ["com.new"]),
  ];
  assert.deepEqual(await status(), ["enabled", true]);
  await ask(root, "bondy.realm.security.disable", ["com.new"]);
  assert.deepEqual(await status(), ["disabled", false]);
  await ask(root, "bondy.realm.security.enable", ["com.new"]);
  assert.deepEqual(await status(), ["enabled", true]);
  const key = (await resultOf(root, "bondy.realm.rotate_keys", ["com.new"], { overlap_s: 60 })) as Dict;
  const keys = (await resultOf(root, "bondy.realm.get", ["com.new"])) as { public_keys: Dict[] };
  assert.equal(keys.public_keys[0]?.["kid"], key["kid"]);
  assert.deepEqual(Object.keys(key["public_key"] as Dict), ["kty", "crv", "x", "y", "kid", "alg", "use"]);
  const grants = (await resultOf(root, "bondy.realm.grants", ["com.a"])) as unknown[];
  assert.equal(grants.length, rig.security.grants("com.a").length);
  await ask(root, "bondy.user.add", ["com.new", { username: "one", password: "one-secret" }]);
  await refused(root, "bondy.error.active_users", /./, "bondy.realm.delete", ["com.new"]);
  await ask(root, "bondy.realm.delete", ["com.new"], { force: true });
  await refused(root, notFound, /com\.new/, "bondy.realm.get", ["com.new"]);
  await refused(root, notFound, /com\.new/, "bondy.user.list", ["com.new"]);
});

test("sessions: the own one, those of a realm, ended", async () => {
  await using rig = await adminRig();
  const { boss, root } = await administrators(rig);
  const plain = await rig.join("com.a", "plain");
  const self = await resultOf(plain, "bondy.session.self");
  const known = { session: plain.id, authid: "plain", realm: "com.a", user: "plain", authroles: ["staff"] };
  assert.deepEqual(pick(self, ...Object.keys(known)), known);
  for (const wire of [boss, root]) {
    const list = (await resultOf(wire, "bondy.session.list", ["com.a"])) as Dict[];
    assert.deepEqual(namesIn(list, "authid"), ["boss", "plain"]);
    assert.deepEqual(await resultOf(wire, "bondy.session.get", ["com.a", plain.id]), self);
  }
  const found = await resultOf(root, "bondy.session.list", ["com.a"], { authrole: "staff" });
  assert.deepEqual(namesIn(found, "authid"), ["plain"]);
  await refused(boss, "wamp.error.no_such_session", /./, "bondy.session.get", [root.id]);
  await refused(boss, "wamp.error.no_such_session", /itself/, "bondy.session.kill", [boss.id]);
  await refused(boss, "wamp.error.invalid_uri", /reason/, "bondy.session.kill", [plain.id], {
    reason: "a b",
  });
  await ask(root, "bondy.session.kill", ["com.a", plain.id], { message: "enough" });
  await plain.expect([Message.goodbye, { message: "enough" }, "wamp.close.killed"]);
  const twice = [await rig.join("com.a", "plain"), await rig.join("com.a", "plain")];
  const killed = await resultOf(boss, "bondy.session.kill_by_authid", ["plain"], { reason: "com.a.out" });
  assert.deepEqual([...(killed as number[])].sort(), twice.map(({ id }) => id).sort());
  for (const wire of twice) assert.equal((await wire.next())[2], "com.a.out");
});

test("the registry: who holds what, and why a URI reaches whom it reaches", async () => {
  await using rig = await adminRig();
  const { boss, root } = await administrators(rig);
  const plain = await rig.join("com.a", "plain");
  const exact = await plain.register("com.a.sum", { invoke: "roundrobin" });
  const second = await plain.register("com.a", { match: "prefix" });
  const subscription = await plain.subscribe("com..sum", { match: "wildcard" });
  await plain.subscribe("com.b.sum");
  const callees = (await resultOf(boss, "bondy.callee.list", ["com.a", "com.a.sum"])) as Dict[];
  assert.deepEqual(
    callees.map((entry) => pick(entry, "type", "id", "uri", "match", "invoke", "session")),
    [
      {
        type: "registration",
        id: exact,
        uri: "com.a.sum",
        match: "exact",
        invoke: "roundrobin",
        session: plain.id,
      },
    ],
  );
  const list = async (name: string): Promise<unknown[]> =>
    namesIn(await resultOf(root, name, ["com.a"]), "uri");
  assert.deepEqual(await list("bondy.registration.list"), ["com.a", "com.a.sum"]);
  assert.deepEqual(await list("bondy.registration.callee.list"), ["com.a", "com.a.sum"]);
  assert.deepEqual(await list("bondy.subscription.list"), ["com..sum", "com.b.sum"]);
  assert.deepEqual(await list("bondy.registry.list"), ["com..sum", "com.a", "com.a.sum", "com.b.sum"]);
  assert.deepEqual(await resultOf(root, "bondy.registry.list", ["com.b"]), []);
  const { registrations, subscriptions, near_misses } = (await resultOf(boss, "spanwire.explain.match", [
    "com.a.sum",
  ])) as { registrations: Dict[]; subscriptions: Dict[]; near_misses: Dict[] };
  assert.deepEqual(
    registrations.map(({ id }) => id),
    [exact, second],
  );
  assert.deepEqual(subscriptions.map(({ id, why }) => [id, why])[0]?.[0], subscription);
  assert.deepEqual(
    near_misses.map(({ uri }) => uri),
    ["com.b.sum"],
  );
  assert.match(String(near_misses[0]?.["why"]), /component 2/);
});

test("explanations of access and denials, each of its own realm", async () => {
  await using rig = await adminRig();
  const { boss, root } = await administrators(rig);
  const refusal = {
    session: 1,
    authid: "x",
    realm: "com.a",
    permission: "wamp.call",
    uri: "com.x",
    match: 0,
  };
  const id = rig.denials.add({ ...refusal, session: 1 as never, match: 0 });
  const denial = { ...refusal, id, match: "exact", at: "1970-01-01T00:00:00.000Z" };
  assert.deepEqual(await resultOf(boss, "bondy.explain.denial", [id]), denial);
  await refused(root, notFound, /denial/, "bondy.explain.denial", [id]);
  assert.deepEqual(await resultOf(root, "bondy.explain.denial", ["com.a", id]), denial);
  const explain = async (permission: string, uri: string, authid = "plain"): Promise<Dict> =>
    (await resultOf(root, "bondy.explain.access", ["com.a", authid, permission, uri])) as Dict;
  const everybody = {
    permissions: ["wamp.call"],
    uri: "",
    match: "prefix",
    roles: "all",
    effect: "allow",
    meta: {},
  };
  assert.deepEqual(await explain("wamp.call", "com.x"), {
    realm: "com.a",
    authid: "plain",
    permission: "wamp.call",
    uri: "com.x",
    allowed: true,
    grant: everybody,
    path: ["all"],
    near_misses: [],
    would_allow: null,
  });
  const missing = await explain("wamp.publish", "com.x");
  assert.deepEqual(pick(missing, "allowed", "grant", "would_allow"), {
    allowed: false,
    grant: null,
    would_allow: { permissions: ["wamp.publish"], uri: "com.x", match: "exact", roles: ["user/plain"] },
  });
  // What would allow it does.
  await ask(boss, "bondy.grant.create", [missing["would_allow"]]);
  assert.equal((await explain("wamp.publish", "com.x"))["allowed"], true);
  assert.equal((await explain("com.own.permission", "com.x"))["allowed"], false);
  const open = await resultOf(root, "bondy.explain.access", ["com.open", "plain", "wamp.publish", "com.x"]);
  assert.deepEqual(pick(open, "allowed", "why"), {
    allowed: true,
    why: "access control is off in this realm",
  });
});

test("tickets: issued to who has logged in, verified, revoked", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const plain = await rig.join("com.a", "plain");
  const kwargs = { expiry_time_secs: 60, client_id: "phone" };
  const issued = (await resultOf(plain, "bondy.ticket.issue", [], kwargs)) as Dict;
  assert.deepEqual(issued["request"], kwargs);
  await refused(plain, invalid, /expiry_time_secs/, "bondy.ticket.issue", [], { expiry_time_secs: -1 });
  const id = issued["id"];
  assert.equal(((await resultOf(boss, "bondy.ticket.verify", ["com.a", id])) as Dict)["authid"], "plain");
  assert.equal(await resultOf(boss, "bondy.ticket.revoke", ["com.a", id]), true);
  assert.equal(await resultOf(boss, "bondy.ticket.revoke", ["com.a", id]), false);
  await refused(boss, "wamp.error.authentication_failed", /./, "bondy.ticket.verify", [id]);
  await ask(plain, "bondy.ticket.issue");
  await ask(boss, "bondy.ticket.revoke_all", ["com.a", "plain"]);
  assert.deepEqual(rig.security.tickets("com.a", "plain"), []);
});

test("who administers a realm does not take over accounts whose passwords are in a sign-on realm", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  await rig.security.createRealm({ uri: "com.sso", is_sso_realm: true, allow_connections: false });
  await rig.security.addUser("com.sso", { username: "ceo", password: "the-first-one" });
  await rig.security.updateRealm("com.a", { sso_realm_uri: "com.sso" });
  const before = rig.security.user("com.sso", "ceo")?.credentials;
  const taken = { username: "ceo", password: "taken-over", sso_realm_uri: "com.sso" };
  const denied = "wamp.error.not_authorized";
  await refused(boss, denied, /denial/, "bondy.user.add", ["com.a", taken]);
  await ask(boss, "bondy.user.add", ["com.a", { username: "ceo", sso_realm_uri: "com.sso" }]);
  await refused(boss, denied, /denial/, "bondy.user.change_password", ["com.a", "ceo", "taken-over"]);
  assert.deepEqual(rig.security.user("com.sso", "ceo")?.credentials, before);
});

test("nor by calls that overtake what was checked", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  await rig.security.createRealm({ uri: "com.sso", is_sso_realm: true, allow_connections: false });
  for (const username of ["ceo", "cfo"])
    await rig.security.addUser("com.sso", { username, password: "the-first-one" });
  await rig.security.updateRealm("com.a", { sso_realm_uri: "com.sso" });
  const before = rig.security.users("com.sso");
  const linked = { username: "ceo", sso_realm_uri: "com.sso" };
  const authorized_keys = ["ab".repeat(32)];
  // Each is sent before the one before it is done: the user is not there yet, or is another one's still.
  const calls: readonly (readonly [string, readonly unknown[], string?])[] = [
    ["user.add", [linked]],
    ["user.change_password", ["ceo", "taken-over"], "wamp.error.not_authorized"],
    ["user.update", ["ceo", { authorized_keys }], "wamp.error.not_authorized"],
    ["user.add", [{ username: "cfo" }]],
    ["user.delete", ["cfo"]],
    ["user.add", [{ ...linked, username: "cfo" }]],
    ["user.change_password", ["cfo", "taken-over"], "wamp.error.not_authorized"],
    ["user.update", ["cfo", { authorized_keys }], "wamp.error.not_authorized"],
  ];
  for (const [procedure, args] of calls) boss.call(`bondy.${procedure}`, {}, ["com.a", ...args]);
  const errorsThatCame: unknown[] = [];
  for (const _ of calls) {
    const [type, , request, , error] = await boss.next();
    if (type === Message.error) errorsThatCame.push(`${String(request)} ${String(error)}`);
  }
  assert.deepEqual(rig.security.users("com.sso"), before);
  const expected = calls.flatMap(([, , error], i) => (error === undefined ? [] : [`${i + 1} ${error}`]));
  assert.deepEqual(errorsThatCame.sort(), expected.sort());
});

test("who guesses at its own old password keeps no administrator waiting", async () => {
  await using rig = await adminRig();
  const { boss } = await administrators(rig);
  const plain = await rig.join("com.a", "plain");
  const again = await rig.join("com.a", "plain");
  const guess = ["com.a", "plain", "a-new-password", "a-wrong-one"];
  for (const wire of [plain, again])
    for (let i = 0; i < 3; i++) wire.call("bondy.user.change_password", {}, guess);
  const errorsThatCame: unknown[] = [];
  for (const wire of [plain, again]) for (let i = 0; i < 3; i++) errorsThatCame.push((await wire.next())[4]);
  const count = (error: string): number => errorsThatCame.filter((one) => one === error).length;
  assert.ok(count("wamp.error.unavailable") >= 4, errorsThatCame.join());
  assert.equal(count("wamp.error.unavailable") + count("bondy.error.bad_password"), 6, errorsThatCame.join());
  await ask(boss, "bondy.user.disable", ["com.a", "plain"]);
});
