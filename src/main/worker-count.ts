/** How many threads a router is told to have. */
import { availableParallelism } from "node:os";
import { fixedLimits } from "../base/limits.ts";
import type { RouterOptions } from "./options.ts";

/** Throws RangeError for what cannot be. */
export function workerCount({ workers = 1, access }: RouterOptions): number {
  const { workers_max } = fixedLimits;
  const count = workers === "auto" ? Math.min(availableParallelism(), workers_max) : workers;
  if (!Number.isInteger(count) || count < 1 || count > workers_max)
    throw new RangeError(`workers is "auto", or a whole number from 1 to ${workers_max}`);
  if (count > 1 && access !== undefined)
    throw new RangeError(
      "access is asked in this thread only and cannot be given to workers; describe realms and grants in security.definitions, or leave workers at 1",
    );
  return count;
}
