/**
 * Sends retained events to a late subscriber, behind its SUBSCRIBED. The one of an exact topic goes out at once. Those that match a
 * pattern may be many: they go out a share per turn, no faster than the subscriber reads, and events that are published meanwhile
 * may come between them – a retained one says `retained`. What is retained after the SUBSCRIBE is not replayed: it came live.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { Scheduler } from "../../ports.ts";
import { Match } from "../../protocol/messages.ts";
import { Detail } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Patterns } from "../patterns.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { AcknowledgedDelivery } from "./acknowledged-delivery.ts";
import type { MemberOptions } from "./member-options.ts";
import { Replay, ReplayQueue } from "./replay-queue.ts";
import type { RetainedEvents } from "./retained.ts";
import { revisit, type StoredEvent } from "./stored-event.ts";

export interface RetainedReplayParts {
  readonly codec: Codec;
  readonly patterns: Patterns;
  readonly frames: FrameSource;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly scheduler: Scheduler;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly retained: RetainedEvents;
  readonly memberOptions: MemberOptions;
  readonly deliveries: AcknowledgedDelivery;
}

/** What all replays together may do in one turn: a step in the tree of topics, and a look at a session, is 1, an event as below. */
const workPerTurn = 4_096;
const workOf = (event: StoredEvent): number => 32 + (event.frame.length >>> 6);
/** How soon a replay looks again whether its slow reader has read on. */
const patience_ms = 25;

export class RetainedReplay {
  readonly #parts: RetainedReplayParts;
  /** A session that subscribes anew begins anew. */
  readonly #queue = new ReplayQueue();
  readonly #turn = (): void => this.#onTurn();
  #workLeft = workPerTurn;
  /** Sessions that had to wait, one after the other, until now. */
  #waiting = 0;
  #isScheduled = false;
  #cancel: (() => void) | null = null;

  constructor(parts: RetainedReplayParts) {
    this.#parts = parts;
  }

  /** Replays that are not over yet. */
  get count(): number {
    return this.#queue.count;
  }

  /** Behind SUBSCRIBED: nobody needs the visited message any more. */
  start(session: RouterSession, row: number, pattern: PatternHandle): void {
    const { patterns, limits, retained } = this.#parts;
    const realm = session.realm!;
    this.end(row);
    if (retained.count(realm) === 0) return;
    if (patterns.match(pattern) === Match.exact) {
      const latest = retained.get(realm, patterns.uri(pattern), session);
      if (latest !== null) this.#send(session, row, pattern, latest.event);
      return;
    }
    const replay = new Replay(session, row, pattern, retained.sequence, limits.retainedReplay_max);
    const isFirst = !this.#queue.has(session);
    this.#schedule();
    if (isFirst && !this.#waits(replay) && this.#advance(replay)) return;
    this.#queue.add(replay);
    this.#waiting = 0;
  }

  /** The subscription has ended, or begins anew. */
  end(row: number): void {
    this.#queue.remove(row);
    if (this.#queue.count === 0) this.stop();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.afterTurn(this.#turn);
  }

  /** Each session has its turn once at most. */
  #onTurn(): void {
    this.#isScheduled = false;
    this.#workLeft = workPerTurn;
    const queue = this.#queue;
    for (let left = queue.sessionCount; left > 0 && queue.count > 0 && this.#workLeft > 0; left--) {
      this.#workLeft--;
      const replay = queue.take();
      if (replay === null) continue;
      if (this.#waits(replay)) {
        this.#waiting++;
        queue.putBehind(replay);
        continue;
      }
      this.#waiting = 0;
      if (this.#advance(replay)) queue.remove(replay.row);
    }
    if (queue.count === 0) return;
    if (this.#waiting < queue.sessionCount) return this.#schedule();
    this.#cancel ??= this.#parts.scheduler.after(patience_ms, () => {
      this.#cancel = null;
      this.#waiting = 0;
      this.#schedule();
    });
  }

  /** Whether the subscriber has so much to read, or to acknowledge, that more would be lost. */
  #waits({ session, row, pattern }: Replay): boolean {
    const { limits, memberOptions, deliveries } = this.#parts;
    if (session.blocked || session.isDetached || session.queuedBytes > limits.outboxBytes_max / 2)
      return true;
    return (
      memberOptions.acknowledges(pattern, row) && deliveries.isFull(session, limits.retainedEventBytes_max)
    );
  }

  /** Goes on while this turn's work lasts and the subscriber reads. True: it is over. */
  #advance(replay: Replay): boolean {
    const { session, pattern, upTo } = replay;
    const { patterns, retained, metrics } = this.#parts;
    if (session.realm === null) return true;
    replay.topics ??= retained.matching(session.realm, patterns.match(pattern), patterns.uri(pattern));
    while (this.#workLeft > 0 && !this.#waits(replay)) {
      const step = replay.topics.next();
      if (step.done === true) return true;
      this.#workLeft--;
      const latest = step.value === null ? null : retained.latest(step.value, session);
      if (latest === null || latest.sequence > upTo) continue;
      if (replay.left-- === 0) {
        metrics.retainedReplaysCut++;
        return true;
      }
      this.#workLeft -= workOf(latest.event);
      this.#send(session, replay.row, replay.pattern, latest.event);
    }
    return false;
  }

  #send(session: RouterSession, row: number, pattern: PatternHandle, event: StoredEvent): void {
    const { codec, patterns, frames, metrics, memberOptions, deliveries } = this.#parts;
    const acknowledges = memberOptions.acknowledges(pattern, row);
    let details = revisit(codec, event) | Detail.retained;
    if (patterns.match(pattern) !== Match.exact) details |= Detail.uri;
    if (acknowledges) details |= Detail.acknowledgedDelivery;
    const length = codec.writeEvent(session.serializer, patterns.id(pattern), event.publication, details);
    if (length === 0) metrics.eventsDroppedPayload++;
    else if (length > session.peerFrameBytes_max) metrics.eventsDroppedSize++;
    else {
      const frame = frames.take(length, true);
      if (acknowledges) return deliveries.post(session, row, event.publication, frame);
      metrics.events++;
      session.post(frame);
    }
  }
}
