/** What the runtimes' test reports say: each test that stands for itself, with the names of the suites around it. */

export type Status = "passed" | "failed" | "skipped";

export interface TestResult {
  /** Names of the containing suites, outermost first, then the test's own. */
  readonly path: readonly string[];
  readonly status: Status;
  /** The test file it is in, where the report says so (always, for a failure). */
  readonly file?: string;
}

interface Read {
  path: string[];
  status: Status;
  file?: string;
}

const tapLine = /^( *)(ok|not ok) \d+ - (.*)$/;
const directive = /^(.*) # (SKIP|TODO)\b.*$/;

/**
 * TAP as Node writes it. A test comes behind its subtests, which are four columns deeper; one that has any is no result of its
 * own, unless it failed by itself.
 */
export function parseTap(text: string): TestResult[] {
  const results: TestResult[] = [];
  /** Per depth: results whose parent has not come yet. */
  const open: Read[][] = [];
  let diagnostics = "";
  let last: Read | undefined;
  for (const line of text.split("\n")) {
    if (diagnostics !== "") {
      // Messages of failures may look like results.
      if (line === `${diagnostics}...`) diagnostics = "";
      const [, file] = /^ *location: '(.*):\d+:\d+'$/.exec(line) ?? [];
      if (file !== undefined && last?.status === "failed") last.file ??= file;
      continue;
    }
    const [start] = /^ *(?=---$)/.exec(line) ?? [];
    if (start !== undefined) {
      diagnostics = start;
      continue;
    }
    const [, indent, word, rest] = tapLine.exec(line) ?? [];
    if (indent === undefined || word === undefined || rest === undefined) continue;
    const depth = indent.length / 4;
    const [, named, mark] = directive.exec(rest) ?? [];
    const name = (named ?? rest).replace(/\\([#\\])/g, "$1");
    const found = open[depth + 1] ?? [];
    open[depth + 1] = [];
    for (const child of found) child.path.unshift(name);
    const status = mark !== undefined ? "skipped" : word === "ok" ? "passed" : "failed";
    const explained = status === "failed" && found.some((child) => child.status === "failed");
    last = undefined;
    if (found.length === 0 || (status === "failed" && !explained)) {
      last = { path: [name], status };
      found.push(last);
    }
    if (depth === 0) results.push(...found);
    else open[depth] = [...(open[depth] ?? []), ...found];
  }
  return results;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
const plain = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return entities[name] ?? whole;
  });
const attribute = (tag: string, name: string): string =>
  plain(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");

/** JUnit XML as Bun writes it. The outermost suite is the file. */
export function parseJunit(text: string): TestResult[] {
  const results: TestResult[] = [];
  const suites: string[] = [];
  let current: Read | null = null;
  for (const [tag, kind] of text.matchAll(
    /<\/?(testsuite|testcase|failure|error|skipped)\b(?:"[^"]*"|[^">])*>/g,
  )) {
    if (kind === "testsuite") {
      if (tag.startsWith("</")) suites.pop();
      else if (!tag.endsWith("/>")) suites.push(attribute(tag, "name"));
    } else if (kind === "testcase") {
      if (tag.startsWith("</")) continue;
      const path = [...suites.slice(1), attribute(tag, "name")];
      const file = attribute(tag, "file");
      current = { path, status: "passed", ...(file === "" ? {} : { file }) };
      results.push(current);
    } else if (current !== null && !tag.startsWith("</")) {
      current.status = kind === "skipped" ? "skipped" : "failed";
    }
  }
  return results;
}
