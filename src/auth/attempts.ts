/** How many logins may fail, over all threads whose counts are shared. */
import { createHash } from "node:crypto";
import type { Limits } from "../base/limits.ts";
import { fold } from "../security/check.ts";
import type { AttemptCounts } from "./login-counts.ts";

export type AttemptLimits = Pick<Limits, "failedLoginsPerSource_max" | "failedLoginsPerAuthid_max">;

/** Who tries to log in as whom. */
export interface Attempt {
  /** As sourceKey() gives it. */
  readonly source: string;
  readonly realm: string;
  /** As the client wrote it, or "". */
  readonly authid: string;
}

/**
 * Failed logins per source, and per (realm, authid) whether that user exists or not. An address from which the user has lately come in
 * is not held to the second: others who guess at a name cannot lock its owner out.
 */
export class Attempts {
  readonly #limits: AttemptLimits;
  readonly #counts: AttemptCounts;

  constructor(limits: AttemptLimits, counts: AttemptCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  allows(attempt: Attempt): boolean {
    const { sources, names } = this.#counts;
    const name = nameKey(attempt);
    return this.#isWithin(attempt, sources.at(attempt.source) + 1, name === null ? 0 : names.at(name) + 1);
  }

  /** The source and the name may have as many. */
  #isWithin(attempt: Attempt, ofSource: number, ofName: number): boolean {
    const { failedLoginsPerSource_max, failedLoginsPerAuthid_max } = this.#limits;
    if (ofSource > failedLoginsPerSource_max) return false;
    return ofName <= failedLoginsPerAuthid_max || this.#counts.familiar.at(pairKey(attempt)) > 0;
  }

  /** Counts an attempt as failed; false, and nothing counted, where there were too many. To be taken back when it succeeds. */
  take(attempt: Attempt): boolean {
    if (!this.allows(attempt)) return false;
    const { sources, names } = this.#counts;
    const ofSource = sources.add(attempt.source);
    const name = nameKey(attempt);
    const ofName = name === null ? 0 : names.add(name);
    // Others may have counted in between. Two that make the last one at one time may both be refused; there are never more than may be.
    if (this.#isWithin(attempt, ofSource, ofName)) return true;
    this.takeBack(attempt);
    return false;
  }

  /** The attempt did not fail: neither side made a guess. */
  takeBack(attempt: Attempt): void {
    this.#counts.sources.takeBack(attempt.source);
    const name = nameKey(attempt);
    if (name !== null) this.#counts.names.takeBack(name);
  }

  succeeded(attempt: Attempt): void {
    this.takeBack(attempt);
    if (attempt.authid !== "") this.#counts.familiar.add(pairKey(attempt));
  }
}

/** Digests, because names may be long and there may be many of them. */
const digest = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

const nameKey = ({ realm, authid }: Attempt): string | null =>
  authid === "" ? null : digest(realm, fold(authid));

const pairKey = ({ realm, authid, source }: Attempt): string => digest(realm, fold(authid), source);
