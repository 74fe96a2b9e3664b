// Which method a client is asked by, and how it is refused, tells nobody whether there is such a user.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsPeer } from "../../src/ports.ts";
import {
  clientNonce,
  type Hello,
  isRefused,
  keyedPublic,
  LoginWorld,
  signKeyed,
  testRealm,
} from "../support/login-world.ts";

const strangers = Array.from({ length: 40 }, (_, i) => `stranger${i}`);
const authextra = { pubkey: keyedPublic, nonce: clientNonce };

/** What a client sees of the first answer. */
async function shown(world: LoginWorld, hello: Hello): Promise<string> {
  const answer = await world.hello({ authextra, ...hello });
  if (answer.kind === "challenge") {
    const { challenge, nonce, salt, ...extra } = answer.extra;
    answer.abandon?.();
    return JSON.stringify([answer.method, Object.keys(answer.extra), extra, String(salt).length]);
  }
  return JSON.stringify([answer.kind, answer.kind === "abort" ? answer.message : answer.identity.authrole]);
}

async function populated(methods: readonly string[]): Promise<LoginWorld> {
  const world = await LoginWorld.make({ limits: { failedLoginsPerSource_max: 10_000 } });
  return world.populate({}, methods);
}

test("an unknown name is not let in as anonymous where a user would be asked for its password", async () => {
  const world = await populated(["wampcra", "password", "anonymous", "tls"]);
  const certificate = { commonName: "x", names: [], fingerprint: "00", validTo_ms: 0 };
  const tls: TlsPeer = { certificate, channelId: () => null };
  for (const methods of [
    ["wampcra", "anonymous"],
    ["password", "anonymous", "wampcra"],
    ["anonymous", "wampcra"],
    ["tls", "wampcra"],
    ["wampcra", "tls"],
  ]) {
    const user = await shown(world, { methods, authid: "bob", tls });
    assert.equal(await shown(world, { methods, authid: "off", tls }), user);
    for (const authid of strangers) assert.equal(await shown(world, { methods, authid, tls }), user);
  }
  await world.close();
});

test("keys and passwords of users do not show by the method that is chosen", async () => {
  const world = await populated(["cryptosign", "wampcra", "password", "anonymous"]);
  for (const methods of [
    ["cryptosign", "wampcra"],
    ["wampcra", "cryptosign"],
    ["password", "cryptosign", "anonymous"],
    ["wampcra", "anonymous"],
    ["cryptosign", "anonymous"],
  ]) {
    const seen = new Map<string, number>();
    for (const authid of strangers) {
      const answer = await shown(world, { methods, authid });
      assert.equal(await shown(world, { methods, authid: authid.toUpperCase() }), answer);
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
    }
    for (const authid of ["bob", "off", "keyed", "bobby"]) {
      const answer = await shown(world, { methods, authid });
      assert.ok(seen.has(answer), `${methods.join()} ${authid}: ${answer}, of ${[...seen.keys()].join()}`);
    }
  }
  await world.close();
});

test("rules that name users do not show by the method that is chosen", async () => {
  const world = await populated(["wampcra", "password"]);
  await world.security.updateRealm(testRealm, { authmethods: ["wampcra", "password", "ticket"] });
  await world.source("bob", "password", "192.0.2.0/24");
  await world.source("all", "wampcra", "192.0.2.0/24");
  const methods = ["password", "wampcra"];
  const seen = new Set<string>();
  for (const authid of strangers) seen.add(await shown(world, { methods, authid, peer: "192.0.2.1" }));
  for (const authid of ["bob", "off"])
    assert.ok(seen.has(await shown(world, { methods, authid, peer: "192.0.2.1" })));
  await world.close();
});

test("a disabled user is not refused at once where others are asked something", async () => {
  const world = await populated(["trust", "wampcra"]);
  const methods = ["trust", "wampcra"];
  const stranger = await shown(world, { methods, authid: "stranger" });
  assert.equal(await shown(world, { methods, authid: "off" }), stranger);
  assert.equal((await world.hello({ methods, authid: "bob" })).kind, "welcome");
  await world.close();
});

test("guesses at a user of several realms that share users are counted together", async () => {
  const world = await LoginWorld.make({ limits: { failedLoginsPerAuthid_max: 3 } });
  const { security } = world;
  const sso = "com.acme.sso";
  await security.createRealm({ uri: sso, is_sso_realm: true, authmethods: ["wampcra"] });
  const realms = ["com.acme.one", "com.acme.two"];
  for (const uri of realms) {
    await security.createRealm({ uri, sso_realm_uri: sso, authmethods: ["wampcra"] });
    await security.addUser(uri, { username: "eva", password: "open sesame", sso_realm_uri: sso });
    await security.addSource(uri, { usernames: "all", authmethod: "wampcra", cidr: "0.0.0.0/0" });
  }
  const attempt = (realm: string, authid: string, i: number) =>
    world.login({ realm, authid, methods: ["wampcra"], peer: `10.0.0.${i}` }, "wrong");
  for (const authid of ["eva", "nobody"]) {
    for (let i = 0; i < 3; i++) isRefused(await attempt(realms[i % 2]!, authid, i));
    for (const realm of realms) {
      const answer = await attempt(realm, authid, 9);
      assert.ok(answer.kind === "abort" && answer.error === "wamp.error.unavailable", JSON.stringify(answer));
    }
  }
  await world.close();
});

test("a client without an address is not one of this machine", async () => {
  const world = await populated(["wampcra"]);
  await world.source("all", "wampcra", "127.0.0.0/8");
  const answer = async (peer: string) =>
    (await world.hello({ methods: ["wampcra"], authid: "bob", peer })).kind;
  assert.equal(await answer("/run/spanwire.sock"), "challenge");
  assert.equal(await answer("127.0.0.1"), "challenge");
  assert.equal(await answer(""), "abort");
  await world.close();
});

test("a login whose client has gone takes no place among those under way", async () => {
  const world = await LoginWorld.make({ limits: { logins_max: 1 } });
  await world.populate();
  const hello = { methods: ["wampcra"], authid: "bob" };
  const first = await world.challenged(hello);
  assert.equal((await world.hello(hello)).kind, "abort");
  first.abandon?.();
  const second = await world.challenged(hello);
  isRefused(await first.proceed("late", {}));
  isRefused(await second.proceed("wrong", {}));
  await world.close();
});

test("the key of the router itself is nobody's, for it signs what anybody asks it to", async () => {
  const world = await populated(["cryptosign"]);
  const hello = { methods: ["cryptosign"], authid: "mirror" };
  const mirror = { ...authextra, challenge: "00".repeat(32) };
  const shownKey = String((await world.challenged({ ...hello, authextra: mirror })).extra["pubkey"]);
  await world.security.addUser(testRealm, { username: "mirror", authorized_keys: [shownKey] });
  const asked = await world.challenged({ ...hello, authextra: { ...mirror, pubkey: shownKey } });
  const challenge = String(asked.extra["challenge"]);
  const oracle = await world.challenged({ ...hello, authextra: { ...mirror, challenge } });
  isRefused(await asked.proceed(String(oracle.extra["signature"]), {}));
  // The same with a key that is not the router's is right.
  const keyed = await world.challenged({ methods: ["cryptosign"], authid: "keyed", authextra });
  assert.equal((await keyed.proceed(signKeyed(keyed.extra), {})).kind, "welcome");
  await world.close();
});
