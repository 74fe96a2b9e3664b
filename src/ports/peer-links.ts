/** The seam between the threads of one router. Types only; re-exported by `src/ports.ts`. */

/**
 * What joins this thread to its peers, the other threads of the router. Between two threads messages arrive in the order in which they
 * were sent, once, or not at all when one of the two goes down. All methods are called on this thread.
 */
export interface PeerLinks {
  /** Index of this thread, and how many there are (places, some may be down). */
  readonly self: number;
  readonly count: number;
  /**
   * Sends one message, in order: `head` and behind it `body`; both are copied before it returns. False: nothing was sent, because the
   * peer is down, or `mayDrop` and the link holds `linkBytes_max`.
   */
  send(peer: number, head: Uint8Array, body: Uint8Array | null, mayDrop: boolean): boolean;
  /** Between onUp and onDown of this peer. */
  isUp(peer: number): boolean;
  /** Bytes that wait for a peer: sent, and not yet taken by it. */
  queuedBytes(peer: number): number;
  /** Says who is told; once, before anything arrives. */
  connect(events: PeerEvents): void;
}

/** Told from the event loop, never from inside a call of `PeerLinks`. */
export interface PeerEvents {
  /** One whole message, valid until the call returns. Always between onUp and onDown of that peer. */
  onMessage(peer: number, message: Uint8Array): void;
  /** The peer is there: what is sent from now on arrives, in this its life. */
  onUp(peer: number): void;
  /** It is gone, with all that it had not handled. Nothing of that life arrives after this. */
  onDown(peer: number): void;
}
