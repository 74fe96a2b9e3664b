/**
 * The other routers that this one works with: worker threads of its process. Messages go out by `writer` and `send`, and come in to
 * the handler of their range of kinds. A router that works alone has no `Peers`, and loads nothing of this folder.
 */
import { unreachable } from "../../base/assert.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { PeerEvents, PeerLinks } from "../../ports.ts";
import { kindRange } from "./kinds.ts";
import { MessageReader, MessageWriter } from "./message.ts";

/** Handles the messages of a range of kinds. */
export interface PeerHandler {
  /** The message's fields; valid until the call returns. */
  onMessage(peer: number, message: MessageReader): void;
  /** A router has come (again), and knows nothing yet. */
  onUp?(peer: number): void;
  /** A router is gone, and nothing of that life of it arrives any more. */
  onDown?(peer: number): void;
}

/** The router whose word counts where an order must be the same for all: it hands out ids. */
export const home = 0;

export class Peers implements PeerEvents {
  /** For one message at a time: `begin`, the fields, `send`. */
  readonly writer = new MessageWriter();
  readonly #links: PeerLinks;
  readonly #log: Log;
  readonly #reader = new MessageReader();
  readonly #handlers: PeerHandler[] = [];
  readonly #handlerOf: (PeerHandler | undefined)[] = [];
  /** Bit i: router i is up. Never the own one. */
  #upMask = 0;

  constructor(links: PeerLinks, log: Log = silentLog) {
    this.#links = links;
    this.#log = log;
    links.connect(this);
  }

  /** This router's place, 0 to `count` - 1. */
  get self(): number {
    return this.#links.self;
  }
  get count(): number {
    return this.#links.count;
  }
  get isHome(): boolean {
    return this.#links.self === home;
  }
  get upMask(): number {
    return this.#upMask;
  }

  /** Of any number: the own place and one that is none are not. */
  isUp(place: number): boolean {
    return place >= 0 && place < this.#links.count && (this.#upMask & (1 << place)) !== 0;
  }

  /** Says who handles the kinds from `first` to `last`, and is told who comes and goes, in order of these calls. */
  handle([first, last]: readonly [number, number], handler: PeerHandler): void {
    this.#handlers.push(handler);
    for (let kind = first; kind <= last; kind++) this.#handlerOf[kind] = handler;
  }

  /**
   * Sends what `writer` has, and `body` behind it. False: the router is down, or `mayDrop` and the way to it is full.
   */
  send(peer: number, body: Uint8Array | null, mayDrop: boolean): boolean {
    return this.#links.send(peer, this.writer.head(), body, mayDrop);
  }

  /** Sends what `writer` has to all that are up. */
  broadcast(body: Uint8Array | null): void {
    this.sendTo(this.#upMask, body, false);
  }

  /** Sends what `writer` has to the routers whose bits are set. Returns how many did not take it. */
  sendTo(mask: number, body: Uint8Array | null, mayDrop: boolean): number {
    let refused = 0;
    for (let left = mask; left !== 0; left &= left - 1) {
      const peer = 31 - Math.clz32(left & -left);
      if (!this.send(peer, body, mayDrop)) refused++;
    }
    return refused;
  }

  /**
   * A fault of ours in one message ends what it was about, and not this router: a client could send it again. In the directory it does
   * end it: who has missed one order has another directory than the others.
   */
  onMessage(peer: number, message: Uint8Array): void {
    const reader = this.#reader.begin(message);
    const handler = this.#handlerOf[reader.kind];
    if (handler === undefined) return unreachable(reader.kind as never);
    if (reader.kind <= kindRange.directory[1]) return handler.onMessage(peer, reader);
    try {
      handler.onMessage(peer, reader);
    } catch (cause) {
      this.#log.error("router", "a message of another worker could not be handled", {
        peer,
        kind: message[0],
        cause,
      });
    }
  }

  onUp(peer: number): void {
    this.#upMask |= 1 << peer;
    for (const handler of this.#handlers) handler.onUp?.(peer);
  }

  /** All are told, also where one has a fault of ours, which is thrown in the end. */
  onDown(peer: number): void {
    this.#upMask &= ~(1 << peer);
    const faults: unknown[] = [];
    for (const handler of this.#handlers)
      try {
        handler.onDown?.(peer);
      } catch (cause) {
        faults.push(cause);
      }
    if (faults.length > 0) throw faults[0];
  }
}
