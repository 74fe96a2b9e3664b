/** Long lists of text put in order a step at a time: short runs are sorted, and merged in pairs. Control path. */
import type { Steps } from "./turn-share.ts";

const run = 512;
/** What it costs to sort a run, in steps of which a comparison is about one. */
const runCost = 4_096;

/** The texts in the order of their UTF-16 units, as `sort` has them. */
export function* sortInSteps(texts: readonly string[]): Steps<string[]> {
  const runs: string[][] = [];
  for (let at = 0; at < texts.length; at += run) {
    runs.push(texts.slice(at, at + run).sort());
    yield runCost;
  }
  return yield* mergeInSteps(runs);
}

/** The texts of lists that are in that order, in that order. */
export function* mergeInSteps(lists: readonly (readonly string[])[]): Steps<string[]> {
  let runs = lists;
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* merge(runs[i]!, runs[i + 1] ?? []));
    runs = merged;
  }
  return [...(runs[0] ?? [])];
}

function* merge(one: readonly string[], other: readonly string[]): Steps<string[]> {
  const all: string[] = [];
  for (let i = 0, j = 0; i < one.length || j < other.length; ) {
    const isOne = j === other.length || (i < one.length && one[i]! <= other[j]!);
    all.push(isOne ? one[i++]! : other[j++]!);
    yield 1;
  }
  return all;
}
