// Logins over WebSocket: clients that others wrote, and our own, against a whole router.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { connect } from "../../src/client/connect.ts";
import type { AuthOptions } from "../../src/client/options.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { WampError } from "../../src/protocol/errors.ts";
import { loadAutobahn } from "../support/foreign-autobahn.ts";
import { keyedPublic, testRealm } from "../support/login-world.ts";

type Dict = Readonly<Record<string, unknown>>;

const methods = ["anonymous", "trust", "password", "wampcra", "wamp-scram", "cryptosign"];
const password = "open sesame";
const secretKey = Buffer.alloc(32, 3).toString("hex");
const dynamicRealm = "com.acme.dynamic";

const source = (usernames: string, authmethod: string, cidr = "127.0.0.0/8") => ({
  usernames,
  authmethod,
  cidr,
});
const realms = [
  {
    uri: testRealm,
    authmethods: methods,
    groups: [{ name: "staff" }, { name: "admins" }],
    users: [
      { username: "bob", password, groups: ["staff", "admins"], aliases: ["bobby"] },
      { username: "off", password, enabled: false },
      { username: "keyed", authorized_keys: [keyedPublic] },
      // Hashed for WAMP-SCRAM alone, by the function that only it knows.
      {
        username: "ann",
        password: "J\u00fcrgen's",
        password_opts: { protocol: "scram", params: { kdf: "argon2id13", iterations: 1, memory: 1_024 } },
      },
    ],
    sources: [
      ...["anonymous", "password", "wampcra", "wamp-scram", "cryptosign"].map((method) =>
        source("all", method),
      ),
      source("keyed", "trust"),
      source("bob", "trust", "10.0.0.0/8"),
    ],
  },
  {
    uri: dynamicRealm,
    authmethods: ["wampcra", "ticket"],
    authenticators: { wampcra: "com.acme.auth", ticket: "com.acme.auth" },
  },
];

let router: Router;
let url = "";

before(async () => {
  router = await createRouter({
    realms: [],
    security: { definitions: [{ name: "test", realms }] },
    websocket: { port: 0 },
  });
  url = router.listeners[0]!.url;
});

after(() => router.close());

async function join(auth: AuthOptions, realm = testRealm): Promise<Dict> {
  const session = await connect({ url, realm, auth });
  await session.leave();
  return session.details;
}

const refusedWith = (uri: string) => (cause: unknown) => cause instanceof WampError && cause.uri === uri;
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

test("who may come from elsewhere only is refused like a wrong password", async () => {
  const away = { methods: ["trust"], authid: "bob" } as const;
  await assert.rejects(join(away), refusedWith("wamp.error.authentication_failed"));
});

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
  realm = testRealm,
): Promise<Dict> {
  const autobahn = await loadAutobahn();
  const auth = autobahn as unknown as AutobahnAuth;
  const connection = new autobahn.Connection({
    url,
    realm,
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

test("a realm's authenticator decides: autobahn-js with a plain secret, our client with a ticket", async () => {
  const asked: unknown[] = [];
  const session = await router.session(dynamicRealm);
  await session.register("com.acme.auth", ({ args: [realm, authid, details] }) => {
    const { authmethod, ticket } = details as Dict;
    asked.push([realm, authid, authmethod]);
    if (authid !== "joe" || (authmethod === "ticket" && ticket !== "secret!!!")) {
      throw new WampError("com.acme.no", "unknown, or wrong");
    }
    return { role: "frontend", secret: "secret2", extra: { floor: 3 } };
  });
  const plain = (authid: string, secret: string) =>
    joinByAutobahn(
      { authmethods: ["wampcra"], authid },
      ({ auth_cra }, { challenge }) => auth_cra.sign(secret, String(challenge)),
      dynamicRealm,
    );
  const { authid, authrole, authprovider, authextra } = await plain("joe", "secret2");
  assert.deepEqual([authid, authrole, authprovider, authextra], ["joe", "frontend", "dynamic", { floor: 3 }]);
  await assert.rejects(plain("joe", "guess"), /wamp.error.authentication_failed/);
  await assert.rejects(plain("jim", "secret2"), /wamp.error.authentication_failed/);
  const byTicket = { methods: ["ticket"], authid: "joe" } as const;
  assert.equal((await join({ ...byTicket, ticket: "secret!!!" }, dynamicRealm))["authrole"], "frontend");
  const failed = refusedWith("wamp.error.authentication_failed");
  await assert.rejects(join({ ...byTicket, ticket: "guess" }, dynamicRealm), failed);
  assert.equal(asked.length, 5);
  assert.deepEqual(asked[0], [dynamicRealm, "joe", "wampcra"]);
});
