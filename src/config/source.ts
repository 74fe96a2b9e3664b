/**
 * A configuration text, YAML or JSON (which is YAML), as a value that remembers where each part of it stands. Environment
 * variables in its strings are filled in where the caller says so. Control path; never throws for what the text says.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from "yaml";
import { fixedLimits } from "../base/limits.ts";
import { expandVariables } from "./environment.ts";
import type { Finding, Path, Problem } from "./problems.ts";

export interface SourceOptions {
  /** As problems name it. */
  readonly file: string;
  readonly text: string;
  /** Fills in `${NAME}` in string values; absent: they stay as they are. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Aliases (`*name`) that one text may use, counted with what they stand for. Beyond: a problem. */
const aliases_max = 100;

/** Messages show so much of a wrong value at most. */
const shownLength = 64;

interface Parsed {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

export class Source {
  readonly file: string;
  /** Undefined: the text is no YAML. */
  readonly value: unknown;
  /** What is wrong with the text itself, and the variables that are not set. */
  readonly problems: readonly Problem[];
  readonly #text: string;
  /** What strings with variables have become, and what stands there for it. */
  readonly #filled = new Map<string, string>();
  #parsed: Parsed | undefined;

  constructor({ file, text, environment }: SourceOptions) {
    this.file = file;
    this.#text = text;
    const json = environment === undefined ? fromJson(text) : undefined;
    if (json !== undefined) {
      // Building a tree of a large file takes seconds; it is only needed to say where something is wrong.
      this.value = json.value;
      this.problems = [];
      return;
    }
    const problems = this.#syntaxProblems();
    this.problems = problems;
    if (problems.length > 0) return;
    if (environment !== undefined) problems.push(...this.#expand(environment));
    this.value = this.#toValue(problems);
  }

  /** Where a finding stands: the value at its path, its key, or the nearest there is around it. */
  locate(finding: Finding): Problem {
    const { document } = this.#parse();
    let node: Node | null = document.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const [depth, step] of finding.path.entries()) {
      const found = childAt(resolved(node, document), step);
      if (found === undefined) break;
      const last = depth === finding.path.length - 1;
      const place = (last && finding.atKey === true) || found.value === null ? found.key : found.value;
      offset = place?.range?.[0] ?? offset;
      node = found.value;
    }
    return this.#problemAt(offset, finding.path, this.#withoutValues(finding));
  }

  /** What is wrong in a realm is said with the wrong value; one that came from a variable may be a secret in the wrong place. */
  #withoutValues({ path, message }: Finding): string {
    if (path[0] !== "realms" && typeof path[0] !== "number") return message;
    let told = message;
    for (const [text, written] of this.#filled)
      for (const whole of [text, text.toLowerCase()])
        for (const part of [whole, whole.slice(0, shownLength), JSON.stringify(whole).slice(1, -1)]) {
          // A short one is in many words by chance.
          const quote = part.length < 6 ? '"' : "";
          told = told.replaceAll(`${quote}${part}${quote}`, () => `${quote}${written}${quote}`);
        }
    return told;
  }

  #parse(): Parsed {
    if (this.#parsed === undefined) {
      const lines = new LineCounter();
      const document = parseDocument(this.#text, { lineCounter: lines, prettyErrors: false });
      this.#parsed = { document, lines };
    }
    return this.#parsed;
  }

  #problemAt(offset: number, path: Path, message: string): Problem {
    const { line, col } = this.#parse().lines.linePos(offset);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), path, message };
  }

  #syntaxProblems(): Problem[] {
    const { document } = this.#parse();
    const problems = [...document.errors, ...document.warnings].map(({ pos, message }) =>
      this.#problemAt(pos[0], [], message),
    );
    visit(document, {
      Alias: (_key, alias) => {
        if (alias.resolve(document) === undefined)
          problems.push(this.#problemAt(alias.range?.[0] ?? 0, [], `no anchor &${alias.source} before it`));
      },
    });
    return problems;
  }

  #expand(environment: NonNullable<SourceOptions["environment"]>): Problem[] {
    const { document } = this.#parse();
    const problems: Problem[] = [];
    visit(document, {
      Scalar: (key, scalar, ancestors) => {
        if (key === "key" || typeof scalar.value !== "string") return;
        const { text, problem } = expandVariables(scalar.value, environment);
        if (problem !== undefined) {
          const path = pathOf(ancestors, scalar);
          problems.push(this.#problemAt(scalar.range?.[0] ?? 0, path, problem));
        } else if (text !== scalar.value) {
          this.#filled.set(text, scalar.value);
          scalar.value = scalar.type === Scalar.PLAIN ? plainValue(text) : text;
        }
      },
    });
    return problems;
  }

  #toValue(problems: Problem[]): unknown {
    try {
      return this.#parse().document.toJS({ maxAliasCount: aliases_max });
    } catch (cause) {
      const message =
        cause instanceof ReferenceError
          ? `its aliases stand for too much (${aliases_max} at most)`
          : "it is nested too deeply";
      problems.push(this.#problemAt(0, [], message));
      return undefined;
    }
  }
}

/** Undefined: not JSON. */
function fromJson(text: string): { readonly value: unknown } | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** An unquoted text means what it would mean if it stood there: `port: ${PORT}` is a number. */
function plainValue(text: string): unknown {
  if (!/^(true|false|null|[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?)$/.test(text)) return text;
  return text.startsWith("+") ? Number(text) : (parseDocument(text).toJS() as unknown);
}

const resolved = (node: Node | null, document: Document): Node | null =>
  isAlias(node) ? (node.resolve(document) ?? null) : node;

interface Child {
  readonly key: Node | null;
  readonly value: Node | null;
}

function childAt(node: Node | null, step: string | number): Child | undefined {
  if (isSeq(node)) {
    const value = node.items[Number(step)] as Node | undefined;
    return value === undefined ? undefined : { key: value, value };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  return pair === undefined ? undefined : { key: pair.key as Node, value: pair.value as Node | null };
}

/** The path of a scalar, from what stands above it in the tree. */
function pathOf(ancestors: readonly unknown[], scalar: unknown): Path {
  const path: (string | number)[] = [];
  for (const [depth, above] of ancestors.entries()) {
    const below = ancestors[depth + 1] ?? scalar;
    if (isPair(above) && isScalar(above.key)) path.push(String(above.key.value));
    else if (isCollection(above) && isSeq(above)) path.push(above.items.indexOf(below));
  }
  return path;
}

/** What is wrong with a file before it is read further; undefined: nothing. */
export function sizeProblem(bytes: number): string | undefined {
  if (bytes <= fixedLimits.configBytes_max) return undefined;
  return `the file has ${bytes} bytes; ${fixedLimits.configBytes_max} are allowed`;
}
