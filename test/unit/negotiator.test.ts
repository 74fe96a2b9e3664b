import assert from "node:assert/strict";
import { test } from "node:test";
import type { Method, Proved } from "../../src/auth/method.ts";
import { isRefused, keyedPublic, LoginWorld, signKeyed, testRealm } from "../support/login-world.ts";

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
  const world = await (await LoginWorld.make()).populate({}, ["wampcra", "oauth2"]);
  const answers = await Promise.all(
    ["bob", "keyed", "off", "nobody"].map((authid) => world.hello({ methods: ["ticket", "x"], authid })),
  );
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  const [error, message = ""] = abortOf(answers[0]!);
  assert.equal(error, "wamp.error.no_matching_auth_method");
  assert.match(message, /offers wampcra,? .*client offers ticket, x/);
  // Nothing that takes tokens is built into this router.
  assert.doesNotMatch(message, /oauth2/);
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
  const world = await (await LoginWorld.make()).populate({}, ["password", "cryptosign"]);
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

  const keyed = { methods: ["cryptosign"], authid: "keyed", authextra: { pubkey: keyedPublic } };
  const revoked = await world.challenged(keyed);
  await security.updateUser(testRealm, "keyed", { authorized_keys: ["ab".repeat(32)] });
  isRefused(await revoked.proceed(signKeyed(revoked.extra), {}));

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

test("who is unknown, or can use no method, is not told apart by methods that are each user's own", async () => {
  const methods = ["tls", "trust", "cryptosign", "wampcra"];
  const world = await (await LoginWorld.make()).populate({}, methods);
  await world.security.deleteSource(testRealm, "all", "10.0.0.0/8", "trust");
  await world.source("keyed", "trust", "10.5.5.5/32");
  for (const authextra of [{}, { pubkey: "ab".repeat(32) }]) {
    for (const authid of ["bob", "off", "nobody"]) {
      const { method, extra } = await world.challenged({ methods, authid, authextra, peer: "10.5.5.5" });
      assert.equal(method, "wampcra");
      assert.equal(Object.keys(extra).length, 4);
    }
  }
  const keyed = { methods: methods.slice(2), authid: "keyed", authextra: { pubkey: keyedPublic } };
  const { method, extra, proceed } = await world.challenged(keyed);
  assert.equal(method, "cryptosign");
  const answer = await proceed(signKeyed(extra), {});
  assert.ok(answer.kind === "welcome");
  assert.equal(answer.identity.user, "keyed");
  assert.equal(answer.identity.authrole, "");
  // Offered nothing else, even an unknown user is asked to sign.
  const nobody = await world.challenged({ ...keyed, methods: ["cryptosign"], authid: "nobody" });
  isRefused(await nobody.proceed(signKeyed(nobody.extra), {}));
  await world.close();
});

test("a method that decides by itself gives name and groups, but nobody who is disabled, gone or elsewhere comes in", async () => {
  let proved: Proved = { kind: "proved" };
  const token: Method = { name: "oauth2", suits: () => true, begin: () => proved };
  const world = await (await LoginWorld.make({ moreMethods: [token] })).populate({}, ["oauth2"]);
  const login = (authid: string, peer = "10.0.0.1") => world.hello({ methods: ["oauth2"], authid, peer });
  const welcome = async (authid: string) => {
    const answer = await login(authid);
    assert.ok(answer.kind === "welcome", JSON.stringify(answer));
    return answer.identity;
  };
  isRefused(await login("stranger"));
  const common = { authmethod: "oauth2", authprovider: "spanwire" };
  proved = { kind: "proved", authid: "stranger", roles: ["guests"] };
  assert.deepEqual(await welcome("stranger"), {
    ...common,
    authid: "stranger",
    authrole: "guests",
    roles: ["guests"],
  });
  // Of somebody who is known, but as whom the token does not speak: no grants by name.
  proved = { kind: "proved", authid: "bob", roles: ["staff"] };
  assert.deepEqual(await welcome("bob"), { ...common, authid: "bob", authrole: "staff", roles: ["staff"] });
  proved = { kind: "proved", authid: "bob", user: "bob", roles: ["staff"], ticket: "t1", extra: { note: 1 } };
  const bob = { ...common, authid: "bob", authrole: "staff", roles: ["staff"], user: "bob", ticket: "t1" };
  assert.deepEqual(await welcome("bobby"), bob);
  for (const name of [{ user: "off" }, { authid: "off" }, { user: "ghost" }]) {
    proved = { kind: "proved", roles: ["staff"], ...name };
    isRefused(await login("stranger"));
  }
  proved = { kind: "proved", roles: [] };
  isRefused(await login("off"));
  const away = await login("stranger", "192.0.2.1");
  assert.equal(abortOf(away)[0], "wamp.error.no_matching_auth_method");
  await world.source("bob", "oauth2", "192.0.2.0/24");
  isRefused(await login("stranger", "192.0.2.1"));
  proved = { kind: "proved" };
  assert.equal((await login("bob", "192.0.2.1")).kind, "welcome");
  await world.close();
});

test("a method that breaks is a fault of ours, and leaves no login under way", async () => {
  let broken = (): never => {
    throw new Error("not yet");
  };
  const token: Method = {
    name: "oauth2",
    suits: () => true,
    begin: () => ({ kind: "challenge", extra: {}, proceed: async () => broken() }),
  };
  const world = await LoginWorld.make({ moreMethods: [token], limits: { logins_max: 1 } });
  await world.populate({}, ["oauth2"]);
  for (const message of ["at once", "later"]) {
    broken = () => {
      throw new Error(message);
    };
    const { proceed } = await world.challenged({ methods: ["oauth2"], authid: "bob" });
    await assert.rejects(async () => proceed("x", {}), new RegExp(message));
  }
  await world.close();
});
