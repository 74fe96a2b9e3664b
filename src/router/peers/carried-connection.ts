/** A connection that another router has, in the router with its session. See gate.ts for the other end. */
import { fixedLimits } from "../../base/limits.ts";
import type { Accept, Connection, ConnectionEvents, OutgoingFrame, TransportInfo } from "../../ports.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { PeerKind } from "./kinds.ts";
import type { Peers } from "./peers.ts";

export interface CarriedGiven {
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max: number;
  /** Its transport can stop reading. */
  readonly canPause: boolean;
}

export interface CarriedParts {
  readonly peers: Peers;
  readonly peer: number;
  readonly id: number;
  /** Nothing more comes of it. */
  over(): void;
}

/** Bytes from the client that are told as taken together. */
const toldBytes = 32 << 10;

const State = { open: 0, closing: 1, closed: 2 } as const;
type State = (typeof State)[keyof typeof State];

export class CarriedConnection implements Connection {
  readonly serializer: Serializer;
  readonly info: TransportInfo;
  readonly peerFrameBytes_max: number;
  readonly pause?: (paused: boolean) => void;
  readonly #parts: CarriedParts;
  #events: ConnectionEvents | null = null;
  #state: State = State.open;
  /** Bytes sent that the client's socket has not taken. */
  #underWay = 0;
  #owesDrain = false;
  /** Bytes from the client that have been handled, and not told. */
  #handled = 0;

  constructor({ serializer, info, peerFrameBytes_max, canPause }: CarriedGiven, parts: CarriedParts) {
    this.serializer = serializer;
    this.info = info;
    this.peerFrameBytes_max = peerFrameBytes_max;
    this.#parts = parts;
    if (canPause) this.pause = (paused) => this.#say(PeerKind.pause, paused ? 1 : 0);
  }

  /** Asks for a session. False where there is none. */
  begin(accept: Accept): boolean {
    this.#events = accept(this);
    return this.#events !== null;
  }

  // ---- from the session

  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    if (this.#state !== State.open) return count;
    let next = from;
    while (next < count) {
      const { bytes } = frames[next]!;
      if (this.#underWay > 0 && this.#underWay + bytes.length > fixedLimits.carriedBytes_max) break;
      this.#sendOne(bytes);
      next++;
    }
    if (next < count) this.#owesDrain = true;
    return next;
  }

  #sendOne(bytes: Uint8Array): void {
    const { peers, peer, id } = this.#parts;
    peers.writer.begin(PeerKind.toClient).u32(id);
    peers.send(peer, bytes, false);
    this.#underWay += bytes.length;
  }

  bufferedBytes(): number {
    return this.#underWay;
  }

  close(code: number, reason: string): void {
    this.#close(code, reason);
  }

  terminate(): void {
    this.#close(0, "");
  }

  /** Code 0: at once. */
  #close(code: number, reason: string): void {
    if (this.#state !== State.open) return;
    this.#state = State.closing;
    const { peers, peer, id } = this.#parts;
    peers.writer.begin(PeerKind.close).u32(id).u32(code).text(reason);
    peers.send(peer, null, false);
  }

  /**
   * Gives it back to the router that it came to, with these frames for its client and a HELLO to be answered there, or by whoever that
   * router hands it to. Its session here hears that it is gone.
   */
  handBack(pending: readonly OutgoingFrame[], hello: Uint8Array, mayCarry: boolean): void {
    if (this.#state !== State.open) return;
    for (const { bytes } of pending) this.#sendOne(bytes);
    const { peers, peer, id, over } = this.#parts;
    peers.writer
      .begin(PeerKind.handBack)
      .u32(id)
      .u32(mayCarry ? 1 : 0);
    peers.send(peer, hello, false);
    this.#state = State.closed;
    over();
    const events = this.#events;
    // Not from inside the session's own call.
    queueMicrotask(() => events?.onClose());
  }

  // ---- from the router that it came to

  onFrame(bytes: Uint8Array): void {
    if (this.#state !== State.open) return;
    this.#handled += bytes.length;
    this.#events!.onFrame(bytes);
    if (this.#handled < toldBytes || this.#state !== State.open) return;
    this.#say(PeerKind.fromClientTaken, this.#handled);
    this.#handled = 0;
  }

  onViolation(problem: string): void {
    if (this.#state === State.open) this.#events!.onViolation(problem);
  }

  onTaken(bytes: number): void {
    this.#underWay -= bytes;
    if (!this.#owesDrain || this.#state !== State.open) return;
    if (this.#underWay * 2 > fixedLimits.carriedBytes_max) return;
    this.#owesDrain = false;
    this.#events!.onDrain();
  }

  onLost(): void {
    if (this.#state === State.closed) return;
    this.#state = State.closed;
    this.#parts.over();
    this.#events!.onClose();
  }

  #say(kind: PeerKind, value: number): void {
    if (this.#state !== State.open) return;
    const { peers, peer, id } = this.#parts;
    peers.writer.begin(kind).u32(id).u32(value);
    peers.send(peer, null, false);
  }
}
