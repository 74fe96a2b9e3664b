/**
 * Calls that go to every callee of a registration (sharded registration, `runmode` "all"). Each callee's part is a row of
 * PendingCalls like any call's, marked `part`, and the caller has one row marked `group`; what happens to these rows comes here from
 * calls.ts. Whatever comes first, the caller gets exactly one final reply. Control path.
 *
 *   gather       when all have answered: RESULT with one entry per callee, in order of registration (gather-answer.ts)
 *   first        the first RESULT, as it came; the other callees are interrupted, their answers dropped
 *   progressive  every RESULT as a progressive one, as it comes; when all have answered: RESULT with [results, errors]
 *
 * When no callee gave a RESULT the reply is an ERROR: for `first` the ERROR that came first, else one with the URI of the first
 * failed callee in order of registration and the entries as arguments. A callee that leaves, or cannot be sent its INVOCATION,
 * counts as one that answered with an ERROR.
 */
import type { RegistrationId, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { ClientFeature } from "../../protocol/features.ts";
import { CancelMode, Message } from "../../protocol/messages.ts";
import { Detail, Option, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Deadlines } from "../deadlines.ts";
import type { OutgoingCalls } from "../peers/outgoing-calls.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import type { Callees } from "./callees.ts";
import { type CallWatcher, calleeLeft } from "./call-watcher.ts";
import { finalReply, madeEntry, madeError, writtenEntry } from "./gather-answer.ts";
import { Group, type GroupCall } from "./gather-group.ts";
import { payloadProblem } from "./payload-problem.ts";
import { CallFlag, type PendingCalls, watchedCall } from "./pending.ts";

export interface GroupCallsParts {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly pending: PendingCalls;
  readonly frames: FrameSource;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
}

/** The visited CALL, and whom it goes to. */
export interface GroupStart extends GroupCall {
  /** In order of registration; one at least. */
  readonly callees: readonly RouterSession[];
  /** Their membership rows. */
  readonly members: readonly number[];
  /** Counts invocations of callees with `concurrency`; null: none has it. One that is busy is not waited for. */
  readonly limiter: Callees | null;
  readonly registration: RegistrationId;
  /** `Detail` bits that every INVOCATION carries. */
  readonly details: number;
  /** 0: none. */
  readonly timeout_ms: number;
}

const callerCanceled = "the caller canceled the call";

export class GroupCalls {
  readonly #codec: Codec;
  readonly #targets: Targets;
  readonly #pending: PendingCalls;
  readonly #frames: FrameSource;
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  /** By the caller's row, and by the rows of the parts. */
  readonly #groups = new Map<number, Group>();
  #started = 0;
  #heldBytes = 0;
  #watcher: Pick<CallWatcher, "onClosed"> | null = null;
  #outgoing: OutgoingCalls | null = null;

  constructor(parts: GroupCallsParts) {
    this.#codec = parts.codec;
    this.#targets = parts.targets;
    this.#pending = parts.pending;
    this.#frames = parts.frames;
    this.#limits = parts.limits;
    this.#deadlines = parts.deadlines;
  }

  /** Rows of PendingCalls that belong to group calls. */
  get rowCount(): number {
    return this.#groups.size;
  }
  /** Bytes of answers that wait for the others of their call. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  watch(watcher: Pick<CallWatcher, "onClosed">): void {
    this.#watcher = watcher;
  }

  connect(outgoing: OutgoingCalls): void {
    this.#outgoing = outgoing;
  }

  /** Sends the visited CALL to all callees. */
  begin(start: GroupStart): void {
    const { caller, callees, request, timeout_ms } = start;
    const group = new Group(start, ++this.#started);
    const row = this.#pending.open(caller, group, request, start.registration, CallFlag.group, timeout_ms);
    group.row = row;
    this.#groups.set(row, group);
    this.#deadlines.ensure(row);
    if (timeout_ms > 0) this.#deadlines.set(row, timeout_ms);
    for (const [place, callee] of callees.entries()) {
      this.#invoke(group, callee, place, start);
      // What was noted for callees that could not be invoked may be too much to hold.
      if (group.row === 0) return;
    }
    this.#finishIfDone(group);
  }

  #invoke(group: Group, callee: RouterSession, place: number, start: GroupStart): void {
    const codec = this.#codec;
    if (callee.invocationCount >= this.#limits.invocationsPerSession_max)
      return this.#noteMade(group, place, errors.unavailable, "the callee has too many calls outstanding");
    const member = start.members[place]!;
    if (start.limiter?.isFree(member) === false)
      return this.#noteMade(group, place, errors.unavailable, "the callee is busy");
    const isPassthru = (codec.u(Slot.present) & Option.ppt) !== 0;
    if (isPassthru && (callee.clientFeatures & ClientFeature.calleePassthru) === 0)
      return this.#noteMade(group, place, errors.featureNotSupported, "no payload_passthru_mode");
    const takesProgress = (callee.clientFeatures & ClientFeature.calleeProgress) !== 0;
    const progress = takesProgress && group.yields === "progressive" ? Detail.receiveProgress : 0;
    const details = start.details | progress;
    if (callee.isRemote) {
      const flags = group.yields === "progressive" ? CallFlag.progress : 0;
      if (!this.#outgoing!.invoke(group.caller, callee, 0, start.registration, details, flags))
        return this.#noteMade(group, place, errors.canceled, calleeLeft);
      return this.#open(group, callee, place, start);
    }
    const { serializer, lastInvocation } = callee;
    const length = codec.writeInvocation(serializer, lastInvocation + 1, start.registration, details);
    const problem = this.#problem(length, callee);
    if (problem !== null) return this.#noteMade(group, place, problem.error, problem.message);
    callee.lastInvocation++;
    const frame = this.#frames.take(length, false);
    this.#open(group, callee, place, start);
    callee.post(frame);
  }

  /** Notes the part whose INVOCATION is on its way. */
  #open(group: Group, callee: RouterSession, place: number, start: GroupStart): void {
    const member = start.members[place]!;
    const request = place as RequestId;
    const row = this.#pending.open(group, callee, request, start.registration, CallFlag.part, 0);
    if (start.limiter?.occupy(member, row)) this.#pending.setFlags(row, CallFlag.part | CallFlag.limited);
    this.#groups.set(row, group);
  }

  // ---- what happens to a part. `row` is its row, open until it is closed here.

  onYield(row: number, callee: RouterSession): void {
    const group = this.#groups.get(row)!;
    const isProgress = (this.#codec.u(Slot.true) & Option.progress) !== 0;
    if (group.yields === "progressive") return this.#pass(group, row, callee, isProgress);
    if (isProgress) return;
    const length = this.#codec.writeResult(group.caller.serializer, group.request, 0);
    const problem = this.#unreadable(group) ?? this.#problem(length, group.caller);
    if (problem !== null) this.#drop(group, row, callee, problem.error, problem.message);
    else if (group.yields === "first") this.#win(group, row, callee, length);
    else this.#keep(group, row, callee, length);
  }

  onError(row: number, callee: RouterSession): void {
    const codec = this.#codec;
    const group = this.#groups.get(row)!;
    const { caller, request, yields } = group;
    // The caller must not be sent what is no URI; the payload may still explain.
    if (codec.u(Slot.uriStatus) === UriStatus.invalid) codec.putUri(errors.invalidUri.uri);
    const uri = codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen));
    const length = codec.writeError(caller.serializer, Message.call, request);
    const problem = this.#unreadable(group) ?? this.#problem(length, caller);
    if (problem !== null) return this.#drop(group, row, callee, problem.error, problem.message);
    const place = this.#closePart(group, row, callee);
    const answer =
      yields === "first"
        ? codec.outFrame(length).slice()
        : writtenEntry(codec, caller.serializer, length, uri);
    if (answer === null) this.#noteTooLarge(group, place);
    else this.#noteError(group, place, uri, answer);
    this.#finishIfDone(group);
  }

  /** The router of the callee cannot send it the call. */
  onRefused(row: number, callee: RouterSession, error: ErrorEntry, message: string): void {
    this.#drop(this.#groups.get(row)!, row, callee, error, message);
  }

  /** The callee's session is gone. */
  onCalleeGone(row: number, callee: RouterSession): void {
    this.#drop(this.#groups.get(row)!, row, callee, errors.canceled, calleeLeft);
  }

  // ---- what happens to the whole call. `row` is the caller's.

  /** CANCEL; the call's caller is there. */
  onCancel(row: number): void {
    const group = this.#groups.get(row)!;
    const asked = this.#codec.u(Slot.mode);
    if (asked > CancelMode.killnowait)
      return this.#fail(group, errors.invalidArgument, "unknown cancel mode; the call was ended");
    if (asked === CancelMode.kill && this.#kill(group)) return;
    this.#end(group, asked === CancelMode.none || asked === CancelMode.killnowait);
    group.caller.postError(Message.call, group.request, errors.canceled, callerCanceled);
  }

  onTimeout(row: number): void {
    const limit_ms = this.#pending.timeout_ms(row);
    const problem = `the callees did not all answer within ${limit_ms} ms`;
    this.#fail(this.#groups.get(row)!, errors.timeout, problem);
  }

  /** The caller's session is gone: nobody waits for the answers. */
  onCallerGone(row: number): void {
    this.#end(this.#groups.get(row)!, true);
  }

  // ---- answers

  /** `progressive`: a callee's RESULT goes on as it comes. */
  #pass(group: Group, row: number, callee: RouterSession, isProgress: boolean): void {
    const { caller } = group;
    const length = this.#codec.writeResult(caller.serializer, group.request, Detail.progress);
    const problem = this.#unreadable(group) ?? this.#problem(length, caller);
    if (problem !== null) {
      if (isProgress && !this.#wasTold(group)) this.#interrupt(row, callee, CancelMode.killnowait);
      return this.#drop(group, row, callee, problem.error, problem.message);
    }
    const frame = this.#frames.take(length, false);
    const timeout_ms = this.#pending.timeout_ms(group.row);
    if (timeout_ms > 0) this.#deadlines.set(group.row, timeout_ms);
    caller.post(frame);
    if (isProgress) return;
    this.#closePart(group, row, callee);
    group.results++;
    this.#finishIfDone(group);
  }

  /** `first`: a RESULT is there, and is the caller's. */
  #win(group: Group, row: number, callee: RouterSession, length: number): void {
    const frame = this.#frames.take(length, false);
    this.#closePart(group, row, callee);
    this.#end(group, true);
    group.caller.post(frame);
  }

  /** `gather`: a RESULT waits for the others. */
  #keep(group: Group, row: number, callee: RouterSession, length: number): void {
    const place = this.#closePart(group, row, callee);
    const entry = writtenEntry(this.#codec, group.caller.serializer, length, null);
    if (entry === null) this.#noteTooLarge(group, place);
    else {
      group.results++;
      this.#hold(group, place, entry);
    }
    this.#finishIfDone(group);
  }

  /** The part ends with an ERROR of the router's own. */
  #drop(group: Group, row: number, callee: RouterSession, error: ErrorEntry, message: string): void {
    const place = this.#closePart(group, row, callee);
    this.#noteMade(group, place, error, message);
    this.#finishIfDone(group);
  }

  #noteTooLarge(group: Group, place: number): void {
    const { error, message } = payloadProblem(null);
    this.#noteMade(group, place, error, message);
  }

  #noteMade(group: Group, place: number, { uri }: ErrorEntry, message: string): void {
    const { serializer } = group.caller;
    const isWhole = group.yields === "first";
    const answer = isWhole ? madeError(group, uri, message) : madeEntry(serializer, uri, message);
    this.#noteError(group, place, uri, answer);
  }

  #noteError(group: Group, place: number, uri: string, answer: Uint8Array): void {
    group.errors++;
    const isFirst = group.errorPlace < 0 || (group.yields !== "first" && place < group.errorPlace);
    if (isFirst) {
      group.errorPlace = place;
      group.errorUri = uri;
    }
    if (isFirst || group.yields !== "first") this.#hold(group, place, answer);
  }

  /** Keeps an answer, or ends the call if it is one too many. */
  #hold(group: Group, place: number, answer: Uint8Array): void {
    const { gatherBytes_max, gatherBytesTotal_max } = this.#limits;
    if (group.heldBytes + answer.length > gatherBytes_max)
      return this.#fail(
        group,
        errors.payloadSizeExceeded,
        "the callees' answers are too large for one message",
      );
    if (this.#heldBytes + answer.length > gatherBytesTotal_max)
      return this.#fail(group, errors.unavailable, "the router holds too many answers of other calls");
    group.answers[place] = answer;
    group.heldBytes += answer.length;
    this.#heldBytes += answer.length;
  }

  // ---- endings

  #finishIfDone(group: Group): void {
    if (group.row === 0 || group.callCount > 0) return;
    const { caller, request } = group;
    const reply = finalReply(group);
    this.#end(group, false);
    if (reply.length <= caller.peerFrameBytes_max) return caller.post(this.#frames.adopt(reply, false));
    const { error, message } = payloadProblem(null);
    caller.postError(Message.call, request, error, message);
  }

  /** CANCEL kill: waits for those who can be interrupted. False when nobody can. */
  #kill(group: Group): boolean {
    if (this.#wasTold(group)) return true;
    const pending = this.#pending;
    const rows: number[] = [];
    for (let row = group.firstCall; row !== 0; row = pending.nextOfCaller(row)) rows.push(row);
    const parts = rows.map((row) => ({ row, callee: this.#targets.get(pending.callee(row)) }));
    if (!parts.some(({ callee }) => canInterrupt(callee))) return false;
    pending.setFlags(group.row, pending.flags(group.row) | CallFlag.killing);
    for (const { row, callee } of parts) {
      if (canInterrupt(callee)) this.#interrupt(row, callee, CancelMode.kill);
      else this.#drop(group, row, callee, errors.canceled, callerCanceled);
      if (group.row === 0) break;
    }
    return true;
  }

  /** Ends the call with ERROR from the router. */
  #fail(group: Group, error: ErrorEntry, message: string): void {
    this.#end(group, true);
    group.caller.postError(Message.call, group.request, error, message);
  }

  /** Closes what is open, and tells the callees that are still at it, if asked to and not done before. */
  #end(group: Group, interrupt: boolean): void {
    const tell = interrupt && !this.#wasTold(group);
    while (group.firstCall !== 0) {
      const row = group.firstCall;
      const callee = this.#targets.get(this.#pending.callee(row));
      if (tell) this.#interrupt(row, callee, CancelMode.killnowait);
      this.#closePart(group, row, callee);
    }
    const { row } = group;
    group.row = 0;
    this.#heldBytes -= group.heldBytes;
    if (this.#pending.timeout_ms(row) > 0) this.#deadlines.clear(row);
    this.#pending.close(row, group.caller, group);
    this.#groups.delete(row);
  }

  /** Returns the callee's place in order of registration. */
  #closePart(group: Group, row: number, callee: RouterSession): number {
    const place = this.#pending.request(row);
    const flags = this.#pending.flags(row);
    if (callee.isRemote) this.#outgoing!.closing(row, callee);
    if ((flags & watchedCall) !== 0) this.#watcher?.onClosed(row, flags);
    this.#pending.close(row, group, callee);
    if (callee.isRemote) this.#outgoing!.onClosed(callee);
    this.#groups.delete(row);
    return place;
  }

  /** All who can be interrupted were, by CANCEL kill. */
  #wasTold(group: Group): boolean {
    return (this.#pending.flags(group.row) & CallFlag.killing) !== 0;
  }

  #interrupt(row: number, callee: RouterSession, mode: CancelMode): void {
    if (!canInterrupt(callee)) return;
    if (callee.isRemote) return this.#outgoing!.interrupt(row, callee, mode);
    const length = this.#codec.writeInterrupt(callee.serializer, this.#pending.invocation(row), mode);
    callee.post(this.#frames.take(length, false));
  }

  /** Why the frame of `length` bytes just written cannot go to this session; null if it can. */
  /** An answer in payload passthru mode, which not every caller knows. */
  #unreadable({ caller }: Group): { error: ErrorEntry; message: string } | null {
    if ((this.#codec.u(Slot.present) & Option.ppt) === 0) return null;
    if ((caller.clientFeatures & ClientFeature.callerPassthru) !== 0) return null;
    const message = "the answer is in payload passthru mode, which the caller has not announced";
    return { error: errors.featureNotSupported, message };
  }

  #problem(length: number, to: RouterSession): ReturnType<typeof payloadProblem> | null {
    if (length !== 0 && length <= to.peerFrameBytes_max) return null;
    return payloadProblem(length === 0 ? this.#codec.writeStatus : null);
  }
}

const canInterrupt = (callee: RouterSession): boolean =>
  (callee.clientFeatures & ClientFeature.calleeCanceling) !== 0;
