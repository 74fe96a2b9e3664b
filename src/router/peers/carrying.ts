/**
 * Connections that belong elsewhere: a client has come to this router and wants a session back that another one has. The connection stays
 * here, and all that goes over it is carried to the router with the session and back, in order, with bounds in both directions. There it
 * is a connection like any other, and here nobody looks at its frames.
 */
import type { Accept, ConnectionEvents, OutgoingFrame, Scheduler, TransportInfo } from "../../ports.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { CarriedConnection } from "./carried-connection.ts";
import { Gate, type GateFront } from "./gate.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { PeerHandler, Peers } from "./peers.ts";
import { readTransportInfo, writtenTransportInfo } from "./transport-info.ts";

export interface CarryingParts {
  readonly peers: Peers;
  readonly scheduler: Pick<Scheduler, "endOfTurn" | "after">;
  readonly limits: { readonly inboxBytes_max: number; readonly goodbye_ms: number };
  /** Makes a session for a connection that another router carries here; null: it takes no more. */
  readonly accept: Accept;
}

export class Carrying implements PeerHandler {
  readonly #parts: CarryingParts;
  /** Connections that this router has for others, by the ids that it gives. */
  readonly #gates = new Map<number, Gate>();
  /** Those that others have for it, by router and their ids there. */
  readonly #carried: Map<number, CarriedConnection>[];
  #lastId = 0;

  constructor(parts: CarryingParts) {
    this.#parts = parts;
    this.#carried = Array.from({ length: parts.peers.count }, () => new Map<number, CarriedConnection>());
    parts.peers.handle(kindRange.connections, this);
  }

  /** Connections in either direction. */
  get count(): number {
    let carried = 0;
    for (const connections of this.#carried) carried += connections.size;
    return this.#gates.size + carried;
  }

  /**
   * Begins to carry a connection to another router, which is up: first `hello`. From now on what it says goes to the returned gate.
   * `pending`: frames that its client is to get before any other.
   */
  carry(
    peer: number,
    front: GateFront,
    pending: readonly OutgoingFrame[],
    hello: Uint8Array,
  ): ConnectionEvents {
    const { peers, scheduler, limits } = this.#parts;
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#gates.has(this.#lastId));
    const id = this.#lastId;
    const over = (): void => void this.#gates.delete(id);
    const gate = new Gate(front, pending, hello, { peers, scheduler, limits, peer, id, over });
    this.#gates.set(id, gate);
    const { serializer, info, peerFrameBytes_max, pause } = front.connection;
    const { writer } = peers;
    writer.begin(PeerKind.carry).u32(id).u8(serializer).f64(peerFrameBytes_max);
    writer.u8(pause === undefined ? 0 : 1).text(writtenTransportInfo(info));
    peers.send(peer, hello, false);
    return gate;
  }

  onMessage(peer: number, message: MessageReader): void {
    const { kind } = message;
    const id = message.u32();
    switch (kind) {
      case PeerKind.carry:
        return this.#onCarry(peer, id, message);
      case PeerKind.fromClient:
        return this.#carriedFrom(peer, id)?.onFrame(message.rest());
      case PeerKind.violation:
        return this.#carriedFrom(peer, id)?.onViolation(message.text());
      case PeerKind.toClientTaken:
        return this.#carriedFrom(peer, id)?.onTaken(message.u32());
      case PeerKind.lost:
        return this.#carriedFrom(peer, id)?.onLost();
      default:
        return this.#gates.get(id)?.onMessage(kind, message);
    }
  }

  #carriedFrom(peer: number, id: number): CarriedConnection | undefined {
    return this.#carried[peer]!.get(id);
  }

  #onCarry(peer: number, id: number, message: MessageReader): void {
    const given = {
      serializer: message.u8() as Serializer,
      peerFrameBytes_max: message.f64(),
      canPause: message.u8() === 1,
      info: readTransportInfo(message.text()) satisfies TransportInfo,
    };
    const hello = message.rest();
    const over = (): void => void this.#carried[peer]!.delete(id);
    const connection = new CarriedConnection(given, { peers: this.#parts.peers, peer, id, over });
    this.#carried[peer]!.set(id, connection);
    if (connection.begin(this.#parts.accept)) connection.onFrame(hello);
    else connection.handBack([], hello, false);
  }

  onDown(peer: number): void {
    for (const connection of this.#carried[peer]!.values()) connection.onLost();
    for (const gate of this.#gates.values()) if (gate.peer === peer) gate.onOwnerGone();
  }
}
