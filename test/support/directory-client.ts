/** A client as the directory's property test needs it: it keeps count of what it has asked and what it believes to hold. */
import assert from "node:assert/strict";
import { clientRoles } from "../../src/client/join.ts";
import type { RouterHost } from "../../src/main/host.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "./memory-connection.ts";

/** Something that it has asked for. */
interface Asked {
  readonly type: number;
  /** URI with its match policy, or the id that it gives up. */
  readonly what: string | number;
}

export class DirectoryClient {
  readonly router: number;
  id = 0;
  /** Subscriptions that it holds, and registrations with how often: what they name, by id. */
  readonly subscriptions = new Map<number, string>();
  readonly registrations = new Map<number, { readonly name: string; turns: number }>();
  /** Its connection is closed, or its router is gone. */
  isGone = false;
  readonly #connection = new MemoryConnection({ serializer: Serializer.msgpack });
  readonly #asked = new Map<number, Asked>();
  #request = 0;

  constructor(host: RouterHost, router: number) {
    this.router = router;
    this.#connection.client.onFrame = (frame) => this.#onMessage(decodeMessage(Serializer.msgpack, frame));
    const events = host.accept(this.#connection);
    assert.ok(events !== null);
    this.#connection.open(events);
    this.#send([Message.hello, "realm1", { roles: clientRoles }]);
  }

  get waiting(): number {
    return this.#asked.size;
  }

  #send(message: readonly unknown[]): void {
    this.#connection.client.send(encodeMessage(Serializer.msgpack, message));
  }
  #ask(type: number, what: string | number, ...rest: readonly unknown[]): void {
    const request = ++this.#request;
    this.#asked.set(request, { type, what });
    this.#send([type, request, ...rest]);
  }

  subscribe(name: string, uri: string, options: object): void {
    this.#ask(Message.subscribe, name, options, uri);
  }
  register(name: string, uri: string, options: object): void {
    this.#ask(Message.register, name, options, uri);
  }
  unsubscribe(id: number): void {
    this.#ask(Message.unsubscribe, id, id);
  }
  unregister(id: number): void {
    this.#ask(Message.unregister, id, id);
  }
  publish(uri: string): void {
    this.#send([Message.publish, ++this.#request, { exclude_me: false }, uri]);
  }
  call(uri: string): void {
    this.#ask(Message.call, uri, {}, uri);
  }
  close(): void {
    this.isGone = true;
    this.#connection.client.close();
  }

  #onMessage(message: readonly unknown[]): void {
    if (this.isGone) return;
    const [type, first, second] = message as [number, number, unknown];
    switch (type) {
      case Message.welcome:
        this.id = first;
        return;
      case Message.event:
        assert.ok(this.subscriptions.has(first), `an event of ${first}, which it does not hold`);
        return;
      case Message.error:
        this.#answered(second as number, first);
        return;
      case Message.invocation:
        assert.ok(
          this.registrations.has(second as number),
          `an invocation of ${second}, which it does not hold`,
        );
        this.#send([Message.yield, first, {}]);
        return;
      case Message.result:
        this.#answered(first, Message.call);
        return;
      case Message.interrupt:
        return;
      case Message.subscribed:
        this.subscriptions.set(second as number, String(this.#answered(first, Message.subscribe)));
        return;
      case Message.unsubscribed:
        this.subscriptions.delete(Number(this.#answered(first, Message.unsubscribe)));
        return;
      case Message.registered:
        return this.#onRegistered(second as number, String(this.#answered(first, Message.register)));
      case Message.unregistered:
        if (first === 0) this.registrations.delete((second as { registration: number }).registration);
        else this.#onUnregistered(Number(this.#answered(first, Message.unregister)));
        return;
      default:
        assert.fail(`unexpected: ${JSON.stringify(message)}`);
    }
  }

  #onRegistered(id: number, name: string): void {
    // It has taken the procedure from itself, of which nobody tells it.
    for (const [other, held] of this.registrations)
      if (other !== id && held.name === name) this.registrations.delete(other);
    const known = this.registrations.get(id);
    if (known === undefined) this.registrations.set(id, { name, turns: 1 });
    else known.turns++;
  }
  #onUnregistered(id: number): void {
    const known = this.registrations.get(id);
    // It may have been taken away on the way.
    if (known !== undefined && --known.turns === 0) this.registrations.delete(id);
  }

  #answered(request: number, type: number): string | number {
    const asked = this.#asked.get(request);
    assert.ok(asked !== undefined, `request ${request} is answered twice`);
    assert.equal(asked.type, type);
    this.#asked.delete(request);
    return asked.what;
  }
}
