/**
 * Why a URI reaches whom it reaches: the patterns of a realm that match it, in the order in which they count, and those that nearly
 * do, with what keeps them from it. Pure.
 */
import { matches } from "../protocol/cover.ts";
import { Match, matchNames } from "../protocol/messages.ts";
import type { Steps } from "../router/turn-share.ts";

export interface NamedPattern {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
}

export interface Matched extends NamedPattern {
  readonly why: string;
}

/** Why a pattern matches a URI; null: it does not. */
function whyMatches({ uri: pattern, match }: Omit<NamedPattern, "id">, uri: string): string | null {
  if (!matches({ uri: pattern, match }, uri)) return null;
  if (match === Match.exact) return "it is this URI";
  if (match === Match.prefix) return `the URI begins with ${JSON.stringify(pattern)}`;
  const parts = pattern.split(".");
  const open = parts.filter((part) => part === "").length;
  return `of ${parts.length} components ${parts.length - open} are equal, ${open} may be anything`;
}

/** Exact before prefix before wildcard; a longer prefix before a shorter one; a wildcard that is literal for longer before another. */
export function byPrecedence(a: NamedPattern, b: NamedPattern): number {
  if (a.match !== b.match) return a.match - b.match;
  if (a.match === Match.prefix) return b.uri.length - a.uri.length;
  const left = a.uri.split(".");
  const right = b.uri.split(".");
  for (const [i, part] of left.entries()) {
    const other = right[i] ?? "";
    if ((part === "") !== (other === "")) return part === "" ? 1 : -1;
  }
  return 0;
}

/** What keeps a pattern from matching, where it is little; null: they have not much to do with each other, or it matches. */
export function nearlyMatches(pattern: Omit<NamedPattern, "id">, uri: string): string | null {
  if (whyMatches(pattern, uri) !== null) return null;
  const { uri: text, match } = pattern;
  const folded = { uri: text.toLowerCase(), match };
  if (whyMatches(folded, uri.toLowerCase()) !== null) return "upper and lower case differ";
  if (match === Match.exact && text !== "" && uri.startsWith(`${text}.`))
    return `it is exact, and the URI has more components; match: ${matchNames[Match.prefix]} would take it`;
  if (match === Match.prefix && text.startsWith(uri)) return "the prefix is longer than the URI";
  const parts = text.split(".");
  const given = uri.split(".");
  if (match === Match.exact && parts.length === given.length && parts.includes("")) {
    if (whyMatches({ uri: text, match: Match.wildcard }, uri) !== null)
      return `it is exact, and has empty components; match: ${matchNames[Match.wildcard]} would take it`;
  }
  if (match === Match.wildcard && Math.abs(parts.length - given.length) === 1) {
    const shorter = Math.min(parts.length, given.length);
    const agrees = parts.slice(0, shorter).every((part, i) => part === "" || part === given[i]);
    if (agrees && parts.slice(0, shorter).some((part) => part !== ""))
      return `it has ${parts.length} components, the URI has ${given.length}`;
  }
  return oneComponentDiffers(parts, given, match);
}

function oneComponentDiffers(
  parts: readonly string[],
  given: readonly string[],
  match: Match,
): string | null {
  const isPrefix = match === Match.prefix;
  if (parts.length < 2 || (isPrefix ? parts.length > given.length : parts.length !== given.length))
    return null;
  const differing = parts.flatMap((part, i) => {
    const other = given[i] ?? "";
    const fits = match === Match.wildcard && part === "";
    const isLastOfPrefix = isPrefix && i === parts.length - 1;
    return fits || part === other || (isLastOfPrefix && other.startsWith(part)) ? [] : [i];
  });
  const [at] = differing;
  if (at === undefined || differing.length > 1) return null;
  return `component ${at + 1} is ${JSON.stringify(parts[at])}, in the URI ${JSON.stringify(given[at])}`;
}

/** What it costs to compare a pattern with the URI, in steps. */
const patternCost = 16;

export interface ExplainedMatch<P> {
  readonly matching: readonly (P & Matched)[];
  readonly near: readonly (P & Matched)[];
}

/** All that match, in order, and as many as `near_max` of those that nearly do: the first that are found. */
export function* explainMatch<P extends NamedPattern>(
  patterns: Iterable<P>,
  uri: string,
  near_max: number,
): Steps<ExplainedMatch<P>> {
  const matching: (P & Matched)[] = [];
  const near: (P & Matched)[] = [];
  for (const pattern of patterns) {
    const why = whyMatches(pattern, uri);
    if (why !== null) matching.push({ ...pattern, why });
    else if (near.length < near_max) {
      const problem = nearlyMatches(pattern, uri);
      if (problem !== null) near.push({ ...pattern, why: problem });
    }
    yield patternCost;
  }
  return { matching: matching.sort(byPrecedence), near };
}
