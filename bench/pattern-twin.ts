/**
 * The pattern index in plain JavaScript, as well as one would write it by hand: a Map for exact patterns, a radix tree for
 * prefixes, a trie of components for wildcards. The baseline of the wasm bench.
 */
import { Match } from "../src/protocol/messages.ts";

interface RadixNode {
  /** The text of the edge that leads here. */
  label: string;
  /** Pattern that ends here, or 0. */
  id: number;
  /** By first character; absent until there is one, as most nodes are leaves. */
  children: Map<number, RadixNode> | undefined;
}

interface ComponentNode {
  /** Pattern that ends here, or 0. */
  id: number;
  literals: Map<string, ComponentNode> | undefined;
  wildcard: ComponentNode | undefined;
}

interface Row {
  readonly match: Match;
  readonly uri: string;
}

const radixNode = (label: string, id: number): RadixNode => ({ label, id, children: undefined });
const componentNode = (): ComponentNode => ({ id: 0, literals: undefined, wildcard: undefined });

export class PatternTwin {
  readonly #exact = new Map<string, number>();
  readonly #prefixes = radixNode("", 0);
  readonly #wildcards = componentNode();
  readonly #rows = new Map<number, Row>();
  #nextId = 1;

  /** The pattern's id; a new one even for a pattern that is there already, which it then replaces. */
  insert(match: Match, uri: string): number {
    const id = this.#nextId++;
    this.#rows.set(id, { match, uri });
    if (match === Match.exact) this.#exact.set(uri, id);
    else if (match === Match.prefix) insertPrefix(this.#prefixes, uri, id);
    else insertWildcard(this.#wildcards, uri, id);
    return id;
  }

  remove(id: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    if (row.match === Match.exact) this.#exact.delete(row.uri);
    else if (row.match === Match.prefix) removePrefix(this.#prefixes, row.uri);
    else removeWildcard(this.#wildcards, row.uri.split("."), 0);
  }

  /** Ids of all patterns that match: exact, prefixes from the shortest on, wildcards by precedence. */
  match(uri: string): number[] {
    const found: number[] = [];
    const exact = this.#exact.get(uri);
    if (exact !== undefined) found.push(exact);
    matchPrefixes(this.#prefixes, uri, found);
    const { literals, wildcard } = this.#wildcards;
    if (literals !== undefined || wildcard !== undefined)
      matchWildcards(this.#wildcards, uri.split("."), 0, found);
    return found;
  }

  /** The pattern that takes a call, or 0. */
  best(uri: string): number {
    const exact = this.#exact.get(uri);
    if (exact !== undefined) return exact;
    const prefixes: number[] = [];
    matchPrefixes(this.#prefixes, uri, prefixes);
    if (prefixes.length > 0) return prefixes[prefixes.length - 1]!;
    return bestWildcard(this.#wildcards, uri.split("."), 0);
  }
}

function insertPrefix(root: RadixNode, text: string, id: number): void {
  let node = root;
  let at = 0;
  while (at < text.length) {
    node.children ??= new Map();
    const next = node.children.get(text.charCodeAt(at));
    if (next === undefined) {
      node.children.set(text.charCodeAt(at), radixNode(text.slice(at), id));
      return;
    }
    let same = 1;
    while (same < next.label.length && next.label.charCodeAt(same) === text.charCodeAt(at + same)) same++;
    if (same === next.label.length) {
      node = next;
    } else {
      const between = radixNode(next.label.slice(0, same), 0);
      node.children.set(between.label.charCodeAt(0), between);
      next.label = next.label.slice(same);
      between.children = new Map([[next.label.charCodeAt(0), next]]);
      node = between;
    }
    at += same;
  }
  node.id = id;
}

/** Forgets the pattern; nodes stay unless they are leaves. */
function removePrefix(root: RadixNode, text: string): void {
  const path: RadixNode[] = [root];
  for (let at = 0; at < text.length; at += path[path.length - 1]!.label.length) {
    const next = path[path.length - 1]!.children?.get(text.charCodeAt(at));
    if (next === undefined) return;
    path.push(next);
  }
  path[path.length - 1]!.id = 0;
  for (let i = path.length - 1; i > 0; i--) {
    const node = path[i]!;
    if (node.id !== 0 || (node.children?.size ?? 0) > 0) return;
    path[i - 1]!.children!.delete(node.label.charCodeAt(0));
  }
}

function matchPrefixes(root: RadixNode, uri: string, found: number[]): void {
  let node: RadixNode | undefined = root;
  let at = 0;
  for (;;) {
    if (node.id !== 0) found.push(node.id);
    if (at === uri.length) return;
    node = node.children?.get(uri.charCodeAt(at));
    if (node === undefined || !uri.startsWith(node.label, at)) return;
    at += node.label.length;
  }
}

function insertWildcard(root: ComponentNode, pattern: string, id: number): void {
  let node = root;
  for (const component of pattern.split(".")) {
    let next: ComponentNode | undefined;
    if (component === "") {
      next = node.wildcard ??= componentNode();
    } else {
      node.literals ??= new Map();
      next = node.literals.get(component);
      if (next === undefined) {
        next = componentNode();
        node.literals.set(component, next);
      }
    }
    node = next;
  }
  node.id = id;
}

/** Forgets the pattern. True if nothing is left under `node`. */
function removeWildcard(node: ComponentNode, components: readonly string[], depth: number): boolean {
  if (depth === components.length) {
    node.id = 0;
  } else {
    const component = components[depth]!;
    const next = component === "" ? node.wildcard : node.literals?.get(component);
    if (next !== undefined && removeWildcard(next, components, depth + 1)) {
      if (component === "") node.wildcard = undefined;
      else node.literals?.delete(component);
    }
  }
  return node.id === 0 && node.wildcard === undefined && (node.literals?.size ?? 0) === 0;
}

function matchWildcards(
  node: ComponentNode,
  components: readonly string[],
  depth: number,
  found: number[],
): void {
  if (depth === components.length) {
    if (node.id !== 0) found.push(node.id);
    return;
  }
  const component = components[depth]!;
  if (component === "") return;
  const literal = node.literals?.get(component);
  if (literal !== undefined) matchWildcards(literal, components, depth + 1, found);
  if (node.wildcard !== undefined) matchWildcards(node.wildcard, components, depth + 1, found);
}

function bestWildcard(node: ComponentNode, components: readonly string[], depth: number): number {
  if (depth === components.length) return node.id;
  const component = components[depth]!;
  if (component === "") return 0;
  const literal = node.literals?.get(component);
  const best = literal === undefined ? 0 : bestWildcard(literal, components, depth + 1);
  if (best !== 0 || node.wildcard === undefined) return best;
  return bestWildcard(node.wildcard, components, depth + 1);
}
