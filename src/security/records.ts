/**
 * What the security model keeps, in the shapes of Bondy's `security_config.json` and admin procedures (snake_case, as on the wire).
 * Names of realms, users, groups and aliases are stored in lower case. Types only.
 */
import type { KdfParameters } from "../ports.ts";

type Dict = Readonly<Record<string, unknown>>;

export const authMethods = [
  "anonymous",
  "trust",
  "password",
  "ticket",
  "wampcra",
  "cryptosign",
  "wamp-scram",
  "oauth2",
  "tls",
  "oidcrp",
  "cookie",
] as const;
export type AuthMethod = (typeof authMethods)[number];

/** A realm as it was given: null where it says nothing, and its prototype or the default decides. */
export interface RealmRecord {
  readonly uri: string;
  readonly description: string;
  readonly is_prototype: boolean;
  readonly prototype_uri: string | null;
  readonly is_sso_realm: boolean;
  readonly sso_realm_uri: string | null;
  readonly allow_connections: boolean | null;
  readonly authmethods: readonly AuthMethod[] | null;
  readonly security_enabled: boolean | null;
  readonly password_opts: PasswordOptions | null;
  /** `additive` (default): what any grant allows. `most_specific`: grants may deny, and the most specific one decides. */
  readonly rbac: "additive" | "most_specific" | null;
  /** Procedures of the realm that decide about its clients, as Crossbar's users know them. */
  readonly authorizer: string | null;
  readonly authenticators: Readonly<Partial<Record<AuthMethod, string>>> | null;
  /** oauth2: whose JWTs are taken beside the realm's own. */
  readonly issuers: readonly JwtIssuer[] | null;
  readonly info: Dict;
  /** Rules of the router for the realm's sessions: `profile`, `strictUris` … of RealmOptions. */
  readonly options: Dict;
}

export interface JwtIssuer {
  readonly issuer: string;
  readonly audience?: string;
  /** Where its keys are; absent: `jwks` has them. */
  readonly jwks_uri?: string;
  readonly jwks?: Dict;
  /** Claim that is the authid; default `sub`. */
  readonly authid_claim?: string;
  /** Claim that lists groups; those that do not exist are left out. Default `roles`. */
  readonly role_claim?: string;
}

/** How new passwords are hashed. */
export interface PasswordOptions {
  /** `cra` serves wampcra and password, `scram` serves wamp-scram and password, `both` all three. */
  readonly protocol: "cra" | "scram" | "both";
  readonly params: KdfParameters;
}

/** One of a realm's keys that sign tickets and tokens; the newest signs, all verify. */
export interface SigningKey {
  readonly kid: string;
  /** EC P-256, private. */
  readonly jwk: Readonly<Record<string, string>>;
  /** From the realm's definition, or made by the router. */
  readonly given: boolean;
  readonly created_ms: number;
  /** It verifies until then; null: as long as it is there. */
  readonly expires_ms: number | null;
}

export interface GroupRecord {
  readonly name: string;
  /** Groups that it is a member of: it has what they are granted. */
  readonly groups: readonly string[];
  readonly meta: Dict;
}

export interface UserRecord {
  readonly username: string;
  readonly groups: readonly string[];
  readonly meta: Dict;
  /** Five at most. */
  readonly aliases: readonly string[];
  readonly enabled: boolean;
  /** Where its credentials and `enabled` are, if not here. */
  readonly sso_realm_uri: string | null;
  /** Ed25519 public keys, hex in lower case. */
  readonly authorized_keys: readonly string[];
  readonly credentials: Credentials | null;
}

/** A password, hashed: what each protocol needs, in base64. One salt for both. */
export interface Credentials {
  readonly salt: string;
  readonly params: KdfParameters;
  /** The salted password (WAMP-CRA's key is its base64). */
  readonly cra?: string;
  readonly scram?: { readonly stored_key: string; readonly server_key: string };
  readonly changed_ms: number;
}

/** From where a user may come, by which method. One for each user name. */
export interface SourceRecord {
  /** `all`, `anonymous`, or a user. */
  readonly username: string;
  readonly authmethod: AuthMethod;
  /** In normal form: network address / bits. */
  readonly cidr: string;
  readonly meta: Dict;
}

/** A role: everyone, who is not identified, a user, a group. */
export type Role = "all" | "anonymous" | `user/${string}` | `group/${string}`;

/** One role, one resource. A grant of several is several of these. */
export interface GrantRecord {
  readonly role: Role;
  /** Empty components in a wildcard. */
  readonly uri: string;
  readonly match: "exact" | "prefix" | "wildcard";
  readonly effect: "allow" | "deny";
  /** Sorted; `wamp.call` … and any other URI. */
  readonly permissions: readonly string[];
  readonly meta: Dict;
}

/** A ticket that was issued and not revoked. */
export interface TicketRecord {
  readonly id: string;
  /** Where the user's credentials are, and who it is there. */
  readonly authrealm: string;
  readonly authid: string;
  readonly scope: {
    readonly realm: string | null;
    readonly client_id: string | null;
    readonly device_id: string | null;
  };
  readonly issued_by: string;
  readonly issued_at: number;
  /** Seconds since 1970. */
  readonly expires_at: number;
}
