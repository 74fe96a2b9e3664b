/**
 * Calls that wait for a callee of their registration to be free (REGISTER.Options.concurrency): a queue for each registration, first
 * come, first served, bounded in calls and bytes. A waiting call has a row among the pending calls; its frame is a copy, and is visited
 * again when its turn has come. Turns come at the end of the loop turn in which a callee became free, because until then the codec
 * is busy with the message that freed it.
 *
 * Order is kept among calls that the same callees may take: where the routing key decides, a call for a busy callee does not hold up
 * those behind it for others.
 */
import type { PatternHandle } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Invoke, RunMode } from "../../protocol/messages.ts";
import { FSlot, Slot } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import { CallTrait, type Patterns } from "../patterns.ts";
import { type Steps, TurnShare } from "../turn-share.ts";
import type { RouterSession } from "../types.ts";
import { type CalleeChoice, noKey, type Tried } from "./callee-choice.ts";
import type { Callees } from "./callees.ts";
import type { Calls } from "./calls.ts";

/** Calls that are ended in one turn because the last callee has left. */
const endingsPerTurn = 256;

/** Sends a call that has a pending row to a callee. */
export type SendCall = (call: QueuedCall, member: number, pattern: PatternHandle) => void;

export interface CallQueueParts {
  readonly codec: Codec;
  readonly calls: Calls;
  readonly patterns: Patterns;
  readonly choice: CalleeChoice;
  readonly callees: Callees;
  readonly limits: Limits;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
  readonly send: SendCall;
}

export const keyProblem = {
  error: errors.invalidArgument,
  message: 'option "rkey" is missing: the procedure is spread by routing key',
};
export const triedProblem = {
  error: errors.noAvailableCallee,
  message: "every callee of the procedure has answered that it is unavailable",
};

export interface QueuedCall {
  /** Its row among the pending calls. */
  readonly row: number;
  /** Copies of its frames: the CALL, and those that continue it (progressive call invocations). */
  readonly frames: Uint8Array[];
  /** The number of its routing key, or `noKey`. */
  readonly key: number;
  /** It has `runmode` "partition". */
  readonly isPart: boolean;
  /** Callees that it does not go to. */
  readonly tried: Tried;
  /** The number under which another router has returned it, because its callee was busy; 0: none has. They come back in this order. */
  readonly returned: number;
}

interface WaitingCall extends QueuedCall {
  bytes: number;
  /** The callee whose shard takes its key, while nobody joins or leaves; 0: not looked up. */
  member: number;
  queue: Queue;
  previous: WaitingCall | null;
  next: WaitingCall | null;
}

/** The calls that wait for one registration, oldest first. */
export class Queue {
  pattern: PatternHandle;
  first: WaitingCall | null = null;
  last: WaitingCall | null = null;
  count = 0;
  bytes = 0;
  isWoken = false;
  /** Its calls are being ended. */
  isOver = false;
  constructor(pattern: PatternHandle) {
    this.pattern = pattern;
  }
}

export class CallQueue {
  readonly #parts: CallQueueParts;
  readonly #queues = new Map<PatternHandle, Queue>();
  readonly #byRow = new Map<number, WaitingCall>();
  #woken: Queue[] = [];
  #bytes = 0;
  readonly #drain = (): void => this.#serveWoken();

  readonly #endings: TurnShare;

  constructor(parts: CallQueueParts) {
    this.#parts = parts;
    this.#endings = new TurnShare(parts.afterTurn, endingsPerTurn);
  }

  /** Calls that wait. */
  get count(): number {
    return this.#byRow.size;
  }

  /** Lets the visited CALL wait behind the others. False: there is no room for it. */
  add(caller: RouterSession, pattern: PatternHandle): boolean {
    const { codec, calls, patterns, choice, limits } = this.#parts;
    const queue = this.#queues.get(pattern);
    if (this.#byRow.size >= limits.queuedCalls_max) return false;
    if (queue !== undefined && queue.count >= limits.queuedCallsPerRegistration_max) return false;
    if (!this.#hasRoom(queue)) return false;
    const timeout_ms = Math.min(codec.f(FSlot.timeout), limits.callTimeout_ms);
    const row = calls.openWaiting(caller, patterns.id(pattern), timeout_ms);
    const isPart = codec.u(Slot.mode) === RunMode.partition;
    this.#append(pattern, {
      row,
      frames: [codec.frame()],
      key: choice.key(),
      isPart,
      tried: null,
      returned: 0,
    });
    // It may be for another callee than those before it.
    if (queue !== undefined) this.wake(pattern);
    return true;
  }

  /** Lets the visited CALL wait behind the one that it continues. False: there is no room for it. */
  addContinuation(row: number): boolean {
    const call = this.#byRow.get(row);
    if (call === undefined || !this.#hasRoom(call.queue)) return false;
    const frame = this.#parts.codec.frame();
    call.frames.push(frame);
    call.bytes += frame.length;
    call.queue.bytes += frame.length;
    this.#bytes += frame.length;
    return true;
  }

  /** True: the bytes of the visited frame may wait too. */
  #hasRoom(queue: Queue | undefined): boolean {
    const { codec, limits } = this.#parts;
    const bytes = codec.u(Slot.length);
    const own = queue === undefined ? 0 : queue.bytes;
    return (
      this.#bytes + bytes <= limits.queuedBytes_max && own + bytes <= limits.queuedBytesPerRegistration_max
    );
  }

  /** Lets a call wait before the others: it was sent to some callees, which did not take it, and the rest is busy. */
  addAgain(call: QueuedCall, pattern: PatternHandle): void {
    this.#parts.calls.suspend(call.row);
    this.#append(pattern, call, true);
  }

  /** The call has ended, or goes to a callee. */
  remove(row: number): void {
    const call = this.#byRow.get(row);
    if (call === undefined) return;
    const { queue, previous, next } = call;
    if (previous === null) queue.first = next;
    else previous.next = next;
    if (next === null) queue.last = previous;
    else next.previous = previous;
    queue.count--;
    queue.bytes -= call.bytes;
    this.#bytes -= call.bytes;
    this.#byRow.delete(row);
    // The registration of a queue that is being ended is over, and another one may have its handle.
    if (queue.count > 0 || queue.isOver) return;
    this.#queues.delete(queue.pattern);
    this.#parts.patterns.setCallTrait(queue.pattern, CallTrait.waiting, false);
  }

  /** A callee of the registration may have become free. */
  wake(pattern: PatternHandle): void {
    const queue = this.#queues.get(pattern);
    if (queue === undefined || queue.isWoken) return;
    queue.isWoken = true;
    if (this.#woken.push(queue) === 1) this.#parts.afterTurn(this.#drain);
  }

  /** Somebody joined or left: keys may belong to others now. */
  onMembersChanged(pattern: PatternHandle): void {
    const queue = this.#queues.get(pattern);
    if (queue === undefined) return;
    for (let call = queue.first; call !== null; call = call.next) call.member = 0;
    this.wake(pattern);
  }

  /** Ends the calls that wait for a registration that is no more. */
  endAll(pattern: PatternHandle): void {
    const queue = this.detach(pattern);
    if (queue === null) return;
    this.#parts.patterns.setCallTrait(pattern, CallTrait.waiting, false);
    this.end(queue);
  }
  /** Ends those of a queue that has been detached: a few at once, many over several turns. */
  end(queue: Queue): void {
    queue.isOver = true;
    this.#endings.start(this.#ending(queue));
  }
  *#ending(queue: Queue): Steps<void> {
    for (; queue.first !== null; yield 1)
      this.#parts.calls.fail(queue.first.row, errors.canceled, "the last callee left while the call waited");
  }

  /** Takes the waiting calls out of a registration that another one is about to replace. */
  detach(pattern: PatternHandle): Queue | null {
    const queue = this.#queues.get(pattern) ?? null;
    this.#queues.delete(pattern);
    return queue;
  }

  /** Hands them to the one that replaces it, and at which no call waits. */
  attach(queue: Queue, pattern: PatternHandle): void {
    queue.pattern = pattern;
    this.#queues.set(pattern, queue);
    this.#parts.patterns.setCallTrait(pattern, CallTrait.waiting, true);
    this.onMembersChanged(pattern);
  }

  #append(pattern: PatternHandle, what: QueuedCall, isFirst = false): void {
    let queue = this.#queues.get(pattern);
    if (queue === undefined) {
      queue = new Queue(pattern);
      this.#queues.set(pattern, queue);
      this.#parts.patterns.setCallTrait(pattern, CallTrait.waiting, true);
    }
    const bytes = what.frames.reduce((sum, frame) => sum + frame.length, 0);
    let previous = isFirst ? null : queue.last;
    let next = isFirst ? queue.first : null;
    for (; what.returned !== 0 && next !== null && isBefore(next, what); next = next.next) previous = next;
    const call: WaitingCall = { ...what, bytes, member: 0, queue, previous, next };
    if (previous === null) queue.first = call;
    else previous.next = call;
    if (next === null) queue.last = call;
    else next.previous = call;
    queue.count++;
    queue.bytes += bytes;
    this.#bytes += bytes;
    this.#byRow.set(what.row, call);
  }

  // ---- turns

  #serveWoken(): void {
    const woken = this.#woken;
    this.#woken = [];
    for (const queue of woken) {
      queue.isWoken = false;
      if (!queue.isOver) this.#serve(queue);
    }
  }

  /** Sends what can be sent, a turn's share of it at most. */
  #serve(queue: Queue): void {
    const { limits, patterns, calls, send } = this.#parts;
    const isHashed = patterns.invoke(queue.pattern) === Invoke.consistentHash;
    let left = limits.framesPerTurn_max;
    for (let call = queue.first; call !== null && left > 0; ) {
      const { next, row } = call;
      const isKeyed = isHashed || call.isPart;
      const member = this.#memberFor(call, isKeyed);
      const refusal = member === 0 ? this.#refusal(call, isKeyed) : null;
      if (member !== 0) {
        left -= call.frames.length;
        this.remove(row);
        send(call, member, queue.pattern);
      } else if (refusal !== null) calls.fail(row, refusal.error, refusal.message);
      else if (!isKeyed && call.tried === null) return;
      call = next;
    }
    if (left <= 0) this.wake(queue.pattern);
  }

  #memberFor(call: WaitingCall, isKeyed: boolean): number {
    const { choice, callees } = this.#parts;
    const { pattern } = call.queue;
    if (!isKeyed) return choice.chooseFor(pattern, noKey, false, call.tried);
    call.member ||= choice.shardFor(pattern, call.key, call.tried);
    return call.member !== 0 && callees.isFree(call.member) ? call.member : 0;
  }

  /** Why no callee will ever take the call; null if one may. */
  #refusal(call: WaitingCall, isKeyed: boolean): { error: ErrorEntry; message: string } | null {
    if (isKeyed && call.key === noKey) return keyProblem;
    if (call.tried === null || this.#parts.choice.hasUntried(call.queue.pattern, call.tried)) return null;
    return triedProblem;
  }
}

/** Both have come back from another router, the first one before the other. */
const isBefore = (one: QueuedCall, other: QueuedCall): boolean =>
  one.returned !== 0 && one.returned < other.returned;
