/** The slow twin of the pattern index: the specification's rules, word for word, over all patterns. */
import { Match } from "../../src/protocol/messages.ts";

export interface Pattern {
  readonly id: number;
  readonly match: Match;
  readonly uri: string;
}

const utf8 = new TextEncoder();

/** True if `uri` begins with the bytes of `prefix`. For well-formed text that is the same as beginning with its characters. */
const beginsWith = (prefix: string, uri: string): boolean => {
  const whole = utf8.encode(uri);
  return utf8.encode(prefix).every((byte, i) => whole[i] === byte);
};

/** An empty component of the pattern stands for exactly one component that is not empty. */
const fitsComponents = (pattern: string, uri: string): boolean => {
  const wanted = pattern.split(".");
  const given = uri.split(".");
  return (
    wanted.length === given.length && wanted.every((w, i) => given[i] !== "" && (w === "" || w === given[i]))
  );
};

export const matchesOne = (pattern: Pattern, uri: string): boolean => {
  if (pattern.match === Match.exact) return pattern.uri === uri;
  if (pattern.match === Match.prefix) return beginsWith(pattern.uri, uri);
  return fitsComponents(pattern.uri, uri);
};

/** Ids of all patterns that match, in ascending order. */
export const matchModel = (patterns: readonly Pattern[], uri: string): number[] =>
  patterns
    .filter((p) => matchesOne(p, uri))
    .map((p) => p.id)
    .sort((a, b) => a - b);

/** How many literal components stand before the first wildcard, between it and the second one, and so on to the end. */
export const literalRuns = (pattern: string): number[] => {
  const runs = [0];
  for (const component of pattern.split(".")) {
    if (component === "") runs.push(0);
    else runs[runs.length - 1]!++;
  }
  return runs;
};

/** Negative if `a` takes precedence over `b`; both match the same URI. */
const byPrecedence = (a: Pattern, b: Pattern): number => {
  if (a.match !== b.match) return a.match - b.match;
  if (a.match === Match.prefix) return b.uri.length - a.uri.length;
  const runsOfA = literalRuns(a.uri);
  const runsOfB = literalRuns(b.uri);
  const differing = runsOfA.findIndex((run, i) => run !== runsOfB[i]);
  return differing < 0 ? 0 : (runsOfB[differing] ?? -1) - runsOfA[differing]!;
};

/** Matching patterns, the one that takes a call first. */
export const precedenceModel = (patterns: readonly Pattern[], uri: string): number[] =>
  patterns
    .filter((p) => matchesOne(p, uri))
    .sort(byPrecedence)
    .map((p) => p.id);

/** Id of the pattern that takes a call of `uri`, or 0. */
export const bestModel = (patterns: readonly Pattern[], uri: string): number =>
  precedenceModel(patterns, uri)[0] ?? 0;
