/**
 * Procedures of others that decide: authenticators and an authorizer registered by autobahn-js, as Crossbar's users have them, and tickets
 * that go from one client to another. Over WebSocket with and without TLS.
 */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { createRouter, type Router } from "../../src/main.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { connectTransport } from "../../src/client/connect.ts";
import { type AuthClient, authClients } from "../support/auth-clients.ts";
import {
  authRealm,
  granted,
  password,
  publicKey,
  realmDefinition,
  refused,
  seed,
} from "../support/auth-realm.ts";
import { failed } from "../support/auth-wire.ts";
import type { AutobahnConnection, AutobahnSession } from "../support/autobahn-types.ts";
import { filesOf, trust } from "../support/certificates.ts";
import { loadAutobahn } from "../support/foreign-autobahn.ts";
import { createWampy } from "../support/foreign-wampy.ts";
import { type Dict, until, Wire } from "../support/wire.ts";
import { authenticate, sayHello, welcomed } from "../support/auth-wire.ts";

const timeout = 60_000;
const denied = "wamp.error.not_authorized";
const judge = "com.example.auth.judge";
const decide = "com.example.auth.decide";
const dynamicRealm = "com.example.dynamic";
const methods = ["ticket", "wampcra", "cryptosign", "anonymous"] as const;

const definitions = [
  realmDefinition,
  {
    ...realmDefinition,
    uri: dynamicRealm,
    authenticators: Object.fromEntries(methods.map((method) => [method, judge])),
    authorizer: decide,
    sources: [{ usernames: ["svc"], authmethod: "password", cidr: "127.0.0.0/8" }],
  },
];

let router: Router;
let service: AutobahnConnection;
const clients = authClients();
const asked: (readonly unknown[])[] = [];
const decided: (readonly unknown[])[] = [];
const [plain, secure] = [() => router.listeners[0]!.url, () => router.listeners[1]!.url];

/** Joins with autobahn-js; rejects with ABORT's reason. */
async function autobahnSession(
  options: object,
): Promise<{ connection: AutobahnConnection; session: AutobahnSession }> {
  const autobahn = await loadAutobahn();
  const connection = new autobahn.Connection({
    url: plain(),
    realm: authRealm,
    max_retries: 0,
    on_user_error: () => {},
    ...options,
  });
  const session = await new Promise<AutobahnSession>((resolve, reject) => {
    connection.onopen = resolve;
    connection.onclose = (_reason, { reason }) => {
      reject(new Error(String(reason)));
      return true;
    };
    connection.open();
  });
  return { connection, session };
}

/** What a Crossbar user's authenticator answers: dictionaries by authid, an error for others. */
async function judged(args: readonly unknown[]): Promise<object> {
  asked.push(args);
  const [realm, authid, details] = args as [string, string | null, Dict];
  assert.equal(realm, dynamicRealm);
  const principal = { role: "staff", extra: { by: "autobahn" } };
  const { Error: AutobahnError } = await loadAutobahn();
  const method = details["authmethod"];
  const isRight = method === "ticket" ? details["ticket"] === password : authid === "joe" || authid === null;
  if (!isRight) throw new AutobahnError("com.example.error.stranger", ["no such user"], {});
  if (method === "wampcra") return { ...principal, secret: password };
  return method === "cryptosign" ? { ...principal, pubkey: publicKey } : principal;
}

before(async () => {
  router = await createRouter({
    realms: [],
    security: { definitions: [{ name: "test", realms: definitions }] },
    limits: { failedLoginsPerAuthid_max: 1_000, failedLoginsPerSource_max: 1_000 },
    listeners: [
      { kind: "websocket", port: 0 },
      { kind: "websocket", port: 0, tls: filesOf("server") },
    ],
  });
  const asService = { authid: "svc", authmethods: ["password"], onchallenge: () => password };
  const { connection, session } = await autobahnSession({ realm: dynamicRealm, ...asService });
  service = connection;
  await session.register(judge, judged, {});
  await session.register(
    decide,
    (args) => {
      decided.push(args);
      const [, uri] = args;
      return uri === "com.example.secret.cached" ? { allow: true, cache: true } : uri === refused;
    },
    {},
  );
  for (const uri of [granted, refused, "com.example.secret.cached"])
    await session.register(uri, () => "hello", {});
});

after(async () => {
  for (const client of clients) client.close();
  service.close();
  await router.close();
});

const secrets: Readonly<Record<(typeof methods)[number], object>> = {
  ticket: { authid: "joe", secret: password },
  wampcra: { authid: "joe", secret: password },
  cryptosign: { authid: "joe", secret: seed, publicKey },
  anonymous: {},
};

const options = ({ skip }: AuthClient) => ({ timeout, ...(skip === undefined ? {} : { skip }) });

for (const client of clients) {
  for (const method of methods) {
    test(
      `[A-10 A-12] an authenticator of autobahn-js lets ${client.name} in by ${method}, and its authorizer decides`,
      options(client),
      async () => {
        const wish = {
          url: plain(),
          realm: dynamicRealm,
          serializer: "json",
          method,
          ...secrets[method],
        } as const;
        const other = "com.example.secret.other";
        const outcome = await client.login({ ...wish, calls: [granted, refused, other] });
        assert.ok("joined" in outcome, JSON.stringify(outcome));
        const { authrole, authmethod, authprovider } = outcome.joined;
        assert.deepEqual(
          { authrole, authmethod, authprovider },
          { authrole: "staff", authmethod: method, authprovider: "dynamic" },
        );
        assert.deepEqual(outcome.calls, { [granted]: "ok", [refused]: "ok", [other]: denied });
        if (method === "anonymous") return;
        assert.deepEqual(
          await client.login({ ...wish, authid: "jim", ...(method === "ticket" ? { secret: "wrong" } : {}) }),
          { refused: failed },
        );
      },
    );
  }
}

test("[A-12] what an authorizer of autobahn-js lets the router keep is asked for once", {
  timeout,
}, async () => {
  const uri = "com.example.secret.cached";
  const { connection, session } = await autobahnSession({
    realm: dynamicRealm,
    authid: "joe",
    authmethods: ["ticket"],
    onchallenge: () => password,
  });
  for (let calls = 0; calls < 3; calls++) {
    const answer = await new Promise((resolve, reject) =>
      session.call(uri, [], {}, {}).then(resolve, reject),
    );
    assert.equal(answer, "hello");
  }
  const about = decided.filter(([, asked]) => asked === uri);
  assert.equal(about.length, 1);
  const [details, , action, more] = about[0] as [Dict, string, string, Dict];
  assert.deepEqual(
    [details["session"], details["authid"], details["authrole"]],
    [session.id, "joe", "staff"],
  );
  assert.deepEqual([action, more], ["call", { match: "exact" }]);
  connection.close();
});

// ---- tickets

async function issuedTicket(): Promise<{ readonly ticket: string; readonly id: string }> {
  const autobahnCra = (await loadAutobahn()) as unknown as {
    readonly auth_cra: {
      derive_key(...how: unknown[]): string;
      sign(key: string, challenge: unknown): string;
    };
  };
  const onchallenge = (_session: unknown, _method: string, extra: Dict): string => {
    const { derive_key, sign } = autobahnCra.auth_cra;
    return sign(
      derive_key(password, extra["salt"], extra["iterations"], extra["keylen"]),
      extra["challenge"],
    );
  };
  const { connection, session } = await autobahnSession({
    authid: "joe",
    authmethods: ["wampcra"],
    onchallenge,
  });
  const issued = await new Promise<unknown>((resolve, reject) =>
    session.call("bondy.ticket.issue", [], { expiry_time_secs: 600 }, {}).then(resolve, reject),
  );
  connection.close();
  return issued as { ticket: string; id: string };
}

for (const [name, url] of [
  ["without TLS", plain],
  ["over TLS", secure],
] as const) {
  test(`[A-02] a ticket that autobahn-js was issued lets wampy and raw clients in ${name}, until it is revoked`, {
    timeout,
  }, async () => {
    const { ticket, id } = await issuedTicket();
    const isSecure = url() === secure();
    const wampy = await createWampy({
      url: url(),
      realm: authRealm,
      serializer: "cbor",
      ...(isSecure ? { tls: trust() } : {}),
      more: { authid: "joe", authmethods: ["ticket"], authMode: "manual", onChallenge: () => ticket },
    });
    assert.equal(((await wampy.connect()) as Dict)["authmethod"], "ticket");
    const wire = new Wire(
      await connectTransport({ url: url(), serializer: "json", ...(isSecure ? { tls: trust() } : {}) }),
    );
    assert.equal(wire.serializer, Serializer.json);
    sayHello(wire, { authid: "joe", authmethods: ["ticket"] });
    await wire.next();
    authenticate(wire, ticket);
    await welcomed(wire);
    const before = router.stats().sessions;
    assert.equal(await router.security!.revokeTicket(authRealm, id), true);
    assert.equal((await wire.next())[2], "wamp.close.killed");
    wire.close();
    // wampy answers GOODBYE, and is gone.
    await until("both sessions have ended", () => router.stats().sessions === before - 2);
  });
}

test("[A-02] a ticket that ends its session tells autobahn-js why, and does not let it in again", {
  timeout,
}, async () => {
  const { ticket, id } = await issuedTicket();
  const byTicket = { authid: "joe", authmethods: ["ticket"], onchallenge: () => ticket };
  const { connection } = await autobahnSession(byTicket);
  const ended = new Promise<string | null>((resolve) => {
    connection.onclose = (_reason, { reason }) => {
      resolve(reason);
      return true;
    };
  });
  await router.security!.revokeTicket(authRealm, id);
  assert.equal(await ended, "wamp.close.killed");
  await assert.rejects(autobahnSession(byTicket), new RegExp(failed));
});
