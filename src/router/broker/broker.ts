/**
 * The Broker: SUBSCRIBE, UNSUBSCRIBE, PUBLISH. Hot. Each method works on the message that the codec has just visited and
 * answers by posting frames; nothing here is asynchronous, and posting never calls back.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import { fixedLimits, type Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Message } from "../../protocol/messages.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { Detail, FSlot, MatchStatus, Option, Slot, Status, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { type MetaEvents, publishMessage, type RouterEvent } from "../meta-events.ts";
import { PatternKind, type Patterns, Trait } from "../patterns.ts";
import type { Realm } from "../realm.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import type { AcknowledgedDelivery } from "./acknowledged-delivery.ts";
import type { EventForwarder, FanOut } from "./fan-out.ts";
import { type MemberOptions, memberTraits, noWishes, readWishes, wishOptions } from "./member-options.ts";
import type { Retention } from "./retention.ts";
import type { Publication } from "./stored-event.ts";

export interface BrokerParts {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly ids: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly events: MetaEvents;
  readonly fanOut: FanOut;
  readonly retention: Retention;
  readonly memberOptions: MemberOptions;
  readonly deliveries: AcknowledgedDelivery;
  /** Null: there is no other router. */
  readonly forwarder: EventForwarder | null;
}

export class Broker {
  readonly #codec: Codec;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #ids: RandomIds;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #events: MetaEvents;
  readonly #fanOut: FanOut;
  readonly #retention: Retention;
  readonly #memberOptions: MemberOptions;
  readonly #deliveries: AcknowledgedDelivery;
  readonly #forwarder: EventForwarder | null;

  constructor(parts: BrokerParts) {
    this.#codec = parts.codec;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#ids = parts.ids;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#events = parts.events;
    this.#fanOut = parts.fanOut;
    this.#retention = parts.retention;
    this.#memberOptions = parts.memberOptions;
    this.#deliveries = parts.deliveries;
    this.#forwarder = parts.forwarder;
  }

  publish(session: RouterSession): void {
    const codec = this.#codec;
    const realm = session.realm!;
    const truths = codec.u(Slot.true);
    const acknowledge = (truths & Option.acknowledge) !== 0;
    if (codec.u(Slot.uriStatus) !== UriStatus.ok) {
      if (acknowledge) this.#refuse(session, Message.publish, errors.invalidUri, uriProblem(codec, "topic"));
      return;
    }
    let details = 0;
    if ((truths & Option.discloseMe) !== 0) {
      if (!realm.allowDisclosure) {
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
    if (realm.hasTrustLevels) {
      codec.putTrustLevel(realm.trustLevelOf(session.identity!.authrole));
      details |= Detail.trustLevel;
    }
    const excludeMe = (codec.u(Slot.present) & Option.excludeMe) === 0 || (truths & Option.excludeMe) !== 0;
    const excluded = excludeMe ? session.target : 0;
    const publication = this.#ids.next();
    let routers = 0;
    if ((truths & Option.retain) !== 0) {
      const problem = this.#retain(realm, { id: publication, publisher: session, excluded, details });
      if (problem !== null) {
        if (acknowledge) this.#refuse(session, Message.publish, errors.invalidArgument, problem);
        return;
      }
      routers = this.#forwarder?.everybody ?? 0;
    }
    this.#fanOut.route(realm, session, excluded, publication, details, routers);
    if (acknowledge) this.#acknowledge(session, Message.published, publication);
  }

  /** Publishes an event of the router's own. Not from inside the handling of a message: the codec visits the event. */
  publishEvent(event: RouterEvent): void {
    const codec = this.#codec;
    const { realm, excluded = 0 } = event;
    const status = codec.visit(Serializer.msgpack, publishMessage(event), realm.handle, 0);
    if (status !== Status.ok || codec.u(Slot.matchStatus) === MatchStatus.overflow) {
      this.#metrics.routerEventsDropped++;
      return;
    }
    const publisher = "publisher" in event ? event.publisher : null;
    let details = 0;
    if (publisher !== null && (codec.u(Slot.true) & Option.discloseMe) !== 0) {
      codec.putIdentity(publisher.id, publisher.identity!.authid, publisher.identity!.authrole);
      details = Detail.disclose;
    }
    if (publisher !== null && realm.hasTrustLevels) {
      codec.putTrustLevel(realm.trustLevelOf(publisher.identity!.authrole));
      details |= Detail.trustLevel;
    }
    const id = this.#ids.next();
    let routers = 0;
    if ((codec.u(Slot.true) & Option.retain) !== 0) {
      this.#retain(realm, { id, publisher, excluded, details });
      routers = this.#forwarder?.everybody ?? 0;
    }
    this.#fanOut.route(realm, publisher, excluded, id, details, routers);
  }

  /** Returns what is wrong with the options of the visited PUBLISH; otherwise null. */
  #retain(realm: Realm, publication: Publication): string | null {
    if (this.#forwarder === null) return this.#retention.keep(realm, publication);
    return this.#retention.keep(realm, { ...publication, published_ms: this.#forwarder.stamp_ms() });
  }

  subscribe(session: RouterSession): void {
    const codec = this.#codec;
    // Subscribing to the router's own topics is allowed, publishing to them is not.
    if (codec.u(Slot.uriStatus) === UriStatus.invalid)
      return this.#refuse(session, Message.subscribe, errors.invalidUri, uriProblem(codec, "topic"));
    const wishes = (codec.u(Slot.present) & wishOptions) === 0 ? noWishes : readWishes(codec);
    if (wishes === null) {
      const problem = `nkey is a text of up to ${fixedLimits.nodeKey_max} characters`;
      return this.#refuse(session, Message.subscribe, errors.invalidArgument, problem);
    }
    const row = this.#membership(session);
    if (row === 0) return;
    const pattern = this.#memberships.pattern(row);
    // What a second SUBSCRIBE does not ask for any more, has an end.
    if (wishes !== noWishes || (this.#patterns.traits(pattern) & memberTraits) !== 0)
      this.#memberOptions.set(session, pattern, row, wishes);
    this.#acknowledge(session, Message.subscribed, this.#patterns.id(pattern));
    if (wishes.getsRetained) this.#retention.replay(session, row, pattern);
  }

  /** The session's membership of the subscription that the visited SUBSCRIBE names; 0: refused. */
  #membership(session: RouterSession): number {
    const codec = this.#codec;
    let pattern = codec.matchAt(0) as PatternHandle | 0;
    if (codec.matchCount === 0) pattern = 0;
    const own = pattern === 0 ? 0 : this.#memberships.find(pattern, session.target);
    if (own !== 0) return own;
    if (session.subscriptionCount >= this.#limits.subscriptionsPerSession_max) {
      const problem = `a session may hold ${this.#limits.subscriptionsPerSession_max} subscriptions`;
      this.#refuse(session, Message.subscribe, errors.unavailable, problem);
      return 0;
    }
    if (pattern === 0) pattern = this.#create(session);
    if (pattern === 0) {
      const problem = "the router's pattern index is full";
      this.#refuse(session, Message.subscribe, errors.unavailable, problem);
      return 0;
    }
    const row = this.#memberships.add(pattern, session);
    session.subscriptionCount++;
    if (session.realm!.reservedPatterns > 0 && codec.u(Slot.uriStatus) !== UriStatus.reserved)
      this.#events.onSubscribe(session, this.#patterns.id(pattern));
    return row;
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
    const traits = patterns.traits(pattern);
    if ((traits & memberTraits) !== 0) this.#memberOptions.clear(session, pattern, row);
    this.#retention.endReplay(row);
    this.#memberships.remove(row, session);
    session.subscriptionCount--;
    const isOver = !patterns.isLive(pattern);
    const isReserved = (traits & Trait.reserved) !== 0;
    if (realm.reservedPatterns > 0 && !isReserved)
      this.#events.onLeave("subscription", session, realm, patterns.id(pattern), isOver);
    if (!isOver) return;
    if (isReserved) realm.reservedPatterns--;
    patterns.remove(pattern);
  }

  /** EVENT_RECEIVED. */
  eventReceived(session: RouterSession): void {
    this.#deliveries.received(session, this.#codec.f(FSlot.id));
  }

  #acknowledge(session: RouterSession, type: Message, id: number): void {
    const length = this.#codec.writeAck(session.serializer, type, this.#codec.f(FSlot.request), id);
    session.post(this.#frames.take(length, false));
  }

  #refuse(session: RouterSession, type: Message, error: ErrorEntry, message: string): void {
    session.postError(type, this.#codec.f(FSlot.request) as RequestId, error, message);
  }
}
