/**
 * The one place where requests of clients are checked: between a visited message and broker or dealer. Hot where access control is
 * on; a session without it never comes here. A request that is refused is told a number (denials.ts) and nothing else: not which
 * right is missing, and not whether what it names exists.
 */
import type { PatternHandle, RequestId } from "../base/ids.ts";
import type { Metrics } from "../base/metrics.ts";
import { type ErrorEntry, errors, WampError } from "../protocol/errors.ts";
import { Match, Message } from "../protocol/messages.ts";
import { nameOfPermission, Permission } from "../protocol/permissions.ts";
import { FSlot, Option, Slot, UriStatus } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import type { PatternIndex } from "../wasm/index.ts";
import { type Access, type AccessQuestion, isDecided } from "./access.ts";
import { CallFlag, type PendingCalls } from "./dealer/pending.ts";
import type { Denials } from "./denials.ts";
import type { Memberships } from "./memberships.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { RouterSession } from "./types.ts";

export const Verdict = {
  allowed: 0,
  refused: 1,
  /** An authorizer has to be asked `Guard.question`; the same message is to be checked again when it has answered. */
  pending: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface GuardParts {
  readonly codec: Codec;
  readonly access: Access;
  readonly patterns: Patterns;
  readonly subscriptions: Memberships;
  readonly registrations: Memberships;
  readonly pending: PendingCalls;
  readonly denials: Denials;
  readonly metrics: Metrics;
}

export class Guard {
  readonly denials: Denials;
  readonly #codec: Codec;
  readonly #index: PatternIndex;
  readonly #access: Access;
  readonly #parts: GuardParts;
  // What the last check was about: a URI in linear memory, what is decided about it, and the right that was looked at last.
  #decision = 0;
  #permission: Permission = Permission.call;
  #match: Match = Match.exact;
  #uri = 0;
  #uriLength = 0;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#codec = parts.codec;
    this.#access = parts.access;
    this.#index = parts.patterns.index;
    this.denials = parts.denials;
  }

  /**
   * Whether the session may ask what the visited message of this type asks. Messages that broker and dealer refuse whoever sends
   * them – a URI that is none, a subscription that the session does not hold – are let through. `session.access` is not null.
   */
  check(session: RouterSession, type: number): Verdict {
    const codec = this.#codec;
    switch (type) {
      case Message.call:
        if (this.#recalls(session, Permission.call)) return Verdict.allowed;
        return this.#checkUri(session, Permission.call, Match.exact, Permission.discloseCaller);
      case Message.publish:
        if (codec.u(Slot.uriStatus) !== UriStatus.ok || this.#recalls(session, Permission.publish))
          return Verdict.allowed;
        return this.#checkUri(session, Permission.publish, Match.exact, Permission.disclosePublisher);
      case Message.subscribe:
        return this.#checkUri(session, Permission.subscribe, codec.u(Slot.match) as Match, null);
      case Message.register:
        if (codec.u(Slot.uriStatus) !== UriStatus.ok) return Verdict.allowed;
        return this.#checkUri(session, Permission.register, codec.u(Slot.match) as Match, null);
      case Message.unsubscribe:
        return this.#checkOwn(session, Permission.unsubscribe, PatternKind.subscription);
      case Message.unregister:
        return this.#checkOwn(session, Permission.unregister, PatternKind.registration);
      case Message.cancel:
        return this.#checkCancel(session);
      default:
        return Verdict.allowed;
    }
  }

  /** The quick way of most requests: one without options whose URI was decided about a moment ago, and is allowed. */
  #recalls(session: RouterSession, permission: Permission): boolean {
    const codec = this.#codec;
    if (codec.u(Slot.present) !== 0 || codec.matchCount === 0) return false;
    // Only patterns that spell out a URI are remembered.
    const decision = this.#access.recall(session, codec.matchAt(0) as PatternHandle);
    this.#decision = decision;
    return (decision & permission) !== 0 && isDecided(decision, permission);
  }

  /** The URI of the message, and what `disclose_me` needs beside. */
  #checkUri(
    session: RouterSession,
    permission: Permission,
    match: Match,
    disclosing: Permission | null,
  ): Verdict {
    const codec = this.#codec;
    // Of a call that nobody will get there is nothing to note.
    this.#decision = 0;
    if (codec.u(Slot.uriStatus) === UriStatus.invalid) return Verdict.allowed;
    this.#match = match;
    this.#uri = codec.u(Slot.uri);
    this.#uriLength = codec.u(Slot.uriLen);
    const { access } = this.#parts;
    this.#decision =
      match === Match.exact
        ? access.decisionOf(session, this.#spelledOut(), this.#uri, this.#uriLength)
        : access.decision(session, match, this.#uri, this.#uriLength);
    const verdict = this.#ask(session, permission);
    if (verdict !== Verdict.allowed || disclosing === null) return verdict;
    return (codec.u(Slot.true) & Option.discloseMe) === 0 ? verdict : this.#ask(session, disclosing);
  }

  /** The pattern, of those that the visit has matched, that is the URI itself: the first, if any; or 0. */
  #spelledOut(): PatternHandle | 0 {
    const codec = this.#codec;
    if (codec.matchCount === 0) return 0;
    const first = codec.matchAt(0) as PatternHandle;
    return this.#parts.patterns.match(first) === Match.exact ? first : 0;
  }

  /** A subscription or registration of the session, by its id. */
  #checkOwn(session: RouterSession, permission: Permission, kind: PatternKind): Verdict {
    const { patterns, subscriptions, registrations } = this.#parts;
    const pattern = patterns.byId(kind, this.#codec.f(FSlot.id));
    const memberships = kind === PatternKind.subscription ? subscriptions : registrations;
    if (pattern === 0 || memberships.find(pattern, session.target) === 0) return Verdict.allowed;
    this.#aim(pattern);
    this.#decision = this.#parts.access.decision(session, this.#match, this.#uri, this.#uriLength);
    return this.#ask(session, permission);
  }

  #aim(pattern: PatternHandle): void {
    this.#match = this.#parts.patterns.match(pattern);
    this.#uri = this.#index.uriAt(pattern);
    this.#uriLength = this.#index.uriLength(pattern);
  }

  #ask(session: RouterSession, permission: Permission): Verdict {
    this.#permission = permission;
    if (isDecided(this.#decision, permission))
      return (this.#decision & permission) !== 0 ? Verdict.allowed : Verdict.refused;
    const told = this.#parts.access.told(session, this.question);
    if (told === null) return Verdict.pending;
    return told ? Verdict.allowed : Verdict.refused;
  }

  /** Decided when the call was made: by then the procedure's own URI was known. */
  #checkCancel(session: RouterSession): Verdict {
    const { pending, patterns } = this.#parts;
    const row = pending.byRequest(session, this.#codec.f(FSlot.request));
    if (row === 0 || (pending.flags(row) & CallFlag.uncancelable) === 0) return Verdict.allowed;
    this.#permission = Permission.cancel;
    const pattern = patterns.byId(PatternKind.registration, pending.registration(row));
    this.#uriLength = 0;
    if (pattern !== 0) this.#aim(pattern);
    return Verdict.refused;
  }

  /** The CALL that was just let through has been handled, under this request id: notes whether it may be canceled. */
  onCalled(session: RouterSession, request: number): void {
    if (!isDecided(this.#decision, Permission.cancel) || (this.#decision & Permission.cancel) !== 0) return;
    const { pending } = this.#parts;
    const row = session.firstCall;
    // The latest call is the first in the list; one that was answered at once is not there.
    if (row === 0 || pending.request(row) !== request) return;
    pending.setFlags(row, pending.flags(row) | CallFlag.uncancelable);
  }

  /** What the last check, which is pending, waits for. Control path. */
  get question(): AccessQuestion {
    const uri = this.#index.textAt(this.#uri, this.#uriLength);
    return { permission: this.#permission, uri, match: this.#match };
  }

  /** Answers the visited message, which the last check has refused: PUBLISH without `acknowledge`, and CANCEL, with silence. */
  refuse(session: RouterSession, type: Message): void {
    const codec = this.#codec;
    const permission = this.#permission;
    const id = this.#note(session, permission, this.#index.textAt(this.#uri, this.#uriLength), this.#match);
    if (type === Message.cancel) return;
    if (type === Message.publish && (codec.u(Slot.true) & Option.acknowledge) === 0) return;
    session.postError(type, codec.f(FSlot.request) as RequestId, errorFor(permission), messageFor(id));
  }

  // ---- for the router's own procedures, which act for a session. Control path.

  /** Refuses, with the errors of PUBLISH, what the session may not publish to. */
  requirePublish(session: RouterSession, topic: string, disclosing: boolean): void {
    this.require(session, Permission.publish, topic);
    if (disclosing) this.require(session, Permission.disclosePublisher, topic);
  }

  /** Whether it may; a refusal is noted. */
  mayPublish(session: RouterSession, topic: string, disclosing: boolean): boolean {
    const needed = disclosing ? [Permission.publish, Permission.disclosePublisher] : [Permission.publish];
    const lacking = needed.find((permission) => !this.allows(session, permission, topic));
    if (lacking !== undefined) this.#note(session, lacking, topic, Match.exact);
    return lacking === undefined;
  }

  /** Refuses what the session has no right to. Where an authorizer would have to be asked, it has none. */
  require(session: RouterSession, permission: Permission, uri: string, match: Match = Match.exact): void {
    if (this.allows(session, permission, uri, match)) return;
    const id = this.#note(session, permission, uri, match);
    throw new WampError(errorFor(permission).uri, messageFor(id));
  }

  allows(session: RouterSession, permission: Permission, uri: string, match: Match = Match.exact): boolean {
    return (this.#parts.access.allowedText(session, match, uri) & permission) !== 0;
  }

  #note(session: RouterSession, permission: Permission, uri: string, match: Match): string {
    const { denials, metrics } = this.#parts;
    metrics.accessDenied++;
    return denials.add({
      session: session.id,
      authid: session.identity?.authid ?? "",
      realm: session.realm?.uri ?? "",
      permission: nameOfPermission(permission),
      uri,
      match,
    });
  }
}

const messageFor = (denial: string): string => `not authorized (denial ${denial})`;

const errorFor = (permission: Permission): ErrorEntry =>
  permission === Permission.discloseCaller || permission === Permission.disclosePublisher
    ? errors.discloseMeDisallowed
    : errors.notAuthorized;
