/** Lists of records, made a share per turn: of a hundred thousand users each is looked up where its credentials are. Control path. */
import type { Limits } from "../base/limits.ts";
import { requireListable } from "../router/meta/pattern-queries.ts";
import type { Steps, TurnShare } from "../router/turn-share.ts";
import type { AdminCall } from "./admin-call.ts";

export type Results = readonly unknown[] | Promise<readonly unknown[]>;

/** What it costs to show a record, or to look at one, in steps. */
const formCost = 12;
const lookCost = 2;

export class Listing {
  readonly #limits: Limits;
  readonly #turnShare: TurnShare;

  constructor(parts: { readonly limits: Limits; readonly turnShare: TurnShare }) {
    this.#limits = parts.limits;
    this.#turnShare = parts.turnShare;
  }

  /**
   * The records as `form` shows them. They are those that there were when the call came; what a form says beside a record, of the model or
   * of another record, is as it is when its turn comes.
   */
  all<R>(call: AdminCall, records: readonly R[], form: (record: R) => unknown): Results {
    requireListable(records.length, this.#limits);
    return this.run(call, this.forms(records, form));
  }

  /** Work for a call, a share per turn. */
  run<T>(call: AdminCall, steps: Steps<T>): T | Promise<T> {
    return this.#turnShare.run(call.call.caller.id, steps);
  }

  *forms<R>(records: readonly R[], form: (record: R) => unknown): Steps<readonly unknown[]> {
    const forms: unknown[] = [];
    for (const record of records) {
      forms.push(form(record));
      yield formCost;
    }
    return [forms];
  }
}

/** Those records that are wanted. */
export function* chosen<R>(records: readonly R[], isWanted: (record: R) => boolean): Steps<R[]> {
  const found: R[] = [];
  for (const record of records) {
    if (isWanted(record)) found.push(record);
    yield lookCost;
  }
  return found;
}
