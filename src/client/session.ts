/**
 * A joined session: the four roles over any ClientTransport. Created by `joinOver` (join.ts). Every request is answered with
 * what the router says, or rejected with a WampError that has the error's URI, args and kwargs; when the session ends, all
 * that wait are rejected with `wamp.error.network_failure`.
 */
import type { PublicationId, RegistrationId, SessionId, SubscriptionId } from "../base/ids.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { closeReasons, errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { Invocations } from "./invocations.ts";
import { dictAt, idAt, payloadAt, textAt, textOf } from "./message.ts";
import {
  type Args,
  type CallOptions,
  type CallResult,
  callOptions,
  type EventHandler,
  type Kwargs,
  type Procedure,
  type PublishOptions,
  payload,
  publishOptions,
  type RegisterOptions,
  type Registration,
  registerOptions,
  type SessionClose,
  type SubscribeOptions,
  type Subscription,
  subscribeOptions,
} from "./options.ts";
import { PendingRequests } from "./pending.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { ClientTransport } from "./transport.ts";
import { Turns } from "./turns.ts";

/** How long the router may take to answer GOODBYE. */
const goodbye_ms = 2_000;

export interface Welcome {
  readonly id: SessionId;
  readonly realm: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export class ClientSession {
  readonly id: SessionId;
  readonly realm: string;
  /** WELCOME.Details. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Resolves when the session has ended, however it did; never rejects. */
  readonly closed: Promise<SessionClose>;
  readonly #transport: ClientTransport;
  readonly #pending = new PendingRequests();
  readonly #subscriptions = new Subscriptions();
  readonly #subscribing = new Turns();
  readonly #invocations: Invocations;
  readonly #progress = new Map<number, (result: CallResult) => void>();
  #resolveClosed: (close: SessionClose) => void = () => {};
  #state: "open" | "leaving" | "closed" = "open";
  #lastRequest = 0;

  constructor(transport: ClientTransport, welcome: Welcome) {
    this.id = welcome.id;
    this.realm = welcome.realm;
    this.details = welcome.details;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#invocations = new Invocations((message) => {
      if (this.#state !== "closed") this.#send(message);
    });
    this.#transport = transport;
    transport.onClose = ({ reason }) => this.#end(errors.networkFailure.uri, reason);
    transport.onFrame = (bytes) => this.#onFrame(bytes);
  }

  /** Calls a procedure. A canceled call (`options.signal`) ends with the router's answer. */
  call(procedure: string, args?: Args, kwargs?: Kwargs, options: CallOptions = {}): Promise<CallResult> {
    const { signal, onProgress } = options;
    if (signal?.aborted) return Promise.reject(new WampError(errors.canceled.uri, "the call was canceled"));
    const tail = [callOptions(options), procedure, ...payload(args, kwargs)];
    const { id, answer } = this.#request(Message.call, tail, (reply) => payloadAt(reply, 3));
    if (onProgress !== undefined) this.#progress.set(id, onProgress);
    const cancel = (): void => {
      if (this.#pending.isOpen(id))
        this.#send([Message.cancel, id, { mode: options.cancelMode ?? "killnowait" }]);
    };
    signal?.addEventListener("abort", cancel);
    return answer.finally(() => {
      signal?.removeEventListener("abort", cancel);
      this.#progress.delete(id);
    });
  }

  async register(uri: string, procedure: Procedure, options: RegisterOptions = {}): Promise<Registration> {
    const { answer } = this.#request(Message.register, [registerOptions(options), uri], (reply) => {
      const registration = idAt(reply, 2) as RegistrationId;
      this.#invocations.register(registration, uri, procedure);
      return registration;
    });
    const id = await answer;
    let unregistered: Promise<void> | null = null;
    const unregister = async (): Promise<void> => {
      try {
        await this.#request(Message.unregister, [id], () => {}).answer;
      } finally {
        this.#invocations.unregister(id);
      }
    };
    return {
      id,
      procedure: uri,
      unregister: () => {
        unregistered ??= unregister();
        return unregistered;
      },
    };
  }

  /** Several subscribers of one topic and match policy share one subscription id; the last one ends it. */
  async subscribe(
    topic: string,
    handler: EventHandler,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    const key = `${options.match ?? "exact"} ${topic}`;
    const { id, subscriber } = await this.#subscribing.run(key, () => {
      const tail = [subscribeOptions(options), topic];
      return this.#request(Message.subscribe, tail, (reply) => {
        const subscription = idAt(reply, 2) as SubscriptionId;
        return { id: subscription, subscriber: this.#subscriptions.add(subscription, topic, handler) };
      }).answer;
    });
    const unsubscribe = async (): Promise<void> => {
      if (!this.#subscriptions.remove(id, subscriber)) return;
      await this.#request(Message.unsubscribe, [id], () => {}).answer;
    };
    return { id, topic, unsubscribe: () => this.#subscribing.run(key, unsubscribe) };
  }

  /** Resolves with the publication's id if acknowledged, otherwise with undefined as soon as the event is sent. */
  publish(
    topic: string,
    args: Args | undefined,
    kwargs: Kwargs | undefined,
    options: PublishOptions & { readonly acknowledge: true },
  ): Promise<PublicationId>;
  publish(
    topic: string,
    args?: Args,
    kwargs?: Kwargs,
    options?: PublishOptions,
  ): Promise<PublicationId | undefined>;
  async publish(
    topic: string,
    args?: Args,
    kwargs?: Kwargs,
    options: PublishOptions = {},
  ): Promise<PublicationId | undefined> {
    const tail = [publishOptions(options), topic, ...payload(args, kwargs)];
    if (options.acknowledge === true) {
      return this.#request(Message.publish, tail, (reply) => idAt(reply, 2) as PublicationId).answer;
    }
    this.#sendRequest(Message.publish, tail);
    return undefined;
  }

  /** Ends the session with GOODBYE and closes the transport. Resolves when that is done; more than once does no harm. */
  async leave(reason: string = closeReasons.closeRealm): Promise<void> {
    if (this.#state === "open") {
      this.#send([Message.goodbye, {}, reason]);
      this.#state = "leaving";
      const timer = setTimeout(() => this.#end(reason, "the router did not answer GOODBYE"), goodbye_ms);
      void this.closed.then(() => clearTimeout(timer));
    }
    await this.closed;
  }

  #request<T>(
    type: number,
    tail: readonly unknown[],
    read: (reply: readonly unknown[]) => T,
  ): { id: number; answer: Promise<T> } {
    const id = this.#lastRequest + 1;
    return { id, answer: this.#pending.open({ id, type }, () => this.#sendRequest(type, tail), read) };
  }

  /** A request that cannot be sent takes no id: strict routers want them without gaps. */
  #sendRequest(type: number, tail: readonly unknown[]): void {
    if (this.#state !== "open") throw new WampError(errors.networkFailure.uri, "the session has ended");
    const id = this.#lastRequest + 1;
    const bytes = encodeMessage(this.#transport.serializer, [type, id, ...tail]);
    this.#lastRequest = id;
    try {
      this.#transport.send(bytes);
    } catch (cause) {
      this.#lastRequest = id - 1;
      throw cause;
    }
  }

  #send(message: readonly unknown[]): void {
    this.#transport.send(encodeMessage(this.#transport.serializer, message));
  }

  #onFrame(bytes: Uint8Array): void {
    if (this.#state === "closed") return;
    try {
      this.#dispatch(decodeMessage(this.#transport.serializer, bytes));
    } catch (cause) {
      const { uri, message } =
        cause instanceof WampError ? cause : { uri: errors.protocolViolation.uri, message: "" };
      this.#send([Message.abort, { message }, uri]);
      this.#end(uri, message);
    }
  }

  #dispatch(message: readonly unknown[]): void {
    switch (message[0]) {
      case Message.result:
        return this.#onResult(message);
      case Message.event:
        return this.#subscriptions.event(message);
      case Message.invocation:
        return this.#invocations.invoke(message);
      case Message.interrupt:
        return this.#invocations.interrupt(message);
      case Message.error:
        return this.#pending.error(message);
      case Message.published:
        return this.#pending.reply(Message.publish, message);
      case Message.subscribed:
        return this.#pending.reply(Message.subscribe, message);
      case Message.registered:
        return this.#pending.reply(Message.register, message);
      case Message.unsubscribed:
        // Request 0: not an answer but the router's own decision.
        if (message[1] === 0) return this.#subscriptions.revoke(Number(dictAt(message, 2).subscription));
        return this.#pending.reply(Message.unsubscribe, message);
      case Message.unregistered:
        if (message[1] === 0) return this.#invocations.unregister(Number(dictAt(message, 2).registration));
        return this.#pending.reply(Message.unregister, message);
      case Message.goodbye:
        return this.#onGoodbye(message);
      case Message.abort:
        return this.#end(textAt(message, 2), textOf(dictAt(message, 1)));
      default:
        throw new WampError(errors.protocolViolation.uri, `message ${String(message[0])} in a session`);
    }
  }

  #onResult(message: readonly unknown[]): void {
    if (dictAt(message, 2).progress !== true) return this.#pending.reply(Message.call, message);
    try {
      this.#progress.get(idAt(message, 1))?.(payloadAt(message, 3));
    } catch (cause) {
      // The listener's fault, not the router's: the runtime reports it, the session goes on.
      if (cause instanceof WampError && cause.uri === errors.protocolViolation.uri) throw cause;
      void Promise.reject(cause);
    }
  }

  #onGoodbye(message: readonly unknown[]): void {
    const reason = textAt(message, 2);
    if (this.#state === "open") this.#send([Message.goodbye, {}, closeReasons.goodbyeAndOut]);
    this.#end(reason, textOf(dictAt(message, 1)));
  }

  /** The one way out: every promise settles, then the transport goes. */
  #end(reason: string, message: string | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    const error = new WampError(
      errors.networkFailure.uri,
      `the session has ended: ${reason} ${message ?? ""}`.trimEnd(),
    );
    this.#pending.rejectAll(error);
    this.#invocations.abortAll(error);
    this.#resolveClosed(message === undefined || message === "" ? { reason } : { reason, message });
    this.#transport.close();
  }
}
