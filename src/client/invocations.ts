/** The callee's side of a session: runs procedures for INVOCATIONs and answers them. */
import type { RegistrationId } from "../base/ids.ts";
import { errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { dictAt, idAt, payloadAt, textOf } from "./message.ts";
import { type Args, type Kwargs, type Procedure, payload, Result } from "./options.ts";

const runtimeError = "wamp.error.runtime_error";

interface Registered {
  readonly uri: string;
  readonly procedure: Procedure;
}

export class Invocations {
  readonly #registered = new Map<number, Registered>();
  readonly #running = new Map<number, AbortController>();
  readonly #send: (message: readonly unknown[]) => void;

  /** `send` does nothing when the session has ended; it throws WampError for what cannot be encoded or is too large. */
  constructor(send: (message: readonly unknown[]) => void) {
    this.#send = send;
  }

  register(registration: number, uri: string, procedure: Procedure): void {
    this.#registered.set(registration, { uri, procedure });
  }

  unregister(registration: number): void {
    this.#registered.delete(registration);
  }

  /** An INVOCATION: [68, request, registration, details, args?, kwargs?]. */
  invoke(message: readonly unknown[]): void {
    const request = idAt(message, 1);
    const registration = idAt(message, 2) as RegistrationId;
    const details = dictAt(message, 3);
    const { args, kwargs } = payloadAt(message, 4);
    const registered = this.#registered.get(registration);
    if (registered === undefined) {
      // The router sent it before it read our UNREGISTER.
      return this.#fail(request, new WampError(errors.noSuchRegistration.uri, "the procedure is gone"));
    }
    const controller = new AbortController();
    this.#running.set(request, controller);
    const invocation = {
      args,
      kwargs,
      details,
      registration,
      procedure: typeof details.procedure === "string" ? details.procedure : registered.uri,
      progress: (more?: Args, moreKwargs?: Kwargs): boolean =>
        details.receive_progress === true && this.#progress(request, payload(more, moreKwargs)),
      signal: controller.signal,
    };
    // A procedure that throws before its first await is answered like one that rejects.
    new Promise((resolve) => resolve(registered.procedure(invocation))).then(
      (value) => this.#yield(request, value),
      (cause: unknown) => {
        // Whatever a canceled procedure gives up with, the reason is the cancellation.
        const canceled = controller.signal.aborted && !(cause instanceof WampError);
        this.#fail(request, canceled ? controller.signal.reason : cause);
      },
    );
  }

  /** An INTERRUPT: [69, request, options]. One for an invocation just answered is normal. */
  interrupt(message: readonly unknown[]): void {
    const controller = this.#running.get(idAt(message, 1));
    controller?.abort(new WampError(errors.canceled.uri, "the call was canceled"));
  }

  /** The session has ended: what still runs need not finish. */
  abortAll(error: WampError): void {
    for (const controller of this.#running.values()) controller.abort(error);
  }

  #progress(request: number, tail: readonly unknown[]): boolean {
    if (!this.#running.has(request)) return false;
    this.#send([Message.yield, request, { progress: true }, ...tail]);
    return true;
  }

  #yield(request: number, value: unknown): void {
    const result = value instanceof Result ? value : new Result(value === undefined ? [] : [value]);
    try {
      this.#send([Message.yield, request, {}, ...payload(result.args, result.kwargs)]);
      this.#running.delete(request);
    } catch (cause) {
      this.#fail(request, cause);
    }
  }

  #fail(request: number, cause: unknown): void {
    this.#running.delete(request);
    const { uri, args, kwargs } = errorFrom(cause);
    const head = [Message.error, Message.invocation, request, {}];
    try {
      this.#send([...head, uri, ...payload(args, kwargs)]);
    } catch (problem) {
      // The error's own arguments cannot be encoded: the caller must get an answer all the same.
      this.#send([...head, uri, [textOf({}, [problem instanceof Error ? problem.message : problem]) ?? uri]]);
    }
  }
}

/** What the caller is told of something thrown. */
function errorFrom(cause: unknown): { uri: string; args: Args; kwargs: Kwargs } {
  if (cause instanceof WampError) {
    const args = cause.args.length === 0 && cause.message !== "" ? [cause.message] : cause.args;
    return { uri: cause.uri, args, kwargs: cause.kwargs };
  }
  return { uri: runtimeError, args: [cause instanceof Error ? cause.message : String(cause)], kwargs: {} };
}
