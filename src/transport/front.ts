/**
 * Takes sockets for the transports that run on node:net: believes what proxies of ours say before the connection begins, speaks TLS where the
 * listener does, and hands over what is left. Works on Node and on Bun. Control path.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import type { TlsPeer, TransportOptions } from "../ports.ts";
import { peerAddress } from "./address.ts";
import { mayName, TrustedProxies } from "./proxies.ts";
import { readProxyHeader } from "./proxy-protocol.ts";
import { Certificates, NodeContexts } from "./tls.ts";
import { tlsPeerOf } from "./tls-peer.ts";

/** Who is at the other end of a socket. */
export interface Origin {
  /** As peerAddress() writes it; behind a proxy of ours, whom it speaks for. */
  readonly peer: string;
  readonly tls?: TlsPeer;
}

export class Front {
  /** To be listened with. */
  readonly server: Server;
  readonly proxies: TrustedProxies;
  readonly #handshake_ms: number;
  readonly #hand: (socket: Socket, origin: Origin) => void;
  readonly #isUnix: boolean;
  readonly #certificates: Certificates | null = null;
  readonly #tls: TlsServer | null = null;
  /** Those whose first bytes are not there yet, with the timers that end them. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();
  /** Sockets that shake hands of TLS, by their address and port: the server gives back others than it was given. */
  readonly #shaking = new Map<string, { readonly socket: Socket; readonly peer: string }>();

  /**
   * `hand` takes over sockets that nobody has read from; those of a Unix socket have no address. Throws where TLS is wanted and its files
   * are not good.
   */
  constructor(options: TransportOptions, hand: (socket: Socket, origin: Origin) => void, isUnix = false) {
    const { tls, trustedProxies, handshake_ms, log } = options;
    this.proxies = new TrustedProxies(trustedProxies);
    this.#handshake_ms = handshake_ms;
    this.#hand = hand;
    this.#isUnix = isUnix;
    this.server = createServer({ noDelay: true }, (socket) => this.#onSocket(socket));
    if (tls === undefined) return;
    if (options.connections_max !== undefined) this.server.maxConnections = options.connections_max;
    this.#certificates = new Certificates(tls, log);
    this.#tls = this.#tlsServer(this.#certificates);
  }

  /** Drops what has not been handed over. */
  stop(): void {
    this.#certificates?.stop();
    for (const socket of this.#waiting.keys()) socket.destroy();
    for (const { socket } of this.#shaking.values()) socket.destroy();
  }

  #tlsServer(certificates: Certificates): TlsServer {
    const { options, material } = certificates;
    const { clientCertificate = "none" } = options;
    let contexts = new NodeContexts(material, options);
    const server = createTlsServer({
      ...contexts.standard,
      requestCert: clientCertificate !== "none",
      rejectUnauthorized: clientCertificate === "require",
      handshakeTimeout: this.#handshake_ms,
      SNICallback: (name, answer) => answer(null, contexts.forName(name)),
    });
    server.on("secureConnection", (socket) => this.#onSecure(socket));
    // No TLS, or not ours, or no certificate that we take; in time or not. The client has been told where there is a way to.
    server.on("tlsClientError", (_cause, socket) => socket.destroy());
    certificates.follow((changed) => {
      const next = new NodeContexts(changed, options);
      server.setSecureContext(next.standard);
      contexts = next;
    });
    return server;
  }

  #onSocket(socket: Socket): void {
    const { remoteAddress } = socket;
    // Gone already: nobody can say where it was, and nobody hears an answer. What it has sent may still be there to be read.
    if (remoteAddress === undefined && !this.#isUnix) {
      socket.on("error", () => {}).destroy();
      return;
    }
    const peer = peerAddress(remoteAddress ?? "");
    if (this.proxies.trusts(peer)) this.#awaitHeader(socket, peer);
    else this.#begin(socket, peer);
  }

  /** A proxy may begin with a header of its own, but need not. */
  #awaitHeader(socket: Socket, peer: string): void {
    let start: Buffer = Buffer.alloc(0);
    const ended = (): void => {
      clearTimeout(this.#waiting.get(socket));
      this.#waiting.delete(socket);
    };
    const failed = (): void => {};
    const onData = (chunk: Buffer): void => {
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
      const result = readProxyHeader(start);
      if (result.kind === "more") return;
      if (result.kind === "malformed") {
        socket.destroy();
        return;
      }
      ended();
      socket.off("data", onData).off("close", ended).off("error", failed);
      const rest = result.kind === "found" ? start.subarray(result.headerBytes) : start;
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      const named = result.kind === "found" ? result.peer : null;
      this.#begin(socket, named !== null && mayName(peer, named) ? named : peer);
      // TLS reads what is there and what comes by itself: a socket that flowed would take it away.
      if (this.#tls === null) socket.resume();
    };
    this.#waiting.set(
      socket,
      setTimeout(() => socket.destroy(), this.#handshake_ms),
    );
    socket.on("data", onData).on("close", ended).on("error", failed);
  }

  #begin(socket: Socket, peer: string): void {
    if (this.#tls === null) {
      this.#hand(socket, { peer });
      return;
    }
    const key = endOf(socket);
    const shaking = { socket, peer };
    this.#shaking.set(key, shaking);
    // The close event follows.
    socket.on("error", () => {});
    socket.once("close", () => {
      if (this.#shaking.get(key) === shaking) this.#shaking.delete(key);
    });
    this.#tls.emit("connection", socket);
  }

  #onSecure(socket: TLSSocket): void {
    const key = endOf(socket);
    const shaken = this.#shaking.get(key);
    // It went away in the meantime.
    if (shaken === undefined) {
      socket.destroy();
      return;
    }
    this.#shaking.delete(key);
    this.#hand(socket, { peer: shaken.peer, tls: tlsPeerOf(socket) });
  }
}

const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
