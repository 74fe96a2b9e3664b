/**
 * What was refused, for administrators: the client is told a number and nothing else, and whoever may ask learns by it what the
 * refusal was about. A ring: the oldest go. Control path.
 */
import type { SessionId } from "../base/ids.ts";
import type { Match } from "../protocol/messages.ts";

export interface Refused {
  readonly session: SessionId;
  readonly authid: string;
  readonly realm: string;
  /** `wamp.call` … */
  readonly permission: string;
  /** The URI or pattern asked for; "" where it is not known any more. */
  readonly uri: string;
  readonly match: Match;
}

export interface Denial extends Refused {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at_ms: number;
}

export interface DenialsParts {
  /** Denials that are remembered; 1 at least. */
  readonly denials_max: number;
  /** A random integer below 2^53 that nobody can guess. */
  readonly random: () => number;
  readonly wall_ms: () => number;
}

export class Denials {
  readonly #parts: DenialsParts;
  readonly #byId = new Map<string, Denial>();

  constructor(parts: DenialsParts) {
    this.#parts = parts;
  }

  /** Notes a refusal. Its id. */
  add(refused: Refused): string {
    const { denials_max, random, wall_ms } = this.#parts;
    const id = random().toString(36);
    // A Map keeps the order of insertion.
    if (this.#byId.size >= denials_max)
      for (const oldest of this.#byId.keys()) {
        this.#byId.delete(oldest);
        break;
      }
    this.#byId.set(id, { ...refused, id, at_ms: wall_ms() });
    return id;
  }

  /** The denial that a client was told of; undefined: there was none, or it was too long ago. */
  get(id: string): Denial | undefined {
    return this.#byId.get(id);
  }
}
