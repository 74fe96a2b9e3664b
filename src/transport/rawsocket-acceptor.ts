/** Makes RawSocket connections of sockets, wherever they were accepted: the handshake, and its bounds. Control path. */
import type { Socket } from "node:net";
import type { TransportOptions } from "../ports.ts";
import { BatchWriter } from "./batch-writer.ts";
import type { Origin } from "./front.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";
import {
  acceptance,
  Handshake,
  HandshakeError,
  type HandshakeResult,
  messageHeaders,
  refusal,
} from "./rawsocket-framing.ts";
import { Sweep } from "./sweep.ts";

export class RawSocketAcceptor {
  readonly #options: TransportOptions;
  readonly #sweep: Sweep<RawSocketConnection, Socket>;
  readonly #writer = new BatchWriter(messageHeaders);
  #isStopped = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#sweep = new Sweep(options);
  }

  /** Takes a socket over. `first` is what was read from it already. */
  adopt(socket: Socket, origin: Origin, first?: Buffer): void {
    // The close event follows.
    socket.on("error", () => {});
    if (this.#isStopped) {
      socket.destroy();
      return;
    }
    this.#sweep.handshaking(socket);
    socket.once("close", () => this.#sweep.released(socket));
    const handshake = new Handshake();
    const onData = (chunk: Buffer): void => {
      const result = handshake.push(chunk);
      if (result.kind === "more") return;
      socket.off("data", onData);
      this.#onHandshake(socket, origin, result);
    };
    socket.on("data", onData);
    if (first !== undefined) onData(first);
  }

  /** Drops everything. Settles once every connection is gone. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#sweep.stop();
  }

  #onHandshake(socket: Socket, origin: Origin, result: Exclude<HandshakeResult, { kind: "more" }>): void {
    switch (result.kind) {
      case "foreign":
        socket.destroy();
        return;
      case "refused":
        this.#refuse(socket, result.error);
        return;
      case "accepted":
        this.#connect(socket, origin, result);
    }
  }

  #connect(
    socket: Socket,
    origin: Origin,
    { serializer, peerFrameBytes_max, rest }: Extract<HandshakeResult, { kind: "accepted" }>,
  ): void {
    const { accept, frameBytes_max } = this.#options;
    const connection = new RawSocketConnection(socket, {
      serializer,
      frameBytes_max,
      peerFrameBytes_max,
      origin,
      writer: this.#writer,
      sweep: this.#sweep,
    });
    if (!connection.begin(accept)) {
      this.#refuse(socket, HandshakeError.connections);
      return;
    }
    this.#sweep.released(socket);
    socket.write(acceptance(serializer, frameBytes_max));
    connection.opened(rest);
  }

  /** The client may still be sending: the answer is only sure to arrive if the socket is read until the client has closed. */
  #refuse(socket: Socket, error: HandshakeError): void {
    this.#sweep.closing(socket);
    socket.resume();
    socket.end(refusal(error));
  }
}
