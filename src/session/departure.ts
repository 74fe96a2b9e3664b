/** What ends with a session: everything that routing could still find it by. */
import type { Realm } from "../router/realm.ts";
import type { SessionCore } from "./core.ts";
import type { Session } from "./session.ts";

/** Subscriptions ended in one turn when a session leaves. */
const subscriptionsPerTurn = 2_048;

/** Ends its calls and registrations – nobody may be routed to a session that has gone – and says that it left. */
export function departRealm(core: SessionCore, session: Session, realm: Realm): void {
  core.calls.onSessionGone(session);
  core.dealer.registering.endAll(session, realm);
  realm.sessionCount--;
  core.sessions.remove(session.id);
  core.metrics.sessionsClosed++;
  session.resumption?.end();
  for (const observer of core.observers) observer.onLeave(session, realm);
}

/** Ends its subscriptions, a turn's share at a time, so that a session with many does not stop the others; then `done`. */
export function endSubscriptions(core: SessionCore, session: Session, realm: Realm, done: () => void): void {
  for (let left = subscriptionsPerTurn; session.firstSubscription !== 0; left--) {
    if (left === 0) return core.outbox.afterTurn(() => endSubscriptions(core, session, realm, done));
    core.broker.subscribing.leave(session.firstSubscription, session, realm);
  }
  done();
}
