/**
 * RawSocket over TCP, TLS and Unix sockets, on node:net and node:tls: works on Node and on Bun. The wire format is in rawsocket-framing.ts, the
 * handshake in rawsocket-acceptor.ts, one connection in rawsocket-connection.ts; here is listening. Control path.
 */
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { connect, type Server, type Socket } from "node:net";
import { dirname, resolve } from "node:path";
import type { Listener, RawSocketListenOptions, SharedPlace } from "../ports.ts";
import { Front, type Origin } from "./front.ts";
import { codeOf, listenError, unixListenError } from "./listen-error.ts";
import { RawSocketAcceptor } from "./rawsocket-acceptor.ts";
import { listenTcp, listenUnix } from "./shared-port.ts";

/**
 * Listens on `port` of `host` (default 127.0.0.1) or on `unixPath`, which has neither TLS nor proxies. Rejects with one line that says
 * what to do.
 */
export async function listenRawSocket(options: RawSocketListenOptions): Promise<Listener> {
  const { unixPath, tls: _tls, trustedProxies: _proxies, ...plain } = options;
  const listener = new RawSocketListener(unixPath === undefined ? options : { ...plain, unixPath });
  await listener.open();
  return listener;
}

const defaultHost = "127.0.0.1";

class RawSocketListener implements Listener {
  readonly #options: RawSocketListenOptions;
  readonly #front: Front;
  readonly #acceptor: RawSocketAcceptor;
  place: SharedPlace | null = null;
  #unixInode = 0;
  #closed: Promise<void> | undefined;

  constructor(options: RawSocketListenOptions) {
    this.#options = options;
    const { unixPath } = options;
    const peer = unixPath === undefined ? null : resolve(unixPath);
    const adopt = (socket: Socket, origin: Origin): void =>
      this.#acceptor.adopt(socket, peer === null ? origin : { peer });
    this.#front = new Front(options, adopt, peer !== null);
    this.#acceptor = new RawSocketAcceptor(options);
  }

  get #server(): Server {
    return this.#front.server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : (this.#options.port ?? 0);
  }

  get url(): string {
    const { host = defaultHost, unixPath, tls } = this.#options;
    if (unixPath !== undefined) return `unix:${unixPath}`;
    return `${tls === undefined ? "tcp" : "tcps"}://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  async open(): Promise<void> {
    try {
      const { unixPath } = this.#options;
      if (unixPath === undefined) await this.#openTcp();
      else await this.#openUnix(unixPath);
      // From here on: a connection that could not be accepted. The next one may be, so the listener stays.
      this.#server.on("error", () => {});
    } catch (cause) {
      this.#front.stop();
      await this.#acceptor.stop();
      throw cause;
    }
  }

  async #openTcp(): Promise<void> {
    const { host = defaultHost, port = 0, shared } = this.#options;
    try {
      this.place = await listenTcp(this.#server, { host, port, shared });
    } catch (cause) {
      throw listenError(cause, { host, port, portFlag: "--rawsocket-port" });
    }
  }

  async #openUnix(path: string): Promise<void> {
    const { shared } = this.#options;
    const listen = (): Promise<SharedPlace | null> => listenUnix(this.#server, path, shared);
    try {
      this.place = await listen().catch(async (cause: unknown) => {
        if (codeOf(cause) !== "EADDRINUSE" || !(await isStale(path))) throw cause;
        unlinkSync(path);
        return listen();
      });
    } catch (cause) {
      throw unixListenError(cause, path, existsSync(dirname(path)));
    }
    // Who has joined leaves the file to the first.
    if (shared === undefined || shared === "first") this.#unixInode = inodeOf(path);
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#front.stop();
    await this.#acceptor.stop();
    await stopped;
    const { unixPath } = this.#options;
    // Node has removed the file already; other runtimes may not. Someone else's file at the same path stays.
    if (unixPath !== undefined && this.#unixInode !== 0 && inodeOf(unixPath) === this.#unixInode)
      unlinkSync(unixPath);
  }
}

/** 0 where there is no such file. */
function inodeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}

/** Whether a socket file was left behind by a program that is gone. Anything that is not a socket is not ours to remove. */
function isStale(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (cause) => resolve(codeOf(cause) === "ECONNREFUSED"));
  });
}
