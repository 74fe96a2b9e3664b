/**
 * A joined session: the four roles over any ClientTransport. Created by `joinOver` (join.ts). Every request is answered with
 * what the router says, or rejected with a WampError that has the error's URI, args and kwargs; when the session ends, all
 * that wait are rejected with `wamp.error.network_failure`.
 */
import type { PublicationId, RegistrationId, SessionId, SubscriptionId } from "../base/ids.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { closeReasons, errors, WampError } from "../protocol/errors.ts";
import { Message } from "../protocol/messages.ts";
import { sayHello } from "./exchange.ts";
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
import { ClientResumption, type ResumeState, resumeDetails, tokenOf } from "./resumption.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { ClientTransport, TransportClose } from "./transport.ts";
import { Turns } from "./turns.ts";

/** Messages that belong to a transport and not to the session. */
const uncounted: readonly unknown[] = [Message.welcome, Message.goodbye, Message.abort];
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
  /**
   * Called when the transport of a resumable session is lost. The session is not over then: requests wait, subscriptions and
   * registrations stay, and all goes on when `resume` gives it another transport, within the router's grace time. Without a handler a
   * session ends with its transport.
   */
  onAway: ((close: TransportClose) => void) | null = null;
  #transport: ClientTransport;
  readonly #resumption: ClientResumption | null;
  readonly #pending = new PendingRequests();
  readonly #subscriptions = new Subscriptions();
  readonly #subscribing = new Turns();
  readonly #invocations: Invocations;
  readonly #progress = new Map<number, (result: CallResult) => void>();
  #resolveClosed: (close: SessionClose) => void = () => {};
  #state: "open" | "away" | "leaving" | "closed" = "open";
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
    const token = tokenOf(welcome.details);
    this.#resumption = token === null ? null : new ClientResumption(welcome.id, token);
    this.#transport = transport;
    this.#listen(transport);
  }

  #listen(transport: ClientTransport): void {
    this.#transport = transport;
    transport.onClose = (close) => {
      if (this.#transport === transport) this.#onLost(close);
    };
    transport.onFrame = (bytes) => this.#onFrame(bytes);
  }

  /** What HELLO needs to resume this session; null where the router has not made it resumable. */
  get resumeState(): ResumeState | null {
    return this.#resumption?.state ?? null;
  }

  /**
   * Gives a session that is away another transport, with the serializer that it had. Both sides then send again what was lost. Rejects
   * with a WampError: where the router has no such session any more, or has lost something, the session has ended; otherwise
   * it is still away, and may be resumed over yet another transport.
   */
  async resume(transport: ClientTransport, timeout_ms?: number): Promise<void> {
    const resumption = this.#resumption;
    if (resumption === null || this.#state !== "away") {
      transport.close();
      throw new WampError(errors.invalidArgument.uri, "the session is not away");
    }
    const hello = [Message.hello, null, resumeDetails(resumption.state)];
    try {
      await sayHello(
        transport,
        hello,
        ({ id, details }) => this.#resumed(transport, id, details),
        timeout_ms,
      );
    } catch (cause) {
      const { uri, message } =
        cause instanceof WampError ? cause : { uri: errors.networkFailure.uri, message: "" };
      if (uri === errors.noSuchSession.uri || uri === errors.unavailable.uri) this.#end(uri, message);
      throw cause;
    }
  }

  #resumed(transport: ClientTransport, id: SessionId, details: Kwargs): void {
    if (this.#state !== "away")
      throw new WampError(errors.invalidArgument.uri, "the session is not away any more");
    const lost = this.#resumption!.onWelcome(id, details);
    this.#state = "open";
    this.#listen(transport);
    for (const bytes of lost) transport.send(bytes);
  }

  #onLost(close: TransportClose): void {
    if (this.#state !== "open" || this.#resumption === null || this.onAway === null)
      return this.#end(errors.networkFailure.uri, close.reason);
    this.#state = "away";
    this.onAway(close);
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
    } else if (this.#state === "away") this.#end(reason, "the session was given up");
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
    if (this.#state !== "open" && this.#state !== "away")
      throw new WampError(errors.networkFailure.uri, "the session has ended");
    const id = this.#lastRequest + 1;
    const bytes = encodeMessage(this.#transport.serializer, [type, id, ...tail]);
    this.#lastRequest = id;
    try {
      this.#transmit(bytes);
    } catch (cause) {
      this.#lastRequest = id - 1;
      throw cause;
    }
  }

  #send(message: readonly unknown[]): void {
    this.#transmit(encodeMessage(this.#transport.serializer, message));
  }

  /** What is sent while the session is away goes out when it is resumed. */
  #transmit(bytes: Uint8Array): void {
    if (this.#state !== "away") this.#transport.send(bytes);
    this.#resumption?.onSent(bytes);
  }

  #onFrame(bytes: Uint8Array): void {
    if (this.#state === "closed") return;
    try {
      const message = decodeMessage(this.#transport.serializer, bytes);
      if (!uncounted.includes(message[0])) this.#resumption?.onReceived();
      this.#dispatch(message);
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
