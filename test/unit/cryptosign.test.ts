import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import test from "node:test";
import nacl from "tweetnacl";
import { Cryptosign } from "../../src/auth/cryptosign.ts";
import type { MethodAnswer } from "../../src/auth/method.ts";
import { keptRouterKey, RouterKey } from "../../src/auth/router-key.ts";
import type { Store, StoreChange } from "../../src/ports.ts";
import { answered, type LoginGiven, loginOf, principalOf, userRecord } from "../support/security-double.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: unknown): Buffer => Buffer.from(String(text), "hex");
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, at) => byte ^ b[at]!));
const routerKey = new RouterKey(randomBytes(32));
const method = new Cryptosign({ routerKey });
const pair = nacl.sign.keyPair();
const pubkey = hex(pair.publicKey);
const joe = principalOf("com.example", userRecord("joe", { authorized_keys: ["00".repeat(32), pubkey] }));
const channel = randomBytes(32);
const tls = { channelId: (type: string) => (type === "tls-exporter" ? channel : null) };

const sign = (message: Uint8Array): string => hex(nacl.sign.detached(message, pair.secretKey));
const whole = (message: Uint8Array): string => sign(message) + hex(message);
const login = (given: LoginGiven) =>
  loginOf({ authid: "joe", authextra: { pubkey }, principal: joe, ...given });

async function kindOf(given: LoginGiven, signature: (challenge: Buffer) => string): Promise<string> {
  const answer = await answered(method.begin(login(given)), ({ challenge }) => signature(bytes(challenge)));
  return answer.kind === "failed" ? answer.why : answer.kind;
}

// authentication_cryptosign.md, "Test Vectors": [channel id, private key, challenge, signature with message].
const channelId = "62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff";
const keys = [
  "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510",
  "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd",
  "6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b",
];
const challenges = [
  "ff".repeat(32),
  "b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
  "b05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
];
const signatures = [
  "b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "d4209ad10d5aff6bfbc009d7e924795de138a63515efc7afc6b01b7fe5201372190374886a70207b042294af5bd64ce725cd8dceb344e6d11c09d1aaaf4d660fb26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
  "7beb282184baadd08f166f16dd683b39cab53816ed81e6955def951cb2ddad1ec184e206746fd82bda075af03711d3d5658fc84a76196b0fa8d1ebc92ef9f30bb05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
  "9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00",
  "305aaa3ac25e98f651427688b3fc43fe7d8a68a7ec1d7d61c61517c519bd4a427c3015599d83ca28b4c652333920223844ef0725eb5dc2febfd6af7677b73f01d0852a29b460fc92ec943242ac638a053bbacc200512b18b30d15083cbdc9282",
  "ee3c7644fd8070532bc1fde3d70d742267da545d8c8f03e63bda63f1ad4214f4d2c4bfdb4eb9526def42deeb7e31602a6ff99eba893e0a4ad4d45892ca75e608d2b75e24a189a7f78ca776ba36fc53f6c3e31c32f251f2c524f0a44202f2902d",
];

test("the six vectors of the specification log in, and none of them in the other's place", async () => {
  for (const [index, signature] of signatures.entries()) {
    const key = nacl.sign.keyPair.fromSeed(bytes(keys[index % 3]));
    const fixed = new Cryptosign({ routerKey, newChallenge: () => bytes(challenges[index % 3]) });
    const bound = index >= 3 ? { channel_binding: "tls-unique" } : {};
    const given = {
      authid: "joe",
      authextra: { pubkey: hex(key.publicKey), ...bound },
      principal: principalOf("r", userRecord("joe", { authorized_keys: [hex(key.publicKey)] })),
      tls: { channelId: () => bytes(channelId) },
    };
    const answers = signatures.map((other) => answered(fixed.begin(loginOf(given)), other));
    const kinds = (await Promise.all(answers)).map(({ kind }) => kind);
    assert.deepEqual(
      kinds,
      signatures.map((other) => (other === signature ? "proved" : "failed")),
    );
  }
});

test("96 bytes or the bare 64 prove it, in hex of either case", async () => {
  assert.equal(await kindOf({}, whole), "proved");
  assert.equal(await kindOf({}, sign), "proved");
  assert.equal(await kindOf({}, (message) => whole(message).toUpperCase()), "proved");
  assert.equal(await kindOf({ authextra: { pubkey: pubkey.toUpperCase() } }, whole), "proved");
});

test("autobahn-js and wampy sign as the router wants it", async () => {
  const load = createRequire(import.meta.url);
  const { auth_cryptosign } = load("autobahn") as {
    auth_cryptosign: { sign_challenge(key: object, extra: object): string };
  };
  const { sign: wampySign } = await import("wampy/cryptosign.js");
  const wampy = wampySign(hex(pair.secretKey)) as (method: string, extra: object) => string;
  const signers: ((challenge: Buffer) => string)[] = [
    (challenge) => auth_cryptosign.sign_challenge(pair, { challenge: hex(challenge) }),
    (challenge) => wampy("cryptosign", { challenge: hex(challenge) }),
  ];
  // What autobahn says beside the key.
  const authextra = {
    pubkey,
    trustroot: null,
    challenge: null,
    channel_binding: null,
    activation_code: null,
  };
  for (const signer of signers) assert.equal(await kindOf({ authextra }, signer), "proved");
});

test("a signature over anything but this challenge is refused", async () => {
  const earlier = randomBytes(32);
  const notIt = "another message was signed than the challenge";
  assert.equal(await kindOf({}, () => whole(earlier)), notIt);
  assert.equal(await kindOf({}, () => sign(earlier)), "the signature is wrong");
  assert.equal(await kindOf({}, (message) => sign(message) + hex(earlier)), notIt);
  assert.equal(await kindOf({}, (message) => sign(earlier) + hex(message)), "the signature is wrong");
  const other = nacl.sign.keyPair();
  const foreign = (message: Buffer): string =>
    hex(nacl.sign.detached(message, other.secretKey)) + hex(message);
  assert.equal(await kindOf({}, foreign), "the signature is wrong");
});

test("what is no signature is refused, however long it is", async () => {
  const strange = [
    "",
    "00",
    "zz".repeat(64),
    "00".repeat(63),
    "00".repeat(95),
    "00".repeat(97),
    "0".repeat(1 << 20),
  ];
  for (const text of strange)
    assert.equal(await kindOf({}, () => text), "the signature is not 64 or 96 bytes in hex");
  assert.equal(
    await kindOf({}, (message) => whole(message).slice(0, -2)),
    "the signature is not 64 or 96 bytes in hex",
  );
});

test("an unknown user, one without keys and a key of somebody else end the same way, after the same steps", async () => {
  const steps = async (given: LoginGiven): Promise<[string[], MethodAnswer]> => {
    const first = await method.begin(login(given));
    assert.equal(first.kind, "challenge");
    const end = await answered(first, ({ challenge }) => whole(bytes(challenge)));
    return [first.kind === "challenge" ? Object.keys(first.extra) : [], end];
  };
  const none = principalOf("com.example", userRecord("ann"));
  const cases = await Promise.all([
    steps({ principal: undefined, authid: "nobody" }),
    steps({ principal: none, authid: "ann" }),
    steps({
      principal: principalOf("com.example", userRecord("ann", { authorized_keys: ["11".repeat(32)] })),
    }),
  ]);
  for (const [extra, end] of cases) {
    assert.deepEqual(extra, ["challenge", "channel_binding"]);
    assert.deepEqual(end, { kind: "failed", why: "the key is none of the user's" });
  }
  assert.deepEqual([method.suits(login({})), method.suits(login({ principal: none }))], [true, false]);
});

test("a key of small order proves nothing, even where it is a user's", async () => {
  const weak = `01${"00".repeat(31)}`;
  const principal = principalOf("r", userRecord("joe", { authorized_keys: [weak] }));
  const answer = await kindOf(
    { authextra: { pubkey: weak }, principal },
    (message) => weak + "00".repeat(32) + hex(message),
  );
  assert.equal(answer, "the signature is wrong");
});

test("with channel binding the challenge XOR the channel's id must be signed, and nothing else", async () => {
  const given = { authextra: { pubkey, channel_binding: "tls-exporter" }, tls };
  assert.equal(await kindOf(given, (challenge) => whole(xor(challenge, channel))), "proved");
  assert.equal(await kindOf(given, (challenge) => sign(xor(challenge, channel))), "proved");
  // What a man in the middle has: the client's signature over his own channel, or none.
  assert.notEqual(await kindOf(given, whole), "proved");
  assert.notEqual(await kindOf(given, (challenge) => whole(xor(challenge, randomBytes(32)))), "proved");
  const first = await method.begin(login(given));
  assert.equal(first.kind === "challenge" && first.extra["channel_binding"], "tls-exporter");
});

test("what HELLO asks for and cannot be had is refused with the reason, before any challenge", async () => {
  const cases: [LoginGiven, RegExp][] = [
    [{ authextra: {} }, /pubkey/],
    [{ authextra: { pubkey: 7 } }, /pubkey/],
    [{ authextra: { pubkey: "11" } }, /pubkey/],
    [{ authextra: { pubkey: "1".repeat(1 << 20) } }, /pubkey/],
    [{ authid: undefined, principal: undefined }, /authid/],
    [{ authextra: { pubkey, challenge: "11" } }, /challenge/],
    [
      { authextra: { pubkey, channel_binding: "tls-exporter" } },
      /no channel binding of the type tls-exporter/,
    ],
    [
      { authextra: { pubkey, channel_binding: "tls-unique" }, tls },
      /no channel binding of the type tls-unique/,
    ],
    [{ authextra: { pubkey, channel_binding: "tls-server-end-point" }, tls }, /neither/],
    [{ authextra: { pubkey, channel_binding: {} }, tls }, /neither/],
  ];
  for (const [given, message] of cases) {
    const answer = await method.begin(login(given));
    assert.equal(answer.kind, "abort");
    assert.match(answer.kind === "abort" ? answer.message : "", message);
  }
});

test("the router signs the client's challenge with the key that it keeps", async () => {
  const asked = randomBytes(32);
  for (const bound of [false, true]) {
    const binding = bound ? { channel_binding: "tls-exporter" } : {};
    const first = await method.begin(
      login({ authextra: { pubkey, challenge: hex(asked), ...binding }, tls }),
    );
    assert.ok(first.kind === "challenge");
    const message = bound ? xor(asked, channel) : asked;
    const signed = bytes(first.extra["signature"]);
    assert.equal(first.extra["pubkey"], routerKey.publicKey);
    assert.deepEqual(signed.subarray(64), message);
    const key = bytes(routerKey.publicKey);
    assert.ok(nacl.sign.detached.verify(message, signed.subarray(0, 64), key));
  }
});

test("the router's key is made once and kept", async () => {
  const kept = new Map<string, Uint8Array>();
  const store: Store = {
    get: (key) => kept.get(key),
    entries: () => [],
    commit: async (changes: readonly StoreChange[]) => {
      for (const { key, value } of changes) kept.set(key, value!);
    },
    backup: async () => {},
    close: async () => {},
  };
  const first = await keptRouterKey(store);
  assert.equal((await keptRouterKey(store)).publicKey, first.publicKey);
  assert.notEqual(first.publicKey, routerKey.publicKey);
});
