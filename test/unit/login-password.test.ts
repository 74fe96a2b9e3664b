import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AuthAnswer } from "../../src/ports.ts";
import { isRefused, LoginWorld, type Hello, signCra, testRealm } from "../support/login-world.ts";

const password: Hello = { methods: ["password"], authid: "bob" };
const cra: Hello = { methods: ["wampcra"], authid: "bob" };

/** Upgrades run behind the login. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000 && !condition(); tries++) await sleep(5);
  assert.ok(condition());
}

test("the right password comes in by password and by wampcra, a wrong one by neither", async () => {
  const world = await (await LoginWorld.make()).populate();
  for (const hello of [password, cra]) {
    assert.equal((await world.welcomed(hello)).identity.authmethod, hello.methods[0]);
    for (const wrong of ["", "open", "open sesame ", "x".repeat(100_000)]) {
      isRefused(await world.login(hello, wrong));
    }
  }
  assert.equal(world.metrics.loginsFailed, 8);
  assert.ok(!JSON.stringify(world.logged).includes("sesame"));
  await world.close();
});

test("password serves users who are hashed for SCRAM alone", async () => {
  const world = await LoginWorld.make();
  await world.populate(
    { password_opts: { protocol: "scram", params: { kdf: "argon2id13", iterations: 1, memory: 256 } } },
    ["password", "wamp-scram"],
  );
  assert.equal((await world.welcomed(password)).identity.user, "bob");
  isRefused(await world.login(password, "open"));
  isRefused(await world.login({ ...password, authid: "nobody" }, "open sesame"));
  await world.close();
});

test("a login hashes the password anew where the realm wants it otherwise, and no session or date changes by it", async () => {
  const world = await (await LoginWorld.make()).populate();
  const stored = () => world.security.user(testRealm, "bob")?.credentials;
  const before = stored();
  await world.security.updateRealm(testRealm, {
    password_opts: { protocol: "both", params: { kdf: "pbkdf2", iterations: 5_000 } },
  });
  isRefused(await world.login(password, "wrong"));
  assert.equal(stored(), before);
  await world.welcomed(password);
  await until(() => stored() !== before);
  assert.deepEqual(stored()?.params, { kdf: "pbkdf2", iterations: 5_000 });
  assert.equal(stored()?.changed_ms, before?.changed_ms);
  assert.ok(stored()?.scram !== undefined && stored()?.cra !== undefined);
  await world.welcomed(password);
  await world.welcomed(cra);
  await world.close();
});

test("an upgrade that fails does not fail the login, and is reported without the password", async () => {
  const world = await LoginWorld.make();
  await world.populate();
  await world.security.addUser(testRealm, { username: "ann", password: "tab\u0009tab" });
  await world.security.updateRealm(testRealm, {
    password_opts: { protocol: "scram", params: { kdf: "pbkdf2", iterations: 5_000 } },
  });
  await world.welcomed({ ...password, authid: "ann" }, "tab\u0009tab");
  await until(() => world.logged.length > 0);
  assert.match(JSON.stringify(world.logged), /could not be hashed anew/);
  assert.ok(!JSON.stringify(world.logged).includes("tab"));
  await world.close();
});

test("WAMP-CRA's challenge is what the specification says, and tells nothing of the user", async () => {
  const world = await (await LoginWorld.make()).populate();
  const { method, extra } = await world.challenged({ ...cra, authid: "Bobby", session: 99 });
  assert.equal(method, "wampcra");
  assert.deepEqual(Object.keys(extra).sort(), ["challenge", "iterations", "keylen", "salt"]);
  const { nonce, ...said }: Record<string, unknown> = JSON.parse(String(extra["challenge"]));
  assert.deepEqual(said, {
    authid: "Bobby",
    authrole: "default",
    authmethod: "wampcra",
    authprovider: "spanwire",
    timestamp: "2026-01-01T00:00:00.000Z",
    session: 99,
  });
  assert.equal(Buffer.from(String(nonce), "base64").length, 16);
  await world.close();
});

test("a signature is good for its own challenge, once", async () => {
  const world = await (await LoginWorld.make()).populate();
  const first = await world.challenged(cra);
  const second = await world.challenged(cra);
  const signature = signCra(first.extra, "open sesame");
  isRefused(await second.proceed(signature, {}));
  assert.equal((await first.proceed(signature, {})).kind, "welcome");
  isRefused(await first.proceed(signature, {}));
  assert.equal(world.metrics.logins, 1);
  await world.close();
});

test("a signature over another session's id, or made otherwise wrong, is refused", async () => {
  const world = await (await LoginWorld.make()).populate();
  const spoilt: readonly ((signature: string, challenge: string) => string)[] = [
    (_, challenge) => {
      const other = JSON.stringify({ ...JSON.parse(challenge), session: 1 });
      return signCra({ challenge: other }, "open sesame");
    },
    (signature) => signature.slice(0, -1),
    (signature) => signature.slice(0, 10),
    (signature) => `${signature} `,
    (signature) => signature + signature,
    (signature) => `${signature}${"A".repeat(1 << 20)}`,
    (signature) => signature.toLowerCase(),
    (signature) => Buffer.from(signature, "base64").toString("hex"),
    (signature) => Buffer.from(signature, "base64").toString("base64url"),
    () => "",
    () => "not base64: \u0000\ud800",
  ];
  for (const spoil of spoilt) {
    const { extra, proceed } = await world.challenged(cra);
    const signature = signCra(extra, "open sesame");
    const wrong = spoil(signature, String(extra["challenge"]));
    if (wrong !== signature) isRefused(await proceed(wrong, {}));
  }
  await world.close();
});

test("a challenge expires with the time for the handshake", async () => {
  const world = await (await LoginWorld.make({ limits: { handshake_ms: 1_000 } })).populate();
  const { extra, proceed } = await world.challenged(cra);
  world.now_ms += 1_001;
  isRefused(await proceed(signCra(extra, "open sesame"), {}));
  await world.close();
});

/** Everything that a client can see of a failed login, with what changes from one to the next blotted out. */
async function seen(world: LoginWorld, hello: Hello, secret: string): Promise<unknown> {
  const before = world.kdf.count;
  const answer = await world.hello(hello);
  assert.ok(answer.kind === "challenge", JSON.stringify(answer));
  const extra = Object.entries(answer.extra).map(([key, value]) =>
    key === "challenge" ? Object.keys(JSON.parse(String(value))) : [key, typeof value, String(value).length],
  );
  const signature = answer.method === "wampcra" ? signCra(answer.extra, secret) : secret;
  const end: AuthAnswer = await answer.proceed(signature, {});
  return { method: answer.method, extra, end, derivations: world.kdf.count - before };
}

test("unknown, disabled, keys only, from elsewhere and wrong secret: the same answers for the same work", async () => {
  const world = await (await LoginWorld.make()).populate();
  await world.source("off", "wampcra", "192.0.2.0/24");
  for (const methods of [["wampcra"], ["password"], ["wampcra", "password"], ["password", "wampcra"]]) {
    const wrong = await seen(world, { methods, authid: "bob" }, "wrong");
    for (const authid of ["nobody", "off", "keyed", "\u0000", "x".repeat(500)]) {
      assert.deepEqual(await seen(world, { methods, authid }, "open sesame"), wrong, `${authid} ${methods}`);
    }
  }
  const peer = "192.0.2.9";
  const elsewhere = await seen(world, { methods: ["wampcra"], authid: "bob", peer }, "open sesame");
  for (const authid of ["nobody", "off", "keyed"]) {
    assert.deepEqual(await seen(world, { methods: ["wampcra"], authid, peer }, "open sesame"), elsewhere);
  }
  await world.close();
});

test("an invented user has one salt, however its name is written, and another in another realm", async () => {
  const world = await (await LoginWorld.make()).populate();
  await world.security.createRealm({ uri: "com.acme.two", authmethods: ["wampcra"] });
  await world.security.addSource("com.acme.two", {
    usernames: "all",
    authmethod: "wampcra",
    cidr: "0.0.0.0/0",
  });
  const salt = async (authid: string, realm = testRealm) =>
    (await world.challenged({ ...cra, authid, realm })).extra["salt"];
  const nobody = await salt("nobody");
  assert.equal(Buffer.from(String(nobody), "base64").length, 16);
  assert.equal(await salt("NoBody"), nobody);
  assert.notEqual(await salt("nobody2"), nobody);
  assert.notEqual(await salt("nobody", "com.acme.two"), nobody);
  assert.equal(await salt("BOB"), world.security.user(testRealm, "bob")?.credentials?.salt);
  await world.close();
});

test("when derivations find no room, known and unknown users hear that it is busy", async () => {
  const world = await LoginWorld.make();
  await world.populate();
  await world.kdf.close();
  for (const authid of ["bob", "nobody"]) {
    const answer = await world.login({ ...password, authid }, "open sesame");
    assert.ok(answer.kind === "abort");
    assert.equal(answer.error, "wamp.error.unavailable");
  }
  assert.equal(world.metrics.loginsFailed, 0);
});
