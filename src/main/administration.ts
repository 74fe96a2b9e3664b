/** Admin procedures and topics over a router's core, and what changes of the security model do to who is there. */
import { addAdminProcedures } from "../admin/admin-api.ts";
import { Follower } from "../admin/follow.ts";
import { shareAdminProcedures } from "../admin/share.ts";
import { ChangeTopics } from "../admin/topics.ts";
import { hostScheduler } from "../host.ts";
import type { Identity } from "../ports.ts";
import { closeReasons, errors, WampError } from "../protocol/errors.ts";
import type { SecurityChange } from "../security/model.ts";
import { farewellCost } from "../router/meta/meta-session.ts";
import type { Realm } from "../router/realm.ts";
import type { Steps } from "../router/turn-share.ts";
import type { RouterSession, SessionObserver } from "../router/types.ts";
import type { CoreParts } from "./core.ts";
import type { Secured } from "./security.ts";

/** Adds the procedures. Returns who is to be told of sessions, and how to stop following changes. */
export function administer(
  core: CoreParts,
  secured: Secured,
): { readonly observers: readonly SessionObserver[]; readonly stop: () => void } {
  const { security } = secured;
  const realmOf = (uri: string): ReturnType<typeof core.realms.get> => core.realms.get(uri);
  addAdminProcedures({
    ...core,
    security,
    realmOf,
    tickets: ticketsOf(secured),
    denials: core.guard.denials,
    backup: async (path) => {
      try {
        await secured.backup(path);
      } catch (cause) {
        throw new WampError(errors.unavailable.uri, cause instanceof Error ? cause.message : String(cause));
      }
    },
  });
  if (core.sharedProcedures !== null) shareAdminProcedures(core.sharedProcedures);
  const topics = new ChangeTopics({ model: security, events: core.events, realmOf });
  const follower = new Follower({
    model: security,
    refreshRealm: (uri) => core.accessRefresh.refresh([uri]),
    closeRealm: (uri) => closeRealm(core, uri),
    setIdentity: (session, identity) => setIdentity(core, session, identity),
    ticketOf: ({ identity, realm }) => {
      const { ticket: id, user } = identity ?? {};
      if (id === undefined || user === undefined || realm === null) return undefined;
      const owner = security.principal(realm.uri, user);
      return owner && security.ticket(owner.credentialRealm, id);
    },
    wall_ms: () => hostScheduler.wall_ms(),
    afterTurn: (task) => core.outbox.afterTurn(task),
    turnShare: core.turnShare,
  });
  const onRealm = ({ kind, action, realm: uri }: SecurityChange): void => {
    const known = kind === "realm" && action === "updated" ? security.realm(uri) : undefined;
    if (known !== undefined) realmOf(known.uri)?.setRules({ ...known.record.options, uri: known.uri });
  };
  const listeners = [follower.onChange, onRealm];
  // One router tells of a change, whoever hears it.
  if (core.peers?.isHome !== false) listeners.push(topics.onChange);
  const stops = listeners.map((listener) => security.onChange(listener));
  return {
    observers: [follower, topics],
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function ticketsOf({ tickets }: Secured): Parameters<typeof addAdminProcedures>[0]["tickets"] {
  return {
    issue: async (caller, realm, request) => {
      const issued = await tickets.issue({ realm, identity: caller.identity! }, { ...request });
      return { ...issued };
    },
    verify: async (realm, ticket) => {
      const verified = await tickets.verify(realm, ticket);
      if (verified.ok) return { ...verified.ticket };
      throw new WampError(errors.invalidArgument.uri, verified.why);
    },
  };
}

function closeRealm(core: CoreParts, uri: string): void {
  const realm = core.realms.close(uri);
  if (realm !== undefined) core.turnShare.start(endAllIn(core, realm));
}

/** Nobody joins any more; who is there goes on until it is told. */
function* endAllIn({ sessions }: CoreParts, realm: Realm): Steps<void> {
  for (const session of sessions.walk(realm)) {
    session?.goodbye(closeReasons.closeRealm, "the realm has been deleted");
    yield session === null ? 1 : farewellCost;
  }
}

function setIdentity(core: CoreParts, session: RouterSession, identity: Identity): void {
  const found = core.sessions.get(session.id);
  if (found !== null) found.identity = identity;
}
