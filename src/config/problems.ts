/** What is wrong with a configuration, and where. Control path. */

/** Keys and indexes from the top of a document. */
export type Path = readonly (string | number)[];

export interface Problem {
  /** The file as it was named; or the flag or environment variable that the value came from. */
  readonly file: string;
  /** From 1; absent where the problem is not in a file. */
  readonly line?: number;
  readonly column?: number;
  readonly path: Path;
  readonly message: string;
}

/** Something wrong at a path; its place is looked up later. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** The key itself is meant, not its value. */
  readonly atKey?: boolean;
}

/** `file:line:column path: what is wrong`. */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  return path.length === 0 ? `${place}: ${message}` : `${place} ${path.join(".")}: ${message}`;
}

/** In the order of the files, those that are not listed behind the others, then of their lines. */
export function sortProblems(problems: readonly Problem[], listed: readonly string[] = []): Problem[] {
  const files = [...new Set([...listed, ...problems.map(({ file }) => file)])];
  return [...problems].sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}
