import assert from "node:assert/strict";
import { test } from "node:test";
import { scramKeys } from "../../src/auth/credentials.ts";
import { authMessage, pythonBytes, verifyProof } from "../../src/auth/scram.ts";
import type { TlsPeer } from "../../src/ports.ts";
import {
  clientNonce,
  type Hello,
  isRefused,
  LoginWorld,
  proveScram,
  testRealm,
} from "../support/login-world.ts";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

const scram: Hello = { methods: ["wamp-scram"], authid: "bob", authextra: { nonce: clientNonce } };
const world = () => LoginWorld.make().then((made) => made.populate({}, ["wamp-scram", "wampcra"]));
const exporter = Buffer.alloc(32, 9);
const tls: TlsPeer = { channelId: (type) => (type === "tls-exporter" ? exporter : null) };

test("the exchange of RFC 7677, with its nonces, proof and verifier", () => {
  const exchange = {
    authid: "user",
    clientNonce: "rOprNGfwEbeRWgbNEkqO",
    nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    iterations: 4096,
    binding: null,
  };
  const { storedKey } = scramKeys(
    pbkdf2Sync("pencil", Buffer.from(exchange.salt, "base64"), exchange.iterations, 32, "sha256"),
  );
  const proof = Buffer.from("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "base64");
  assert.equal(verifyProof(storedKey, authMessage(exchange), proof), true);
  assert.equal(verifyProof(storedKey, authMessage({ ...exchange, authid: "other" }), proof), false);
  proof[0]! ^= 1;
  assert.equal(verifyProof(storedKey, authMessage(exchange), proof), false);
});

test("the proof lets in, and WELCOME's verifier shows that the router knows the user", async () => {
  const made = await world();
  const { extra, proceed } = await made.challenged(scram);
  assert.deepEqual(Object.keys(extra).sort(), ["iterations", "kdf", "memory", "nonce", "salt"]);
  assert.ok(String(extra["nonce"]).startsWith(clientNonce));
  assert.equal(extra["kdf"], "pbkdf2");
  assert.equal(extra["memory"], null);
  const { proof, verifier } = proveScram(extra, "open sesame", "bob");
  const answer = await proceed(proof, { nonce: extra["nonce"] });
  assert.ok(answer.kind === "welcome", JSON.stringify(answer));
  assert.deepEqual(answer.extra, { meta: { floor: 3 }, verifier });
  assert.equal(answer.identity.authmethod, "wamp-scram");
  await made.close();
});

test("Argon2id is announced with its memory", async () => {
  const made = await LoginWorld.make();
  const params = { kdf: "argon2id13", iterations: 1, memory: 256 };
  await made.populate({ password_opts: { protocol: "scram", params } }, ["wamp-scram"]);
  for (const authid of ["bob", "nobody"]) {
    const { extra } = await made.challenged({ ...scram, authid });
    const { kdf, iterations, memory } = extra;
    assert.deepEqual({ kdf, iterations, memory }, params);
  }
  await made.close();
});

test("names with commas and equal signs are escaped in what is signed, and prepared", () => {
  const exchange = { clientNonce: "c", nonce: "cs", salt: "s", iterations: 1, binding: null };
  assert.equal(
    authMessage({ ...exchange, authid: "a,b=c\u00AD" }),
    "n=a=2Cb=3Dc,r=c,r=cs,s=s,i=1,c=biws,r=cs",
  );
});

test("a client that sends no proper nonce is told so, whoever it is", async () => {
  const made = await world();
  const nonces = [
    undefined,
    null,
    5,
    "",
    "AAAA",
    "not base64!",
    "AAAAAAAAAAA",
    "A".repeat(4_000),
    "AAAAAAAAAAB=",
  ];
  for (const nonce of nonces) {
    for (const authid of ["bob", "nobody"]) {
      const answer = await made.hello({ ...scram, authid, authextra: nonce === undefined ? {} : { nonce } });
      assert.ok(answer.kind === "abort", String(nonce));
      assert.equal(answer.error, "wamp.error.invalid_argument");
      assert.match(answer.message, /authextra.nonce/);
    }
  }
  await made.close();
});

test("a proof is refused with another nonce, another length, another alphabet, or on another challenge", async () => {
  const made = await world();
  type Spoil = (proof: string, nonce: unknown) => readonly [string, Readonly<Record<string, unknown>>];
  const spoilt: readonly Spoil[] = [
    (proof) => [proof, {}],
    (proof) => [proof, { nonce: clientNonce }],
    (proof, nonce) => [proof, { nonce: `${nonce}A` }],
    (proof, nonce) => [proof, { nonce: [nonce] }],
    (proof, nonce) => [proof.slice(0, -4), { nonce }],
    (proof, nonce) => [proof.replace("=", ""), { nonce }],
    (proof, nonce) => [`${proof}${proof}`, { nonce }],
    (proof, nonce) => ["A".repeat(1 << 20) + proof, { nonce }],
    (_, nonce) => ["", { nonce }],
    (_, nonce) => [Buffer.alloc(32).toString("base64"), { nonce }],
    (proof, nonce) => [proof, { nonce, channel_binding: "tls-exporter" }],
    (proof, nonce) => [proof, { nonce, cbind_data: "AAAA" }],
  ];
  for (const spoil of spoilt) {
    const { extra, proceed } = await made.challenged(scram);
    const { proof } = proveScram(extra, "open sesame", "bob");
    isRefused(await proceed(...spoil(proof, extra["nonce"])));
  }
  const first = await made.challenged(scram);
  const second = await made.challenged(scram);
  const { proof } = proveScram(first.extra, "open sesame", "bob");
  isRefused(await second.proceed(proof, { nonce: first.extra["nonce"] }));
  isRefused(await made.login(scram, "wrong"));
  await made.close();
});

test("unknown, disabled and keyless users meet the same challenge, no derivation, and the same answer", async () => {
  const made = await world();
  const derived = made.kdf.count;
  const shape = async (authid: string, secret: string) => {
    const { method, extra, proceed } = await made.challenged({ ...scram, authid });
    const { proof } = proveScram(extra, secret, authid);
    isRefused(await proceed(proof, { nonce: extra["nonce"] }));
    return [method, Object.entries(extra).map(([key, value]) => [key, typeof value, String(value).length])];
  };
  const wrong = await shape("bob", "wrong");
  for (const authid of ["nobody", "off", "keyed"]) {
    assert.deepEqual(await shape(authid, "open sesame"), wrong);
  }
  assert.equal(made.kdf.count, derived);
  await made.close();
});

test("a login bound to the TLS connection needs the connection's own bytes", async () => {
  const made = await world();
  const bound: Hello = { ...scram, tls, authextra: { nonce: clientNonce, channel_binding: "tls-exporter" } };
  const answer = async (cbind: Buffer<ArrayBuffer>, data: string, type: string | null = "tls-exporter") => {
    const { extra, proceed } = await made.challenged(bound);
    const { proof } = proveScram(extra, "open sesame", "bob", { gs2: "p=tls-exporter,,", cbind });
    return proceed(proof, { nonce: extra["nonce"], channel_binding: type, cbind_data: data });
  };
  const right = exporter.toString("base64");
  assert.equal((await answer(exporter, right)).kind, "welcome");
  const other = Buffer.alloc(32, 8);
  isRefused(await answer(other, other.toString("base64")));
  isRefused(await answer(exporter, other.toString("base64")));
  isRefused(await answer(other, right));
  isRefused(await answer(exporter, right, null));
  isRefused(await answer(exporter, "A".repeat(10_000)));
  await made.close();
});

test("a binding that the connection does not have is refused before any challenge", async () => {
  const made = await world();
  const cases: readonly (readonly [unknown, TlsPeer | undefined])[] = [
    ["tls-exporter", undefined],
    ["tls-unique", tls],
    ["tls-server-end-point", tls],
    [7, tls],
  ];
  for (const [channel_binding, peer] of cases) {
    const authextra = { nonce: clientNonce, channel_binding };
    const answer = await made.hello({ ...scram, authextra, ...(peer === undefined ? {} : { tls: peer }) });
    assert.ok(answer.kind === "abort", String(channel_binding));
    assert.equal(answer.error, "wamp.error.invalid_argument");
  }
  assert.equal(made.security.user(testRealm, "bob")?.username, "bob");
  await made.close();
});

// ---- the form of autobahn-python, under its own name

const alias: Hello = { ...scram, methods: ["scram"] };
type Dict = Readonly<Record<string, unknown>>;

/** As autobahn-python answers: `auth_message` with the salt as Python shows it, and no GS2 header. */
function proveAlias(extra: Dict, secret: string, authid: string): { proof: string; signature: string } {
  const sign = (key: Uint8Array, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const salt = extra["salt"] as Uint8Array;
  const salted = pbkdf2Sync(secret, salt, Number(extra["iterations"]), 32, "sha256");
  const clientKey = sign(salted, "Client Key");
  const nonce = String(extra["nonce"]);
  const shown = pythonBytes(salt);
  const message = `n=${authid},r=${clientNonce},r=${nonce},s=${shown},i=${extra["iterations"]},c=,r=${nonce}`;
  const mask = sign(createHash("sha256").update(clientKey).digest(), message);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ mask[index]!)).toString("base64");
  return { proof, signature: sign(sign(salted, "Server Key"), message).toString("base64") };
}

test("bytes are shown as Python shows them", () => {
  const shown = (text: string): string => pythonBytes(Buffer.from(text, "latin1"));
  assert.equal(shown("a b~"), "b'a b~'");
  assert.equal(shown("\t\n\r\\"), "b'\\t\\n\\r\\\\'");
  assert.equal(shown("\u0000\u001f\u007f\u00ff"), "b'\\x00\\x1f\\x7f\\xff'");
  assert.equal(shown("it's"), 'b"it\'s"');
  assert.equal(shown("'\""), "b'\\'\"'");
  assert.equal(shown('"'), "b'\"'");
});

test("as `scram`, WAMP-SCRAM speaks as autobahn-python does, and says that name back", async () => {
  const made = await world();
  const { method, extra, proceed } = await made.challenged(alias);
  assert.equal(method, "scram");
  assert.deepEqual(Object.keys(extra).sort(), ["iterations", "kdf", "nonce", "salt"]);
  const { proof, signature } = proveAlias(extra, "open sesame", "bob");
  const answer = await proceed(proof, {});
  assert.ok(answer.kind === "welcome", JSON.stringify(answer));
  assert.deepEqual(answer.extra, { meta: { floor: 3 }, scram_server_signature: signature });
  assert.equal(answer.identity.authmethod, "scram");
  await made.close();
});

test("neither form takes the other's proof, and the specification's is preferred where both are offered", async () => {
  const made = await world();
  const other = await made.challenged(alias);
  const salt = Buffer.from(other.extra["salt"] as Uint8Array).toString("base64");
  const { proof } = proveScram({ ...other.extra, salt }, "open sesame", "bob");
  isRefused(await other.proceed(proof, { nonce: other.extra["nonce"] }));
  for (const methods of [
    ["scram", "wamp-scram"],
    ["wamp-scram", "scram"],
  ]) {
    const { method, extra, proceed } = await made.challenged({ ...scram, methods });
    assert.equal(method, "wamp-scram");
    const bytes = Buffer.from(String(extra["salt"]), "base64");
    const answer = proveAlias({ ...extra, salt: bytes }, "open sesame", "bob");
    isRefused(await proceed(answer.proof, { nonce: extra["nonce"] }));
  }
  await made.close();
});

test("as `scram` too, who is unknown, disabled or has no password is led the same way", async () => {
  const made = await world();
  const seen = new Set<string>();
  for (const authid of ["bob", "nobody", "off", "keyed"]) {
    const { method, extra, proceed } = await made.challenged({ ...alias, authid });
    const { nonce, salt, ...rest } = extra;
    const { length } = salt as Uint8Array;
    seen.add(JSON.stringify([method, rest, String(nonce).length, length]));
    for (const wrong of [proveAlias(extra, "wrong", authid).proof]) isRefused(await proceed(wrong, {}));
  }
  assert.equal(seen.size, 1);
  isRefused(await (await made.challenged(alias)).proceed("", {}));
  const nonceless = await made.hello({ ...alias, authextra: {} });
  assert.ok(nonceless.kind === "abort" && nonceless.error === "wamp.error.invalid_argument");
  await made.close();
});

test("as `scram`, a realm that hashes with Argon2id refuses everybody, and says why", async () => {
  const made = await LoginWorld.make();
  const params = { kdf: "argon2id13", iterations: 1, memory: 256 };
  await made.populate({ password_opts: { protocol: "scram", params } }, ["wamp-scram"]);
  const answers = await Promise.all(["bob", "nobody"].map((authid) => made.hello({ ...alias, authid })));
  assert.deepEqual(answers[0], answers[1]);
  assert.match(JSON.stringify(answers[0]), /Argon2id.*offer wamp-scram/);
  await made.close();
});
