/** How many connections a router has: over all its threads, where there are several. Control path. */

export interface ConnectionCount {
  /** Of this thread. */
  readonly own: number;
  /** Of all threads. */
  readonly all: number;
  /** Counts one more of this thread; false: there are as many as there may be. */
  enter(connections_max: number): boolean;
  leave(): void;
}

export class OwnCount implements ConnectionCount {
  #count = 0;

  get own(): number {
    return this.#count;
  }
  get all(): number {
    return this.#count;
  }
  enter(connections_max: number): boolean {
    if (this.#count >= connections_max) return false;
    this.#count++;
    return true;
  }
  leave(): void {
    this.#count--;
  }
}

/** One word for each thread, in shared memory. */
export class SharedCount implements ConnectionCount {
  readonly #counts: Int32Array;
  readonly #self: number;

  constructor(counts: Int32Array, self: number) {
    this.#counts = counts;
    this.#self = self;
  }

  get own(): number {
    return Atomics.load(this.#counts, this.#self);
  }
  get all(): number {
    let sum = 0;
    for (let place = 0; place < this.#counts.length; place++) sum += Atomics.load(this.#counts, place);
    return sum;
  }

  enter(connections_max: number): boolean {
    Atomics.add(this.#counts, this.#self, 1);
    // Two that take the last place at one time may both be refused; there are never more than may be.
    if (this.all <= connections_max) return true;
    this.leave();
    return false;
  }

  leave(): void {
    Atomics.sub(this.#counts, this.#self, 1);
  }
}
