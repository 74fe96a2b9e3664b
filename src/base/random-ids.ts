/** Random ids, uniform over 1..2^53 as the specification wants them for sessions and publications, from buffered strong randomness. */
const words = 256;

export class RandomIds {
  readonly #fill: (words: Uint32Array) => void;
  readonly #buffer = new Uint32Array(words);
  #next = words;

  constructor(fill: (words: Uint32Array) => void) {
    this.#fill = fill;
  }

  next(): number {
    if (this.#next === words) {
      this.#fill(this.#buffer);
      this.#next = 0;
    }
    const upper = this.#buffer[this.#next]! & 0x1fffff;
    const lower = this.#buffer[this.#next + 1]!;
    this.#next += 2;
    return upper * 0x1_0000_0000 + lower + 1;
  }

  /** A random integer in 0..n-1, for choosing among n; n is at most 2^32. The bias is below n / 2^32. */
  below(n: number): number {
    if (this.#next >= words - 1) {
      this.#fill(this.#buffer);
      this.#next = 0;
    }
    const word = this.#buffer[this.#next]!;
    this.#next += 2;
    return Math.floor((word / 0x1_0000_0000) * n);
  }

  /** A secret of this many random 32-bit words, as base64. */
  secret(words_count: number): string {
    const random = new Uint32Array(words_count);
    this.#fill(random);
    return btoa(String.fromCharCode(...new Uint8Array(random.buffer)));
  }
}
