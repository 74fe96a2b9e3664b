/** What goes wrong with a data directory, said to the operator. Texts are whole sentences, with what to do; they hold no values of records. */

export type StoreProblem =
  /** Another process uses the directory. */
  | "locked"
  /** A newer version of the program wrote it. */
  | "newer_format"
  /** Its files are torn, altered or gone. */
  | "damaged"
  /** It is of an older format, and could not be brought up to date. */
  | "migration"
  /** A backup file is. */
  | "backup_damaged"
  /** There is already something where something is to be written. */
  | "occupied"
  /** The operating system refuses: no space, no permission. */
  | "system";

export class StoreError extends Error {
  readonly problem: StoreProblem;
  constructor(problem: StoreProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.problem = problem;
  }
}

/** What the operating system said, with where. */
export function storeErrorOf(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError(
    "system",
    `${what}: ${error instanceof Error ? error.message : String(error)}.`,
    error,
  );
}
