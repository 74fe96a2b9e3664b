/**
 * One operation at a time per key, in the order asked for; the first starts at once. Without it, an UNSUBSCRIBE of the last
 * subscriber could reach the router behind the SUBSCRIBE of a new one and end both, since they share a subscription id.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  run<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const turn = before === undefined ? operation() : before.then(operation, operation);
    this.#last.set(key, turn);
    const done = (): void => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    };
    turn.then(done, done);
    return turn;
  }
}
