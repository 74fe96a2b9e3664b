/** The parts of the security model that tests of methods set up by hand. */
import type { HelloRequest, TlsPeer } from "../../src/ports.ts";
import type { Login, MethodAnswer } from "../../src/auth/method.ts";
import type { EffectiveRealm, Principal } from "../../src/security/model.ts";
import type { RealmRecord, UserRecord } from "../../src/security/records.ts";

export const realmRecord = (uri: string, given: Partial<RealmRecord> = {}): RealmRecord => ({
  uri,
  description: "",
  is_prototype: false,
  prototype_uri: null,
  is_sso_realm: false,
  sso_realm_uri: null,
  allow_connections: null,
  authmethods: null,
  security_enabled: null,
  password_opts: null,
  rbac: null,
  authorizer: null,
  authenticators: null,
  issuers: null,
  info: {},
  options: {},
  ...given,
});

export const effectiveRealm = (uri: string, given: Partial<RealmRecord> = {}): EffectiveRealm => ({
  record: realmRecord(uri, given),
  uri,
  allowConnections: true,
  securityEnabled: true,
  authmethods: [],
  ssoRealmUri: given.sso_realm_uri ?? null,
  passwordOptions: { protocol: "both", params: { kdf: "pbkdf2", iterations: 4_096 } },
  mostSpecific: false,
  authenticators: given.authenticators ?? {},
});

export const userRecord = (username: string, given: Partial<UserRecord> = {}): UserRecord => ({
  username,
  groups: [],
  meta: {},
  aliases: [],
  enabled: true,
  sso_realm_uri: null,
  authorized_keys: [],
  credentials: null,
  ...given,
});

export const principalOf = (realm: string, user: UserRecord): Principal => ({
  realm,
  user,
  credentialRealm: realm,
  credentialUser: user,
  enabled: user.enabled,
});

export interface LoginGiven {
  readonly authid?: string | undefined;
  readonly authextra?: Record<string, unknown>;
  readonly principal?: Principal | undefined;
  readonly realm?: EffectiveRealm;
  readonly tls?: TlsPeer;
}

export function loginOf(given: LoginGiven): Login {
  const { authid, authextra = {}, principal, realm = effectiveRealm("com.example"), tls } = given;
  const transport = {
    kind: "websocket",
    peer: "127.0.0.1:1",
    ...(tls === undefined ? {} : { tls }),
  } as const;
  const hello: HelloRequest = {
    realm: realm.uri,
    authmethods: [],
    authid,
    authrole: undefined,
    authextra,
    transport,
    session: 7,
  };
  return { hello, realm, principal, calledAs: "", address: "127.0.0.1" };
}

/** What a method says in the end to one that answers its challenge so. */
export async function answered(
  answer: MethodAnswer | Promise<MethodAnswer>,
  signature: string | ((extra: Readonly<Record<string, unknown>>) => string),
): Promise<MethodAnswer> {
  const first = await answer;
  if (first.kind !== "challenge") return first;
  return first.proceed(typeof signature === "string" ? signature : signature(first.extra), {});
}
