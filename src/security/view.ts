/** What records mean together: prototypes, groups in groups, same sign-on. Pure, over the state or a draft. */
import type { KdfParameters } from "../ports.ts";
import { fold } from "./check.ts";
import type { EffectiveRealm, Principal } from "./model.ts";
import type {
  AuthMethod,
  GroupRecord,
  PasswordOptions,
  RealmRecord,
  SourceRecord,
  UserRecord,
} from "./records.ts";
import type { Reader } from "./state.ts";

export const masterRealm = "com.leapsight.bondy";

/** Where neither the realm nor its prototype says anything. */
export const defaultAuthMethods: readonly AuthMethod[] = Object.freeze([
  "anonymous",
  "password",
  "oauth2",
  "wampcra",
  "ticket",
]);

/** As Bondy's: clients that derive the key in JavaScript wait for it. */
export const defaultKdf: KdfParameters = Object.freeze({ kdf: "pbkdf2", iterations: 10_000 });

export function prototypeOf(reader: Reader, record: RealmRecord): RealmRecord | undefined {
  return record.prototype_uri === null ? undefined : reader.get("realm", record.prototype_uri, "");
}

/** Where nobody says how passwords are hashed: so that all methods of the realm that need one can use it. */
export function protocolFor(authmethods: readonly AuthMethod[]): PasswordOptions["protocol"] {
  if (!authmethods.includes("wamp-scram")) return "cra";
  return authmethods.includes("wampcra") ? "both" : "scram";
}

/** `passwordOptions`: what the configuration says for realms that say nothing. */
export function effectiveRealm(
  reader: Reader,
  uri: string,
  passwordOptions: Partial<PasswordOptions>,
): EffectiveRealm | undefined {
  const record = reader.get("realm", uri, "");
  if (record === undefined) return undefined;
  const prototype = prototypeOf(reader, record);
  const authmethods = record.authmethods ?? prototype?.authmethods ?? defaultAuthMethods;
  return {
    record,
    uri,
    allowConnections:
      !record.is_prototype && (record.allow_connections ?? prototype?.allow_connections ?? true),
    securityEnabled: record.security_enabled ?? prototype?.security_enabled ?? true,
    authmethods,
    ssoRealmUri: record.is_sso_realm ? null : (record.sso_realm_uri ?? prototype?.sso_realm_uri ?? null),
    passwordOptions: record.password_opts ?? {
      protocol: protocolFor(authmethods),
      params: defaultKdf,
      ...passwordOptions,
    },
    // A grant of the prototype that denies must not be lost in a realm that says nothing, or something else.
    authenticators: record.authenticators ?? prototype?.authenticators ?? {},
    mostSpecific: record.rbac === "most_specific" || prototype?.rbac === "most_specific",
  };
}

export function userOf(reader: Reader, realm: string, nameOrAlias: string): UserRecord | undefined {
  const name = fold(nameOrAlias);
  const user = reader.get("user", realm, name);
  if (user !== undefined) return user;
  const owner = reader.aliasOwner(realm, name);
  return owner === undefined ? undefined : reader.get("user", realm, owner);
}

export function principalOf(reader: Reader, realm: string, nameOrAlias: string): Principal | undefined {
  const user = userOf(reader, realm, nameOrAlias);
  if (user === undefined) return undefined;
  const credentialRealm = user.sso_realm_uri ?? realm;
  if (credentialRealm === realm)
    return { realm, user, credentialRealm, credentialUser: user, enabled: user.enabled };
  const credentialUser = reader.get("user", credentialRealm, user.username);
  // One whose other half was deleted has no credentials, and cannot sign on.
  if (credentialUser === undefined)
    return { realm, user, credentialRealm, credentialUser: user, enabled: false };
  return { realm, user, credentialRealm, credentialUser, enabled: user.enabled && credentialUser.enabled };
}

/** The realm's own, or its prototype's. `name` is folded. */
export function groupOf(reader: Reader, realm: string, name: string): GroupRecord | undefined {
  const own = reader.get("group", realm, name);
  if (own !== undefined) return own;
  const prototype = reader.get("realm", realm, "")?.prototype_uri;
  return prototype == null ? undefined : reader.get("group", prototype, name);
}

export function groupsOf(reader: Reader, realm: string): readonly GroupRecord[] {
  const all = new Map<string, GroupRecord>();
  const prototype = reader.get("realm", realm, "")?.prototype_uri;
  if (prototype != null) for (const [name, group] of reader.entries("group", prototype)) all.set(name, group);
  for (const [name, group] of reader.entries("group", realm)) all.set(name, group);
  return [...all.values()];
}

/** Breadth first, each once; those that do not exist are left out. */
export function closureOf(reader: Reader, realm: string, names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const queue = names.map(fold);
  for (let at = 0; at < queue.length; at++) {
    const name = queue[at]!;
    if (seen.has(name)) continue;
    const group = groupOf(reader, realm, name);
    if (group === undefined) continue;
    seen.add(name);
    queue.push(...group.groups);
  }
  return [...seen];
}

export function sourcesOf(reader: Reader, realm: string): readonly SourceRecord[] {
  const own = [...reader.entries("source", realm)].map(([, source]) => source);
  const prototype = reader.get("realm", realm, "")?.prototype_uri;
  if (prototype == null) return own;
  const inherited = [...reader.entries("source", prototype)].map(([, source]) => source);
  return [...own, ...inherited.filter(({ username }) => username === "all")];
}

export const sourceId = (source: Pick<SourceRecord, "username" | "authmethod" | "cidr">): string =>
  `${source.username} ${source.authmethod} ${source.cidr}`;
