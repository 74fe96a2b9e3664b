/** A negotiator on a real security model and real hashes, and clients of its methods that share no code with it. */
import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import nacl from "tweetnacl";
import { hashPassword, verifyPassword } from "../../src/auth/credentials.ts";
import { type CallProcedure, dynamicMethods } from "../../src/auth/dynamic.ts";
import { Cryptosign } from "../../src/auth/cryptosign.ts";
import { createKeyDerivation } from "../../src/auth/kdf.ts";
import type { Method } from "../../src/auth/method.ts";
import { mockAbility, mockCredentials } from "../../src/auth/mock-credentials.ts";
import { type LoginLimits, Negotiator } from "../../src/auth/negotiator.ts";
import { passwordMethod } from "../../src/auth/password.ts";
import { RouterKey } from "../../src/auth/router-key.ts";
import { scramMethod } from "../../src/auth/scram.ts";
import { tlsCertificate } from "../../src/auth/tls-certificate.ts";
import { trustMethod } from "../../src/auth/trust.ts";
import { wampcraMethod } from "../../src/auth/wampcra.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import type { Log } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { fillRandom } from "../../src/host.ts";
import type { AuthAnswer, HelloRequest, KeyDerivation, TlsPeer } from "../../src/ports.ts";
import type { SecurityService } from "../../src/security/service.ts";
import { TestSecurity } from "./security.ts";

type Dict = Readonly<Record<string, unknown>>;
type Challenge = Extract<AuthAnswer, { kind: "challenge" }>;
type Welcome = Extract<AuthAnswer, { kind: "welcome" }>;

export interface WorldOptions {
  readonly limits?: Partial<LoginLimits>;
  readonly callProcedure?: CallProcedure;
  readonly authenticatorCalls_max?: number;
  readonly authenticatorCallsPerRealm_max?: number;
  readonly moreMethods?: readonly Method[];
}

export interface Hello {
  readonly realm?: string;
  readonly methods: readonly string[];
  readonly authid?: string;
  readonly authrole?: string;
  readonly authextra?: Dict;
  readonly peer?: string;
  readonly tls?: TlsPeer;
  readonly session?: number;
}

const pair = nacl.sign.keyPair.fromSeed(Buffer.alloc(32, 3));
/** The key of the user `keyed`, in hex. */
export const keyedPublic = Buffer.from(pair.publicKey).toString("hex");
/** As a client of cryptosign signs, with that key. */
export const signKeyed = ({ challenge }: Dict): string => {
  const message = Buffer.from(String(challenge), "hex");
  return Buffer.concat([nacl.sign.detached(message, pair.secretKey), message]).toString("hex");
};

export const testRealm = "com.acme.app";

export class LoginWorld {
  readonly kdf: KeyDerivation;
  readonly security: SecurityService;
  readonly negotiator: Negotiator;
  readonly metrics = new Metrics();
  readonly logged: unknown[] = [];
  now_ms = 1_000;

  private constructor(kdf: KeyDerivation, security: SecurityService, options: WorldOptions) {
    this.kdf = kdf;
    this.security = security;
    const note = (part: string, message: string, fields?: Dict): void => {
      this.logged.push({ part, message, ...fields });
    };
    const log: Log = { error: note, warn: note, info: note, debug: note };
    const mock = mockCredentials(Buffer.alloc(32, 7));
    const wall_ms = (): number => Date.UTC(2026, 0, 1);
    const cryptosign = new Cryptosign({ routerKey: new RouterKey(Buffer.alloc(32, 5)) });
    const random = { mock, fillRandom, wall_ms, randomId: () => randomBytes(6).readUIntBE(0, 6) };
    this.negotiator = new Negotiator({
      model: security,
      methods: [
        passwordMethod({
          ...random,
          kdf,
          log,
          optionsOf: (uri) => security.realm(uri)?.passwordOptions,
          upgrade: (...args) => security.upgradeCredentials(...args),
        }),
        wampcraMethod(random),
        scramMethod(random),
        trustMethod,
        cryptosign,
        tlsCertificate,
        ...(options.moreMethods ?? []),
      ],
      dynamic: dynamicMethods({
        ...random,
        callProcedure: options.callProcedure ?? (() => Promise.reject(new Error("nobody registered it"))),
        limits: {
          ...defaultLimits,
          authenticatorCalls_max: options.authenticatorCalls_max ?? 16,
          authenticatorCallsPerRealm_max: options.authenticatorCallsPerRealm_max ?? 16,
        },
        cryptosign,
      }),
      limits: { ...defaultLimits, ...options.limits },
      mockAbility: mockAbility(Buffer.alloc(32, 7)),
      metrics: this.metrics,
      log,
      randomId: random.randomId,
      now_ms: () => this.now_ms,
    });
  }

  static async make(options: WorldOptions = {}): Promise<LoginWorld> {
    const kdf = createKeyDerivation({ derivations_max: 64, derivationsRunning_max: 2 });
    let changes = 0;
    const security = await new TestSecurity().open({
      hashPassword: (password, how) => hashPassword(kdf, password, how, fillRandom, ++changes),
      verifyPassword: (password, credentials) => verifyPassword(kdf, password, credentials),
    });
    return new LoginWorld(kdf, security, options);
  }

  /** A realm with `bob` (alias `bobby`, groups staff and admins), `off` who is disabled, and `keyed` who has no password. */
  async populate(realm: Dict = {}, methods: readonly string[] = ["password", "wampcra"]): Promise<this> {
    const { security } = this;
    await security.createRealm({ uri: testRealm, authmethods: methods, ...realm });
    for (const name of ["staff", "admins"]) await security.addGroup(testRealm, { name });
    const bob = { username: "bob", password: "open sesame", groups: ["staff", "admins"], aliases: ["bobby"] };
    await security.addUser(testRealm, { ...bob, meta: { floor: 3 } });
    await security.addUser(testRealm, { username: "off", password: "open sesame", enabled: false });
    await security.addUser(testRealm, { username: "keyed", authorized_keys: [keyedPublic] });
    for (const authmethod of methods) await this.source("all", authmethod, "10.0.0.0/8");
    return this;
  }

  async source(usernames: string, authmethod: string, cidr: string): Promise<void> {
    await this.security.addSource(testRealm, { usernames, authmethod, cidr });
  }

  hello({
    realm = testRealm,
    methods,
    authextra = {},
    peer = "10.1.2.3",
    session = 4711,
    tls,
    ...rest
  }: Hello) {
    const request: HelloRequest = {
      realm,
      authmethods: methods,
      authid: rest.authid,
      authrole: rest.authrole,
      authextra,
      session,
      transport: { kind: "websocket", peer, ...(tls === undefined ? {} : { tls }) },
    };
    return Promise.resolve(this.negotiator.begin(request));
  }

  async challenged(hello: Hello): Promise<Challenge> {
    const answer = await this.hello(hello);
    assert.ok(answer.kind === "challenge", JSON.stringify(answer));
    return answer;
  }

  /** The whole login with this secret; the client does what the challenge's method asks for. */
  async login(hello: Hello, secret: string): Promise<AuthAnswer> {
    const authextra = hello.methods.includes("wamp-scram") ? { nonce: clientNonce } : {};
    const answer = await this.hello({ ...hello, authextra: { ...authextra, ...hello.authextra } });
    if (answer.kind !== "challenge") return answer;
    const { signature, extra } = respond(answer, secret, hello.authid ?? "");
    return answer.proceed(signature, extra);
  }

  async welcomed(hello: Hello, secret = "open sesame"): Promise<Welcome> {
    const answer = await this.login(hello, secret);
    assert.ok(answer.kind === "welcome", JSON.stringify(answer));
    return answer;
  }

  close(): Promise<void> {
    return this.kdf.close();
  }
}

export const clientNonce = "egVDf3DMJh0=";

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** As a client of WAMP-CRA signs: plain, or with the salt that it was told. */
export function signCra(extra: Dict, secret: string): string {
  const { challenge, salt, iterations, keylen } = extra;
  const key =
    salt === undefined
      ? secret
      : pbkdf2Sync(secret, String(salt), Number(iterations), Number(keylen), "sha256").toString("base64");
  return hmac(key, String(challenge)).toString("base64");
}

/** As a client of WAMP-SCRAM over PBKDF2 answers; `verifier` is what WELCOME must say. `gs2` is the binding's flag, `cbind` its data. */
export function proveScram(
  given: Dict,
  secret: string,
  authid: string,
  { gs2 = "n,,", cbind = Buffer.alloc(0), nonce = clientNonce } = {},
): { proof: string; verifier: string } {
  const salted = pbkdf2Sync(
    secret,
    Buffer.from(String(given["salt"]), "base64"),
    Number(given["iterations"]),
    32,
    "sha256",
  );
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  const bound = Buffer.concat([Buffer.from(gs2), cbind]).toString("base64");
  const escaped = authid.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const message =
    `n=${escaped},r=${nonce},r=${given["nonce"]},s=${given["salt"]},i=${given["iterations"]},` +
    `c=${bound},r=${given["nonce"]}`;
  const signature = hmac(storedKey, message);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString("base64");
  return { proof, verifier: `v=${hmac(hmac(salted, "Server Key"), message).toString("base64")}` };
}

function respond(
  { method, extra }: Challenge,
  secret: string,
  authid: string,
): { signature: string; extra: Dict } {
  if (method === "wampcra") return { signature: signCra(extra, secret), extra: {} };
  if (method !== "wamp-scram") return { signature: secret, extra: {} };
  const { proof } = proveScram(extra, secret, authid);
  return { signature: proof, extra: { nonce: extra["nonce"], channel_binding: null, cbind_data: null } };
}

export const isRefused = (answer: AuthAnswer): void =>
  assert.deepEqual(answer, {
    kind: "abort",
    error: "wamp.error.authentication_failed",
    message: "the login was refused",
  });
