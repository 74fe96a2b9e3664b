/** Messages that wait for the client of an HTTP transport to fetch them: copies, in order, bounded in number and bytes. */
import { assert } from "../base/assert.ts";
import type { Limits } from "../base/limits.ts";

export class MessageQueue {
  readonly #messages_max: number;
  readonly #bytes_max: number;
  #messages: Uint8Array[] = [];
  #from = 0;
  /** Bytes of the messages in it. */
  bytes = 0;

  constructor({ httpQueueMessages_max, httpQueueBytes_max }: Limits) {
    this.#messages_max = httpQueueMessages_max;
    this.#bytes_max = httpQueueBytes_max;
  }

  get length(): number {
    return this.#messages.length - this.#from;
  }

  /** A message of any size has room in an empty queue. */
  hasRoom(messageBytes: number): boolean {
    const { length } = this;
    return length === 0 || (length < this.#messages_max && this.bytes + messageBytes <= this.#bytes_max);
  }

  get isHalfEmpty(): boolean {
    return this.length * 2 <= this.#messages_max && this.bytes * 2 <= this.#bytes_max;
  }

  push(message: Uint8Array): void {
    this.#messages.push(new Uint8Array(message));
    this.bytes += message.length;
  }

  /** The oldest of a queue that is not empty. */
  shift(): Uint8Array {
    const message = this.#messages[this.#from++];
    assert(message !== undefined, "a message is taken from an empty queue");
    this.bytes -= message.length;
    if (this.#from * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#from);
      this.#from = 0;
    }
    return message;
  }

  /** The oldest, and those behind it as long as all of them have no more than so many bytes. */
  shiftSome(bytes_max: number): Uint8Array[] {
    const messages = [this.shift()];
    let left = bytes_max - messages[0]!.length;
    while (this.length > 0 && this.#messages[this.#from]!.length <= left) {
      const message = this.shift();
      left -= message.length;
      messages.push(message);
    }
    return messages;
  }

  clear(): void {
    this.#messages = [];
    this.#from = 0;
    this.bytes = 0;
  }
}
