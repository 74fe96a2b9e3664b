/** `wamp.registration.*`: what the meta API tells of registrations, and ends. The dealer emits its events. Control path. */
import { errors, WampError } from "../../protocol/errors.ts";
import { PatternKind } from "../patterns.ts";
import type { ProcedureHandler } from "../procedures.ts";
import type { SessionIndex } from "../session-index.ts";
import { aText, optional, requireKillRight } from "./meta-args.ts";
import type { MetaProcedure } from "./meta-catalogue.ts";
import { requiredSession } from "./meta-session.ts";
import { PatternQueries, type PatternQueriesParts } from "./pattern-queries.ts";
import type { Revocation } from "./revocation.ts";

export interface RegistrationMetaParts extends PatternQueriesParts {
  readonly revocation: Revocation;
  readonly sessions: SessionIndex;
}

/** `parts.memberships` are those of registrations. */
export function registrationProcedures(parts: RegistrationMetaParts) {
  const queries = new PatternQueries(PatternKind.registration, parts);
  return {
    "wamp.registration.list": (call) => queries.list(call),
    "wamp.registration.lookup": (call) => [queries.lookup(call)],
    "wamp.registration.match": (call) => [queries.best(call)],
    "wamp.registration.get": (call) => [queries.details(call)],
    "wamp.registration.list_callees": (call) => queries.members(call),
    "wamp.registration.count_callees": (call) => [queries.memberCount(call)],
    "wamp.registration.remove_callee": (call) => {
      requireKillRight(call);
      const registration = queries.required(call, 0);
      const callee = requiredSession(parts.sessions, call, 1);
      const reason = optional(call, 2, "reason", aText);
      if (parts.revocation.revokeRegistration(registration, callee, reason)) return [];
      const problem = `session ${callee.id} has not registered it`;
      throw new WampError(errors.noSuchRegistration.uri, problem);
    },
  } satisfies Partial<Record<MetaProcedure, ProcedureHandler>>;
}
