/**
 * SUBSCRIBE and UNSUBSCRIBE. Each method works on the message that the codec has just visited. Where there are other routers, the
 * first subscriber of a pattern waits until all of them know (peers/directory.ts), and is answered then. Control path.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import { fixedLimits, type Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { type Match, Message } from "../../protocol/messages.ts";
import { FSlot, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { type MetaEvents, patternFacts } from "../meta-events.ts";
import { PatternKind, type Patterns, Trait } from "../patterns.ts";
import type { Directory } from "../peers/directory.ts";
import { SessionAsker } from "../peers/session-asker.ts";
import type { Realm } from "../realm.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import {
  type MemberOptions,
  type MemberWishes,
  memberTraits,
  noWishes,
  readWishes,
  wishOptions,
} from "./member-options.ts";
import type { Retention } from "./retention.ts";

export interface SubscribingParts {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly limits: Limits;
  readonly events: MetaEvents;
  readonly retention: Retention;
  readonly memberOptions: MemberOptions;
  /** Null: there is no other router. */
  readonly directory: Directory | null;
}

/** A SUBSCRIBE that waits for the other routers. */
class WaitingSubscribe extends SessionAsker {
  readonly #owner: Subscribing;
  readonly wishes: MemberWishes;

  constructor(owner: Subscribing, session: RouterSession, request: RequestId, wishes: MemberWishes) {
    super(session, request, Message.subscribe);
    this.#owner = owner;
    this.wishes = wishes;
  }
  protected complete(pattern: PatternHandle | 0): void {
    this.#owner.complete(this, pattern);
  }
}

export class Subscribing {
  readonly #parts: SubscribingParts;

  constructor(parts: SubscribingParts) {
    this.#parts = parts;
  }

  subscribe(session: RouterSession): void {
    const { codec, memberships, limits, directory } = this.#parts;
    const request = codec.f(FSlot.request) as RequestId;
    const refuse = (error: ErrorEntry, problem: string): void =>
      session.postError(Message.subscribe, request, error, problem);
    // Subscribing to the router's own topics is allowed, publishing to them is not.
    if (codec.u(Slot.uriStatus) === UriStatus.invalid)
      return refuse(errors.invalidUri, uriProblem(codec, "topic"));
    const wishes = (codec.u(Slot.present) & wishOptions) === 0 ? noWishes : readWishes(codec);
    if (wishes === null)
      return refuse(errors.invalidArgument, `nkey is a text of up to ${fixedLimits.nodeKey_max} characters`);
    let pattern = (codec.matchCount === 0 ? 0 : codec.matchAt(0)) as PatternHandle | 0;
    const isMember = pattern !== 0 && memberships.find(pattern, session.target) !== 0;
    if (!isMember && session.subscriptionCount >= limits.subscriptionsPerSession_max)
      return refuse(errors.unavailable, this.#tooMany());
    if (directory === null) {
      if (pattern === 0) pattern = this.#create(session);
      if (pattern === 0) return refuse(errors.unavailable, this.#parts.patterns.problem);
    } else if (pattern === 0 || !directory.covers(pattern, wishes.nodeKey)) {
      return this.#ask(directory, session, request, wishes);
    }
    this.#join(session, pattern, request, wishes);
  }

  #tooMany(): string {
    return `a session may hold ${this.#parts.limits.subscriptionsPerSession_max} subscriptions`;
  }

  /** Has the other routers told of the visited SUBSCRIBE. */
  #ask(directory: Directory, session: RouterSession, request: RequestId, wishes: MemberWishes): void {
    const { codec } = this.#parts;
    const waiting = new WaitingSubscribe(this, session, request, wishes);
    const isAsked = directory.ask(
      {
        kind: "subscribe",
        realm: session.realm!.uri,
        match: codec.u(Slot.match) as Match,
        uri: codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen)),
        session: session.id,
        isReserved: codec.u(Slot.uriStatus) === UriStatus.reserved,
        nodeKey: wishes.nodeKey,
      },
      waiting,
    );
    if (!isAsked) waiting.refused(errors.unavailable, "too many requests wait for the other workers");
  }

  /** All routers know; 0: this one has no room for it. */
  complete(waiting: WaitingSubscribe, pattern: PatternHandle | 0): void {
    const { patterns, memberships, limits, directory } = this.#parts;
    const { session, id, request, wishes } = waiting;
    if (pattern === 0) return waiting.refuse(errors.unavailable, patterns.problem);
    if (waiting.isHere) {
      const isMember = memberships.find(pattern, session.target) !== 0;
      if (isMember || session.subscriptionCount < limits.subscriptionsPerSession_max)
        return this.#join(session, pattern, request, wishes);
      waiting.refuse(errors.unavailable, this.#tooMany());
    }
    directory?.onLeft(pattern, id, wishes.nodeKey);
  }

  #join(session: RouterSession, pattern: PatternHandle, request: RequestId, wishes: MemberWishes): void {
    const { codec, patterns, memberships, frames, events, memberOptions, retention, directory } = this.#parts;
    let row = memberships.find(pattern, session.target);
    if (row === 0) {
      row = memberships.add(pattern, session);
      session.subscriptionCount++;
      if (session.realm!.reservedPatterns > 0 && !patterns.isReserved(pattern))
        events.onSubscribe(session, patterns.id(pattern));
    }
    // What a second SUBSCRIBE does not ask for any more, has an end.
    if (wishes !== noWishes || (patterns.traits(pattern) & memberTraits) !== 0) {
      const nodeKey = memberOptions.nodeKey(row);
      memberOptions.set(session, pattern, row, wishes);
      if (nodeKey !== null) directory?.onLeft(pattern, session.id, nodeKey);
    }
    const length = codec.writeAck(session.serializer, Message.subscribed, request, patterns.id(pattern));
    session.post(frames.take(length, false));
    if (wishes.getsRetained) retention.replay(session, row, pattern);
  }

  /** Makes the subscription that the visited SUBSCRIBE names; 0 when the index is full. */
  #create(session: RouterSession): PatternHandle | 0 {
    const { codec, patterns, events } = this.#parts;
    const realm = session.realm!;
    const pattern = patterns.add(PatternKind.subscription, realm, codec);
    if (pattern === 0) return 0;
    if (codec.u(Slot.uriStatus) === UriStatus.reserved) {
      patterns.setReserved(pattern);
      realm.reservedPatterns++;
    } else if (realm.reservedPatterns > 0)
      events.onCreate("subscription", session, patternFacts(patterns, pattern));
    return pattern;
  }

  unsubscribe(session: RouterSession): void {
    const { codec, patterns, memberships, frames } = this.#parts;
    const request = codec.f(FSlot.request) as RequestId;
    const pattern = patterns.byId(PatternKind.subscription, codec.f(FSlot.id));
    const row = pattern === 0 ? 0 : memberships.find(pattern, session.target);
    if (row === 0) {
      const problem = "this session holds no such subscription";
      return session.postError(Message.unsubscribe, request, errors.noSuchSubscription, problem);
    }
    this.leave(row, session, session.realm!);
    session.post(frames.take(codec.writeAck(session.serializer, Message.unsubscribed, request, -1), false));
  }

  /** Ends one subscription of a session, without an answer. */
  leave(row: number, session: RouterSession, realm: Realm): void {
    const { patterns, memberships, memberOptions, retention, events, directory } = this.#parts;
    const pattern = memberships.pattern(row);
    const traits = patterns.traits(pattern);
    const nodeKey = (traits & memberTraits) === 0 ? null : memberOptions.nodeKey(row);
    if ((traits & memberTraits) !== 0) memberOptions.clear(session, pattern, row);
    retention.endReplay(row);
    memberships.remove(row, session);
    session.subscriptionCount--;
    const isReserved = (traits & Trait.reserved) !== 0;
    // Where there are other routers, they decide whether it is over.
    const isOver = directory === null && !patterns.isLive(pattern);
    if (realm.reservedPatterns > 0 && !isReserved)
      events.onLeave("subscription", session, realm, patterns.id(pattern), isOver);
    if (directory !== null) return directory.onLeft(pattern, session.id, nodeKey);
    if (!isOver) return;
    if (isReserved) realm.reservedPatterns--;
    patterns.remove(pattern);
  }
}
