/**
 * One timer per listener that looks after all its connections: those that do not finish their handshake, those that have
 * fallen silent, and those whose peer does not finish closing.
 */

/** A connection as the sweep sees it. All times are of one monotonic clock. */
export interface Swept {
  /** When it last showed life. Reads what came since the last sweep where the transport does not note it itself. */
  lastSeen_ms(now_ms: number): number;
  ping(): void;
  drop(): void;
}

export interface SweepOptions {
  readonly idle_ms: number;
  readonly handshake_ms: number;
}

const sweepInterval_ms = { min: 10, max: 5_000 } as const;
const clamped = (interval_ms: number): number =>
  Math.min(sweepInterval_ms.max, Math.max(sweepInterval_ms.min, interval_ms));

export class Sweep<Connection extends Swept, Waiting extends { destroy(): void }> {
  readonly #connections = new Set<Connection>();
  #whenEmpty: (() => void) | undefined;
  /** What has a deadline and nothing else: handshakes under way, sockets that are closing. */
  readonly #deadlines = new Map<Waiting, number>();
  readonly #options: SweepOptions;
  readonly #connectionsEvery_ms: number;
  #connectionsSwept_ms = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(options: SweepOptions) {
    this.#options = options;
    // Twelve times within the idle time: a ping is at most a twelfth late, and so is the end.
    this.#connectionsEvery_ms = clamped(options.idle_ms / 12);
    const deadlinesEvery_ms = clamped(Math.min(options.handshake_ms, closing_ms) / 4);
    const interval_ms =
      options.idle_ms === 0 ? deadlinesEvery_ms : Math.min(deadlinesEvery_ms, this.#connectionsEvery_ms);
    this.#timer = setInterval(() => this.#sweep(), interval_ms);
    this.#timer.unref();
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** Destroys `waiting` unless released() comes within the time for a handshake. */
  handshaking(waiting: Waiting): void {
    this.#deadlines.set(waiting, performance.now() + this.#options.handshake_ms);
  }

  /** Destroys `waiting` unless it is gone by itself soon. */
  closing(waiting: Waiting): void {
    this.#deadlines.set(waiting, performance.now() + closing_ms);
  }

  released(waiting: Waiting): void {
    this.#deadlines.delete(waiting);
  }

  /** Drops everything and stops. Settles once every connection has been removed. */
  stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const waiting of this.#deadlines.keys()) waiting.destroy();
    for (const connection of this.#connections) connection.drop();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  #sweep(): void {
    const now_ms = performance.now();
    for (const [waiting, deadline_ms] of this.#deadlines) {
      if (now_ms >= deadline_ms) waiting.destroy();
    }
    if (this.#options.idle_ms === 0 || now_ms - this.#connectionsSwept_ms < this.#connectionsEvery_ms * 0.9)
      return;
    const sinceSwept_ms = now_ms - this.#connectionsSwept_ms;
    this.#connectionsSwept_ms = now_ms;
    const { idle_ms } = this.#options;
    for (const connection of this.#connections) {
      const silent_ms = now_ms - connection.lastSeen_ms(now_ms);
      const need = needOf({ silent_ms, sinceSwept_ms, sweepEvery_ms: this.#connectionsEvery_ms, idle_ms });
      if (need === "drop") connection.drop();
      else if (need === "ping") connection.ping();
    }
  }
}

export interface Silence {
  readonly silent_ms: number;
  readonly sinceSwept_ms: number;
  readonly sweepEvery_ms: number;
  readonly idle_ms: number;
}

/** What a silent connection needs: a ping at one and at two thirds of the idle time, and its end at the end of it. */
export function needOf({
  silent_ms,
  sinceSwept_ms,
  sweepEvery_ms,
  idle_ms,
}: Silence): "nothing" | "ping" | "drop" {
  // After a stall the timers run before the sockets are read: what lies there unread may be a sign of life.
  const stalled = sinceSwept_ms > 2 * sweepEvery_ms;
  if (silent_ms >= idle_ms && !stalled) return "drop";
  const thirds = (span_ms: number): number => Math.floor(Math.max(0, span_ms) / (idle_ms / 3));
  return thirds(silent_ms) > thirds(silent_ms - sinceSwept_ms) ? "ping" : "nothing";
}

/** Time for the peer to finish closing once we have said that we do. */
export const closing_ms = 2_000;
