/**
 * What all threads of a router count of logins, in memory that they share: an attempt that one of them has counted, all see at once, so
 * that whoever spreads guesses over many connections gains nothing; a thread that has ended takes none of its counts with it, and one
 * that begins finds them all. Counts that each thread kept and told the others of would lag behind by what is on its way, and would have
 * to be handed to every new thread.
 *
 * Nobody waits for anybody: there is no lock that a thread could take into its grave. Control path.
 */
import { createHash } from "node:crypto";
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { FillRandom } from "../ports.ts";
import {
  type Counts,
  type CountLimits,
  familiarWindows,
  type LoginCounts,
  type LoginPlaces,
} from "./login-counts.ts";

/** Rows among which a key has its place: one set. */
const ways = 16;
/** A row is two integers of 64 bits: the key's digest, and `state`. */
const rowBytes = 16;

/**
 * A row's state: when it ends, in milliseconds since 1970, above its count, above the bit of one that is being given to another key. The
 * count stops at its largest.
 */
const untilShift = 21n;
const until_max = 2 ** 42 - 1;
const countShift = 1n;
const countMask = (1n << 20n) - 1n;
const changing = 1n;
const stateOf = (until_ms: number, count: bigint): bigint =>
  (BigInt(Math.min(Math.ceil(until_ms), until_max)) << untilShift) | (count << countShift);
const countOf = (state: bigint): bigint => (state >> countShift) & countMask;

/** By so much the clock may be set back without effect. */
const clockStep_ms = 1_000;

export interface SharedCountsOptions {
  /** The same in all threads, and known to nobody else: no client can choose names that meet in one set. */
  readonly secret: Uint8Array;
  readonly window_ms: number;
  /** Milliseconds since 1970: the only clock that all threads have in common. Where it is set, counts are forgotten at most. */
  readonly wall_ms: () => number;
  /** An entry begins anew with each that is counted. */
  readonly renews?: boolean;
}

/**
 * One table. In a set that is full the key whose time ends first is forgotten, and there are twice as many rows as keys are to be
 * remembered: a set is full so rarely that the oldest of all is hardly ever older than the one that goes.
 */
export class SharedCounts implements Counts {
  readonly #keys: BigInt64Array;
  readonly #states: BigInt64Array;
  readonly #options: SharedCountsOptions;
  readonly #setMask: number;

  static bytesFor(entries_max: number): number {
    const rows = Math.min(Math.max(2 * entries_max, ways), fixedLimits.sharedLoginRows_max);
    return rowBytes * 2 ** Math.ceil(Math.log2(rows));
  }

  /** `bytes` from `offset` on are zero when the first thread takes them. */
  constructor(memory: SharedArrayBuffer, offset: number, bytes: number, options: SharedCountsOptions) {
    const rows = bytes / rowBytes;
    this.#keys = new BigInt64Array(memory, offset, rows);
    this.#states = new BigInt64Array(memory, offset + 8 * rows, rows);
    this.#setMask = rows / ways - 1;
    this.#options = options;
  }

  at(key: string): number {
    const { id, first } = this.#place(key);
    return this.#at(id, first, this.#options.wall_ms());
  }

  /** Two threads that begin an entry at one time begin two. */
  #at(id: bigint, first: number, now_ms: number): number {
    let sum = 0n;
    for (let row = first; row < first + ways; row++) {
      const state = Atomics.load(this.#states, row);
      const isThis = Atomics.load(this.#keys, row) === id && this.#untilOf(state, now_ms) > 0;
      // Not one that was given to another key in between.
      if (isThis && Atomics.load(this.#states, row) === state) sum += countOf(state);
    }
    return Number(sum);
  }

  add(key: string): number {
    const { id, first } = this.#place(key);
    const now_ms = this.#options.wall_ms();
    while (!this.#addIn(id, first, now_ms));
    return this.#at(id, first, now_ms);
  }

  /** False: another thread was faster. */
  #addIn(id: bigint, first: number, now_ms: number): boolean {
    const { window_ms, renews = false } = this.#options;
    const until_ms = now_ms + window_ms;
    let victim = first;
    let victimState = 0n;
    let victimUntil_ms = Number.POSITIVE_INFINITY;
    for (let row = first; row < first + ways; row++) {
      const state = Atomics.load(this.#states, row);
      const ends_ms = this.#untilOf(state, now_ms);
      if (ends_ms > 0 && (state & changing) === 0n && Atomics.load(this.#keys, row) === id) {
        const count = countOf(state);
        const more = stateOf(renews ? until_ms : ends_ms, count < countMask ? count + 1n : count);
        return this.#swap(row, state, more);
      }
      if (ends_ms >= victimUntil_ms) continue;
      victim = row;
      victimState = state;
      victimUntil_ms = ends_ms;
    }
    const taken = stateOf(until_ms, 0n) | changing;
    if (!this.#swap(victim, victimState, taken)) return false;
    Atomics.store(this.#keys, victim, id);
    return this.#swap(victim, taken, stateOf(until_ms, 1n));
  }

  takeBack(key: string): void {
    const { id, first } = this.#place(key);
    const now_ms = this.#options.wall_ms();
    while (!this.#takeBackIn(id, first, now_ms));
  }

  #takeBackIn(id: bigint, first: number, now_ms: number): boolean {
    for (let row = first; row < first + ways; row++) {
      const state = Atomics.load(this.#states, row);
      const count = countOf(state);
      if (count === 0n || Atomics.load(this.#keys, row) !== id || this.#untilOf(state, now_ms) === 0)
        continue;
      return this.#swap(row, state, count === 1n ? 0n : state - (1n << countShift));
    }
    return true;
  }

  #swap(row: number, from: bigint, to: bigint): boolean {
    return Atomics.compareExchange(this.#states, row, from, to) === from;
  }

  /** When it ends; 0: it has, or the clock has been set back so far that its time means nothing. */
  #untilOf(state: bigint, now_ms: number): number {
    const until_ms = Number(state >> untilShift);
    const isLive = until_ms > now_ms && until_ms <= now_ms + this.#options.window_ms + clockStep_ms;
    return isLive ? until_ms : 0;
  }

  #place(key: string): { readonly id: bigint; readonly first: number } {
    const digest = createHash("sha256").update(this.#options.secret).update(key).digest();
    return { id: digest.readBigInt64LE(0), first: (digest.readUInt32LE(8) & this.#setMask) * ways };
  }
}

export type SharedLoginLimits = CountLimits & Pick<Limits, "handshake_ms">;

const secretBytes = 32;
const failedBytes = (limits: SharedLoginLimits): number => SharedCounts.bytesFor(limits.failedLogins_max);
/** A login under way makes one key at most. */
const pendingBytes = (limits: SharedLoginLimits): number => SharedCounts.bytesFor(limits.logins_max);

/** The memory: a secret, for each thread two words, and the tables. Each thread has an object of its own over it. */
export class SharedLogins {
  readonly memory: SharedArrayBuffer;
  readonly #limits: SharedLoginLimits;
  readonly #secret: Uint8Array;
  /** Of each thread: logins under way, and how often one was begun or ended in its place. */
  readonly #underWay: Int32Array;
  readonly #lives: Int32Array;
  readonly #tablesAt: number;

  /** In the first thread, which makes the memory. */
  static make(limits: SharedLoginLimits, count: number, fillRandom: FillRandom): SharedLogins {
    const secret = new Uint32Array(secretBytes / 4);
    fillRandom(secret);
    const bytes = secretBytes + 8 * count + 3 * failedBytes(limits) + pendingBytes(limits);
    const memory = new SharedArrayBuffer(bytes);
    new Uint32Array(memory, 0, secret.length).set(secret);
    return new SharedLogins(limits, count, memory);
  }

  /** With the same limits and count in all threads. */
  constructor(limits: SharedLoginLimits, count: number, memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#limits = limits;
    // A copy: hashes are not made of shared memory.
    this.#secret = new Uint8Array(memory, 0, secretBytes).slice();
    this.#underWay = new Int32Array(memory, secretBytes, count);
    this.#lives = new Int32Array(memory, secretBytes + 4 * count, count);
    this.#tablesAt = secretBytes + 8 * count;
  }

  /** In the first thread: a thread's life is over, or begins. Its logins under way ended with it; what it has counted stays. */
  onLife(place: number): void {
    Atomics.add(this.#lives, place, 1);
    Atomics.store(this.#underWay, place, 0);
  }

  /** What the thread of this place counts. */
  counts(place: number, wall_ms: () => number): LoginCounts {
    const { failedLogins_ms: window_ms, handshake_ms } = this.#limits;
    const failed = failedBytes(this.#limits);
    const secret = this.#secret;
    const tableAt = (
      index: number,
      bytes: number,
      options: Omit<SharedCountsOptions, "secret" | "wall_ms">,
    ) =>
      new SharedCounts(this.memory, this.#tablesAt + index * failed, bytes, { secret, wall_ms, ...options });
    const pending = tableAt(3, pendingBytes(this.#limits), { window_ms: handshake_ms, renews: true });
    return {
      sources: tableAt(0, failed, { window_ms }),
      names: tableAt(1, failed, { window_ms }),
      familiar: tableAt(2, failed, { window_ms: window_ms * familiarWindows }),
      places: new SharedPlaces(this.#limits, pending, {
        underWay: this.#underWay,
        lives: this.#lives,
        place,
      }),
    };
  }
}

interface PlaceWords {
  readonly underWay: Int32Array;
  readonly lives: Int32Array;
  readonly place: number;
}

/**
 * Shared, and not each thread its part: while one thread is being started anew, all clients log in at the others, and the system spreads
 * those of one source as it likes. Counted by life of each thread, so that what one takes into its grave is nobody's.
 */
class SharedPlaces implements LoginPlaces {
  readonly #limits: CountLimits;
  readonly #bySource: Counts;
  readonly #words: PlaceWords;

  constructor(limits: CountLimits, bySource: Counts, words: PlaceWords) {
    this.#limits = limits;
    this.#bySource = bySource;
    this.#words = words;
  }

  /** Two that take the last place at one time may both be refused; there are never more than may be. */
  take(source: string): boolean {
    const { underWay, place } = this.#words;
    Atomics.add(underWay, place, 1);
    let all = 0;
    for (let other = 0; other < underWay.length; other++) all += Atomics.load(underWay, other);
    if (all > this.#limits.logins_max) {
      Atomics.sub(underWay, place, 1);
      return false;
    }
    this.#bySource.add(this.#key(source, place));
    let ofSource = 0;
    for (let other = 0; other < underWay.length; other++)
      ofSource += this.#bySource.at(this.#key(source, other));
    if (ofSource <= this.#limits.loginsPerSource_max) return true;
    this.giveBack(source);
    return false;
  }

  giveBack(source: string): void {
    const { underWay, place } = this.#words;
    Atomics.sub(underWay, place, 1);
    this.#bySource.takeBack(this.#key(source, place));
  }

  #key(source: string, place: number): string {
    return `${source} ${place} ${Atomics.load(this.#words.lives, place)}`;
  }
}
