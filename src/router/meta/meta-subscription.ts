/** `wamp.subscription.*`: what the meta API tells of subscriptions, and ends. The broker emits its events. Control path. */
import { errors, WampError } from "../../protocol/errors.ts";
import { PatternKind } from "../patterns.ts";
import type { ProcedureHandler } from "../procedures.ts";
import type { SessionIndex } from "../session-index.ts";
import { aText, optional, requireKillRight } from "./meta-args.ts";
import type { MetaProcedure } from "./meta-catalogue.ts";
import { requiredSession } from "./meta-session.ts";
import { PatternQueries, type PatternQueriesParts } from "./pattern-queries.ts";
import type { Revocation } from "./revocation.ts";

export interface SubscriptionMetaParts extends PatternQueriesParts {
  readonly revocation: Revocation;
  readonly sessions: SessionIndex;
}

/** `parts.memberships` are those of subscriptions. */
export function subscriptionProcedures(parts: SubscriptionMetaParts) {
  const queries = new PatternQueries(PatternKind.subscription, parts);
  return {
    "wamp.subscription.list": (call) => queries.list(call),
    "wamp.subscription.lookup": (call) => [queries.lookup(call)],
    "wamp.subscription.match": (call) => [queries.matching(call)],
    "wamp.subscription.get": (call) => [queries.details(call)],
    "wamp.subscription.list_subscribers": (call) => queries.members(call),
    "wamp.subscription.count_subscribers": (call) => [queries.memberCount(call)],
    // As nexus spells it; its clients ask for it by this name.
    "wamp.subscription.count_suscribers": (call) => [queries.memberCount(call)],
    "wamp.subscription.remove_subscriber": (call) => {
      requireKillRight(call);
      const subscription = queries.required(call, 0);
      const subscriber = requiredSession(parts.sessions, call, 1);
      const reason = optional(call, 2, "reason", aText);
      if (parts.revocation.revokeSubscription(subscription, subscriber, reason)) return [];
      const problem = `session ${subscriber.id} is not subscribed to it`;
      throw new WampError(errors.noSuchSubscription.uri, problem);
    },
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;
}
