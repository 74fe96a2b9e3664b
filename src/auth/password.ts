/**
 * Authentication method `password`, as Bondy has it: the password itself is AUTHENTICATE's signature. One derivation for every attempt,
 * whoever it is for. After a login the password is hashed anew where the realm wants it hashed in another way.
 */
import type { Log } from "../base/log.ts";
import type { FillRandom, KeyDerivation } from "../ports.ts";
import type { Principal } from "../security/model.ts";
import type { Credentials, PasswordOptions } from "../security/records.ts";
import { hashPassword, needsUpgrade, verifyPassword } from "./credentials.ts";
import type { Login, Method, MethodAnswer } from "./method.ts";
import type { MockCredentials } from "./mock-credentials.ts";

export interface PasswordMethodOptions {
  readonly kdf: KeyDerivation;
  readonly mock: MockCredentials;
  readonly fillRandom: FillRandom;
  readonly log: Log;
  /** How a realm wants passwords hashed; undefined: there is no such realm. */
  optionsOf(realm: string): PasswordOptions | undefined;
  /** Stores what the same password has become. */
  upgrade(realm: string, user: string, credentials: Credentials): Promise<void>;
}

const hasPassword = (credentials: Credentials | null): credentials is Credentials =>
  credentials !== null && (credentials.cra ?? credentials.scram) !== undefined;

export function passwordMethod(options: PasswordMethodOptions): Method {
  const { kdf, mock } = options;
  const check = async (login: Login, password: string): Promise<MethodAnswer> => {
    const { principal, realm } = login;
    const stored = principal?.credentialUser.credentials ?? null;
    const kind = realm.passwordOptions.protocol === "scram" ? "scram" : "cra";
    const credentials = hasPassword(stored) ? stored : mock(login, kind);
    const right = await verifyPassword(kdf, password, credentials);
    if (!right || principal === undefined) return { kind: "failed", why: "wrong password, or none" };
    upgradeLater(options, principal, credentials, password);
    return { kind: "proved" };
  };
  return {
    name: "password",
    suits: ({ principal }) => hasPassword(principal?.credentialUser.credentials ?? null),
    begin: (login) => ({
      kind: "challenge",
      extra: {},
      proceed: (signature) => check(login, signature),
    }),
  };
}

/** Behind the login, which does not wait for it; the next login tries again where it fails. */
function upgradeLater(
  { kdf, fillRandom, log, optionsOf, upgrade }: PasswordMethodOptions,
  { credentialRealm, credentialUser, enabled }: Principal,
  old: Credentials,
  password: string,
): void {
  const wanted = optionsOf(credentialRealm);
  if (!enabled || wanted === undefined || !needsUpgrade(old, wanted)) return;
  const { username } = credentialUser;
  // The password has not changed: neither has the time of its change.
  hashPassword(kdf, password, wanted, fillRandom, old.changed_ms)
    .then((credentials) => upgrade(credentialRealm, username, credentials))
    .catch((cause: unknown) => {
      log.warn("auth", "a password could not be hashed anew", {
        realm: credentialRealm,
        user: username,
        cause: String(cause),
      });
    });
}
