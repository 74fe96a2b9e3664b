/** A queue of events that a test waits for: `next()` settles with the next one, in order, whether it came already or not. */
export class Events<Event> {
  readonly #name: string;
  readonly #arrived: Event[] = [];
  readonly #waiting: { resolve(event: Event): void; reject(cause: Error): void }[] = [];
  #ended = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** Events that nobody has waited for yet. */
  get pending(): number {
    return this.#arrived.length;
  }

  push(event: Event): void {
    const first = this.#waiting.shift();
    if (first !== undefined) first.resolve(event);
    else this.#arrived.push(event);
  }

  /** No more will come: who waits, fails. */
  end(): void {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#over());
  }

  next(): Promise<Event> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift()!);
    if (this.#ended) return Promise.reject(this.#over());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #over(): Error {
    return new Error(`no ${this.#name} will come any more`);
  }
}
