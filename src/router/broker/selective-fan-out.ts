/**
 * The fan-out of subscriptions that are not like the others: some of their members are shards of it or acknowledge their events,
 * or the router keeps a history of it. Every receiver is looked at; what is written is still written once per serializer, for those
 * who acknowledge and for the others.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Detail, Option, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { type Patterns, Trait } from "../patterns.ts";
import type { Targets } from "../targets.ts";
import type { Frame, FrameSource, RouterSession } from "../types.ts";
import type { AcknowledgedDelivery } from "./acknowledged-delivery.ts";
import type { ReceiverFilter } from "./filter.ts";
import type { Histories } from "./history.ts";
import type { MemberOptions } from "./member-options.ts";
import type { EventCapture, Publication } from "./stored-event.ts";

export interface SelectiveFanOutParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly metrics: Metrics;
  readonly capture: EventCapture;
  readonly histories: Histories;
  readonly memberOptions: MemberOptions;
  readonly deliveries: AcknowledgedDelivery;
}

interface FilteredPublication extends Publication {
  readonly filter: ReceiverFilter | null;
}

/** What has been written of one event; null: it cannot be said in this serializer. */
type Written = Map<Serializer, Frame | null>;

export class SelectiveFanOut {
  readonly #parts: SelectiveFanOutParts;

  constructor(parts: SelectiveFanOutParts) {
    this.#parts = parts;
  }

  /** Sends the visited PUBLISH to one subscription; `details` are those that its EVENTs have. */
  send(pattern: PatternHandle, details: number, publication: FilteredPublication): void {
    const { targets, patterns, memberships, memberOptions } = this.#parts;
    if (patterns.has(pattern, Trait.history)) this.#keep(pattern, publication);
    const shard = this.#shard(pattern);
    const plain: Written = new Map();
    const acknowledged: Written = new Map();
    let next = patterns.firstMember(pattern);
    while (next !== 0) {
      const row = next;
      next = memberships.nextOfPattern(row);
      const target = memberships.target(row);
      if (target === publication.excluded) continue;
      if (shard !== null && (memberOptions.nodeKey(row) ?? shard) !== shard) continue;
      const receiver = targets.get(target);
      // A session that is leaving ends its subscriptions over several turns.
      if (receiver.realm === null || publication.filter?.admits(receiver) === false) continue;
      const acknowledges = memberOptions.acknowledges(pattern, row);
      const written = acknowledges ? acknowledged : plain;
      const { serializer } = receiver;
      let frame = written.get(serializer);
      if (frame === undefined) {
        const own = acknowledges ? details | Detail.acknowledgedDelivery : details;
        frame = this.#write(serializer, pattern, publication.id, own);
        written.set(serializer, frame);
      }
      this.#post(receiver, frame, acknowledges ? row : 0, publication.id);
    }
  }

  /** `row` is the membership whose event is acknowledged, or 0. */
  #post(receiver: RouterSession, frame: Frame | null, row: number, publication: number): void {
    const { metrics, deliveries } = this.#parts;
    if (frame === null) metrics.eventsDroppedPayload++;
    else if (frame.length > receiver.peerFrameBytes_max) metrics.eventsDroppedSize++;
    else if (row !== 0) deliveries.post(receiver, row, publication, frame);
    else {
      metrics.events++;
      receiver.post(frame);
    }
  }

  #write(serializer: Serializer, pattern: PatternHandle, publication: number, details: number): Frame | null {
    const { codec, patterns, frames } = this.#parts;
    const length = codec.writeEvent(serializer, patterns.id(pattern), publication, details);
    return length === 0 ? null : frames.take(length, true);
  }

  /** The node key that the event is for; null: it is for every member. */
  #shard(pattern: PatternHandle): string | null {
    const { codec, patterns, memberOptions } = this.#parts;
    if ((codec.u(Slot.present) & Option.rkey) === 0 || !patterns.has(pattern, Trait.sharded)) return null;
    return memberOptions.shardOf(pattern, codec.span(codec.u(Slot.rkey), codec.u(Slot.rkeyLen)));
  }

  #keep(pattern: PatternHandle, publication: Publication): void {
    const event = this.#parts.capture.capture(publication);
    // Sessions come and go, so that later their ids would hide it from the wrong ones, or show it to them.
    if (!event.namesSessions) this.#parts.histories.keep(pattern, event);
  }
}
