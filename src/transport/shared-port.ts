/**
 * Listening of the transports on node:net, alone or with other threads of this process. Where the system lets several sockets listen on
 * one port (SO_REUSEPORT, in node:net since Node 22.12, and in Bun), each thread has its own, and connections are spread evenly. Elsewhere,
 * and on a Unix socket, each has a copy of the first one's descriptor, and whichever is free takes the next connection.
 *
 * A copy is made by a child process that is handed the descriptor and hands it back, because node:net can neither duplicate one nor let go
 * of one: two threads with the same number would close each other's sockets. Control path.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { type AddressInfo, createServer, type ListenOptions, type Server } from "node:net";
import type { SharedPlace, TransportOptions } from "../ports.ts";
import { bunGlobal } from "./bun-types.ts";
import { listenError } from "./listen-error.ts";

export interface TcpPlace {
  readonly shared: TransportOptions["shared"];
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

/** Resolves to where other threads may join, null where they cannot. Rejects with whatever the runtime says, nothing left open. */
export async function listenTcp(
  server: Server,
  { host, port, shared }: TcpPlace,
): Promise<SharedPlace | null> {
  if (shared === undefined) {
    await listening(server, { host, port, exclusive: true });
    return null;
  }
  if (shared !== "first") {
    if (shared.descriptor === null) await listening(server, reusing({ host, port: shared.port }));
    else await listenOnCopy(server, shared.descriptor, shared.port);
    return shared;
  }
  if (!(await canReusePort())) {
    await listening(server, { host, port, exclusive: true });
    return placeByDescriptor(server);
  }
  // Sharing would hide that somebody else has the port.
  await listening(server, reusing({ host, port: await freePort({ host, port }) }));
  return { port: portOf(server), descriptor: null };
}

/** Of a listener that shares its port, for those where each thread has a socket of its own. */
export const placeAt = (port: number, shared: TransportOptions["shared"]): { place?: SharedPlace } =>
  shared === undefined ? {} : { place: { port, descriptor: null } };

/**
 * The port of a WebSocket listener whose threads have a socket of their own each. The first looks whether somebody else has it, which
 * sharing would hide. Rejects with one line that says what to do.
 */
export async function portToShare({ host, port, shared }: TcpPlace): Promise<number> {
  if (shared !== undefined && shared !== "first") return shared.port;
  try {
    return await freePort({ host, port });
  } catch (cause) {
    throw listenError(cause, { host, port, portFlag: "--port" });
  }
}

/** As listenTcp(), on a Unix socket. */
export async function listenUnix(
  server: Server,
  path: string,
  shared: TransportOptions["shared"],
): Promise<SharedPlace | null> {
  if (shared === undefined || shared === "first" || shared.descriptor === null) {
    await listening(server, { path });
    return shared === "first" ? placeByDescriptor(server) : null;
  }
  await listenOnCopy(server, shared.descriptor, 0);
  return shared;
}

/** The port itself, or any that is free where it is 0. Rejects with whatever the runtime says where nobody can listen there. */
export async function freePort({ host, port }: Pick<TcpPlace, "host" | "port">): Promise<number> {
  const probe = createServer();
  await listening(probe, { host, port, exclusive: true });
  const free = portOf(probe);
  await new Promise((resolve) => probe.close(resolve));
  return free;
}

/** The type of Node 20 does not know it. */
const reusing = (where: ListenOptions): ListenOptions & { reusePort: boolean } => ({
  ...where,
  reusePort: true,
});

/** 0 for a Unix socket. */
function portOf(server: Server): number {
  const address = server.address() as AddressInfo | string | null;
  return typeof address === "object" && address !== null ? address.port : 0;
}

let reuse: Promise<boolean> | undefined;

/** Whether two sockets of node:net can listen on one port: tried out once, for the option is ignored where it is not known. */
function canReusePort(): Promise<boolean> {
  reuse ??= tryReuse();
  return reuse;
}

async function tryReuse(): Promise<boolean> {
  const host = "127.0.0.1";
  const one = createServer();
  const other = createServer();
  try {
    await listening(one, reusing({ host, port: 0 }));
    await listening(other, reusing({ host, port: portOf(one) }));
    return true;
  } catch {
    return false;
  } finally {
    one.close();
    other.close();
  }
}

function listening(server: Server, where: ListenOptions | object): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => {
      server.off("listening", began);
      reject(cause);
    };
    const began = (): void => {
      server.off("error", failed);
      resolve();
    };
    server.once("error", failed);
    server.once("listening", began);
    server.listen(where);
  });
}

/** Null where a descriptor cannot be listened on by others: on Bun, and on Windows, which has none. */
function placeByDescriptor(server: Server): SharedPlace | null {
  const { _handle: handle } = server as unknown as { readonly _handle: { readonly fd?: number } | null };
  const descriptor = handle?.fd ?? -1;
  return descriptor < 0 || bunGlobal() !== undefined ? null : { port: portOf(server), descriptor };
}

async function listenOnCopy(server: Server, descriptor: number, port: number): Promise<void> {
  await listening(server, await copyOf(descriptor));
  // The first may have gone meanwhile, and something else may have got its number.
  if (portOf(server) === port) return;
  server.close();
  throw new Error(`what should listen on port ${port} is another socket`);
}

const copy_ms = 20_000;

/** Takes descriptor 3 without listening on it or reading from it, and hands it back. */
const childScript = `const { Socket } = require("node:net");
const socket = new Socket({ fd: 3, manualStart: true, readable: false, writable: false });
process.send("copy", socket._handle, () => process.exit());`;

/** A handle of node:net for the same socket under a descriptor of its own. */
function copyOf(descriptor: number): Promise<object> {
  return handedBack(descriptor).catch((cause: unknown) => {
    throw new Error("cannot copy the descriptor of a listening socket", { cause });
  });
}

function handedBack(descriptor: number): Promise<object> {
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, ["-e", childScript], {
      stdio: ["ignore", "ignore", "ignore", descriptor, "ipc"],
      env,
      timeout: copy_ms,
      windowsHide: true,
    });
    const failed = (why: unknown): void => reject(new Error(`the process that copies it ended (${why})`));
    child.once("error", reject);
    child.once("exit", failed);
    child.once("message", (_message, handle?: unknown) => {
      if (typeof handle === "object" && handle !== null) resolve(handle);
      else failed("without it");
    });
  });
}
