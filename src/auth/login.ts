/**
 * One login: the steps of its method, and in the end who it is. Everything that could tell one failure from another – an unknown user, a
 * wrong secret, a disabled user, a refused address – is for the log; the client hears one answer. Control path.
 */
import type { AuthAnswer, HelloRequest, Identity } from "../ports.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { credentialsDiffer } from "../security/draft.ts";
import type { Principal } from "../security/model.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import type { MethodAnswer, Proved } from "./method.ts";
import type { Choice, NegotiatorOptions } from "./negotiator.ts";
import type { PendingLogins } from "./pending-logins.ts";
import type { SourceRules } from "./sources.ts";

type Dict = Readonly<Record<string, unknown>>;
type Abort = Extract<AuthAnswer, { kind: "abort" }>;
type Challenge = Extract<MethodAnswer, { kind: "challenge" }>;

const refused: Abort = {
  kind: "abort",
  error: errors.authenticationFailed.uri,
  message: "the login was refused",
};

/** Also where no such user exists: how often a name was tried is counted whether it is one or not. */
export const tooMany: Abort = {
  kind: "abort",
  error: errors.unavailable.uri,
  message: "too many logins, or failed logins, for now; try again later",
};

/** What all logins share. */
export interface LoginShared extends Pick<NegotiatorOptions, "model" | "metrics" | "log" | "now_ms"> {
  readonly attempts: Attempts;
  readonly pending: PendingLogins;
  readonly sources: SourceRules;
}

/** Begun once; each challenge of it can be answered once. */
export class LoginRun {
  readonly #shared: LoginShared;
  readonly #choice: Choice;
  readonly #attempt: Attempt;
  readonly #pending: number;
  /** The attempt is counted as failed until it succeeds. */
  #counted = false;

  constructor(shared: LoginShared, choice: Choice, attempt: Attempt, pending: number) {
    this.#shared = shared;
    this.#choice = choice;
    this.#attempt = attempt;
    this.#pending = pending;
  }

  begin(): AuthAnswer | Promise<AuthAnswer> {
    return this.#run(() => this.#choice.method.begin(this.#choice.login));
  }

  #run(act: () => MethodAnswer | Promise<MethodAnswer>): AuthAnswer | Promise<AuthAnswer> {
    try {
      const answer = act();
      if (!(answer instanceof Promise)) return this.#step(answer);
      return answer.then((settled) => this.#step(settled)).catch((cause: unknown) => this.#broke(cause));
    } catch (cause) {
      return this.#broke(cause);
    }
  }

  #step(answer: MethodAnswer): AuthAnswer {
    switch (answer.kind) {
      case "challenge":
        return this.#challenge(answer);
      case "proved":
        return this.#proved(answer);
      case "failed":
        return this.#failed(answer.why);
      case "abort":
        return this.#end(answer);
    }
  }

  #challenge(challenge: Challenge): AuthAnswer {
    let answered = false;
    return {
      kind: "challenge",
      method: this.#choice.login.calledAs,
      extra: challenge.extra,
      proceed: (signature, extra) => {
        if (answered) return refused;
        answered = true;
        return this.#proceed(challenge, signature, extra);
      },
      abandon: () => this.#shared.pending.close(this.#pending),
    };
  }

  /** Counted before it is looked at: guesses made at the same time over many connections would otherwise all be free. */
  #proceed(challenge: Challenge, signature: string, extra: Dict): AuthAnswer | Promise<AuthAnswer> {
    const { pending, attempts, metrics, now_ms } = this.#shared;
    if (!pending.isOpen(this.#pending, now_ms())) return this.#failed("the challenge has expired");
    if (!this.#counted && !attempts.take(this.#attempt)) {
      metrics.loginsLimited++;
      return this.#end(tooMany);
    }
    this.#counted = true;
    return this.#run(() => challenge.proceed(signature, extra));
  }

  #proved(proved: Proved): AuthAnswer {
    const { model } = this.#shared;
    const { login, doomed, dynamic } = this.#choice;
    if (doomed) return this.#failed("this user cannot use this method, or not from there");
    // Looked up anew: realm and user may have changed since the challenge.
    const realm = model.realm(login.realm.uri);
    if (realm === undefined || !realm.allowConnections) return this.#failed("the realm is gone");
    const decides = proved.roles !== undefined;
    const name = proved.user ?? proved.authid ?? login.principal?.user.username;
    // The names that a procedure of the realm gives are not those of the realm's users.
    const known = dynamic || name === undefined ? undefined : model.principal(realm.uri, name);
    const principal = decides && proved.user === undefined ? undefined : known;
    const isMissing = principal === undefined && (!decides || proved.user !== undefined);
    const problem = isMissing ? "no such user" : this.#problem(known);
    if (problem !== undefined) return this.#failed(problem);
    const roles = chosenRoles(login.hello, proved.roles ?? principal?.user.groups ?? []);
    if (roles === null) {
      const message = `the user has no role ${JSON.stringify(login.hello.authrole?.slice(0, 200))}`;
      return this.#end({ kind: "abort", error: errors.noSuchRole.uri, message });
    }
    return this.#welcome(proved, principal, roles);
  }

  /** Why this proof does not let anybody in, whatever it proves. */
  #problem(principal: Principal | undefined): string | undefined {
    const { login, method, dynamic } = this.#choice;
    if (principal !== undefined && !principal.enabled) return "the user is disabled";
    if (hasOtherCredentials(principal, login.principal)) return "password or keys have changed meanwhile";
    const sources = this.#shared.sources.of(login.realm.uri);
    if (dynamic && !sources.govern(method.name)) return undefined;
    const names = principal === undefined ? ["all"] : [principal.user.username, "all"];
    return sources.allows(names, method.name, login.address) ? undefined : "not from this address";
  }

  #welcome(proved: Proved, principal: Principal | undefined, roles: readonly string[]): AuthAnswer {
    const { attempts, metrics } = this.#shared;
    const { login, dynamic } = this.#choice;
    if (this.#counted) attempts.succeeded(this.#attempt);
    this.#counted = false;
    metrics.logins++;
    // Canonical, where the client gave an alias.
    const known = principal?.user.username ?? login.hello.authid ?? "";
    const identity: Identity = {
      authid: proved.roles === undefined ? known : (proved.authid ?? known),
      authrole: roles.join(","),
      authmethod: login.calledAs,
      authprovider: dynamic ? "dynamic" : "spanwire",
      ...(principal === undefined ? {} : { user: principal.user.username }),
      roles,
      ...(proved.ticket === undefined ? {} : { ticket: proved.ticket }),
    };
    const extra = { ...(principal === undefined ? {} : { meta: principal.user.meta }), ...proved.extra };
    return this.#end({ kind: "welcome", identity, extra });
  }

  #failed(why: string): AuthAnswer {
    const { attempts, metrics, log } = this.#shared;
    const { login, method } = this.#choice;
    if (!this.#counted) attempts.take(this.#attempt);
    this.#counted = false;
    metrics.loginsFailed++;
    const authid = login.hello.authid?.slice(0, 200);
    const { address, realm } = login;
    log.info("auth", "a login failed", { realm: realm.uri, authid, method: method.name, address, why });
    return this.#end(refused);
  }

  /** A derivation that found no room is told to the client; anything else is a fault of ours, and the session's to report. */
  #broke(cause: unknown): AuthAnswer | Promise<AuthAnswer> {
    if (cause instanceof WampError && cause.uri === errors.unavailable.uri) {
      this.#shared.metrics.loginsLimited++;
      return this.#end(tooMany);
    }
    this.#end(refused);
    return Promise.reject(cause);
  }

  #end(answer: AuthAnswer): AuthAnswer {
    if (this.#counted) this.#shared.attempts.takeBack(this.#attempt);
    this.#counted = false;
    this.#shared.pending.close(this.#pending);
    return answer;
  }
}

/** Whether the user that was looked up twice has got, or lost, a password or a key in between. */
function hasOtherCredentials(now: Principal | undefined, before: Principal | undefined): boolean {
  if (now === undefined || before === undefined || now.user.username !== before.user.username) return false;
  return credentialsDiffer(now.credentialUser, before.credentialUser);
}

const allRoles: ReadonlySet<string> = new Set(["", "default", "all"]);

/** The groups to act in: all of them, or the one that HELLO names; null: it is none of them. */
function chosenRoles({ authrole = "" }: HelloRequest, groups: readonly string[]): readonly string[] | null {
  const wished = authrole.toLowerCase();
  if (allRoles.has(wished)) return groups;
  const chosen = groups.find((group) => group.toLowerCase() === wished);
  return chosen === undefined ? null : [chosen];
}
