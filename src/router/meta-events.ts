/**
 * Events that the router itself publishes: the meta events of sessions, subscriptions and registrations. They are queued and
 * published at the end of the turn, because the codec is busy with the message that causes them; nothing is queued, and nothing
 * made, where no subscription of the realm could hear them.
 */
import type { PatternHandle } from "../base/ids.ts";
import type { Limits } from "../base/limits.ts";
import type { Metrics } from "../base/metrics.ts";
import { encodeMessage } from "../protocol/encoding.ts";
import { type Match, Message, matchNames } from "../protocol/messages.ts";
import { Serializer } from "../protocol/serializers.ts";
import type { Patterns } from "./patterns.ts";
import type { Realm } from "./realm.ts";
import type { Publisher, RouterSession } from "./types.ts";

interface RouterEventBase {
  readonly realm: Realm;
  /** A target that does not get it; 0 or absent: none. */
  readonly excluded?: number;
}

/** An event of the router's own. */
export interface OwnEvent extends RouterEventBase {
  readonly topic: string;
  readonly args: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** As in PUBLISH.Options: receiver lists, retain. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An event on behalf of a session. */
export interface BequeathedEvent extends RouterEventBase {
  /** PUBLISH in MessagePack, checked before. */
  readonly message: Uint8Array;
  /** Who published it, or left it to be published; the message says whether it discloses that. */
  readonly publisher: Publisher;
}

/** Whose doing a meta event tells of. */
type Actor = Pick<RouterSession, "id" | "realm">;

/** What the router publishes. */
export type RouterEvent = OwnEvent | BequeathedEvent;

/** The event as PUBLISH in MessagePack, with nothing in it that it does not carry. */
export function publishMessage(event: RouterEvent): Uint8Array {
  if ("message" in event) return event.message;
  const { options = {}, topic, args, kwargs } = event;
  const payload = kwargs === undefined ? [args] : [args, kwargs];
  return encodeMessage(Serializer.msgpack, [Message.publish, 1, options, topic, ...payload]);
}

export interface MetaEventsParts {
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly limits: Limits;
  readonly metrics: Metrics;
}

/** What a meta event says of a subscription or registration; `invoke` for the latter. */
export interface PatternFacts {
  readonly id: number;
  readonly created_ms: number;
  readonly uri: string;
  readonly match: Match;
  readonly invoke?: string;
}

/** Of a registration its policy is to be added. */
export const patternFacts = (patterns: Patterns, pattern: PatternHandle): PatternFacts => ({
  id: patterns.id(pattern),
  created_ms: patterns.created_ms(pattern),
  uri: patterns.uri(pattern),
  match: patterns.match(pattern),
});

/** The dictionary of `get` and `on_create`. */
export function patternDetails(facts: PatternFacts): Readonly<Record<string, unknown>> {
  const { id, created_ms, uri, match, invoke } = facts;
  const details = { id, created: new Date(created_ms).toISOString(), uri, match: matchNames[match] };
  return invoke === undefined ? details : { ...details, invoke };
}

export class MetaEvents {
  readonly #parts: MetaEventsParts;
  #publish: ((event: RouterEvent) => void) | null = null;
  #queue: RouterEvent[] = [];

  constructor(parts: MetaEventsParts) {
    this.#parts = parts;
  }

  /** Says who publishes; the composition root, once. */
  connect(publish: (event: RouterEvent) => void): void {
    this.#publish = publish;
  }

  /** Queues a meta event. Callers that build its arguments look at `realm.reservedPatterns` first. */
  emit(event: RouterEvent): void {
    if (event.realm.reservedPatterns > 0) this.publish(event);
  }

  /** Queues an event on any topic, to be published at the end of the turn. */
  publish(event: RouterEvent): void {
    const { limits, metrics, afterTurn } = this.#parts;
    if (this.#queue.length >= limits.routerEvents_max) {
      metrics.routerEventsDropped++;
      return;
    }
    if (this.#queue.push(event) === 1) afterTurn(() => this.#drain());
  }

  onCreate(kind: "subscription" | "registration", session: Actor, facts: PatternFacts): void {
    this.#patternEvent(`wamp.${kind}.on_create`, session, patternDetails(facts));
  }
  onSubscribe(session: Actor, id: number): void {
    this.#patternEvent("wamp.subscription.on_subscribe", session, id);
  }
  onRegister(session: Actor, id: number): void {
    this.#patternEvent("wamp.registration.on_register", session, id);
  }
  /** A session gives up a subscription or registration, which ends with it if it was the last. */
  onLeave(
    kind: "subscription" | "registration",
    session: Pick<Actor, "id">,
    realm: Realm,
    id: number,
    isLast: boolean,
  ): void {
    const verb = kind === "subscription" ? "unsubscribe" : "unregister";
    this.emit({ realm, topic: `wamp.${kind}.on_${verb}`, args: [session.id, id] });
    if (isLast) this.onDelete(kind, session, realm, id);
  }
  onDelete(
    kind: "subscription" | "registration",
    session: Pick<Actor, "id">,
    realm: Realm,
    id: number,
  ): void {
    this.emit({ realm, topic: `wamp.${kind}.on_delete`, args: [session.id, id] });
  }

  #patternEvent(topic: string, session: Actor, what: unknown): void {
    this.emit({ realm: session.realm!, topic, args: [session.id, what] });
  }

  #drain(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const event of queue) this.#publish?.(event);
  }
}
