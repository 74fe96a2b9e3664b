/**
 * How many logins may fail, and how many may be under way. Tables of our own: those of rate-limiter-flexible answer with promises and
 * have no bound on their keys, while here a reservation must be taken before the next message is read, and a flood of invented names
 * must not cost memory. Pure but for the clock.
 */
import { createHash } from "node:crypto";
import type { Limits } from "../base/limits.ts";
import { fold } from "../security/check.ts";

export type AttemptLimits = Pick<
  Limits,
  "failedLogins_ms" | "failedLoginsPerSource_max" | "failedLoginsPerAuthid_max" | "failedLogins_max"
>;

interface Entry {
  count: number;
  readonly until_ms: number;
}

/** Counts by key that are forgotten after a while; beyond `entries_max` the oldest key is forgotten at once. */
class Counts {
  readonly #entries = new Map<string, Entry>();
  readonly #entries_max: number;
  readonly #window_ms: number;

  constructor(entries_max: number, window_ms: number) {
    this.#entries_max = entries_max;
    this.#window_ms = window_ms;
  }

  get size(): number {
    return this.#entries.size;
  }

  at(key: string, now_ms: number): number {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until_ms <= now_ms ? 0 : entry.count;
  }

  add(key: string, now_ms: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.until_ms > now_ms) {
      entry.count++;
      return;
    }
    // Entries stand in the order in which they end, because all last equally long.
    this.#entries.delete(key);
    for (const [oldest, { until_ms }] of this.#entries) {
      if (until_ms > now_ms && this.#entries.size < this.#entries_max) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { count: 1, until_ms: now_ms + this.#window_ms });
  }

  takeBack(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && --entry.count <= 0) this.#entries.delete(key);
  }
}

/** Who tries to log in as whom. */
export interface Attempt {
  /** As sourceKey() gives it. */
  readonly source: string;
  readonly realm: string;
  /** As the client wrote it, or "". */
  readonly authid: string;
}

/**
 * Failed logins per source, and per (realm, authid) whether that user exists or not. An address from which the user has lately come in
 * is not held to the second: others who guess at a name cannot lock its owner out.
 */
export class Attempts {
  readonly #limits: AttemptLimits;
  readonly #sources: Counts;
  readonly #names: Counts;
  readonly #familiar: Counts;

  constructor(limits: AttemptLimits) {
    this.#limits = limits;
    const { failedLogins_max: most, failedLogins_ms: window_ms } = limits;
    this.#sources = new Counts(most, window_ms);
    this.#names = new Counts(most, window_ms);
    this.#familiar = new Counts(most, window_ms * 60);
  }

  /** Keys held, for tests of the bound. */
  get size(): number {
    return this.#sources.size + this.#names.size + this.#familiar.size;
  }

  allows(attempt: Attempt, now_ms: number): boolean {
    const { failedLoginsPerSource_max, failedLoginsPerAuthid_max } = this.#limits;
    if (this.#sources.at(attempt.source, now_ms) >= failedLoginsPerSource_max) return false;
    const name = nameKey(attempt);
    if (name === null || this.#names.at(name, now_ms) < failedLoginsPerAuthid_max) return true;
    return this.#familiar.at(pairKey(attempt), now_ms) > 0;
  }

  /** Counts an attempt as failed; false, and nothing counted, where there were too many. To be taken back when it succeeds. */
  take(attempt: Attempt, now_ms: number): boolean {
    if (!this.allows(attempt, now_ms)) return false;
    this.#sources.add(attempt.source, now_ms);
    const name = nameKey(attempt);
    if (name !== null) this.#names.add(name, now_ms);
    return true;
  }

  /** The attempt did not fail: neither side made a guess. */
  takeBack(attempt: Attempt): void {
    this.#sources.takeBack(attempt.source);
    const name = nameKey(attempt);
    if (name !== null) this.#names.takeBack(name);
  }

  succeeded(attempt: Attempt, now_ms: number): void {
    this.takeBack(attempt);
    if (attempt.authid !== "") this.#familiar.add(pairKey(attempt), now_ms);
  }
}

/** Digests, because names may be long and there may be many of them. */
const digest = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

const nameKey = ({ realm, authid }: Attempt): string | null =>
  authid === "" ? null : digest(realm, fold(authid));

const pairKey = ({ realm, authid, source }: Attempt): string => digest(realm, fold(authid), source);

export type PendingLimits = Pick<Limits, "logins_max" | "loginsPerSource_max" | "handshake_ms">;

interface PendingLogin {
  readonly source: string;
  readonly expires_ms: number;
}

/** Logins under way: from HELLO to the answer, or to the end of their time. A client that has gone is noticed by the latter only. */
export class PendingLogins {
  readonly #limits: PendingLimits;
  /** In the order in which they expire, because all live equally long. */
  readonly #logins = new Map<number, PendingLogin>();
  readonly #bySource = new Map<string, number>();
  #lastId = 0;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  /** Null: there are too many. */
  open(source: string, now_ms: number): number | null {
    for (const [id, { expires_ms }] of this.#logins) {
      if (expires_ms > now_ms) break;
      this.close(id);
    }
    const { logins_max, loginsPerSource_max, handshake_ms } = this.#limits;
    const ofSource = this.#bySource.get(source) ?? 0;
    if (this.#logins.size >= logins_max || ofSource >= loginsPerSource_max) return null;
    this.#logins.set(++this.#lastId, { source, expires_ms: now_ms + handshake_ms });
    this.#bySource.set(source, ofSource + 1);
    return this.#lastId;
  }

  isOpen(id: number, now_ms: number): boolean {
    return (this.#logins.get(id)?.expires_ms ?? 0) > now_ms;
  }

  close(id: number): void {
    const login = this.#logins.get(id);
    if (login === undefined) return;
    this.#logins.delete(id);
    const left = (this.#bySource.get(login.source) ?? 0) - 1;
    if (left > 0) this.#bySource.set(login.source, left);
    else this.#bySource.delete(login.source);
  }
}
