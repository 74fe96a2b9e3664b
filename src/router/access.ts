/**
 * Who may do what: the rules of each session, and decisions by them. Hot where a decision is remembered.
 *
 * Sessions with the same rules share a table (access-table.ts): the rules as patterns in the router's own index, and the decisions
 * made so far as patterns beside them, in scopes that no realm's subscriptions and registrations have. A decision is about all
 * permissions at once, as bits. To look one up takes one crossing and makes nothing; to make one, a match of the rules.
 */
import { Rows } from "../base/column.ts";
import type { PatternHandle } from "../base/ids.ts";
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { AccessPolicy, Identity } from "../ports.ts";
import { contains } from "../protocol/cover.ts";
import { Match } from "../protocol/messages.ts";
import { allPermissions, Permission } from "../protocol/permissions.ts";
import { Address } from "../wasm/abi.ts";
import type { Core } from "../wasm/core.ts";
import type { PatternIndex } from "../wasm/index.ts";
import { Decisions } from "./access-decisions.ts";
import { type Judgement, RuleTable } from "./access-table.ts";
import type { Realm } from "./realm.ts";
import { RecentDecisions } from "./recent-decisions.ts";
import type { RouterSession, SessionObserver } from "./types.ts";

/** What a session holds: the table of its rules, for as long as nothing was granted or revoked. */
export class AccessContext {
  /** Null: of a session whose rules have not been asked for. */
  readonly table: RuleTable | null;
  /** Rights have changed since: its session's rules are asked for before the next decision. */
  isStale: boolean;

  constructor(table: RuleTable | null) {
    this.table = table;
    this.isStale = table === null;
  }
}

/** A question to whoever decides where no rule does. */
export interface AccessQuestion {
  readonly permission: Permission;
  readonly uri: string;
  readonly match: Match;
}

export interface AccessParts {
  readonly core: Core;
  readonly index: PatternIndex;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Null: no access control in any realm. */
  readonly policy: AccessPolicy | null;
  /** Who a live session is by now, where its groups can change; absent: who it was when it joined. */
  readonly identityOf?: (session: RouterSession) => Identity;
}

/** Of a decision, which permissions it allows in the lower half and which it decides in the upper one. */
const decidedShift = 16;
const everything = allPermissions | (allPermissions << decidedShift);

/** Whether a decision says something of this permission. */
export const isDecided = (decision: number, permission: Permission): boolean =>
  (decision & (permission << decidedShift)) !== 0;

/** What gives up something of one's own is nobody else's concern, where no rule says so. */
const givingUp = Permission.cancel | Permission.unregister | Permission.unsubscribe;

export class Access implements SessionObserver {
  readonly #parts: AccessParts;
  readonly #index: PatternIndex;
  readonly #tables = new Map<string, RuleTable>();
  readonly #current = new Map<RuleTable, AccessContext>();
  readonly #rows = new Rows();
  readonly #decisions: Decisions;
  readonly #recent: RecentDecisions;
  #lastStamp = 0;
  readonly #unbound = new AccessContext(null);
  /** Where matches go: memory of its own, beside MATCHES. */
  readonly #matches: number;
  /** Decisions that were told for one request only, by session. */
  readonly #onceTold = new Map<RouterSession, (AccessQuestion & { readonly allowed: boolean })[]>();

  /** Throws when there is no memory. */
  constructor(parts: AccessParts) {
    this.#parts = parts;
    this.#index = parts.index;
    this.#decisions = new Decisions(parts);
    this.#recent = new RecentDecisions(parts.policy === null ? 1 : fixedLimits.recentDecisions_max);
    this.#matches = parts.policy === null ? 0 : parts.core.reserve(4 * fixedLimits.rulesPerUri_max);
    if (parts.policy !== null && this.#matches === 0) throw new Error("no memory for access rules");
  }

  /** Tables of rules in use, and decisions remembered; both are 0 when nobody is connected. */
  get tableCount(): number {
    return this.#tables.size;
  }
  get decisionCount(): number {
    return this.#decisions.count;
  }

  onJoin(session: RouterSession, realm: Realm): void {
    this.#bind(session, realm);
  }
  onLeave(session: RouterSession): void {
    this.#onceTold.delete(session);
    this.#release(session.access);
    session.access = null;
  }

  /**
   * What is decided about the URI or pattern whose UTF-8 lies at `at` in linear memory: the `Permission` bits that are given, and
   * those that are decided at all (`isDecided`). Where one is not, an authorizer has to be asked, and `settle` will tell.
   */
  decision(session: RouterSession, match: Match, at: number, length: number): number {
    let context = session.access;
    if (context?.isStale) {
      this.rebind(session);
      context = session.access;
    }
    if (context === null) return everything;
    const table = context.table!;
    const handle = this.#index.findAt(table.decided, match, at, length);
    return handle === 0 ? this.#decide(table, match, at, length) : this.#decisions.get(handle);
  }

  /** As `decision`, for an exact URI that the routing pattern of this handle spells out; 0: none does. */
  decisionOf(session: RouterSession, pattern: PatternHandle | 0, at: number, length: number): number {
    const context = session.access;
    if (pattern === 0 || context === null || context.isStale)
      return this.decision(session, Match.exact, at, length);
    const { stamp } = context.table!;
    const recent = this.#recent.get(stamp, pattern);
    if (recent !== 0) return recent;
    const decision = this.decision(session, Match.exact, at, length);
    this.#recent.set(stamp, pattern, decision);
    return decision;
  }

  /** What `decisionOf` would say, if that is remembered; 0: it is not. */
  recall(session: RouterSession, pattern: PatternHandle): number {
    const context = session.access!;
    return context.isStale ? 0 : this.#recent.get(context.table!.stamp, pattern);
  }

  /** As `decision`, for a URI held as text; only what is given. Overwrites TEXT. Control path. */
  allowedText(session: RouterSession, match: Match, uri: string): number {
    if (session.access === null) return allPermissions;
    const length = this.#index.put(uri);
    return length < 0 ? 0 : this.decision(session, match, Address.text, length) & allPermissions;
  }

  /** A handle of a routing pattern may stand for another URI now. */
  onPatternRemoved(): void {
    this.#recent.clear();
  }

  // ---- answers of an authorizer

  /**
   * An authorizer has answered a question that a pending verdict raised. With `cache` the answer holds for all who have the same
   * rules, until rights change; else for the requests of this session that are handled until `forget`. Control path.
   */
  settle(session: RouterSession, question: AccessQuestion, allowed: boolean, cache: boolean): void {
    const { permission, uri, match } = question;
    const length = cache ? this.#index.put(uri) : -1;
    // The rules of the session may be others than when it asked.
    const before = length < 0 ? 0 : this.decision(session, match, Address.text, length);
    const table = session.access?.table ?? null;
    if (table === null) return;
    // Rules that decide by now, and answers that came before this one, stand.
    if (isDecided(before, permission)) return;
    const handle = length < 0 ? 0 : this.#index.find(table.decided, match, uri);
    if (handle === 0) {
      this.#onceTold.set(session, [...(this.#onceTold.get(session) ?? []), { ...question, allowed }]);
      return;
    }
    const bits = (permission << decidedShift) | (allowed ? permission : 0);
    this.#decisions.set(handle, (before & ~permission) | bits);
    this.#recent.clear();
  }

  /** What `settle` told for this session only; null: nothing. */
  told(session: RouterSession, { permission, uri, match }: AccessQuestion): boolean | null {
    const told = this.#onceTold.get(session);
    const found = told?.find(
      (one) => one.permission === permission && one.match === match && one.uri === uri,
    );
    return found?.allowed ?? null;
  }

  /** The request that was waiting for `settle` has been handled. */
  forget(session: RouterSession): void {
    this.#onceTold.delete(session);
  }

  // ---- change of rights

  /** Rights in these realms have changed. Returns the sessions among the given that may be concerned, to be looked at. */
  expire(realms: ReadonlySet<string>, sessions: readonly RouterSession[]): RouterSession[] {
    if (this.#parts.policy === null) return [];
    for (const [table, context] of this.#current) {
      if (!realms.has(table.realm)) continue;
      context.isStale = true;
      this.#current.set(table, new AccessContext(table));
      // What an authorizer has said may be different now.
      if (table.rules.authorizer !== undefined) this.#decisions.clear(table);
    }
    this.#recent.clear();
    const concerned = sessions.filter(({ realm }) => realm !== null && realms.has(realm.uri));
    for (const session of concerned) session.access ??= this.#unbound;
    return concerned;
  }

  /** Asks for the rules of a session whose context is stale. True: they are others than before. */
  rebind(session: RouterSession): boolean {
    const before = session.access;
    if (before === null || !before.isStale) return false;
    this.#bind(session, session.realm!);
    this.#release(before);
    return (session.access?.table ?? null) !== before.table;
  }

  #bind(session: RouterSession, realm: Realm): void {
    const { policy, identityOf } = this.#parts;
    const identity = identityOf?.(session) ?? session.identity;
    const rules = policy === null || identity === null ? null : policy.rulesFor(realm.uri, identity);
    if (rules === null) {
      session.access = null;
      return;
    }
    const key = `${realm.uri}\n${rules.key}`;
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = new RuleTable({
        ...this.#parts,
        key,
        realm: realm.uri,
        rules,
        row: this.#rows.take(),
        stamp: ++this.#lastStamp,
      });
      this.#tables.set(key, table);
      this.#decisions.add(table);
      this.#current.set(table, new AccessContext(table));
    }
    table.sessions++;
    session.access = this.#current.get(table)!;
  }

  #release(context: AccessContext | null): void {
    const table = context?.table ?? null;
    if (table === null || --table.sessions > 0) return;
    this.#tables.delete(table.key);
    this.#current.delete(table);
    this.#decisions.remove(table);
    table.free();
    this.#rows.free(table.row);
  }

  // ---- decisions

  #decide(table: RuleTable, match: Match, at: number, length: number): number {
    this.#parts.metrics.accessDecided++;
    // What looks up a pattern goes over TEXT, where `at` may point to.
    const text = match === Match.exact ? null : this.#index.textAt(at, length);
    const { allowed, denied } = this.#judge(table, match, text, at, length);
    const withheld = this.#withheld(table, match, text, at, length);
    const decision = this.#complete(table, allowed & ~withheld, denied | withheld);
    const handle: PatternHandle | 0 =
      text === null
        ? this.#index.insert(table.decided, match, at, length)
        : this.#index.insertText(table.decided, match, text);
    if (handle !== 0) this.#decisions.keep(table, handle, decision);
    return decision;
  }

  #withheld({ rules }: RuleTable, match: Match, text: string | null, at: number, length: number): number {
    const { withheld } = rules;
    if (withheld === undefined) return 0;
    const request = { uri: text ?? this.#index.textAt(at, length), match };
    let bits = 0;
    for (const { uri, permissions } of withheld)
      if (contains(request, { uri, match: Match.exact })) bits |= permissions;
    return bits;
  }

  #complete({ rules }: RuleTable, allowed: number, denied: number): number {
    if (rules.authorizer === undefined) return allowed | (allPermissions << decidedShift);
    const given = allowed | (givingUp & ~denied);
    return given | ((given | denied) << decidedShift);
  }

  #judge(table: RuleTable, match: Match, text: string | null, at: number, length: number): Judgement {
    const room = fixedLimits.rulesPerUri_max;
    const { rules } = table;
    let found: number;
    if (text === null) found = this.#index.matchInto(table.granted, at, length, this.#matches, room);
    else {
      // A rule contains a wildcard pattern if it matches a URI with something there that no rule names, in the place of what is open.
      const probe = match === Match.wildcard ? holdPlaces(text) : text;
      const bytes = this.#index.put(probe);
      found = bytes < 0 ? 0 : this.#index.matchInto(table.granted, Address.text, bytes, this.#matches, room);
    }
    if (found > room) return { allowed: 0, denied: allPermissions };
    const handles = new Uint32Array(this.#parts.core.bytes.buffer, this.#matches, found);
    return rules.mostSpecific ? table.mostSpecific(handles, match, text) : table.additive(handles, match);
  }
}

/** What no valid URI contains. */
const placeHolder = "#";
const holdPlaces = (wildcard: string): string =>
  wildcard
    .split(".")
    .map((component) => (component === "" ? placeHolder : component))
    .join(".");
