/** Questions by name between the first thread and the others, for parts that both have. Control path. */
import type { WorkerChannel } from "./shared-security.ts";

export interface Question {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Puts a question to the other side, or sides. */
type Ask = (question: Question) => Promise<unknown>;

export class Channel implements WorkerChannel {
  readonly isHome: boolean;
  readonly #answerers = new Map<string, (args: readonly unknown[]) => unknown>();
  readonly #ask: Ask;

  constructor(isHome: boolean, ask: Ask) {
    this.isHome = isHome;
    this.#ask = ask;
  }

  answer(name: string, answerer: (args: readonly unknown[]) => unknown): void {
    this.#answerers.set(name, answerer);
  }

  ask(name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#ask({ name, args });
  }

  /** The other side asks. What nobody answers here, in a thread that is not complete yet, is answered with nothing. */
  asked({ name, args }: Question): unknown {
    return this.#answerers.get(name)?.(args);
  }
}
