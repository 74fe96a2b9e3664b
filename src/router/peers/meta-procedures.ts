/**
 * Which procedures of the meta API need what several routers know, and how. What is the same everywhere (subscriptions,
 * registrations, retained events) is answered by any of them and is not here.
 */
import { errors } from "../../protocol/errors.ts";
import type { ProcedureCall } from "../procedures.ts";
import type { MetaProcedure } from "../meta/meta-catalogue.ts";
import {
  concatenated,
  firstKnown,
  type SharedProcedures,
  sum,
  type Together,
  united,
} from "./shared-procedures.ts";

const gathered: Partial<Record<MetaProcedure, Together>> = {
  "wamp.session.count": sum,
  "wamp.session.list": concatenated,
  "wamp.session.kill_by_authid": concatenated,
  "wamp.session.kill_by_authrole": sum,
  "wamp.session.kill_all": sum,
  "wamp.subscription.list_subscribers": concatenated,
  "wamp.subscription.count_subscribers": sum,
  "wamp.subscription.count_suscribers": sum,
  "wamp.reflection.procedure.list": united,
  "wamp.reflection.topic.list": united,
  "wamp.reflection.error.list": united,
  "wamp.reflection.procedure.describe": firstKnown,
  "wamp.reflection.topic.describe": firstKnown,
  "wamp.reflection.error.describe": firstKnown,
  "wamp.reflect.describe": firstKnown,
};

/** Those that concern one session, which one of the routers has. */
const ofOneSession: readonly MetaProcedure[] = [
  "wamp.session.get",
  "wamp.session.kill",
  "wamp.registration.remove_callee",
  "wamp.subscription.remove_subscriber",
];

/** `mayReadHistory` refuses callers that may not see the history of the subscription that they name. */
export function shareMetaProcedures(
  shared: SharedProcedures,
  mayReadHistory: (call: ProcedureCall) => void,
): void {
  for (const [uri, together] of Object.entries(gathered)) shared.gather(uri, together);
  for (const uri of ofOneSession) shared.whoHasIt(uri, [errors.noSuchSession.uri]);
  // Histories are home's.
  shared.atHome("wamp.subscription.get_events", mayReadHistory);
}
