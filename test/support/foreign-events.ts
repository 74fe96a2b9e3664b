import type { Payload } from "./foreign.ts";

/** Events as they come; `next` waits for one. */
export class Events {
  readonly #arrived: { given: Payload; topic: string }[] = [];
  #wake: () => void = () => {};
  readonly handler = (given: Payload, topic: string): void => {
    this.#arrived.push({ given, topic });
    this.#wake();
  };
  async next(): Promise<{ given: Payload; topic: string }> {
    while (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#arrived.shift()!;
  }
  get count(): number {
    return this.#arrived.length;
  }
}
