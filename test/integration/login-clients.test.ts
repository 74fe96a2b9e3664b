// Logins over WebSocket: clients that others wrote, and our own, against the negotiator on a real security model.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { connect } from "../../src/client/connect.ts";
import type { AuthOptions } from "../../src/client/options.ts";
import { loadWasm } from "../../src/host.ts";
import { buildCore } from "../../src/main/core.ts";
import { RouterHost } from "../../src/main/host.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { loadAutobahn } from "../support/foreign-autobahn.ts";
import { keyedPublic, LoginWorld, testRealm } from "../support/login-world.ts";

type Dict = Readonly<Record<string, unknown>>;

const methods = ["anonymous", "trust", "password", "wampcra", "wamp-scram", "cryptosign"];
let world: LoginWorld;
let router: RouterHost;
let url = "";

before(async () => {
  world = await (await LoginWorld.make()).populate({}, methods);
  for (const method of methods) {
    await world.source(method === "trust" ? "keyed" : "all", method, "127.0.0.0/8");
  }
  // Hashed for WAMP-SCRAM alone, by the function that only it knows.
  const argon2 = { protocol: "scram", params: { kdf: "argon2id13", iterations: 1, memory: 1_024 } };
  await world.security.addUser(testRealm, {
    username: "ann",
    password: "J\u00fcrgen's",
    password_opts: argon2,
  });
  const parts = buildCore({ realms: [testRealm] }, await loadWasm());
  router = new RouterHost({ ...parts, authenticator: world.negotiator });
  await router.listen({ websocket: { port: 0 } });
  url = router.listeners[0]!.url;
});

after(async () => {
  await router.close();
  await world.close();
});

async function join(auth: AuthOptions): Promise<Dict> {
  const session = await connect({ url, realm: testRealm, auth });
  await session.leave();
  return session.details;
}

const refusedWith = (uri: string) => (cause: unknown) => cause instanceof WampError && cause.uri === uri;
const password = "open sesame";
const secretKey = Buffer.alloc(32, 3).toString("hex");

const logins: readonly (readonly [string, AuthOptions, Dict])[] = [
  ["anonymous", {}, { authrole: "anonymous", authmethod: "anonymous" }],
  ["trust", { methods: ["trust"], authid: "keyed" }, { authid: "keyed", authmethod: "trust" }],
  [
    "password",
    { methods: ["password"], authid: "bobby", password },
    { authid: "bob", authrole: "staff,admins" },
  ],
  ["wampcra", { methods: ["wampcra"], authid: "Bob", password }, { authid: "bob", authmethod: "wampcra" }],
  ["wamp-scram", { authid: "bob", password }, { authid: "bob", authmethod: "wamp-scram" }],
  ["Argon2id", { authid: "ann", password: "Ju\u0308rgen's" }, { authid: "ann", authmethod: "wamp-scram" }],
  ["cryptosign", { authid: "keyed", secretKey }, { authid: "keyed", authmethod: "cryptosign" }],
  ["one role", { authid: "bob", password, authrole: "staff" }, { authid: "bob", authrole: "staff" }],
];

for (const [name, auth, expected] of logins) {
  test(`our client comes in: ${name}`, async () => {
    const details = await join(auth);
    for (const [key, value] of Object.entries(expected)) assert.equal(details[key], value, key);
  });
}

test("our client hears one answer for a wrong password and for nobody", async () => {
  const failed = refusedWith("wamp.error.authentication_failed");
  for (const method of ["password", "wampcra", "wamp-scram"] as const) {
    for (const authid of ["bob", "nobody", "off"]) {
      await assert.rejects(
        join({ methods: [method], authid, password: "guess" }),
        failed,
        `${method} ${authid}`,
      );
    }
  }
  await assert.rejects(join({ authid: "keyed", secretKey: "00".repeat(32) }), failed);
  await assert.rejects(
    join({ methods: ["ticket"], authid: "bob", ticket: "x" }),
    refusedWith("wamp.error.no_matching_auth_method"),
  );
  await assert.rejects(
    join({ authid: "bob", password, authrole: "kings" }),
    refusedWith("wamp.error.no_such_role"),
  );
});

interface AutobahnAuth {
  readonly auth_cra: {
    sign(key: string, challenge: string): string;
    derive_key(secret: string, salt: string, iterations: number, keylen: number): string;
  };
  readonly auth_cryptosign: {
    sign_challenge(key: string, extra: Dict): string;
  };
}

/** Resolves with WELCOME's details, rejects with ABORT's reason. */
async function joinByAutobahn(
  options: object,
  onchallenge: (autobahn: AutobahnAuth, extra: Dict) => string,
): Promise<Dict> {
  const autobahn = await loadAutobahn();
  const auth = autobahn as unknown as AutobahnAuth;
  const connection = new autobahn.Connection({
    url,
    realm: testRealm,
    max_retries: 0,
    retry_if_unreachable: false,
    onchallenge: (_session: unknown, _method: string, extra: Dict) => onchallenge(auth, extra),
    ...options,
  });
  return new Promise((resolve, reject) => {
    connection.onopen = (_session: unknown, details?: Dict) => {
      resolve(details ?? {});
      connection.close();
    };
    connection.onclose = (_reason, details) => {
      reject(new Error(details.reason ?? "closed"));
      return true;
    };
    connection.open();
  });
}

test("autobahn-js comes in by WAMP-CRA with a salted password, and not with a wrong one", async () => {
  const as = (secret: string) =>
    joinByAutobahn({ authmethods: ["wampcra"], authid: "bob" }, ({ auth_cra }, extra) => {
      const { salt, iterations, keylen, challenge } = extra;
      const key = auth_cra.derive_key(secret, String(salt), Number(iterations), Number(keylen));
      return auth_cra.sign(key, String(challenge));
    });
  const { authid, authrole, authmethod, authprovider } = await as(password);
  assert.deepEqual(
    [authid, authrole, authmethod, authprovider],
    ["bob", "staff,admins", "wampcra", "spanwire"],
  );
  await assert.rejects(as("guess"), /wamp.error.authentication_failed/);
});

test("autobahn-js comes in by the method `password`, and anonymously", async () => {
  const as = (secret: string) => joinByAutobahn({ authmethods: ["password"], authid: "bob" }, () => secret);
  assert.equal((await as(password))["authid"], "bob");
  await assert.rejects(as("guess"), /wamp.error.authentication_failed/);
  const anonymous = await joinByAutobahn({ authmethods: ["anonymous"] }, () => "");
  assert.match(String(anonymous["authid"]), /^anonymous-/);
});

interface WampyAuth {
  connect(): Promise<Dict>;
  disconnect(): Promise<unknown>;
}

/** With wampy's own plugins. */
async function joinByWampy(options: object): Promise<Dict> {
  const { Wampy } = (await import("wampy" as string)) as {
    Wampy: new (url: string, options: object) => WampyAuth;
  };
  const { WebSocket } = await import("ws");
  const client = new Wampy(url, {
    realm: testRealm,
    ws: WebSocket,
    autoReconnect: false,
    authMode: "auto",
    ...options,
  });
  const details = await client.connect();
  await client.disconnect();
  return details;
}

test("wampy comes in by WAMP-CRA and by cryptosign, and not with a wrong secret", async () => {
  const cra = (await import("wampy/wampcra.js" as string)) as { sign(secret: string): unknown };
  const keys = (await import("wampy/cryptosign.js" as string)) as { sign(key: string): unknown };
  const byCra = (secret: string) =>
    joinByWampy({ authid: "bob", authmethods: ["wampcra"], authPlugins: { wampcra: cra.sign(secret) } });
  assert.equal((await byCra(password))["authid"], "bob");
  await assert.rejects(byCra("guess"));
  const byKey = await joinByWampy({
    authid: "keyed",
    authmethods: ["cryptosign"],
    authextra: { pubkey: keyedPublic },
    authPlugins: { cryptosign: keys.sign(secretKey) },
  });
  assert.equal(byKey["authid"], "keyed");
  assert.equal(byKey["authmethod"], "cryptosign");
});
