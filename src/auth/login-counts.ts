/**
 * What is counted of logins: by one thread for itself, here, or by all threads of a router (shared-login-counts.ts). Tables of our own:
 * those of rate-limiter-flexible answer with promises and have no bound on their keys, while here a reservation must be taken before the
 * next message is read, and a flood of invented names must not cost memory. Pure but for the clock.
 */
import type { Limits } from "../base/limits.ts";

/** Counts by key that are forgotten a while after they began. */
export interface Counts {
  at(key: string): number;
  /** Counts one more. Returns how many there are now. */
  add(key: string): number;
  takeBack(key: string): void;
}

/** Places of logins under way, over all sources and for each. */
export interface LoginPlaces {
  /** False, and nothing taken: there are too many. */
  take(source: string): boolean;
  giveBack(source: string): void;
}

/** What `Attempts` counts. */
export interface AttemptCounts {
  /** Failed logins of a source; those under a name; successful ones under a name from a source. */
  readonly sources: Counts;
  readonly names: Counts;
  readonly familiar: Counts;
}

export interface LoginCounts extends AttemptCounts {
  readonly places: LoginPlaces;
}

export type CountLimits = Pick<
  Limits,
  "failedLogins_ms" | "failedLogins_max" | "logins_max" | "loginsPerSource_max"
>;

/** A source from where a user has come in is known for so many times as long as a failed login counts. */
export const familiarWindows = 60;

/** Of a thread that counts alone. `now_ms` is monotonic. */
export function ownLoginCounts(limits: CountLimits, now_ms: () => number): LoginCounts {
  const { failedLogins_max: most, failedLogins_ms: window_ms } = limits;
  return {
    sources: new OwnCounts(most, window_ms, now_ms),
    names: new OwnCounts(most, window_ms, now_ms),
    familiar: new OwnCounts(most, window_ms * familiarWindows, now_ms),
    places: new OwnPlaces(limits),
  };
}

interface Entry {
  count: number;
  readonly until_ms: number;
}

/** Beyond `entries_max` the oldest key is forgotten at once. */
export class OwnCounts implements Counts {
  readonly #entries = new Map<string, Entry>();
  readonly #entries_max: number;
  readonly #window_ms: number;
  readonly #now_ms: () => number;

  constructor(entries_max: number, window_ms: number, now_ms: () => number) {
    this.#entries_max = entries_max;
    this.#window_ms = window_ms;
    this.#now_ms = now_ms;
  }

  /** Keys held, for tests of the bound. */
  get size(): number {
    return this.#entries.size;
  }

  at(key: string): number {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until_ms <= this.#now_ms() ? 0 : entry.count;
  }

  add(key: string): number {
    const now_ms = this.#now_ms();
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.until_ms > now_ms) return ++entry.count;
    // Entries stand in the order in which they end, because all last equally long.
    this.#entries.delete(key);
    for (const [oldest, { until_ms }] of this.#entries) {
      if (until_ms > now_ms && this.#entries.size < this.#entries_max) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { count: 1, until_ms: now_ms + this.#window_ms });
    return 1;
  }

  takeBack(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && --entry.count <= 0) this.#entries.delete(key);
  }
}

class OwnPlaces implements LoginPlaces {
  readonly #limits: CountLimits;
  readonly #bySource = new Map<string, number>();
  #count = 0;

  constructor(limits: CountLimits) {
    this.#limits = limits;
  }

  take(source: string): boolean {
    const ofSource = this.#bySource.get(source) ?? 0;
    const { logins_max, loginsPerSource_max } = this.#limits;
    if (this.#count >= logins_max || ofSource >= loginsPerSource_max) return false;
    this.#count++;
    this.#bySource.set(source, ofSource + 1);
    return true;
  }

  giveBack(source: string): void {
    this.#count--;
    const left = (this.#bySource.get(source) ?? 0) - 1;
    if (left > 0) this.#bySource.set(source, left);
    else this.#bySource.delete(source);
  }
}
