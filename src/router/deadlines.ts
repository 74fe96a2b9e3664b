/**
 * Deadlines of rows in a table: a hashed timing wheel (Varghese & Lauck, 1987). Setting, moving and clearing one is O(1);
 * the wheel turns only while it holds something. Deadlines are met late by one tick at most, never early.
 */
import { F64Column, U32Column } from "../base/column.ts";
import type { Scheduler } from "../ports.ts";

const tick_ms = 16;
const spokes = 1024;
const spokeMask = spokes - 1;

export class Deadlines {
  readonly #scheduler: Scheduler;
  readonly #expire: (row: number) => void;
  readonly #heads = new Uint32Array(spokes);
  /** A row's deadline as tick number plus one; 0: none. */
  readonly #tick = new F64Column();
  readonly #next = new U32Column();
  readonly #previous = new U32Column();
  /** Rows found due by a sweep; empty between sweeps. */
  readonly #due: number[] = [];
  #lastTick = 0;
  #count = 0;
  #stop: (() => void) | undefined;

  /** `expire` is called once for a row whose time is over; the row's deadline is cleared before. */
  constructor(scheduler: Scheduler, expire: (row: number) => void) {
    this.#scheduler = scheduler;
    this.#expire = expire;
  }

  get count(): number {
    return this.#count;
  }

  ensure(row: number): void {
    this.#tick.ensure(row);
    this.#next.ensure(row);
    this.#previous.ensure(row);
  }

  /** Sets or moves the row's deadline to `delay_ms` from now. */
  set(row: number, delay_ms: number): void {
    this.clear(row);
    const now_ms = this.#scheduler.now_ms();
    const tick = Math.ceil((now_ms + delay_ms) / tick_ms) + 1;
    const spoke = tick & spokeMask;
    const head = this.#heads[spoke]!;
    this.#tick.set(row, tick + 1);
    this.#next.set(row, head);
    this.#previous.set(row, 0);
    if (head !== 0) this.#previous.set(head, row);
    this.#heads[spoke] = row;
    if (this.#count++ === 0) this.#start(now_ms);
  }

  clear(row: number): void {
    const tick = this.#tick.get(row);
    if (tick === 0) return;
    this.#tick.set(row, 0);
    const next = this.#next.get(row);
    const previous = this.#previous.get(row);
    if (previous === 0) this.#heads[(tick - 1) & spokeMask] = next;
    else this.#next.set(previous, next);
    if (next !== 0) this.#previous.set(next, previous);
    if (--this.#count === 0) this.stop();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #start(now_ms: number): void {
    this.#lastTick = Math.floor(now_ms / tick_ms);
    this.#stop = this.#scheduler.every(tick_ms, () => this.#turn());
  }

  #turn(): void {
    const now = Math.floor(this.#scheduler.now_ms() / tick_ms);
    // After a long stall each spoke is still looked at only once.
    const from = Math.max(this.#lastTick + 1, now - spokes + 1);
    this.#lastTick = now;
    for (let tick = from; tick <= now && this.#count > 0; tick++) this.#sweep(tick & spokeMask, now);
  }

  /** One walk to find what is due: rows of later rounds lie between, and must not be walked again for each that expires. */
  #sweep(spoke: number, now: number): void {
    const due = this.#due;
    for (let row = this.#heads[spoke]!; row !== 0; row = this.#next.get(row))
      if (this.#tick.get(row) - 1 <= now) due.push(row);
    for (const row of due) {
      // Expiring one row may have cleared or moved another.
      const tick = this.#tick.get(row);
      if (tick === 0 || tick - 1 > now) continue;
      this.clear(row);
      this.#expire(row);
    }
    due.length = 0;
  }
}
