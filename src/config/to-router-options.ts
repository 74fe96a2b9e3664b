/** From a checked configuration to what a router is built from. Control path; pure. */
import type { Limits } from "../base/limits.ts";
import { defaultRawSocketPort } from "./checks.ts";
import type { Config, DefinitionSource } from "./config.ts";
import { type Definition, openRealmDefinition, openRealmName } from "./open-realm.ts";
import type { ListenerConfig, TlsConfig } from "./schema-listeners.ts";

export type ConfiguredTls = Omit<TlsConfig, "caFile"> & { readonly caFile?: string };

interface Shared {
  readonly tls?: ConfiguredTls;
  readonly trustedProxies: readonly string[];
}

export interface ConfiguredWebSocket extends Shared {
  readonly kind: "websocket";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Absent: the fastest adapter that loads. */
  readonly transport?: "uws" | "bun" | "ws";
  readonly deflate: boolean;
  readonly http:
    | boolean
    | {
        readonly longpoll: boolean | string;
        readonly sse: boolean | string;
        readonly origins: readonly string[];
        readonly health: boolean;
      };
  /** RawSocket is served on the same port too. */
  readonly rawsocket: boolean;
}

export type ConfiguredRawSocket = Shared & { readonly kind: "rawsocket" } & (
    | { readonly host: string; readonly port: number }
    | { readonly unixPath: string }
  );

export type ConfiguredListener = ConfiguredWebSocket | ConfiguredRawSocket;

export interface ConfiguredRouter {
  readonly listeners: readonly ConfiguredListener[];
  readonly limits: Partial<Limits>;
  readonly workers: number | "auto";
  readonly preferLocal: boolean;
  readonly security: {
    readonly definitions: readonly DefinitionSource[];
    readonly automaticRealms?: Definition;
    readonly administrator: { readonly password?: string };
    /** For realms without `password_opts`. */
    readonly password: Config["password"];
  };
}

export function toRouterOptions(config: Config): ConfiguredRouter {
  const anywhere = config.listeners.some(({ allowAnonymous }) => allowAnonymous);
  // Named also where there is none: the model then takes back the one of an earlier start.
  const open = config.openRealm === null ? [] : [openRealmDefinition(config.openRealm, anywhere)];
  return {
    listeners: config.listeners.map(listenerOf),
    limits: config.limits,
    workers: config.workers,
    preferLocal: config.preferLocal,
    security: {
      definitions: [...config.definitions, { name: openRealmName, realms: open }],
      ...automaticRealmsOf(config, anywhere),
      administrator: config.administrator,
      password: config.password,
    },
  };
}

function automaticRealmsOf({ automaticRealms }: Config, anywhere: boolean): { automaticRealms?: Definition } {
  if (automaticRealms === false) return {};
  if (automaticRealms !== true) return { automaticRealms };
  const { uri: _, ...like } = openRealmDefinition("", anywhere);
  return { automaticRealms: like };
}

function listenerOf(listener: ListenerConfig): ConfiguredListener {
  const { trustedProxies } = listener;
  const shared = { trustedProxies, ...(listener.tls !== undefined && { tls: tlsOf(listener.tls) }) };
  if (listener.kind === "rawsocket") {
    const { host, port = defaultRawSocketPort, unix } = listener;
    return { kind: "rawsocket", ...shared, ...(unix === undefined ? { host, port } : { unixPath: unix }) };
  }
  const { host, port, path, transport, deflate, http } = listener;
  return {
    kind: "websocket",
    ...shared,
    host,
    port,
    path,
    ...(transport !== undefined && { transport }),
    deflate,
    http,
    rawsocket: listener.kind === "universal",
  };
}

function tlsOf({ caFile, ...tls }: TlsConfig): ConfiguredTls {
  return caFile === undefined ? tls : { ...tls, caFile };
}
