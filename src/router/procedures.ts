/**
 * Procedures that the router itself answers: everything under `wamp`, `spanwire` and `bondy`. Control path. The dealer hands a
 * CALL of a reserved name over; a handler works at once and returns the result, or throws WampError.
 */
import type { RequestId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { FSlot, Slot } from "../wasm/abi.ts";
import type { Codec } from "../wasm/codec.ts";
import type { Realm } from "./realm.ts";
import type { RouterSession } from "./types.ts";

/** A CALL of one of the router's procedures, decoded. */
export interface ProcedureCall {
  readonly uri: string;
  readonly caller: RouterSession;
  readonly realm: Realm;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** Positional results; none for nothing. */
export type ProcedureHandler = (call: ProcedureCall) => readonly unknown[];

/** What reflection tells of a procedure. Arguments are written `name: type`; `?` behind a name: it may be left away. */
export interface ProcedureText {
  readonly summary: string;
  readonly args?: readonly string[];
  readonly kwargs?: readonly string[];
  readonly result?: readonly string[];
}

export class RouterProcedures {
  readonly #codec: Codec;
  readonly #log: Log;
  readonly #handlers = new Map<string, ProcedureHandler>();
  readonly #texts = new Map<string, ProcedureText>();

  constructor(codec: Codec, log: Log) {
    this.#codec = codec;
    this.#log = log;
  }

  /** Adds handlers by URI, and what reflection tells of them. */
  add<Uri extends string>(
    handlers: Readonly<Record<Uri, ProcedureHandler>>,
    texts: Readonly<Record<Uri, ProcedureText>>,
  ): void {
    for (const [uri, handler] of Object.entries<ProcedureHandler>(handlers)) this.#handlers.set(uri, handler);
    for (const [uri, text] of Object.entries<ProcedureText>(texts)) this.#texts.set(uri, text);
  }

  get uris(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  text(uri: string): ProcedureText | undefined {
    return this.#texts.get(uri);
  }

  /** Answers the visited CALL of a reserved name. */
  answer(caller: RouterSession): void {
    const codec = this.#codec;
    const request = codec.f(FSlot.request) as RequestId;
    const uri = codec.text(codec.u(Slot.uri), codec.u(Slot.uriLen));
    const handler = this.#handlers.get(uri);
    if (handler === undefined)
      return caller.postError(
        Message.call,
        request,
        errors.noSuchProcedure,
        "the router has no such procedure",
      );
    try {
      const call = { uri, caller, realm: caller.realm!, args: codec.args(), kwargs: codec.kwargs() };
      const results = handler(call);
      const message = [Message.result, request, {}, ...(results.length === 0 ? [] : [results])];
      if (!caller.postMessage(message))
        caller.postError(
          Message.call,
          request,
          errors.payloadSizeExceeded,
          "the result is larger than the caller takes",
        );
    } catch (cause) {
      this.#refuse(caller, request, uri, cause);
    }
  }

  #refuse(caller: RouterSession, request: RequestId, uri: string, cause: unknown): void {
    if (cause instanceof WampError)
      return caller.postError(Message.call, request, { uri: cause.uri, retry: false }, cause.message);
    this.#log.error("router", "a procedure of the router failed", { uri, cause });
    caller.postError(Message.call, request, errors.unavailable, "the router could not answer; see its log");
  }
}
