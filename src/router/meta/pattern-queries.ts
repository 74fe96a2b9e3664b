/**
 * What the meta API tells of subscriptions and registrations: the questions that both kinds have in common. Control path.
 * Subscriptions to the router's own topics are not shown, as no meta event announces them.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors, WampError } from "../../protocol/errors.ts";
import { invokeNames, Match, matchNames } from "../../protocol/messages.ts";
import { UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { patternDetails, patternFacts } from "../meta-events.ts";
import { PatternKind, type Patterns } from "../patterns.ts";
import type { ProcedureCall } from "../procedures.ts";
import type { Realm } from "../realm.ts";
import type { Targets } from "../targets.ts";
import type { Steps, TurnShare } from "../turn-share.ts";
import { memberIds } from "./member-walk.ts";
import { aDict, anId, aUri, invalidArgument, optional, positional } from "./meta-args.ts";

export interface PatternQueriesParts {
  readonly codec: Codec;
  readonly limits: Limits;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly targets: Targets;
  readonly turnShare: TurnShare;
}

type Results = readonly unknown[];

/** Refuses, with wamp.error.payload_size_exceeded, a list with more entries or text than one message is to carry. */
export function requireListable(count: number, limits: Limits, textLength = 0): void {
  if (count <= limits.listed_max && textLength <= limits.frameBytes_max) return;
  const problem = `a list has ${limits.listed_max} entries and ${limits.frameBytes_max} bytes at most`;
  throw new WampError(errors.payloadSizeExceeded.uri, problem);
}

export class PatternQueries {
  readonly #parts: PatternQueriesParts;
  readonly #kind: PatternKind;
  readonly #noun: "subscription" | "registration";
  readonly #unknown: ErrorEntry;

  constructor(kind: PatternKind, parts: PatternQueriesParts) {
    this.#kind = kind;
    this.#parts = parts;
    this.#noun = kind === PatternKind.subscription ? "subscription" : "registration";
    this.#unknown = kind === PatternKind.subscription ? errors.noSuchSubscription : errors.noSuchRegistration;
  }

  /** `{exact, prefix, wildcard}`, each a list of ids. */
  list(call: ProcedureCall): Results | Promise<Results> {
    return this.#parts.turnShare.run(call.caller.id, this.#list(call));
  }

  *#list(call: ProcedureCall): Steps<Results> {
    const { patterns, limits } = this.#parts;
    const ids: [exact: number[], prefix: number[], wildcard: number[]] = [[], [], []];
    let count = 0;
    for (const pattern of patterns.of(this.#kind, call.realm)) {
      if (!patterns.isReserved(pattern)) {
        requireListable(++count, limits);
        ids[patterns.match(pattern)].push(patterns.id(pattern));
      }
      yield 1;
    }
    return [{ exact: ids[Match.exact], prefix: ids[Match.prefix], wildcard: ids[Match.wildcard] }];
  }

  /** The id of the pattern with exactly this URI and match policy, or null. */
  lookup(call: ProcedureCall): number | null {
    const uri = positional(call, 0, this.#kind === PatternKind.subscription ? "topic" : "procedure", aUri);
    const match = this.#matchOf(optional(call, 1, "options", aDict)?.["match"] ?? "exact");
    return this.#visibleId(this.#parts.patterns.index.find(this.#scope(call.realm), match, uri));
  }

  #matchOf(name: unknown): Match {
    const match = (matchNames as readonly unknown[]).indexOf(name);
    if (match < 0)
      throw invalidArgument(`argument 2 ("options"): match must be one of ${matchNames.join(", ")}`);
    return match as Match;
  }

  /** The registration that a CALL would take, or null: also for the router's own procedures, and for what is no URI. */
  best(call: ProcedureCall): number | null {
    const uri = positional(call, 0, "procedure", aUri);
    if (!this.#isRouted(call.realm, uri)) return null;
    return this.#visibleId(this.#parts.patterns.index.best(this.#scope(call.realm), uri));
  }

  /** All subscriptions that an event would reach, or null where there are none: also for the router's own topics. */
  matching(call: ProcedureCall): readonly number[] | null {
    const { patterns, limits } = this.#parts;
    const uri = positional(call, 0, "topic", aUri);
    if (!this.#isRouted(call.realm, uri)) return null;
    const count = patterns.index.match(this.#scope(call.realm), uri);
    requireListable(count, limits);
    const ids: number[] = [];
    for (let i = 0; i < count; i++) ids.push(patterns.id(patterns.index.matched(i)));
    return ids.length === 0 ? null : ids;
  }

  #isRouted(realm: Realm, uri: string): boolean {
    return this.#parts.codec.checkUri(uri, Match.exact, realm.visitFlags) === UriStatus.ok;
  }

  /** `{id, created, uri, match}`, and `invoke` for registrations. */
  details(call: ProcedureCall): Readonly<Record<string, unknown>> {
    const { patterns } = this.#parts;
    const pattern = this.required(call, 0);
    const facts = patternFacts(patterns, pattern);
    if (this.#kind === PatternKind.subscription) return patternDetails(facts);
    return patternDetails({ ...facts, invoke: invokeNames[patterns.invoke(pattern)] });
  }

  /** Ids of the sessions that are subscribed or registered, in order of joining: see `memberIds`. */
  members(call: ProcedureCall): Results | Promise<Results> {
    return this.#parts.turnShare.run(call.caller.id, this.#members(call));
  }

  *#members(call: ProcedureCall): Steps<Results> {
    const pattern = this.required(call, 0);
    requireListable(this.#parts.patterns.memberCount(pattern), this.#parts.limits);
    return [yield* memberIds({ ...this.#parts, kind: this.#kind }, pattern)];
  }

  memberCount(call: ProcedureCall): number {
    return this.#parts.patterns.memberCount(this.required(call, 0));
  }

  /** The pattern that the argument at `position` names. Throws wamp.error.no_such_subscription or no_such_registration. */
  required(call: ProcedureCall, position: number): PatternHandle {
    const { patterns } = this.#parts;
    const id = positional(call, position, this.#noun, anId);
    const pattern = patterns.byId(this.#kind, id);
    if (pattern === 0 || !this.#isVisible(pattern) || patterns.realmHandle(pattern) !== call.realm.handle)
      throw new WampError(this.#unknown.uri, `there is no ${this.#noun} ${id}`);
    return pattern;
  }

  #visibleId(pattern: PatternHandle | 0): number | null {
    return pattern === 0 || !this.#isVisible(pattern) ? null : this.#parts.patterns.id(pattern);
  }

  #isVisible(pattern: PatternHandle): boolean {
    return !this.#parts.patterns.isReserved(pattern);
  }

  #scope(realm: Realm): number {
    return realm.handle * 2 + this.#kind;
  }
}
