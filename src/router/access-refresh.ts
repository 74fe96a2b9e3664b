/**
 * What happens to live sessions when rights change: each is decided about by its new rules from its next message on, and loses the
 * subscriptions and registrations that it has no right to any more. A share of them in each turn, so that a change that concerns
 * many stops nobody. Control path.
 */
import type { PatternHandle, SessionId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { closeReasons, errors } from "../protocol/errors.ts";
import { Permission } from "../protocol/permissions.ts";
import { type Access, isDecided } from "./access.ts";
import type { Memberships } from "./memberships.ts";
import type { Revocation } from "./meta/revocation.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { SessionIndex } from "./session-index.ts";
import type { RouterSession } from "./types.ts";

export interface AccessRefreshParts {
  readonly access: Access;
  readonly sessions: SessionIndex;
  readonly patterns: Patterns;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
  readonly revocation: Revocation;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

/** A session to be looked at, and of what it holds what is left to be looked at; null: it has not been begun. */
interface Inspection {
  readonly session: RouterSession;
  readonly id: SessionId;
  /** Of the table of its rules before the change; null: it had none. */
  readonly before: string | null;
  held: PatternHandle[] | null;
}

/** Asking for the rules of a session costs about as much as looking at so many of its subscriptions. */
const sessionCost = 16;

const keyOf = ({ access }: RouterSession): string | null => access?.table?.key ?? null;

export class AccessRefresh {
  readonly #parts: AccessRefreshParts;
  #queue: Inspection[] = [];
  #next = 0;

  constructor(parts: AccessRefreshParts) {
    this.#parts = parts;
  }

  /** Sessions that are still to be looked at. */
  get waiting(): number {
    return this.#queue.length - this.#next;
  }

  /**
   * Grants, users, groups or access control itself have changed in these realms. Realms whose prototype has changed must be among
   * them. Ends what may not go on: the first part at once, the rest in the turns that follow.
   */
  refresh(realms: Iterable<string>): void {
    const { access, sessions } = this.#parts;
    const isRunning = this.waiting > 0;
    for (const session of access.expire(new Set(realms), sessions.all()))
      this.#queue.push({ session, id: session.id, before: keyOf(session), held: null });
    if (!isRunning) this.#run();
  }

  #run(): void {
    let left = this.#parts.limits.accessSweep_max;
    while (this.waiting > 0 && left > 0) left -= this.#inspect(this.#queue[this.#next]!, left);
    if (this.waiting > 0) return this.#parts.afterTurn(() => this.#run());
    this.#queue = [];
    this.#next = 0;
  }

  /** Looks at `most` of what the session holds. Returns how many it were, with the session itself. */
  #inspect(inspection: Inspection, most: number): number {
    const { session, id } = inspection;
    // It may have left since, and its place be another session's.
    if (session.realm === null || session.id !== id) return this.#done();
    try {
      inspection.held ??= this.#begin(inspection);
      const part = inspection.held.splice(-most);
      for (const pattern of part) this.#keepOrEnd(session, pattern);
      if (inspection.held.length === 0) this.#done();
      return part.length + sessionCost;
    } catch (cause) {
      this.#parts.log.error("access", "the rules of a session could not be had; it is ended", {
        session: id,
        cause,
      });
      session.goodbye(closeReasons.normal, "its rights could not be determined");
      return this.#done();
    }
  }

  #done(): number {
    this.#next++;
    return sessionCost;
  }

  /** Everything that the session holds; nothing, where its rules are what they were. The latest last. */
  #begin({ session, before }: Inspection): PatternHandle[] {
    const { access, subscriptions, registrations } = this.#parts;
    // A message of its own may have been faster; then its context is new already.
    access.rebind(session);
    if (session.access === null || keyOf(session) === before) return [];
    const held: PatternHandle[] = [];
    for (const memberships of [registrations, subscriptions])
      for (let row = memberships.first(session); row !== 0; row = memberships.nextOfSession(row))
        held.push(memberships.pattern(row));
    return held;
  }

  #keepOrEnd(session: RouterSession, pattern: PatternHandle): void {
    const { access, patterns, revocation, metrics } = this.#parts;
    const { index } = patterns;
    const isSubscription = patterns.kind(pattern) === PatternKind.subscription;
    const permission = isSubscription ? Permission.subscribe : Permission.register;
    const [match, at, length] = [patterns.match(pattern), index.uriAt(pattern), index.uriLength(pattern)];
    // It may have been given up since; and the handle may be another pattern's by now, about which nothing is wrong to say.
    if (at === 0) return;
    const decision = access.decision(session, match, at, length);
    // What an authorizer has once allowed stays until somebody refuses it.
    if ((decision & permission) !== 0 || !isDecided(decision, permission)) return;
    const reason = errors.notAuthorized.uri;
    const isEnded = isSubscription
      ? revocation.revokeSubscription(pattern, session, reason)
      : revocation.revokeRegistration(pattern, session, reason);
    if (isEnded) metrics.accessRevoked++;
  }
}
