/**
 * How much of what arrives is handled in one loop turn: a share of frames for each session, and one share of large frames for all of
 * them. What is beyond waits in its session's backlog; the backlogs are worked on at the end of each turn, those that large frames of
 * others kept waiting first. Hot: `admits`.
 */
import type { Limits } from "../base/limits.ts";

/** What is counted per session; a session is one of these. */
export interface IntakeOwner {
  /** The turn for which `framesLeft` holds. */
  intakeTurn: number;
  /** What handling a frame costs beyond one is taken from it too. */
  framesLeft: number;
}

/** How far one turn took a backlog: it is empty or held, it goes on, or it waits because this turn's large frames are used up. */
export const Progress = { done: 0, more: 1, starved: 2 } as const;
export type Progress = (typeof Progress)[keyof typeof Progress];

export interface Waiting {
  /** Handles its share of a turn. */
  drain(): Progress;
}

export interface IntakeParts {
  readonly limits: Limits;
  readonly outbox: { readonly turn: number; afterTurn(task: () => void): void };
}

export class Intake {
  /** Bytes that wait, over all sessions. */
  bytes = 0;
  readonly limits: Limits;
  readonly #outbox: IntakeParts["outbox"];
  readonly #drain = (): void => this.#endOfTurn();
  #largeTurn = -1;
  #largeBytesLeft = 0;
  #waiting: Waiting[] = [];
  #scheduled = false;

  constructor({ limits, outbox }: IntakeParts) {
    this.limits = limits;
    this.#outbox = outbox;
  }

  /** Whether a frame that has just arrived is within this turn's share; if so it is counted. */
  admits(owner: IntakeOwner, length: number): boolean {
    if (length >= this.limits.largeFrameBytes && !this.admitsLarge(length)) return false;
    return this.admitsFrame(owner);
  }

  /** Whether a frame, however large, is within its session's share of frames; if so it is counted. */
  admitsFrame(owner: IntakeOwner): boolean {
    if (owner.intakeTurn !== this.#outbox.turn) this.begin(owner);
    return owner.framesLeft-- > 0;
  }

  /** Gives a session its share of this turn, if it has not had it. */
  begin(owner: IntakeOwner): void {
    const { turn } = this.#outbox;
    if (owner.intakeTurn === turn) return;
    owner.intakeTurn = turn;
    owner.framesLeft = this.limits.framesPerTurn_max;
  }

  /** The same of a large frame that waits, or that has just arrived. One at least goes in each turn, however large. */
  admitsLarge(length: number): boolean {
    const { turn } = this.#outbox;
    if (this.#largeTurn !== turn) {
      this.#largeTurn = turn;
      // When much waits, more is handled in a turn: a client that only sends fast is slowed and not ended.
      this.#largeBytesLeft = Math.max(this.limits.largeBytesPerTurn_max, this.bytes >>> 1);
    }
    if (this.#largeBytesLeft <= 0) return false;
    this.#largeBytesLeft -= length;
    return true;
  }

  /** A backlog is worked on from the end of this turn on. */
  schedule(backlog: Waiting): void {
    this.#waiting.push(backlog);
    this.#wake();
  }

  #wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#outbox.afterTurn(this.#drain);
  }

  #endOfTurn(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const others: Waiting[] = [];
    const starved: Waiting[] = [];
    for (const backlog of waiting) {
      const progress = backlog.drain();
      if (progress === Progress.more) others.push(backlog);
      else if (progress === Progress.starved) starved.push(backlog);
    }
    this.#waiting = [...starved, ...others, ...this.#waiting];
    if (this.#waiting.length > 0) this.#wake();
  }
}
