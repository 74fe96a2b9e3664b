/** A whole configuration: what the file says, with environment and flags over it, and all paths resolved. Types only. */
import type { LogLevel } from "../base/log.ts";
import type { Limits } from "../base/limits.ts";
import type { PasswordOptions } from "../security/records.ts";
import type { ListenerConfig } from "./schema-listeners.ts";

/** Realm definitions with the name of what they come from, as the security model takes them. */
export interface DefinitionSource {
  /** Path of the file, or what else it is. */
  readonly name: string;
  /** A list of realms in the shape of Bondy's security_config.json. */
  readonly realms: unknown;
}

export interface Config {
  readonly listeners: readonly ListenerConfig[];
  /** Directory of the durable state; null: in memory. */
  readonly data: string | null;
  readonly definitions: readonly DefinitionSource[];
  /** URI of the realm that is there although no definition was given: open to anonymous clients. */
  readonly openRealm: string | null;
  readonly automaticRealms: boolean | Readonly<Record<string, unknown>>;
  readonly administrator: {
    /** For the first start; never shown. */
    readonly password?: string;
  };
  /** Of realms that do not say; without a protocol, a realm's methods decide it. */
  readonly password: Partial<PasswordOptions>;
  readonly limits: Partial<Limits>;
  /** Threads; `auto`: one for each core. */
  readonly workers: number | "auto";
  readonly logLevel: LogLevel;
}
