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

/** Edits (Levenshtein) that turn one text into the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a.charAt(i - 1) !== b.charAt(j - 1))),
      );
    row = next;
  }
  return row[b.length]!;
}

/** A name to compare may not be longer: the comparison costs the product of both lengths. */
const compared_max = 64;

/** ` (did you mean "…"?)`, or nothing where no candidate is near. */
export function didYouMean(given: string, candidates: readonly string[]): string {
  if (given.length > compared_max) return "";
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(given.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best === undefined ? "" : ` (did you mean ${JSON.stringify(best)}?)`;
}
