/** Time under the test's control: timers fire in order of their time when the test advances the clock. */
import type { Scheduler } from "../../src/ports.ts";

interface Timer {
  at: number;
  readonly every: number;
  readonly task: () => void;
}

export class VirtualScheduler implements Scheduler {
  #now = 0;
  #timers: Timer[] = [];
  #turn: (() => void)[] = [];

  endOfTurn(task: () => void): void {
    this.#turn.push(task);
  }
  every(interval_ms: number, task: () => void): () => void {
    return this.#add({ at: this.#now + interval_ms, every: interval_ms, task });
  }
  after(delay_ms: number, task: () => void): () => void {
    return this.#add({ at: this.#now + delay_ms, every: 0, task });
  }
  now_ms(): number {
    return this.#now;
  }
  wall_ms(): number {
    return this.#now;
  }

  /** Timers running. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Runs what waits for the end of the turn, and what that schedules, until nothing does. */
  settle(): void {
    for (let rounds = 0; this.#turn.length > 0; rounds++) {
      if (rounds > 100_000) throw new Error("the turn never ends");
      this.endTurn();
    }
  }

  /** Ends one turn. False: nothing waited for it. */
  endTurn(): boolean {
    const tasks = this.#turn;
    this.#turn = [];
    for (const task of tasks) task();
    return tasks.length > 0;
  }

  advance(by_ms: number): void {
    const until = this.#now + by_ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.every > 0) next.at += next.every;
      else this.#timers = this.#timers.filter((timer) => timer !== next);
      next.task();
    }
    this.#now = until;
  }

  /** Lets time pass in which no timer ran, as when the event loop is blocked. */
  stall(by_ms: number): void {
    this.#now += by_ms;
    for (const timer of this.#timers) timer.at = Math.max(timer.at, this.#now);
  }

  #add(timer: Timer): () => void {
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}
