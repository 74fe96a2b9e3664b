/**
 * Calls between two threads of one router, for what is cold: start, stop, log, counts. What goes over it is copied (structured
 * clone). Control path.
 */
import type { Transferable } from "node:worker_threads";
import { errors, WampError } from "../protocol/errors.ts";

/** A Worker, a thread's parentPort, or one end of a message channel. */
export interface BusPort {
  postMessage(value: unknown, transfer?: readonly Transferable[]): void;
  on(event: "message", listener: (value: unknown) => void): unknown;
}

/** What one side may ask of the other: its request and its answer by name. */
export type BusCalls = Readonly<Record<string, { readonly request: unknown; readonly answer: unknown }>>;

type Handlers<C extends BusCalls> = {
  readonly [N in keyof C]: (request: C[N]["request"]) => C[N]["answer"] | Promise<C[N]["answer"]>;
};

export interface CallOptions {
  /** Then the call rejects, with WampError `wamp.error.timeout`. */
  readonly timeout_ms: number;
  /** Parts of the request that are handed over instead of copied. */
  readonly transfer?: readonly Transferable[];
}

/** As an error crosses: its class is lost, what it says is not. */
export interface FaultReport {
  readonly message: string;
  readonly stack: string | undefined;
  /** Of a WampError. */
  readonly uri?: string;
}

type Envelope =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly payload: unknown }
  | { readonly kind: "tell"; readonly name: string; readonly payload: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly payload: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: FaultReport };

interface Waiting {
  resolve(answer: unknown): void;
  reject(cause: unknown): void;
  readonly timer: NodeJS.Timeout;
}

/** One side of it. `Theirs` is what the other side answers, `Ours` what this one does. */
export class Bus<Theirs extends BusCalls, Ours extends BusCalls> {
  readonly #port: BusPort;
  readonly #handlers: Handlers<Ours>;
  readonly #onFault: (name: string, cause: unknown) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #closed: Error | null = null;

  /** `onFault` hears of what was told, not called, and failed: nobody waits for an answer to it. */
  constructor(port: BusPort, handlers: Handlers<Ours>, onFault: (name: string, cause: unknown) => void) {
    this.#port = port;
    this.#handlers = handlers;
    this.#onFault = onFault;
    port.on("message", (message) => this.#onEnvelope(message as Envelope));
  }

  /** Resolves to the answer. Rejects with what the handler threw, at the end of the time, or when the other side has gone. */
  call<N extends keyof Theirs & string>(
    name: N,
    request: Theirs[N]["request"],
    { timeout_ms, transfer = [] }: CallOptions,
  ): Promise<Theirs[N]["answer"]> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new WampError(errors.timeout.uri, `a thread has not answered ${name} in ${timeout_ms} ms`));
      }, timeout_ms);
      this.#waiting.set(id, { resolve, reject, timer });
      try {
        this.#post({ kind: "call", id, name, payload: request }, transfer);
      } catch (cause) {
        this.#settle(id)?.reject(cause);
      }
    });
  }

  /** Says something that needs no answer. Nothing happens when the other side has gone. Throws for what cannot be copied. */
  tell<N extends keyof Theirs & string>(
    name: N,
    request: Theirs[N]["request"],
    transfer: readonly Transferable[] = [],
  ): void {
    if (this.#closed === null) this.#post({ kind: "tell", name, payload: request }, transfer);
  }

  /** The other side has gone, or this one goes: who waits is told why, and nothing is handled any more. */
  close(cause: Error): void {
    this.#closed ??= cause;
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(cause);
  }

  #post(envelope: Envelope, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(envelope, transfer);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #onEnvelope(envelope: Envelope): void {
    if (this.#closed !== null) return;
    switch (envelope.kind) {
      case "answer":
        this.#settle(envelope.id)?.resolve(envelope.payload);
        return;
      case "fault":
        this.#settle(envelope.id)?.reject(errorOf(envelope.fault));
        return;
      case "tell":
        this.#handle(envelope.name, envelope.payload).catch((cause: unknown) =>
          this.#onFault(envelope.name, cause),
        );
        return;
      case "call":
        void this.#answer(envelope.id, envelope.name, envelope.payload);
    }
  }

  async #answer(id: number, name: string, payload: unknown): Promise<void> {
    try {
      const answer = await this.#handle(name, payload);
      if (this.#closed === null) this.#post({ kind: "answer", id, payload: answer });
    } catch (cause) {
      if (this.#closed === null) this.#post({ kind: "fault", id, fault: faultOf(cause) });
    }
  }

  async #handle(name: string, payload: unknown): Promise<unknown> {
    if (!Object.hasOwn(this.#handlers, name)) throw new Error(`this thread is not asked for ${name}`);
    return await this.#handlers[name as keyof Ours](payload);
  }
}

/** What can be told of an error to another thread. */
export function faultOf(cause: unknown): FaultReport {
  if (!(cause instanceof Error)) return { message: String(cause), stack: undefined };
  const { message, stack } = cause;
  return cause instanceof WampError ? { message, stack, uri: cause.uri } : { message, stack };
}

/** The error, with the stack that it had in the other thread. */
export function errorOf({ message, stack, uri }: FaultReport): Error {
  const error = uri === undefined ? new Error(message) : new WampError(uri, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
