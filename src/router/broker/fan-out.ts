/**
 * From one publication to its receivers. Hot: one encode per subscription and serializer, then a table look-up and a reference per
 * receiver. Subscriptions with anything special about them – see `Trait` – are handed to SelectiveFanOut.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Metrics } from "../../base/metrics.ts";
import { Match } from "../../protocol/messages.ts";
import { Serializer } from "../../protocol/serializers.ts";
import { Detail, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import { type Patterns, Trait } from "../patterns.ts";
import type { Realm } from "../realm.ts";
import type { Targets } from "../targets.ts";
import type { Frame, FrameSource, Publisher } from "../types.ts";
import { anyList, ReceiverFilter } from "./filter.ts";
import type { SelectiveFanOut } from "./selective-fan-out.ts";
import type { Publication } from "./stored-event.ts";

/** Carries publications to other routers. */
export interface EventForwarder {
  /** Bits of all other routers that are up. */
  readonly everybody: number;
  /** When the publication that is forwarded next is published: no two of all routers at the same time. Milliseconds since 1970. */
  stamp_ms(): number;
  /** Sends the visited PUBLISH to the routers whose bits are set in `routers`. */
  forward(routers: number, realm: Realm, publication: Publication): void;
}

/** In the place of the routers that get a publication whoever is subscribed there: it came from one, and goes to none. */
export const forwarded = -1;

export interface FanOutParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly metrics: Metrics;
  readonly selective: SelectiveFanOut;
  /** Null: there is no other router. */
  readonly forwarder: EventForwarder | null;
}

const selectiveTraits = Trait.sharded | Trait.acknowledged | Trait.history;
const special = selectiveTraits | Trait.remote;
const matchMask = 3;

export class FanOut {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #patterns: Patterns;
  readonly #memberships: Memberships;
  readonly #frames: FrameSource;
  readonly #metrics: Metrics;
  readonly #selective: SelectiveFanOut;
  readonly #forwarder: EventForwarder | null;
  /** The event being fanned out, encoded once per serializer; null: not yet, or not sayable in it (see `#tried`). */
  readonly #encoded: (Frame | null)[] = [null, null, null, null];
  readonly #tried: boolean[] = [false, false, false, false];

  constructor(parts: FanOutParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#patterns = parts.patterns;
    this.#memberships = parts.memberships;
    this.#frames = parts.frames;
    this.#metrics = parts.metrics;
    this.#selective = parts.selective;
    this.#forwarder = parts.forwarder;
  }

  /**
   * Sends the visited PUBLISH to the subscriptions that the visit found. `publisher` is null for the router itself, `excluded` a
   * target that does not get it, or 0. The router's own topics are only for subscriptions that name them: one to everything does
   * not hear them. `routers` are bits of those that get it whoever is subscribed there, or `forwarded`.
   */
  route(
    realm: Realm,
    publisher: Publisher | null,
    excluded: number,
    publication: number,
    details: number,
    routers: number,
  ): void {
    const codec = this.#codec;
    const matchCount = codec.matchCount;
    if (matchCount === 0 && routers <= 0) return;
    let interested = routers;
    const filter = (codec.u(Slot.present) & anyList) === 0 ? null : ReceiverFilter.read(codec);
    const isReserved = codec.u(Slot.uriStatus) === UriStatus.reserved;
    for (let i = 0; i < matchCount; i++) {
      const pattern = codec.matchAt(i) as PatternHandle;
      const traits = this.#patterns.traits(pattern);
      if (isReserved && (traits & Trait.reserved) === 0) continue;
      const ownDetails = (traits & matchMask) === Match.exact ? details : details | Detail.uri;
      if ((traits & special) === 0) {
        this.#send(pattern, excluded, filter, publication, ownDetails);
        continue;
      }
      if ((traits & Trait.remote) !== 0) interested |= this.#patterns.interest(pattern);
      if ((traits & selectiveTraits) === 0) this.#send(pattern, excluded, filter, publication, ownDetails);
      else
        this.#selective.send(pattern, ownDetails, {
          id: publication,
          publisher,
          excluded,
          filter,
          details,
        });
    }
    if (interested > 0)
      this.#forwarder?.forward(interested, realm, { id: publication, publisher, excluded, details });
  }

  #send(
    pattern: PatternHandle,
    excluded: number,
    filter: ReceiverFilter | null,
    publication: number,
    details: number,
  ): void {
    const memberships = this.#memberships;
    const targets = this.#targets;
    const encoded = this.#encoded;
    const tried = this.#tried;
    let events = 0;
    tried[Serializer.json] = tried[Serializer.msgpack] = tried[Serializer.cbor] = false;
    let row = this.#patterns.firstMember(pattern);
    while (row !== 0) {
      const target = memberships.target(row);
      row = memberships.nextOfPattern(row);
      if (target === excluded) continue;
      const receiver = targets.get(target);
      if (filter !== null && !filter.admits(receiver)) continue;
      const serializer = receiver.serializer;
      if (!tried[serializer]) {
        tried[serializer] = true;
        encoded[serializer] = this.#encode(serializer, pattern, publication, details);
      }
      const frame = encoded[serializer]!;
      if (frame === null) this.#metrics.eventsDroppedPayload++;
      else if (frame.length > receiver.peerFrameBytes_max) this.#metrics.eventsDroppedSize++;
      else {
        events++;
        receiver.post(frame);
      }
    }
    this.#metrics.events += events;
    encoded[Serializer.json] = encoded[Serializer.msgpack] = encoded[Serializer.cbor] = null;
  }

  #encode(
    serializer: Serializer,
    pattern: PatternHandle,
    publication: number,
    details: number,
  ): Frame | null {
    const length = this.#codec.writeEvent(serializer, this.#patterns.id(pattern), publication, details);
    return length === 0 ? null : this.#frames.take(length, true);
  }
}
