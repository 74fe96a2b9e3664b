/**
 * Records as procedures show them. Never a password's hash, a private key or a secret: forms are made field by field, and what a realm
 * carries for others (`info`, key sets) is shown without the members that are secret there. Forms of grants and sources may be given to
 * the procedures that take them away.
 */
import { sessionDetails } from "../router/meta/meta-session.ts";
import type { RouterSession } from "../router/types.ts";
import type { SecurityModel } from "../security/model.ts";
import type {
  GrantRecord,
  GroupRecord,
  JwtIssuer,
  RealmRecord,
  SigningKey,
  SourceRecord,
  UserRecord,
} from "../security/records.ts";

type Dict = Readonly<Record<string, unknown>>;

const version = "1.1";

/** Members of a JWK that are private (RFC 7518), and names that say what they hold. */
const privateJwkMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const secretName = /secret|passw|private|credential|token$|api_?key/i;

/** Without what is called a secret, at any depth. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const isKey = "kty" in value;
  const shown = Object.entries(value).filter(
    ([name]) => !secretName.test(name) && !(isKey && privateJwkMembers.includes(name)),
  );
  return Object.fromEntries(shown.map(([name, item]) => [name, withoutSecrets(item)]));
}

/** The public half of a signing key, as a JWK. */
export function publicKey({ kid, jwk }: SigningKey): Dict {
  const { kty, crv, x, y } = jwk;
  return { kty, crv, x, y, kid, alg: "ES256", use: "sig" };
}

export function keyForm(key: SigningKey): Dict {
  return { kid: key.kid, created: new Date(key.created_ms).toISOString(), public_key: publicKey(key) };
}

const issuerForm = ({ issuer, audience, jwks_uri, jwks, authid_claim, role_claim }: JwtIssuer): Dict => ({
  issuer,
  audience,
  jwks_uri,
  jwks: withoutSecrets(jwks),
  authid_claim,
  role_claim,
});

export function realmForm(model: SecurityModel, record: RealmRecord): Dict {
  const { uri, description, is_prototype, prototype_uri, is_sso_realm, sso_realm_uri } = record;
  const { rbac, authorizer, authenticators, issuers, options } = record;
  const effective = model.realm(uri);
  return {
    type: "realm",
    version,
    uri,
    description,
    is_prototype,
    prototype_uri,
    is_sso_realm,
    sso_realm_uri: effective?.ssoRealmUri ?? sso_realm_uri,
    allow_connections: effective?.allowConnections ?? record.allow_connections,
    authmethods: effective?.authmethods ?? record.authmethods,
    security_enabled: effective?.securityEnabled ?? record.security_enabled,
    security_status: effective?.securityEnabled === true ? "enabled" : "disabled",
    password_opts: effective?.passwordOptions ?? record.password_opts,
    rbac,
    authorizer,
    authenticators,
    issuers: issuers?.map(issuerForm) ?? null,
    info: withoutSecrets(record.info),
    options,
    public_keys: model.signingKeys(uri).map(publicKey),
  };
}

/** A user of a same-sign-on realm has its password there. */
export function userForm(model: SecurityModel, realm: string, record: UserRecord): Dict {
  const { username, groups, meta, aliases, sso_realm_uri } = record;
  const principal = model.principal(realm, username);
  const { credentials, authorized_keys } = principal?.credentialUser ?? record;
  return {
    type: "user",
    version,
    username,
    groups,
    meta,
    aliases,
    enabled: principal?.enabled ?? record.enabled,
    sso_realm_uri,
    has_password: credentials !== null,
    has_authorized_keys: authorized_keys.length > 0,
  };
}

export const groupForm = ({ name, groups, meta }: GroupRecord): Dict => ({
  type: "group",
  version,
  name,
  groups,
  meta,
});

/** Of one record, or of those that one definition made for several users. */
export function sourceForm(records: readonly SourceRecord[]): Dict {
  const [first] = records;
  const names = records.map(({ username }) => username);
  const usernames = names.length === 1 && names[0] === "all" ? "all" : names;
  return {
    type: "source",
    version,
    usernames,
    authmethod: first?.authmethod,
    cidr: first?.cidr,
    meta: first?.meta,
  };
}

export const grantForm = ({ role, uri, match, effect, permissions, meta }: GrantRecord): Dict => ({
  permissions,
  uri,
  match,
  roles: role === "all" ? "all" : [role],
  effect,
  meta,
});

export function sessionForm(session: RouterSession): Dict {
  const { user = null, roles = [] } = session.identity ?? {};
  return { ...sessionDetails(session), realm: session.realm?.uri, user, authroles: roles };
}
