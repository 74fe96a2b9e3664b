// Our client's logins against the negotiator and its methods, with the real security model behind them: each method as a whole.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import test, { type TestContext } from "node:test";
import nacl from "tweetnacl";
import { Cryptosign } from "../../src/auth/cryptosign.ts";
import { KeySets } from "../../src/auth/jwks.ts";
import { KeyOwners } from "../../src/auth/key-owners.ts";
import type { Method } from "../../src/auth/method.ts";
import { OAuth2 } from "../../src/auth/oauth2.ts";
import { RouterKey } from "../../src/auth/router-key.ts";
import { TicketMethod } from "../../src/auth/ticket.ts";
import { TicketService } from "../../src/auth/tickets.ts";
import { tlsCertificate } from "../../src/auth/tls-certificate.ts";
import { joinOver } from "../../src/client/join.ts";
import type { AuthOptions } from "../../src/client/options.ts";
import type { ClientSession } from "../../src/client/session.ts";
import type { ClientTransport, TransportClose } from "../../src/client/transport.ts";
import type { AuthAnswer, ClientCertificate, Identity, TlsPeer } from "../../src/ports.ts";
import type { Security } from "../../src/security/model.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { wampError } from "../support/client-peer.ts";
import { issuerKey } from "../support/key-server.ts";
import { LoginWorld, testRealm } from "../support/login-world.ts";

type Dict = Record<string, unknown>;
const routerKey = new RouterKey(randomBytes(32));
const refused = wampError("wamp.error.authentication_failed");
/** As the model of these tests has it. */
const wall_ms = (): number => 1_700_000_000_000;

/** A transport whose other end is the negotiator. */
class NegotiatorPeer implements ClientTransport {
  readonly serializer = Serializer.msgpack;
  onFrame: ((bytes: Uint8Array) => void) | null = null;
  onClose: ((close: TransportClose) => void) | null = null;
  identity: Identity | null = null;
  /** Method of the CHALLENGE, if there was one. */
  challenged: string | null = null;
  readonly channelId: (type: "tls-exporter" | "tls-unique") => Uint8Array | null;
  readonly #world: LoginWorld;
  readonly #tls: TlsPeer | undefined;
  #proceed: ((signature: string, extra: Dict) => AuthAnswer | Promise<AuthAnswer>) | null = null;

  constructor(world: LoginWorld, tls?: TlsPeer) {
    this.#world = world;
    this.#tls = tls;
    this.channelId = (type) => tls?.channelId(type) ?? null;
  }

  send(bytes: Uint8Array): void {
    const message = decodeMessage(this.serializer, bytes);
    if (message[0] === 1) this.#answer(this.#begin(message));
    if (message[0] === 5) this.#answer(this.#proceed!(message[1] as string, message[2] as Dict));
  }

  close(): void {}

  #begin([, realm, details]: readonly unknown[]): AuthAnswer | Promise<AuthAnswer> {
    const { authid, authmethods, authrole, authextra = {} } = details as Dict;
    return this.#world.negotiator.begin({
      realm: realm as string,
      authmethods: authmethods as string[],
      authid: authid as string | undefined,
      authrole: authrole as string | undefined,
      authextra: authextra as Dict,
      transport: {
        kind: "websocket",
        peer: "10.1.2.3",
        ...(this.#tls === undefined ? {} : { tls: this.#tls }),
      },
      session: 4711,
    });
  }

  #answer(promised: AuthAnswer | Promise<AuthAnswer>): void {
    void Promise.resolve(promised).then((answer) => {
      if (answer.kind === "abort") return this.#say([3, { message: answer.message }, answer.error]);
      if (answer.kind === "challenge") {
        this.challenged = answer.method;
        this.#proceed = answer.proceed;
        return this.#say([4, answer.method, answer.extra]);
      }
      const { identity, extra } = answer;
      this.identity = identity;
      const { authid, authrole, authmethod } = identity;
      return this.#say([2, 4711, { roles: {}, authid, authrole, authmethod, authextra: extra }]);
    });
  }

  #say(message: readonly unknown[]): void {
    this.onFrame?.(encodeMessage(this.serializer, message));
  }
}

const methods = [
  "cryptosign",
  "wamp-scram",
  "wampcra",
  "password",
  "ticket",
  "oauth2",
  "tls",
  "trust",
  "anonymous",
];
const pair = nacl.sign.keyPair();
const secretKey = Buffer.from(pair.secretKey.subarray(0, 32)).toString("hex");
const issuer = "https://issuer.example.com";

async function world(t: TestContext, realm: Dict = {}) {
  const key = await issuerKey("k1");
  // The methods need the model, which the world makes: they look it up when they are asked.
  const later: { security?: Security; owners?: KeyOwners } = {};
  const security = new Proxy({} as Security, {
    get: (_, name) => {
      const value: unknown = Reflect.get(later.security!, name);
      return typeof value === "function" ? value.bind(later.security) : value;
    },
  });
  const tickets = new TicketService({ security, node: "n1", wall_ms });
  const password: Method = {
    name: "password",
    suits: () => true,
    begin: () => ({ kind: "failed", why: "no passwords in tickets here" }),
  };
  const login = await LoginWorld.make({
    moreMethods: [
      new Cryptosign({ routerKey, owners: { ownerOf: (...asked) => later.owners!.ownerOf(...asked) } }),
      new TicketMethod({ tickets, password }),
      new OAuth2({ model: security, keySets: new KeySets({ now_ms: () => 0 }), wall_ms }),
      tlsCertificate,
    ],
  });
  t.after(() => login.kdf.close());
  later.security = login.security;
  later.owners = new KeyOwners(login.security);
  await login.populate({ issuers: [{ issuer, jwks: { keys: [key.jwk] } }], ...realm }, methods);
  const authorized_keys = [Buffer.from(pair.publicKey).toString("hex")];
  await login.security.updateUser(testRealm, "bob", { authorized_keys });
  const join = async (auth: AuthOptions, tls?: TlsPeer): Promise<[NegotiatorPeer, ClientSession]> => {
    const peer = new NegotiatorPeer(login, tls);
    return [peer, await joinOver(peer, { realm: testRealm, auth })];
  };
  return { login, tickets, key, join };
}

const certificate: ClientCertificate = {
  commonName: "bob",
  fingerprint: "ab".repeat(32),
  names: [],
  validTo_ms: Number.MAX_SAFE_INTEGER,
};
const channel = randomBytes(32);
const tls: TlsPeer = { channelId: (type) => (type === "tls-exporter" ? channel : null), certificate };
const password = "open sesame";

test("every method lets bob in as himself, over one connection or another", async (t) => {
  const { join } = await world(t, {
    password_opts: { protocol: "both", params: { kdf: "pbkdf2", iterations: 4_096 } },
  });
  const cases: [string, AuthOptions][] = [
    ["wamp-scram", { password }],
    ["wamp-scram", { password, methods: ["wamp-scram"], channelBinding: "tls-exporter" }],
    ["wampcra", { password, methods: ["wampcra"] }],
    ["password", { password, methods: ["password"] }],
    ["cryptosign", { secretKey }],
    ["cryptosign", { secretKey, channelBinding: "tls-exporter", routerKey: routerKey.publicKey }],
    ["trust", { methods: ["trust"] }],
    ["tls", { methods: ["tls"] }],
  ];
  for (const [method, auth] of cases) {
    const [peer, session] = await join({ authid: "bob", ...auth }, tls);
    assert.equal(peer.identity?.authmethod, method);
    const { authid, authrole, authmethod } = session.details;
    assert.deepEqual([authid, authrole, authmethod], ["bob", "staff,admins", method]);
  }
  const [anonymous] = await join({});
  assert.equal(anonymous.identity?.authmethod, "anonymous");
});

test("cryptosign without an authid finds the one user who has the key, under the same rules", async (t) => {
  const { join, login } = await world(t);
  const keys = [Buffer.from(pair.publicKey).toString("hex")];
  const [peer, session] = await join({ secretKey });
  assert.deepEqual([peer.identity?.user, session.details.authid], ["bob", "bob"]);
  // Two have it: whose is it?
  await login.security.updateUser(testRealm, "keyed", { authorized_keys: keys });
  await assert.rejects(join({ secretKey }), refused);
  await login.security.deleteUser(testRealm, "keyed");
  await join({ secretKey });
  await login.security.setUserEnabled(testRealm, "bob", false);
  await assert.rejects(join({ secretKey }), refused);
  await login.security.setUserEnabled(testRealm, "bob", true);
  await login.security.updateUser(testRealm, "bob", { authorized_keys: [] });
  await assert.rejects(join({ secretKey }), refused);
  await login.security.updateUser(testRealm, "bob", { authorized_keys: keys });
  await join({ secretKey });
  await login.security.deleteRealm(testRealm, { force: true });
  await login.security.createRealm({ uri: testRealm, authmethods: ["cryptosign"] });
  await login.source("all", "cryptosign", "10.0.0.0/8");
  await assert.rejects(join({ secretKey }), refused);
  await login.security.addUser(testRealm, { username: "ann", authorized_keys: keys });
  assert.equal((await join({ secretKey }))[0].identity?.user, "ann");
});

test("the key of a user whose credentials are in a sign-on realm is that user's where it is one", async (t) => {
  const { join, login } = await world(t);
  const { security } = login;
  const authorized_keys = [Buffer.from(pair.publicKey).toString("hex")];
  await security.updateUser(testRealm, "bob", { authorized_keys: [] });
  await security.createRealm({ uri: "com.acme.sso", is_sso_realm: true });
  await security.updateRealm(testRealm, { sso_realm_uri: "com.acme.sso" });
  for (const username of ["ann", "bob"]) await security.addUser("com.acme.sso", { username });
  await security.addUser(testRealm, { username: "ann", sso_realm_uri: "com.acme.sso" });
  // This bob is another than the one of the realm.
  await security.updateUser("com.acme.sso", "bob", { authorized_keys });
  await assert.rejects(join({ secretKey }), refused);
  await security.updateUser("com.acme.sso", "bob", { authorized_keys: [] });
  await security.updateUser("com.acme.sso", "ann", { authorized_keys });
  const [peer] = await join({ secretKey });
  assert.equal(peer.identity?.user, "ann");
});

test("wamp-scram by argon2id13", async (t) => {
  const params = { kdf: "argon2id13", iterations: 1, memory: 8_192 };
  const { join } = await world(t, { password_opts: { protocol: "scram", params } });
  const [peer] = await join({ authid: "bob", password });
  assert.equal(peer.identity?.authmethod, "wamp-scram");
  await assert.rejects(join({ authid: "bob", password: "wrong one" }), refused);
});

test("the wrong secret is refused by every method, for a user and for nobody alike", async (t) => {
  const { join } = await world(t, {
    password_opts: { protocol: "both", params: { kdf: "pbkdf2", iterations: 4_096 } },
  });
  const other = Buffer.from(nacl.sign.keyPair().secretKey.subarray(0, 32)).toString("hex");
  const cases: AuthOptions[] = [
    { password: "wrong", methods: ["wamp-scram"] },
    { password: "wrong", methods: ["wampcra"] },
    { password: "wrong", methods: ["password"] },
    { password: "wrong", methods: ["ticket"] },
    { secretKey: other },
    { token: "eyJ9.eyJ9.AAAA" },
    { ticket: "eyJ9.eyJ9.AAAA" },
  ];
  for (const auth of cases)
    for (const authid of ["bob", "off", "nobody"])
      await assert.rejects(join({ authid, ...auth }), refused, `${authid} ${JSON.stringify(auth)}`);
  const strange = { ...tls, certificate: { ...certificate, commonName: "eve" } };
  for (const authid of ["bob", "nobody"])
    await assert.rejects(join({ authid, methods: ["tls"] }, strange), refused);
});

test("without a client certificate tls is passed over, for a user and for nobody alike", async (t) => {
  const { join } = await world(t);
  const [peer] = await join({ authid: "bob", password, methods: ["tls", "wampcra"] });
  assert.equal(peer.identity?.authmethod, "wampcra");
  for (const authid of ["bob", "nobody"])
    await assert.rejects(join({ authid, methods: ["tls"] }), wampError("wamp.error.no_matching_auth_method"));
  await assert.rejects(join({ authid: "nobody", password, methods: ["tls", "wampcra"] }), refused);
});

test("a certificate of somebody else is passed over, for a user and for nobody alike", async (t) => {
  const { join } = await world(t);
  const strange = { ...tls, certificate: { ...certificate, commonName: "eve" } };
  const [peer] = await join({ authid: "bob", password, methods: ["tls", "wampcra"] }, strange);
  assert.equal(peer.identity?.authmethod, "wampcra");
  const unknown = new NegotiatorPeer((await world(t)).login, strange);
  const joining = joinOver(unknown, {
    realm: testRealm,
    auth: { authid: "nobody", password, methods: ["tls", "wampcra"] },
  });
  await assert.rejects(joining, refused);
  assert.equal(unknown.challenged, "wampcra");
});

test("a ticket logs its owner in, names itself in the identity, and counts until it is revoked", async (t) => {
  const { join, login, tickets } = await world(t);
  const [peer] = await join({ authid: "bob", password, methods: ["wampcra"] });
  const permission = {
    permissions: ["bondy.issue"],
    uri: "bondy.ticket.scope.local",
    match: "exact",
    roles: ["staff"],
  };
  await login.security.grant(testRealm, permission);
  const { ticket, id } = await tickets.issue({ realm: testRealm, identity: peer.identity! }, {});
  const [again] = await join({ authid: "bobby", ticket });
  assert.equal(again.identity?.ticket, id);
  assert.equal(again.identity?.user, "bob");
  await assert.rejects(join({ authid: "keyed", ticket }), refused);
  await login.security.revokeTicket(testRealm, id);
  await assert.rejects(join({ authid: "bob", ticket }), refused);
});

test("an access token lets in bob, and somebody unknown with the groups of the token; never a user who is disabled", async (t) => {
  const { join, key } = await world(t);
  const exp = wall_ms() / 1_000 + 60;
  const token = (sub: string, roles?: readonly string[]): Promise<string> =>
    key.sign({ iss: issuer, aud: testRealm, sub, exp, ...(roles === undefined ? {} : { roles }) });
  const [bob] = await join({ authid: "bob", token: await token("bob") });
  assert.deepEqual([bob.identity?.user, bob.identity?.roles], ["bob", ["staff", "admins"]]);
  const [less] = await join({ authid: "bob", token: await token("bob", ["staff", "others"]) });
  assert.deepEqual([less.identity?.user, less.identity?.roles], ["bob", ["staff"]]);
  const [eve] = await join({ authid: "eve", token: await token("eve", ["staff"]) });
  assert.deepEqual(
    [eve.identity?.authid, eve.identity?.user, eve.identity?.roles],
    ["eve", undefined, ["staff"]],
  );
  await assert.rejects(join({ authid: "bob", token: await token("eve") }), refused);
  for (const roles of [undefined, ["staff"]])
    await assert.rejects(join({ authid: "off", token: await token("off", roles) }), refused);
});
