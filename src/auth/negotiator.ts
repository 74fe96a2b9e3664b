/**
 * Who a HELLO is, in a router with a security model: realm, then the method (as in Bondy, but in the client's order), then the steps of
 * the method (login.ts). What a client hears before it has proved who it is depends on the realm and on its address, never on the user
 * whom it names. Control path.
 */
import type { Log } from "../base/log.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import type { AuthAnswer, Authenticator, HelloRequest, Identity, TransportInfo } from "../ports.ts";
import { errors } from "../protocol/errors.ts";
import type { EffectiveRealm, Security } from "../security/model.ts";
import { type AuthMethod, authMethods } from "../security/records.ts";
import { anonymousIdentity } from "./anonymous.ts";
import { type AttemptLimits, Attempts } from "./attempts.ts";
import { LoginRun, tooMany } from "./login.ts";
import { type CountLimits, type LoginCounts, ownLoginCounts } from "./login-counts.ts";
import { type Login, type Method, methodAliases } from "./method.ts";
import type { MockAbility } from "./mock-credentials.ts";
import { type PendingLimits, PendingLogins } from "./pending-logins.ts";
import { SourceRules, sourceKey } from "./sources.ts";

export type LoginLimits = AttemptLimits & PendingLimits & CountLimits;

export interface NegotiatorOptions {
  readonly model: Pick<Security, "realm" | "principal" | "sources" | "onChange">;
  /** All but `anonymous`, which the negotiator answers itself. */
  readonly methods: readonly Method[];
  /** Those that take the place of the above in realms whose `authenticators` name a procedure for them. */
  readonly dynamic: readonly Method[];
  readonly limits: LoginLimits;
  /** What it counts together with other threads. Absent: it counts alone. */
  readonly counts?: LoginCounts | null;
  /** What those who are unknown are led to believe that they could use. */
  readonly mockAbility: MockAbility;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Random integers in 1..2^53. */
  randomId(): number;
  /** Monotonic. */
  now_ms(): number;
}

/** What a login goes through. */
export interface Choice {
  readonly method: Method;
  readonly login: Login;
  /** A procedure of the realm decides. */
  readonly dynamic: boolean;
  /** It is led through all steps, but fails in the end: this user cannot use this method. */
  readonly doomed: boolean;
}

/** Methods that begin with a name. The others may find out by themselves who is there. */
const needAuthid: ReadonlySet<string> = new Set(["password", "wampcra", "wamp-scram", "trust"]);

const abort = (error: string, message: string): AuthAnswer => ({ kind: "abort", error, message });

const isAuthMethod = (name: string): name is AuthMethod => (authMethods as readonly string[]).includes(name);

/**
 * The methods that a client wants, in its order, and what it calls them. The form of the specification is preferred where it wants
 * both.
 */
function wishesOf({ authmethods }: HelloRequest): ReadonlyMap<AuthMethod, string> {
  const wished = new Map<AuthMethod, string>();
  for (const name of authmethods.slice(0, fixedLimits.authmethods_max)) {
    const method = Object.hasOwn(methodAliases, name) ? methodAliases[name]! : name;
    if (isAuthMethod(method) && (method === name || !wished.has(method))) wished.set(method, name);
  }
  return wished;
}

export class Negotiator implements Authenticator {
  readonly #options: NegotiatorOptions;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #dynamic: ReadonlyMap<string, Method>;
  readonly #attempts: Attempts;
  readonly #pending: PendingLogins;
  readonly #sources: SourceRules;

  constructor(options: NegotiatorOptions) {
    this.#options = options;
    this.#methods = new Map(options.methods.map((method) => [method.name, method]));
    this.#dynamic = new Map(options.dynamic.map((method) => [method.name, method]));
    this.#sources = new SourceRules(options.model);
    const { limits, now_ms } = options;
    const counts = options.counts ?? ownLoginCounts(limits, now_ms);
    this.#attempts = new Attempts(limits, counts);
    this.#pending = new PendingLogins(limits, counts.places);
  }

  begin(hello: HelloRequest): AuthAnswer | Promise<AuthAnswer> {
    const realm = this.#options.model.realm(hello.realm);
    const shown = JSON.stringify(hello.realm.slice(0, 200));
    if (realm === undefined) return abort(errors.noSuchRealm.uri, `there is no realm ${shown}`);
    if (!realm.allowConnections || realm.record.is_prototype) {
      return abort(errors.noSuchRealm.uri, `realm ${shown} accepts no connections`);
    }
    if (!realm.securityEnabled) return this.#welcomeAnybody(hello, shown);
    const open = this.#openMethods(hello, realm);
    if (open.length === 0) return this.#noMatch(hello, realm);
    const choice = this.#choose(hello, realm, open);
    return choice === "anonymous" ? this.#welcomeAnonymous() : this.#start(choice);
  }

  /** Who came in once must still be allowed from where it comes back, which may be another place than the one it proved itself from. */
  mayResume({ authmethod, authprovider, user }: Identity, uri: string, transport: TransportInfo): boolean {
    const { model } = this.#options;
    const realm = model.realm(uri);
    if (realm === undefined || !realm.allowConnections) return false;
    if (!realm.securityEnabled) return true;
    const principal = user === undefined ? undefined : model.principal(uri, user);
    if (user !== undefined && principal?.enabled !== true) return false;
    const method = isAuthMethod(authmethod) ? authmethod : undefined;
    if (method === undefined || (method === "tls" && transport.tls?.certificate === undefined)) return false;
    const sources = this.#sources.of(realm.uri);
    if (authprovider === "dynamic" && !sources.govern(method)) return true;
    const names = user === undefined ? ["all"] : [user, "all"];
    if (method === "anonymous") names.push("anonymous");
    return sources.allows(names, method, transport.peer);
  }

  #welcomeAnybody({ authid }: HelloRequest, shown: string): AuthAnswer {
    if (authid === undefined) return this.#welcomeAnonymous();
    const message = `security is disabled in realm ${shown}: everybody is anonymous there, and joins without authid`;
    return abort(errors.authenticationFailed.uri, message);
  }

  #welcomeAnonymous(): AuthAnswer {
    this.#options.metrics.logins++;
    return { kind: "welcome", identity: anonymousIdentity(this.#options.randomId, "spanwire") };
  }

  #start(choice: Choice): AuthAnswer | Promise<AuthAnswer> {
    const { hello, realm, address } = choice.login;
    const { now_ms, metrics } = this.#options;
    // Where realms share users, guesses made through any of them are guesses at the same passwords.
    const shared = realm.ssoRealmUri ?? realm.uri;
    const attempt = { source: sourceKey(address), realm: shared, authid: hello.authid ?? "" };
    const allowed = this.#attempts.allows(attempt);
    const pending = allowed ? this.#pending.open(attempt.source, now_ms()) : null;
    if (pending === null) {
      metrics.loginsLimited++;
      return tooMany;
    }
    const parts = {
      ...this.#options,
      attempts: this.#attempts,
      pending: this.#pending,
      sources: this.#sources,
    };
    return new LoginRun(parts, choice, attempt, pending).begin();
  }

  /** What the realm has for anybody: its methods as far as they are built, in its own order. */
  #offered(realm: EffectiveRealm): readonly AuthMethod[] {
    return realm.authmethods.filter(
      (name) => name === "anonymous" || this.#methods.has(name) || this.#isDynamic(realm, name),
    );
  }

  #isDynamic({ authenticators }: EffectiveRealm, name: AuthMethod): boolean {
    return authenticators[name] !== undefined && this.#dynamic.has(name);
  }

  /** The client's methods, in its order, that the realm has and that somebody may use from there. */
  #openMethods(hello: HelloRequest, realm: EffectiveRealm): readonly AuthMethod[] {
    const offered = this.#offered(realm);
    const sources = this.#sources.of(realm.uri);
    const from = hello.transport.peer;
    return [...wishesOf(hello).keys()].filter((name) => {
      if (!offered.includes(name) || (hello.authid === undefined && needAuthid.has(name))) return false;
      const isDynamic = this.#isDynamic(realm, name);
      if (!isDynamic && this.#methods.get(name)?.isOpen?.(hello) === false) return false;
      if (isDynamic && !sources.govern(name)) return true;
      if (name === "anonymous") return sources.allows(["anonymous", "all"], name, from);
      return sources.allowsSomebody(name, from);
    });
  }

  /**
   * The first open method that this user can use. An unknown user, and one who can use none of them, is led through the first that users
   * of the realm usually can.
   */
  #choose(hello: HelloRequest, realm: EffectiveRealm, open: readonly AuthMethod[]): Choice | "anonymous" {
    const { authid } = hello;
    const address = hello.transport.peer;
    const sources = this.#sources.of(realm.uri);
    const principal = authid === undefined ? undefined : this.#options.model.principal(realm.uri, authid);
    const wished = wishesOf(hello);
    const login = (method: AuthMethod): Login => ({
      hello,
      realm,
      address,
      calledAs: wished.get(method)!,
      ...(this.#isDynamic(realm, method) ? { principal: undefined } : { principal }),
    });
    // Whom the model does not know, a procedure of the realm may know.
    const mayBeDynamic = open.some((name) => name !== "anonymous" && this.#isDynamic(realm, name));
    const usable = (name: AuthMethod): boolean => {
      // Not what is left over for a name: that nobody has it would show by this.
      if (name === "anonymous") return authid === undefined || name === open[0];
      if (this.#isDynamic(realm, name)) return true;
      if (principal === undefined) return !mayBeDynamic && this.#pretends(name, { hello, realm }, address);
      const allowed = sources.allows([principal.user.username, "all"], name, address);
      return allowed && this.#methods.get(name)!.suits(login(name));
    };
    const chosen = open.find(usable);
    if (chosen === "anonymous" && !this.#isDynamic(realm, chosen)) return chosen;
    if (chosen !== undefined) return this.#choice(chosen, login(chosen), false);
    const mock = mockMethod(open, realm, (name) => sources.allows(["all"], name, address));
    return this.#choice(mock, { ...login(mock), principal: undefined }, principal !== undefined);
  }

  /**
   * Whether somebody unknown is led through a method as if it could use it. What users have in different ways – passwords, keys, rules
   * that name them – an unknown name has or has not, as if by chance, but always in the same way: which method is chosen out of several
   * that a client offers tells nothing of whether there is such a user.
   */
  #pretends(name: AuthMethod, login: Pick<Login, "hello" | "realm">, address: string): boolean {
    const { mockAbility } = this.#options;
    // These let in at once whom they are for, and are passed over for all others.
    if (login.hello.authid === undefined || name === "trust" || name === "tls") return false;
    const isForAll = this.#sources.of(login.realm.uri).allows(["all"], name, address);
    if (!isForAll && !mockAbility(login, `source ${name}`)) return false;
    const { realm } = login;
    // Who is known without a password can mostly show a key. Where there are no keys, everybody is taken to have a password.
    const hasOnlyKeys = realm.authmethods.includes("cryptosign") && mockAbility(login, "keys only");
    if (name === "cryptosign") return hasOnlyKeys || mockAbility(login, "keys");
    if (!isHashed(name)) return true;
    return isHashedFor(name, realm) && !hasOnlyKeys;
  }

  #choice(name: AuthMethod, login: Login, doomed: boolean): Choice {
    const dynamic = this.#isDynamic(login.realm, name);
    const method = (dynamic ? this.#dynamic : this.#methods).get(name)!;
    return { method, login, dynamic, doomed };
  }

  /** Says what the realm has for anybody, so that the answer tells nothing of the user. */
  #noMatch(hello: HelloRequest, realm: EffectiveRealm): AuthAnswer {
    const offered = this.#offered(realm);
    const wished = hello.authmethods.slice(0, 10).join(", ").slice(0, 200);
    const nameless = hello.authid === undefined && hello.authmethods.some((name) => needAuthid.has(name));
    return abort(
      errors.noMatchingAuthMethod.uri,
      `realm ${realm.uri} offers ${offered.join(", ") || "no method"}, though not to every address; ` +
        `the client offers ${wished}${nameless ? ", and no authid" : ""}`,
    );
  }
}

/** What one user has and another has not. Whoever has none of these is led past them, and so is whoever is unknown. */
const individual: ReadonlySet<string> = new Set(["cryptosign", "trust"]);

const isHashed = (name: AuthMethod): boolean =>
  name === "password" || name === "wampcra" || name === "wamp-scram";

/** Whether the realm hashes passwords in a way that serves this method. */
const isHashedFor = (name: AuthMethod, { passwordOptions: { protocol } }: EffectiveRealm): boolean =>
  (name !== "wampcra" || protocol !== "scram") && (name !== "wamp-scram" || protocol !== "cra");

/**
 * The method that somebody is led through who can use none, or is unknown: the first that users of the realm usually can use, which
 * passwords it hashes being the realm's own, from there.
 */
function mockMethod(
  open: readonly AuthMethod[],
  realm: EffectiveRealm,
  isForAll: (name: AuthMethod) => boolean,
): AuthMethod {
  const hashed = open.filter((name) => name !== "anonymous" && isHashedFor(name, realm));
  const usual = hashed.filter((name) => !individual.has(name));
  const last = open.find((name) => name !== "anonymous") ?? open[0]!;
  return usual.find(isForAll) ?? usual[0] ?? hashed.find(isForAll) ?? last;
}
