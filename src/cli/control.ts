/**
 * How a command reaches the router that has a data directory open: a Unix socket in that directory, which is closed to other users,
 * one line of JSON each way. A router that keeps nothing has none. Control path.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fixedLimits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";

export interface ControlRequest {
  readonly command: "backup";
  /** Absolute path of the file to write. */
  readonly path: string;
}

export interface ControlAnswer {
  readonly ok: boolean;
  /** Why not. */
  readonly error?: string;
}

const socketPath = (dir: string): string => join(dir, "control.sock");
/** Time for a command to come in. Beyond: connection closed. */
const request_ms = 10_000;
/** The longest address of a Unix socket on all systems, in bytes. */
const addressBytes_max = 103;

/** Serves the directory's owner until closed. Null, with a warning, where the directory's path is too long for a socket's address. */
export async function listenControl(
  dir: string,
  answer: (request: ControlRequest) => Promise<void>,
  log: Log,
): Promise<{ close(): Promise<void> } | null> {
  const path = socketPath(dir);
  if (Buffer.byteLength(path) > addressBytes_max) {
    log.warn("control", "no backup while the router runs: the path of its data directory is too long", {
      dir,
    });
    return null;
  }
  // Who has the directory's store open is alone in it: a socket that is there was left by a router that died.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, answer);
  });
  server.maxConnections = fixedLimits.controlConnections_max;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  server.unref();
  return { close: () => closeServer(server, sockets, path) };
}

function closeServer(server: Server, sockets: ReadonlySet<Socket>, path: string): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => {
    server.close(() => {
      rmSync(path, { force: true });
      resolve();
    });
  });
}

function serve(socket: Socket, answer: (request: ControlRequest) => Promise<void>): void {
  const end = (reply: ControlAnswer): void => void socket.end(`${JSON.stringify(reply)}\n`);
  socket.on("error", () => socket.destroy());
  socket.setTimeout(request_ms, () => socket.destroy());
  readLine(socket).then(
    (line) => {
      socket.setTimeout(0);
      const request = requestFrom(line);
      if (request === undefined) return end({ ok: false, error: "the router does not know this command" });
      return answer(request).then(
        () => end({ ok: true }),
        (cause: unknown) => end({ ok: false, error: messageOf(cause) }),
      );
    },
    () => socket.destroy(),
  );
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function requestFrom(line: string): ControlRequest | undefined {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { command, path } = (request ?? {}) as { readonly command?: unknown; readonly path?: unknown };
  return command === "backup" && typeof path === "string" ? { command, path } : undefined;
}

/** What comes before the first line feed. Rejects when the socket ends before, or the line is too long. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      text += piece;
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > fixedLimits.controlLine_max) reject(new Error("the line is too long"));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the router ended before it answered")));
  });
}

/** Asks the router that has the directory open; undefined: none has. Rejects with what the router says against it. */
export async function askControl(dir: string, request: ControlRequest): Promise<ControlAnswer | undefined> {
  const socket = await reach(socketPath(dir));
  if (socket === undefined) return undefined;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await readLine(socket)) as ControlAnswer;
  } finally {
    socket.destroy();
  }
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    // Nothing there, or left behind by a router that died.
    socket.once("error", () => resolve(undefined));
  });
}
