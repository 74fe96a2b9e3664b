/**
 * RawSocket, WebSocket and HTTP on one port, told apart by the first byte that a client sends: 0x7F begins a RawSocket handshake, a
 * letter an HTTP request. For servers that take sockets which others have accepted. Control path.
 */
import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { Origin } from "./front.ts";
import type { RawSocketAcceptor } from "./rawsocket-acceptor.ts";

/** What bounds the time until the first byte has come, or a refused client has gone. */
export interface Deadlines {
  handshaking(socket: Socket): void;
  closing(socket: Socket): void;
  released(socket: Socket): void;
}

export interface UniversalPortParts {
  readonly http: HttpServer;
  /** Null where only HTTP is served. */
  readonly rawsocket: RawSocketAcceptor | null;
  readonly deadlines: Deadlines;
}

const rawSocketMagic = 0x7f;
const tlsHandshake = 0x16;
/** Alert of TLS, fatal: handshake_failure. A client prints it, where it would only wonder at a closed connection. */
const tlsRefusal = Uint8Array.of(0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28);

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

export class UniversalPort {
  readonly #parts: UniversalPortParts;
  /** Those that the HTTP server has: it does not count what it did not accept itself. */
  readonly #httpSockets = new Map<Socket, Origin>();

  constructor(parts: UniversalPortParts) {
    this.#parts = parts;
  }

  /** Of a socket that the HTTP server has. */
  originOf(socket: Socket): Origin | undefined {
    return this.#httpSockets.get(socket);
  }

  /** Drops what is open. Settles once it is gone. */
  async stop(): Promise<void> {
    for (const socket of this.#httpSockets.keys()) socket.destroy();
    await this.#parts.rawsocket?.stop();
  }

  /** Takes over a socket that nobody has read from. */
  adopt(socket: Socket, origin: Origin): void {
    const { deadlines } = this.#parts;
    const onError = (): void => {};
    const onClose = (): void => deadlines.released(socket);
    deadlines.handshaking(socket);
    // The close event follows.
    socket.on("error", onError).once("close", onClose);
    socket.once("data", (first: Buffer) => {
      socket.off("error", onError).off("close", onClose);
      deadlines.released(socket);
      this.#hand(socket, origin, first);
    });
  }

  #hand(socket: Socket, origin: Origin, first: Buffer): void {
    const byte = first[0]!;
    const { rawsocket } = this.#parts;
    if (byte === rawSocketMagic && rawsocket !== null) {
      rawsocket.adopt(socket, origin, first);
    } else if (isLetter(byte)) {
      this.#toHttp(socket, origin, first);
    } else {
      socket.on("error", () => {});
      this.#parts.deadlines.closing(socket);
      socket.resume();
      if (byte === tlsHandshake) socket.end(tlsRefusal);
      else socket.destroy();
    }
  }

  #toHttp(socket: Socket, origin: Origin, first: Buffer): void {
    this.#httpSockets.set(socket, origin);
    socket.once("close", () => this.#httpSockets.delete(socket));
    // The server reads the socket from its beginning.
    socket.pause();
    socket.unshift(first);
    this.#parts.http.emit("connection", socket);
    socket.resume();
  }
}
