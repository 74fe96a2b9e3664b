/** `bondy.explain.*`: why the router decides as it does. */
import type { PatternHandle } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Match, matchNames } from "../protocol/messages.ts";
import { aUri, type Dict } from "../router/meta/meta-args.ts";
import { permissionNames } from "../protocol/permissions.ts";
import type { Denials } from "../router/denials.ts";
import { requireListable } from "../router/meta/pattern-queries.ts";
import { PatternKind } from "../router/patterns.ts";
import type { Realm } from "../router/realm.ts";
import type { Steps } from "../router/turn-share.ts";
import type { Security } from "../security/model.ts";
import { UriStatus } from "../wasm/abi.ts";
import { bearerOf } from "./access-procedures.ts";
import type { AdminHandler } from "./admin-call.ts";
import { type AdminProcedure, adminProcedures, namesOf } from "./catalogue.ts";
import { type ExplainedMatch, explainMatch, type Matched, type NamedPattern } from "./explain-match.ts";
import { explainAccess } from "../security/explain.ts";
import { notFound } from "../security/errors.ts";
import { grantForm } from "./forms.ts";
import type { Listing } from "./listing.ts";
import { requiredRealm } from "./required.ts";
import type { ViewParts } from "./view-procedures.ts";

type Name = Extract<AdminProcedure, `explain.${string}`>;

const administered = new Set((Object.keys(adminProcedures) as AdminProcedure[]).flatMap(namesOf));
const administrationNote =
  "an admin procedure: beside access control it takes a login, a realm whose access control is on, and a grant of wamp.call on its " +
  "bondy.… name that is not to everybody on everything; on other realms than one's own, a session of the master realm";

interface SeenPattern extends NamedPattern {
  readonly type: "subscription" | "registration";
}

export function explainProcedures(
  security: Security,
  denials: Pick<Denials, "get">,
  parts: ViewParts,
  listing: Listing,
): Readonly<Record<Name, AdminHandler>> {
  return {
    "explain.access": (call) => {
      const authid = call.text(1, "authid");
      const permission = call.arg(2, "permission", aUri);
      const uri = call.arg(3, "uri", aUri);
      return [accessExplained(security, call.realm, authid, permission, uri)];
    },
    "explain.denial": (call) => {
      const denial = denials.get(call.text(1, "id"));
      // Of another realm: as if there were none.
      if (denial === undefined || denial.realm.toLowerCase() !== call.realm)
        throw notFound("such denial here");
      const { at_ms, match, ...known } = denial;
      const note = administered.has(denial.uri) ? { note: administrationNote } : {};
      return [{ ...known, match: matchNames[match], at: new Date(at_ms).toISOString(), ...note }];
    },
    "explain.match": (call) => {
      const uri = call.arg(1, "uri", aUri);
      requiredRealm(security, call.realm);
      if (parts.codec.checkUri(uri, Match.exact, 0) === UriStatus.invalid)
        throw new WampError(errors.invalidUri.uri, 'argument "uri" is not a URI');
      return listing.run(call, matchExplained(parts, parts.realmOf(call.realm), uri));
    },
  };
}

function accessExplained(security: Security, realm: string, authid: string, name: string, uri: string): Dict {
  const bearer = bearerOf(security, realm, authid);
  const asked = { realm, authid, permission: name, uri };
  if (security.realm(realm)?.securityEnabled !== true)
    return { ...asked, allowed: true, why: "access control is off in this realm" };
  const permission = permissionNames[name];
  // A permission that the router itself never asks for.
  if (permission === undefined) return { ...asked, allowed: security.isGranted(realm, bearer, name, uri) };
  const explained = {
    grants: security.grants(realm),
    mostSpecific: security.realm(realm)?.mostSpecific === true,
    deciding: security.deciding(realm),
    groupsOf: (group: string) => security.group(realm, group)?.groups ?? [],
  };
  const explanation = explainAccess(explained, bearer, { permission, uri, match: Match.exact });
  const { allowed, grant, path, nearMisses, wouldAllow } = explanation;
  return {
    ...asked,
    allowed,
    grant: grant === null ? null : grantForm(grant),
    path,
    near_misses: nearMisses.map((miss) => ({ grant: grantForm(miss.grant), why: miss.why })),
    would_allow: wouldAllow,
  };
}

/** All patterns that match, and as many of the others as a list may have: what nearly matches is looked for among them. */
function* seenPatterns(
  { patterns, limits }: ViewParts,
  realm: Realm | undefined,
  kind: PatternKind,
  uri: string,
): Generator<SeenPattern, void> {
  if (realm === undefined) return;
  const type = kind === PatternKind.subscription ? "subscription" : "registration";
  const seen = (pattern: PatternHandle): SeenPattern => ({
    type,
    id: patterns.id(pattern),
    uri: patterns.uri(pattern),
    match: patterns.match(pattern),
  });
  const handles = new Set<PatternHandle>();
  const count = patterns.index.match(realm.handle * 2 + kind, uri);
  requireListable(count, limits);
  for (let i = 0; i < count; i++) handles.add(patterns.index.matched(i));
  // Others may end while they are looked at; what matches is told as it was at first.
  const matching = [...handles].filter((pattern) => !patterns.isReserved(pattern)).map(seen);
  yield* matching;
  let left = limits.listed_max - handles.size;
  for (const pattern of patterns.of(kind, realm)) {
    if (left-- <= 0) return;
    if (!handles.has(pattern) && !patterns.isReserved(pattern)) yield seen(pattern);
  }
}

function* matchExplained(parts: ViewParts, realm: Realm | undefined, uri: string): Steps<readonly [Dict]> {
  const explained = (kind: PatternKind): Steps<ExplainedMatch<SeenPattern>> =>
    explainMatch(seenPatterns(parts, realm, kind, uri), uri, fixedLimits.nearMisses_max);
  const subscriptions = yield* explained(PatternKind.subscription);
  const registrations = yield* explained(PatternKind.registration);
  const shown = ({ type, id, uri: pattern, match, why }: SeenPattern & Matched): Dict => ({
    type,
    id,
    uri: pattern,
    match: matchNames[match],
    why,
  });
  const explanation = {
    uri,
    subscriptions: subscriptions.matching.map(shown),
    // A call takes the first; the others would follow if it were not there.
    registrations: registrations.matching.map(shown),
    near_misses: [...subscriptions.near, ...registrations.near].map(shown),
  };
  return [explanation];
}
