/** The admin procedures put together, under all their names, and what reflection tells of them. */
import type { Denials } from "../router/denials.ts";
import type { MetaProcedure } from "../router/meta/meta-catalogue.ts";
import type { Reflection } from "../router/meta/reflection.ts";
import type { ProcedureHandler, ProcedureText, RouterProcedures } from "../router/procedures.ts";
import type { Security } from "../security/model.ts";
import { accessProcedures } from "./access-procedures.ts";
import { AdminCall, type AdminHandler } from "./admin-call.ts";
import {
  type AdminProcedure,
  type AdminText,
  adminProcedures,
  adminTopics,
  canonicalName,
  formerNames,
  namesOf,
} from "./catalogue.ts";
import { explainProcedures } from "./explain-procedures.ts";
import { groupProcedures } from "./group-procedures.ts";
import { Listing } from "./listing.ts";
import { realmProcedures } from "./realm-procedures.ts";
import { Rights } from "./rights.ts";
import { backupProcedure, type TicketService, ticketProcedures } from "./ticket-procedures.ts";
import { userProcedures } from "./user-procedures.ts";
import { type ViewParts, viewProcedures } from "./view-procedures.ts";

export interface AdminParts extends ViewParts {
  readonly security: Security;
  readonly procedures: RouterProcedures;
  readonly reflection: Reflection;
  readonly tickets: TicketService;
  /** Where refusals are noted, the access control's and those of the admin procedures. */
  readonly denials: Denials;
  /** Writes a copy of the durable state; rejects with a WampError that says why it could not. */
  readonly backup: (path: string) => Promise<void>;
  /** How busy the router is. */
  readonly load: { report(): object };
}

/** Of the meta API, those that end sessions of others or take something from them. */
const endingProcedures = [
  "wamp.session.kill",
  "wamp.session.kill_by_authid",
  "wamp.session.kill_by_authrole",
  "wamp.session.kill_all",
  "wamp.registration.remove_callee",
  "wamp.subscription.remove_subscriber",
] as const satisfies readonly MetaProcedure[];

/** Adds the admin procedures to `parts.procedures`, and their topics to reflection. */
export function addAdminProcedures(parts: AdminParts): void {
  const { security } = parts;
  const listing = new Listing(parts);
  const handlers: Readonly<Record<AdminProcedure, AdminHandler>> = {
    ...realmProcedures(security, listing),
    ...userProcedures(security, listing),
    ...groupProcedures(security, listing),
    ...accessProcedures(security, listing),
    ...ticketProcedures(security, parts.tickets),
    ...viewProcedures(parts, listing),
    ...explainProcedures(security, parts.denials, parts, listing),
    "backup.create": backupProcedure(parts.backup),
    "router.load": () => [{ ...parts.load.report() }],
  };
  const rights = new Rights(security, parts.denials);
  const named: Record<string, ProcedureHandler> = {};
  const texts: Record<string, ProcedureText> = {};
  const add = (uri: string, name: AdminProcedure): void => {
    named[uri] = (procedureCall) => {
      const call = new AdminCall(name, procedureCall);
      call.admit(rights);
      return handlers[name](call);
    };
    texts[uri] = textOf(uri, name);
  };
  for (const name of Object.keys(adminProcedures) as AdminProcedure[])
    for (const uri of namesOf(name)) add(uri, name);
  for (const [uri, name] of Object.entries(formerNames)) add(uri, name);
  parts.procedures.add(named, texts);
  parts.procedures.precede(endingProcedures, (call) => rights.requireToEnd(call));
  const topics = Object.entries(adminTopics);
  parts.reflection.addTopics(
    Object.fromEntries(topics.flatMap(([topic, text]) => namesOf(topic).map((uri) => [uri, text]))),
  );
}

function textOf(uri: string, name: AdminProcedure): ProcedureText {
  const { reach: _, self: __, ...text }: AdminText = adminProcedures[name];
  const canonical = canonicalName(name);
  const isOwnName = namesOf(name).includes(uri);
  return isOwnName ? text : { ...text, summary: `${text.summary} Now called ${canonical}.` };
}
