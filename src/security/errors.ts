/** The errors of the security model, under the URIs that Bondy's clients know. Secrets never stand in their texts. */
import { errors, WampError } from "../protocol/errors.ts";

/** URI by what went wrong. Those of `bondy.error` are what Bondy makes of its own reasons of the same name. */
const securityErrors = {
  invalidArgument: errors.invalidArgument.uri,
  unavailable: errors.unavailable.uri,
  notFound: "bondy.error.not_found",
  alreadyExists: "bondy.error.already_exists",
  activeUsers: "bondy.error.active_users",
  noSuchGroups: "bondy.error.no_such_groups",
  noSuchUsers: "bondy.error.no_such_users",
  unknownRoles: "bondy.error.unknown_roles",
  duplicateRoles: "bondy.error.duplicate_roles",
  propertyRangeLimit: "bondy.error.property_range_limit",
  badPassword: "bondy.error.bad_password",
} as const;

type Reason = keyof typeof securityErrors;

/** Bondy's payload of an error: kwargs {code, message, …}. */
export function securityError(
  reason: Reason,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): WampError {
  const uri = securityErrors[reason];
  const code = uri.slice(uri.lastIndexOf(".") + 1);
  return new WampError(uri, message, { args: [message], kwargs: { code, message, ...more } });
}

/** Everything that is wrong with an input, at once: kwargs.errors has one line each. */
export function invalidInput(problems: readonly string[]): WampError {
  return securityError("invalidArgument", problems.join("; "), { errors: problems });
}

export const notFound = (what: string): WampError => securityError("notFound", `there is no ${what}`);
export const alreadyExists = (what: string): WampError =>
  securityError("alreadyExists", `there is already ${what}`);
