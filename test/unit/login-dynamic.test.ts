import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallProcedure, readPrincipal } from "../../src/auth/dynamic.ts";
import { WampError } from "../../src/protocol/errors.ts";
import {
  type Hello,
  isRefused,
  keyedPublic,
  LoginWorld,
  signKeyed,
  testRealm,
} from "../support/login-world.ts";

type Dict = Readonly<Record<string, unknown>>;

const authenticators = {
  wampcra: "com.acme.auth.cra",
  ticket: "com.acme.auth.ticket",
  anonymous: "com.acme.auth.anonymous",
  cryptosign: "com.acme.auth.keys",
};

/** What Crossbar's documentation keeps in its examples' user database. */
const people: Readonly<Record<string, Dict>> = {
  joe: { secret: "secret2", role: "frontend" },
  peter: {
    authid: "ID09125",
    secret: "prq7+YkJ1/KlW1X0YczMHw==",
    role: "frontend",
    salt: "salt123",
    iterations: 100,
    keylen: 16,
  },
};

interface Call {
  readonly realm: string;
  readonly procedure: string;
  readonly args: readonly unknown[];
  readonly timeout_ms: number;
}

async function make(answer: (call: Call) => unknown, calls_max = 16) {
  const calls: Call[] = [];
  const callProcedure: CallProcedure = async (realm, procedure, args, timeout_ms) => {
    const call = { realm, procedure, args, timeout_ms };
    calls.push(call);
    return answer(call);
  };
  const world = await LoginWorld.make({ callProcedure, authenticatorCalls_max: calls_max });
  await world.security.createRealm({
    uri: testRealm,
    authmethods: ["wampcra", "ticket", "anonymous", "cryptosign"],
    authenticators,
  });
  return { world, calls };
}

const known = ({ args: [, authid] }: Call): unknown => {
  const person = people[String(authid)];
  if (person === undefined) throw new WampError("com.acme.no_such_user", "no such user");
  return person;
};
const cra: Hello = { methods: ["wampcra"], authid: "joe" };

test("WAMP-CRA with a plain secret, and with a salted one, that an authenticator knows", async () => {
  const { world, calls } = await make(known);
  const joe = await world.welcomed({ ...cra, session: 12, authextra: { device: 1 } }, "secret2");
  assert.deepEqual(joe.identity, {
    authid: "joe",
    authrole: "frontend",
    authmethod: "wampcra",
    authprovider: "dynamic",
    roles: ["frontend"],
  });
  assert.deepEqual(calls, [
    {
      realm: testRealm,
      procedure: "com.acme.auth.cra",
      args: [
        testRealm,
        "joe",
        {
          authmethod: "wampcra",
          session: 12,
          transport: { type: "websocket", peer: "10.1.2.3", secure: false },
          authextra: { device: 1 },
        },
      ],
      timeout_ms: 5_000,
    },
  ]);
  const peter = await world.welcomed({ ...cra, authid: "peter" }, "secret1");
  assert.equal(peter.identity.authid, "ID09125");
  isRefused(await world.login(cra, "secret1"));
  isRefused(await world.login({ ...cra, authid: "peter" }, "secret2"));
  await world.close();
});

test("names that the authenticator does not know are challenged like those that it knows", async () => {
  const { world } = await make(known);
  const keys = async (authid: string) =>
    Object.keys((await world.challenged({ ...cra, authid })).extra).sort();
  assert.deepEqual(await keys("nobody"), await keys("joe"));
  assert.deepEqual(await keys("peter"), ["challenge", "iterations", "keylen", "salt"]);
  assert.deepEqual(await keys("nobody"), await keys("peter"));
  isRefused(await world.login({ ...cra, authid: "nobody" }, "secret2"));
  assert.match(JSON.stringify(world.logged), /com.acme.no_such_user/);
  await world.close();
});

test("a ticket is judged by the authenticator, which may give a role alone", async () => {
  const { world, calls } = await make(({ args: [, , details] }) => {
    const { ticket } = details as Dict;
    if (ticket !== "secret!!!") throw new Error("could not authenticate");
    return "backend";
  });
  const hello = { methods: ["ticket"], authid: "joe" };
  const { identity } = await world.welcomed(hello, "secret!!!");
  assert.equal(identity.authrole, "backend");
  assert.equal(identity.user, undefined);
  isRefused(await world.login(hello, "guess"));
  assert.equal(calls.length, 2);
  assert.ok(!JSON.stringify(world.logged).includes("guess"));
  await world.close();
});

test("an anonymous client gets the name and role that the authenticator gives, or a random name", async () => {
  let given: Dict = { role: "guest", extra: { motd: "hi" } };
  const { world } = await make(() => given);
  const one = await world.welcomed({ methods: ["anonymous"], authid: "admin" });
  assert.match(one.identity.authid, /^anonymous-/);
  assert.equal(one.identity.authrole, "guest");
  assert.deepEqual(one.extra, { motd: "hi" });
  given = { role: "guest", authid: "visitor 7" };
  assert.equal((await world.welcomed({ methods: ["anonymous"] })).identity.authid, "visitor 7");
  await world.close();
});

test("an authenticator's role can be asked for by name, and no other", async () => {
  const { world } = await make(() => ({ role: ["guest", "Editor"] }));
  const as = (authrole: string) => world.login({ methods: ["anonymous"], authrole }, "");
  const editor = await as("editor");
  assert.ok(editor.kind === "welcome");
  assert.equal(editor.identity.authrole, "Editor");
  const admin = await as("admin");
  assert.ok(admin.kind === "abort");
  assert.equal(admin.error, "wamp.error.no_such_role");
  await world.close();
});

test("cryptosign: whose key it is, is the authenticator's word, once the signature is good", async () => {
  const { world } = await make(({ args: [, authid] }) => {
    if (authid !== "joe") throw new Error("who?");
    return { role: "device", pubkey: keyedPublic.toUpperCase() };
  });
  const login = async (authid: string, pubkey: string, spoil = (signature: string) => signature) => {
    const { extra, proceed } = await world.challenged({
      methods: ["cryptosign"],
      authid,
      authextra: { pubkey },
    });
    return proceed(spoil(signKeyed(extra)), {});
  };
  const answer = await login("joe", keyedPublic);
  assert.ok(answer.kind === "welcome");
  assert.equal(answer.identity.authrole, "device");
  assert.equal(answer.identity.user, undefined);
  isRefused(await login("joe", keyedPublic, (signature) => `00${signature.slice(2)}`));
  isRefused(await login("joe", "cd".repeat(32)));
  isRefused(await login("jim", keyedPublic));
  const keyless = await world.hello({ methods: ["cryptosign"], authid: "joe" });
  assert.ok(keyless.kind === "abort");
  assert.match(keyless.message, /pubkey/);
  await world.close();
});

test("answers of another shape are failed logins", async () => {
  const wrong: readonly unknown[] = [
    undefined,
    null,
    7,
    "",
    [],
    {},
    { role: 5 },
    { role: "" },
    { role: "a,b" },
    { role: "x".repeat(1_000) },
    { role: "r", authid: 7 },
    { role: "r", extra: [] },
    { role: "r", realm: "com.acme.other" },
    { role: "r", secret: 5 },
    { role: "r", pubkey: 5 },
    { role: "r", secret: "s", salt: "x", iterations: 0 },
    { role: "r", secret: "s", salt: "x", keylen: "16" },
  ];
  let given: unknown;
  const { world } = await make(() => given);
  for (given of wrong) {
    assert.equal(typeof readPrincipal(given, testRealm), "string", JSON.stringify(given));
    isRefused(await world.hello({ methods: ["anonymous"] }));
  }
  given = { role: "r" };
  isRefused(await world.login(cra, ""));
  await world.close();
});

test("authenticators that do not answer are bounded", async () => {
  let release: (value: unknown) => void = () => {};
  const late = new Promise((resolve) => {
    release = resolve;
  });
  const { world } = await make(() => late, 2);
  const waiting = [world.hello({ methods: ["anonymous"] }), world.hello({ methods: ["anonymous"] })];
  const third = await world.hello({ methods: ["anonymous"] });
  assert.ok(third.kind === "abort");
  assert.equal(third.error, "wamp.error.unavailable");
  release("guest");
  for (const answer of await Promise.all(waiting)) assert.equal(answer.kind, "welcome");
  assert.equal((await world.hello({ methods: ["anonymous"] })).kind, "welcome");
  await world.close();
});

test("a realm whose authenticator does not answer leaves room for other realms", async () => {
  const world = await LoginWorld.make({
    callProcedure: (realm) =>
      realm === "com.acme.slow" ? new Promise(() => undefined) : Promise.resolve("guest"),
    authenticatorCallsPerRealm_max: 2,
  });
  for (const uri of ["com.acme.slow", testRealm])
    await world.security.createRealm({ uri, authmethods: ["anonymous"], authenticators });
  const hello = { realm: "com.acme.slow", methods: ["anonymous"] };
  for (let i = 0; i < 2; i++) void world.hello(hello);
  const third = await world.hello(hello);
  assert.ok(third.kind === "abort" && third.error === "wamp.error.unavailable");
  for (let i = 0; i < 5; i++) assert.equal((await world.hello({ methods: ["anonymous"] })).kind, "welcome");
  await world.close();
});

test("where source rules name a method, its authenticator is asked for those addresses only", async () => {
  const { world, calls } = await make(known);
  await world.source("all", "wampcra", "192.0.2.0/24");
  const refused = await world.hello(cra);
  assert.ok(refused.kind === "abort");
  assert.equal(refused.error, "wamp.error.no_matching_auth_method");
  assert.equal(calls.length, 0);
  await world.welcomed({ ...cra, peer: "192.0.2.5" }, "secret2");
  await world.close();
});

test("a realm that names no authenticators has its prototype's, called in the realm itself", async () => {
  const { world, calls } = await make(known);
  const { security } = world;
  await security.createRealm({ uri: "com.acme.prototype", is_prototype: true, authenticators });
  const inherits = { authmethods: ["wampcra"], prototype_uri: "com.acme.prototype" };
  await security.createRealm({ uri: "com.acme.one", ...inherits });
  await security.createRealm({
    uri: "com.acme.two",
    ...inherits,
    authenticators: { wampcra: "com.acme.own" },
  });
  for (const [realm, procedure] of [
    ["com.acme.one", authenticators.wampcra],
    ["com.acme.two", "com.acme.own"],
  ] as const) {
    assert.equal((await world.welcomed({ ...cra, realm }, "secret2")).identity.authid, "joe");
    const { realm: asked, procedure: called, args } = calls.at(-1)!;
    assert.deepEqual([asked, called, args[0]], [realm, procedure, realm]);
  }
  await world.close();
});
