/** Connections of sessions that another router has: how they leave this one, and how they come back. Control path. */
import { placeOf } from "../base/owner-names.ts";
import type { OutgoingFrame } from "../ports.ts";
import { CarriedConnection } from "../router/peers/carried-connection.ts";
import type { Carrying } from "../router/peers/carrying.ts";
import type { Peers } from "../router/peers/peers.ts";
import type { ForwardResume, SessionCore } from "./core.ts";
import { OutboxFrame } from "./outbox.ts";
import { takeBacklog } from "./resumption.ts";
import type { Session } from "./session.ts";

export class HandOver {
  readonly #peers: Peers;
  readonly #carrying: Carrying;
  readonly #outbox: Pick<SessionCore["outbox"], "takeBack">;
  /** A session whose connection has just come back, because whom it asks for is nowhere. */
  #isBack: Session | null = null;

  constructor(peers: Peers, carrying: Carrying, outbox: Pick<SessionCore["outbox"], "takeBack">) {
    this.#peers = peers;
    this.#carrying = carrying;
    this.#outbox = outbox;
  }

  /**
   * A connection is carried once: one that came from another router goes back there, and on from there. Nobody as `owner` is what a
   * router says that has not the session: the one that the client came to decides then what becomes of it.
   */
  readonly forwardResume: ForwardResume = (owner, front, hello) => {
    const { connection } = front;
    const place = placeOf(owner);
    if (connection instanceof CarriedConnection) {
      const isElsewhere = owner !== "" && place !== this.#peers.self;
      connection.handBack(this.#outbox.takeBack(front), hello, isElsewhere);
      return true;
    }
    // In-process sessions bring an identity, which does not leave this router.
    if (front === this.#isBack || !this.#peers.isUp(place) || connection.identity !== undefined) return false;
    const gate = this.#carrying.carry(
      place,
      { connection, onHandedBack: (pending, again, mayCarry) => this.#back(front, pending, again, mayCarry) },
      this.#outbox.takeBack(front),
      hello,
    );
    front.lend(gate);
    takeBacklog(front)?.moveTo((bytes) => gate.onFrame(bytes));
    return true;
  };

  #back(front: Session, pending: readonly OutgoingFrame[], hello: Uint8Array, mayCarry: boolean): void {
    front.reclaim(pending.map(({ bytes }) => new OutboxFrame(bytes, false, 0)));
    this.#isBack = mayCarry ? null : front;
    front.handle(hello);
    this.#isBack = null;
  }
}
