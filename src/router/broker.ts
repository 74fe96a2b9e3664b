/**
 * The Broker: SUBSCRIBE, UNSUBSCRIBE, PUBLISH. Hot. Each method works on the message that the codec has just visited and
 * answers by posting frames; nothing here is asynchronous, and posting never calls back.
 */
import type { PatternHandle, RequestId } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import type { RandomIds } from "../base/random-ids.ts";
import { type ErrorEntry, errors } from "../protocol/errors.ts";
import { Match, Message } from "../protocol/messages.ts";
import { Serializer } from "../protocol/serializers.ts";
import { Detail, FSlot, MatchStatus, Option, Slot, Status, UriStatus } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import { anyList, ReceiverFilter } from "./filter.ts";
import type { Memberships } from "./memberships.ts";
import { type MetaEvents, publishMessage, type RouterEvent } from "./meta-events.ts";
import { PatternKind, type Patterns } from "./patterns.ts";
import type { Realm } from "./realm.ts";
import type { Targets } from "./targets.ts";
import type { Frame, FrameSource, RouterSession } from "./types.ts";
import { uriProblem } from "./uri-problem.ts";

export interface BrokerParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly ids: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly events: MetaEvents;
}

export class Broker {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #ids: RandomIds;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #events: MetaEvents;
  /** The event being fanned out, encoded once per serializer; null: not yet, or not sayable in it (see `#tried`). */
  readonly #encoded: (Frame | null)[] = [null, null, null, null];
  readonly #tried: boolean[] = [false, false, false, false];

  constructor(parts: BrokerParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#ids = parts.ids;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#events = parts.events;
  }

  publish(session: RouterSession): void {
    const codec = this.#codec;
    const truths = codec.u(Slot.true);
    const acknowledge = (truths & Option.acknowledge) !== 0;
    if (codec.u(Slot.uriStatus) !== UriStatus.ok) {
      if (acknowledge) this.#refuse(session, Message.publish, errors.invalidUri, uriProblem(codec, "topic"));
      return;
    }
    let details = 0;
    if ((truths & Option.discloseMe) !== 0) {
      if (!session.realm!.allowDisclosure) {
        if (acknowledge)
          this.#refuse(
            session,
            Message.publish,
            errors.discloseMeDisallowed,
            "this realm does not disclose publishers",
          );
        return;
      }
      codec.putIdentity(session.id, session.identity!.authid, session.identity!.authrole);
      details = Detail.disclose;
    }
    if (codec.u(Slot.matchStatus) === MatchStatus.overflow) {
      const problem = `the topic matches more than ${this.#limits.matches_max} subscriptions`;
      if (acknowledge) this.#refuse(session, Message.publish, errors.unavailable, problem);
      return;
    }
    const excludeMe = (codec.u(Slot.present) & Option.excludeMe) === 0 || (truths & Option.excludeMe) !== 0;
    const publication = this.#ids.next();
    this.#route(excludeMe ? session.target : 0, publication, details);
    if (acknowledge) this.#acknowledge(session, Message.published, publication);
  }

  /** Publishes an event of the router's own. Not from inside the handling of a message: the codec visits the event. */
  publishEvent(event: RouterEvent): void {
    const codec = this.#codec;
    const status = codec.visit(Serializer.msgpack, publishMessage(event), event.realm.handle, 0);
    if (status !== Status.ok || codec.u(Slot.matchStatus) === MatchStatus.overflow) {
      this.#metrics.routerEventsDropped++;
      return;
    }
    let details = 0;
    if ("publisher" in event && event.publisher !== undefined) {
      codec.putIdentity(event.publisher.id, event.publisher.authid, event.publisher.authrole);
      details = Detail.disclose;
    }
    this.#route(event.excluded ?? 0, this.#ids.next(), details);
  }

  /**
   * Sends the visited PUBLISH to the subscriptions that the visit found. `excluded` is a target that does not get it, or 0.
   * The router's own topics are only for subscriptions that name them: one to everything does not hear them.
   */
  #route(excluded: number, publication: number, details: number): void {
    const codec = this.#codec;
    const matchCount = codec.matchCount;
    if (matchCount === 0) return;
    const filter = (codec.u(Slot.present) & anyList) === 0 ? null : ReceiverFilter.read(codec);
    const isReserved = codec.u(Slot.uriStatus) === UriStatus.reserved;
    for (let i = 0; i < matchCount; i++) {
      const pattern = codec.matchAt(i) as PatternHandle;
      if (isReserved && !this.#patterns.isReserved(pattern)) continue;
      const ownDetails = this.#patterns.match(pattern) === Match.exact ? details : details | Detail.uri;
      this.#fanOut(pattern, excluded, filter, publication, ownDetails);
    }
  }

  /** One subscription's receivers: one encode per serializer, then a table look-up and a reference per receiver. */
  #fanOut(
    pattern: PatternHandle,
    excluded: number,
    filter: ReceiverFilter | null,
    publication: number,
    details: number,
  ): void {
    const memberships = this.#memberships;
    const encoded = this.#encoded;
    const tried = this.#tried;
    tried[Serializer.json] = tried[Serializer.msgpack] = tried[Serializer.cbor] = false;
    let row = this.#patterns.firstMember(pattern);
    while (row !== 0) {
      const target = memberships.target(row);
      row = memberships.nextOfPattern(row);
      if (target === excluded) continue;
      const receiver = this.#targets.get(target);
      if (filter !== null && !filter.admits(receiver)) continue;
      const serializer = receiver.serializer;
      if (!tried[serializer]) {
        tried[serializer] = true;
        encoded[serializer] = this.#encodeEvent(serializer, pattern, publication, details);
      }
      const frame = encoded[serializer]!;
      if (frame === null) this.#metrics.eventsDroppedPayload++;
      else if (frame.length > receiver.peerFrameBytes_max) this.#metrics.eventsDroppedSize++;
      else {
        this.#metrics.events++;
        receiver.post(frame);
      }
    }
    encoded[Serializer.json] = encoded[Serializer.msgpack] = encoded[Serializer.cbor] = null;
  }

  #encodeEvent(
    serializer: Serializer,
    pattern: PatternHandle,
    publication: number,
    details: number,
  ): Frame | null {
    const length = this.#codec.writeEvent(serializer, this.#patterns.id(pattern), publication, details);
    return length === 0 ? null : this.#frames.take(length, true);
  }

  subscribe(session: RouterSession): void {
    const codec = this.#codec;
    // Subscribing to the router's own topics is allowed, publishing to them is not.
    if (codec.u(Slot.uriStatus) === UriStatus.invalid)
      return this.#refuse(session, Message.subscribe, errors.invalidUri, uriProblem(codec, "topic"));
    let pattern = codec.matchAt(0) as PatternHandle | 0;
    if (codec.matchCount === 0) pattern = 0;
    if (pattern === 0 || this.#memberships.find(pattern, session.target) === 0) {
      if (session.subscriptionCount >= this.#limits.subscriptionsPerSession_max) {
        const problem = `a session may hold ${this.#limits.subscriptionsPerSession_max} subscriptions`;
        return this.#refuse(session, Message.subscribe, errors.unavailable, problem);
      }
      if (pattern === 0) pattern = this.#create(session);
      if (pattern === 0)
        return this.#refuse(
          session,
          Message.subscribe,
          errors.unavailable,
          "the router's pattern index is full",
        );
      this.#memberships.add(pattern, session);
      session.subscriptionCount++;
      if (session.realm!.reservedPatterns > 0 && codec.u(Slot.uriStatus) !== UriStatus.reserved)
        this.#events.onSubscribe(session, this.#patterns.id(pattern));
    }
    this.#acknowledge(session, Message.subscribed, this.#patterns.id(pattern));
  }

  /** Makes the subscription that the visited SUBSCRIBE names; 0 when the index is full. */
  #create(session: RouterSession): PatternHandle | 0 {
    const codec = this.#codec;
    const patterns = this.#patterns;
    const realm = session.realm!;
    const pattern = patterns.add(PatternKind.subscription, realm, codec);
    if (pattern === 0) return 0;
    if (codec.u(Slot.uriStatus) === UriStatus.reserved) {
      patterns.setReserved(pattern);
      realm.reservedPatterns++;
    } else if (realm.reservedPatterns > 0)
      this.#events.onCreate("subscription", session, {
        id: patterns.id(pattern),
        created_ms: patterns.created_ms(pattern),
        uri: patterns.uri(pattern),
        match: patterns.match(pattern),
      });
    return pattern;
  }

  unsubscribe(session: RouterSession): void {
    const pattern = this.#patterns.byId(PatternKind.subscription, this.#codec.f(FSlot.id));
    const row = pattern === 0 ? 0 : this.#memberships.find(pattern, session.target);
    if (row === 0)
      return this.#refuse(
        session,
        Message.unsubscribe,
        errors.noSuchSubscription,
        "this session holds no such subscription",
      );
    this.leave(row, session, session.realm!);
    this.#acknowledge(session, Message.unsubscribed, -1);
  }

  /** Ends one subscription of a session, without an answer. */
  leave(row: number, session: RouterSession, realm: Realm): void {
    const patterns = this.#patterns;
    const pattern = this.#memberships.pattern(row);
    this.#memberships.remove(row, session);
    session.subscriptionCount--;
    const isLast = patterns.memberCount(pattern) === 0;
    if (realm.reservedPatterns > 0 && !patterns.isReserved(pattern))
      this.#events.onLeave("subscription", session, realm, patterns.id(pattern), isLast);
    if (!isLast) return;
    if (patterns.isReserved(pattern)) realm.reservedPatterns--;
    patterns.remove(pattern);
  }

  #acknowledge(session: RouterSession, type: Message, id: number): void {
    const length = this.#codec.writeAck(session.serializer, type, this.#codec.f(FSlot.request), id);
    session.post(this.#frames.take(length, false));
  }

  #refuse(session: RouterSession, type: Message, error: ErrorEntry, message: string): void {
    session.postError(type, this.#codec.f(FSlot.request) as RequestId, error, message);
  }
}
