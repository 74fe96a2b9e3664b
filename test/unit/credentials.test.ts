import assert from "node:assert/strict";
import { createHash, pbkdf2Sync } from "node:crypto";
import { test } from "node:test";
import { hashPassword, needsUpgrade, scramKeys, verifyPassword } from "../../src/auth/credentials.ts";
import { createKeyDerivation } from "../../src/auth/kdf.ts";
import { saslprep } from "../../src/protocol/saslprep.ts";
import { fillRandom } from "../../src/host.ts";
import { WampError } from "../../src/protocol/errors.ts";
import type { PasswordOptions } from "../../src/security/records.ts";

const kdf = createKeyDerivation({ derivations_max: 64, derivationsRunning_max: 2 });
const pbkdf2 = (protocol: PasswordOptions["protocol"], iterations = 1_000): PasswordOptions => ({
  protocol,
  params: { kdf: "pbkdf2", iterations },
});
const argon2: PasswordOptions = {
  protocol: "scram",
  params: { kdf: "argon2id13", iterations: 1, memory: 256 },
};
const hash = (password: string, options: PasswordOptions) =>
  hashPassword(kdf, password, options, fillRandom, 42);

test("SASLprep does what the examples of RFC 4013 say", () => {
  assert.equal(saslprep("I\u00ADX"), "IX");
  assert.equal(saslprep("user"), "user");
  assert.equal(saslprep("USER"), "USER");
  assert.equal(saslprep("\u00AA"), "a");
  assert.equal(saslprep("\u2168"), "IX");
  assert.equal(saslprep("\u0007"), undefined);
  assert.equal(saslprep("\u0627\u0031"), undefined);
});

test("SASLprep maps spaces, keeps right-to-left text together and forbids what RFC 3454 lists", () => {
  assert.equal(saslprep("a\u00A0b\u3000c"), "a b c");
  assert.equal(saslprep("\u0627\u0031\u0628"), "\u0627\u0031\u0628");
  assert.equal(saslprep("\u0627a\u0628"), undefined);
  assert.equal(saslprep("pa\u0308ss"), "p\u00E4ss");
  assert.equal(saslprep(""), "");
  for (const point of [0x7f, 0xe000, 0xd800, 0x200e, 0xfffd, 0x1ffff, 0xe0041, 0x10ffff]) {
    assert.equal(saslprep(`a${String.fromCodePoint(point)}b`), undefined, point.toString(16));
  }
  assert.equal(saslprep("p\u{1F511}w"), "p\u{1F511}w");
});

test("a password verifies against each kind of record, and no other does", async () => {
  for (const options of [pbkdf2("cra"), pbkdf2("scram"), pbkdf2("both"), argon2]) {
    const credentials = await hash("open sesame", options);
    assert.equal(await verifyPassword(kdf, "open sesame", credentials), true);
    for (const wrong of ["open sesam", "open sesame ", "", "\u00AD", "-", "x".repeat(100_000), "\u0007"]) {
      const before = kdf.count;
      assert.equal(await verifyPassword(kdf, wrong, credentials), false);
      assert.equal(kdf.count - before, 1, "every password costs one derivation");
    }
    assert.ok(!JSON.stringify(credentials).includes("sesame"));
    assert.equal(credentials.changed_ms, 42);
    assert.equal(needsUpgrade(credentials, options), false);
  }
});

test("a record that has neither kind verifies nothing, at the same cost", async () => {
  const { salt, params, changed_ms } = await hash("secret", pbkdf2("cra"));
  const before = kdf.count;
  assert.equal(await verifyPassword(kdf, "secret", { salt, params, changed_ms }), false);
  assert.equal(kdf.count - before, 1);
});

test("two users with one password have different salts and keys", async () => {
  const [one, other] = await Promise.all([hash("secret", pbkdf2("both")), hash("secret", pbkdf2("both"))]);
  assert.notEqual(one.salt, other.salt);
  assert.notEqual(one.cra, other.cra);
  assert.notEqual(one.scram?.stored_key, other.scram?.stored_key);
  assert.equal(Buffer.from(one.salt, "base64").length, 16);
});

test("WAMP-CRA's key is derived from the salt's text, as its clients do; SCRAM's from its bytes", async () => {
  const { salt, cra, scram } = await hash("secret", pbkdf2("both"));
  assert.equal(cra, pbkdf2Sync("secret", salt, 1_000, 32, "sha256").toString("base64"));
  const salted = pbkdf2Sync("secret", Buffer.from(salt, "base64"), 1_000, 32, "sha256");
  assert.equal(scram?.stored_key, scramKeys(salted).storedKey.toString("base64"));
});

test("the keys of RFC 7677's example", () => {
  const salted = pbkdf2Sync("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096, 32, "sha256");
  const { storedKey, serverKey } = scramKeys(salted);
  // As PostgreSQL and others publish them for this example.
  assert.equal(storedKey.toString("base64"), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
  assert.equal(serverKey.toString("base64"), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  assert.equal(createHash("sha256").update(salted).digest().length, 32);
});

test("an upgrade is due when protocol, function, iterations or memory differ", async () => {
  const credentials = await hash("secret", pbkdf2("cra"));
  assert.equal(needsUpgrade(credentials, pbkdf2("cra", 2_000)), true);
  assert.equal(needsUpgrade(credentials, pbkdf2("both")), true);
  assert.equal(needsUpgrade(credentials, argon2), true);
  const memory = await hash("secret", argon2);
  const more: PasswordOptions = {
    protocol: "scram",
    params: { kdf: "argon2id13", iterations: 1, memory: 512 },
  };
  assert.equal(needsUpgrade(memory, more), true);
});

test("what cannot be hashed is refused with wamp.error.invalid_argument, before any derivation", async () => {
  const before = kdf.count;
  const wrong: readonly (readonly [string, PasswordOptions])[] = [
    ["x".repeat(2_000), pbkdf2("cra")],
    ["", pbkdf2("cra")],
    ["\u00AD", pbkdf2("scram")],
    ["bell\u0007", pbkdf2("scram")],
    ["bell\u0007", pbkdf2("both")],
    ["secret", { ...argon2, protocol: "cra" }],
    ["secret", { ...argon2, protocol: "both" }],
    ["secret", { ...argon2, protocol: "none" } as unknown as PasswordOptions],
    ["secret", pbkdf2("cra", 0)],
  ];
  for (const [password, options] of wrong) {
    await assert.rejects(hash(password, options), (cause: unknown) => {
      assert.ok(cause instanceof WampError);
      assert.equal(cause.uri, "wamp.error.invalid_argument");
      assert.ok(password === "" || !cause.message.includes(password));
      return true;
    });
  }
  assert.equal(kdf.count, before);
  // WAMP-CRA knows no prohibited characters.
  assert.equal(await verifyPassword(kdf, "bell\u0007", await hash("bell\u0007", pbkdf2("cra"))), true);
});
