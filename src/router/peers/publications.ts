/**
 * Publications between routers. The PUBLISH goes as it came, once to each router that has a subscriber or must retain it, and is
 * fanned out there to that router's own sessions. Order per publisher holds because the way to a router keeps order. Hot.
 *
 * What is retained, all routers retain. So that they agree on the latest event of a topic, each publication to be retained has a
 * time that no other has: wall-clock time where that has moved on since the last one that was given or seen, else a step behind
 * it (a hybrid logical clock, Kulkarni et al. 2014, with the router's number in the place of a tie-break).
 */
import type { SessionId } from "../../base/ids.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Identity, Scheduler } from "../../ports.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Detail, FSlot, MatchStatus, Option, Slot, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { type EventForwarder, type FanOut, forwarded } from "../broker/fan-out.ts";
import type { RetainedEvents } from "../broker/retained.ts";
import type { Retention } from "../broker/retention.ts";
import type { Publication } from "../broker/stored-event.ts";
import type { Realm } from "../realm.ts";
import type { Realms } from "../realms.ts";
import type { Publisher } from "../types.ts";
import { kindRange, PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { PeerHandler, Peers } from "./peers.ts";
import { remoteIdentity } from "./remote-session.ts";
import { elsewhere, RetainedCopies } from "./retained-copies.ts";

export interface PublicationsParts {
  readonly codec: Codec;
  readonly peers: Peers;
  readonly realms: Realms;
  readonly metrics: Metrics;
  readonly retained: RetainedEvents;
  readonly retention: Retention;
  readonly scheduler: Pick<Scheduler, "wall_ms">;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

/** What the message says beside the PUBLISH. */
const Flag = { publisher: 1, disclosed: 2, retain: 4, trust: 8, excluded: 16 } as const;
/** Steps of a millisecond, and routers told apart within one: together what a double of our time can hold. */
const steps = 64;

/** Who published what came from another router. One for all: what is kept of it is copied. */
class RemotePublisher implements Publisher {
  id = 0 as SessionId;
  identity: Identity | null = null;
}

export class Publications implements PeerHandler, EventForwarder {
  readonly #parts: PublicationsParts;
  readonly #copies: RetainedCopies;
  readonly #publisher = new RemotePublisher();
  #fanOut: FanOut | null = null;
  /** By realm handle: bits of the routers that have been told what realm it is. */
  readonly #told: number[] = [];
  /** By router: what its realm handles mean. */
  readonly #realmsOf: string[][] = [];
  #last_ms = 0;

  constructor(parts: PublicationsParts) {
    this.#parts = parts;
    this.#copies = new RetainedCopies({ ...parts, seen: (stamp_ms) => this.#seen(stamp_ms) });
    parts.peers.handle(kindRange.events, this);
  }

  /** Says who delivers what comes from other routers; once. */
  connect(fanOut: FanOut): void {
    this.#fanOut = fanOut;
  }

  get everybody(): number {
    return this.#parts.peers.upMask;
  }

  stamp_ms(): number {
    const { peers, scheduler } = this.#parts;
    const step = Math.floor(Math.max(scheduler.wall_ms(), this.#last_ms + 1 / steps) * steps);
    // Each router has its own place within a step, so that no two give the same.
    this.#last_ms = step / steps + peers.self / (steps * steps);
    return this.#last_ms;
  }

  #seen(stamp_ms: number): void {
    if (stamp_ms > this.#last_ms) this.#last_ms = stamp_ms;
  }

  // ---- to others

  forward(routers: number, realm: Realm, { id, publisher, excluded, details }: Publication): void {
    const { codec, peers, metrics } = this.#parts;
    const up = routers & peers.upMask;
    if (up === 0) return;
    const truths = codec.u(Slot.true);
    const isRetained = (truths & Option.retain) !== 0;
    const isDisclosed = (details & Detail.disclose) !== 0;
    const isTrusted = (details & Detail.trustLevel) !== 0;
    this.#tell(realm, up);
    const flags =
      (publisher === null ? 0 : Flag.publisher) |
      (isDisclosed ? Flag.disclosed : 0) |
      (isRetained ? Flag.retain : 0) |
      (isTrusted ? Flag.trust : 0) |
      (excluded === 0 ? 0 : Flag.excluded);
    const writer = peers.writer.begin(PeerKind.publish).u8(codec.u(Slot.format)).u8(flags);
    writer.u32(realm.handle).f64(id);
    if (publisher !== null) writer.f64(publisher.id);
    if (isDisclosed) writer.text(publisher!.identity!.authid).text(publisher!.identity!.authrole);
    if (isTrusted) writer.f64(codec.f(FSlot.trustLevel));
    if (isRetained) writer.f64(this.#last_ms);
    const mayDrop = !isRetained && (truths & Option.acknowledge) === 0;
    metrics.eventsDroppedPeer += peers.sendTo(up, codec.visited(), mayDrop);
  }

  /** Has the other routers forget what they retain of a topic up to now. */
  forget(realm: Realm, topic: string): void {
    const { peers } = this.#parts;
    this.#tell(realm, peers.upMask);
    const stamp_ms = this.stamp_ms();
    this.#copies.noteForgotten(realm.uri, topic, stamp_ms);
    peers.writer.begin(PeerKind.forget).u32(realm.handle).text(topic).f64(stamp_ms);
    peers.broadcast(null);
  }

  /** Says which realm a handle stands for, to routers that have not heard it yet. */
  #tell({ handle, uri }: Realm, routers: number): void {
    const told = this.#told[handle] ?? 0;
    if ((routers & ~told) === 0) return;
    const { peers } = this.#parts;
    peers.writer.begin(PeerKind.realm).u32(handle).text(uri);
    peers.sendTo(routers & ~told, null, false);
    this.#told[handle] = told | routers;
  }

  // ---- from others

  onUp(peer: number): void {
    for (const [handle, told] of this.#told.entries()) this.#told[handle] = (told ?? 0) & ~(1 << peer);
    this.#realmsOf[peer] = [];
    if (this.#parts.peers.isHome) this.#copies.copyTo(peer);
  }

  onDown(peer: number): void {
    this.#copies.stopFor(peer);
  }

  onMessage(peer: number, message: MessageReader): void {
    switch (message.kind) {
      case PeerKind.publish:
        return this.#onPublish(peer, message);
      case PeerKind.realm: {
        const handle = message.u32();
        this.#realmsOf[peer]![handle] = message.text();
        return;
      }
      case PeerKind.forget:
        return this.#onForget(peer, message);
      default:
        return this.#copies.onCopy(message);
    }
  }

  #onPublish(peer: number, message: MessageReader): void {
    const { codec, realms, metrics } = this.#parts;
    const format = message.u8() as Serializer;
    const flags = message.u8();
    const realm = realms.find(this.#realmsOf[peer]![message.u32()]!);
    const id = message.f64();
    const publisher = this.#readPublisher(message, flags);
    const trustLevel = (flags & Flag.trust) === 0 ? -1 : message.f64();
    const stamp_ms = (flags & Flag.retain) === 0 ? 0 : message.f64();
    // Nobody has joined that realm here yet.
    if (realm === undefined) return;
    const status = codec.visit(format, message.rest(), realm.handle, 0);
    if (status !== Status.ok || codec.u(Slot.matchStatus) === MatchStatus.overflow) {
      metrics.eventsDroppedPeer++;
      return;
    }
    let details = 0;
    if ((flags & Flag.disclosed) !== 0) {
      const { authid, authrole } = publisher!.identity!;
      codec.putIdentity(publisher!.id, authid, authrole);
      details |= Detail.disclose;
    }
    if (trustLevel >= 0) {
      codec.putTrustLevel(trustLevel);
      details |= Detail.trustLevel;
    }
    const excluded = (flags & Flag.excluded) === 0 ? 0 : elsewhere;
    if (stamp_ms > 0) this.#retain(realm, { id, publisher, excluded, details, published_ms: stamp_ms });
    this.#fanOut!.route(realm, publisher, excluded, id, details, forwarded);
  }

  #readPublisher(message: MessageReader, flags: number): Publisher | null {
    if ((flags & Flag.publisher) === 0) return null;
    const publisher = this.#publisher;
    publisher.id = message.f64() as SessionId;
    publisher.identity = null;
    if ((flags & Flag.disclosed) !== 0) publisher.identity = remoteIdentity(message.text(), message.text());
    return publisher;
  }

  #retain(realm: Realm, publication: Publication & { readonly published_ms: number }): void {
    const { codec, retention } = this.#parts;
    const { published_ms } = publication;
    this.#seen(published_ms);
    const topic = codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen));
    if (!this.#copies.wasForgotten(realm.uri, topic, published_ms)) retention.keep(realm, publication);
  }

  #onForget(peer: number, message: MessageReader): void {
    const { realms, retained } = this.#parts;
    const uri = this.#realmsOf[peer]![message.u32()]!;
    const topic = message.text();
    const stamp_ms = message.f64();
    this.#seen(stamp_ms);
    this.#copies.noteForgotten(uri, topic, stamp_ms);
    const realm = realms.get(uri);
    if (realm !== undefined) retained.delete(realm, topic, stamp_ms);
  }
}
