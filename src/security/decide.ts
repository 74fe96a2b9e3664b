/**
 * The decision about one request by the rules of whoever asks, rule by rule: what the router does with its index
 * (router/access.ts), in a form that anyone can check. Pure; for explanations, for questions of administrators, and as the oracle
 * of the tests.
 *
 * A rule covers a request if it contains all URIs that the request is about: one for a CALL, many for a SUBSCRIBE to a prefix.
 * Additive: allowed if a rule that covers the request allows it. Most specific: allowed if a rule that covers it allows it, and no
 * rule that is as specific as that one or more (protocol/cover.ts has the order) denies any of it. For one URI this says that the
 * most specific rule decides, and deny before allow.
 */
import type { AccessRule, AccessRules } from "../ports.ts";
import { contains, intersects, specificityOf, type UriPattern } from "../protocol/cover.ts";
import { Match } from "../protocol/messages.ts";
import type { Permission } from "../protocol/permissions.ts";

/** A URI, or with `match` the pattern of a SUBSCRIBE or REGISTER. */
export interface Request extends UriPattern {
  readonly permission: Permission;
}

export interface Decision {
  readonly allowed: boolean;
  /** The rule that decided; null: none allows. */
  readonly rule: AccessRule | null;
}

/** The more specific of two; the first where they are equal. */
const moreSpecific = (a: AccessRule | null, b: AccessRule): AccessRule =>
  a === null || specificityOf(b) > specificityOf(a) ? b : a;

export function decide({ rules, mostSpecific, withheld = [] }: AccessRules, request: Request): Decision {
  for (const { uri, permissions } of withheld)
    if ((permissions & request.permission) !== 0 && contains(request, { uri, match: Match.exact }))
      return { allowed: false, rule: null };
  let allowing: AccessRule | null = null;
  let denying: AccessRule | null = null;
  for (const rule of rules) {
    if ((rule.permissions & request.permission) === 0) continue;
    if (!rule.deny) {
      if (contains(rule, request)) allowing = moreSpecific(allowing, rule);
    } else if (mostSpecific && intersects(rule, request)) denying = moreSpecific(denying, rule);
  }
  if (denying !== null && (allowing === null || specificityOf(denying) >= specificityOf(allowing)))
    return { allowed: false, rule: denying };
  return { allowed: allowing !== null, rule: allowing };
}

export const isAllowed = (rules: AccessRules | null, request: Request): boolean =>
  rules === null || decide(rules, request).allowed;
