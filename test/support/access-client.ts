/**
 * A client that hands over each message at once, and what it gets as one line of text each, with the names of its subscriptions in
 * the place of their ids: to be compared with what a model says.
 */
import assert from "node:assert/strict";
import type { Router } from "../../src/main.ts";
import type {
  Connection,
  ConnectionEvents,
  Identity,
  OutgoingFrame,
  TransportInfo,
} from "../../src/ports.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { type Match, Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";

export interface Held {
  readonly uri: string;
  readonly match: Match;
}
export const nameOf = ({ uri, match }: Held): string => `${match}:${uri}`;

const roles = {
  caller: { features: { call_canceling: true } },
  publisher: {},
  subscriber: { features: { subscription_revocation: true } },
  callee: { features: { registration_revocation: true, call_canceling: true } },
};

class DirectConnection implements Connection {
  readonly serializer = Serializer.msgpack;
  readonly info: TransportInfo = { kind: "local", peer: "test" };
  readonly peerFrameBytes_max = Number.POSITIVE_INFINITY;
  readonly identity: Identity;
  arrived: Uint8Array[] = [];
  isOver = false;
  constructor(identity: Identity) {
    this.identity = identity;
  }
  send(frames: readonly OutgoingFrame[], from: number, count: number): number {
    for (let i = from; i < count; i++) this.arrived.push(frames[i]!.bytes.slice());
    return count;
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {
    this.isOver = true;
  }
  terminate(): void {
    this.isOver = true;
  }
}

export class AccessClient {
  readonly realm: string;
  readonly identity: Identity;
  readonly #router: Router;
  readonly #connection: DirectConnection;
  readonly #events: ConnectionEvents;
  #request = 0;
  #isGone = false;
  /** What SUBSCRIBE and REGISTER, by request, and ids stand for; and the ids that were given up, by request. */
  readonly #asked = new Map<unknown, string>();
  readonly #given = new Map<unknown, unknown>();
  readonly #subscriptions = new Map<unknown, string>();
  readonly #registrations = new Map<unknown, string>();
  /** Invocations that have come and are not answered. */
  readonly invocations: { readonly request: number; readonly argument: unknown }[] = [];

  constructor(router: Router, realm: string, identity: Identity) {
    this.realm = realm;
    this.identity = identity;
    this.#router = router;
    this.#connection = new DirectConnection(identity);
    const events = router.accept(this.#connection);
    assert.ok(events !== null);
    this.#events = events;
    this.send([Message.hello, realm, { roles }]);
  }

  send(message: readonly unknown[]): void {
    this.#events.onFrame(encodeMessage(Serializer.msgpack, message));
  }

  /** Sends a request; returns its id. */
  ask(type: number, options: object, uri: string, ...payload: readonly unknown[]): number {
    const request = ++this.#request;
    const { match = "exact" } = options as { match?: string };
    const name = nameOf({ uri, match: ["exact", "prefix", "wildcard"].indexOf(match) as Match });
    this.#asked.set(request, name);
    this.send([type, request, options, uri, ...payload]);
    return request;
  }

  /** Gives up what has this name. */
  giveUp(type: typeof Message.unsubscribe | typeof Message.unregister, name: string): number {
    const request = ++this.#request;
    const ids = type === Message.unsubscribe ? this.#subscriptions : this.#registrations;
    const id = [...ids].find(([, known]) => known === name)?.[0];
    this.#given.set(request, id);
    this.send([type, request, id]);
    return request;
  }

  cancel(request: number): void {
    this.send([Message.cancel, request, {}]);
  }

  /** What has come since, in order. */
  take(): string[] {
    const frames = this.#connection.arrived;
    this.#connection.arrived = [];
    return frames.map((bytes) => this.#told(decodeMessage(Serializer.msgpack, bytes)));
  }

  /** The sentences of the ERRORs that have come. */
  takeTexts(): string[] {
    const frames = this.#connection.arrived;
    this.#connection.arrived = [];
    return frames
      .map((bytes) => decodeMessage(Serializer.msgpack, bytes))
      .map(([type, , , , , args]) => (type === Message.error ? String((args as unknown[])[0]) : ""));
  }

  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events.onClose();
  }

  #told(message: readonly unknown[]): string {
    const [type, first, second, third, fourth, fifth] = message;
    switch (type) {
      case Message.welcome:
        return "welcome";
      case Message.subscribed:
        return this.#joined(this.#subscriptions, "subscribed", first, second);
      case Message.registered:
        return this.#joined(this.#registrations, "registered", first, second);
      case Message.unsubscribed:
      case Message.unregistered:
        return this.#ended(type, first, second as Readonly<Record<string, unknown>> | undefined);
      case Message.event:
        return `event ${this.#nameOf(this.#subscriptions, first)} ${String((fourth as unknown[])[0])}`;
      case Message.invocation:
        this.invocations.push({ request: first as number, argument: (fourth as unknown[])[0] });
        return `invocation ${this.#nameOf(this.#registrations, second)} ${String((fourth as unknown[])[0])}`;
      case Message.error:
        this.#lookUp(fourth, (fifth as unknown[])[0]);
        return `error ${String(second)} ${String(fourth)}`;
      case Message.published:
        return `published ${String(first)}`;
      case Message.result:
        return `result ${String(first)} ${String((third as unknown[] | undefined)?.[0])}`;
      case Message.goodbye:
        return `goodbye ${String(second)}`;
      case Message.interrupt:
        return "interrupt";
      default:
        throw new Error(`what is ${JSON.stringify(message)}?`);
    }
  }

  #nameOf(ids: ReadonlyMap<unknown, string>, id: unknown): string {
    const name = ids.get(id);
    assert.ok(name !== undefined, `${String(id)} is none of the client's`);
    return name;
  }

  #joined(ids: Map<unknown, string>, verb: string, request: unknown, id: unknown): string {
    ids.set(id, this.#asked.get(request)!);
    return `${verb} ${String(request)}`;
  }

  #ended(type: number, request: unknown, details: Readonly<Record<string, unknown>> | undefined): string {
    const isSubscription = type === Message.unsubscribed;
    const verb = isSubscription ? "unsubscribed" : "unregistered";
    const ids = isSubscription ? this.#subscriptions : this.#registrations;
    if (request !== 0) {
      ids.delete(this.#given.get(request));
      return `${verb} ${String(request)}`;
    }
    const id = details?.[isSubscription ? "subscription" : "registration"];
    const name = this.#nameOf(ids, id);
    assert.equal(details?.["reason"], "wamp.error.not_authorized");
    ids.delete(id);
    return `${verb} by the router: ${name}`;
  }

  /** A denial tells the client nothing, and an administrator everything. */
  #lookUp(uri: unknown, text: unknown): void {
    const isDenial = /^not authorized \(denial ([0-9a-z]+)\)$/.exec(String(text));
    if (isDenial === null) {
      assert.notEqual(uri, "wamp.error.not_authorized");
      return;
    }
    const denial = this.#router.denial(isDenial[1]!);
    assert.equal(denial?.authid, this.identity.authid);
    assert.equal(denial?.realm, this.realm);
  }
}
