/** One authentication method, as the negotiator sees it. */
import type { AuthAnswer, HelloRequest } from "../ports.ts";
import type { EffectiveRealm, Principal } from "../security/model.ts";
import type { AuthMethod } from "../security/records.ts";

type Dict = Readonly<Record<string, unknown>>;

/** Names of clients' own for methods that they speak in a form of their own. CHALLENGE and WELCOME say what the client says. */
export const methodAliases: Readonly<Record<string, AuthMethod>> = { scram: "wamp-scram" };

/** What one login is about. */
export interface Login {
  readonly hello: HelloRequest;
  readonly realm: EffectiveRealm;
  /** The user whom HELLO's authid names; undefined: nobody knows it, or it names nobody. Disabled users are not undefined. */
  readonly principal: Principal | undefined;
  /** What the client calls the method: its name, or its alias (`methodAliases`). */
  readonly calledAs: string;
  /** Remote address without port; the path of a Unix socket. */
  readonly address: string;
}

/** Who was proved to be there, where it is not simply `login.principal` with all its groups. */
export interface Proved {
  readonly kind: "proved";
  /** Details.authextra of WELCOME. */
  readonly extra?: Dict;
  /** Of a method that decides by itself: who it is, and its groups, which need not be those of a local user. */
  readonly authid?: string;
  readonly roles?: readonly string[];
  readonly user?: string;
  /** The id of the ticket that has proved it; goes into the identity, so that the session ends with its ticket. */
  readonly ticket?: string;
}

export type MethodAnswer =
  | Proved
  /** The secret is wrong, the user unknown …: for the log only, the client hears the same in every case. */
  | { readonly kind: "failed"; readonly why: string }
  /** Not the client's fault and no secret: told to it as it stands (a derivation queue that is full, a missing authextra). */
  | Extract<AuthAnswer, { kind: "abort" }>
  | {
      readonly kind: "challenge";
      readonly extra: Dict;
      proceed(signature: string, extra: Dict): MethodAnswer | Promise<MethodAnswer>;
    };

export interface Method {
  readonly name: AuthMethod;
  /**
   * Whether this user could use it at all (has a password of the right kind, has keys …). Asked for known users only; an unknown one
   * is taken to be able to use what the realm's users usually can, and must be led through the same steps with the same work.
   */
  suits(login: Login): boolean;
  /** Whether it could be used over this connection at all, whoever it is for; absent: over all. */
  isOpen?(hello: HelloRequest): boolean;
  begin(login: Login): MethodAnswer | Promise<MethodAnswer>;
}
