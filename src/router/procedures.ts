/**
 * Procedures that the router itself answers: everything under `wamp`, `spanwire` and `bondy`. Control path. The dealer hands a
 * CALL of a reserved name over. A handler works at once and returns the result, or throws WampError; one that has to wait (for the
 * store, for a password's hash) returns a promise of it, and the answer goes out when that settles.
 *
 * A call that waits so is not the dealer's: CANCEL of it is ignored, as if the answer had crossed it on the way, and its timeout is
 * not kept, because what was begun is not taken back. The answer comes in any case, unless the caller has left by then.
 */
import type { RequestId, SessionId } from "../base/ids.ts";
import { fixedLimits, type Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { encodeInSteps, pieceWeight_max, weightOf } from "../protocol/long-message.ts";
import { Message } from "../protocol/messages.ts";
import { FSlot, Slot } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import type { Realm } from "./realm.ts";
import type { TurnShare } from "./turn-share.ts";
import type { FrameSource, RouterSession } from "./types.ts";

/** A CALL of one of the router's procedures, decoded. */
export interface ProcedureCall {
  readonly uri: string;
  readonly caller: RouterSession;
  readonly realm: Realm;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** Positional results; none for nothing. */
export type ProcedureHandler = (call: ProcedureCall) => readonly unknown[] | Promise<readonly unknown[]>;

/** What reflection tells of a procedure. Arguments are written `name: type`; `?` behind a name: it may be left away. */
export interface ProcedureText {
  readonly summary: string;
  readonly args?: readonly string[];
  readonly kwargs?: readonly string[];
  readonly result?: readonly string[];
}

/** Whom an answer is for: the caller as it was when it called. Its place may be another session's when the answer is there. */
interface Asked {
  readonly caller: RouterSession;
  readonly session: SessionId;
  readonly request: RequestId;
  readonly uri: string;
}

export interface RouterProceduresParts {
  readonly codec: Codec;
  readonly log: Log;
  readonly limits: Limits;
  readonly frames: FrameSource;
  readonly turnShare: TurnShare;
}

/** Results as they are, or the whole RESULT. */
type Answer = readonly unknown[] | Uint8Array;

/** What a call takes of its session's share of a turn, in frames: for itself, for so many of its bytes, and for so much of its result. */
const callFrames = 16;
const bytesPerFrame = 32;
const weightPerFrame = 4;
/** And for a refusal, which is an exception. */
const refusalFrames = 32;
/** Bytes of a call beside what the procedures keep of it. */
const envelopeBytes = 4 << 10;

export class RouterProcedures {
  readonly #codec: Codec;
  readonly #log: Log;
  readonly #limits: Limits;
  readonly #frames: FrameSource;
  readonly #turnShare: TurnShare;
  readonly #callBytes_max: number;
  readonly #handlers = new Map<string, ProcedureHandler>();
  readonly #texts = new Map<string, ProcedureText>();
  /** Requests whose answer is not there yet, by session. */
  readonly #waiting = new Map<SessionId, Set<RequestId>>();

  constructor(parts: RouterProceduresParts) {
    this.#codec = parts.codec;
    this.#log = parts.log;
    this.#limits = parts.limits;
    this.#frames = parts.frames;
    this.#turnShare = parts.turnShare;
    const { testamentBytes_max, definitionBytes_max } = parts.limits;
    this.#callBytes_max =
      envelopeBytes + Math.max(fixedLimits.procedureCallBytes_max, testamentBytes_max, definitionBytes_max);
  }

  /** Adds handlers by URI, and what reflection tells of them. */
  add<Uri extends string>(
    handlers: Readonly<Record<Uri, ProcedureHandler>>,
    texts: Readonly<Record<Uri, ProcedureText>>,
  ): void {
    for (const [uri, handler] of Object.entries<ProcedureHandler>(handlers)) this.#handlers.set(uri, handler);
    for (const [uri, text] of Object.entries<ProcedureText>(texts)) this.#texts.set(uri, text);
  }

  /** Puts what `make` makes of a handler in its place. */
  wrap(uri: string, make: (own: ProcedureHandler) => ProcedureHandler): void {
    this.#handlers.set(uri, make(this.#handlers.get(uri)!));
  }

  /** Has `check` asked before procedures that are there; it throws what the caller is told instead. */
  precede(uris: readonly string[], check: (call: ProcedureCall) => void): void {
    for (const uri of uris)
      this.wrap(uri, (own) => (call) => {
        check(call);
        return own(call);
      });
  }

  get uris(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  text(uri: string): ProcedureText | undefined {
    return this.#texts.get(uri);
  }

  /** Calls of all sessions whose answer is not there yet, also of sessions that have left since. */
  get waitingCount(): number {
    let count = 0;
    for (const requests of this.#waiting.values()) count += requests.size;
    return count;
  }

  /** Whether this request of the session's waits for its answer. */
  isWaiting(caller: RouterSession, request: RequestId): boolean {
    return this.#waiting.get(caller.id)?.has(request) === true;
  }

  /**
   * Answers the visited CALL of a reserved name, now or later. A session that sends many of them has fewer frames handled in a turn:
   * each costs as much as routing some dozens.
   */
  answer(caller: RouterSession): void {
    const codec = this.#codec;
    const request = codec.f(FSlot.request) as RequestId;
    const bytes = codec.u(Slot.length);
    caller.framesLeft -= callFrames + Math.floor(bytes / bytesPerFrame);
    const uri = codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen));
    const handler = this.#handlers.get(uri);
    if (handler === undefined)
      return caller.postError(
        Message.call,
        request,
        errors.noSuchProcedure,
        "the router has no such procedure",
      );
    const { waitingCallsPerSession_max } = this.#limits;
    if ((this.#waiting.get(caller.id)?.size ?? 0) >= waitingCallsPerSession_max) {
      const problem = `${waitingCallsPerSession_max} calls of this session wait for the router's answer`;
      return caller.postError(Message.call, request, errors.unavailable, problem);
    }
    // Arguments are decoded in one go.
    if (bytes > this.#callBytes_max) {
      const problem = `a call of the router's procedures may have ${this.#callBytes_max} bytes`;
      return caller.postError(Message.call, request, errors.payloadSizeExceeded, problem);
    }
    const asked: Asked = { caller, session: caller.id, request, uri };
    try {
      const call = { uri, caller, realm: caller.realm!, args: codec.args(), kwargs: codec.kwargs() };
      const results = handler(call);
      const answer = results instanceof Promise ? this.#later(asked, results) : this.#made(asked, results);
      if (answer instanceof Promise) this.#await(asked, answer);
      else this.#give(asked, answer);
    } catch (cause) {
      this.#refuse(asked, cause);
    }
  }

  async #later(asked: Asked, results: Promise<readonly unknown[]>): Promise<Answer> {
    return this.#made(asked, await results);
  }

  /** Long results are encoded a share per turn. */
  #made({ caller, request }: Asked, results: readonly unknown[]): Answer | Promise<Answer> {
    const weight = weightOf(results);
    if (weight <= pieceWeight_max) {
      caller.framesLeft -= Math.floor(weight / weightPerFrame);
      return results;
    }
    return this.#turnShare.goOn(
      caller.id,
      encodeInSteps(caller.serializer, [Message.result, request, {}, results], this.#bytesFor(caller)),
    );
  }

  #await(asked: Asked, results: Promise<Answer>): void {
    const { session, request } = asked;
    const requests = this.#waiting.get(session) ?? new Set<RequestId>();
    this.#waiting.set(session, requests.add(request));
    // True while the session that asked is there: nobody else hears what was meant for it.
    const settled = (): boolean => {
      requests.delete(request);
      if (requests.size === 0) this.#waiting.delete(session);
      return asked.caller.id === session && asked.caller.realm !== null;
    };
    results
      .then(
        (given) => void (settled() && this.#give(asked, given)),
        (cause: unknown) => void (settled() && this.#refuse(asked, cause)),
      )
      .catch((cause: unknown) => this.#refuse(asked, cause));
  }

  #give({ caller, request }: Asked, answer: Answer): void {
    const isGiven =
      answer instanceof Uint8Array
        ? this.#post(caller, answer)
        : caller.postMessage([Message.result, request, {}, ...(answer.length === 0 ? [] : [answer])]);
    if (!isGiven)
      caller.postError(
        Message.call,
        request,
        errors.payloadSizeExceeded,
        "the result is larger than the caller takes",
      );
  }

  /** Size of the largest answer that it takes. */
  #bytesFor({ peerFrameBytes_max }: RouterSession): number {
    return Math.min(peerFrameBytes_max, this.#limits.outboxBytes_max);
  }

  #post(caller: RouterSession, bytes: Uint8Array): boolean {
    if (bytes.length === 0 || bytes.length > this.#bytesFor(caller)) return false;
    caller.post(this.#frames.adopt(bytes, false));
    return true;
  }

  #refuse({ caller, request, uri }: Asked, cause: unknown): void {
    caller.framesLeft -= refusalFrames;
    if (cause instanceof WampError) {
      const { args, kwargs } = cause;
      const payload = [args.length > 0 ? args : [cause.message], kwargs];
      const isPlain = args.length === 0 && Object.keys(kwargs).length === 0;
      if (!isPlain && caller.postMessage([Message.error, Message.call, request, {}, cause.uri, ...payload]))
        return;
      return caller.postError(Message.call, request, { uri: cause.uri, retry: false }, cause.message);
    }
    this.#log.error("router", "a procedure of the router failed", { uri, cause });
    caller.postError(Message.call, request, errors.unavailable, "the router could not answer; see its log");
  }
}
