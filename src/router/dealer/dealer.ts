/**
 * The Dealer: CALL. Hot. Each method works on the message that the codec
 * has just visited and answers by posting frames. Which callee gets a call is decided in call-dispatch.ts, how calls end in calls.ts.
 */
import type { PatternHandle, RequestId } from "../../base/ids.ts";
import type { Limits } from "../../base/limits.ts";
import type { Metrics } from "../../base/metrics.ts";
import type { RandomIds } from "../../base/random-ids.ts";
import { type ErrorEntry, errors } from "../../protocol/errors.ts";
import { Invoke, Message, RunMode } from "../../protocol/messages.ts";
import { FSlot, Slot, UriStatus } from "../../wasm/abi.ts";
import type { Codec } from "../../wasm/codec.ts";
import type { Memberships } from "../memberships.ts";
import type { MetaEvents } from "../meta-events.ts";
import type { Patterns } from "../patterns.ts";
import type { Directory } from "../peers/directory.ts";
import type { Spread } from "../peers/shared-loads.ts";
import type { RouterProcedures } from "../procedures.ts";
import type { Targets } from "../targets.ts";
import type { FrameSource, RouterSession } from "../types.ts";
import { uriProblem } from "../uri-problem.ts";
import { CallDispatch } from "./call-dispatch.ts";
import type { Calls } from "./calls.ts";
import { Invocations } from "./invocations.ts";
import { PlainCalls } from "./plain-calls.ts";
import { Registering } from "./registering.ts";
import { ShardedCalls } from "./sharded-calls.ts";

export interface DealerParts extends Spread {
  readonly codec: Codec;
  readonly targets: Targets;
  readonly patterns: Patterns;
  readonly memberships: Memberships;
  readonly frames: FrameSource;
  readonly calls: Calls;
  readonly random: RandomIds;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly events: MetaEvents;
  readonly procedures: RouterProcedures;
  /** Null: there is no other router. */
  readonly directory: Directory | null;
  /** Runs a task at the end of the turn. */
  readonly afterTurn: (task: () => void) => void;
}

export class Dealer {
  readonly #codec: Codec;
  readonly #patterns: Patterns;
  readonly #calls: Calls;
  readonly #limits: Limits;
  readonly #procedures: RouterProcedures;
  readonly #sharded: ShardedCalls;
  readonly #plain: PlainCalls;
  readonly #directory: Directory | null;
  /** REGISTER and UNREGISTER. */
  readonly registering: Registering;
  /** Where calls go, and how they are sent there. */
  readonly dispatch: CallDispatch;
  readonly invocations: Invocations;

  constructor(parts: DealerParts) {
    this.#codec = parts.codec;
    this.#patterns = parts.patterns;
    this.#calls = parts.calls;
    this.#limits = parts.limits;
    this.#procedures = parts.procedures;
    this.#directory = parts.directory;
    this.#plain = new PlainCalls(parts);
    const invocations = new Invocations(parts);
    this.invocations = invocations;
    this.dispatch = new CallDispatch({
      ...parts,
      invoke: (caller, member, pattern, row) => invocations.send(caller, member, pattern, row),
    });
    invocations.watch(this.dispatch);
    this.registering = new Registering({ ...parts, dispatch: this.dispatch });
    const { callees } = this.dispatch;
    this.#sharded = new ShardedCalls({ ...parts, callees, groups: parts.calls.groups });
  }

  call(caller: RouterSession): void {
    const codec = this.#codec;
    const request = codec.f(FSlot.request) as RequestId;
    // Only an id not above the highest one can be in flight already; clients that count never get into the walk.
    if (request > caller.lastCall) caller.lastCall = request;
    else if (
      this.#calls.pending.byRequest(caller, request) !== 0 ||
      this.#procedures.isWaiting(caller, request)
    ) {
      return this.#refuse(caller, Message.call, errors.invalidArgument, `call ${request} is still in flight`);
    }
    if (codec.u(Slot.present) === 0 && this.#plain.send(caller, request)) return;
    if (codec.u(Slot.uriStatus) === UriStatus.invalid)
      return this.#refuse(caller, Message.call, errors.invalidUri, uriProblem(codec, "procedure"));
    // These names are the router's own: no client's pattern, however wide, takes calls of them.
    if (codec.u(Slot.uriStatus) === UriStatus.reserved) return this.#procedures.answer(caller);
    if (codec.matchCount === 0)
      return this.#refuse(
        caller,
        Message.call,
        errors.noSuchProcedure,
        "no callee has registered this procedure",
      );
    if (caller.callCount >= this.#limits.callsPerSession_max) {
      const problem = `a session may have ${this.#limits.callsPerSession_max} calls in flight`;
      return this.#refuse(caller, Message.call, errors.unavailable, problem);
    }
    const pattern = codec.matchAt(0) as PatternHandle;
    const runmode = codec.u(Slot.mode);
    if (this.#directory !== null && this.#patterns.memberCount(pattern) === 0)
      return this.#callNobody(this.#directory, caller, pattern);
    if (
      runmode === RunMode.all ||
      (runmode === RunMode.none && this.#patterns.invoke(pattern) === Invoke.all)
    )
      return this.#sharded.callAll(caller, pattern, request);
    const member =
      runmode === RunMode.none ? this.dispatch.choose(pattern) : this.dispatch.chooseShard(pattern);
    if (member === 0) return this.dispatch.hold(caller, pattern);
    this.invocations.send(caller, member, pattern, 0);
  }

  /** The visited CALL names a registration whose callees are on their way here, or have gone and the other routers do not know yet. */
  #callNobody(directory: Directory, caller: RouterSession, pattern: PatternHandle): void {
    const isForAll =
      this.#codec.u(Slot.mode) === RunMode.all || this.#patterns.invoke(pattern) === Invoke.all;
    if (!isForAll && directory.isJoining(pattern)) return this.dispatch.hold(caller, pattern);
    const problem = "no callee has registered this procedure";
    this.#refuse(caller, Message.call, errors.noSuchProcedure, problem);
  }

  #refuse(session: RouterSession, type: Message, error: ErrorEntry, message: string): void {
    session.postError(type, this.#codec.f(FSlot.request) as RequestId, error, message);
  }
}
