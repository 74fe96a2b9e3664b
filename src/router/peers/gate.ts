/**
 * A connection whose session another router has, in the router that the client came to. What comes from the client goes to that router;
 * what comes from there waits here for the end of the turn, and for room in the socket.
 *
 *   open ──close from the owner──► closing ──all sent, or time──► closed      open ──handed back──► over      any ──gone──► over
 */
import { fixedLimits } from "../../base/limits.ts";
import type { Connection, ConnectionEvents, OutgoingFrame, Scheduler } from "../../ports.ts";
import { PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";

/** Whose connection it is. */
export interface GateFront {
  readonly connection: Connection;
  /**
   * The other router does not want the connection, or wants it to go elsewhere: it is the front's again, with a HELLO that has not been
   * answered and frames that its client is to get before. `mayCarry` false: the session that the HELLO asks for is nowhere.
   */
  onHandedBack(pending: readonly OutgoingFrame[], hello: Uint8Array, mayCarry: boolean): void;
}

export interface GateParts {
  readonly peers: Peers;
  readonly scheduler: Pick<Scheduler, "endOfTurn" | "after">;
  readonly limits: { readonly inboxBytes_max: number; readonly goodbye_ms: number };
  readonly peer: number;
  readonly id: number;
  /** Nobody says anything to it any more. */
  over(): void;
}

/** Close codes of WebSocket (RFC 6455, 7.4.1). */
const goingAway = 1001;
const policy = 1008;

const State = { open: 0, closing: 1, closed: 2, over: 3 } as const;
type State = (typeof State)[keyof typeof State];

export class Gate implements ConnectionEvents {
  readonly peer: number;
  readonly #front: GateFront;
  readonly #connection: Connection;
  readonly #parts: GateParts;
  #state: State = State.open;
  /** Frames for the client: own copies, in order. */
  #queue: OutgoingFrame[];
  /** Frames at its head that are not the owner's. */
  #uncounted: number;
  /** Null once the owner has answered. */
  #hello: Uint8Array | null;
  #isScheduled = false;
  #isFull = false;
  /** Bytes from the client that the owner has not handled. */
  #underWay = 0;
  #isPausedByOwner = false;
  #isPaused = false;
  #closeCode = 0;
  #closeReason = "";

  constructor(front: GateFront, pending: readonly OutgoingFrame[], hello: Uint8Array, parts: GateParts) {
    this.#front = front;
    this.#connection = front.connection;
    this.#parts = parts;
    this.peer = parts.peer;
    this.#hello = hello.slice();
    this.#queue = [...pending];
    this.#uncounted = pending.length;
    if (pending.length > 0) this.#schedule();
  }

  // ---- from the client's connection

  onFrame(bytes: Uint8Array): void {
    if (this.#state !== State.open) return;
    const { peers, limits, id } = this.#parts;
    peers.writer.begin(PeerKind.fromClient).u32(id);
    peers.send(this.peer, bytes, false);
    this.#underWay += bytes.length;
    if (this.#underWay <= fixedLimits.carriedBytes_max) return;
    if (this.#underWay > Math.max(limits.inboxBytes_max, fixedLimits.carriedBytes_max) + bytes.length)
      return this.#closeNow(policy, "more messages than the router can take from one session");
    this.#setPaused();
  }

  onViolation(problem: string): void {
    if (this.#state !== State.open) return;
    const { peers, id } = this.#parts;
    peers.writer.begin(PeerKind.violation).u32(id).text(problem);
    peers.send(this.peer, null, false);
  }

  onDrain(): void {
    this.#isFull = false;
    this.#flush();
  }

  onClose(): void {
    if (this.#state === State.over) return;
    this.#say(PeerKind.lost);
    this.#end();
  }

  // ---- from the owner

  onMessage(kind: number, message: MessageReader): void {
    if (this.#state !== State.open) return;
    switch (kind) {
      case PeerKind.toClient:
        this.#hello = null;
        this.#queue.push({ bytes: message.rest().slice() });
        return this.#schedule();
      case PeerKind.fromClientTaken:
        this.#underWay -= message.u32();
        return this.#setPaused();
      case PeerKind.pause:
        this.#isPausedByOwner = message.u32() === 1;
        return this.#setPaused();
      case PeerKind.close:
        return this.#onClosed(message.u32(), message.text());
      case PeerKind.handBack:
        return this.#onHandedBack(message.u32() === 1, message.rest());
    }
  }

  /** The owner has gone, and the session with it. */
  onOwnerGone(): void {
    this.#parts.over();
    if (this.#state !== State.open) return;
    if (this.#hello !== null) this.#onHandedBack(false, this.#hello);
    else this.#closeNow(goingAway, "the session has ended with its worker");
  }

  /** Code 0: at once. */
  #onClosed(code: number, reason: string): void {
    if (code === 0) {
      this.#state = State.closed;
      return this.#connection.terminate();
    }
    this.#state = State.closing;
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#parts.scheduler.after(this.#parts.limits.goodbye_ms, () => {
      if (this.#state === State.closing) this.#closeNow(code, reason);
    });
    this.#flush();
  }

  #onHandedBack(mayCarry: boolean, hello: Uint8Array): void {
    const pending = this.#queue;
    this.#end();
    if (this.#isPaused) this.#connection.pause?.(false);
    this.#front.onHandedBack(pending, hello, mayCarry);
  }

  // ---- inside

  #setPaused(): void {
    const isPaused = this.#isPausedByOwner || this.#underWay * 2 > fixedLimits.carriedBytes_max;
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#connection.pause?.(isPaused);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isFull) return;
    this.#isScheduled = true;
    this.#parts.scheduler.endOfTurn(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#state > State.closing || this.#isFull) return;
    const queue = this.#queue;
    const taken = queue.length === 0 ? 0 : this.#connection.send(queue, 0, queue.length);
    this.#isFull = taken < queue.length;
    let bytes = 0;
    for (let i = this.#uncounted; i < taken; i++) bytes += queue[i]!.bytes.length;
    this.#uncounted = Math.max(0, this.#uncounted - taken);
    queue.splice(0, taken);
    if (bytes > 0 && this.#state === State.open) this.#say(PeerKind.toClientTaken, bytes);
    if (this.#state === State.closing && queue.length === 0)
      this.#closeNow(this.#closeCode, this.#closeReason);
  }

  #closeNow(code: number, reason: string): void {
    this.#state = State.closed;
    this.#queue = [];
    this.#connection.close(code, reason);
  }

  #say(kind: PeerKind, value = 0): void {
    const { peers, id } = this.#parts;
    peers.writer.begin(kind).u32(id).u32(value);
    peers.send(this.peer, null, false);
  }

  #end(): void {
    this.#state = State.over;
    this.#queue = [];
    this.#parts.over();
  }
}
