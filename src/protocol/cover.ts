/**
 * Patterns as sets of URIs: which URIs one matches, whether one holds all of another, whether two have a URI in common, and which
 * of two is the more specific. Whoever decides about patterns (access) goes by this. Pure.
 */
import { Match } from "./messages.ts";

/** An exact URI, a prefix, or a wildcard pattern, whose empty components stand for any one component that is not empty. */
export interface UriPattern {
  readonly uri: string;
  readonly match: Match;
}

const isExact = ({ uri, match }: UriPattern): boolean =>
  match === Match.exact || (match === Match.wildcard && !uri.split(".").includes(""));

/** What all URIs of the pattern begin with: patterns of which neither's head begins with the other's have no URI in common. */
export function headOf({ uri, match }: UriPattern): string {
  if (match !== Match.wildcard) return uri;
  const components = uri.split(".");
  const open = components.indexOf("");
  if (open < 0) return uri;
  return components
    .slice(0, open)
    .map((component) => `${component}.`)
    .join("");
}

/** Whether two lists of components have equal length, and each pair passes. */
const eachOf = (a: string, b: string, passes: (a: string, b: string) => boolean): boolean => {
  const [left, right] = [a.split("."), b.split(".")];
  return left.length === right.length && left.every((component, i) => passes(component, right[i]!));
};

export function matches(pattern: UriPattern, uri: string): boolean {
  if (pattern.match === Match.exact) return pattern.uri === uri;
  if (pattern.match === Match.prefix) return uri.startsWith(pattern.uri);
  return eachOf(pattern.uri, uri, (wanted, given) => given !== "" && (wanted === "" || wanted === given));
}

/** Whether every URI that `inner` matches is matched by `outer`. */
export function contains(outer: UriPattern, inner: UriPattern): boolean {
  if (isExact(inner)) return matches(outer, inner.uri);
  // A pattern with anything open in it has many URIs, and those of a prefix have any number of components.
  if (isExact(outer)) return false;
  if (outer.match === Match.prefix) return headOf(inner).startsWith(outer.uri);
  if (inner.match === Match.prefix) return false;
  return eachOf(outer.uri, inner.uri, (wide, narrow) => wide === "" || wide === narrow);
}

/** Whether some URI is matched by both. */
export function intersects(a: UriPattern, b: UriPattern): boolean {
  if (isExact(a)) return matches(b, a.uri);
  if (isExact(b)) return matches(a, b.uri);
  if (a.match === Match.prefix && b.match === Match.prefix)
    return a.uri.startsWith(b.uri) || b.uri.startsWith(a.uri);
  if (a.match === Match.prefix) return prefixMeets(a.uri, b.uri);
  if (b.match === Match.prefix) return prefixMeets(b.uri, a.uri);
  return eachOf(a.uri, b.uri, (one, other) => one === "" || other === "" || one === other);
}

/** All but the last component of the prefix are whole; the last one may go on. */
function prefixMeets(prefix: string, wildcard: string): boolean {
  const begun = prefix.split(".");
  const components = wildcard.split(".");
  const last = begun.length - 1;
  if (components.length < begun.length) return false;
  return begun.every((part, i) => {
    const component = components[i]!;
    if (i === last) return component === "" || component.startsWith(part);
    return part !== "" && (component === "" || component === part);
  });
}

/** More specific than anything that is open. */
const exactSpecificity = 2 ** 31 - 1;

/**
 * The one order of patterns by how specific they are: exact before all others, then the one with more characters of text (dots
 * count: a wildcard pattern fixes them too), then wildcard before prefix. What lies wholly within another pattern and is not equal
 * to it is always the more specific.
 */
export function specificityOf(pattern: UriPattern): number {
  if (isExact(pattern)) return exactSpecificity;
  return 2 * pattern.uri.length + (pattern.match === Match.wildcard ? 1 : 0);
}
