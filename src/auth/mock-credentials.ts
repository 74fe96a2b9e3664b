/**
 * Credentials of users who do not exist, or have none: challenges and work are the same as for those who do. The salt of a name is always
 * the same ("WAMP-SCRAM", Initial Server Authentication Message); no password has these keys.
 */
import type { KdfParameters } from "../ports.ts";
import { fold } from "../security/check.ts";
import type { Credentials } from "../security/records.ts";
import { hmac, saltBytes } from "./credentials.ts";
import type { Login } from "./method.ts";

/** What WAMP-CRA is told in a realm whose passwords are hashed for SCRAM alone, by a function that it does not know. */
const craParameters: KdfParameters = { kdf: "pbkdf2", iterations: 10_000 };

export type MockCredentials = (login: Login, kind: "cra" | "scram") => Credentials;

/** Whether the user who does not exist would have `ability`: always the same for a name, and nothing that the name shows. */
export type MockAbility = (login: Pick<Login, "hello" | "realm">, ability: string) => boolean;

/** One name in four has an ability. `secret` as for mockCredentials. */
export function mockAbility(secret: Uint8Array): MockAbility {
  return ({ hello, realm }, ability) => {
    const name = JSON.stringify([realm.uri, fold(hello.authid ?? ""), ability]);
    return (hmac(secret, `ability ${name}`)[0]! & 3) === 0;
  };
}

/** `secret`: 32 random bytes or more that stay the same over restarts, or salts of invented users would show by changing. */
export function mockCredentials(secret: Uint8Array): MockCredentials {
  return ({ hello, realm }, kind) => {
    // Where credentials are of another realm, the same user has the same salt in all realms that take them from there.
    const name = JSON.stringify([realm.ssoRealmUri ?? realm.uri, fold(hello.authid ?? "")]);
    const bytes = (use: string): Buffer => hmac(secret, `${use} ${name}`);
    const { params } = realm.passwordOptions;
    const key = bytes("key").toString("base64");
    return {
      salt: bytes("salt").subarray(0, saltBytes).toString("base64"),
      params: kind === "cra" && params.kdf !== "pbkdf2" ? craParameters : params,
      ...(kind === "cra" ? { cra: key } : { scram: { stored_key: key, server_key: key } }),
      changed_ms: 0,
    };
  };
}
