/**
 * The last messages of one direction, numbered 1, 2, 3 … in the order in which they were sent: what is sent again when a session is
 * resumed. Whoever appends keeps it in bounds. Everything is O(1), amortised, but `from`.
 */
export class ReplayLog<M extends { readonly length: number }> {
  readonly #messages: (M | null)[] = [];
  #head = 0;
  #first = 1;
  #bytes = 0;

  /** Messages held. */
  get length(): number {
    return this.#messages.length - this.#head;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** Number of the oldest message held; with none held, the number that the next one will get. */
  get first(): number {
    return this.#first;
  }
  /** Number of the last message appended, 0 before the first. */
  get last(): number {
    return this.#first + this.length - 1;
  }

  append(message: M): void {
    this.#messages.push(message);
    this.#bytes += message.length;
  }

  /** At most `count` messages in order, the first of them that with this number, which must not be below `first`. */
  from(number: number, count: number): M[] {
    const start = this.#head + (number - this.#first);
    return this.#messages.slice(start, start + count) as M[];
  }

  /** Forgets the messages up to and including this number. */
  forget(upTo: number): void {
    const messages = this.#messages;
    for (; this.#first <= upTo && this.#head < messages.length; this.#first++) {
      this.#bytes -= messages[this.#head]!.length;
      messages[this.#head++] = null;
    }
    if (this.#head === messages.length) this.#head = messages.length = 0;
    else if (this.#head >= 1_024 && this.#head * 2 >= messages.length) {
      messages.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
