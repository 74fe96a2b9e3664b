// Logins of our client against a router that the test plays, with node:crypto and tweetnacl as the independent side.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, pbkdf2Sync, randomBytes, verify } from "node:crypto";
import test from "node:test";
import { argon2id } from "hash-wasm";
import nacl from "tweetnacl";
import { joinOver } from "../../src/client/join.ts";
import type { AuthOptions } from "../../src/client/options.ts";
import type { ClientSession } from "../../src/client/session.ts";
import { Peer, wampError } from "../support/client-peer.ts";
import { scramTwin, xorBytes } from "../support/scram-twin.ts";

type Dict = Record<string, unknown>;
const violation = wampError("wamp.error.protocol_violation");
const misuse = wampError("wamp.error.invalid_argument");

class Login {
  readonly peer: Peer & { channelId?: (type: string) => Uint8Array | null };
  readonly session: Promise<ClientSession>;

  constructor(auth: AuthOptions, channel?: Uint8Array) {
    this.peer = new Peer();
    if (channel !== undefined) this.peer.channelId = (type) => (type === "tls-exporter" ? channel : null);
    this.session = joinOver(this.peer, { realm: "r", auth });
    this.session.catch(() => {});
  }

  /** The next message that the client says, or null where it gives up. */
  async heard(): Promise<unknown[] | null> {
    while (this.peer.heard.length === 0 && !this.peer.closed)
      await new Promise((resolve) => setTimeout(resolve, 1));
    const text = this.peer.heard.shift();
    return text === undefined ? null : (JSON.parse(text) as unknown[]);
  }

  async hello(): Promise<Dict> {
    const message = await this.heard();
    assert.ok(message !== null && message[0] === 1, "the client says no HELLO");
    return message[2] as Dict;
  }

  async challenge(method: string, extra: Dict): Promise<[signature: string, extra: Dict] | null> {
    this.peer.say(JSON.stringify([4, method, extra]));
    const message = await this.heard();
    if (message === null || message[0] === 3) return null;
    assert.equal(message[0], 5);
    return [message[1] as string, message[2] as Dict];
  }

  welcome(authextra?: Dict): Promise<ClientSession> {
    this.peer.say(JSON.stringify([2, 7, { roles: {}, authextra }]));
    return this.session;
  }
}

test("what is offered follows from what is given, and the password itself is never offered unasked", async () => {
  const offers = async (auth: AuthOptions): Promise<unknown> =>
    (await new Login({ authid: "joe", ...auth }).hello()).authmethods;
  const secretKey = "11".repeat(32);
  assert.deepEqual(await offers({}), ["anonymous"]);
  assert.deepEqual(await offers({ password: "p" }), ["wamp-scram", "wampcra"]);
  assert.deepEqual(await offers({ ticket: "t" }), ["ticket"]);
  assert.deepEqual(await offers({ token: "t" }), ["oauth2"]);
  assert.deepEqual(await offers({ secretKey, password: "p" }), ["cryptosign", "wamp-scram", "wampcra"]);
  assert.deepEqual(await offers({ methods: ["tls", "trust"] }), ["tls", "trust"]);
  const hello = await new Login({ authid: "joe", authrole: "staff", extra: { x_a: 1 } }).hello();
  assert.deepEqual([hello.authid, hello.authrole, hello.authextra], ["joe", "staff", { x_a: 1 }]);
});

test("password, ticket and oauth2 say their secret when they are asked by their name", async () => {
  const cases: [AuthOptions, string, string][] = [
    [{ methods: ["password"], password: "p" }, "password", "p"],
    [{ ticket: "t" }, "ticket", "t"],
    [{ methods: ["ticket"], password: "p" }, "ticket", "p"],
    [{ token: "j.w.t" }, "oauth2", "j.w.t"],
  ];
  for (const [auth, method, secret] of cases) {
    const login = new Login({ authid: "joe", ...auth });
    await login.hello();
    assert.deepEqual(await login.challenge(method, {}), [secret, {}]);
    assert.equal((await login.welcome()).id, 7);
  }
});

test("a method that was not offered, a second CHALLENGE and a WELCOME without one end the login", async () => {
  const other = new Login({ authid: "joe", password: "p" });
  await other.hello();
  assert.equal(await other.challenge("password", {}), null);
  await assert.rejects(other.session, violation);

  const twice = new Login({ authid: "joe", ticket: "t" });
  await twice.hello();
  await twice.challenge("ticket", {});
  assert.equal(await twice.challenge("ticket", {}), null);
  await assert.rejects(twice.session, violation);

  const unasked = new Login({ authid: "joe", password: "p" });
  await unasked.hello();
  await assert.rejects(unasked.welcome(), violation);
  assert.match(unasked.peer.heard[0]!, /^\[3,.*protocol_violation/);

  const open = new Login({ authid: "joe", methods: ["trust"] });
  await open.hello();
  assert.equal((await open.welcome()).id, 7);
});

test("ABORT after CHALLENGE rejects with the router's URI", async () => {
  const login = new Login({ authid: "joe", ticket: "t" });
  await login.hello();
  await login.challenge("ticket", {});
  login.peer.say('[3,{"message":"no"},"wamp.error.authentication_failed"]');
  await assert.rejects(login.session, wampError("wamp.error.authentication_failed", "no"));
});

test("what is missing is said before HELLO, and closes the transport", async () => {
  const cases: AuthOptions[] = [
    { methods: ["password"] },
    { password: "p" },
    { authid: "a", secretKey: "11" },
    { authid: "a", secretKey: "11".repeat(32), routerKey: "x" },
    { authid: "a", secretKey: "11".repeat(32), channelBinding: "tls-exporter" },
  ];
  for (const auth of cases) {
    const login = new Login(auth);
    await assert.rejects(login.session, misuse);
    assert.deepEqual([login.peer.heard, login.peer.closed], [[], true]);
  }
});

test("wampcra signs the challenge with the password, or with the derived key in base64", async () => {
  const challenge = JSON.stringify({ session: 1, nonce: "ü" });
  const plain = new Login({ authid: "joe", methods: ["wampcra"], password: "sécret" });
  await plain.hello();
  const [signature] = (await plain.challenge("wampcra", { challenge }))!;
  assert.equal(signature, createHmac("sha256", "sécret").update(challenge).digest("base64"));

  for (const [given, iterations, length] of [
    [{ iterations: 2_000, keylen: 32 }, 2_000, 32],
    [{ iterations: 50, keylen: 16 }, 50, 16],
    [{}, 1_000, 32],
  ] as const) {
    const salted = new Login({ authid: "joe", methods: ["wampcra"], password: "sécret" });
    await salted.hello();
    const answer = await salted.challenge("wampcra", { challenge, salt: "sa/lt", ...given });
    const key = pbkdf2Sync("sécret", "sa/lt", iterations, length, "sha256").toString("base64");
    assert.equal(answer![0], createHmac("sha256", key).update(challenge).digest("base64"));
  }
});

test("the SCRAM twin of these tests gives the example of RFC 7677", () => {
  const salted = pbkdf2Sync("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096, 32, "sha256");
  const clientNonce = "rOprNGfwEbeRWgbNEkqO";
  const { proof, verifier } = scramTwin(salted, {
    authid: "user",
    clientNonce,
    nonce: `${clientNonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`,
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    iterations: 4096,
    binding: Buffer.from("n,,"),
  });
  assert.equal(proof.toString("base64"), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  assert.equal(verifier.toString("base64"), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
});

const salt = randomBytes(16).toString("base64");
const scramCosts = { kdf: "pbkdf2", iterations: 4_096, memory: null };

async function scramLogin(channel?: Buffer): Promise<{ login: Login; verifier: Buffer }> {
  const binding = channel === undefined ? {} : ({ channelBinding: "tls-exporter" } as const);
  const login = new Login(
    { authid: "j=o,e", password: "pencil", methods: ["wamp-scram"], ...binding },
    channel,
  );
  const { nonce: clientNonce, channel_binding } = (await login.hello()).authextra as Dict;
  assert.equal(channel_binding, channel === undefined ? null : "tls-exporter");
  const nonce = `${String(clientNonce)}${randomBytes(16).toString("base64")}`;
  const answer = await login.challenge("wamp-scram", { nonce, salt, ...scramCosts });
  const salted = pbkdf2Sync("pencil", Buffer.from(salt, "base64"), 4_096, 32, "sha256");
  const { proof, verifier } = scramTwin(salted, {
    authid: "j=3Do=2Ce",
    clientNonce: String(clientNonce),
    nonce,
    salt,
    iterations: 4_096,
    binding:
      channel === undefined ? Buffer.from("n,,") : Buffer.concat([Buffer.from("p=tls-exporter,,"), channel]),
  });
  assert.deepEqual(answer, [
    proof.toString("base64"),
    { nonce, channel_binding, cbind_data: channel?.toString("base64") ?? null },
  ]);
  return { login, verifier };
}

test("wamp-scram proves the password, with and without channel binding, and wants the router's verifier", async () => {
  for (const channel of [undefined, randomBytes(32)]) {
    const { login, verifier } = await scramLogin(channel);
    assert.equal((await login.welcome({ verifier: `v=${verifier.toString("base64")}` })).id, 7);
  }
  const bare = await scramLogin();
  assert.equal((await bare.login.welcome({ verifier: bare.verifier.toString("base64") })).id, 7);
  for (const verifier of [undefined, "", "v=", "v=AAAA", `v=${randomBytes(32).toString("base64")}`]) {
    const { login } = await scramLogin();
    await assert.rejects(login.welcome({ verifier }), violation);
    assert.match(login.peer.heard[0]!, /^\[3,/);
  }
});

test("wamp-scram derives by argon2id13", async () => {
  const login = new Login({ authid: "joe", password: "pencil", methods: ["wamp-scram"] });
  const { nonce: clientNonce } = (await login.hello()).authextra as { nonce: string };
  const nonce = `${clientNonce}AAAA`;
  const answer = await login.challenge("wamp-scram", {
    nonce,
    salt,
    kdf: "argon2id13",
    iterations: 1,
    memory: 1_024,
  });
  const costs = {
    iterations: 1,
    memorySize: 1_024,
    parallelism: 1,
    hashLength: 32,
    outputType: "binary",
  } as const;
  const salted = await argon2id({ password: "pencil", salt: Buffer.from(salt, "base64"), ...costs });
  const exchange = { authid: "joe", clientNonce, nonce, salt, iterations: 1, binding: Buffer.from("n,,") };
  assert.equal(answer![0], scramTwin(Buffer.from(salted), exchange).proof.toString("base64"));
});

test("wamp-scram refuses strange nonces, salts and costs", async () => {
  const strange: ((nonce: string) => Dict)[] = [
    () => ({ nonce: "AAAA" }),
    (nonce) => ({ nonce }),
    () => ({ nonce: 7 }),
    () => ({ salt: "*" }),
    () => ({ salt: undefined }),
    () => ({ kdf: "md5" }),
    () => ({ iterations: 100 }),
    () => ({ iterations: "x" }),
    () => ({ iterations: 2 ** 40 }),
    () => ({ kdf: "argon2id13", iterations: 1, memory: 8 }),
    () => ({ kdf: "argon2id13", iterations: 1, memory: 2 ** 30 }),
    () => ({ kdf: "argon2id13", iterations: 10_000, memory: 2_048 }),
  ];
  for (const change of strange) {
    const login = new Login({ authid: "joe", password: "pencil", methods: ["wamp-scram"] });
    const { nonce } = (await login.hello()).authextra as { nonce: string };
    const challenge = { nonce: `${nonce}AAAA`, salt, ...scramCosts, ...change(nonce) };
    assert.equal(await login.challenge("wamp-scram", challenge), null);
    await assert.rejects(login.session, violation);
  }
});

// The specification's vectors: authentication_cryptosign.md, "Test Vectors".
const secretKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const challenge = "ff".repeat(32);
const channel = Buffer.from("62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff", "hex");

test("cryptosign signs as the specification's vectors say, with and without channel binding", async () => {
  const plain = new Login({ secretKey });
  const { pubkey } = (await plain.hello()).authextra as { pubkey: string };
  const [signature] = (await plain.challenge("cryptosign", { challenge, channel_binding: null }))!;
  assert.equal(
    signature,
    `b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03${challenge}`,
  );
  const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(pubkey, "hex").toString("base64url") };
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const signed = Buffer.from(signature, "hex");
  assert.ok(verify(null, signed.subarray(64), key, signed.subarray(0, 64)));
  assert.equal((await plain.welcome()).id, 7);

  const bound = new Login({ secretKey, channelBinding: "tls-exporter" }, channel);
  assert.equal(((await bound.hello()).authextra as Dict).channel_binding, "tls-exporter");
  const answer = await bound.challenge("cryptosign", { challenge, channel_binding: "tls-exporter" });
  assert.equal(
    answer![0],
    "9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00",
  );
});

test("cryptosign refuses a router that leaves the channel binding out, or sends no challenge", async () => {
  const unbound = new Login({ secretKey, channelBinding: "tls-exporter" }, channel);
  await unbound.hello();
  assert.equal(await unbound.challenge("cryptosign", { challenge, channel_binding: null }), null);
  await assert.rejects(unbound.session, violation);
  for (const strange of [undefined, 7, "", "ff", "zz".repeat(32), "ff".repeat(33)]) {
    const login = new Login({ secretKey });
    await login.hello();
    assert.equal(await login.challenge("cryptosign", { challenge: strange }), null);
    await assert.rejects(login.session, violation);
  }
});

test("cryptosign has the router prove its key where it is given", async () => {
  const router = nacl.sign.keyPair();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const prove = async (
    answer: (message: Buffer) => Dict,
    bound = false,
  ): Promise<[signature: string, extra: Dict] | null> => {
    const binding = bound ? ({ channelBinding: "tls-exporter" } as const) : {};
    const login = new Login({ secretKey, routerKey: hex(router.publicKey), ...binding }, channel);
    const extra = (await login.hello()).authextra as Dict;
    const asked = Buffer.from(String(extra.challenge), "hex");
    assert.equal(asked.length, 32);
    const channel_binding = bound ? "tls-exporter" : null;
    return login.challenge("cryptosign", { challenge, channel_binding, ...answer(asked) });
  };
  const sign = (message: Uint8Array): string => hex(nacl.sign.detached(message, router.secretKey));
  const pubkey = hex(router.publicKey);
  assert.ok(await prove((asked) => ({ pubkey, signature: sign(asked) })));
  assert.ok(await prove((asked) => ({ pubkey, signature: sign(asked) + hex(asked) })));
  const overChannel = (asked: Buffer): Uint8Array => xorBytes(asked, channel);
  assert.ok(await prove((asked) => ({ pubkey, signature: sign(overChannel(asked)) }), true));
  assert.equal(await prove((asked) => ({ pubkey, signature: sign(asked) }), true), null);
  assert.equal(await prove(() => ({})), null);
  assert.equal(await prove(() => ({ pubkey, signature: sign(randomBytes(32)) })), null);
  assert.equal(await prove((asked) => ({ pubkey, signature: sign(asked) + "00".repeat(32) })), null);
  const other = nacl.sign.keyPair();
  const foreign = (asked: Buffer): Dict => ({
    pubkey: hex(other.publicKey),
    signature: hex(nacl.sign.detached(asked, other.secretKey)),
  });
  assert.equal(await prove(foreign), null);
});

test("wamp-scram prepares the password, and refuses one that cannot be", async () => {
  const login = new Login({ authid: "joe", password: "pencil\u0007", methods: ["wamp-scram"] });
  const { nonce } = (await login.hello()).authextra as { nonce: string };
  assert.equal(await login.challenge("wamp-scram", { nonce: `${nonce}AAAA`, salt, ...scramCosts }), null);
  await assert.rejects(login.session, misuse);
});
