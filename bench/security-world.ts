/** The realms of the security bench: many grants and roles, users of every way to log in, and realms by the thousand. */
import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import nacl from "tweetnacl";

export const accessRealm = "realm1";
export const loginRealm = "com.bench.login";
/** As `loginRealm`, but its passwords are hashed with Argon2id. */
export const argonRealm = "com.bench.argon";
export const password = "correct horse battery staple";
/** Users that log in, in turn. */
export const loginUsers = 32;
const issuer = "https://issuer.bench";
const anywhere = "127.0.0.0/8";

const seed = Buffer.alloc(32, 7);
export const cryptosignSeed: Uint8Array = seed;
export const cryptosignKey = Buffer.from(nacl.sign.keyPair.fromSeed(seed).publicKey).toString("hex");

const roles = 1_000;
export const accessUsers = 1_000;
export const uris = 1_000;
const groupsPerUser = 10;

const count = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));

/** Ten of each group: what it may call and publish by name, by prefix and by wildcard. A user's ten groups cover all URIs. */
const grantsOf = (group: number, mayDeny: boolean): object[] => {
  const exact = count(4, (i) => (group * 4 + i) % uris).map((k) => `com.bench.a${k % 10}.p${k}`);
  const prefix = [`com.bench.a${group % 10}`, `com.app${group}`, `com.shared.s${group % 50}`];
  const wildcard = [
    `com.bench..p${(group * 7) % uris}`,
    `com.bench.a${group % 10}..detail`,
    `com.app${group}..get`,
  ];
  const grant = (match: string) => (uri: string, index: number) => ({
    permissions: ["wamp.call", "wamp.publish"],
    roles: [`group/role${group}`],
    uri,
    match,
    // Of what nobody asks for: who denies must be looked at all the same.
    ...(mayDeny && match === "wildcard" && index === 1 ? { effect: "deny" } : {}),
  });
  return [...exact.map(grant("exact")), ...prefix.map(grant("prefix")), ...wildcard.map(grant("wildcard"))];
};

/** 10,000 grants to 1,000 groups, and 1,000 users in ten of them each, all different. */
export const accessRealms = (rbac: "additive" | "most_specific"): object[] => [
  {
    uri: accessRealm,
    authmethods: ["trust"],
    rbac,
    groups: count(roles, (i) => ({ name: `role${i}` })),
    users: count(accessUsers, (i) => ({
      username: `user${i}`,
      groups: count(groupsPerUser, (j) => `role${(i + j) % roles}`),
    })),
    sources: [{ usernames: "all", authmethod: "trust", cidr: anywhere }],
    grants: [
      { permissions: ["wamp.register", "wamp.subscribe"], roles: "all", uri: "com.bench", match: "prefix" },
      ...count(roles, (i) => grantsOf(i, rbac === "most_specific")).flat(),
    ],
  },
];

const methods = ["anonymous", "trust", "password", "ticket", "wampcra", "wamp-scram", "cryptosign", "oauth2"];

const kdfOf = (realm: string): object =>
  realm === argonRealm
    ? { protocol: "scram", params: { kdf: "argon2id13", iterations: 2, memory: 19_456 } }
    : { protocol: "both", params: { kdf: "pbkdf2", iterations: 10_000 } };

/** With a token that the issuer of the realms has signed for the user user0. */
export const loginRealms = async (): Promise<{ realms: object[]; token: string }> => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "bench", alg: "ES256", use: "sig" };
  const token = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid: "bench" })
    .setIssuer(issuer)
    .setAudience(loginRealm)
    .setSubject("user0")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
  const realm = (uri: string): object => ({
    uri,
    authmethods: methods,
    password_opts: kdfOf(uri),
    issuers: [{ issuer, jwks: { keys: [jwk] } }],
    users: count(loginUsers, (i) => ({
      username: `user${i}`,
      ...(i === 0 || uri === loginRealm ? { password } : {}),
      authorized_keys: [cryptosignKey],
    })),
    sources: methods.map((authmethod) => ({
      usernames: authmethod === "anonymous" ? "anonymous" : "all",
      authmethod,
      cidr: anywhere,
    })),
    grants: [
      { permissions: ["wamp.call"], roles: "all", uri: "bondy.ticket", match: "prefix" },
      { permissions: ["wamp.call", "wamp.register"], roles: "all", uri: "com.bench", match: "prefix" },
      { permissions: ["bondy.issue"], roles: "all", uri: "bondy.ticket.scope", match: "prefix" },
    ],
  });
  return { realms: [realm(loginRealm), realm(argonRealm)], token };
};

/** As a service with a realm for each customer makes them: what they have in common is in a prototype. */
export const manyRealms = (length: number): object[] => [
  {
    uri: "com.bench.prototype",
    is_prototype: true,
    authmethods: ["wampcra", "cryptosign"],
    security_enabled: true,
    sources: [{ usernames: "all", authmethod: "wampcra", cidr: "0.0.0.0/0" }],
    grants: [{ permissions: ["wamp.call"], roles: "all", uri: "com.bench", match: "prefix" }],
  },
  ...count(length, (i) => ({
    uri: `com.bench.customer${i}`,
    description: `Customer ${i}`,
    prototype_uri: "com.bench.prototype",
  })),
];
