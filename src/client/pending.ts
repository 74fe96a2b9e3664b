/**
 * Requests of a session that wait for an answer. Answers are handled at once, not in a later turn: what follows an answer
 * in the same packet (an INVOCATION behind its REGISTERED) must already find it done.
 */
import { errors, WampError } from "../protocol/errors.ts";
import { dictAt, idAt, payloadAt, textAt, textOf } from "./message.ts";

interface PendingRequest {
  /** The message type of the request, which an ERROR repeats. */
  readonly type: number;
  readonly onReply: (reply: readonly unknown[]) => void;
  readonly onError: (error: WampError) => void;
}

export class PendingRequests {
  readonly #requests = new Map<number, PendingRequest>();

  /** `read` turns the reply into the result; it may throw a WampError. `send` may throw, which rejects the request. */
  open<T>(
    request: { readonly id: number; readonly type: number },
    send: () => void,
    read: (reply: readonly unknown[]) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const onReply = (reply: readonly unknown[]): void => {
        try {
          resolve(read(reply));
        } catch (cause) {
          reject(cause);
          throw cause;
        }
      };
      this.#requests.set(request.id, { type: request.type, onReply, onError: reject });
      try {
        send();
      } catch (cause) {
        this.#requests.delete(request.id);
        reject(cause);
      }
    });
  }

  isOpen(id: number): boolean {
    return this.#requests.has(id);
  }

  /** Ends the request of this type with its reply. Throws WampError where there is none. */
  reply(type: number, message: readonly unknown[]): void {
    this.#take(idAt(message, 1), type).onReply(message);
  }

  /** An ERROR from the router: [8, type, id, details, uri, args?, kwargs?]. */
  error(message: readonly unknown[]): void {
    const { args, kwargs } = payloadAt(message, 5);
    const uri = textAt(message, 4);
    const text = textOf(dictAt(message, 3), args) ?? uri;
    this.#take(idAt(message, 2), idAt(message, 1)).onError(new WampError(uri, text, { args, kwargs }));
  }

  rejectAll(error: WampError): void {
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) request.onError(error);
  }

  #take(id: number, type: number): PendingRequest {
    const request = this.#requests.get(id);
    if (request?.type !== type) {
      throw new WampError(errors.protocolViolation.uri, `request ${id} of type ${type} waits for no answer`);
    }
    this.#requests.delete(id);
    return request;
  }
}
