/**
 * Event history (Advanced Profile, "Event History"): for each subscription that a realm's options name, a ring of its last events,
 * bounded in count and bytes. The subscription exists from the start and stays, so that its id does. Control path.
 */
import type { PatternHandle, SessionId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import { type Match, matchNames } from "../../protocol/messages.ts";
import { UriStatus, Visit } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Patterns } from "../patterns.ts";
import type { Asker, Directory } from "../peers/directory.ts";
import type { HistoryOptions, Realm } from "../realm.ts";
import { type StoredEvent, storedBytes } from "./stored-event.ts";

/** Events of one subscription, the oldest first. */
export class History {
  readonly #limit: number;
  #events: (StoredEvent | null)[] = [];
  /** Where the oldest event lies, once the ring is full. */
  #from = 0;
  #count = 0;
  /** Events that have fallen out: the number, over all that there were, of the oldest that is here. */
  oldest = 0;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }
  get isFull(): boolean {
    return this.#count === this.#limit;
  }

  /** Event number `position`, 0 the oldest; below `count`. */
  at(position: number): StoredEvent {
    return this.#events[(this.#from + position) % this.#events.length]!;
  }

  /** Takes the oldest event out. There must be one. */
  shift(): StoredEvent {
    const event = this.at(0);
    this.oldest++;
    this.bytes -= storedBytes(event);
    this.#events[this.#from] = null;
    this.#from = (this.#from + 1) % this.#events.length;
    if (--this.#count === 0) {
      this.#events = [];
      this.#from = 0;
    }
    return event;
  }

  /** Adds the newest event. The ring must not be full. */
  push(event: StoredEvent): void {
    this.bytes += storedBytes(event);
    const free = this.#events.length - this.#count;
    if (free > 0) this.#events[(this.#from + this.#count) % this.#events.length] = event;
    else {
      // All places are taken: the ring is laid out from its oldest event on before it grows.
      if (this.#from !== 0)
        this.#events = [...this.#events.slice(this.#from), ...this.#events.slice(0, this.#from)];
      this.#from = 0;
      this.#events.push(event);
    }
    this.#count++;
  }
}

export interface HistoriesParts {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly limits: Limits;
  readonly metrics: Metrics;
  /** Null: there is no other router. Where there are some, home has the histories. */
  readonly directory: Directory | null;
  readonly keepsHistories: boolean;
}

/** Waits for the subscription of a history. */
class Opening implements Asker {
  readonly #begin: (pattern: PatternHandle) => void;
  constructor(begin: (pattern: PatternHandle) => void) {
    this.#begin = begin;
  }
  done(pattern: PatternHandle | 0): void {
    if (pattern !== 0) this.#begin(pattern);
  }
  /** Its topic finds no room in the index: as if its history were none. */
  refused(): void {}
}

export class Histories {
  readonly #parts: HistoriesParts;
  readonly #histories = new Map<PatternHandle, History>();
  /** Those that are open. */
  readonly #realms = new Set<Realm>();
  /** Of all histories. */
  #bytes = 0;

  constructor(parts: HistoriesParts) {
    this.#parts = parts;
  }

  /** Makes the subscriptions that the realm's options name. Throws RangeError for a topic or limit that is none. */
  open(realm: Realm): void {
    this.#realms.add(realm);
    const seen = new Set<string>();
    for (const options of realm.history) {
      const name = `${options.match ?? "exact"} ${options.topic}`;
      if (seen.has(name))
        throw new RangeError(
          `realm ${realm.uri}: the history of ${JSON.stringify(options.topic)} is configured twice`,
        );
      seen.add(name);
      this.#open(realm, options);
    }
  }

  /** Forgets the realm's histories; their subscriptions end with their last subscriber. */
  close(realm: Realm): void {
    const { patterns } = this.#parts;
    this.#realms.delete(realm);
    for (const [pattern, history] of this.#histories) {
      if (patterns.realmHandle(pattern) !== realm.handle) continue;
      this.#histories.delete(pattern);
      while (history.count > 0) this.#count(-1, -storedBytes(history.shift()));
      patterns.endStaying(pattern);
      this.#parts.directory?.onLeft(pattern, 0 as SessionId, null);
    }
  }

  /** The subscription's history; null if none is kept. */
  of(pattern: PatternHandle): History | null {
    return this.#histories.get(pattern) ?? null;
  }

  /** Adds an event to the subscription's history, in the place of the oldest where there is no room. */
  keep(pattern: PatternHandle, event: StoredEvent): void {
    const { limits, metrics } = this.#parts;
    const history = this.#histories.get(pattern)!;
    const bytes = storedBytes(event);
    const fits = (): boolean =>
      !history.isFull &&
      history.bytes + bytes <= limits.historyBytes_max &&
      this.#bytes + bytes <= limits.historiesBytes_max;
    while (!fits()) {
      if (history.count === 0) {
        metrics.eventsNotKept++;
        return;
      }
      this.#count(-1, -storedBytes(history.shift()));
    }
    history.push(event);
    this.#count(1, bytes);
  }

  #count(events: number, bytes: number): void {
    this.#bytes += bytes;
    this.#parts.metrics.history += events;
    this.#parts.metrics.historyBytes += bytes;
  }

  #open(realm: Realm, options: HistoryOptions): void {
    const { codec, patterns, limits, directory, keepsHistories } = this.#parts;
    const { topic, limit } = options;
    const match = matchNames.indexOf(options.match ?? "exact");
    const what = `realm ${realm.uri}: the history of ${JSON.stringify(topic)}`;
    const status =
      match < 0 || typeof topic !== "string"
        ? UriStatus.invalid
        : codec.checkUri(topic, match, realm.strictUris ? Visit.strictUri : 0);
    if (status === UriStatus.invalid) throw new RangeError(`${what} names no valid topic and match policy`);
    const isReserved = status === UriStatus.reserved;
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new RangeError(`${what} has no limit of 1 event or more`);
    const history = new History(Math.min(limit, limits.history_max));
    if (directory !== null) {
      if (!keepsHistories) return;
      this.#openEverywhere(directory, realm, { match: match as Match, uri: topic, isReserved }, history);
      return;
    }
    const pattern = patterns.addStaying(realm, match as Match, topic);
    if (pattern === 0) throw new RangeError(`${what} finds no room in the pattern index`);
    if (isReserved) {
      patterns.setReserved(pattern);
      realm.reservedPatterns++;
    }
    this.#histories.set(pattern, history);
  }

  /** The other routers send their events here from when they know of the subscription. */
  #openEverywhere(
    directory: Directory,
    realm: Realm,
    topic: { readonly match: Match; readonly uri: string; readonly isReserved: boolean },
    history: History,
  ): void {
    const begin = (pattern: PatternHandle): void => {
      // It may have been closed since.
      if (!this.#realms.has(realm)) return directory.onLeft(pattern, 0 as SessionId, null);
      this.#parts.patterns.keepStaying(pattern);
      this.#histories.set(pattern, history);
    };
    directory.stay({ realm: realm.uri, ...topic }, new Opening(begin));
  }
}
