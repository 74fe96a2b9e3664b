/**
 * A request of a session that waits for the other routers. What the session asks for behind it waits with it, so that its requests
 * have their effect in the order in which they were sent (Session.isHeld). Control path.
 */
import type { PatternHandle, RequestId, SessionId } from "../../base/ids.ts";
import type { ErrorEntry } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/messages.ts";
import type { RouterSession } from "../types.ts";
import type { Asker } from "./directory.ts";

export abstract class SessionAsker implements Asker {
  readonly session: RouterSession;
  readonly id: SessionId;
  readonly request: RequestId;
  readonly #type: Message;

  constructor(session: RouterSession, request: RequestId, type: Message) {
    this.session = session;
    this.id = session.id;
    this.request = request;
    this.#type = type;
    session.requestsWaiting++;
  }

  /** The session is still the one that asked. */
  get isHere(): boolean {
    return this.session.realm !== null && this.session.id === this.id;
  }

  done(pattern: PatternHandle | 0, id: number, sequence: number): void {
    this.complete(pattern, id, sequence);
    this.release();
  }

  protected abstract complete(pattern: PatternHandle | 0, id: number, sequence: number): void;

  refused(error: ErrorEntry, message: string): void {
    this.refuse(error, message);
    this.release();
  }

  /** Answers the session, if it is still there. */
  refuse(error: ErrorEntry, message: string): void {
    if (this.isHere) this.session.postError(this.#type, this.request, error, message);
  }

  /** It waits no more. */
  release(): void {
    const { session } = this;
    if (!this.isHere || --session.requestsWaiting > 0 || !session.isBehindRequest) return;
    session.isBehindRequest = false;
    session.unpark();
  }
}
