/** One deadline at a time. */
import type { Scheduler } from "../ports.ts";

export class Timer {
  readonly #scheduler: Scheduler;
  #cancel: (() => void) | null = null;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Runs `task` after `delay_ms`, in the place of what was to run. */
  start(delay_ms: number, task: () => void): void {
    this.stop();
    this.#cancel = this.#scheduler.after(delay_ms, task);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
