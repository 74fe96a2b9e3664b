// Access tokens of the realm itself and of issuers that it names, right and wrong in every way that tokens have been wrong.
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { type CryptoKey, exportSPKI, importJWK, type JWTPayload, SignJWT } from "jose";
import { KeySets } from "../../src/auth/jwks.ts";
import type { Proved } from "../../src/auth/method.ts";
import { OAuth2 } from "../../src/auth/oauth2.ts";
import { fixedLimits } from "../../src/base/limits.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { type IssuerKey, issuerKey, KeyServer } from "../support/key-server.ts";
import { TestSecurity } from "../support/security.ts";
import { answered, loginOf } from "../support/security-double.ts";

const realmUri = "com.example";
const sso = "com.example.sso";
const issuer = "https://issuer.example.com/";
const other = "https://other.example.com/";

class World {
  readonly security: SecurityService;
  readonly method: OAuth2;
  readonly clock = { wall_ms: 1_700_000_000_000, now_ms: 1_000_000 };
  readonly key: IssuerKey;
  readonly server: KeyServer;

  private constructor(security: SecurityService, key: IssuerKey, server: KeyServer) {
    this.security = security;
    this.key = key;
    this.server = server;
    const keySets = new KeySets({ now_ms: () => this.clock.now_ms });
    this.method = new OAuth2({ model: security, keySets, wall_ms: () => this.clock.wall_ms });
  }

  static async open(t: TestContext): Promise<World> {
    const server = new KeyServer();
    t.after(() => server.close());
    const jwks_uri = await server.listen();
    const key = await issuerKey("k1");
    server.serve([key.jwk]);
    const security = await new TestSecurity().open();
    await security.createRealm({ uri: sso, is_sso_realm: true });
    await security.createRealm({
      uri: realmUri,
      sso_realm_uri: sso,
      issuers: [
        { issuer, audience: "wamp", jwks_uri },
        { issuer: other, jwks: { keys: [key.jwk] }, authid_claim: "email", role_claim: "realm_access.roles" },
      ],
    });
    for (const name of ["staff", "admins"]) await security.addGroup(realmUri, { name });
    await security.addUser(realmUri, { username: "joe", groups: ["staff", "admins"], aliases: ["joey"] });
    await security.addUser(sso, { username: "ann" });
    await security.addUser(realmUri, { username: "ann", sso_realm_uri: sso, groups: ["staff"] });
    return new World(security, key, server);
  }

  get now_s(): number {
    return Math.floor(this.clock.wall_ms / 1_000);
  }

  claims(more: JWTPayload = {}): JWTPayload {
    return { iss: issuer, aud: "wamp", sub: "joe", iat: this.now_s, exp: this.now_s + 600, ...more };
  }

  /** Proved, or why not. */
  async login(token: string, authid = "joe"): Promise<Proved | string> {
    const realm = this.security.realm(realmUri)!;
    const principal = this.security.principal(realmUri, authid);
    const answer = await answered(this.method.begin(loginOf({ authid, realm, principal })), token);
    assert.ok(answer.kind === "proved" || answer.kind === "failed");
    return answer.kind === "proved" ? answer : answer.why;
  }

  async own(more: JWTPayload = {}, authrealm = realmUri, header: object = {}): Promise<string> {
    const { kid, jwk } = await this.security.signingKey(authrealm);
    const claims = { iss: authrealm, aud: realmUri, sub: "joe", exp: this.now_s + 600, ...more };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt", ...header })
      .sign(await importJWK({ ...jwk }, "ES256"));
  }
}

test("an issuer's token lets in a user, and somebody who is no user here with groups that exist", async (t) => {
  const world = await World.open(t);
  const { key } = world;
  assert.deepEqual(await world.login(await key.sign(world.claims())), { kind: "proved" });
  const roles = ["Staff", "nobody", 7, "staff"];
  assert.deepEqual(await world.login(await key.sign(world.claims({ roles }))), {
    kind: "proved",
    authid: "joe",
    user: "joe",
    roles: ["staff"],
  });
  assert.deepEqual(
    await world.login(await key.sign(world.claims({ sub: "Eve", roles: "admins,x staff" })), "eve"),
    {
      kind: "proved",
      authid: "Eve",
      roles: ["admins", "staff"],
    },
  );
  assert.deepEqual(await world.login(await key.sign(world.claims({ sub: "eve" })), "eve"), {
    kind: "proved",
    authid: "eve",
    roles: [],
  });
  const many = Array.from({ length: fixedLimits.tokenRoles_max }, (_, index) => `g${index}`);
  const behind = await world.login(
    await key.sign(world.claims({ sub: "eve", roles: [...many, "staff"] })),
    "eve",
  );
  assert.deepEqual(behind, { kind: "proved", authid: "eve", roles: [] });
});

test("the claims of authid and roles are the issuer's own, and the audience is the realm where none is said", async (t) => {
  const world = await World.open(t);
  const claims = world.claims({
    iss: other,
    aud: [realmUri, "x"],
    email: "joe",
    sub: "1",
    realm_access: { roles: ["admins"] },
  });
  assert.deepEqual(await world.login(await world.key.sign(claims)), {
    kind: "proved",
    authid: "joe",
    user: "joe",
    roles: ["admins"],
  });
  assert.equal(
    await world.login(await world.key.sign({ ...claims, aud: "wamp" })),
    "the token is refused: ERR_JWT_CLAIM_VALIDATION_FAILED (aud)",
  );
});

test("issuer, audience, subject and times are checked, with a minute for the clocks", async (t) => {
  const world = await World.open(t);
  const at = (offset_s: number): number => world.now_s + offset_s;
  const failure = "the token is refused: ERR_JWT_CLAIM_VALIDATION_FAILED";
  const cases: [JWTPayload, string][] = [
    [{ iss: "https://evil.example.com/" }, "the realm does not know the issuer of the token"],
    [{ iss: undefined as unknown as string }, "the realm does not know the issuer of the token"],
    [{ aud: "somebody" }, `${failure} (aud)`],
    [{ aud: [] }, `${failure} (aud)`],
    [{ sub: "ann" }, "the token is somebody else's"],
    [{ sub: 7 as unknown as string }, "the token is somebody else's"],
    [{ exp: at(-61) }, "the token is refused: ERR_JWT_EXPIRED"],
    [{ exp: undefined as unknown as number }, `${failure} (exp)`],
    [{ exp: "soon" as unknown as number }, `${failure} (exp)`],
    [{ nbf: at(62) }, `${failure} (nbf)`],
  ];
  for (const [change, why] of cases)
    assert.equal(await world.login(await world.key.sign(world.claims(change))), why);
  for (const change of [{ exp: at(-58) }, { nbf: at(58) }, { iat: at(58) }])
    assert.deepEqual(await world.login(await world.key.sign(world.claims(change))), { kind: "proved" });
});

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("algorithms are the router's choice: none, and a public key as a secret, are refused", async (t) => {
  const world = await World.open(t);
  const claims = world.claims();
  for (const alg of ["none", "None", "", "HS256"]) {
    for (const signature of ["", "AAAA"]) {
      const token = `${base64({ alg, kid: "k1" })}.${base64(claims)}.${signature}`;
      assert.match(String(await world.login(token)), /ERR_JOSE_ALG_NOT_ALLOWED|ERR_JWS_INVALID/, alg);
    }
  }
  const published = (await importJWK(world.key.jwk, "ES256", { extractable: true })) as CryptoKey;
  for (const secret of [await exportSPKI(published), JSON.stringify(world.key.jwk), world.key.jwk.x!]) {
    const signer = new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "k1" });
    assert.match(String(await world.login(await signer.sign(Buffer.from(secret)))), /ALG_NOT_ALLOWED/);
  }
});

test("another key under the same name, a changed claim and a key inside the token prove nothing", async (t) => {
  const world = await World.open(t);
  const forged = await issuerKey("k1");
  const wrong = "the token is refused: ERR_JWS_SIGNATURE_VERIFICATION_FAILED";
  assert.equal(await world.login(await forged.sign(world.claims())), wrong);
  assert.equal(await world.login(await forged.sign(world.claims(), { jwk: forged.jwk })), wrong);
  const [header, , signature] = (await world.key.sign(world.claims({ sub: "ann" }))).split(".");
  assert.equal(await world.login(`${header}.${base64(world.claims())}.${signature}`), wrong);
});

test("what is no token, or too long, is refused without a look at it", async (t) => {
  const world = await World.open(t);
  const good = await world.key.sign(world.claims());
  const long = await world.key.sign(world.claims({ x: "x".repeat(fixedLimits.tokenText_max) }));
  const tokens = [
    "",
    "x",
    "eyJ",
    "a.b.c",
    `${good}.x`,
    good.slice(3),
    "eyJ.eyJ.",
    `eyJ9.${good}`,
    long,
    `${good} `,
  ];
  for (const token of tokens)
    assert.equal(await world.login(token), "the signature is no token, or too long", token);
  assert.match(String(await world.login(good.slice(0, -8))), /ERR_JWS/);
});

test("a new key of an issuer is found, and a made-up one asks for it only once in a while", async (t) => {
  const world = await World.open(t);
  await world.login(await world.key.sign(world.claims()));
  const next = await issuerKey("k2", "RS256");
  world.server.serve([world.key.jwk, next.jwk]);
  const token = await next.sign(world.claims());
  assert.equal(await world.login(token), "the token is refused: ERR_JWKS_NO_MATCHING_KEY");
  assert.equal(world.server.requests, 1);
  world.clock.now_ms += fixedLimits.jwksPause_ms;
  assert.deepEqual(await world.login(token), { kind: "proved" });
  for (const kid of ["a", "b", "c"]) {
    const unknown = await issuerKey(kid);
    assert.match(String(await world.login(await unknown.sign(world.claims()))), /NO_MATCHING_KEY/);
  }
  assert.equal(world.server.requests, 2);
});

test("a token without a key's name is tried with the keys that could have signed it", async (t) => {
  const world = await World.open(t);
  const nameless = await issuerKey(undefined);
  world.server.serve([world.key.jwk, nameless.jwk]);
  assert.deepEqual(await world.login(await nameless.sign(world.claims())), { kind: "proved" });
  assert.equal(
    await world.login(await (await issuerKey(undefined)).sign(world.claims())),
    "no key of the issuer has signed the token",
  );
});

test("an issuer without keys lets nobody in", async (t) => {
  const world = await World.open(t);
  world.server.answer = (response) => response.writeHead(500).end();
  assert.equal(await world.login(await world.key.sign(world.claims())), "the issuer's keys cannot be had");
});

test("the realm's own tokens: for a user that is there, with at most its groups", async (t) => {
  const world = await World.open(t);
  assert.deepEqual(await world.login(await world.own()), { kind: "proved" });
  assert.deepEqual(await world.login(await world.own(), "joey"), { kind: "proved" });
  assert.deepEqual(await world.login(await world.own({ auth: { roles: ["STAFF", "others"] } })), {
    kind: "proved",
    authid: "joe",
    user: "joe",
    roles: ["staff"],
  });
  assert.deepEqual(await world.login(await world.own({ sub: "ann" }, sso), "ann"), { kind: "proved" });
  const cases: [string, string, RegExp][] = [
    [await world.own({ sub: "ann" }), "joe", /somebody else's/],
    [await world.own({ sub: "eve" }), "eve", /not known here/],
    // A realm's key is not enough for users whose credentials are elsewhere, nor the other way round.
    [await world.own({ sub: "ann" }), "ann", /not known here/],
    [await world.own({}, sso), "joe", /not known here/],
    [await world.own({ aud: sso }), "joe", /\(aud\)/],
    [await world.own({ exp: world.now_s - 61 }), "joe", /EXPIRED/],
    [await world.own({}, realmUri, { typ: "ticket+jwt" }), "joe", /\(typ\)/],
    [await world.own({}, realmUri, { typ: "JWT" }), "joe", /\(typ\)/],
    [await world.own({}, realmUri, { kid: "x" }), "joe", /NO_MATCHING_KEY/],
    [await world.own({ iss: sso }), "ann", /NO_MATCHING_KEY/],
  ];
  for (const [token, authid, why] of cases) assert.match(String(await world.login(token, authid)), why);
});

test("an issuer cannot speak for the realm, and a token needs somebody to be for", async (t) => {
  const world = await World.open(t);
  const claims = world.claims({ iss: realmUri, aud: realmUri });
  assert.match(String(await world.login(await world.key.sign(claims, { typ: "at+jwt" }))), /NO_MATCHING_KEY/);
  const nameless = await world.method.begin(loginOf({ authid: undefined }));
  assert.equal(nameless.kind, "abort");
  assert.equal(world.method.suits(), true);
});

test("a realm that names no issuers has its prototype's", async (t) => {
  const world = await World.open(t);
  const { security, key } = world;
  const issuers = [{ issuer, audience: "wamp", jwks: { keys: [key.jwk] } }];
  await security.createRealm({ uri: "com.proto", is_prototype: true, issuers });
  await security.createRealm({ uri: "com.made", prototype_uri: "com.proto" });
  await security.createRealm({ uri: "com.plain" });
  const token = await key.sign(world.claims({ sub: "eve" }));
  for (const [uri, kind] of [
    ["com.made", "proved"],
    ["com.plain", "failed"],
  ] as const) {
    const realm = security.realm(uri)!;
    assert.equal((await answered(world.method.begin(loginOf({ authid: "eve", realm })), token)).kind, kind);
  }
});
