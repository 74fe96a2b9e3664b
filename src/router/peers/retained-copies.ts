/**
 * Retained events beside their publication: what a router that comes up is told of them, and what was forgotten while a publication
 * was still on its way. Control path.
 */
import type { SessionId } from "../../base/ids.ts";
import { fixedLimits } from "../../base/limits.ts";
import type { Scheduler } from "../../ports.ts";
import { Match } from "../../protocol/messages.ts";
import type { Serializer } from "../../protocol/serializers.ts";
import { Detail, Status } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { RetainedEvent, RetainedEvents, RetainedTopic } from "../broker/retained.ts";
import type { Retention } from "../broker/retention.ts";
import type { Realms } from "../realms.ts";
import type { Publisher } from "../types.ts";
import { PeerKind } from "./kinds.ts";
import type { MessageReader } from "./message.ts";
import type { Peers } from "./peers.ts";
import { remoteIdentity } from "./remote-session.ts";

export interface RetainedCopiesParts {
  readonly codec: Codec;
  readonly peers: Peers;
  readonly realms: Realms;
  readonly retained: RetainedEvents;
  readonly retention: Retention;
  readonly scheduler: Pick<Scheduler, "wall_ms">;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  /** Told of each time that a publication has. */
  readonly seen: (stamp_ms: number) => void;
}

/** Steps through the topics in one turn. */
const stepsPerTurn = 512;
/** A publication is on its way for less than this. */
const onTheWay_ms = 10_000;
/** In the place of a target: the publisher, which is another router's, does not get it. */
export const elsewhere = 2 ** 30 - 2;

interface Copy {
  readonly realm: string;
  readonly retained: RetainedEvent;
}

/** A URI holds no blank. */
const keyOf = (realm: string, topic: string): string => `${realm} ${topic}`;

export class RetainedCopies {
  readonly #parts: RetainedCopiesParts;
  /** Routers that are being told. */
  readonly #copying = new Map<number, Iterator<Copy | null>>();
  /** When topics were last forgotten, the latest last. */
  readonly #forgotten = new Map<string, number>();

  constructor(parts: RetainedCopiesParts) {
    this.#parts = parts;
  }

  // ---- what was forgotten

  noteForgotten(realm: string, topic: string, stamp_ms: number): void {
    const key = keyOf(realm, topic);
    this.#forgotten.delete(key);
    this.#forgotten.set(key, stamp_ms);
    const now = this.#parts.scheduler.wall_ms();
    for (const [oldest, forgotten_ms] of this.#forgotten) {
      if (forgotten_ms > now - onTheWay_ms && this.#forgotten.size <= fixedLimits.forgottenTopics_max) return;
      this.#forgotten.delete(oldest);
    }
  }

  wasForgotten(realm: string, topic: string, stamp_ms: number): boolean {
    if (this.#forgotten.size === 0) return false;
    return stamp_ms <= (this.#forgotten.get(keyOf(realm, topic)) ?? 0);
  }

  // ---- a router that comes up

  /** Sends it all that is retained, a turn's share at a time. What is published meanwhile it gets as all do. */
  copyTo(peer: number): void {
    this.#copying.set(peer, this.#all());
    this.#copy(peer, this.#copying.get(peer)!);
  }

  stopFor(peer: number): void {
    this.#copying.delete(peer);
  }

  #copy(peer: number, events: Iterator<Copy | null>): void {
    if (this.#copying.get(peer) !== events) return;
    for (let left = stepsPerTurn; left > 0; left--) {
      const { value, done } = events.next();
      if (done === true) {
        this.#copying.delete(peer);
        return;
      }
      if (value !== null) this.#send(peer, value);
    }
    this.#parts.afterTurn(() => this.#copy(peer, events));
  }

  /** Null stands for a step that found nothing. */
  *#all(): Generator<Copy | null, undefined> {
    const { realms, retained: events } = this.#parts;
    for (const realm of [...realms.all()]) {
      const topics: Iterator<RetainedTopic | null> = events.matching(realm, Match.prefix, "");
      for (let step = topics.next(); step.done !== true; step = topics.next())
        if (step.value === null) yield null;
        else for (const retained of step.value) yield { realm: realm.uri, retained };
    }
    return undefined;
  }

  #send(peer: number, { realm, retained }: Copy): void {
    const { peers } = this.#parts;
    const { event } = retained;
    const ttl_ms = this.#parts.retained.timeLeft_ms(retained);
    if (ttl_ms < 0) return;
    const { discloser } = event;
    const writer = peers.writer
      .begin(PeerKind.retained)
      .text(realm)
      .f64(ttl_ms)
      .f64(event.published_ms)
      .f64(event.publication)
      .f64(event.excluded)
      .f64(event.trustLevel)
      .u8(event.serializer)
      .u8(discloser === null ? 0 : 1);
    if (discloser !== null) writer.f64(discloser.session).text(discloser.authid).text(discloser.authrole);
    peers.send(peer, event.frame, false);
  }

  onCopy(message: MessageReader): void {
    const { codec, realms, retention, seen } = this.#parts;
    const realm = realms.find(message.text());
    const ttl_ms = message.f64();
    const published_ms = message.f64();
    const id = message.f64();
    const excluded = message.f64() as SessionId;
    const trustLevel = message.f64();
    const serializer = message.u8() as Serializer;
    const isDisclosed = message.u8() !== 0;
    const publisher = isDisclosed ? readDiscloser(message) : { id: excluded, identity: null };
    if (realm === undefined || codec.visit(serializer, message.rest(), 0, 0) !== Status.ok) return;
    let details = isDisclosed ? Detail.disclose : 0;
    if (trustLevel >= 0) {
      codec.putTrustLevel(trustLevel);
      details |= Detail.trustLevel;
    }
    seen(published_ms);
    const whom = (excluded as number) === 0 ? 0 : elsewhere;
    retention.keepFor(realm, { id, publisher, excluded: whom, details, published_ms }, ttl_ms);
  }
}

function readDiscloser(message: MessageReader): Publisher {
  const id = message.f64() as SessionId;
  return {
    id,
    identity: remoteIdentity(message.text(), message.text()),
  };
}
