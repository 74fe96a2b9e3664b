/**
 * Long work of the control path, a share of it in each loop turn: who walks a table of any size gives the steps here, and all such
 * walks together take so many steps in one turn, whoever asks and however often. They go on in turns. Control path.
 */
import { fixedLimits } from "../base/limits.ts";

/** Work in pieces: each step says what it has cost, where looking at one entry of a table is 1. It returns what is found. */
export type Steps<T> = Generator<number, T, void>;

interface Walk {
  /** Takes steps while there is work left for them. True: it is over. */
  advance(): boolean;
}

/** Turns without any work that work done at once may lead to. */
const debt_max = 4;
/** What one walk may do before the next one's turn comes. */
const quantum = 2_048;

export class TurnShare {
  readonly #afterTurn: (task: () => void) => void;
  readonly #perTurn: number;
  readonly #turn = (): void => this.#onTurn();
  #walks: Walk[] = [];
  #left: number;
  #isScheduled = false;

  /** `afterTurn` runs a task at the end of the turn. */
  constructor(afterTurn: (task: () => void) => void, perTurn = fixedLimits.stepsPerTurn_max) {
    this.#afterTurn = afterTurn;
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Walks that are not over yet. */
  get count(): number {
    return this.#walks.length;
  }

  /** Counts work that was done at once, in steps: what follows has less of its turn, and of a few that come. */
  spend(cost: number): void {
    this.#left = Math.max(this.#left - cost, -debt_max * this.#perTurn);
    this.#schedule();
  }

  /** What the steps return: at once where this turn's share suffices for them and nobody waits, else when they are over. */
  run<T>(steps: Steps<T>): T | Promise<T> {
    const last = this.#begin(steps);
    if (last !== null) return last.value;
    return new Promise<T>((resolve, reject) => {
      this.#walks.push({
        advance: () => {
          try {
            const end = this.#take(steps, quantum);
            if (end !== null) resolve(end.value);
            return end !== null;
          } catch (cause) {
            reject(cause);
            return true;
          }
        },
      });
    });
  }

  /** The same for steps that nobody waits for. They do not throw. */
  start(steps: Steps<void>): void {
    if (this.#begin(steps) === null) this.#walks.push({ advance: () => this.#take(steps, quantum) !== null });
  }

  #begin<T>(steps: Steps<T>): IteratorReturnResult<T> | null {
    this.#schedule();
    return this.#walks.length === 0 ? this.#take(steps, this.#left) : null;
  }

  /** Takes steps that cost `upTo`, as far as the turn's share goes. Null: there are more. */
  #take<T>(steps: Steps<T>, upTo: number): IteratorReturnResult<T> | null {
    const end = this.#left - upTo;
    while (this.#left > 0 && this.#left > end) {
      const step = steps.next();
      if (step.done === true) return step;
      this.#left -= step.value;
    }
    return null;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#afterTurn(this.#turn);
  }

  #onTurn(): void {
    this.#isScheduled = false;
    // What one step has cost beyond its turn's share is taken from the next one's.
    this.#left = Math.min(this.#perTurn, this.#left + this.#perTurn);
    const walks = this.#walks;
    let at = 0;
    for (; this.#left > 0 && at < walks.length; at++) {
      const walk = walks[at]!;
      if (!walk.advance()) walks.push(walk);
    }
    this.#walks = walks.slice(at);
    if (this.#walks.length > 0 || this.#left < this.#perTurn) this.#schedule();
  }
}
