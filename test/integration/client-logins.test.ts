// Our client's logins to a whole router over real TLS: what only a real connection has – certificates, channel binding, sessions that end.
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import nacl from "tweetnacl";
import { connect } from "../../src/client/connect.ts";
import type { AuthOptions } from "../../src/client/options.ts";
import type { ClientSession } from "../../src/client/session.ts";
import { createRouter, type Router } from "../../src/main.ts";
import { wampError } from "../support/client-peer.ts";
import { authorityFile, filesOf, shown, trust } from "../support/certificates.ts";

const isBun = "Bun" in globalThis;
const realm = "com.example";
const pair = nacl.sign.keyPair();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const secretKey = hex(pair.secretKey.subarray(0, 32));
const password = "open sesame";
const methods = ["cryptosign", "wamp-scram", "wampcra", "password", "ticket", "tls"];
const refused = wampError("wamp.error.authentication_failed");

const definition = {
  uri: realm,
  authmethods: methods,
  groups: [{ name: "staff" }],
  users: [
    { username: "joe", password, groups: ["staff"], authorized_keys: [hex(pair.publicKey)] },
    { username: "ann", password },
    { username: "device-7" },
  ],
  sources: methods.map((authmethod) => ({ usernames: "all", authmethod, cidr: "127.0.0.0/8" })),
  grants: [
    { permissions: ["wamp.call"], uri: "bondy.ticket.issue", match: "exact", roles: ["staff"] },
    { permissions: ["bondy.issue"], uri: "bondy.ticket.scope.", match: "prefix", roles: ["staff"] },
  ],
};

interface World {
  readonly router: Router;
  /** Over WebSocket and over RawSocket. */
  readonly urls: readonly string[];
}

async function world(t: TestContext): Promise<World> {
  const plain = filesOf("server");
  const tls = { ...plain, caFile: authorityFile(), clientCertificate: "request" } as const;
  const router = await createRouter({
    listeners: [
      // Bun's HTTP server does not show certificates to the router.
      { kind: "websocket", port: 0, tls: isBun ? plain : tls },
      { kind: "rawsocket", port: 0, tls },
    ],
    security: {
      definitions: [{ name: "test", realms: [definition] }],
      administrator: { password: "only for this test" },
      password: { protocol: "both", params: { kdf: "pbkdf2", iterations: 4_096 } },
    },
  });
  t.after(() => router.close());
  const urls = router.listeners.map(({ url }) => url.replace("127.0.0.1", "localhost"));
  assert.match(urls.join(" "), /^wss:.* tcps:/);
  return { router, urls };
}

const { ca } = trust();
/** Of `device-7`. */
const certified = { ca, ...shown("device-7") };

function login(url: string, auth: AuthOptions, tls: object = { ca }): Promise<ClientSession> {
  return connect({ url, realm, auth: { authid: "joe", ...auth }, tls });
}

test("each method over TLS, WebSocket and RawSocket", async (t) => {
  const { urls } = await world(t);
  const cases: [string, AuthOptions][] = [
    ["wamp-scram", { password }],
    ["wampcra", { password, methods: ["wampcra"] }],
    ["password", { password, methods: ["password"] }],
    ["ticket", { password, methods: ["ticket"] }],
    ["cryptosign", { secretKey }],
  ];
  for (const url of urls)
    for (const [method, auth] of cases) {
      const session = await login(url, auth);
      assert.deepEqual([session.details["authmethod"], session.details["authid"]], [method, "joe"]);
      await session.leave();
      const wrong = { password: "wrong one", secretKey: "11".repeat(32), methods: [method] } as AuthOptions;
      await assert.rejects(login(url, wrong), refused);
      await assert.rejects(login(url, { ...wrong, authid: "nobody" }), refused);
    }
});

test("a client certificate says who it is", async (t) => {
  const { urls } = await world(t);
  for (const url of urls) {
    if (isBun && url.startsWith("wss:")) continue;
    const session = await login(url, { methods: ["tls"], authid: "device-7" }, certified);
    assert.deepEqual([session.details["authmethod"], session.details["authid"]], ["tls", "device-7"]);
    await session.leave();
    await assert.rejects(login(url, { methods: ["tls"], authid: "ann" }, certified), refused);
    await assert.rejects(
      login(url, { methods: ["tls"], authid: "device-7" }),
      wampError("wamp.error.no_matching_auth_method"),
    );
  }
});

test("logins are bound to their TLS connection", {
  skip: isBun ? "Bun tells no channel binding" : false,
}, async (t) => {
  const { urls } = await world(t);
  for (const url of urls) {
    const bound: AuthOptions[] = [
      { secretKey, channelBinding: "tls-exporter" },
      { password, methods: ["wamp-scram"], channelBinding: "tls-exporter" },
    ];
    for (const auth of bound) await (await login(url, auth)).leave();
    await assert.rejects(
      login(url, { secretKey, channelBinding: "tls-unique" }),
      wampError("wamp.error.invalid_argument"),
    );
  }
});

test("a session that came by ticket ends with it", async (t) => {
  const { router, urls } = await world(t);
  const [url] = urls;
  const first = await login(url!, { password });
  const { args } = await first.call("bondy.ticket.issue", [], { expiry_time_secs: 600 });
  const { id, ticket } = args[0] as { id: string; ticket: string };
  const second = await login(url!, { ticket });
  assert.equal(second.details["authmethod"], "ticket");
  await router.security!.revokeTicket(realm, id);
  assert.match((await second.closed).reason, /^wamp\.close\./);
  await assert.rejects(login(url!, { ticket }), refused);
  await first.leave();
});
