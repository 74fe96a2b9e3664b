/** `bondy.session.*`, `bondy.registration.*`, `bondy.subscription.*`, `bondy.registry.*`, `bondy.ping`: what is there now. */
import type { PatternHandle, SessionId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { invokeNames, matchNames } from "../protocol/messages.ts";
import type { Memberships } from "../router/memberships.ts";
import { anId, aText, aUri } from "../router/meta/meta-args.ts";
import { memberIds } from "../router/meta/member-walk.ts";
import {
  endInSteps,
  endSession,
  type Farewell,
  farewellOf,
  sessionIds,
} from "../router/meta/meta-session.ts";
import { requireListable } from "../router/meta/pattern-queries.ts";
import { PatternKind, type Patterns } from "../router/patterns.ts";
import type { Realm } from "../router/realm.ts";
import type { SessionIndex } from "../router/session-index.ts";
import type { Targets } from "../router/targets.ts";
import type { Steps, TurnShare } from "../router/turn-share.ts";
import type { RouterSession } from "../router/types.ts";
import type { Codec } from "../wasm/codec.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { sessionForm } from "./forms.ts";
import type { Listing } from "./listing.ts";

type Name = Exclude<
  Extract<AdminProcedure, `session.${string}` | `registration.${string}` | `${string}.list` | "ping">,
  `${"realm" | "user" | "group" | "source" | "grant"}.list`
>;
type Dict = Readonly<Record<string, unknown>>;

export interface ViewParts {
  readonly codec: Codec;
  readonly limits: Limits;
  readonly patterns: Patterns;
  readonly targets: Targets;
  readonly sessions: SessionIndex;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
  /** A realm that routes; undefined: nobody has ever joined it, or it is not there. */
  readonly realmOf: (uri: string) => Realm | undefined;
  readonly turnShare: TurnShare;
}

/** What it costs to show a session, or what is the same in all entries of a pattern, in steps. */
const formCost = 12;

export function viewProcedures(parts: ViewParts, listing: Listing): Readonly<Record<Name, AdminHandler>> {
  const registry = new RegistryView(parts);
  const { registration, subscription } = PatternKind;
  const entries =
    (...kinds: readonly PatternKind[]): AdminHandler =>
    (call) =>
      listing.run(call, registry.entries(call.realm, kinds));
  return {
    ...sessionProcedures(parts, listing),
    "registration.list": entries(registration),
    "registration.callee.list": (call) =>
      listing.run(call, registry.entries(call.realm, [registration], call.option(1, "procedure", aUri))),
    "subscription.list": entries(subscription),
    "registry.list": entries(registration, subscription),
    ping: () => ["pong"],
  };
}

type IsWanted = (session: RouterSession) => boolean;

function sessionProcedures(
  parts: ViewParts,
  listing: Listing,
): Readonly<Record<Extract<Name, `session.${string}`>, AdminHandler>> {
  const { sessions, limits, codec } = parts;
  function* ids(realm: Realm | undefined, isWanted: IsWanted): Steps<readonly SessionId[]> {
    const found = realm === undefined ? [] : yield* sessionIds(sessions, realm, isWanted);
    requireListable(found.length, limits);
    return found;
  }
  function* list(realm: Realm | undefined, isWanted: IsWanted): Steps<readonly unknown[]> {
    const forms: Dict[] = [];
    for (const id of yield* ids(realm, isWanted)) {
      const session = sessions.get(id);
      // It may have left since it was found.
      if (session !== null && session.realm === realm) forms.push(sessionForm(session));
      yield formCost;
    }
    return [forms];
  }
  function* kill(
    realm: Realm | undefined,
    isVictim: IsWanted,
    farewell: Farewell,
  ): Steps<readonly unknown[]> {
    const victims = yield* ids(realm, isVictim);
    if (realm !== undefined)
      yield* endInSteps(sessions, realm, victims, (session) => endSession(session, farewell));
    return [victims];
  }
  const required = (call: AdminCall): RouterSession => {
    const session = sessions.get(call.arg(1, "session", anId));
    if (session?.realm != null && session.realm === parts.realmOf(call.realm)) return session;
    throw new WampError(errors.noSuchSession.uri, "there is no such session in this realm");
  };
  return {
    "session.self": ({ call }) => [sessionForm(call.caller)],
    "session.list": (call) => {
      const authid = call.named("authid", aText);
      const authrole = call.named("authrole", aText);
      const isWanted: IsWanted = ({ identity }) =>
        (authid === undefined || identity?.authid === authid) &&
        (authrole === undefined || identity?.authrole === authrole);
      return listing.run(call, list(parts.realmOf(call.realm), isWanted));
    },
    "session.get": (call) => [sessionForm(required(call))],
    "session.kill": (call) => {
      const session = required(call);
      if (session === call.call.caller)
        throw new WampError(errors.noSuchSession.uri, "a session cannot kill itself; it says GOODBYE");
      endSession(session, farewellOf(codec, call.call, null));
      return [];
    },
    "session.kill_by_authid": (call) => {
      const authid = call.text(1, "authid");
      const farewell = farewellOf(codec, call.call, null);
      const isVictim: IsWanted = (session) =>
        session.identity?.authid === authid && session !== call.call.caller;
      return listing.run(call, kill(parts.realmOf(call.realm), isVictim, farewell));
    },
  };
}

class RegistryView {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /**
   * One entry for each pair of a pattern and a session that holds it. Subscriptions to the router's own topics are not shown. What comes
   * or goes while the list is made may be in it or not; what stays is in it once.
   */
  *entries(uri: string, kinds: readonly PatternKind[], only?: string): Steps<readonly [readonly Dict[]]> {
    const { patterns, limits } = this.#parts;
    const realm = this.#parts.realmOf(uri);
    const found: Dict[] = [];
    if (realm === undefined) return [found];
    for (const kind of kinds)
      for (const pattern of patterns.of(kind, realm)) {
        if (!patterns.isReserved(pattern) && (only === undefined || patterns.uri(pattern) === only)) {
          requireListable(found.length + patterns.memberCount(pattern), limits);
          yield* this.#addEntries(found, kind, pattern);
        }
        yield formCost;
      }
    return [found];
  }

  *#addEntries(found: Dict[], kind: PatternKind, pattern: PatternHandle): Steps<void> {
    const { patterns, subscriptions, registrations } = this.#parts;
    const isRegistration = kind === PatternKind.registration;
    const memberships = isRegistration ? registrations : subscriptions;
    const facts = {
      type: isRegistration ? "registration" : "subscription",
      id: patterns.id(pattern),
      uri: patterns.uri(pattern),
      match: matchNames[patterns.match(pattern)],
      ...(isRegistration ? { invoke: invokeNames[patterns.invoke(pattern)] } : {}),
      created: new Date(patterns.created_ms(pattern)).toISOString(),
    };
    for (const session of yield* memberIds({ ...this.#parts, kind, memberships }, pattern)) {
      found.push({ ...facts, session });
      yield 2;
    }
  }
}
