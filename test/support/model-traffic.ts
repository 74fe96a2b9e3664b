/**
 * What must be true of one session's messages whatever the model says: one final reply for each CALL, no EVENT behind
 * UNSUBSCRIBED, and events of one publisher in the order of publication. Payloads are `[publisher, number]`.
 */
import assert from "node:assert/strict";
import { Message } from "../../src/protocol/messages.ts";

/** An event of the router's own, about sessions and their subscriptions; it has other tests. */
export function isOwnEvent([type, , , details]: readonly unknown[]): boolean {
  if (type !== Message.event) return false;
  return String((details as Readonly<Record<string, unknown>>)["topic"]).startsWith("wamp.");
}

export class SessionTraffic {
  readonly #openCalls = new Set<unknown>();
  readonly #subscriptions = new Set<unknown>();
  /** UNSUBSCRIBE requests on their way, with what they end. */
  readonly #ending = new Map<unknown, unknown>();
  /** The last number seen, per publisher, and per publisher and subscription. */
  readonly #last = new Map<string, number>();

  sent([type, request, third]: readonly unknown[]): void {
    if (type === Message.call) this.#openCalls.add(request);
    if (type === Message.unsubscribe) this.#ending.set(request, third);
  }

  received(message: readonly unknown[]): void {
    const [type, first, second] = message;
    switch (type) {
      case Message.result:
        return this.#replied(first, (second as Record<string, unknown>)["progress"] !== true);
      case Message.error:
        return first === Message.call ? this.#replied(second, true) : undefined;
      case Message.subscribed:
        return void this.#subscriptions.add(second);
      case Message.unsubscribed:
        return void this.#subscriptions.delete(this.#ending.get(first));
      case Message.event:
        assert.ok(this.#subscriptions.has(first), `EVENT of subscription ${String(first)}, which is none`);
        return isOwnEvent(message)
          ? undefined
          : this.#inOrder(String(first), message[4] as readonly [string, number]);
      default:
        return;
    }
  }

  #replied(request: unknown, final: boolean): void {
    assert.ok(this.#openCalls.has(request), `a reply to call ${String(request)}, which has its final one`);
    if (final) this.#openCalls.delete(request);
  }

  #inOrder(subscription: string, [publisher, number]: readonly [string, number]): void {
    const last = this.#last.get(publisher) ?? 0;
    const lastHere = this.#last.get(`${publisher} ${subscription}`) ?? 0;
    assert.ok(number >= last && number > lastHere, `event ${number} of ${publisher} comes behind ${last}`);
    this.#last.set(publisher, number);
    this.#last.set(`${publisher} ${subscription}`, number);
  }
}
