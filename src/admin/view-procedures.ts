/** `bondy.session.*`, `bondy.registration.*`, `bondy.subscription.*`, `bondy.registry.*`, `bondy.ping`: what is there now. */
import type { PatternHandle } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { invokeNames, matchNames } from "../protocol/messages.ts";
import type { Memberships } from "../router/memberships.ts";
import { anId, aText, aUri } from "../router/meta/meta-args.ts";
import { endSessions, farewellOf } from "../router/meta/meta-session.ts";
import { requireListable } from "../router/meta/pattern-queries.ts";
import { PatternKind, type Patterns } from "../router/patterns.ts";
import type { Realm } from "../router/realm.ts";
import type { SessionIndex } from "../router/session-index.ts";
import type { Targets } from "../router/targets.ts";
import type { RouterSession } from "../router/types.ts";
import type { Codec } from "../wasm/codec.ts";
import type { AdminCall, AdminHandler } from "./admin-call.ts";
import type { AdminProcedure } from "./catalogue.ts";
import { sessionForm } from "./forms.ts";

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
}

export function viewProcedures(parts: ViewParts): Readonly<Record<Name, AdminHandler>> {
  const registry = new RegistryView(parts);
  const { registration, subscription } = PatternKind;
  return {
    ...sessionProcedures(parts),
    "registration.list": (call) => [registry.entries(call.realm, [registration])],
    "registration.callee.list": (call) => [
      registry.entries(call.realm, [registration], call.option(1, "procedure", aUri)),
    ],
    "subscription.list": (call) => [registry.entries(call.realm, [subscription])],
    "registry.list": (call) => [registry.entries(call.realm, [registration, subscription])],
    ping: () => ["pong"],
  };
}

function sessionProcedures(
  parts: ViewParts,
): Readonly<Record<Extract<Name, `session.${string}`>, AdminHandler>> {
  const { sessions, limits, codec } = parts;
  const sessionsIn = (realm: string): RouterSession[] => {
    const routed = parts.realmOf(realm);
    return routed === undefined ? [] : sessions.all().filter((session) => session.realm === routed);
  };
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
      const found = sessionsIn(call.realm)
        .filter(({ identity }) => authid === undefined || identity?.authid === authid)
        .filter(({ identity }) => authrole === undefined || identity?.authrole === authrole);
      requireListable(found.length, limits);
      return [found.map(sessionForm)];
    },
    "session.get": (call) => [sessionForm(required(call))],
    "session.kill": (call) => {
      const session = required(call);
      if (session === call.call.caller)
        throw new WampError(errors.noSuchSession.uri, "a session cannot kill itself; it says GOODBYE");
      endSessions([session], farewellOf(codec, call.call, null));
      return [];
    },
    "session.kill_by_authid": (call) => {
      const authid = call.text(1, "authid");
      const farewell = farewellOf(codec, call.call, null);
      const victims = sessionsIn(call.realm).filter(
        (session) => session.identity?.authid === authid && session !== call.call.caller,
      );
      requireListable(victims.length, limits);
      const ids = victims.map((session) => session.id);
      endSessions(victims, farewell);
      return [ids];
    },
  };
}

class RegistryView {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** One entry for each pair of a pattern and a session that holds it. Subscriptions to the router's own topics are not shown. */
  entries(uri: string, kinds: readonly PatternKind[], only?: string): readonly Dict[] {
    const { patterns, limits } = this.#parts;
    const realm = this.#parts.realmOf(uri);
    if (realm === undefined) return [];
    const found: Dict[] = [];
    for (const kind of kinds)
      for (const pattern of patterns.of(kind, realm)) {
        if (patterns.isReserved(pattern) || (only !== undefined && patterns.uri(pattern) !== only)) continue;
        requireListable(found.length + patterns.memberCount(pattern), limits);
        this.#addEntries(found, kind, pattern);
      }
    return found;
  }

  #addEntries(found: Dict[], kind: PatternKind, pattern: PatternHandle): void {
    const { patterns, targets, subscriptions, registrations } = this.#parts;
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
    for (let row = patterns.firstMember(pattern); row !== 0; row = memberships.nextOfPattern(row))
      found.push({ ...facts, session: targets.get(memberships.target(row)).id });
  }
}
