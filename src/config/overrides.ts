/** What flags and environment variables say over the configuration file. Control path; pure. */
import type { LogLevel } from "../base/log.ts";
import type { Problem } from "./problems.ts";
import type { FileConfig } from "./schema.ts";
import type { ListenerConfig } from "./schema-listeners.ts";

/** A value, and the flag (`--port`) or environment variable (`SPANWIRE_PORT`) that it came from. */
export interface Given<T> {
  readonly value: T;
  readonly from: string;
}

export interface Overrides {
  /** Address of every TCP listener. */
  readonly host?: Given<string>;
  /** Port of the first WebSocket listener, which is added where there is none. */
  readonly port?: Given<number>;
  /** Port of the first RawSocket listener over TCP, which is added where there is none. */
  readonly rawsocketPort?: Given<number>;
  /** Path of the first RawSocket listener on a Unix socket, which is added where there is none. */
  readonly unix?: Given<string>;
  /** Of every listener. */
  readonly allowAnonymous?: Given<boolean>;
  /** Adapter of every WebSocket listener. */
  readonly transport?: Given<"uws" | "bun" | "ws">;
  /** A realm that is open to anonymous clients of this machine. */
  readonly realm?: Given<string>;
  readonly maxFrame?: Given<number>;
  readonly workers?: Given<number | "auto">;
  readonly logLevel?: Given<LogLevel>;
  /** Directory of the durable state, relative to the working directory. */
  readonly data?: Given<string>;
  readonly ephemeral?: Given<boolean>;
  /** The administrator's password at the first start, and a file that has it. */
  readonly adminPassword?: Given<string>;
  readonly adminPasswordFile?: Given<string>;
}

export interface Overridden {
  readonly config: FileConfig;
  /** Where a value came from, by its path in the configuration, joined by dots; absent: from the file, or by default. */
  readonly origins: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

export function applyOverrides(file: FileConfig, given: Overrides): Overridden {
  const origins = new Map<string, string>();
  const listeners = overrideListeners(file.listeners, given, origins);
  const { store, problems } = overrideStore(file.store, given, origins);
  if (given.maxFrame !== undefined) origins.set("limits.frameBytes_max", given.maxFrame.from);
  const config: FileConfig = {
    ...file,
    listeners: [...listeners],
    store,
    limits: { ...file.limits, ...(given.maxFrame && { frameBytes_max: given.maxFrame.value }) },
    workers: given.workers?.value ?? file.workers,
    log: { ...file.log, ...(given.logLevel && { level: given.logLevel.value }) },
  };
  return { config, origins, problems };
}

function overrideListeners(
  listeners: readonly ListenerConfig[],
  given: Overrides,
  origins: Map<string, string>,
): readonly ListenerConfig[] {
  const result = [...listeners];
  const note = (index: number, option: string, { from }: Given<unknown>): void =>
    void origins.set(`listeners.${index}.${option}`, from);
  const first = (fits: (listener: ListenerConfig) => boolean): number => {
    const index = result.findIndex(fits);
    return index < 0 ? result.length : index;
  };
  const { port, rawsocketPort, unix, host, transport, allowAnonymous } = given;
  if (port !== undefined) {
    const at = first(({ kind }) => kind !== "rawsocket");
    result[at] = { ...(result[at] ?? newWebSocket), port: port.value } as ListenerConfig;
    note(at, "port", port);
  }
  if (rawsocketPort !== undefined) {
    const at = first((one) => one.kind === "rawsocket" && one.unix === undefined);
    result[at] = { ...(result[at] ?? newRawSocket), port: rawsocketPort.value } as ListenerConfig;
    note(at, "port", rawsocketPort);
  }
  if (unix !== undefined) {
    const at = first((one) => one.kind === "rawsocket" && one.unix !== undefined);
    result[at] = { ...(result[at] ?? newRawSocket), unix: unix.value } as ListenerConfig;
    note(at, "unix", unix);
  }
  return result.map((listener, index) => {
    const overTcp = listener.kind !== "rawsocket" || listener.unix === undefined;
    if (overTcp && host !== undefined) note(index, "host", host);
    return {
      ...listener,
      ...(overTcp && host !== undefined && { host: host.value }),
      ...(listener.kind !== "rawsocket" && transport !== undefined && { transport: transport.value }),
      ...(allowAnonymous !== undefined && { allowAnonymous: allowAnonymous.value }),
    };
  });
}

const reachable = { host: "127.0.0.1", trustedProxies: [], allowAnonymous: false };
const newWebSocket = { kind: "websocket", ...reachable, path: "/ws", deflate: false, http: true };
const newRawSocket = { kind: "rawsocket", ...reachable };

/** A flag beats an environment variable, of whatever name; two flags that say different things are a problem. */
function overrideStore(
  store: FileConfig["store"],
  { data, ephemeral }: Overrides,
  origins: Map<string, string>,
): { readonly store: FileConfig["store"]; readonly problems: readonly Problem[] } {
  const isEphemeral = ephemeral?.value === true ? ephemeral : undefined;
  if (data !== undefined && isEphemeral !== undefined && isFlag(data) === isFlag(isEphemeral)) {
    const message = `says that the state is kept, and ${isEphemeral.from} that it is not; choose one`;
    return { store, problems: [{ file: data.from, path: [], message }] };
  }
  if (isEphemeral !== undefined && (data === undefined || isFlag(isEphemeral)))
    return { store: "ephemeral", problems: [] };
  if (data === undefined) return { store, problems: [] };
  origins.set("store.path", data.from);
  return { store: { path: data.value }, problems: [] };
}

const isFlag = ({ from }: Given<unknown>): boolean => from.startsWith("--");
