/** What the security model is given: every shape that Bondy takes, and what it must not take. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { Check } from "../../src/security/check.ts";
import { normalCidr } from "../../src/security/cidr.ts";
import { readGrant } from "../../src/security/grant-shape.ts";
import { keyFromPem } from "../../src/security/keys.ts";
import { readRealm } from "../../src/security/realm-shape.ts";
import { readGroup, readSource, readUser } from "../../src/security/shapes.ts";

type Read<T> = (check: Check) => T;
const problemsOf = (read: Read<unknown>): readonly string[] => {
  const check = new Check();
  read(check);
  return check.problems;
};
const sound = <T>(read: Read<T>): T => {
  const check = new Check();
  const result = read(check);
  assert.deepEqual(check.problems, []);
  return result;
};

test("networks have one normal form, of IPv4, IPv6 and IPv4 inside IPv6", () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    "10.1.2.3/8": "10.0.0.0/8",
    "0.0.0.0/0": "0.0.0.0/0",
    "192.168.7.9": "192.168.7.9/32",
    "192.168.7.9/31": "192.168.7.8/31",
    "FD00:1::1/8": "fd00::/8",
    "::1": "::1/128",
    "::/0": "::/0",
    "::ffff:10.1.2.3/104": "10.0.0.0/8",
    "::ffff:10.1.2.3": "10.1.2.3/32",
    "10.0.0.0/33": undefined,
    "::1/129": undefined,
    "10.1/8": undefined,
    "010.0.0.0/8": undefined,
    "0x0a.0.0.0/8": undefined,
    "fe80::1%eth0/64": undefined,
    "10.0.0.0/": undefined,
    "10.0.0.0/-1": undefined,
    "": undefined,
    localhost: undefined,
  };
  for (const [given, normal] of Object.entries(cases)) assert.equal(normalCidr(given), normal, given);
});

test("resources are read as Bondy reads them, and any, * and the empty URI are everything", () => {
  const resource = (uri: unknown, match?: string) =>
    sound((check) => readGrant(check, { permissions: ["wamp.call"], roles: "all", uri, match }, "", false))
      .resources[0];
  assert.deepEqual(resource("com.a"), { uri: "com.a", match: "exact" });
  assert.deepEqual(resource("com..a"), { uri: "com..a", match: "wildcard" });
  assert.deepEqual(resource("com.a.", "prefix"), { uri: "com.a.", match: "prefix" });
  assert.deepEqual(resource("com.*.get", "wildcard"), { uri: "com..get", match: "wildcard" });
  assert.deepEqual(resource("*.a.*", "wildcard"), { uri: ".a.", match: "wildcard" });
  assert.deepEqual(resource("com.a*.get", "wildcard"), { uri: "com.a*.get", match: "wildcard" });
  for (const uri of ["", "*", "any"]) assert.deepEqual(resource(uri), { uri: "", match: "prefix" });
});

test("a grant names its resources in one of two forms", () => {
  const grant = sound((check) =>
    readGrant(
      check,
      {
        permissions: ["wamp.call", "bondy.issue", "wamp.call"],
        resources: [
          { uri: "a.b", match: "exact" },
          { uri: "a.", match: "prefix" },
        ],
        roles: ["User/Bob", "group/staff", "x"],
      },
      "",
      false,
    ),
  );
  assert.deepEqual(grant.roles, ["user/bob", "group/staff", "x"]);
  assert.deepEqual(grant.permissions, ["bondy.issue", "wamp.call"]);
  assert.equal(grant.resources.length, 2);
  const both = { permissions: ["wamp.call"], roles: "all", uri: "a", resources: [{ uri: "b" }] };
  assert.match(problemsOf((check) => readGrant(check, both, "", false))[0] ?? "", /one form or the other/);
});

test("all problems of an input are told at once, each with its path", () => {
  const problems = problemsOf((check) =>
    readRealm(
      check,
      {
        uri: "com.a b",
        authmethod: ["password"],
        authmethods: ["wampCRA"],
        users: [{ username: "al", pasword: "secret1", password: "short" }, { username: "all" }],
        sources: [{ usernames: "all", authmethod: "trust", cidr: "10.0.0.0/40" }],
        grants: [{ permissions: [], roles: [], uri: "a b", effect: "deny" }],
      },
      "[0]",
    ),
  );
  const told = problems.join("\n");
  for (const expected of [
    /^\[0\]\.uri: is not a URI/m,
    /^\[0\]: unknown key "authmethod" \(did you mean "authmethods"\?\)/m,
    /^\[0\]\.authmethods\[0\]: must be one of .* is "wampCRA" \(did you mean "wampcra"\?\)/m,
    /^\[0\]\.users\[0\]: unknown key "pasword" \(did you mean "password"\?\)/m,
    /^\[0\]\.users\[0\]\.username: is shorter than 3 bytes/m,
    /^\[0\]\.users\[0\]\.password: must have 6 to 254 bytes/m,
    /^\[0\]\.users\[1\]\.username: "all" is reserved/m,
    /^\[0\]\.sources\[0\]\.cidr: must be a network/m,
    /^\[0\]\.grants\[0\]\.permissions: must name at least one/m,
    /^\[0\]\.grants\[0\]\.roles: must name at least one/m,
    /^\[0\]\.grants\[0\]\.uri: has white space/m,
    /^\[0\]\.grants\[0\]\.effect: only a realm with rbac/m,
  ])
    assert.match(told, expected);
  assert.ok(!told.includes("secret1") && !told.includes('short"'), "no password is told");
});

test("names are folded to one, and have no characters that look like nothing", () => {
  const name = (username: unknown) => sound((check) => readUser(check, { username }, "")).username;
  assert.equal(name("Bob"), "bob");
  assert.equal(name("cafe\u0301"), name("CAF\u00c9"));
  for (const username of [
    "a b",
    "a\u0000bc",
    "a<bc",
    "a=bc",
    "a\u00a0bc",
    "a\u2028bc",
    "abc\ud800",
    "Any",
    "x".repeat(255),
    5,
    null,
    "",
    "a\u200bb\n",
  ])
    assert.notDeepEqual(
      problemsOf((check) => readUser(check, { username }, "")),
      [],
      JSON.stringify(username),
    );
  assert.match(problemsOf((check) => readGroup(check, { name: "a,b" }, ""))[0] ?? "", /comma/);
});

test("metadata is JSON, of bounded size and depth, and nobody's prototype", () => {
  const meta = (value: unknown) => problemsOf((check) => readGroup(check, { name: "g", meta: value }, ""));
  assert.deepEqual(meta({ a: [1, "x", null, { b: true }] }), []);
  let deep: unknown = 1;
  for (let level = 0; level < 5_000; level++) deep = [deep];
  const wrong = [
    { a: 1n },
    { a: Number.NaN },
    { a: () => 1 },
    { a: new Uint8Array(1) },
    { a: "x".repeat(70_000) },
    { deep },
    [1],
    "x",
    { a: "\ud800" },
    JSON.parse('{"__proto__": {"x": 1}}'),
  ];
  for (const value of wrong) assert.equal(meta(value).length, 1);
  const user = JSON.parse('{"username": "bob", "__proto__": {"password": "123456"}}') as unknown;
  assert.match(problemsOf((check) => readUser(check, user, ""))[0] ?? "", /unknown key "__proto__"/);
});

test("keys are Ed25519 in hex, or EC P-256 in PEM", () => {
  const keys = (list: unknown) =>
    problemsOf((check) => readUser(check, { username: "dev", authorized_keys: list }, ""));
  assert.deepEqual(keys(["AB".repeat(32)]), []);
  for (const key of ["ab".repeat(31), "zz".repeat(32), 5]) assert.equal(keys([key]).length, 1);
  const pem = (type: "sec1" | "pkcs8", curve: string): string =>
    generateKeyPairSync("ec", { namedCurve: curve }).privateKey.export({ type, format: "pem" }).toString();
  for (const type of ["sec1", "pkcs8"] as const) {
    const key = keyFromPem(pem(type, "P-256"), 5);
    assert.equal(key?.jwk["crv"], "P-256");
    assert.match(key?.kid ?? "", /^[\w-]{43}$/);
    assert.equal(keyFromPem(pem(type, "P-384"), 5), undefined);
  }
  for (const wrong of ["", "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----"])
    assert.equal(keyFromPem(wrong, 5), undefined);
  const told = problemsOf((check) => readRealm(check, { uri: "a", private_keys: ["my secret"] }, ""));
  assert.deepEqual(told, ["private_keys[0]: must be a private key of EC P-256 in PEM"]);
});

test("whatever is given, reading it ends with a value or a problem", () => {
  for (const given of [undefined, null, 5, "x", [], [[]], new Map(), () => 1, Object.create({ uri: "a" })]) {
    for (const read of [readRealm, readUser, readGroup, readSource])
      assert.notDeepEqual(
        problemsOf((check) => read(check, given, "")),
        [],
      );
    assert.notDeepEqual(
      problemsOf((check) => readGrant(check, given, "", true)),
      [],
    );
  }
});
