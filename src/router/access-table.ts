/**
 * The rules of sessions that have the same, as patterns in the router's index: in a scope that no realm has, so that they never meet
 * what routing looks for. Beside it is a scope for the decisions made by them (access-decisions.ts). Control path.
 */
import type { PatternHandle } from "../base/ids.ts";
import { fixedLimits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { AccessRule, AccessRules } from "../ports.ts";
import { headOf, intersects, specificityOf, type UriPattern } from "../protocol/cover.ts";
import { Match } from "../protocol/messages.ts";
import { allPermissions, permissionCount } from "../protocol/permissions.ts";
import { IndexBound } from "../wasm/abi.ts";
import type { PatternIndex } from "../wasm/index.ts";

export interface RuleTableParts {
  readonly index: PatternIndex;
  readonly log: Log;
  /** Of realm and rules: by what sessions find it. */
  readonly key: string;
  readonly realm: string;
  readonly rules: AccessRules;
  /** A number that no other table has at the same time. */
  readonly row: number;
  /** A number that no other table has had. */
  readonly stamp: number;
}

/** All rules with one pattern. */
interface Ranked {
  readonly match: Match;
  readonly specificity: number;
  readonly allow: number;
  readonly deny: number;
}

interface Denying {
  readonly rule: AccessRule;
  readonly specificity: number;
  readonly head: string;
}

/** What the rules say of one URI or pattern, as `Permission` bits; what is in neither no rule speaks of. */
export interface Judgement {
  readonly allowed: number;
  readonly denied: number;
}

export class RuleTable {
  readonly key: string;
  readonly realm: string;
  readonly rules: AccessRules;
  readonly row: number;
  readonly stamp: number;
  /** Scopes of the rules, and of the decisions. */
  readonly granted: number;
  readonly decided: number;
  /** Those that share it. */
  sessions = 0;
  /** Decisions in a ring, by the handles of their patterns, and where the oldest is when the ring is full. Of access-decisions.ts. */
  readonly ring: PatternHandle[] = [];
  oldest = 0;
  readonly #index: PatternIndex;
  readonly #ranked = new Map<PatternHandle, Ranked>();
  /** Rules that deny, the most specific first. */
  readonly #denying: readonly Denying[];
  /** For each permission the specificity of the rule that allows it, and of the one that denies it; -1: none. */
  readonly #allowing = new Int32Array(permissionCount);
  readonly #refusing = new Int32Array(permissionCount);

  constructor({ index, log, key, realm, rules, row, stamp }: RuleTableParts) {
    this.key = key;
    this.realm = realm;
    this.rules = rules;
    this.row = row;
    this.stamp = stamp;
    this.granted = IndexBound.ownScopes + 2 * row;
    this.decided = this.granted + 1;
    this.#index = index;
    const usable = rules.rules.filter(({ uri, match }) => canMatch(uri, match));
    this.#denying = usable
      .filter(({ deny }) => deny && rules.mostSpecific)
      .map((rule) => ({ rule, specificity: specificityOf(rule), head: headOf(rule) }))
      .sort((a, b) => b.specificity - a.specificity);
    if (usable.every((rule) => this.#insert(rule))) return;
    // Part of the rules would allow what others deny.
    this.free();
    log.error("access", "no memory for access rules; their sessions are refused everything", {
      realm,
    });
  }

  #insert(rule: AccessRule): boolean {
    if (rule.deny && !this.rules.mostSpecific) return true;
    const handle = this.#index.insertText(this.granted, rule.match, rule.uri);
    if (handle === 0) return false;
    const known = this.#ranked.get(handle) ?? { allow: 0, deny: 0 };
    this.#ranked.set(handle, {
      match: rule.match,
      specificity: specificityOf(rule),
      allow: known.allow | (rule.deny ? 0 : rule.permissions),
      deny: known.deny | (rule.deny ? rule.permissions : 0),
    });
    return true;
  }

  /** Takes its rules out of the index. */
  free(): void {
    for (const handle of this.#ranked.keys()) this.#index.remove(handle);
    this.#ranked.clear();
  }

  /** Those among the rules with these handles that contain a request with this match policy. */
  *#containing(handles: Uint32Array, match: Match): Generator<Ranked> {
    for (const handle of handles) {
      const ranked = this.#ranked.get(handle as PatternHandle);
      // What matches a prefix as if it were a URI need not contain all that begins with it.
      if (ranked !== undefined && (match !== Match.prefix || ranked.match === Match.prefix)) yield ranked;
    }
  }

  /** Where any rule may allow. `handles` of the rules that match the request. */
  additive(handles: Uint32Array, match: Match): Judgement {
    let allowed = 0;
    for (const { allow } of this.#containing(handles, match)) allowed |= allow;
    return { allowed, denied: 0 };
  }

  /** Where the most specific rule decides. `pattern` is null for an exact URI, which `handles` say everything about. */
  mostSpecific(handles: Uint32Array, match: Match, pattern: string | null): Judgement {
    this.#allowing.fill(-1);
    this.#refusing.fill(-1);
    for (const { specificity, allow, deny } of this.#containing(handles, match)) {
      raise(this.#allowing, allow, specificity);
      raise(this.#refusing, deny, specificity);
    }
    if (pattern !== null) this.#refuseParts({ uri: pattern, match });
    let allowed = 0;
    let denied = 0;
    for (let i = 0; i < permissionCount; i++) {
      const given = this.#allowing[i]!;
      const taken = this.#refusing[i]!;
      if (taken >= 0 && taken >= given) denied |= 1 << i;
      else if (given >= 0) allowed |= 1 << i;
    }
    return { allowed, denied };
  }

  /** Notes the rules that deny a part of the pattern, as far as that makes a difference. */
  #refuseParts(pattern: UriPattern): void {
    // What nobody allows is not allowed; only who has an authorizer to ask wants to know why.
    let open = this.rules.authorizer === undefined ? this.#allowedByAny() : allPermissions;
    const begin = headOf(pattern);
    for (const { rule, specificity, head } of this.#denying) {
      if (open === 0) return;
      // Most have nothing to do with the pattern; this says so without making anything.
      if ((rule.permissions & open) === 0 || !(head.startsWith(begin) || begin.startsWith(head))) continue;
      if (!intersects(rule, pattern)) continue;
      raise(this.#refusing, rule.permissions, specificity);
      // The first one of each permission is the most specific.
      open &= ~rule.permissions;
    }
  }

  #allowedByAny(): number {
    let allowed = 0;
    for (let i = 0; i < permissionCount; i++) if (this.#allowing[i]! >= 0) allowed |= 1 << i;
    return allowed;
  }
}

/** Notes a specificity for each of the permissions, where it is above what stands there. */
function raise(levels: Int32Array, permissions: number, specificity: number): void {
  for (let bits = permissions; bits !== 0; bits &= bits - 1) {
    const i = 31 - Math.clz32(bits & -bits);
    if (levels[i]! < specificity) levels[i] = specificity;
  }
}

/** Whether any valid URI matches: a rule that none matches decides nothing, and the index would refuse it. */
function canMatch(uri: string, match: Match): boolean {
  const { uriBytes_max, uriComponents_max } = fixedLimits;
  if (uri.length > uriBytes_max || uri.includes("#")) return false;
  return match === Match.prefix || uri.split(".").length <= uriComponents_max;
}
