/**
 * The Broker: PUBLISH, and what subscribers acknowledge. Hot. Each method works on the message that the codec has just visited and
 * answers by posting frames; nothing here is asynchronous, and posting never calls back.
 */
import type { RequestId } from "../../base/ids.ts";
import { fixedLimits, type Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Message } from "../../protocol/messages.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { Detail, FSlot, MatchStatus, Option, Slot, Status, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { publishMessage, type RouterEvent } from "../meta-events.ts";
import type { Realm } from "../realm.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import type { AcknowledgedDelivery } from "./acknowledged-delivery.ts";
import type { EventForwarder, FanOut } from "./fan-out.ts";
import { anyList, listBytes } from "./filter.ts";
import type { Retention } from "./retention.ts";
import type { Publication } from "./stored-event.ts";
import { Subscribing, type SubscribingParts } from "./subscribing.ts";

export interface BrokerParts extends SubscribingParts {
  readonly ids: RandomIds;
  readonly metrics: Metrics;
  readonly fanOut: FanOut;
  readonly deliveries: AcknowledgedDelivery;
  /** Null: there is no other router. */
  readonly forwarder: EventForwarder | null;
}

/** Bytes of lists of receivers that take as much of a session's share of a turn as a frame. */
const listBytesPerFrame = 32;

export class Broker {
  /** SUBSCRIBE and UNSUBSCRIBE. */
  readonly subscribing: Subscribing;
  readonly #codec: Codec;
  readonly #frames: FrameSource;
  readonly #ids: RandomIds;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #fanOut: FanOut;
  readonly #retention: Retention;
  readonly #deliveries: AcknowledgedDelivery;
  readonly #forwarder: EventForwarder | null;

  constructor(parts: BrokerParts) {
    this.subscribing = new Subscribing(parts);
    this.#codec = parts.codec;
    this.#frames = parts.frames;
    this.#ids = parts.ids;
    this.#limits = parts.limits;
    this.#metrics = parts.metrics;
    this.#fanOut = parts.fanOut;
    this.#retention = parts.retention;
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
    if ((codec.u(Slot.present) & anyList) !== 0 && !this.#admitsLists(session)) {
      const problem = `lists of receivers may have ${fixedLimits.receiverListBytes_max} bytes together`;
      if (acknowledge) this.#refuse(session, Message.publish, errors.payloadSizeExceeded, problem);
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

  /** To read lists costs as much as routing some frames. False: these are too long. */
  #admitsLists(session: RouterSession): boolean {
    const bytes = listBytes(this.#codec);
    session.framesLeft -= Math.floor(bytes / listBytesPerFrame);
    return bytes <= fixedLimits.receiverListBytes_max;
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
