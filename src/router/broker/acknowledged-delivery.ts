/**
 * Acknowledged event delivery (experimental; EVENT_RECEIVED, code 337): EVENTs to subscribers that asked for it are kept until the
 * subscriber says that it has them, sent again after `redelivery_ms`, and given up after `deliveries_max` times. Bounded per
 * session. One EVENT_RECEIVED is for one EVENT: where a publication reached a session by two subscriptions, it says so twice.
 */
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Scheduler } from "../../ports.ts";
import type { Frame, RouterSession } from "../types.ts";

export interface AcknowledgedDeliveryParts {
  readonly scheduler: Scheduler;
  readonly limits: Limits;
  readonly metrics: Metrics;
}

/** One EVENT on its way, in the list of all in order of when they are due. */
interface Delivery {
  readonly session: RouterSession;
  /** Row of the membership that it was sent for. */
  readonly row: number;
  readonly publication: number;
  readonly frame: Frame;
  sent: number;
  due_ms: number;
  next: Delivery | null;
  previous: Delivery | null;
}

interface Window {
  readonly byPublication: Map<number, Delivery[]>;
  count: number;
  bytes: number;
}

/** Deliveries looked at in one turn of the timer. */
const duePerTurn = 1_024;

export class AcknowledgedDelivery {
  readonly #parts: AcknowledgedDeliveryParts;
  readonly #windows = new Map<RouterSession, Window>();
  #first: Delivery | null = null;
  #last: Delivery | null = null;
  #cancel: (() => void) | null = null;
  #count = 0;

  constructor(parts: AcknowledgedDeliveryParts) {
    this.#parts = parts;
  }

  /** EVENTs that nobody has acknowledged yet. */
  get count(): number {
    return this.#count;
  }

  /** Whether the session has so much to acknowledge that nothing more is sent to it. */
  isFull(session: RouterSession, bytes: number): boolean {
    const { limits } = this.#parts;
    const window = this.#windows.get(session);
    if (window === undefined) return false;
    return window.count >= limits.unacknowledged_max || window.bytes + bytes > limits.unacknowledgedBytes_max;
  }

  /** Sends an EVENT, and again until it is acknowledged. The frame says that this is wanted. */
  post(session: RouterSession, row: number, publication: number, frame: Frame): void {
    const { scheduler, limits, metrics } = this.#parts;
    if (this.isFull(session, frame.length)) {
      metrics.eventsDroppedUnacknowledged++;
      return;
    }
    frame.own();
    const due_ms = scheduler.now_ms() + limits.redelivery_ms;
    const delivery = { session, row, publication, frame, sent: 1, due_ms, next: null, previous: null };
    this.#append(delivery);
    this.#enter(delivery);
    metrics.events++;
    session.post(frame);
    if (this.#cancel === null) this.#arm(limits.redelivery_ms);
  }

  /** EVENT_RECEIVED: the oldest EVENT of the publication has arrived. An unknown publication is none of our business. */
  received(session: RouterSession, publication: number): void {
    const delivery = this.#windows.get(session)?.byPublication.get(publication)?.[0];
    if (delivery !== undefined) this.#remove(delivery);
  }

  /** The session has ended a subscription: nothing of it is sent again. */
  endSubscription(session: RouterSession, row: number): void {
    const window = this.#windows.get(session);
    for (const deliveries of [...(window?.byPublication.values() ?? [])])
      for (const delivery of deliveries.filter((one) => one.row === row)) this.#remove(delivery);
  }

  /** The session has left. */
  endSession(session: RouterSession): void {
    const window = this.#windows.get(session);
    for (const deliveries of [...(window?.byPublication.values() ?? [])])
      for (const delivery of [...deliveries]) this.#remove(delivery);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  // ---- time

  #arm(delay_ms: number): void {
    this.#cancel = this.#parts.scheduler.after(delay_ms, () => this.#sweep());
  }

  #sweep(): void {
    const { scheduler } = this.#parts;
    const now_ms = scheduler.now_ms();
    this.#cancel = null;
    for (let left = duePerTurn; left > 0 && this.#first !== null; left--) {
      if (this.#first.due_ms > now_ms) break;
      this.#redeliver(this.#first, now_ms);
    }
    if (this.#first !== null) this.#arm(Math.max(0, this.#first.due_ms - now_ms));
  }

  #redeliver(delivery: Delivery, now_ms: number): void {
    const { limits, metrics } = this.#parts;
    const { session, frame } = delivery;
    if (delivery.sent >= limits.deliveries_max) {
      metrics.eventsUndelivered++;
      return this.#remove(delivery);
    }
    this.#unlink(delivery);
    delivery.due_ms = now_ms + limits.redelivery_ms;
    this.#append(delivery);
    // What a slow reader has not read yet is still queued, and what a detached one missed is kept: it need not be sent twice.
    if (session.blocked || session.isDetached) return;
    delivery.sent++;
    metrics.eventsRedelivered++;
    session.post(frame);
  }

  // ---- the two places where a delivery is found

  #enter(delivery: Delivery): void {
    const { session, publication, frame } = delivery;
    let window = this.#windows.get(session);
    if (window === undefined) {
      window = { byPublication: new Map(), count: 0, bytes: 0 };
      this.#windows.set(session, window);
    }
    const others = window.byPublication.get(publication);
    if (others === undefined) window.byPublication.set(publication, [delivery]);
    else others.push(delivery);
    window.count++;
    window.bytes += frame.length;
    this.#count++;
  }

  #remove(delivery: Delivery): void {
    const { session, publication, frame } = delivery;
    this.#unlink(delivery);
    if (this.#first === null) this.stop();
    const window = this.#windows.get(session)!;
    const others = window.byPublication.get(publication)!.filter((other) => other !== delivery);
    if (others.length > 0) window.byPublication.set(publication, others);
    else window.byPublication.delete(publication);
    window.count--;
    window.bytes -= frame.length;
    this.#count--;
    if (window.count === 0) this.#windows.delete(session);
  }

  #append(delivery: Delivery): void {
    delivery.previous = this.#last;
    delivery.next = null;
    if (this.#last === null) this.#first = delivery;
    else this.#last.next = delivery;
    this.#last = delivery;
  }

  #unlink(delivery: Delivery): void {
    const { previous, next } = delivery;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
  }
}
