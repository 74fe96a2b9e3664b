/**
 * Values by topic, found by pattern: a tree of URI components. Exact look-ups walk one component at a time; patterns walk only
 * what can match, apart from the last component of a prefix, whose siblings are looked at one by one. Control path.
 */
import { Match } from "../../protocol/messages.ts";

class Node<T> {
  readonly parent: Node<T> | null;
  readonly component: string;
  children: Map<string, Node<T>> | null = null;
  value: T | null = null;
  constructor(parent: Node<T> | null, component: string) {
    this.parent = parent;
    this.component = component;
  }
}

type Nodes<T> = Iterator<Node<T>, undefined>;

export class TopicTree<T extends object> {
  readonly #root = new Node<T>(null, "");
  #nodeCount = 0;

  /** Components that the tree holds, each once wherever topics begin alike. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get(topic: string): T | null {
    return this.#walk(topic.split("."))?.value ?? null;
  }

  set(topic: string, value: T): void {
    let node = this.#root;
    for (const component of topic.split(".")) {
      node.children ??= new Map();
      let child = node.children.get(component);
      if (child === undefined) {
        child = new Node(node, component);
        node.children.set(component, child);
        this.#nodeCount++;
      }
      node = child;
    }
    node.value = value;
  }

  delete(topic: string): boolean {
    let node = this.#walk(topic.split("."));
    if (node === null || node.value === null) return false;
    node.value = null;
    while (node.parent !== null && node.value === null && (node.children?.size ?? 0) === 0) {
      node.parent.children?.delete(node.component);
      this.#nodeCount--;
      node = node.parent;
    }
    return true;
  }

  /**
   * The values of all topics that match, in the order in which their components were first seen; null after each step that found
   * none, so that a caller can bound its work. The tree may change meanwhile: what is there all the time is found once, what is
   * taken away is not, what is added may be.
   */
  *matching(match: Match, uri: string): Generator<T | null, undefined> {
    if (match === Match.exact) yield this.get(uri);
    else if (match === Match.prefix) yield* this.#prefix(uri.split("."));
    else yield* this.#wildcard(uri.split("."));
  }

  #walk(components: readonly string[]): Node<T> | null {
    let node: Node<T> = this.#root;
    for (const component of components) {
      const child = node.children?.get(component);
      if (child === undefined) return null;
      node = child;
    }
    return node;
  }

  *#prefix(components: string[]): Generator<T | null, undefined> {
    const start = components.pop()!;
    for (const node of this.#walk(components)?.children?.values() ?? []) {
      if (node.component.startsWith(start)) yield* this.#below(node);
      else yield null;
    }
  }

  /** The node's own value and all below it. */
  *#below(top: Node<T>): Generator<T | null, undefined> {
    const open: Nodes<T>[] = [[top].values()];
    for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
      const { value: node } = level.next();
      if (node === undefined) {
        open.pop();
        continue;
      }
      yield node.value;
      if (node.children !== null) open.push(node.children.values());
    }
  }

  *#wildcard(components: readonly string[]): Generator<T | null, undefined> {
    const open: Nodes<T>[] = [candidates(this.#root, components[0]!)];
    for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
      const { value: node } = level.next();
      if (node === undefined) {
        open.pop();
        continue;
      }
      if (open.length === components.length) yield node.value;
      else {
        yield null;
        open.push(candidates(node, components[open.length]!));
      }
    }
  }
}

/** The children that a component of a wildcard pattern stands for: the one of that name, or for an empty one all. */
function candidates<T>(node: Node<T>, component: string): Nodes<T> {
  const { children } = node;
  if (children === null) return ([] as Node<T>[]).values();
  if (component === "") return children.values();
  const child = children.get(component);
  return (child === undefined ? [] : [child]).values();
}
