/** Which admin procedures need what several routers know, and how. The model and the registrations are the same everywhere. */
import { errors } from "../protocol/errors.ts";
import { merged, type SharedProcedures, type Together } from "../router/peers/shared-procedures.ts";
import { type AdminProcedure, formerNames, namesOf } from "./catalogue.ts";
import { notFound } from "../security/errors.ts";

const gathered: Partial<Record<AdminProcedure, Together>> = {
  "session.list": merged,
  "session.kill_by_authid": merged,
  "subscription.list": merged,
  "registry.list": merged,
};

/** One router has it, and what the others say that have not. */
const missing: Partial<Record<AdminProcedure, string>> = {
  "session.get": errors.noSuchSession.uri,
  "session.kill": errors.noSuchSession.uri,
  "explain.denial": notFound("").uri,
};

/** All names of a procedure. */
const urisOf = (name: string): readonly string[] => [
  ...namesOf(name),
  ...Object.keys(formerNames).filter((uri) => formerNames[uri] === name),
];

/** The admin procedures must have been added before. */
export function shareAdminProcedures(shared: SharedProcedures): void {
  for (const [name, together] of Object.entries(gathered))
    for (const uri of urisOf(name)) shared.gather(uri, together);
  for (const [name, error] of Object.entries(missing))
    for (const uri of urisOf(name)) shared.whoHasIt(uri, [error]);
}
