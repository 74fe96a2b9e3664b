/**
 * Long work of the control path, a share of it in each loop turn: who walks a table of any size gives the steps here, and all such
 * walks together take so many steps in one turn, whoever asks and however often. They go on in turns; of one owner only one has begun,
 * because what it has found so far takes memory. Control path.
 */
import { fixedLimits } from "../base/limits.ts";

/** Work in pieces: each step says what it has cost, where looking at one entry of a table is 1. It returns what is found. */
export type Steps<T> = Generator<number, T, void>;

interface Walk {
  readonly owner: number;
  /** Takes steps while there is work left for them. True: it is over. */
  advance(): boolean;
}

/** Turns without any work that work done at once may lead to. */
const debt_max = 4;
/** What one walk may do before the next one's turn comes. */
const quantum = 2_048;
const nobody = 0;

export class TurnShare {
  readonly #afterTurn: (task: () => void) => void;
  readonly #perTurn: number;
  readonly #turn = (): void => this.#onTurn();
  /** Those that have begun, but for what was done of them at once. */
  #walks: Walk[] = [];
  /** Those that have not, by owner, and how many of each owner have. */
  readonly #waiting = new Map<number, Walk[]>();
  readonly #begun = new Map<number, number>();
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
    let count = this.#walks.length;
    for (const { length } of this.#waiting.values()) count += length;
    return count;
  }

  /** Counts work that was done at once, in steps: what follows has less of its turn, and of a few that come. */
  spend(cost: number): void {
    this.#left = Math.max(this.#left - cost, -debt_max * this.#perTurn);
    this.#schedule();
  }

  /**
   * What the steps return: at once where this turn's share suffices for them and nobody waits, else when they are over. They are a
   * session's, and begin when others of the same session are over.
   */
  run<T>(session: number, steps: Steps<T>): T | Promise<T> {
    if (!this.#begun.has(session)) return this.goOn(session, steps);
    return new Promise<T>((resolve, reject) => {
      const waiting = this.#waiting.get(session);
      const walk = this.#walk(session, steps, resolve, reject);
      if (waiting === undefined) this.#waiting.set(session, [walk]);
      else waiting.push(walk);
    });
  }

  /** The same for what is done with the result of steps that have just come to their end: it goes before others of the session. */
  goOn<T>(session: number, steps: Steps<T>): T | Promise<T> {
    const last = this.#begin(steps);
    if (last !== null) return last.value;
    return new Promise<T>((resolve, reject) => this.#add(this.#walk(session, steps, resolve, reject)));
  }

  /** The same for steps that nobody waits for. They do not throw. */
  start(steps: Steps<void>): void {
    if (this.#begin(steps) !== null) return;
    this.#add({ owner: nobody, advance: () => this.#take(steps, quantum) !== null });
  }

  #walk<T>(
    owner: number,
    steps: Steps<T>,
    resolve: (result: T) => void,
    reject: (cause: unknown) => void,
  ): Walk {
    const advance = (): boolean => {
      try {
        const last = this.#take(steps, quantum);
        if (last !== null) resolve(last.value);
        return last !== null;
      } catch (cause) {
        reject(cause);
        return true;
      }
    };
    return { owner, advance };
  }

  #add(walk: Walk): void {
    this.#walks.push(walk);
    this.#begun.set(walk.owner, (this.#begun.get(walk.owner) ?? 0) + 1);
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
    this.#beginWaiting();
    const walks = this.#walks;
    let at = 0;
    for (; this.#left > 0 && at < walks.length; at++) {
      const walk = walks[at]!;
      if (walk.advance()) this.#onOver(walk.owner);
      else walks.push(walk);
    }
    this.#walks = walks.slice(at);
    if (this.#walks.length > 0 || this.#waiting.size > 0 || this.#left < this.#perTurn) this.#schedule();
  }

  #onOver(owner: number): void {
    const left = this.#begun.get(owner)! - 1;
    if (left === 0) this.#begun.delete(owner);
    else this.#begun.set(owner, left);
  }

  /** Not before the turn behind the end of another: what is done with its result comes first. */
  #beginWaiting(): void {
    for (const [owner, waiting] of this.#waiting) {
      if (this.#begun.has(owner)) continue;
      this.#add(waiting.shift()!);
      if (waiting.length === 0) this.#waiting.delete(owner);
    }
  }
}
