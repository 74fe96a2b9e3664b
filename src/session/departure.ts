/**
 * What ends with a session: everything that routing could still find it by. A few calls and registrations end at once. A session with
 * many of them, or with subscriptions, ends the rest a share per turn, so that it does not stop the others; so long a registration of it
 * may still be called, and the call is ended like those that were in flight.
 */
import type { Realm } from "../router/realm.ts";
import { endCallOf } from "../router/dealer/departing-calls.ts";
import type { Steps } from "../router/turn-share.ts";
import type { SessionCore } from "./core.ts";
import type { Session } from "./session.ts";

/** Calls, and turns of registrations, that end at once. */
const atOnce = 64;
/** What it costs to end one, in steps of a turn's share. */
const callCost = 48;
const registrationCost = 24;
const subscriptionCost = 8;

/** Ends what can be ended at once, and says that the session left; then `done`, when the rest is ended too. */
export function departRealm(core: SessionCore, session: Session, realm: Realm, done: () => void): void {
  const { calls, dealer } = core;
  const held = calls.pending.count * callCost + session.registrationCount * registrationCost;
  for (let left = atOnce; left > 0 && endCallOf(session, calls); left--);
  calls.onHeldGone(session.id);
  const isUnregistered = dealer.registering.endSome(session, realm, atOnce);
  const kept = calls.pending.count * callCost + session.registrationCount * registrationCost;
  if (held > kept) core.turnShare.spend(held - kept);
  const isUncalled = isUnregistered && session.firstInvocation === 0 && session.firstCall === 0;
  if (isUncalled) onUncalled(core, session);
  realm.sessionCount--;
  core.metrics.sessionsClosed++;
  session.resumption?.end();
  for (const observer of core.observers) observer.onLeave(session, realm);
  session.realm = null;
  if (isUncalled && session.firstSubscription === 0) return done();
  core.turnShare.start(endRest(core, session, realm, { isUnregistered, isUncalled, done }));
}

/** It has neither calls nor registrations any more. */
function onUncalled({ dealer, sessions }: SessionCore, session: Session): void {
  dealer.registering.onEnded(session);
  sessions.remove(session.id);
}

interface Rest {
  readonly isUnregistered: boolean;
  readonly isUncalled: boolean;
  readonly done: () => void;
}

function* endRest(core: SessionCore, session: Session, realm: Realm, rest: Rest): Steps<void> {
  const { calls, dealer, broker } = core;
  // While there are registrations, there are new calls.
  if (!rest.isUnregistered) for (; !dealer.registering.endSome(session, realm, 1); yield registrationCost);
  for (let before = calls.pending.count; endCallOf(session, calls); before = calls.pending.count)
    yield callCost * Math.max(1, before - calls.pending.count);
  if (!rest.isUncalled) onUncalled(core, session);
  for (; session.firstSubscription !== 0; yield subscriptionCost)
    broker.subscribing.leave(session.firstSubscription, session, realm);
  rest.done();
}

/** Whether nothing refers to a session that has departed, so that its place may be another's. */
export const hasNothingLeft = (core: SessionCore, session: Session): boolean =>
  session.firstSubscription === 0 && core.sessions.get(session.id) !== session;
