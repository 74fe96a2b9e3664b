/** Says which known name somebody may have meant. Control path. */

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
