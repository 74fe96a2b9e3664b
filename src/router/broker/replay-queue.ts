/**
 * Replays of retained events that are not over: those of one session in the order in which it asked, one of them under way at a time,
 * and the sessions in turns. However many a session has, looking for who is next costs one step for each session. Control path.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { RouterSession } from "../types.ts";
import type { RetainedTopic } from "./retained.ts";

/** What one SUBSCRIBE has asked for. */
export class Replay {
  readonly session: RouterSession;
  readonly row: number;
  readonly pattern: PatternHandle;
  /** Number of the last event that is replayed. */
  readonly upTo: number;
  /** Events that it may still send. */
  left: number;
  /** Null: it has not begun. */
  topics: Iterator<RetainedTopic | null, undefined> | null = null;
  /** Neighbours in its session's list. */
  next: Replay | null = null;
  previous: Replay | null = null;

  constructor(session: RouterSession, row: number, pattern: PatternHandle, upTo: number, left: number) {
    this.session = session;
    this.row = row;
    this.pattern = pattern;
    this.upTo = upTo;
    this.left = left;
  }
}

/** Those of one session. */
class OwnReplays {
  readonly session: RouterSession;
  first: Replay | null = null;
  last: Replay | null = null;

  constructor(session: RouterSession) {
    this.session = session;
  }

  append(replay: Replay): void {
    replay.previous = this.last;
    replay.next = null;
    if (this.last === null) this.first = replay;
    else this.last.next = replay;
    this.last = replay;
  }

  remove(replay: Replay): void {
    const { next, previous } = replay;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.last = previous;
    else next.previous = previous;
  }
}

export class ReplayQueue {
  readonly #byRow = new Map<number, Replay>();
  readonly #bySession = new Map<RouterSession, OwnReplays>();
  /** Sessions in the order of their turns; of some there may be nothing left. */
  #turns: OwnReplays[] = [];
  /** Of them, those whose turn has been. */
  #taken = 0;

  get count(): number {
    return this.#byRow.size;
  }
  /** Sessions that wait for their turn. */
  get sessionCount(): number {
    return this.#turns.length - this.#taken;
  }

  has(session: RouterSession): boolean {
    return (this.#bySession.get(session)?.first ?? null) !== null;
  }

  add(replay: Replay): void {
    const { session, row } = replay;
    this.#byRow.set(row, replay);
    let own = this.#bySession.get(session);
    if (own === undefined) {
      own = new OwnReplays(session);
      this.#bySession.set(session, own);
      this.#turns.push(own);
    }
    own.append(replay);
  }

  /** Forgets the replay for this membership, if there is one. */
  remove(row: number): void {
    const replay = this.#byRow.get(row);
    if (replay === undefined) return;
    this.#byRow.delete(row);
    this.#bySession.get(replay.session)!.remove(replay);
    if (this.#byRow.size > 0) return;
    this.#bySession.clear();
    this.#turns = [];
    this.#taken = 0;
  }

  /** The first replay of the session whose turn it is; its turn comes again behind the others'. Null: it has none any more. */
  take(): Replay | null {
    const own = this.#turns[this.#taken++]!;
    if (own.first === null) this.#bySession.delete(own.session);
    else this.#turns.push(own);
    if (this.#taken * 2 > this.#turns.length) {
      this.#turns = this.#turns.slice(this.#taken);
      this.#taken = 0;
    }
    return own.first;
  }

  /** Has the others of its session come first. */
  putBehind(replay: Replay): void {
    const own = this.#bySession.get(replay.session)!;
    own.remove(replay);
    own.append(replay);
  }
}
