/**
 * One client of a router as a test sees it: raw messages, its own request counter, and assertions about what comes and what does
 * not. Absence is shown by a round trip: frames to a session keep their order, so whatever the router had for it came before.
 */
import assert from "node:assert/strict";
import { clientRoles } from "../../src/client/join.ts";
import { textOf } from "../../src/client/message.ts";
import type { ClientTransport, TransportClose } from "../../src/client/transport.ts";
import { WireSession } from "../../src/client/wire-session.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import type { Serializer } from "../../src/protocol/serializers.ts";

export type Dict = Readonly<Record<string, unknown>>;

export interface JoinDetails {
  readonly realm?: string;
  readonly roles?: Dict;
  readonly details?: Dict;
}

/** Messages that belong to a transport and not to the session that may outlive it. */
const uncounted: readonly unknown[] = [Message.welcome, Message.goodbye, Message.abort];

/** Details of a HELLO that resumes, beside session and token. */
export interface ResumeDetails extends Dict {
  readonly realm?: string | null;
  readonly resume_received?: number;
}

/** How long a message may take on a busy machine; it is waited for, so a fast one costs nothing. */
const patience_ms = 10_000;
/** An id that no router has given: none of them is found under it. */
export const unknownId = 2 ** 53;

export class Wire {
  readonly serializer: Serializer;
  readonly #session: WireSession;
  readonly #transport: ClientTransport;
  #request = 0;
  /** Session id and details of WELCOME, once joined. */
  id = 0;
  welcome: Dict = {};
  /** Messages of the session that were taken with `next` or what stands on it, as HELLO counts them when it resumes. */
  received = 0;

  constructor(transport: ClientTransport) {
    this.serializer = transport.serializer;
    this.#transport = transport;
    this.#session = new WireSession(transport);
  }

  /** The next request id: 1, 2, 3 … */
  request(): number {
    return ++this.#request;
  }
  send(...messages: readonly (readonly unknown[])[]): void {
    this.#session.send(...messages);
  }
  sendBytes(bytes: Uint8Array): void {
    this.#session.sendBytes(bytes);
  }
  encode(message: readonly unknown[]): Uint8Array {
    return encodeMessage(this.serializer, message);
  }
  async next(timeout_ms = patience_ms): Promise<unknown[]> {
    const message = await this.#session.next(timeout_ms);
    if (!uncounted.includes(message[0])) this.received++;
    return message;
  }
  nextBytes(): Promise<Uint8Array> {
    return this.#session.nextBytes(patience_ms);
  }
  get arrivedCount(): number {
    return this.#session.arrivedCount;
  }
  get authid(): string {
    return String(this.welcome["authid"]);
  }
  get authrole(): string {
    return String(this.welcome["authrole"]);
  }
  /** Drops the transport. */
  close(): void {
    this.#transport.close();
  }

  /** HELLO and its WELCOME. The request counter begins again. */
  async join({ realm = "realm1", roles = clientRoles, details = {} }: JoinDetails = {}): Promise<this> {
    this.send([Message.hello, realm, { roles, ...details }]);
    const [type, id, welcome] = await this.next();
    assert.equal(type, Message.welcome, "HELLO is answered by WELCOME");
    this.id = id as number;
    this.welcome = welcome as Dict;
    this.#request = this.received = 0;
    return this;
  }

  /** HELLO that resumes the session of `from`, and the WELCOME of that session or of a new one. The request counter goes on. */
  async resume(from: Wire, { realm = "realm1", ...details }: ResumeDetails = {}): Promise<this> {
    const resume_token = from.welcome["resume_token"];
    const state = { resume_session: from.id, resume_token, resume_received: from.received };
    const asked = { roles: clientRoles, ...state, ...details };
    this.send([Message.hello, realm, asked]);
    const [type, id, welcome] = await this.next();
    assert.equal(type, Message.welcome, `HELLO is answered by WELCOME and not by ${JSON.stringify(welcome)}`);
    this.id = id as number;
    this.welcome = welcome as Dict;
    const resumed = this.welcome["resumed"] === true;
    this.#request = resumed ? from.#request : 0;
    this.received = resumed ? (details.resume_received ?? from.received) : 0;
    return this;
  }

  async leave(): Promise<void> {
    this.send([Message.goodbye, {}, "wamp.close.normal"]);
    assert.deepEqual(await this.next(), [Message.goodbye, {}, "wamp.close.goodbye_and_out"]);
  }

  async expect(message: readonly unknown[]): Promise<void> {
    assert.deepEqual(await this.next(), message);
  }

  /** ERROR of the router's own: a URI, and a sentence for people as its only argument. */
  async expectError(type: number, request: number, uri: string): Promise<void> {
    const error = await this.next();
    assert.deepEqual(
      error.slice(0, 5),
      [Message.error, type, request, {}, uri],
      `answer: ${JSON.stringify(error)}`,
    );
    const args = error[5] as unknown[];
    assert.equal(args.length, 1);
    assert.equal(typeof args[0], "string");
    assert.equal(error.length, 6);
  }

  /** ABORT with this reason and a text for people, then the end of the connection, and nothing in between. */
  async expectAbort(uri: string, says: RegExp = /./): Promise<TransportClose> {
    const abort = await this.next();
    assert.deepEqual([abort[0], abort[2], abort.length], [Message.abort, uri, 3], JSON.stringify(abort));
    assert.match(textOf(abort[1] as Record<string, unknown>) ?? "", says);
    return this.expectEnd();
  }

  /** The connection ends, and no message comes before. */
  async expectEnd(): Promise<TransportClose> {
    const timer = { id: undefined as ReturnType<typeof setTimeout> | undefined };
    const late = new Promise<never>((_, reject) => {
      timer.id = setTimeout(() => reject(new Error("the connection was not closed")), patience_ms);
    });
    const close = await Promise.race([this.#session.closed, late]).finally(() => clearTimeout(timer.id));
    assert.equal(this.arrivedCount, 0, "a message came where only the end was due");
    return close;
  }

  /** Nothing is on its way to this session. Costs one request. */
  async expectQuiet(): Promise<void> {
    const request = this.request();
    this.send([Message.unsubscribe, request, unknownId]);
    const answer = await this.next();
    assert.deepEqual(
      answer.slice(0, 3),
      [Message.error, Message.unsubscribe, request],
      "nothing else was due",
    );
  }

  // ---- requests with their usual answer

  async subscribe(topic: string, options: Dict = {}): Promise<number> {
    return this.#acknowledged(Message.subscribe, Message.subscribed, options, topic);
  }
  async register(procedure: string, options: Dict = {}): Promise<number> {
    return this.#acknowledged(Message.register, Message.registered, options, procedure);
  }
  /** Publishes with acknowledgement: when this resolves, all EVENTs are on their way. Returns the publication id. */
  async publish(topic: string, options: Dict = {}, ...payload: readonly unknown[]): Promise<number> {
    return this.#acknowledged(
      Message.publish,
      Message.published,
      { acknowledge: true, ...options },
      topic,
      ...payload,
    );
  }
  async #acknowledged(
    type: number,
    answer: number,
    options: Dict,
    uri: string,
    ...payload: readonly unknown[]
  ): Promise<number> {
    const request = this.request();
    this.send([type, request, options, uri, ...payload]);
    const message = await this.next();
    assert.deepEqual(message.slice(0, 2), [answer, request], JSON.stringify(message));
    assert.equal(message.length, 3);
    const id = message[2] as number;
    assert.ok(Number.isSafeInteger(id) && id > 0, "an id is an integer from 1 to 2^53");
    return id;
  }
  async unsubscribe(subscription: number): Promise<void> {
    const request = this.request();
    this.send([Message.unsubscribe, request, subscription]);
    await this.expect([Message.unsubscribed, request]);
  }
  async unregister(registration: number): Promise<void> {
    const request = this.request();
    this.send([Message.unregister, request, registration]);
    await this.expect([Message.unregistered, request]);
  }
  /** Sends CALL and returns its request id. */
  call(procedure: string, options: Dict = {}, ...payload: readonly unknown[]): number {
    const request = this.request();
    this.send([Message.call, request, options, procedure, ...payload]);
    return request;
  }
  /** The next INVOCATION; returns its elements. */
  async invocation(): Promise<{ request: number; registration: number; details: Dict; payload: unknown[] }> {
    const [type, request, registration, details, ...payload] = await this.next();
    assert.equal(type, Message.invocation);
    return {
      request: request as number,
      registration: registration as number,
      details: details as Dict,
      payload,
    };
  }
  yield(request: number, options: Dict = {}, ...payload: readonly unknown[]): void {
    this.send([Message.yield, request, options, ...payload]);
  }
  /** The next EVENT; returns its elements. */
  async event(): Promise<{ subscription: number; publication: number; details: Dict; payload: unknown[] }> {
    const [type, subscription, publication, details, ...payload] = await this.next();
    assert.equal(type, Message.event);
    return {
      subscription: subscription as number,
      publication: publication as number,
      details: details as Dict,
      payload,
    };
  }
}

/** Waits, turn by turn, until the condition holds. */
export async function until(what: string, condition: () => boolean, most_ms = patience_ms): Promise<void> {
  const deadline_ms = performance.now() + most_ms;
  while (!condition()) {
    if (performance.now() > deadline_ms) throw new Error(`did not come true: ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
}
