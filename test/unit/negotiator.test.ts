import assert from "node:assert/strict";
import { test } from "node:test";
import { isRefused, LoginWorld, testRealm } from "../support/login-world.ts";

const abortOf = (answer: {
  kind: string;
  error?: string;
  message?: string;
}): [string | undefined, string | undefined] => {
  assert.equal(answer.kind, "abort", JSON.stringify(answer));
  return [answer.error, answer.message];
};

test("a realm that is unknown, a prototype or closed to connections is no such realm", async () => {
  const world = await LoginWorld.make();
  await world.security.createRealm({ uri: "com.acme.proto", is_prototype: true });
  await world.security.createRealm({ uri: "com.acme.closed", allow_connections: false });
  for (const realm of ["com.acme.none", "com.acme.proto", "com.acme.closed"]) {
    const [error, message] = abortOf(await world.hello({ realm, methods: ["anonymous"] }));
    assert.equal(error, "wamp.error.no_such_realm");
    assert.match(message ?? "", new RegExp(realm));
  }
  await world.close();
});

test("a realm that is made automatically lets in whom its template lets in", async () => {
  const template = {
    authmethods: ["anonymous"],
    sources: [{ usernames: "all", authmethod: "anonymous", cidr: "0.0.0.0/0" }],
  };
  const world = await LoginWorld.make({ security: { automaticRealms: template } });
  assert.equal((await world.hello({ realm: "com.acme.new", methods: ["anonymous"] })).kind, "welcome");
  await world.close();
});

test("without security everybody is anonymous, and nobody comes under a name", async () => {
  const world = await LoginWorld.make();
  await world.populate({ security_enabled: false });
  const answer = await world.hello({ methods: ["wampcra"] });
  assert.ok(answer.kind === "welcome");
  assert.deepEqual(
    { ...answer.identity, authid: "" },
    {
      authid: "",
      authrole: "anonymous",
      authmethod: "anonymous",
      authprovider: "spanwire",
    },
  );
  const [error] = abortOf(await world.hello({ methods: ["wampcra"], authid: "bob" }));
  assert.equal(error, "wamp.error.authentication_failed");
  await world.close();
});

test("anonymous clients come in where a source rule lets them, each under its own name", async () => {
  const world = await (await LoginWorld.make()).populate({}, ["anonymous", "wampcra"]);
  const [one, other] = await Promise.all([
    world.welcomed({ methods: ["anonymous"] }),
    world.welcomed({ methods: ["anonymous"], authid: "bob" }),
  ]);
  assert.notEqual(one.identity.authid, other.identity.authid);
  for (const { identity } of [one, other]) {
    assert.match(identity.authid, /^anonymous-/);
    assert.equal(identity.user, undefined);
    assert.equal(identity.roles, undefined);
  }
  const [error] = abortOf(await world.hello({ methods: ["anonymous"], peer: "192.0.2.1" }));
  assert.equal(error, "wamp.error.no_matching_auth_method");
  await world.source("anonymous", "anonymous", "192.0.2.0/24");
  assert.equal((await world.hello({ methods: ["anonymous"], peer: "192.0.2.1" })).kind, "welcome");
  await world.close();
});

test("the client's order decides among the methods that are allowed", async () => {
  const world = await (await LoginWorld.make()).populate();
  const asked = async (...methods: string[]) => (await world.challenged({ methods, authid: "bob" })).method;
  assert.equal(await asked("wampcra", "password"), "wampcra");
  assert.equal(await asked("password", "wampcra"), "password");
  assert.equal(await asked("no-such", "wamp-scram", "wampcra", "wampcra"), "wampcra");
  await world.close();
});

test("a weaker method that comes first is passed over where the realm or the source forbids it", async () => {
  const world = await (await LoginWorld.make()).populate({}, ["wampcra"]);
  const methods = ["anonymous", "trust", "password", "wampcra"];
  assert.equal((await world.challenged({ methods, authid: "bob" })).method, "wampcra");
  await world.security.updateRealm(testRealm, { authmethods: ["trust", "password", "wampcra"] });
  await world.source("all", "password", "127.0.0.0/8");
  await world.source("all", "trust", "127.0.0.0/8");
  assert.equal((await world.challenged({ methods, authid: "bob" })).method, "wampcra");
  assert.equal(
    (await world.challenged({ methods: methods.slice(2), authid: "bob", peer: "127.0.0.1" })).method,
    "password",
  );
  assert.equal(
    (await world.welcomed({ methods, authid: "bob", peer: "127.0.0.1" })).identity.authmethod,
    "trust",
  );
  await world.close();
});

test("no common method is said with what the realm has, never with what the user has", async () => {
  const world = await (await LoginWorld.make()).populate({}, ["wampcra", "cryptosign"]);
  const answers = await Promise.all(
    ["bob", "keyed", "off", "nobody"].map((authid) => world.hello({ methods: ["ticket", "x"], authid })),
  );
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  const [error, message = ""] = abortOf(answers[0]!);
  assert.equal(error, "wamp.error.no_matching_auth_method");
  assert.match(message, /offers wampcra,? .*client offers ticket, x/);
  // Nothing that takes cryptosign is built into this router.
  assert.doesNotMatch(message, /cryptosign/);
  const [nameless, why] = abortOf(await world.hello({ methods: ["wampcra"] }));
  assert.equal(nameless, "wamp.error.no_matching_auth_method");
  assert.match(why ?? "", /no authid/);
  await world.close();
});

test("WELCOME says the canonical name, the groups, and who vouches", async () => {
  const world = await (await LoginWorld.make()).populate();
  for (const authid of ["bob", "Bob", "bobby", "BOBBY"]) {
    const { identity, extra } = await world.welcomed({ methods: ["wampcra"], authid });
    assert.deepEqual(identity, {
      authid: "bob",
      authrole: "staff,admins",
      authmethod: "wampcra",
      authprovider: "spanwire",
      user: "bob",
      roles: ["staff", "admins"],
    });
    assert.deepEqual(extra, { meta: { floor: 3 } });
  }
  assert.equal(world.metrics.logins, 4);
  await world.close();
});

test("a client may choose one of its user's groups, and hears of a wrong one only after the proof", async () => {
  const world = await (await LoginWorld.make()).populate();
  const as = (authrole: string, secret = "open sesame") =>
    world.login({ methods: ["wampcra"], authid: "bob", authrole }, secret);
  for (const all of ["", "default", "all", "ALL"]) {
    const answer = await as(all);
    assert.ok(answer.kind === "welcome" && answer.identity.authrole === "staff,admins");
  }
  const staff = await as("Staff");
  assert.ok(staff.kind === "welcome");
  assert.equal(staff.identity.authrole, "staff");
  assert.deepEqual(staff.identity.roles, ["staff"]);
  assert.equal(abortOf(await as("nobles"))[0], "wamp.error.no_such_role");
  isRefused(await as("nobles", "wrong"));
  await world.close();
});

test("what happens between challenge and answer counts", async () => {
  const world = await (await LoginWorld.make()).populate();
  const { security } = world;
  const hello = { methods: ["password"], authid: "bob" };
  const disabled = await world.challenged(hello);
  await security.setUserEnabled(testRealm, "bob", false);
  isRefused(await disabled.proceed("open sesame", {}));
  await security.setUserEnabled(testRealm, "bob", true);

  const moved = await world.challenged(hello);
  await security.deleteSource(testRealm, "all", "10.0.0.0/8", "password");
  isRefused(await moved.proceed("open sesame", {}));
  await world.source("all", "password", "10.0.0.0/8");

  const changed = await world.challenged(hello);
  await security.changePassword(testRealm, "bob", "another one");
  isRefused(await changed.proceed("open sesame", {}));
  assert.equal((await world.login(hello, "another one")).kind, "welcome");

  const closed = await world.challenged(hello);
  await security.updateRealm(testRealm, { allow_connections: false });
  isRefused(await closed.proceed("another one", {}));
  await world.close();
});

test("same sign-on: the credentials of one realm, the groups of the other", async () => {
  const world = await LoginWorld.make();
  const { security } = world;
  await security.createRealm({ uri: "com.acme.sso", is_sso_realm: true, allow_connections: false });
  await world.populate({ sso_realm_uri: "com.acme.sso" });
  await security.addUser(testRealm, {
    username: "eve",
    password: "open sesame",
    groups: ["staff"],
    sso_realm_uri: "com.acme.sso",
  });
  const { identity } = await world.welcomed({ methods: ["wampcra"], authid: "eve" });
  assert.equal(identity.authrole, "staff");
  await security.setUserEnabled("com.acme.sso", "eve", false);
  isRefused(await world.login({ methods: ["wampcra"], authid: "eve" }, "open sesame"));
  await world.close();
});
