/** The subscriber's side of a session: who is called for which subscription id. */
import type { PublicationId, SubscriptionId } from "../base/ids.ts";
import { dictAt, idAt, payloadAt } from "./message.ts";
import type { EventHandler } from "./options.ts";

interface Subscriber {
  readonly topic: string;
  readonly handler: EventHandler;
}

export class Subscriptions {
  /** Several subscribers share an id: the router gives the same one for the same topic and match policy. */
  readonly #subscribers = new Map<number, Set<Subscriber>>();

  add(id: number, topic: string, handler: EventHandler): Subscriber {
    const subscriber = { topic, handler };
    const subscribers = this.#subscribers.get(id);
    if (subscribers === undefined) this.#subscribers.set(id, new Set([subscriber]));
    else subscribers.add(subscriber);
    return subscriber;
  }

  /** True when that was the last one of this id, so that the router is to be told. */
  remove(id: number, subscriber: Subscriber): boolean {
    const subscribers = this.#subscribers.get(id);
    if (subscribers?.delete(subscriber) !== true || subscribers.size > 0) return false;
    return this.#subscribers.delete(id);
  }

  /** Forgets an id that the router has revoked. */
  revoke(id: number): void {
    this.#subscribers.delete(id);
  }

  /** An EVENT: [36, subscription, publication, details, args?, kwargs?]. One for a subscription just ended is normal. */
  event(message: readonly unknown[]): void {
    const subscription = idAt(message, 1) as SubscriptionId;
    const publication = idAt(message, 2) as PublicationId;
    const details = dictAt(message, 3);
    const { args, kwargs } = payloadAt(message, 4);
    for (const { topic, handler } of [...(this.#subscribers.get(subscription) ?? [])]) {
      const published = typeof details.topic === "string" ? details.topic : topic;
      try {
        handler({ args, kwargs, details, topic: published, publication, subscription });
      } catch (cause) {
        // The other subscribers and the messages behind this one must not suffer; the runtime reports it.
        void Promise.reject(cause);
      }
    }
  }
}
