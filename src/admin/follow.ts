/**
 * What a change of the security model does to sessions that are there: a plan, made from the change and the model as it is by then,
 * and an executor that carries it out.
 *
 * Who is ended is told GOODBYE wamp.close.killed, the reason of sessions that an administrator ends, with a sentence for people; a
 * realm that is deleted ends its sessions with wamp.close.close_realm. Sessions end at the end of the turn, many of them over several:
 * one that has changed its own password gets the answer first.
 */
import type { SessionId } from "../base/ids.ts";
import type { Identity } from "../ports.ts";
import { closeReasons } from "../protocol/errors.ts";
import { farewellCost } from "../router/meta/meta-session.ts";
import type { Steps, TurnShare } from "../router/turn-share.ts";
import type { RouterSession, SessionObserver } from "../router/types.ts";
import type { SecurityChange, SecurityModel } from "../security/model.ts";
import type { TicketRecord } from "../security/records.ts";

/** A session, as far as a plan looks at it. */
export type FollowedSession = Pick<RouterSession, "id" | "realm" | "identity">;

/** The ticket that a session has logged in with. */
export type UsedTicket = Pick<TicketRecord, "id" | "authrealm" | "authid" | "scope" | "expires_at">;

interface End<S> {
  readonly kind: "end";
  readonly session: S;
  readonly reason: string;
  readonly message: string;
}

export type Step<S> =
  | End<S>
  /** Its user is in other groups now. */
  | { readonly kind: "identity"; readonly session: S; readonly identity: Identity }
  /** Rights in the realm have changed: `Access.refreshRealm`. */
  | { readonly kind: "refresh"; readonly realm: string }
  /** Ends all its sessions with wamp.close.close_realm, then the realm itself. */
  | { readonly kind: "close"; readonly realm: string };

export interface FollowParts<S> {
  readonly model: Pick<SecurityModel, "realm" | "realms" | "user" | "principal" | "ticket" | "tickets">;
  /** Live sessions of a user of this name, in whatever realm. */
  readonly sessionsOf: (user: string) => Iterable<S>;
  /** Live sessions that have logged in with a ticket, and those tickets. */
  readonly ticketSessions: () => Iterable<readonly [session: S, ticket: UsedTicket]>;
  /** Whether it asked for one of its user's groups when it joined, and acts in that alone. */
  readonly hasChosenRole: (session: S) => boolean;
  /** Milliseconds since 1970. */
  readonly wall_ms: () => number;
}

/** What is to be done, in order. */
function planFor<S extends FollowedSession>(change: SecurityChange, parts: FollowParts<S>): Step<S>[] {
  const { kind, action, realm } = change;
  switch (kind) {
    case "user":
      return action === "created" ? [] : userSteps(change, parts);
    case "ticket":
      return action === "deleted" ? ticketSteps(change, parts) : [];
    case "realm":
      return action === "deleted" ? [{ kind: "close", realm }] : refreshSteps(realm, parts);
    case "group":
    case "grant":
      return refreshSteps(realm, parts);
    case "source":
    case "keys":
      // Where somebody may come from is asked when it comes.
      return [];
  }
}

/** The realm, and those that have it as their prototype. */
function refreshSteps<S>(realm: string, { model }: FollowParts<S>): Step<S>[] {
  const derived = model.realms().filter(({ prototype_uri }) => prototype_uri === realm);
  return [realm, ...derived.map(({ uri }) => uri)].map((uri) => ({ kind: "refresh", realm: uri }));
}

function userSteps<S extends FollowedSession>(
  { action, realm, name }: SecurityChange,
  parts: FollowParts<S>,
): Step<S>[] {
  const steps: Step<S>[] = [];
  const end = (session: S, message: string): void =>
    void steps.push({ kind: "end", session, reason: closeReasons.killed, message });
  const changed = new Set<string>();
  for (const session of parts.sessionsOf(name)) {
    const { identity } = session;
    const here = session.realm?.uri;
    // A realm that is gone ends its sessions itself.
    if (here === undefined || identity === null || parts.model.realm(here) === undefined) continue;
    const user = parts.model.user(here, name);
    const principal = parts.model.principal(here, name);
    // The change is to the user itself, or to where its credentials are.
    const home = principal?.credentialRealm ?? user?.sso_realm_uri ?? null;
    if (here !== realm && home !== realm) continue;
    if (user === undefined || principal === undefined) end(session, "the user has been deleted");
    else if (!principal.enabled) end(session, "the user has been disabled");
    else if (action === "credentials") end(session, "the user's credentials have changed");
    else if (action === "deleted") end(session, "the user has been deleted");
    else {
      const next = identityIn(identity, user.groups, parts.hasChosenRole(session));
      if (next === null) end(session, "the user is not in the group that the session acts in");
      else if (next !== identity) {
        steps.push({ kind: "identity", session, identity: next });
        changed.add(here);
      }
    }
  }
  return [...steps, ...[...changed].map((uri) => ({ kind: "refresh", realm: uri }) as const)];
}

/** The identity with the groups that its user has now: the same object where nothing changes, null where no role is left of its choice. */
function identityIn(identity: Identity, groups: readonly string[], hasChosen: boolean): Identity | null {
  const { roles = [], authrole } = identity;
  const next = hasChosen ? roles.filter((role) => groups.includes(role)) : groups;
  if (hasChosen && next.length === 0) return null;
  if (next.length === roles.length && next.every((role, i) => role === roles[i])) return identity;
  // What it is shown as follows where it showed the groups.
  const showsGroups = authrole === roles.join(",") && next.length > 0;
  return { ...identity, roles: next, authrole: showsGroups ? next.join(",") : authrole };
}

function ticketSteps<S extends FollowedSession>(
  { realm }: SecurityChange,
  { model, ticketSessions, wall_ms }: FollowParts<S>,
): Step<S>[] {
  const message = "the ticket that it logged in with has been revoked";
  const isRevoked = ({ id, authrealm, authid, scope, expires_at }: UsedTicket): boolean =>
    authrealm === realm &&
    model.ticket(realm, id) === undefined &&
    // One that has expired is not kept; it was for logging in, and not for staying.
    expires_at * 1_000 > wall_ms() &&
    // One that was issued again in its place is not revoked.
    !model.tickets(realm, authid).some((other) => isSameScope(other.scope, scope));
  return [...ticketSessions()]
    .filter(([, ticket]) => isRevoked(ticket))
    .map(([session]) => ({ kind: "end", session, reason: closeReasons.killed, message }));
}

const isSameScope = (a: TicketRecord["scope"], b: TicketRecord["scope"]): boolean =>
  a.realm === b.realm && a.client_id === b.client_id && a.device_id === b.device_id;

export interface FollowerParts {
  readonly model: FollowParts<RouterSession>["model"];
  readonly refreshRealm: (uri: string) => void;
  /** Ends the realm, and all its sessions with wamp.close.close_realm. */
  readonly closeRealm: (uri: string) => void;
  readonly setIdentity: (session: RouterSession, identity: Identity) => void;
  /** The ticket that a session has logged in with; undefined: it has shown something else. */
  readonly ticketOf: (session: RouterSession) => UsedTicket | undefined;
  /** Milliseconds since 1970. */
  readonly wall_ms: () => number;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly turnShare: TurnShare;
}

/** Says goodbye to those that are still there by the time that it is their turn. */
function* endAll(ends: readonly (End<RouterSession> & { readonly id: SessionId })[]): Steps<void> {
  for (const { session, id, reason, message } of ends) {
    // By then it may be another session's connection.
    if (session.id === id && session.realm !== null) session.goodbye(reason, message);
    yield farewellCost;
  }
}

/** Carries out plans. It knows who is there, by user and by ticket, so that a change costs no walk over all sessions. */
export class Follower implements SessionObserver {
  readonly #parts: FollowerParts;
  readonly #byUser = new Map<string, Set<RouterSession>>();
  readonly #tickets = new Map<RouterSession, UsedTicket>();
  readonly #chosen = new Set<SessionId>();
  readonly #plan: FollowParts<RouterSession>;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#plan = {
      model: parts.model,
      sessionsOf: (user) => this.#byUser.get(user) ?? [],
      ticketSessions: () => this.#tickets,
      hasChosenRole: ({ id }) => this.#chosen.has(id),
      wall_ms: parts.wall_ms,
    };
  }

  /** Sessions that it watches. */
  get count(): number {
    let count = this.#tickets.size;
    for (const sessions of this.#byUser.values()) count += sessions.size;
    return count;
  }

  onJoin(session: RouterSession): void {
    const { identity, realm } = session;
    const ticket = this.#parts.ticketOf(session);
    if (ticket !== undefined) this.#tickets.set(session, ticket);
    this.#endIfLate(session, ticket);
    if (identity?.user === undefined || realm === null) return;
    const sessions = this.#byUser.get(identity.user) ?? new Set<RouterSession>();
    this.#byUser.set(identity.user, sessions.add(session));
    const groups = this.#parts.model.user(realm.uri, identity.user)?.groups ?? [];
    const roles = new Set(identity.roles ?? []);
    if (groups.some((group) => !roles.has(group))) this.#chosen.add(session.id);
  }

  /** What has changed between the proof and now, nobody has told it. */
  #endIfLate(session: RouterSession, ticket: UsedTicket | undefined): void {
    const { identity, realm } = session;
    if (identity?.user === undefined || realm === null) return;
    const isGone = this.#parts.model.principal(realm.uri, identity.user)?.enabled !== true;
    if (!isGone && (identity.ticket === undefined || ticket !== undefined)) return;
    const message = isGone ? "the user is not there any more" : "the ticket has been revoked";
    this.#end([{ kind: "end", session, reason: closeReasons.killed, message }]);
  }

  onLeave(session: RouterSession): void {
    this.#tickets.delete(session);
    this.#chosen.delete(session.id);
    const user = session.identity?.user;
    const sessions = user === undefined ? undefined : this.#byUser.get(user);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byUser.delete(user!);
  }

  /** To be told of every change: `security.onChange`. */
  readonly onChange = (change: SecurityChange): void => {
    const ends: End<RouterSession>[] = [];
    for (const step of planFor(change, this.#plan))
      if (step.kind === "end") ends.push(step);
      else this.#carryOut(step);
    if (ends.length > 0) this.#end(ends);
  };

  #end(ends: readonly End<RouterSession>[]): void {
    const { afterTurn, turnShare } = this.#parts;
    const noted = ends.map((end) => ({ ...end, id: end.session.id }));
    afterTurn(() => turnShare.start(endAll(noted)));
  }

  #carryOut(step: Exclude<Step<RouterSession>, End<RouterSession>>): void {
    const { afterTurn, refreshRealm, setIdentity, closeRealm } = this.#parts;
    switch (step.kind) {
      case "identity":
        return setIdentity(step.session, step.identity);
      case "refresh":
        return refreshRealm(step.realm);
      case "close":
        return afterTurn(() => closeRealm(step.realm));
    }
  }
}
