/**
 * Messages about calls of a callee that other routers know already, while its own has not told it that it is registered: a client must
 * not be invoked before REGISTERED. They wait for the time that the other routers take to answer, and no longer. Control path.
 */
import type { SessionId } from "../../base/ids.ts";

interface HeldMessage {
  readonly router: number;
  /** The invocation that it is about. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

interface HeldFor {
  readonly session: SessionId;
  readonly registration: number;
  readonly messages: HeldMessage[];
}

export class HeldCalls {
  #held: HeldFor[] = [];

  /** Messages that wait. */
  get count(): number {
    return this.#held.reduce((sum, { messages }) => sum + messages.length, 0);
  }

  /** An invocation waits. */
  add(router: number, number: number, session: SessionId, registration: number, bytes: Uint8Array): void {
    let held = this.#held.find((each) => each.session === session && each.registration === registration);
    if (held === undefined) {
      held = { session, registration, messages: [] };
      this.#held.push(held);
    }
    held.messages.push({ router, number, bytes });
  }

  /** Lets what is said about an invocation wait behind it, if that waits. */
  follow(router: number, number: number, bytes: Uint8Array): void {
    for (const { messages } of this.#held)
      if (messages.some((each) => each.router === router && each.number === number)) {
        messages.push({ router, number, bytes });
        return;
      }
  }

  take(session: SessionId, registration: number): readonly HeldMessage[] {
    return this.#takeIf((held) => held.session === session && held.registration === registration);
  }
  takeAll(session: SessionId): readonly HeldMessage[] {
    return this.#takeIf((held) => held.session === session);
  }

  #takeIf(isTaken: (held: HeldFor) => boolean): readonly HeldMessage[] {
    const taken = this.#held.filter(isTaken);
    if (taken.length > 0) this.#held = this.#held.filter((held) => !isTaken(held));
    return taken.flatMap(({ messages }) => messages);
  }

  /** The router is gone. */
  forget(router: number): void {
    this.#held = this.#held
      .map((held) => ({ ...held, messages: held.messages.filter((each) => each.router !== router) }))
      .filter(({ messages }) => messages.length > 0);
  }
}
