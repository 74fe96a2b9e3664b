/**
 * Retained events (Advanced Profile, "Event Retention"): per realm and topic the last event for everybody, and in front of it the
 * later ones that have receiver lists, so that each late subscriber finds the last event that it would have received. Bounded in
 * count and bytes. What has a time to live is never given out after it, and evicted by a sweep that runs only while there is
 * something to evict. Control path: an event that is retained is copied anyway.
 */
import type { RealmHandle } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Scheduler } from "../../ports.ts";
import { Match } from "../../protocol/messages.ts";
import type { Realm } from "../realm.ts";
import type { RouterSession } from "../types.ts";
import { admits, type StoredEvent, storedBytes } from "./stored-event.ts";
import { TopicTree } from "./topic-tree.ts";

export interface RetainedParts {
  readonly scheduler: Scheduler;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Other routers retain the same, and so their order counts: that of `published_ms`, where no two events are equal. */
  readonly isShared: boolean;
}

export interface RetainedEvent {
  readonly event: StoredEvent;
  /** On the monotonic clock; Infinity: never. */
  readonly expires_ms: number;
  /** Counts retained events: a replay leaves out those that came after it began. */
  readonly sequence: number;
  readonly store: RealmStore;
}

/** The retained events of one topic, the latest first; those in front of the last one have receiver lists. */
export type RetainedTopic = readonly RetainedEvent[];

interface RealmStore {
  readonly tree: TopicTree<RetainedTopic>;
  count: number;
  eventBytes: number;
  /** Those of the events, and of the tree that they lie in. */
  bytes: number;
  /** That it is full has been logged. */
  isLogged: boolean;
  /** Its realm has been closed: what it has is being forgotten. */
  isClosed: boolean;
}

const sweep_ms = 1_000;
/** Events evicted in one turn: one costs some microseconds. */
const evictionsPerTurn = 1_024;
/** What one component in the tree of topics takes. */
const nodeBytes = 320;
const noTopic: RetainedTopic = [];
const everything = { match: Match.prefix, uri: "" };
const never = Number.POSITIVE_INFINITY;

export class RetainedEvents {
  readonly #parts: RetainedParts;
  readonly #stores = new Map<RealmHandle, RealmStore>();
  /** What expires, by the second in which it is evicted. */
  readonly #expiring = new Map<number, Set<RetainedEvent>>();
  /** What is due and not evicted yet, by the second. */
  #due: Iterator<RetainedEvent, undefined>[] = [];
  #sweptTo = 0;
  #stopSweep: (() => void) | null = null;
  #sequence = 0;

  constructor(parts: RetainedParts) {
    this.#parts = parts;
  }

  /** Number of the last event that was retained. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Retained events of the realm. */
  count(realm: Realm): number {
    return this.#stores.get(realm.handle)?.count ?? 0;
  }

  /**
   * Retains the event for `ttl_ms`, 0 for ever. One without receiver lists takes the place of all that the topic had – also when a
   * limit forbids that it is retained itself, since the old ones would then be told as the latest.
   */
  keep(realm: Realm, event: StoredEvent, ttl_ms: number): void {
    // Its sessions end over several turns, and nobody would forget what they leave.
    if (realm.isClosed) return;
    const { scheduler, limits } = this.#parts;
    const store = this.#store(realm);
    const all = store.tree.get(event.topic) ?? noTopic;
    const newer = this.#parts.isShared ? all.filter((other) => isLater(other.event, event)) : noTopic;
    if (newer.some((other) => other.event.filter === null)) return;
    const given = newer.length === 0 ? all : all.slice(newer.length);
    const isForAll = event.filter === null;
    if (!isForAll && newer.length >= limits.retainedPerTopic_max) return;
    const kept = isForAll ? noTopic : withRoom(given, limits.retainedPerTopic_max - newer.length);
    const dropped = given.filter((old) => !kept.includes(old));
    const fits = this.#fits(store, event, dropped);
    if (!fits) this.#refuse(realm, store, event);
    if (!fits && !isForAll) return;
    for (const old of dropped) this.#forget(old);
    const expires_ms = ttl_ms === 0 ? never : scheduler.now_ms() + ttl_ms;
    const retained = { event, expires_ms, sequence: ++this.#sequence, store };
    this.#put(store, event.topic, fits ? [...newer, retained, ...kept] : [...newer, ...kept]);
    if (fits) this.#remember(retained);
    this.#settle(store);
  }

  /** The latest retained event of the topic that the session would have received; null if there is none. */
  latest(topic: RetainedTopic, session: RouterSession): RetainedEvent | null {
    const now_ms = this.#parts.scheduler.now_ms();
    for (const retained of topic)
      if (retained.expires_ms > now_ms && admits(retained.event, session)) return retained;
    return null;
  }

  /** As `latest`, for one topic by its name. */
  get(realm: Realm, topic: string, session: RouterSession): RetainedEvent | null {
    return this.latest(this.#stores.get(realm.handle)?.tree.get(topic) ?? noTopic, session);
  }

  /** The realm's topics that match; null stands for a step that found none (see TopicTree.matching). */
  matching(realm: Realm, match: Match, uri: string): Iterator<RetainedTopic | null, undefined> {
    const store = this.#stores.get(realm.handle);
    return store === undefined ? ([] as RetainedTopic[]).values() : store.tree.matching(match, uri);
  }

  /** Forgets what the topic has of events published until then; false if there is nothing. */
  delete(realm: Realm, topic: string, until_ms = never): boolean {
    const store = this.#stores.get(realm.handle);
    if (store === undefined) return false;
    const given = store.tree.get(topic) ?? noTopic;
    const now_ms = this.#parts.scheduler.now_ms();
    const old = given.filter(({ event }) => event.published_ms <= until_ms);
    for (const one of old) this.#forget(one);
    this.#put(store, topic, given.slice(0, given.length - old.length));
    this.#settle(store);
    return old.some(({ expires_ms }) => expires_ms > now_ms);
  }

  /** How long the event is still retained, 0 for ever; below 0: it is not. */
  timeLeft_ms({ expires_ms }: RetainedEvent): number {
    if (expires_ms === never) return 0;
    return expires_ms - this.#parts.scheduler.now_ms() || -1;
  }

  /** Forgets all that the realm has, a turn's share at a time; nobody asks for it any more. */
  closeRealm(realm: Realm): void {
    const store = this.#stores.get(realm.handle);
    if (store === undefined) return;
    this.#stores.delete(realm.handle);
    store.isClosed = true;
    this.#drop(store, store.tree.matching(everything.match, everything.uri));
  }

  #drop(store: RealmStore, topics: Iterator<RetainedTopic | null, undefined>): void {
    for (let left = evictionsPerTurn; left > 0; left--) {
      const { value, done } = topics.next();
      if (done === true) {
        this.#parts.metrics.retainedBytes -= store.bytes;
        store.bytes = 0;
        return;
      }
      for (const old of value ?? noTopic) this.#forget(old);
    }
    this.#parts.afterTurn(() => this.#drop(store, topics));
  }

  stop(): void {
    this.#stopSweep?.();
    this.#stopSweep = null;
  }

  #store(realm: Realm): RealmStore {
    let store = this.#stores.get(realm.handle);
    if (store === undefined) {
      store = { tree: new TopicTree(), count: 0, eventBytes: 0, bytes: 0, isLogged: false, isClosed: false };
      this.#stores.set(realm.handle, store);
    }
    return store;
  }

  #put(store: RealmStore, topic: string, events: RetainedTopic): void {
    if (events.length > 0) store.tree.set(topic, events);
    else store.tree.delete(topic);
  }

  #fits(store: RealmStore, event: StoredEvent, dropped: RetainedTopic): boolean {
    const { limits } = this.#parts;
    const freed = dropped.reduce((sum, old) => sum + storedBytes(old.event), 0);
    return (
      event.frame.length <= limits.retainedEventBytes_max &&
      store.count - dropped.length < limits.retained_max &&
      store.bytes - freed + storedBytes(event) <= limits.retainedBytes_max
    );
  }

  #refuse(realm: Realm, store: RealmStore, event: StoredEvent): void {
    const { metrics, log } = this.#parts;
    metrics.eventsNotRetained++;
    if (store.isLogged) return;
    store.isLogged = true;
    log.warn("router", "an event is not retained: a limit is met; said once for the realm", {
      realm: realm.uri,
      topic: event.topic,
      frameBytes: event.frame.length,
      retained: store.count,
      retainedBytes: store.bytes,
    });
  }

  #remember(retained: RetainedEvent): void {
    const { store, event, expires_ms } = retained;
    store.count++;
    store.eventBytes += storedBytes(event);
    this.#parts.metrics.retained++;
    if (expires_ms !== never) this.#expire(retained);
  }

  /** Takes it out of the counts and of the sweep; its topic's list is the caller's to change. */
  #forget(retained: RetainedEvent): void {
    const { store, event, expires_ms } = retained;
    store.count--;
    store.eventBytes -= storedBytes(event);
    this.#parts.metrics.retained--;
    if (expires_ms === never) return;
    const second = secondBehind(expires_ms);
    const others = this.#expiring.get(second);
    others?.delete(retained);
    if (others?.size === 0) this.#expiring.delete(second);
    if (this.#expiring.size === 0) this.stop();
  }

  /** Brings the bytes up to date after a change. */
  #settle(store: RealmStore): void {
    const bytes = store.eventBytes + store.tree.nodeCount * nodeBytes;
    this.#parts.metrics.retainedBytes += bytes - store.bytes;
    store.bytes = bytes;
  }

  // ---- the sweep

  #expire(retained: RetainedEvent): void {
    const second = secondBehind(retained.expires_ms);
    const others = this.#expiring.get(second);
    if (others === undefined) this.#expiring.set(second, new Set([retained]));
    else others.add(retained);
    if (this.#stopSweep !== null) return;
    this.#sweptTo = secondBehind(this.#parts.scheduler.now_ms());
    this.#stopSweep = this.#parts.scheduler.every(sweep_ms, () => this.#sweep());
  }

  #sweep(): void {
    const now = Math.floor(this.#parts.scheduler.now_ms() / sweep_ms);
    const wasIdle = this.#due.length === 0;
    for (; this.#sweptTo <= now; this.#sweptTo++) {
      const due = this.#expiring.get(this.#sweptTo);
      if (due !== undefined) this.#due.push(due.values());
    }
    if (wasIdle) this.#evict();
  }

  /** A turn's share of what is due. */
  #evict(): void {
    for (let left = evictionsPerTurn; left > 0; left--) {
      const second = this.#due.at(-1);
      if (second === undefined) return;
      const { value: retained } = second.next();
      if (retained === undefined) {
        this.#due.pop();
        continue;
      }
      if (retained.store.isClosed) continue;
      const { tree } = retained.store;
      const { topic } = retained.event;
      const given = tree.get(topic) ?? noTopic;
      // It may have been replaced since the sweep found it.
      if (!given.includes(retained)) continue;
      this.#forget(retained);
      const others = given.filter((other) => other !== retained);
      this.#put(retained.store, topic, others);
      this.#settle(retained.store);
    }
    this.#parts.afterTurn(() => this.#evict());
  }
}

/** The second that begins behind the moment: by then it is over. */
const secondBehind = (moment_ms: number): number => Math.floor(moment_ms / sweep_ms) + 1;

const isLater = (one: StoredEvent, other: StoredEvent): boolean => one.published_ms > other.published_ms;

/** The topic's events without the oldest one that has receiver lists, if there would be too many with one more. */
function withRoom(events: RetainedTopic, restricted_max: number): RetainedTopic {
  const restricted = events.filter(({ event }) => event.filter !== null);
  if (restricted.length < restricted_max) return events;
  const oldest = restricted.at(-1);
  return events.filter((retained) => retained !== oldest);
}
