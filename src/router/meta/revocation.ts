/**
 * Takes subscriptions and registrations away from a session (Advanced Profile, "Subscription Revocation" and "Registration
 * Revocation"). A session that announced the feature is told by UNSUBSCRIBED or UNREGISTERED of request 0; from any other it
 * goes without a word, since nothing in its protocol could tell it. Control path.
 */
import type { PatternHandle } from "../../base/ids.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { Message } from "../../protocol/messages.ts";
import type { Broker } from "../broker/broker.ts";
import type { Dealer } from "../dealer/dealer.ts";
import { announceRevocation } from "../dealer/revoke-registration.ts";
import type { Memberships } from "../memberships.ts";
import type { Patterns } from "../patterns.ts";
import type { RouterSession } from "../types.ts";

export interface RevocationParts {
  readonly broker: Broker;
  readonly dealer: Dealer;
  readonly patterns: Patterns;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
}

export class Revocation {
  readonly #parts: RevocationParts;

  constructor(parts: RevocationParts) {
    this.#parts = parts;
  }

  /**
   * Ends the session's subscription, with its meta events. No EVENT follows UNSUBSCRIBED. `reason` is free text, or a URI.
   * False: the session holds no such subscription.
   */
  revokeSubscription(pattern: PatternHandle, session: RouterSession, reason?: string): boolean {
    const { broker, patterns, subscriptions } = this.#parts;
    const row = subscriptions.find(pattern, session.target);
    if (row === 0 || session.realm === null) return false;
    // Before it ends: the last one takes the pattern, and with it the id, along.
    const subscription = patterns.id(pattern);
    broker.subscribing.leave(row, session, session.realm);
    if ((session.clientFeatures & ClientFeature.subscriberRevocation) !== 0)
      session.postMessage([Message.unsubscribed, 0, { subscription, reason }]);
    return true;
  }

  /** Ends the session's registration, with its meta events. Calls in flight go on, as after UNREGISTER. False: it has none. */
  revokeRegistration(pattern: PatternHandle, session: RouterSession, reason?: string): boolean {
    const { dealer, patterns, registrations } = this.#parts;
    const row = registrations.find(pattern, session.target);
    if (row === 0 || session.realm === null) return false;
    const registration = patterns.id(pattern);
    dealer.registering.end(row, session, session.realm);
    announceRevocation(session, registration, reason);
    return true;
  }
}
