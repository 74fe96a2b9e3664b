/**
 * Authenticator procedures as Crossbar's users know them: a realm's `authenticators` names, by method, a procedure of the realm that is
 * called with (realm, authid, details) and answers with a role, or with a principal: `{role | authrole, authid?, extra?, secret?, salt?,
 * iterations?, keylen?, pubkey?}`. An error, a late answer or one of another shape is a failed login. Who is let in so is no local user:
 * it has the groups that the procedure says, and no grants by name. It may come from any address, unless source rules name the method.
 * Control path.
 */
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { FillRandom, TransportInfo } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { fold } from "../security/check.ts";
import type { Principal } from "../security/model.ts";
import type { AuthMethod, UserRecord } from "../security/records.ts";
import { randomBase64 } from "./credentials.ts";
import { keyBytes } from "./kdf.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { MockCredentials } from "./mock-credentials.ts";
import { craChallenge, verifyCra } from "./wampcra.ts";

type Dict = Readonly<Record<string, unknown>>;

/** Calls a procedure of a realm in the router's own name; resolves with its first result. Settles within `timeout_ms`. */
export type CallProcedure = (
  realm: string,
  procedure: string,
  args: readonly unknown[],
  timeout_ms: number,
) => Promise<unknown>;

export interface DynamicOptions {
  readonly callProcedure: CallProcedure;
  readonly limits: Pick<
    Limits,
    "authenticatorCalls_max" | "authenticatorCallsPerRealm_max" | "authenticator_ms"
  >;
  readonly mock: MockCredentials;
  readonly fillRandom: FillRandom;
  /** The method that verifies keys; absent: authenticators cannot decide about keys. */
  readonly cryptosign?: Method;
  randomId(): number;
  wall_ms(): number;
}

/** What an authenticator said, checked. */
export interface DynamicPrincipal {
  readonly authid: string | undefined;
  readonly roles: readonly string[];
  readonly extra: Dict;
  readonly secret: string | undefined;
  /** WAMP-CRA with a salt: `secret` is the derived key, as base64. */
  readonly salted:
    | { readonly salt: string; readonly iterations: number; readonly keylen: number }
    | undefined;
  /** Public keys in hex, lower case. */
  readonly pubkeys: readonly string[];
}

const isDict = (value: unknown): value is Dict =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= fixedLimits.authText_max;

const texts = (value: unknown): readonly string[] | undefined => {
  const list = Array.isArray(value) ? value : [value];
  return list.every(isText) ? list : undefined;
};

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) > 0;

/** The principal that an authenticator's answer stands for, or what is wrong with it. */
export function readPrincipal(value: unknown, realm: string): DynamicPrincipal | string {
  const given = typeof value === "string" ? { role: value } : value;
  if (!isDict(given)) return "the authenticator's answer is neither a role nor a dictionary";
  const roles = texts(given["role"] ?? given["authrole"]);
  if (roles === undefined || roles.some((role) => role.includes(","))) {
    return "the authenticator's answer has no role";
  }
  const { realm: other = realm, authid, extra = {}, secret, pubkey = [], salt } = given;
  if (other !== realm) return "the authenticator sends the client to another realm";
  if (authid !== undefined && !isText(authid)) return "the authenticator's authid is no short text";
  if (!isDict(extra)) return "the authenticator's extra is no dictionary";
  if (secret !== undefined && !isText(secret)) return "the authenticator's secret is no short text";
  const pubkeys = texts(pubkey);
  if (pubkeys === undefined) return "the authenticator's pubkey is no key, nor a list of keys";
  const { iterations = 1_000, keylen = keyBytes } = given;
  if (salt !== undefined && !(isText(salt) && isCount(iterations) && isCount(keylen))) {
    return "the authenticator's salt, iterations or keylen is none";
  }
  return {
    authid,
    roles,
    extra,
    secret,
    salted:
      salt === undefined
        ? undefined
        : { salt: String(salt), iterations: Number(iterations), keylen: Number(keylen) },
    pubkeys: pubkeys.map((key) => key.toLowerCase()),
  };
}

const transportDetails = ({ kind, peer, tls }: TransportInfo): Dict => ({
  type: kind,
  peer,
  secure: tls !== undefined,
  ...(tls?.certificate === undefined
    ? {}
    : { client_cert: { cn: tls.certificate.commonName, sha256: tls.certificate.fingerprint } }),
});

export type Ask = (login: Login, method: AuthMethod, more?: Dict) => Promise<DynamicPrincipal | string>;

/** Asks a realm's authenticator: a principal, or why there is none. Rejects with wamp.error.unavailable when too many are asked. */
function authenticatorAsk({ callProcedure, limits }: DynamicOptions): Ask {
  let pending = 0;
  /** By realm, where there are any: a realm whose authenticator is slow must not keep the clients of others out. */
  const pendingOf = new Map<string, number>();
  return async (login, method, more = {}) => {
    const { hello, realm } = login;
    const procedure = realm.authenticators[method];
    if (procedure === undefined) return `the realm names no authenticator for ${method}`;
    const ofRealm = pendingOf.get(realm.uri) ?? 0;
    if (pending >= limits.authenticatorCalls_max || ofRealm >= limits.authenticatorCallsPerRealm_max) {
      throw new WampError(errors.unavailable.uri, "too many authenticators are being asked");
    }
    const details = {
      authmethod: method,
      session: hello.session,
      transport: transportDetails(hello.transport),
      authextra: hello.authextra,
      ...(hello.authrole === undefined ? {} : { authrole: hello.authrole }),
      ...more,
    };
    pending++;
    pendingOf.set(realm.uri, ofRealm + 1);
    try {
      const args = [realm.uri, hello.authid ?? null, details];
      return readPrincipal(
        await callProcedure(realm.uri, procedure, args, limits.authenticator_ms),
        realm.uri,
      );
    } catch (cause) {
      // Its URI only: the text is the procedure's own, and may say anything.
      return `the authenticator failed: ${cause instanceof WampError ? cause.uri : "it threw"}`;
    } finally {
      pending--;
      const left = pendingOf.get(realm.uri)! - 1;
      if (left > 0) pendingOf.set(realm.uri, left);
      else pendingOf.delete(realm.uri);
    }
  };
}

/** Who it is and what it may, by the authenticator's word. */
const provedBy = ({ authid, roles, extra }: DynamicPrincipal): MethodAnswer => ({
  kind: "proved",
  roles,
  extra,
  ...(authid === undefined ? {} : { authid }),
});

const failed = (why: string): MethodAnswer => ({ kind: "failed", why });

/** The methods that an authenticator can decide, under their usual names. */
export function dynamicMethods(options: DynamicOptions): readonly Method[] {
  const ask = authenticatorAsk(options);
  /** The secret itself is the answer to CHALLENGE, and the authenticator judges it. */
  const judged = (name: "ticket" | "password"): Method => ({
    name,
    suits: () => true,
    begin: (login) => ({
      kind: "challenge",
      extra: {},
      async proceed(signature) {
        const principal = await ask(login, name, { ticket: signature });
        return typeof principal === "string" ? failed(principal) : provedBy(principal);
      },
    }),
  });
  const anonymous: Method = {
    name: "anonymous",
    suits: () => true,
    async begin(login) {
      const principal = await ask(login, "anonymous");
      if (typeof principal === "string") return failed(principal);
      const authid = principal.authid ?? `anonymous-${options.randomId().toString(36)}`;
      return provedBy({ ...principal, authid });
    },
  };
  const { cryptosign } = options;
  const methods = [judged("ticket"), judged("password"), anonymous, dynamicCra(options, ask)];
  return cryptosign === undefined ? methods : [...methods, dynamicCryptosign(cryptosign, ask)];
}

/** Signatures are verified as everybody's are; whose keys they are, and what these may, is the authenticator's word. */
function dynamicCryptosign(cryptosign: Method, ask: Ask): Method {
  return {
    name: "cryptosign",
    suits: () => true,
    async begin(login) {
      const answer = await ask(login, "cryptosign");
      const principal = typeof answer === "string" ? undefined : answer;
      const begun = await cryptosign.begin({ ...login, principal: ownerOf(login, principal?.pubkeys ?? []) });
      if (begun.kind !== "challenge") return begun;
      return {
        ...begun,
        async proceed(signature, extra) {
          const judged = await begun.proceed(signature, extra);
          if (judged.kind !== "proved") return judged;
          return principal === undefined ? failed(String(answer)) : provedBy(principal);
        },
      };
    },
  };
}

/** Somebody with these keys and nothing else, for who verifies signatures. */
function ownerOf({ hello, realm }: Login, keys: readonly string[]): Principal {
  const user: UserRecord = {
    username: fold(hello.authid ?? ""),
    groups: [],
    meta: {},
    aliases: [],
    enabled: true,
    sso_realm_uri: null,
    authorized_keys: keys,
    credentials: null,
  };
  return { realm: realm.uri, user, credentialRealm: realm.uri, credentialUser: user, enabled: true };
}

/** WAMP-CRA with a secret that the authenticator knows, salted or not. */
function dynamicCra({ mock, fillRandom, wall_ms }: DynamicOptions, ask: Ask): Method {
  /** By realm, how its authenticator salts: names that it does not know are challenged likewise. One entry for each realm that has one. */
  const usual = new Map<string, { readonly iterations: number; readonly keylen: number } | undefined>();
  return {
    name: "wampcra",
    suits: () => true,
    async begin(login) {
      const { hello, realm } = login;
      const answer = await ask(login, "wampcra");
      const principal = typeof answer === "string" ? undefined : answer;
      if (principal?.secret !== undefined) usual.set(realm.uri, principal.salted);
      const likely = usual.get(realm.uri);
      const mocked = likely === undefined ? {} : { salt: mock(login, "cra").salt, ...likely };
      const salted = principal?.secret === undefined ? mocked : (principal.salted ?? {});
      const key = principal?.secret ?? randomBase64(fillRandom, 32);
      const challenge = craChallenge({ hello, authprovider: "dynamic", fillRandom, wall_ms: wall_ms() });
      return {
        kind: "challenge",
        extra: { challenge, ...salted },
        proceed: (signature) => {
          const right = verifyCra(key, challenge, signature);
          if (right && principal?.secret !== undefined) return provedBy(principal);
          return failed(typeof answer === "string" ? answer : "wrong signature, or no secret to sign with");
        },
      };
    },
  };
}
